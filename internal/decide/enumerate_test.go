package decide_test

import (
	"testing"

	"github.com/usher-id/usher"
)

// claimMark is in every claim value of a made-up world, so that one that shows
// up where it should not is found.
const claimMark = "~"

// vary is one thing that worlds can differ in: each function is one way.
type vary []func(w *world)

// every makes each world there is by taking one way of each variation, in all
// combinations, and checks all laws in it.
func every(t *testing.T, start func() world, variations ...vary) {
	t.Helper()
	worlds, failed := 0, 0
	var walk func(chosen []int)
	walk = func(chosen []int) {
		if failed >= 5 {
			return
		}
		if len(chosen) < len(variations) {
			for i := range variations[len(chosen)] {
				walk(append(chosen, i))
			}
			return
		}
		w := start()
		for v, i := range chosen {
			variations[v][i](&w)
		}
		worlds++
		if broken := brokenLaws(w); len(broken) > 0 {
			failed++
			t.Errorf("world %v breaks: %s\n%s", chosen, broken[0], encode(w.decide()))
		}
	}
	walk(nil)
	t.Logf("%d worlds, %d laws", worlds, len(laws))
}

func markedWorld() world {
	w := plainWorld()
	w.identity.Subject = usher.StringValue("~248289")
	w.identity.Username = usher.Derived{Presence: usher.PresenceSet, Values: []string{"~ann"}, Rule: "mapping.username"}
	w.identity.Attributes = []usher.Attribute{{Name: "email", Derived: usher.Derived{Presence: usher.PresenceSet, Values: []string{"~ann@contoso.test"}, Rule: "mapping.attributes.email"}}}
	return w
}

// linked and seen answer the questions of a world.
func linked(found usher.Finding, link *usher.Link, account *usher.Account) func(*world) {
	return func(w *world) {
		w.facts.Answers = append(w.facts.Answers, usher.Answer{
			Question: w.askLink(), Found: found, Link: link, Account: account,
		})
	}
}

func seen(found usher.Finding, apps ...string) func(*world) {
	return func(w *world) {
		w.facts.Answers = append(w.facts.Answers, usher.Answer{
			Question: w.askSeen(), Found: found, Applications: apps,
		})
	}
}

// named answers each username question by its place in the list, and held each
// question about who has a value.
func named(answer func(place int) usher.Answer) func(*world) {
	return func(w *world) {
		place := 0
		w.answer(usher.AskUsername, func(usher.Question) usher.Answer {
			place++
			return answer(place - 1)
		})
	}
}

func heldBy(answer func(q usher.Question) usher.Answer) func(*world) {
	return func(w *world) { w.answer(usher.AskHolders, answer) }
}

// answer answers every question of a kind that the world needs answered.
func (w *world) answer(kind usher.QuestionKind, to func(q usher.Question) usher.Answer) {
	for _, q := range w.needs() {
		if q.Kind == kind {
			a := to(q)
			a.Question = q
			w.facts.Answers = append(w.facts.Answers, a)
		}
	}
}

func nothing(*world) {}

func account(state usher.AccountState) *usher.Account {
	return &usher.Account{ID: "u1", Store: usher.PrimaryStore, Username: "ann", State: state}
}

var (
	to1      = &usher.Link{Store: usher.PrimaryStore, User: "u1"}
	begun    = &usher.Link{Store: usher.PrimaryStore, User: "u1", Pending: true}
	links    = vary{linked(usher.FoundNone, nil, nil), linked(usher.FoundOne, to1, account(usher.StateActive)), linked(usher.FoundOne, to1, nil), linked(usher.FoundOne, begun, nil)}
	allLinks = append(links, nothing, linked(usher.FoundSeveral, nil, nil), linked(usher.FoundOne, begun, account(usher.StateActive)),
		linked(usher.FoundOne, to1, account(usher.StateDisabled)), linked(usher.FoundOne, to1, account(usher.StateLocked)),
		linked(usher.FoundOne, to1, account(usher.StatePending)), linked(usher.FoundOne, to1, account(usher.StateExpired)),
		linked(usher.FoundOne, to1, account("")), linked(usher.FoundOne, to1, account("ACTIVE")),
		linked(usher.FoundOne, nil, nil), linked(usher.FoundOne, nil, account(usher.StateActive)),
		linked(usher.FoundNone, to1, nil), linked(usher.FoundNone, nil, account(usher.StateActive)), linked("two", to1, account(usher.StateActive)),
		linked(usher.FoundOne, &usher.Link{Store: usher.PrimaryStore}, nil),
		linked(usher.FoundOne, to1, &usher.Account{ID: "u1", Store: "ELSEWHERE", State: usher.StateActive}),
		linked(usher.FoundOne, &usher.Link{Store: usher.PrimaryStore, User: "u-new"}, nil),
		linked(usher.FoundOne, &usher.Link{Store: "ELSEWHERE", User: "u1"}, nil),
		linked(usher.FoundOne, &usher.Link{Store: usher.PrimaryStore, User: "u2"}, account(usher.StateActive)))
	toggles = vary{nothing, func(w *world) { w.policy.JIT.Enabled = false }}
	writing = append(toggles, func(w *world) { w.primary().ReadOnly = true })
)

// TestEveryWorldAtTheDoor: everything that is asked before anything is read.
func TestEveryWorldAtTheDoor(t *testing.T) {
	t.Parallel()
	subject := func(v usher.Value) func(*world) { return func(w *world) { w.identity.Subject = v } }
	every(t, markedWorld,
		vary{nothing, func(w *world) { w.identity.Fault = usher.Fault{Reason: usher.ReasonSignature, Detail: "no key fits"} }, func(w *world) { w.identity.Fault.Detail = "no word" }},
		vary{nothing, func(w *world) { w.policy.Tenant.Enabled = false }, func(w *world) { w.policy.Tenant.Name = "other" }},
		vary{nothing, func(w *world) { w.policy.IdP.Enabled = false }, func(w *world) { w.policy.IdP.Name = "other" }},
		vary{nothing, func(w *world) { w.policy.Application.Enabled = false }},
		vary{nothing, subject(usher.Value{}), subject(usher.NullValue()), subject(usher.NumberValue("7")), subject(usher.StringValue(" \t")), subject(usher.StringValue("\u200b")), subject(usher.StringValue("\xff"))},
		vary{nothing, func(w *world) { w.identity.Admission = usher.Admission{Why: "domain"} }, func(w *world) { w.identity.Admission = usher.Admission{Failed: true, Admitted: true} }},
		links, toggles, vary{seen(usher.FoundNone)}, vary{named(free)},
	)
}

func free(int) usher.Answer { return usher.Answer{Found: usher.FoundNone, Canonical: "~ann"} }

func set(change func(j *usher.JIT)) func(*world) {
	return func(w *world) { change(&w.policy.JIT) }
}

var (
	fates = vary{nothing,
		set(func(j *usher.JIT) { j.Enabled = false }), set(func(j *usher.JIT) { j.NoMatch = usher.NoMatchPassThrough }),
		set(func(j *usher.JIT) { j.NoMatch = usher.NoMatchDeny }), set(func(j *usher.JIT) { j.NoMatch = "" })}
	stores = vary{nothing, func(w *world) { w.primary().Enabled = false }, func(w *world) { w.primary().ReadOnly = true },
		set(func(j *usher.JIT) { j.Store.Name = "ELSEWHERE" })}
	knowns = vary{seen(usher.FoundNone), seen(usher.FoundSeveral, "shop", "wiki"), seen(usher.FoundOne)}
)

// TestEveryWorldOfALink: everything a link can lead to, under every policy.
func TestEveryWorldOfALink(t *testing.T) {
	t.Parallel()
	every(t, markedWorld, fates, stores, vary{nothing, set(func(j *usher.JIT) { j.UsernameConflict = usher.ConflictSuffix })},
		vary{named(free), nothing}, knowns, vary{nothing, func(w *world) { w.facts.Reserved = "" }}, allLinks)
}

// TestEveryWorldOfANewcomer: policies, names and applications.
func TestEveryWorldOfANewcomer(t *testing.T) {
	t.Parallel()
	username := func(p usher.Presence, values ...string) func(*world) {
		return func(w *world) { w.identity.Username = usher.Derived{Presence: p, Values: values, Why: "it failed"} }
	}
	every(t, markedWorld,
		fates, stores,
		vary{nothing, set(func(j *usher.JIT) { j.UsernameConflict = usher.ConflictSuffix }), set(func(j *usher.JIT) { j.UsernameConflict = "merge" })},
		vary{nothing, username(usher.PresenceNull), username(usher.PresenceUnknown), username(usher.PresenceSet), username(usher.PresenceSet, "~a", "~b")},
		vary{named(free), nothing,
			named(func(int) usher.Answer { return usher.Answer{Found: usher.FoundOne, Canonical: "~ann", User: "u9"} }),
			named(func(int) usher.Answer { return usher.Answer{Unfit: usher.UnfitShort} }),
			named(func(i int) usher.Answer {
				return []usher.Answer{{Found: usher.FoundOne, User: "u9"}, {Unfit: usher.UnfitLong}, {Found: usher.FoundNone, Canonical: "~ann3"}}[i%3]
			}),
			named(func(int) usher.Answer { return usher.Answer{Found: usher.FoundNone} }),
			named(func(int) usher.Answer { return usher.Answer{Found: usher.FoundSeveral, Canonical: "~ann"} })},
		knowns, links,
	)
}

// TestEveryWorldOfAttributes: modes, presences and what the account holds.
func TestEveryWorldOfAttributes(t *testing.T) {
	t.Parallel()
	contoso := usher.Source{Kind: usher.SourceIdP, Name: "contoso"}
	holds := func(h usher.Held) func(*world) {
		h.Name = "email"
		return func(w *world) { w.facts.Answers[0].Account.Attributes = []usher.Held{h} }
	}
	mode := func(m usher.SyncMode) func(*world) { return func(w *world) { w.policy.JIT.Sync.Attributes = m } }
	per := func(m usher.SyncMode) func(*world) {
		return func(w *world) { w.policy.JIT.Sync.PerAttribute = map[string]usher.SyncMode{"email": m} }
	}
	sent := func(p usher.Presence, values ...string) func(*world) {
		return func(w *world) { w.identity.Attributes[0].Presence, w.identity.Attributes[0].Values = p, values }
	}
	every(t, markedWorld,
		vary{func(w *world) { linked(usher.FoundOne, to1, account(usher.StateActive))(w) }},
		vary{mode(""), mode(usher.SyncNone), mode(usher.SyncOverride), mode(usher.SyncPreserveLocal), mode("mirror")},
		vary{nothing, per(usher.SyncOverride), per(usher.SyncPreserveLocal)},
		vary{sent(usher.PresenceAbsent), sent(usher.PresenceNull), sent(usher.PresenceEmpty), sent(usher.PresenceUnknown), sent(usher.PresenceSet), sent(""),
			sent(usher.PresenceSet, "~new"), sent(usher.PresenceSet, "~old"), sent(usher.PresenceSet, "~old", "~more")},
		vary{nothing, func(w *world) { w.identity.Attributes[0].Verified = true }, func(w *world) { w.identity.Attributes = nil }},
		vary{nothing, holds(usher.Held{Values: []string{"~old"}, Source: contoso, Intact: true}), holds(usher.Held{Values: []string{"~old"}, Source: contoso}),
			holds(usher.Held{Values: []string{"~old"}, Source: usher.Source{Kind: usher.SourceIdP, Name: "fabrikam"}, Intact: true}),
			holds(usher.Held{Values: []string{"~old"}, Source: usher.Source{Kind: usher.SourceAdmin, Name: "contoso"}, Intact: true}),
			holds(usher.Held{Values: []string{"~old"}, Intact: true}), holds(usher.Held{Values: []string{"~old"}, Verified: true, Source: contoso, Intact: true}),
			holds(usher.Held{Source: contoso, Intact: true})},
		writing,
	)
}

// TestEveryWorldOfGrants: modes, the provider's groups, and who gave what before.
func TestEveryWorldOfGrants(t *testing.T) {
	t.Parallel()
	mode := func(m usher.GroupSync) func(*world) { return func(w *world) { w.policy.JIT.Sync.Groups = m } }
	sent := func(p usher.Presence, values ...string) func(*world) {
		return func(w *world) { w.identity.Groups.Presence, w.identity.Groups.Values = p, values }
	}
	granted := func(kind usher.GrantKind, name string, by ...usher.Source) func(*world) {
		return func(w *world) {
			a := w.facts.Answers[0].Account
			for _, s := range by {
				a.Grants = append(a.Grants, usher.Grant{Kind: kind, Name: name, Source: s})
			}
		}
	}
	member := func(name string) func(*world) {
		return func(w *world) { a := w.facts.Answers[0].Account; a.Groups = append(a.Groups, name) }
	}
	us, admin := usher.Source{Kind: usher.SourceIdP, Name: "contoso"}, usher.Source{Kind: usher.SourceAdmin, Name: "root"}
	holders := func(kind usher.GrantKind, name string) vary {
		return vary{nothing, granted(kind, name, us), granted(kind, name, admin), granted(kind, name, admin, us)}
	}
	start := func() world {
		w := markedWorld()
		w.policy.JIT.Sync.GroupMap = map[string][]string{"~eng": {"platform", "tools"}, "~ops": {"platform"}}
		w.policy.JIT.Sync.RoleMap = map[string][]string{"~eng": {"approver"}, "~ops": {"approver"}}
		linked(usher.FoundOne, to1, account(usher.StateActive))(&w)
		return w
	}
	every(t, start,
		vary{mode(""), mode(usher.GroupsNone), mode(usher.GroupsMerge), mode(usher.GroupsOwn), mode("replace")},
		vary{sent(usher.PresenceAbsent), sent(usher.PresenceEmpty), sent(usher.PresenceUnknown), sent(usher.PresenceSet),
			sent(usher.PresenceSet, "~eng"), sent(usher.PresenceSet, "~eng", "~ops", "~sales"), sent(usher.PresenceSet, "~sales")},
		holders(usher.GrantGroup, "platform"), vary{nothing, member("platform")},
		vary{nothing, member("tools"), granted(usher.GrantGroup, "tools", us)},
		holders(usher.GrantRole, "approver"),
		writing,
	)
}
