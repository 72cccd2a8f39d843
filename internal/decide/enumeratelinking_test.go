package decide_test

import (
	"testing"

	"github.com/usher-id/usher"
)

// all does several things to a world.
func all(things ...func(*world)) func(*world) {
	return func(w *world) {
		for _, do := range things {
			do(w)
		}
	}
}

// matchWorld is a world with a match rule for addresses in two stores.
func matchWorld() world {
	w := markedWorld()
	w.policy.Stores = append(w.policy.Stores, usher.StorePolicy{Toggle: usher.Toggle{Name: "CORP", Enabled: true}})
	w.policy.Privileged = []string{"group/admins", "role/admin"}
	w.policy.JIT.VouchesFor = []string{"contoso.test"}
	w.policy.JIT.Match = []usher.MatchRule{{Attribute: "email", Local: "email", Stores: []string{usher.PrimaryStore}, When: usher.MatchConfirm}}
	w.policy.JIT.Sync = usher.Sync{Attributes: usher.SyncOverride, Groups: usher.GroupsOwn, RoleMap: map[string][]string{"~eng": {"admin", "approver"}}}
	w.identity.Groups = usher.Derived{Presence: usher.PresenceSet, Values: []string{"~eng"}}
	w.identity.Attributes[0].Values, w.identity.Attributes[0].Verified = []string{"~Ann@contoso.test"}, true
	return w
}

// theirs is an account that holds the address, as a rule finds it.
func theirs(changes ...func(a *usher.Account)) *usher.Account {
	a := &usher.Account{
		ID: "u7", Store: usher.PrimaryStore, Username: "ann", State: usher.StateActive,
		Attributes: []usher.Held{{Name: "email", Values: []string{"~ann@contoso.test"}, Verified: true, Source: usher.Source{Kind: usher.SourceAdmin, Name: "root"}, Intact: true}},
	}
	for _, change := range changes {
		change(a)
	}
	return a
}

// found answers who has the address in PRIMARY, and holders who has a value by
// its name and store; of anything else nobody has it.
func found(a usher.Answer) func(*world) {
	return holders(map[string]usher.Answer{"email in PRIMARY": a})
}

func holders(answers map[string]usher.Answer) func(*world) {
	return heldBy(func(q usher.Question) usher.Answer {
		if a, ok := answers[q.Name+" in "+q.Store]; ok {
			return a
		}
		return usher.Answer{Found: usher.FoundNone}
	})
}

func one(a *usher.Account) usher.Answer {
	return usher.Answer{Found: usher.FoundOne, User: a.ID, Account: a}
}

// everyAccount is every account that a rule can find: states, flags, what makes
// it privileged, and how it can be proved.
func everyAccount() vary {
	out := vary{
		found(usher.Answer{Found: usher.FoundNone}), found(usher.Answer{Found: usher.FoundSeveral}), found(usher.Answer{}),
		found(usher.Answer{Down: true}), found(usher.Answer{Found: usher.FoundOne, User: "u7"}), found(usher.Answer{Found: "two"}),
	}
	states := []usher.AccountState{usher.StateActive, usher.StateDisabled, usher.StateLocked, usher.StatePending, usher.StateExpired, ""}
	flags := []func(*usher.Account){
		func(*usher.Account) {},
		func(a *usher.Account) { a.Attributes[0].Verified = false },
		func(a *usher.Account) { a.Attributes[0].Values = []string{"~other@contoso.test"} },
		func(a *usher.Account) { a.Attributes = nil },
	}
	holdings := []func(*usher.Account){
		func(a *usher.Account) { a.Groups = []string{"staff"} },
		func(a *usher.Account) { a.Groups = []string{"admins"} },
		func(a *usher.Account) {
			a.Grants = []usher.Grant{{Kind: usher.GrantRole, Name: "admin", Source: usher.Source{Kind: usher.SourceIdP, Name: "contoso"}}}
		},
	}
	proofs := []func(*usher.Account){
		func(*usher.Account) {},
		func(a *usher.Account) { a.Password = usher.CredentialProven },
		func(a *usher.Account) {
			a.Password, a.Links = usher.CredentialUnproven, []string{"contoso", "fabrikam"}
		},
	}
	for _, state := range states[2:] { // one state that is not active stands for all below
		out = append(out, found(one(theirs(func(a *usher.Account) { a.State = state }, proofs[1]))))
	}
	for _, state := range states[:2] {
		for _, flag := range flags {
			for _, holding := range holdings {
				for _, proof := range proofs {
					out = append(out, found(one(theirs(func(a *usher.Account) { a.State = state }, flag, holding, proof))))
				}
			}
		}
	}
	return out
}

func matchedWhen(m usher.MatchWhen) func(*world) {
	return func(w *world) { w.policy.JIT.Match[0].When = m }
}

func proved(kind usher.ProofKind, store string, user usher.UserID, at usher.Instant) func(*world) {
	return func(w *world) {
		w.answers.Policy = w.policy.Version
		w.answers.Proof = &usher.Proof{Kind: kind, Store: store, User: user, At: at}
	}
}

func sentAddress(change func(a *usher.Attribute)) func(*world) {
	return func(w *world) { change(&w.identity.Attributes[0]) }
}

// TestEveryWorldOfAMatch: link rules, flags on both sides, states, privileges
// and proofs.
func TestEveryWorldOfAMatch(t *testing.T) {
	t.Parallel()
	every(t, matchWorld,
		vary{matchedWhen(usher.MatchAuto), matchedWhen(usher.MatchConfirm), matchedWhen(usher.MatchNever), matchedWhen("maybe"),
			all(matchedWhen(usher.MatchAuto), func(w *world) { w.policy.JIT.VouchesFor = []string{"fabrikam.test", "CONTOSO.TEST"} })},
		vary{nothing, sentAddress(func(a *usher.Attribute) { a.Verified = false }),
			sentAddress(func(a *usher.Attribute) { a.Values = append(a.Values, "~b@contoso.test") }),
			sentAddress(func(a *usher.Attribute) { a.Presence, a.Values = usher.PresenceNull, nil }),
			sentAddress(func(a *usher.Attribute) { a.Values = []string{"~ann@sub@contoso.test"} })},
		vary{nothing, proved(usher.ProofPassword, usher.PrimaryStore, "u7", now), proved(usher.ProofLink, usher.PrimaryStore, "u7", now-600*usher.Second),
			proved(usher.ProofPassword, usher.PrimaryStore, "u8", now), proved(usher.ProofPassword, usher.PrimaryStore, "u7", now-601*usher.Second)},
		vary{linked(usher.FoundNone, nil, nil)}, vary{seen(usher.FoundOne, "shop")}, vary{named(free)},
		everyAccount(),
	)
}

// TestEveryWorldAroundAMatch: stores, links, rules and asking modes around the
// accounts that can be linked.
func TestEveryWorldAroundAMatch(t *testing.T) {
	t.Parallel()
	asks := func(way usher.Way, answers ...func(*world)) func(*world) {
		return all(append([]func(*world){func(w *world) {
			w.policy.JIT.Ask = way
			w.policy.Purposes = []usher.Purpose{{Name: "account", Version: 1, Mandatory: true, Attributes: []usher.PurposeAttribute{{Name: "email"}}}}
			w.answers.Policy = w.policy.Version
		}}, answers...)...)
	}
	agrees := func(w *world) {
		w.answers.Consents = []usher.Consent{{Purpose: "account", Version: 1, Accepted: true, Attributes: []string{"email"}}}
		w.answers.Username, w.answers.Password = "~bee", true
	}
	second := func(w *world) {
		w.policy.JIT.Match = append(w.policy.JIT.Match, usher.MatchRule{Attribute: "employee", Local: "number", Stores: []string{"CORP"}, When: usher.MatchConfirm})
		w.identity.Attributes = append(w.identity.Attributes, usher.Attribute{Name: "employee", Verified: true, Derived: usher.Derived{Presence: usher.PresenceSet, Values: []string{"~E1"}}})
	}
	number := func(value string) usher.Answer {
		return one(&usher.Account{ID: "u6", Store: "CORP", State: usher.StateActive, Password: usher.CredentialProven, Attributes: []usher.Held{{Name: "number", Values: []string{value}}}})
	}
	none := usher.Answer{Found: usher.FoundNone}
	unproven := one(theirs(func(a *usher.Account) { a.Password = usher.CredentialUnproven }))
	unverified := one(theirs(func(a *usher.Account) { a.Attributes[0].Verified, a.Links = false, []string{"fabrikam"} }))
	var whoHas vary
	for _, w := range [][2]usher.Answer{{none, none}, {none, number("~E1")}, {none, number("~e1")}, {{Down: true}, none},
		{unproven, none}, {unproven, number("~E1")}, {unverified, none}} {
		whoHas = append(whoHas, holders(map[string]usher.Answer{"email in PRIMARY": w[0], "number in CORP": w[1]}))
	}
	every(t, matchWorld,
		vary{matchedWhen(usher.MatchAuto), matchedWhen(usher.MatchConfirm), matchedWhen(usher.MatchNever)},
		vary{nothing, func(w *world) { w.primary().Enabled = false }, func(w *world) { w.primary().ReadOnly = true },
			func(w *world) { w.primary().Unique = []string{"email"} }, func(w *world) { w.policy.JIT.Match[0].Stores = []string{"CORP", usher.PrimaryStore} }},
		vary{nothing, set(func(j *usher.JIT) { j.Enabled = false }), set(func(j *usher.JIT) { j.NoMatch = usher.NoMatchDeny }),
			set(func(j *usher.JIT) { j.NoMatch, j.OnFailure = usher.NoMatchPassThrough, usher.FailurePassThrough })},
		vary{nothing, asks(usher.WayConsent), asks(usher.WayConsent, agrees), asks(usher.WayPasswordConsent, agrees), asks(usher.WayUsername), asks(usher.WayUsername, agrees)},
		vary{nothing, proved(usher.ProofPassword, usher.PrimaryStore, "u7", now)},
		vary{linked(usher.FoundNone, nil, nil), linked(usher.FoundOne, to1, nil), linked(usher.FoundOne, to1, account(usher.StateActive))},
		vary{second},
		vary{seen(usher.FoundNone)}, vary{named(free)},
		whoHas,
	)
}
