package decide_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher"
)

func (f *worldFile) readFact(key string, arg, all []string) error {
	switch key {
	case "reserved":
		f.facts.Reserved = usher.UserID(arg[0])
		return nil
	case "link":
		f.facts.Answers = []usher.Answer{parseLink(arg, all)}
		return nil
	case "name":
		a, err := parseName(all)
		f.names = append(f.names, a)
		return err
	case "seen":
		f.seen = parseSeen(all)
		return nil
	}
	if len(f.facts.Answers) == 0 || f.facts.Answers[0].Link == nil {
		return fmt.Errorf("an account needs a link first")
	}
	return f.readAccount(key, all)
}

// parseLink reads: none | several | unknown WHY | to USER in STORE [pending]
func parseLink(arg, all []string) usher.Answer {
	switch arg[0] {
	case "none", "several":
		return usher.Answer{Found: usher.Finding(arg[0])}
	case "to":
		return usher.Answer{Found: usher.FoundOne, Link: &usher.Link{
			User: usher.UserID(all[1]), Store: all[3], Pending: len(all) > 4 && all[4] == "pending",
		}}
	}
	return usher.Answer{Why: arg[1]}
}

// parseName reads: NAME (free as CANONICAL | taken by USER | unfit WHY | unknown WHY)
func parseName(all []string) (usher.Answer, error) {
	if len(all) < 3 {
		return usher.Answer{}, fmt.Errorf("too short")
	}
	a := usher.Answer{Question: usher.Question{Kind: usher.AskUsername, Name: all[0], IfUnlinked: true}}
	switch last := all[len(all)-1]; all[1] {
	case "free":
		a.Found, a.Canonical = usher.FoundNone, last
	case "taken":
		a.Found, a.Canonical, a.User = usher.FoundOne, strings.ToLower(all[0]), usher.UserID(last)
	case "unfit":
		a.Unfit = last
	case "unknown":
		a.Why = last
	default:
		return a, fmt.Errorf("free, taken, unfit or unknown")
	}
	return a, nil
}

// parseSeen reads: none | unknown WHY | APPLICATION ...
func parseSeen(all []string) *usher.Answer {
	switch {
	case all[0] == "none":
		return &usher.Answer{Found: usher.FoundNone}
	case all[0] == "unknown":
		return &usher.Answer{Why: strings.Join(all[1:], " ")}
	case len(all) == 1:
		return &usher.Answer{Found: usher.FoundOne, Applications: all}
	}
	return &usher.Answer{Found: usher.FoundSeveral, Applications: all}
}

// readAccount reads the linked account: account STATE, has, member and grant.
func (f *worldFile) readAccount(key string, all []string) error {
	a := &f.facts.Answers[0]
	if key == "account" {
		a.Account = &usher.Account{ID: a.Link.User, Store: a.Link.Store, Username: "ann", State: usher.AccountState(all[0])}
		return nil
	}
	if a.Account == nil {
		return fmt.Errorf("say account STATE first")
	}
	switch key {
	case "has": // has NAME VALUE ... [verified] by KIND NAME [changed] | by nobody
		a.Account.Attributes = append(a.Account.Attributes, parseHeld(all))
		slices.SortFunc(a.Account.Attributes, func(a, b usher.Held) int { return strings.Compare(a.Name, b.Name) })
	case "member":
		a.Account.Groups = append(a.Account.Groups, all...)
		slices.Sort(a.Account.Groups)
	case "grant": // grant KIND NAME by SOURCE-KIND SOURCE-NAME
		a.Account.Grants = append(a.Account.Grants, usher.Grant{
			Kind: usher.GrantKind(all[0]), Name: all[1], Source: parseSource(all[3:]),
		})
	default:
		return fmt.Errorf("no such word")
	}
	return nil
}

func parseHeld(all []string) usher.Held {
	by := slices.Index(all, "by")
	h := usher.Held{Name: all[0], Values: all[1:by], Source: parseSource(all[by+1:]), Intact: !slices.Contains(all[by:], "changed")}
	if n := len(h.Values); h.Values[n-1] == "verified" {
		h.Verified, h.Values = true, h.Values[:n-1]
	}
	return h
}

func parseSource(all []string) usher.Source {
	if all[0] == "nobody" {
		return usher.Source{}
	}
	return usher.Source{Kind: usher.SourceKind(all[0]), Name: all[1]}
}

// told is a decision as the section want of a world writes it.
func told(d usher.Decision) []string {
	head := d.Verdict.String() + " " + string(d.Reason)
	if d.User != "" || d.Store != "" {
		head += " " + string(d.User) + " in " + d.Store
	}
	out := []string{head}
	for _, c := range d.Changes {
		out = append(out, toldChange(c))
	}
	for _, a := range d.Assumes {
		out = append(out, toldAssumption(a))
	}
	return out
}

func toldChange(c usher.Change) string {
	var b strings.Builder
	b.WriteString(string(c.Op))
	for _, word := range []string{string(c.Grant), c.Name} {
		if word != "" {
			b.WriteString(" " + word)
		}
	}
	b.WriteString(quotedAll(c.Values))
	if c.Verified {
		b.WriteString(" verified")
	}
	if c.Rule != "" {
		b.WriteString(" by " + c.Rule)
	}
	return b.String()
}

func toldAssumption(a usher.Assumption) string {
	var b strings.Builder
	b.WriteString("assuming " + string(a.Kind))
	if a.Name != "" {
		b.WriteString(" " + a.Name)
	}
	if a.User != "" {
		b.WriteString(" of " + string(a.User))
	}
	if a.Store != "" {
		b.WriteString(" in " + a.Store)
	}
	if len(a.Values) > 0 {
		b.WriteString(" is" + quotedAll(a.Values))
	}
	return b.String()
}

func quotedAll(values []string) string {
	var b strings.Builder
	for _, v := range values {
		b.WriteString(" " + strconv.Quote(v))
	}
	return b.String()
}
