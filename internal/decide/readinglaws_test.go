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
	{"an answer taken away changes nothing, or denies with snapshot.incomplete", func(w world, d usher.Decision) string {
		for i, a := range w.facts.Answers {
			less := w
			less.facts.Answers = slices.Delete(slices.Clone(w.facts.Answers), i, i+1)
			now := less.decide()
			if now.Reason != usher.ReasonSnapshotIncomplete && !reflect.DeepEqual(now, d) {
				return "without " + string(a.Question.Kind) + " it is " + string(now.Reason)
			}
		}
		return ""
	}},
	{"Decide reads nothing that Needs did not ask, nor what Needs said need not be read", func(w world, d usher.Decision) string {
		needs := w.needs()
		linked := w.account() != nil
		less := w
		less.facts.Answers = nil
		for _, a := range w.facts.Answers {
			if slices.Contains(needs, a.Question) && (!linked || !a.Question.IfUnlinked) {
				less.facts.Answers = append(less.facts.Answers, a)
			}
		}
		return when(!reflect.DeepEqual(less.decide(), d), "it does")
	}},
	{"where Needs asks nothing nobody comes in, and every question is asked once", func(w world, d usher.Decision) string {
		needs := w.needs()
		for i, q := range needs {
			if slices.Contains(needs[:i], q) {
				return "twice: " + string(q.Kind)
			}
		}
		return when(len(needs) == 0 && d.Verdict.Admits(), "admitted")
	}},
	{"once it is done there is nothing more to do", func(w world, d usher.Decision) string {
		if !d.Verdict.Admits() {
			return ""
		}
		after := apply(w, d)
		again := after.decide()
		want, left := usher.ReasonUnchanged, []usher.ChangeOp{usher.OpLogin}
		if d.Verdict == usher.VerdictPassThrough {
			want, left = d.Reason, nil
		}
		for _, c := range again.Changes {
			if !slices.Contains(left, c.Op) {
				return "again " + string(c.Op)
			}
		}
		return when(again.Reason != want || again.User != d.User, string(again.Reason)+" "+string(again.User))
	}},
}

// sameBytes is one more law, apart because it costs the most: a world gives the
// same bytes each time and is left as it was.
func sameBytes(w world) bool {
	before, d := encode([]any{w.policy, w.identity, w.facts}), encode(w.decide())
	return bytes.Equal(d, encode(w.decide())) && bytes.Equal(before, encode([]any{w.policy, w.identity, w.facts}))
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// apply is the world after a decision, as the ledger and the store would make it.
func apply(w world, d usher.Decision) world {
	ask, seen := w.askLink(), w.askSeen()
	link := w.facts.Answer(ask)
	known := w.facts.Answer(seen)
	account := usher.Account{}
	if link.Account != nil {
		account = *link.Account
		account.Attributes = slices.Clone(account.Attributes)
		account.Groups = slices.Clone(account.Groups)
		account.Grants = slices.Clone(account.Grants)
	}
	ours := usher.Source{Kind: usher.SourceIdP, Name: w.identity.IdP}
	for _, c := range d.Changes {
		switch c.Op {
		case usher.OpCreateUser:
			account = usher.Account{ID: d.User, Store: d.Store, Username: c.Name, State: usher.StateActive}
		case usher.OpSetAttribute:
			account.Attributes = append(without(account.Attributes, c.Name), usher.Held{Name: c.Name, Values: c.Values, Verified: c.Verified, Source: ours, Intact: true})
		case usher.OpClearAttribute:
			account.Attributes = without(account.Attributes, c.Name)
		case usher.OpJoinGroup:
			account.Groups = append(account.Groups, c.Name)
		case usher.OpLeaveGroup:
			account.Groups = slices.DeleteFunc(account.Groups, func(g string) bool { return g == c.Name })
		case usher.OpGrant:
			account.Grants = append(account.Grants, usher.Grant{Kind: c.Grant, Name: c.Name, Source: ours})
		case usher.OpRevoke:
			account.Grants = slices.DeleteFunc(account.Grants, func(g usher.Grant) bool {
				return g.Kind == c.Grant && g.Name == c.Name && w.wrote(g.Source)
			})
		case usher.OpUnlink:
			link.Link = nil
		case usher.OpLink:
			link.Link = &usher.Link{Store: d.Store, User: d.User}
		case usher.OpSeen:
			known.Found, known.Applications = usher.FoundSeveral, append(slices.Clone(known.Applications), c.Name)
		}
	}
	link.Found = usher.FoundNone
	if link.Link != nil {
		link.Found = usher.FoundOne
	}
	if d.User != "" {
		link.Account = &account
	}
	others := slices.DeleteFunc(slices.Clone(w.facts.Answers), func(a usher.Answer) bool { return a.Question == ask || a.Question == seen })
	w.facts.Answers = append(others, link, known)
	return w
}

func without(attributes []usher.Held, name string) []usher.Held {
	return slices.DeleteFunc(attributes, func(h usher.Held) bool { return h.Name == name })
}
