package decide_test

import (
	"slices"
	"strings"

	"github.com/usher-id/usher"
)

// law is something that holds in every world. broken says how it does not, ""
// if it holds.
type law struct {
	says   string
	broken func(w world, d usher.Decision) string
}

// brokenLaws is every law that does not hold in a world.
func brokenLaws(w world) []string { return broken(w, laws) }

func broken(w world, laws []law) []string {
	d := w.decide()
	var out []string
	for _, l := range laws {
		if how := l.broken(w, d); how != "" {
			out = append(out, l.says+": "+how)
		}
	}
	return out
}

// when is how if something is so, and otherwise "".
func when(so bool, how string) string {
	if so {
		return how
	}
	return ""
}

var laws = slices.Concat(lawsOfEntry, lawsOfStory, lawsOfAccounts, lawsOfSync, lawsOfReading)

// lawsOfEntry hold in every world, even one that nobody could have read.
var lawsOfEntry = []law{
	{"a refusal changes nothing and names no account", func(_ world, d usher.Decision) string {
		return when(d.Verdict == usher.VerdictDeny && (len(d.Changes) > 0 || d.User != "" || d.Store != ""), "it does")
	}},
	{"a refusal for a taken name stands on there being no account still, and no other refusal stands on anything", func(_ world, d usher.Decision) string {
		none := assumes(d, usher.AssumeLinkFree) || assumes(d, usher.AssumeLinkIs) && assumes(d, usher.AssumeUserGone)
		return when(d.Verdict == usher.VerdictDeny && (d.Reason == usher.ReasonUsernameTaken) != (none && len(d.Assumes) <= 2), "it does otherwise") +
			when(d.Verdict == usher.VerdictDeny && d.Reason != usher.ReasonUsernameTaken && len(d.Assumes) > 0, "it assumes")
	}},
	{"every decision has a reason and a story", func(_ world, d usher.Decision) string {
		return when(d.Reason == "" || len(d.Trace) == 0, "it has not")
	}},
	{"the reason fits the verdict", func(w world, d usher.Decision) string {
		if d.Verdict == usher.VerdictDeny {
			return when(w.identity.Fault.Reason == "" && admits(d.Reason), "refused with "+string(d.Reason))
		}
		return when(!admits(d.Reason), "admitted with "+string(d.Reason))
	}},
	{"nobody is admitted whom the provider does not vouch for", func(w world, d usher.Decision) string {
		return when(d.Verdict.Admits() && w.identity.Fault != usher.Fault{}, "admitted")
	}},
	{"nobody is admitted through what is switched off, or by the policy of somebody else", func(w world, d usher.Decision) string {
		p := w.policy
		off := !p.Tenant.Enabled || !p.IdP.Enabled || !p.Application.Enabled || p.Tenant.Name != w.identity.Tenant || p.IdP.Name != w.identity.IdP
		return when(d.Verdict.Admits() && off, "admitted")
	}},
	{"nobody is admitted without a subject of 1 to 255 bytes of text", func(w world, d usher.Decision) string {
		s, isText := w.identity.Subject.Text()
		return when(d.Verdict.Admits() && (!isText || strings.TrimSpace(s) == "" || len(s) > 255), "admitted")
	}},
	{"nobody is admitted whom the admit condition refused, or failed to judge", func(w world, d usher.Decision) string {
		a := w.identity.Admission
		return when(d.Verdict.Admits() && (a.Failed || !a.Admitted), "admitted")
	}},
	{"nobody is admitted without an assumption on the link", func(_ world, d usher.Decision) string {
		return when(d.Verdict.Admits() && !assumes(d, usher.AssumeLinkFree) && !assumes(d, usher.AssumeLinkIs), "admitted")
	}},
	{"the verdict is one of this version: deny, passThrough, create or update", func(_ world, d usher.Decision) string {
		return when(d.Verdict == usher.VerdictPrompt || d.Verdict == usher.VerdictLink, d.Verdict.String())
	}},
}

var lawsOfStory = []law{
	{"every step is a question with an answer", func(_ world, d usher.Decision) string {
		for _, s := range d.Trace {
			if !strings.HasSuffix(s.Question, "?") || s.Answer == "" {
				return s.Question
			}
		}
		return ""
	}},
	{"no step shows a claim value", func(_ world, d usher.Decision) string {
		for _, s := range d.Trace { // the claims of made-up worlds all hold this mark
			if strings.Contains(s.Question+s.Answer+s.Rule, claimMark) {
				return s.Question + " " + s.Answer
			}
		}
		return ""
	}},
}

var lawsOfAccounts = []law{
	{"an account that is not active is never admitted", func(w world, d usher.Decision) string {
		a := w.account()
		return when(a != nil && a.State != usher.StateActive && d.Verdict.Admits(), "admitted")
	}},
	{"who has an account comes in as that account, active and linked in the same commit, or not at all", func(w world, d usher.Decision) string {
		a := w.account()
		if a == nil || !d.Verdict.Admits() {
			return ""
		}
		ok := d.Verdict == usher.VerdictUpdate && d.User == a.ID && d.Store == a.Store && assumes(d, usher.AssumeLinkIs) && assumes(d, usher.AssumeUserActive)
		return when(!ok, d.Verdict.String())
	}},
	{"a store that is off, or that the policy does not know, lets nobody in to an account", func(w world, d usher.Decision) string {
		s := w.policy.Store
		return when((d.Verdict == usher.VerdictCreate || d.Verdict == usher.VerdictUpdate) && (!s.Enabled || d.Store != s.Name), d.Verdict.String())
	}},
	{"an account is made only where the policy says so", func(w world, d usher.Decision) string {
		p := w.policy
		may := p.JIT.Enabled && p.JIT.NoMatch == usher.NoMatchCreate && p.Store.Name == p.JIT.Store && !p.Store.ReadOnly
		return when(d.Verdict == usher.VerdictCreate && !may, "made")
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
		a := w.facts.Answer(usher.Question{Kind: usher.AskUsername, Store: d.Store, Name: c.Name, IfUnlinked: true})
		if a.Found != usher.FoundNone || a.Unfit != "" || a.Canonical == "" || a.Canonical != c.Values[0] {
			return "it does"
		}
		assumed := slices.ContainsFunc(d.Assumes, func(x usher.Assumption) bool {
			return x.Kind == usher.AssumeUsernameFree && x.Store == d.Store && x.Name == a.Canonical
		})
		return when(!assumed, "it does not assume so")
	}},
	{"a new account is called the one name that the mapping came to, and a suffix at most", func(w world, d usher.Decision) string {
		if d.Verdict != usher.VerdictCreate {
			return ""
		}
		u := w.identity.Username
		ok := d.Changes[0].Op == usher.OpCreateUser && u.Presence == usher.PresenceSet && len(u.Values) == 1 && strings.HasPrefix(d.Changes[0].Name, u.Values[0])
		return when(!ok, "it is not")
	}},
	{"a link without its account's id, or an account that is not the link's, admits nobody", func(w world, d usher.Decision) string {
		link, a := w.link(), w.account()
		senseless := link != nil && link.User == "" || a != nil && (link == nil || a.ID != link.User || a.Store != link.Store)
		return when(senseless && d.Verdict.Admits(), d.Verdict.String())
	}},
	{"only the right changes come with a verdict, and a returning account is never made, renamed or unlinked", func(_ world, d usher.Decision) string {
		may := map[usher.Verdict][]usher.ChangeOp{
			usher.VerdictPassThrough: {usher.OpSeen},
			usher.VerdictCreate:      {usher.OpCreateUser, usher.OpSetAttribute, usher.OpJoinGroup, usher.OpUnlink, usher.OpGrant, usher.OpLink, usher.OpAlias, usher.OpTell},
			usher.VerdictUpdate:      {usher.OpSetAttribute, usher.OpClearAttribute, usher.OpJoinGroup, usher.OpLeaveGroup, usher.OpGrant, usher.OpRevoke, usher.OpLink, usher.OpLogin, usher.OpTell},
		}
		for _, c := range d.Changes {
			if !slices.Contains(may[d.Verdict], c.Op) {
				return string(c.Op)
			}
		}
		return ""
	}},
	{"changes in the store come before changes in the ledger", func(_ world, d usher.Decision) string {
		store := []usher.ChangeOp{usher.OpCreateUser, usher.OpSetAttribute, usher.OpClearAttribute, usher.OpJoinGroup, usher.OpLeaveGroup}
		ledger := false
		for _, c := range d.Changes {
			if !slices.Contains(store, c.Op) {
				ledger = true
			} else if ledger {
				return string(c.Op)
			}
		}
		return ""
	}},
	{"every application that knew the person keeps its sub when an account is made", func(w world, d usher.Decision) string {
		if d.Verdict != usher.VerdictCreate {
			return ""
		}
		var aliases []string
		for _, c := range changes(d, usher.OpAlias) {
			aliases = append(aliases, c.Name)
		}
		return when(!slices.Equal(aliases, w.seenBy()), strings.Join(aliases, " "))
	}},
	{"whoever comes in without an account, or to a new one, comes with a sound answer on who knows them", func(w world, d usher.Decision) string {
		if d.Verdict != usher.VerdictCreate && d.Verdict != usher.VerdictPassThrough {
			return ""
		}
		a := w.facts.Answer(w.askSeen())
		return when(a.Found == usher.FoundUnknown || (a.Found == usher.FoundNone) != (len(a.Applications) == 0), d.Verdict.String())
	}},
}

func admits(r usher.Reason) bool {
	return slices.Contains([]usher.Reason{
		usher.ReasonCreated, usher.ReasonVanishedAnew, usher.ReasonResumedPending, usher.ReasonUpdated,
		usher.ReasonUnchanged, usher.ReasonPassJITOff, usher.ReasonPassNoMatch,
	}, r)
}

func assumes(d usher.Decision, kind usher.AssumptionKind) bool {
	return slices.ContainsFunc(d.Assumes, func(a usher.Assumption) bool { return a.Kind == kind })
}

func changes(d usher.Decision, op usher.ChangeOp) []usher.Change {
	var out []usher.Change
	for _, c := range d.Changes {
		if c.Op == op {
			out = append(out, c)
		}
	}
	return out
}

// askLink and askSeen are the questions of a world; link, account and seenBy
// are what its facts answer.
func (w world) askLink() usher.Question {
	return usher.Question{Kind: usher.AskLink, IdP: w.identity.IdP, Subject: w.identity.Sub()}
}

func (w world) askSeen() usher.Question {
	return usher.Question{Kind: usher.AskSeen, IdP: w.identity.IdP, Subject: w.identity.Sub(), IfUnlinked: true}
}

func (w world) link() *usher.Link       { return w.facts.Answer(w.askLink()).Link }
func (w world) account() *usher.Account { return w.facts.Answer(w.askLink()).Account }
func (w world) seenBy() []string        { return w.facts.Answer(w.askSeen()).Applications }
