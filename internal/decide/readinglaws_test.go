package decide_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/usher-id/usher"
)

var lawsOfReading = []law{
	{"the same world is always decided alike", func(w world, d usher.Decision) string {
		return when(!reflect.DeepEqual(w.decide(), d), "it is not")
	}},
	{"an answer taken away changes nothing, leaves a value alone that must be unique, or denies with snapshot.incomplete", func(w world, d usher.Decision) string {
		for i, a := range w.facts.Answers {
			less := w
			less.facts.Answers = slices.Delete(slices.Clone(w.facts.Answers), i, i+1)
			now := less.decide()
			if a.Question.Kind == usher.AskHolders && now.Verdict == d.Verdict && now.User == d.User && d.Verdict != usher.VerdictCreate && len(written(now)) <= len(written(d)) {
				continue
			}
			if now.Reason != usher.ReasonSnapshotIncomplete && !reflect.DeepEqual(now, d) {
				return "without " + string(a.Question.Kind) + " it is " + string(now.Reason)
			}
		}
		return ""
	}},
	{"Decide reads nothing that Needs did not ask, nor what Needs said need not be read", func(w world, d usher.Decision) string {
		needs := w.needs()
		linked := w.facts.Answer(w.askLink()).Account != nil
		less := w
		less.facts.Answers = nil
		for _, a := range w.facts.Answers {
			if slices.Contains(needs, a.Question) && (!linked || !a.Question.IfUnlinked) && (linked || !a.Question.IfLinked) {
				less.facts.Answers = append(less.facts.Answers, a)
			}
		}
		return when(!reflect.DeepEqual(less.decide(), d), "it does")
	}},
	{"where Needs asks nothing nobody comes in or is asked, and every question is asked once", func(w world, d usher.Decision) string {
		needs := w.needs()
		for i, q := range needs {
			if slices.Contains(needs[:i], q) {
				return "twice: " + string(q.Kind)
			}
		}
		return when(len(needs) == 0 && d.Verdict != usher.VerdictDeny, d.Verdict.String())
	}},
	{"once it is done there is nothing more to do, or to ask", func(w world, d usher.Decision) string {
		if !d.Verdict.Admits() {
			return ""
		}
		after := apply(w, d)
		again := after.decide()
		want := usher.ReasonUnchanged
		if d.Verdict == usher.VerdictPassThrough || d.Reason == usher.ReasonLocal {
			want = d.Reason
		}
		for _, c := range again.Changes {
			notice := c.Op == usher.OpTell && slices.Contains([]string{"grant.shielded", "attribute.conflict", "provision.skipped"}, c.Name)
			if c.Op != usher.OpLogin && !notice {
				return "again " + string(c.Op) + " " + c.Name
			}
		}
		return when(again.Reason != want || again.User != d.User, string(again.Reason)+" "+string(again.User))
	}},
}

// sameBytes is one more law, apart because it costs the most: a world gives the
// same bytes each time and is left as it was.
func sameBytes(w world) bool {
	before, d := encode([]any{w.policy, w.identity, w.facts, w.answers}), encode(w.decide())
	return bytes.Equal(d, encode(w.decide())) && bytes.Equal(before, encode([]any{w.policy, w.identity, w.facts, w.answers}))
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// apply is the world after a decision, as the ledger and the store would make
// it. Nobody was asked anything in it.
func apply(w world, d usher.Decision) world {
	ask, seen := w.askLink(), w.askSeen()
	link, known := w.facts.Answer(ask), w.facts.Answer(seen)
	account := usher.Account{}
	if a := w.known(d); a != nil && d.Verdict != usher.VerdictCreate {
		account = *a
		account.Attributes = slices.Clone(a.Attributes)
		account.Groups = slices.Clone(a.Groups)
		account.Grants = slices.Clone(a.Grants)
		account.Receipts = slices.Clone(a.Receipts)
	}
	for _, c := range d.Changes {
		w.change(&account, d, c)
		switch c.Op {
		case usher.OpUnlink:
			link.Link = nil
		case usher.OpLink:
			link.Link = &usher.Link{Store: d.Store, User: d.User, Issuer: w.identity.Issuer}
		case usher.OpSeen:
			known.Found, known.Applications = usher.FoundSeveral, append(slices.Clone(known.Applications), c.Name)
		}
	}
	link.Found = usher.FoundNone
	if link.Link != nil {
		link.Found = usher.FoundOne
	}
	home := usher.Answer{}
	if d.User != "" {
		link.Account = &account
		if w.identity.IdP == usher.LocalIdP {
			home = usher.Answer{Question: w.needs()[0], Found: usher.FoundOne, Account: &account}
			link = usher.Answer{Question: ask}
		}
	}
	others := slices.DeleteFunc(slices.Clone(w.facts.Answers), func(a usher.Answer) bool {
		// What was made up for another account's sake says nothing of this one.
		return a.Question == ask || a.Question == seen || a.Question == home.Question || a.Question.IfLinked && d.Verdict != usher.VerdictUpdate
	})
	w.facts.Answers = append(others, link, known, home)
	if d.Reason != usher.ReasonPassStoreDown { // who passed for now is asked again another day
		w.answers = usher.Answers{}
	}
	return w
}

// change makes one change to an account.
func (w world) change(a *usher.Account, d usher.Decision, c usher.Change) {
	ours := usher.Source{Kind: usher.SourceIdP, Name: w.identity.IdP}
	switch c.Op {
	case usher.OpCreateUser:
		*a = usher.Account{ID: d.User, Store: d.Store, Username: c.Name, State: usher.StateActive}
	case usher.OpSetAttribute:
		if c.Source != "" {
			ours = usher.Source{Kind: c.Source, Name: string(d.User)}
		}
		a.Attributes = append(without(a.Attributes, c.Name), usher.Held{Name: c.Name, Values: c.Values, Verified: c.Verified, Source: ours, Intact: true})
	case usher.OpClearAttribute:
		a.Attributes = without(a.Attributes, c.Name)
	case usher.OpJoinGroup:
		a.Groups = append(a.Groups, c.Name)
	case usher.OpLeaveGroup:
		a.Groups = slices.DeleteFunc(a.Groups, func(g string) bool { return g == c.Name })
	case usher.OpSetPassword:
		a.Password = usher.CredentialProven
	case usher.OpDropPassword:
		a.Password = usher.CredentialNone
	case usher.OpGrant:
		a.Grants = append(a.Grants, usher.Grant{Kind: c.Grant, Name: c.Name, Source: ours})
	case usher.OpRevoke:
		a.Grants = slices.DeleteFunc(a.Grants, func(g usher.Grant) bool { return g.Kind == c.Grant && g.Name == c.Name && w.wrote(g.Source) })
	case usher.OpConsent:
		a.Receipts = append(slices.DeleteFunc(a.Receipts, func(r usher.Receipt) bool { return r.Purpose == c.Consent.Purpose }),
			usher.Receipt{Purpose: c.Consent.Purpose, Version: c.Consent.Version, Accepted: c.Consent.Accepted, Attributes: c.Consent.Attributes})
	}
}

func without(attributes []usher.Held, name string) []usher.Held {
	return slices.DeleteFunc(attributes, func(h usher.Held) bool { return h.Name == name })
}
