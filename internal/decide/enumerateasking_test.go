package decide_test

import (
	"testing"

	"github.com/usher-id/usher"
)

// askWorld is a world where everything can be asked, and nothing is answered.
func askWorld() world {
	w := markedWorld()
	w.policy.Purposes = []usher.Purpose{
		{Name: "account", Version: 1, Mandatory: true, Attributes: []usher.PurposeAttribute{{Name: "email", Mandatory: true}, {Name: "phone"}}},
		{Name: "news", Version: 2, Attributes: []usher.PurposeAttribute{{Name: "city"}, {Name: "phone"}}},
	}
	w.policy.JIT.Require, w.policy.JIT.AskFor = []string{"phone"}, []string{"phone"}
	w.identity.Attributes = append(w.identity.Attributes, usher.Attribute{Name: "city", Derived: usher.Derived{Presence: usher.PresenceSet, Values: []string{"~Cádiz"}}})
	w.identity.Attributes[0], w.identity.Attributes[1] = w.identity.Attributes[1], w.identity.Attributes[0]
	w.answers.Policy = w.policy.Version
	return w
}

func way(ask usher.Way) func(*world) { return func(w *world) { w.policy.JIT.Ask = ask } }

func conflict(c usher.UsernameConflict) func(*world) {
	return func(w *world) { w.policy.JIT.UsernameConflict = c }
}

func said(purpose string, version int, accepted bool, attributes ...string) func(*world) {
	return func(w *world) {
		w.answers.Consents = append(w.answers.Consents, usher.Consent{Purpose: purpose, Version: version, Accepted: accepted, Attributes: attributes, Language: "ar"})
	}
}

func typed(value string) func(*world) {
	return func(w *world) {
		w.answers.Attributes = []usher.Typed{{Name: "admin", Value: "yes"}, {Name: "phone", Value: value}}
	}
}

var consents = vary{
	nothing,
	all(said("account", 1, true, "phone"), said("news", 2, true, "city", "phone", "more")),
	all(said("account", 1, false, "phone"), said("news", 2, true, "city")),
	all(said("account", 1, true), said("news", 2, false)),
	all(said("account", 2, true, "phone"), said("news", 1, false)),
}

// TestEveryWorldOfAsking: the ways of asking, and what the person answers.
func TestEveryWorldOfAsking(t *testing.T) {
	t.Parallel()
	inTheWay := &usher.Account{ID: "u9", Store: usher.PrimaryStore, State: usher.StateActive, Password: usher.CredentialProven}
	taken := usher.Answer{Found: usher.FoundOne, Canonical: "~ann", User: "u9", Account: inTheWay}
	every(t, askWorld,
		vary{way(usher.WaySilent), way(usher.WayConsent), way(usher.WayPasswordConsent), way(usher.WayUsername), way("everything")},
		vary{conflict(usher.ConflictDeny), conflict(usher.ConflictSuffix), conflict(usher.ConflictAsk)},
		vary{nothing, func(w *world) { w.answers.Username = "~bee" }, set(func(j *usher.JIT) { j.NoPrefill = true })},
		vary{nothing, func(w *world) { w.answers.Claim = true }, all(func(w *world) { w.answers.Claim = true }, proved(usher.ProofPassword, usher.PrimaryStore, "u9", now))},
		vary{nothing, func(w *world) { w.answers.Password = true }},
		consents,
		vary{nothing, typed("~+34 600"), typed(" \t")},
		vary{linked(usher.FoundNone, nil, nil)}, vary{seen(usher.FoundNone)},
		vary{named(free), named(func(int) usher.Answer { return taken }), named(func(int) usher.Answer { return usher.Answer{Unfit: usher.UnfitPattern} }),
			named(func(i int) usher.Answer { return []usher.Answer{taken, free(i)}[min(i, 1)] })},
	)
}

// TestEveryWorldOfConsent: people who have an account, what they agreed to
// before and now, and what the account holds.
func TestEveryWorldOfConsent(t *testing.T) {
	t.Parallel()
	receipt := func(purpose string, version int, accepted bool, attributes ...string) func(*world) {
		return func(w *world) {
			a := w.account()
			a.Receipts = append(a.Receipts, usher.Receipt{Purpose: purpose, Version: version, Accepted: accepted, Attributes: attributes})
		}
	}
	holds := func(by usher.Source) func(*world) {
		return func(w *world) {
			w.account().Attributes = []usher.Held{{Name: "phone", Values: []string{"~+34 700"}, Source: by, Intact: true}}
		}
	}
	phone := func(p usher.Presence, values ...string) func(*world) {
		return func(w *world) {
			w.identity.Attributes = append(w.identity.Attributes, usher.Attribute{Name: "phone", Derived: usher.Derived{Presence: p, Values: values}})
		}
	}
	here := func(w *world) {
		w.identity.IdP, w.policy.IdP.Name, w.identity.Subject = usher.LocalIdP, usher.LocalIdP, usher.StringValue("u1")
		w.identity.Home = usher.AccountRef{Store: usher.PrimaryStore, User: "u1"}
		w.policy.JIT.Enabled, w.identity.Attributes = false, nil
		w.facts.Answers = []usher.Answer{{Question: w.needs()[0], Found: usher.FoundOne, Account: account(usher.StateActive)}}
	}
	there := func(w *world) { linked(usher.FoundOne, to1, account(usher.StateActive))(w) }
	every(t, askWorld,
		vary{there, all(there, set(func(j *usher.JIT) { j.Enabled = false })), here},
		vary{way(usher.WayConsent), way(usher.WaySilent)},
		vary{set(func(j *usher.JIT) { j.Sync.Attributes = usher.SyncOverride }), set(func(j *usher.JIT) { j.Sync.Attributes, j.Sync.Protected = usher.SyncNone, []string{"phone"} }),
			set(func(j *usher.JIT) { j.Sync.Attributes, j.Sync.Protected = usher.SyncOverride, []string{"phone"} })},
		vary{nothing, set(func(j *usher.JIT) { j.Require = nil }), func(w *world) { w.primary().ReadOnly, w.policy.Application.Requires = true, []string{"phone"} }},
		vary{nothing, receipt("account", 1, true), all(receipt("account", 1, true, "phone"), receipt("news", 2, false)), all(receipt("account", 1, false), receipt("news", 2, true, "phone"))},
		consents,
		vary{nothing, typed("~+34 600")},
		vary{nothing, holds(usher.Source{Kind: usher.SourceIdP, Name: "contoso"}), holds(usher.Source{Kind: usher.SourceUser, Name: "u1"})},
		vary{nothing, phone(usher.PresenceSet, "~+34 800"), phone(usher.PresenceNull)},
	)
}

// TestEveryWorldOfUniqueness: values that one account at most may hold, sent or
// typed, of people who are new, linked or found.
func TestEveryWorldOfUniqueness(t *testing.T) {
	t.Parallel()
	u9 := &usher.Account{ID: "u9", Store: usher.PrimaryStore, State: usher.StateActive}
	start := func() world {
		w := matchWorld()
		w.primary().Unique = []string{"email", "phone"}
		w.policy.JIT.Match[0].Local = "mail"
		w.policy.JIT.AskFor = []string{"phone"}
		w.answers.Policy = w.policy.Version
		return w
	}
	sent := func(verified bool, values ...string) func(*world) {
		return func(w *world) {
			w.identity.Attributes = append(w.identity.Attributes, usher.Attribute{Name: "phone", Verified: verified, Derived: usher.Derived{Presence: usher.PresenceSet, Values: values}})
		}
	}
	has := func(values ...string) func(a *usher.Account) {
		return func(a *usher.Account) {
			a.Attributes = append(a.Attributes, usher.Held{Name: "mail", Values: []string{"~ann@contoso.test"}, Verified: true},
				usher.Held{Name: "phone", Values: values, Source: usher.Source{Kind: usher.SourceIdP, Name: "contoso"}, Intact: true})
		}
	}
	found := func(a *usher.Account) usher.Answer {
		if a == nil {
			return usher.Answer{Found: usher.FoundNone}
		}
		return one(a)
	}
	var who vary
	for _, phone := range []usher.Answer{{Found: usher.FoundNone}, one(u9), one(theirs()), {Found: usher.FoundSeveral}, {}, {Down: true}, {Found: "two"}} {
		for _, mail := range []*usher.Account{nil, theirs(has()), theirs(has("~1"))} {
			for _, email := range []usher.Answer{{Found: usher.FoundNone}, one(u9)} {
				who = append(who, holders(map[string]usher.Answer{
					"phone in PRIMARY": phone, "phone in ": phone, "mail in PRIMARY": found(mail), "email in PRIMARY": email, "email in ": email}))
			}
		}
	}
	every(t, start,
		vary{nothing, sent(false, "~1"), sent(true, "~1", "~2"), all(func(w *world) { w.policy.JIT.Require = []string{"phone"} }, typed("~1")),
			all(func(w *world) { w.policy.JIT.Require = []string{"phone"} }, typed("~1"), sent(false, "~2"))},
		vary{matchedWhen(usher.MatchAuto), matchedWhen(usher.MatchNever)},
		vary{nothing, func(w *world) { w.policy.JIT.OnFailure = usher.FailurePassThrough }, func(w *world) { w.policy.JIT.Sync.Attributes = usher.SyncNone }},
		vary{linked(usher.FoundNone, nil, nil), linked(usher.FoundOne, &usher.Link{User: "u7", Store: usher.PrimaryStore}, theirs(has("~1"))),
			linked(usher.FoundOne, &usher.Link{User: "u7", Store: usher.PrimaryStore}, theirs())},
		vary{seen(usher.FoundNone)}, vary{named(free)}, who,
	)
}

// TestEveryWorldOfStores: where accounts are made, and what they are called.
func TestEveryWorldOfStores(t *testing.T) {
	t.Parallel()
	from := func(f usher.StoreFrom) func(*world) { return set(func(j *usher.JIT) { j.Store.From = f }) }
	unknown := func(name string) func(*world) { return set(func(j *usher.JIT) { j.Store.Unknown = name }) }
	username := func(p usher.Presence, rule string, values ...string) func(*world) {
		return func(w *world) { w.identity.Username = usher.Derived{Presence: p, Values: values, Rule: rule} }
	}
	rule := func(p usher.Presence, values ...string) func(*world) {
		return func(w *world) { w.identity.Store = usher.Derived{Presence: p, Values: values} }
	}
	corp := func(s usher.StorePolicy) func(*world) {
		s.Name = "CORP"
		return func(w *world) { w.policy.Stores = append(w.policy.Stores, s) }
	}
	const mapping = "mapping.username"
	every(t, markedWorld,
		vary{from(usher.StoreFixed), from(usher.StoreUsername), from(usher.StoreRule), from("weather")},
		vary{nothing, unknown(usher.PrimaryStore), unknown("CORP"), unknown("NOWHERE")},
		vary{corp(usher.StorePolicy{Toggle: usher.Toggle{Enabled: true}}), corp(usher.StorePolicy{}), corp(usher.StorePolicy{Toggle: usher.Toggle{Enabled: true}, ReadOnly: true})},
		vary{nothing, username(usher.PresenceSet, mapping, "corp/~ann/b"), username(usher.PresenceSet, mapping, "CORP/"), username(usher.PresenceSet, mapping, "~nope/bob"),
			username(usher.PresenceAbsent, mapping), username(usher.PresenceAbsent, ""), username(usher.PresenceUnknown, mapping)},
		vary{nothing, rule(usher.PresenceSet, "CORP"), rule(usher.PresenceSet, "~x"), rule(usher.PresenceSet, "CORP", "PRIMARY"), rule(usher.PresenceEmpty), rule(usher.PresenceUnknown)},
		vary{nothing, set(func(j *usher.JIT) { j.Username = usher.UsernameGenerated }), set(func(j *usher.JIT) { j.Username = "horoscope" }),
			all(way(usher.WayUsername), func(w *world) { w.answers = usher.Answers{Policy: "v1", Username: "~bee", Password: true} })},
		vary{linked(usher.FoundNone, nil, nil)}, vary{seen(usher.FoundNone)}, vary{named(free)},
	)
}
