package decide_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher"
)

func (f *worldFile) readFact(key string, arg, all []string) error {
	var a usher.Answer
	var err error
	switch key {
	case "reserved":
		f.facts.Reserved = usher.UserID(arg[0])
		return nil
	case "link":
		a = parseLink(arg, all)
	case "name":
		a, err = parseName(all)
	case "seen":
		a = parseSeen(all)
	case "holder": // holder ATTRIBUTE VALUE in STORE WHO
		a, err = parseWho(usher.Question{Kind: usher.AskHolders, Name: all[0], Value: all[1], Store: all[3], IfUnlinked: f.identity.IdP != usher.LocalIdP}, all[4:])
	case "other": // other ATTRIBUTE VALUE WHO: who else than the linked account
		a, err = parseWho(usher.Question{Kind: usher.AskHolders, Name: all[0], Value: all[1], IfLinked: true}, all[2:])
	case "home": // home WHO
		home := f.identity.Home
		a, err = parseWho(usher.Question{Kind: usher.AskAccount, Store: home.Store, User: home.User}, all)
	default:
		return f.readAccount(key, all)
	}
	f.read = append(f.read, a)
	return err
}

// parseLink reads: none | several | unknown WHY | to USER in STORE [pending] [by ISSUER]
func parseLink(arg, all []string) usher.Answer {
	a := usher.Answer{Question: usher.Question{Kind: usher.AskLink}}
	switch arg[0] {
	case "none", "several":
		a.Found = usher.Finding(arg[0])
	case "to":
		a.Found = usher.FoundOne
		a.Link = &usher.Link{User: usher.UserID(all[1]), Store: all[3], Pending: slices.Contains(all, "pending")}
		if by := slices.Index(all, "by"); by > 0 {
			a.Link.Issuer = all[by+1]
		}
	default:
		a.Why = arg[1]
	}
	return a
}

// parseName reads: NAME (free as CANONICAL | taken by USER | unfit WORD | unknown WHY | down)
func parseName(all []string) (usher.Answer, error) {
	a := usher.Answer{Question: usher.Question{Kind: usher.AskUsername, Name: all[0]}}
	switch last := all[len(all)-1]; all[1] {
	case "free":
		a.Found, a.Canonical = usher.FoundNone, last
	case "taken":
		a.Found, a.Canonical, a.User = usher.FoundOne, strings.ToLower(all[0]), usher.UserID(last)
	case "unfit":
		a.Unfit = usher.Unfit(last)
	case "unknown":
		a.Why = last
	case "down":
		a.Why, a.Down = "unavailable", true
	default:
		return a, fmt.Errorf("free, taken, unfit, unknown or down")
	}
	return a, nil
}

// parseWho reads: none | several | unknown WHY | down | USER
func parseWho(q usher.Question, all []string) (usher.Answer, error) {
	a := usher.Answer{Question: q}
	switch {
	case len(all) == 0:
		return a, fmt.Errorf("who?")
	case all[0] == "none" || all[0] == "several":
		a.Found = usher.Finding(all[0])
	case all[0] == "unknown":
		a.Why = strings.Join(all[1:], " ")
	case all[0] == "down":
		a.Why, a.Down = "unavailable", true
	default:
		a.Found, a.User = usher.FoundOne, usher.UserID(all[0])
	}
	return a, nil
}

// parseSeen reads: none | unknown WHY | APPLICATION ...
func parseSeen(all []string) usher.Answer {
	a := usher.Answer{Question: usher.Question{Kind: usher.AskSeen}}
	switch {
	case all[0] == "none":
		a.Found = usher.FoundNone
	case all[0] == "unknown":
		a.Why = strings.Join(all[1:], " ")
	case len(all) == 1:
		a.Found, a.Applications = usher.FoundOne, all
	default:
		a.Found, a.Applications = usher.FoundSeveral, all
	}
	return a
}

// readAccount reads the account of the answer before: account STATE first, then
// what it has.
func (f *worldFile) readAccount(key string, all []string) error {
	if len(f.read) == 0 {
		return fmt.Errorf("say whose account it is first")
	}
	last := &f.read[len(f.read)-1]
	a := last.Account
	if key == "account" {
		a = &usher.Account{ID: last.User, Store: last.Question.Store, Username: "ann", State: usher.AccountState(all[0])}
		if last.Link != nil {
			a.ID, a.Store = last.Link.User, last.Link.Store
		}
		if len(all) > 1 { // account STATE in STORE
			a.Store = all[2]
		}
		last.Account = a
		return nil
	}
	if a == nil {
		return fmt.Errorf("say account STATE first")
	}
	switch key {
	case "has": // has NAME VALUE ... [verified] by KIND NAME [changed] | by nobody
		a.Attributes = append(a.Attributes, parseHeld(all))
		slices.SortFunc(a.Attributes, func(a, b usher.Held) int { return strings.Compare(a.Name, b.Name) })
	case "member":
		a.Groups = append(a.Groups, all...)
		slices.Sort(a.Groups)
	case "grant": // grant KIND NAME by SOURCE-KIND SOURCE-NAME
		a.Grants = append(a.Grants, usher.Grant{Kind: usher.GrantKind(all[0]), Name: all[1], Source: parseSource(all[3:])})
	case "password":
		a.Password = usher.Credential(all[0])
	case "links":
		a.Links = all
	case "receipt": // receipt PURPOSE VERSION (accepted | refused) ATTRIBUTE ...
		r := usher.Receipt{ID: "r-" + all[0], Purpose: all[0], Accepted: all[2] == "accepted", Attributes: all[3:]}
		r.Version, _ = strconv.Atoi(all[1])
		a.Receipts = append(a.Receipts, r)
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
	for _, p := range d.Prompts {
		out = append(out, toldPrompt(p))
	}
	for _, c := range d.Changes {
		out = append(out, toldChange(c))
	}
	for _, a := range d.Assumes {
		out = append(out, toldAssumption(a))
	}
	return out
}

// line is words with spaces between them; empty ones are left out.
func line(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

func toldPrompt(p usher.Prompt) string {
	version := ""
	if p.Kind == usher.PromptConsent {
		version = "version " + strconv.Itoa(p.Version)
	}
	return line("asking", string(p.Kind), p.Name, version, after("of", string(p.User)), after("in", p.Store),
		after("proposing", quotedAll(p.Value)), after("by", strings.Join(p.Ways, " or ")),
		after("again:", string(p.Problem)), ifSo(p.Claim, "or claim it"))
}

func toldChange(c usher.Change) string {
	consent := ""
	if c.Consent != nil {
		consent = line(c.Consent.Purpose, "version "+strconv.Itoa(c.Consent.Version), ifSo(c.Consent.Accepted, "accepted"), ifSo(!c.Consent.Accepted, "refused"),
			after("with", strings.Join(c.Consent.Attributes, " ")), after("in", c.Consent.Language), after("under", c.Consent.PolicyURL))
	}
	return line(string(c.Op), string(c.Grant), c.Name, quotedAll(c.Values...), consent, ifSo(c.Verified, "verified"),
		after("from the", string(c.Source)), after("by", c.Rule))
}

func toldAssumption(a usher.Assumption) string {
	return line("assuming", string(a.Kind), a.Name, after("of", string(a.User)), after("in", a.Store),
		after("is", quotedAll(a.Values...)), ifSo(a.Verified, "verified"))
}

// after is a value with a word before it, or nothing.
func after(word, value string) string {
	if value == "" {
		return ""
	}
	return word + " " + value
}

func ifSo(so bool, word string) string {
	if so {
		return word
	}
	return ""
}

func quotedAll(values ...string) string {
	if len(values) == 1 && values[0] == "" {
		return ""
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = strconv.Quote(v)
	}
	return strings.Join(quoted, " ")
}
