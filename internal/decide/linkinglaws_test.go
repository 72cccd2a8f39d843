package decide_test

import (
	"slices"

	"github.com/usher-id/usher"
)

var lawsOfLinking = []law{
	{"nobody is linked without both sides verified and vouched for, or a proof for exactly that account of the last ten minutes", func(w world, d usher.Decision) string {
		if d.Verdict != usher.VerdictLink {
			return ""
		}
		switch p := w.answers.Proof; d.Reason {
		case usher.ReasonLinkedProven:
			ok := p != nil && p.User == d.User && p.Store == d.Store && p.At > 0 && p.At <= w.facts.At && w.facts.At-p.At <= 600*usher.Second &&
				(p.Kind == usher.ProofPassword || p.Kind == usher.ProofLink) && w.answers.Policy == w.policy.Version
			return when(!ok, "without a proof")
		case usher.ReasonLinkedAuto:
			return when(!slices.ContainsFunc(w.policy.JIT.Match, func(r usher.MatchRule) bool { return w.areVerified(r, d) }), "unverified")
		}
		return string(d.Reason)
	}},
	{"an account that a sign-in links is not privileged, and the commit makes sure", func(w world, d usher.Decision) string {
		if d.Verdict != usher.VerdictLink {
			return ""
		}
		return when(w.isPrivileged(*w.known(d)), "it is") +
			when(len(w.policy.Privileged) > 0 && (!assumes(d, usher.AssumeGroups) || !assumes(d, usher.AssumeGrants)), "it does not")
	}},
	{"who is linked had no account, and the commit makes sure", func(w world, d usher.Decision) string {
		if d.Verdict != usher.VerdictLink {
			return ""
		}
		link := w.link()
		gone := link != nil && assumes(d, usher.AssumeLinkIs) && assumes(d, usher.AssumeUserGone) && len(changes(d, usher.OpUnlink)) == 1
		return when(w.account() != nil || !gone && !(link == nil && assumes(d, usher.AssumeLinkFree)), "they had")
	}},
	{"a password that nobody proved does not outlive a link without a proof, and is told of", func(w world, d usher.Decision) string {
		if d.Verdict != usher.VerdictLink {
			return ""
		}
		a := w.known(d)
		must := d.Reason == usher.ReasonLinkedAuto && a.Password != usher.CredentialNone && a.Password != usher.CredentialProven
		dropped := len(changes(d, usher.OpDropPassword)) == 1 && len(changes(d, usher.OpEndSessions)) == 1 && tells(d, "password.dropped")
		return when(must != dropped, "it is otherwise")
	}},
	{"where a match rule found more than one account nobody gets in", func(w world, d usher.Decision) string {
		for _, r := range w.policy.JIT.Match {
			several := slices.ContainsFunc(w.heldIn(r), func(a usher.Answer) bool { return a.Found == usher.FoundSeveral })
			if several && w.policy.JIT.Enabled && w.account() == nil && d.Verdict.Admits() && d.Reason != usher.ReasonLinkedAuto && d.Reason != usher.ReasonLinkedProven && d.Reason != usher.ReasonPassStoreDown {
				return d.Verdict.String()
			}
		}
		return ""
	}},
	{"nobody is let in as somebody new whom a match rule finds, or whom it can't look for", func(w world, d usher.Decision) string {
		if d.Verdict != usher.VerdictCreate && d.Reason != usher.ReasonPassNoMatch {
			return ""
		}
		for _, r := range w.policy.JIT.Match {
			for _, a := range w.heldIn(r) {
				if a.Found != usher.FoundNone && (a.Found != usher.FoundOne || w.holdsSame(r, a.Account)) {
					return r.Attribute + " in " + a.Question.Store
				}
			}
		}
		return ""
	}},
	{"a decision that makes or links an account assumes every uniqueness it relied on", func(w world, d usher.Decision) string {
		if d.Verdict != usher.VerdictCreate && d.Verdict != usher.VerdictLink {
			return ""
		}
		for _, r := range w.policy.JIT.Match {
			for _, a := range w.heldIn(r) {
				if !slices.ContainsFunc(d.Assumes, func(x usher.Assumption) bool {
					free := x.Kind == usher.AssumeUnheld && a.Found == usher.FoundNone
					held := x.Kind == usher.AssumeHeldBy && a.Account != nil && x.User == a.Account.ID
					return (free || held) && x.Store == a.Question.Store && x.Name == a.Question.Name && x.Values[0] == a.Question.Value
				}) {
					return a.Question.Name + " in " + a.Question.Store
				}
			}
			if d.Verdict == usher.VerdictLink && slices.ContainsFunc(w.heldIn(r), func(a usher.Answer) bool { return w.holdsSame(r, a.Account) }) {
				return "" // the rules after it were not asked
			}
		}
		return ""
	}},
	{"nobody gets a value that somebody else has and the store keeps unique, and the commit makes sure", func(w world, d usher.Decision) string {
		unique := w.policy.Store(d.Store).Unique
		for _, c := range written(d) {
			for _, v := range c.Values {
				folded, ok := usher.Fold(c.Name, v)
				if !ok || !slices.Contains(unique, c.Name) || w.holdsFolded(d, c.Name, folded) {
					continue
				}
				if !slices.ContainsFunc(d.Assumes, func(x usher.Assumption) bool {
					return x.Kind == usher.AssumeUnheld && x.Store == d.Store && x.Name == c.Name && x.Values[0] == folded
				}) || w.isTaken(d, c.Name, folded) {
					return c.Name
				}
			}
		}
		return ""
	}},
}

// areVerified reports whether a rule allows to link the account of a decision
// without a proof.
func (w world) areVerified(r usher.MatchRule, d usher.Decision) bool {
	theirs, ok := w.attribute(r.Attribute)
	ours, has := held(w.known(d), r.Local)
	if !ok || !has || r.When != usher.MatchAuto || r.Attribute != usher.AttributeEmail || !theirs.Verified || !ours.Verified || len(theirs.Values) != 1 {
		return false
	}
	domain, strict := usher.EmailDomain(theirs.Values[0])
	return strict && slices.Contains(w.policy.JIT.VouchesFor, domain) && w.holdsSame(r, w.known(d)) &&
		slices.ContainsFunc(d.Assumes, func(x usher.Assumption) bool {
			return x.Kind == usher.AssumeAttribute && x.User == d.User && x.Name == r.Local && x.Verified && slices.Equal(x.Values, ours.Values)
		})
}

func (w world) attribute(name string) (usher.Attribute, bool) {
	i := slices.IndexFunc(w.identity.Attributes, func(a usher.Attribute) bool { return a.Name == name })
	if i < 0 {
		return usher.Attribute{}, false
	}
	return w.identity.Attributes[i], true
}

// heldIn is the answers to what a match rule asks, if it may ask anything.
func (w world) heldIn(r usher.MatchRule) []usher.Answer {
	a, ok := w.attribute(r.Attribute)
	if !ok || a.Presence != usher.PresenceSet || len(a.Values) != 1 || !a.Verified || !w.policy.JIT.Enabled {
		return nil
	}
	folded, ok := usher.Fold(r.Local, a.Values[0])
	if !ok {
		return nil
	}
	var out []usher.Answer
	for _, store := range r.Stores {
		out = append(out, w.facts.Answer(usher.Question{Kind: usher.AskHolders, Store: store, Name: r.Local, Value: folded, IfUnlinked: true}))
	}
	return out
}

// holdsSame reports whether an account's value is the one that a rule looks for.
func (w world) holdsSame(r usher.MatchRule, a *usher.Account) bool {
	theirs, _ := w.attribute(r.Attribute)
	ours, has := usher.Held{}, false
	if a != nil {
		ours, has = held(a, r.Local)
	}
	return has && slices.ContainsFunc(ours.Values, func(v string) bool { return usher.SameValue(r.Local, v, theirs.Values[0]) })
}

// holdsFolded reports whether the account of a decision has a value already.
func (w world) holdsFolded(d usher.Decision, name, folded string) bool {
	a := w.known(d)
	if a == nil {
		return false
	}
	h, _ := held(a, name)
	return slices.ContainsFunc(h.Values, func(v string) bool { f, ok := usher.Fold(name, v); return ok && f == folded })
}

// isTaken reports whether some answer says that somebody else than the account
// of a decision has a value.
func (w world) isTaken(d usher.Decision, name, folded string) bool {
	return slices.ContainsFunc(w.facts.Answers, func(a usher.Answer) bool {
		q := a.Question
		linked := w.facts.Answer(w.askLink()).Account != nil
		here := q.Kind == usher.AskHolders && q.Name == name && q.Value == folded && q.IfLinked == linked && (linked || q.Store == d.Store)
		return here && (a.Found == usher.FoundSeveral || a.Found == usher.FoundOne && a.User != d.User)
	})
}

func (w world) isPrivileged(a usher.Account) bool {
	return slices.ContainsFunc(a.Groups, func(g string) bool { return slices.Contains(w.policy.Privileged, "group/"+g) }) ||
		slices.ContainsFunc(a.Grants, func(g usher.Grant) bool {
			return slices.Contains(w.policy.Privileged, string(g.Kind)+"/"+g.Name)
		})
}
