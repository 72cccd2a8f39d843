package decide_test

import (
	"reflect"
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

var laws = slices.Concat(lawsOfEntry, lawsOfStory, lawsOfAccounts, lawsOfLinking, lawsOfAsking, lawsOfSync, lawsOfReading)

// lawsOfEntry hold in every world, even one that nobody could have read.
var lawsOfEntry = []law{
	{"a refusal, and a question to the person, change nothing and name no account", func(_ world, d usher.Decision) string {
		return when(!d.Verdict.Admits() && (len(d.Changes) > 0 || d.User != "" || d.Store != ""), "it does")
	}},
	{"a refusal for a taken name or value stands on there being no account still, and no other refusal stands on anything", func(_ world, d usher.Decision) string {
		taken := d.Reason == usher.ReasonUsernameTaken || d.Reason == usher.ReasonAttributeTaken
		none := assumes(d, usher.AssumeLinkFree) || assumes(d, usher.AssumeLinkIs) && assumes(d, usher.AssumeUserGone)
		return when(d.Verdict == usher.VerdictDeny && taken != (none && len(d.Assumes) <= 2), "it does otherwise") +
			when(!d.Verdict.Admits() && !taken && len(d.Assumes) > 0, "it assumes")
	}},
	{"every decision has a reason and a story", func(_ world, d usher.Decision) string {
		return when(d.Reason == "" || len(d.Trace) == 0, "it has not")
	}},
	{"the reason fits the verdict", func(w world, d usher.Decision) string {
		switch {
		case w.identity.Fault.Reason != "":
			return when(d.Verdict != usher.VerdictDeny, "a fault ends in "+d.Verdict.String())
		case d.Verdict == usher.VerdictPrompt:
			return when(d.Reason != usher.ReasonPromptDetails && d.Reason != usher.ReasonPromptProof, "asked with "+string(d.Reason))
		}
		return when(admits(d.Reason) != d.Verdict.Admits(), d.Verdict.String()+" with "+string(d.Reason))
	}},
	{"who is asked is asked something, and nobody else is asked anything", func(_ world, d usher.Decision) string {
		return when((d.Verdict == usher.VerdictPrompt) != (len(d.Prompts) > 0), d.Verdict.String())
	}},
	{"nobody is admitted whom the provider does not vouch for", func(w world, d usher.Decision) string {
		return when(d.Verdict.Admits() && w.identity.Fault != usher.Fault{}, "admitted")
	}},
	{"nobody is admitted through what is switched off, or by the policy of somebody else", func(w world, d usher.Decision) string {
		p := w.policy
		off := !p.Tenant.Enabled || !p.IdP.Enabled || !p.Application.Enabled || p.Tenant.Name != w.identity.Tenant || p.IdP.Name != w.identity.IdP
		return when(d.Verdict.Admits() && off, "admitted")
	}},
	{"an application is entered only by the providers it allows, and without an account only if it takes that", func(w world, d usher.Decision) string {
		a := w.policy.Application
		return when(d.Verdict.Admits() && len(a.Providers) > 0 && !slices.Contains(a.Providers, w.identity.IdP), "admitted") +
			when(d.Verdict == usher.VerdictPassThrough && a.NeedsAccount, "without an account")
	}},
	{"nobody is admitted without a subject of 1 to 255 bytes of text", func(w world, d usher.Decision) string {
		s, isText := w.identity.Subject.Text()
		return when(d.Verdict.Admits() && (!isText || strings.TrimSpace(s) == "" || len(s) > 255), "admitted")
	}},
	{"nobody is admitted whom the admit condition refused, or failed to judge", func(w world, d usher.Decision) string {
		a := w.identity.Admission
		return when(d.Verdict.Admits() && (a.Failed || !a.Admitted), "admitted")
	}},
	{"nobody is admitted without an assumption on the link, or on the account whose password was given", func(w world, d usher.Decision) string {
		stands := assumes(d, usher.AssumeLinkFree) || assumes(d, usher.AssumeLinkIs) || w.identity.IdP == usher.LocalIdP && assumes(d, usher.AssumeUserActive)
		return when(d.Verdict.Admits() && !stands, "admitted")
	}},
	{"who left is not let in, and it takes nothing about them to say so", func(w world, d usher.Decision) string {
		if w.answers.Left == usher.LeftNot {
			return ""
		}
		return when(d.Verdict != usher.VerdictDeny || !reflect.DeepEqual(redacted(w).decide(), d), d.Verdict.String())
	}},
	{"answers to another policy change nothing", func(w world, _ usher.Decision) string {
		if reflect.DeepEqual(w.answers, usher.Answers{}) {
			return "" // nothing was answered
		}
		other := w
		other.answers.Policy = "another" + w.policy.Version
		silent := w
		silent.answers = usher.Answers{Left: w.answers.Left, Policy: w.policy.Version}
		return when(!reflect.DeepEqual(other.decide(), silent.decide()) || !slices.Equal(other.needs(), silent.needs()), "they do")
	}},
}

// redacted is a world without anything that tells who somebody was.
func redacted(w world) world {
	bare := func(d usher.Derived) usher.Derived { d.Values = nil; return d }
	id := w.identity
	id.Username, id.Groups, id.Store = bare(id.Username), bare(id.Groups), bare(id.Store)
	id.Attributes, id.Home, id.Redacted = nil, usher.AccountRef{}, true
	w.identity, w.facts, w.answers = id, usher.Snapshot{}, usher.Answers{Left: w.answers.Left}
	return w
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
	{"no step shows a claim value, or what a person typed", func(_ world, d usher.Decision) string {
		for _, s := range d.Trace { // what made-up people say all holds this mark
			if strings.Contains(s.Question+s.Answer+s.Rule, claimMark) {
				return s.Question + " " + s.Answer
			}
		}
		return ""
	}},
}

func admits(r usher.Reason) bool {
	return slices.Contains([]usher.Reason{
		usher.ReasonCreated, usher.ReasonVanishedAnew, usher.ReasonResumedPending, usher.ReasonUpdated,
		usher.ReasonUnchanged, usher.ReasonPassJITOff, usher.ReasonPassNoMatch, usher.ReasonPassStoreDown,
		usher.ReasonLinkedAuto, usher.ReasonLinkedProven, usher.ReasonLocal,
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

// written is every attribute that a decision writes.
func written(d usher.Decision) []usher.Change { return changes(d, usher.OpSetAttribute) }

// askLink and askSeen are the questions of a world; link, account and seenBy
// are what its facts answer.
func (w world) askLink() usher.Question {
	return usher.Question{Kind: usher.AskLink, IdP: w.identity.IdP, Subject: w.identity.Sub()}
}

func (w world) askSeen() usher.Question {
	return usher.Question{Kind: usher.AskSeen, IdP: w.identity.IdP, Subject: w.identity.Sub(), IfUnlinked: true}
}

func (w world) link() *usher.Link { return w.facts.Answer(w.askLink()).Link }
func (w world) seenBy() []string  { return w.facts.Answer(w.askSeen()).Applications }

// account is the account the person has: linked, or the one they signed in to
// here.
func (w world) account() *usher.Account {
	if home := w.identity.Home; w.identity.IdP == usher.LocalIdP {
		return w.facts.Answer(usher.Question{Kind: usher.AskAccount, Store: home.Store, User: home.User}).Account
	}
	return w.facts.Answer(w.askLink()).Account
}

// known is the account that a decision is about, as some answer tells of it.
func (w world) known(d usher.Decision) *usher.Account {
	for _, a := range w.facts.Answers {
		if a.Account != nil && a.Account.ID == d.User && a.Account.Store == d.Store {
			return a.Account
		}
	}
	return nil
}
