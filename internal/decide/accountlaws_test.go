package decide_test

import (
	"slices"
	"strings"

	"github.com/usher-id/usher"
)

var lawsOfAccounts = []law{
	{"nobody comes in to an account that was here before unless it is active, and stays so", func(w world, d usher.Decision) string {
		if d.Verdict != usher.VerdictUpdate && d.Verdict != usher.VerdictLink {
			return ""
		}
		a := w.known(d)
		return when(a == nil || a.State != usher.StateActive || !assumes(d, usher.AssumeUserActive), d.Verdict.String())
	}},
	{"who has an account comes in as that account, linked in the same commit, or not at all", func(w world, d usher.Decision) string {
		a := w.account()
		if a == nil || !d.Verdict.Admits() {
			return ""
		}
		bound := assumes(d, usher.AssumeLinkIs) || w.identity.IdP == usher.LocalIdP
		return when(d.Verdict != usher.VerdictUpdate || d.User != a.ID || d.Store != a.Store || !bound, d.Verdict.String())
	}},
	{"a link that another issuer made lets nobody in, unless the policy says so", func(w world, d usher.Decision) string {
		link := w.link()
		foreign := link != nil && link.Issuer != "" && link.Issuer != w.identity.Issuer && !w.policy.JIT.Relink
		return when(foreign && w.identity.IdP != usher.LocalIdP && d.Verdict.Admits(), d.Verdict.String())
	}},
	{"a store that is off, or that the policy does not know, lets nobody in to an account", func(w world, d usher.Decision) string {
		return when(d.User != "" && !w.policy.Store(d.Store).Enabled, d.Verdict.String())
	}},
	{"an account is made only where the policy says so", func(w world, d usher.Decision) string {
		if d.Verdict != usher.VerdictCreate {
			return ""
		}
		j := w.policy.JIT
		there := map[usher.StoreFrom]bool{
			usher.StoreFixed:    d.Store == j.Store.Name,
			usher.StoreUsername: d.Store == usher.PrimaryStore || d.Store == j.Store.Unknown || w.usernameNames(d.Store),
			usher.StoreRule:     d.Store == j.Store.Unknown || slices.Equal(w.identity.Store.Values, []string{d.Store}),
		}
		return when(!j.Enabled || j.NoMatch != usher.NoMatchCreate || !there[j.Store.From] || w.policy.Store(d.Store).ReadOnly, "made in "+d.Store)
	}},
	{"who ends up in another store than was chosen is told of", func(w world, d usher.Decision) string {
		chosen := w.policy.JIT.Store.From == usher.StoreRule && !slices.Equal(w.identity.Store.Values, []string{d.Store})
		return when(d.Verdict == usher.VerdictCreate && chosen && !tells(d, "store.fallback"), "silently")
	}},
	{"a new account gets an id nobody had, or the one it was begun with", func(w world, d usher.Decision) string {
		if d.Verdict != usher.VerdictCreate {
			return ""
		}
		link := w.link()
		if link != nil && link.Pending {
			return when(d.User != link.User, string(d.User))
		}
		return when(d.User == "" || d.User != w.facts.Reserved || link != nil && d.User == link.User, string(d.User))
	}},
	{"a new account never takes a name that somebody has, and assumes that it is still free", func(w world, d usher.Decision) string {
		if d.Verdict != usher.VerdictCreate {
			return ""
		}
		c := d.Changes[0]
		free := c.Name == string(d.User) && c.Values[0] == c.Name && w.policy.JIT.Username == usher.UsernameGenerated
		for _, a := range w.facts.Answers {
			q := a.Question
			free = free || q.Kind == usher.AskUsername && q.Store == d.Store && q.Name == c.Name &&
				a.Found == usher.FoundNone && a.Unfit == usher.Fits && a.Canonical != "" && a.Canonical == c.Values[0]
		}
		assumed := slices.ContainsFunc(d.Assumes, func(x usher.Assumption) bool {
			return x.Kind == usher.AssumeUsernameFree && x.Store == d.Store && x.Name == c.Values[0]
		})
		return when(!free, "it does") + when(!assumed, "it does not assume so")
	}},
	{"a new account is called what the mapping came to with a suffix at most, or what the person chose where they are asked, or its own id", func(w world, d usher.Decision) string {
		if d.Verdict != usher.VerdictCreate {
			return ""
		}
		j, name := w.policy.JIT, d.Changes[0].Name
		var ok bool
		switch {
		case j.Ask.AsksUsername():
			ok = name == w.answers.Username
		case j.Username == usher.UsernameGenerated:
			ok = name == string(d.User)
		default:
			derived := w.identity.Sub()
			if u := w.identity.Username; u.Rule != "" || u.Presence != usher.PresenceAbsent {
				derived = strings.Join(u.Values, " ")
			}
			_, rest, _ := strings.Cut(derived, "/")
			ok = strings.HasPrefix(name, derived) || j.UsernameConflict == usher.ConflictAsk && name == w.answers.Username ||
				j.Store.From == usher.StoreUsername && rest != "" && strings.HasPrefix(name, rest)
		}
		return when(!ok || d.Changes[0].Op != usher.OpCreateUser, "it is not")
	}},
	{"a link without its account's id, or an account that is not the link's, admits nobody", func(w world, d usher.Decision) string {
		link, a := w.link(), w.facts.Answer(w.askLink()).Account
		senseless := link != nil && link.User == "" || a != nil && (link == nil || a.ID != link.User || a.Store != link.Store)
		return when(senseless && w.identity.IdP != usher.LocalIdP && d.Verdict.Admits(), d.Verdict.String())
	}},
	{"only the right changes come with a verdict: none changes a state or a name, and a returning account is never made or unlinked", func(_ world, d usher.Decision) string {
		may := map[usher.Verdict][]usher.ChangeOp{
			usher.VerdictPassThrough: {usher.OpSeen, usher.OpTell},
			usher.VerdictCreate: {usher.OpCreateUser, usher.OpSetAttribute, usher.OpSetPassword, usher.OpJoinGroup, usher.OpUnlink, usher.OpGrant,
				usher.OpLink, usher.OpAlias, usher.OpConsent, usher.OpTell},
			usher.VerdictLink: {usher.OpSetAttribute, usher.OpClearAttribute, usher.OpJoinGroup, usher.OpLeaveGroup, usher.OpDropPassword, usher.OpUnlink,
				usher.OpGrant, usher.OpRevoke, usher.OpLink, usher.OpAlias, usher.OpConsent, usher.OpEndSessions, usher.OpTell},
			usher.VerdictUpdate: {usher.OpSetAttribute, usher.OpClearAttribute, usher.OpJoinGroup, usher.OpLeaveGroup, usher.OpGrant, usher.OpRevoke,
				usher.OpLink, usher.OpLogin, usher.OpConsent, usher.OpTell},
		}
		for _, c := range d.Changes {
			if !slices.Contains(may[d.Verdict], c.Op) {
				return string(c.Op)
			}
		}
		return ""
	}},
	{"changes in the store come before changes in the ledger, and events come last", func(_ world, d usher.Decision) string {
		at := 0
		for _, c := range d.Changes {
			floor := 1
			if slices.Contains(storeOps, c.Op) {
				floor = 0
			} else if c.Op == usher.OpTell {
				floor = 2
			}
			if floor < at {
				return string(c.Op)
			}
			at = floor
		}
		return ""
	}},
	{"every application that knew the person keeps its sub when an account becomes theirs", func(w world, d usher.Decision) string {
		if d.Verdict != usher.VerdictCreate && d.Verdict != usher.VerdictLink {
			return ""
		}
		var aliases []string
		for _, c := range changes(d, usher.OpAlias) {
			aliases = append(aliases, c.Name)
		}
		return when(!slices.Equal(aliases, w.seenBy()), strings.Join(aliases, " "))
	}},
	{"whoever comes in without an account, or to one for the first time, comes with a sound answer on who knows them", func(w world, d usher.Decision) string {
		if !d.Verdict.Admits() || d.Verdict == usher.VerdictUpdate {
			return ""
		}
		a := w.facts.Answer(w.askSeen())
		return when(a.Found == usher.FoundUnknown || (a.Found == usher.FoundNone) != (len(a.Applications) == 0), d.Verdict.String())
	}},
	{"a store that does not answer lets people in without an account only if the policy says so and nobody is linked", func(w world, d usher.Decision) string {
		if d.Reason != usher.ReasonPassStoreDown {
			return ""
		}
		down := slices.ContainsFunc(w.facts.Answers, func(a usher.Answer) bool { return a.Down && a.Found == usher.FoundUnknown })
		ok := w.policy.JIT.OnFailure == usher.FailurePassThrough && down && w.link() == nil && assumes(d, usher.AssumeLinkFree) && tells(d, "provision.skipped")
		return when(!ok, "it does")
	}},
}

var storeOps = []usher.ChangeOp{
	usher.OpCreateUser, usher.OpSetAttribute, usher.OpClearAttribute, usher.OpJoinGroup, usher.OpLeaveGroup, usher.OpSetPassword, usher.OpDropPassword,
}

// usernameNames reports whether the username begins with a store's name.
func (w world) usernameNames(store string) bool {
	return slices.ContainsFunc(w.identity.Username.Values, func(u string) bool {
		before, _, slashed := strings.Cut(u, "/")
		return slashed && strings.EqualFold(before, store)
	})
}

func tells(d usher.Decision, event string) bool {
	return slices.ContainsFunc(changes(d, usher.OpTell), func(c usher.Change) bool { return c.Name == event })
}
