package decide

import (
	"slices"

	"github.com/usher-id/usher"
)

// hearing is one sign-in being decided. Changes, prompts and assumptions are
// gathered apart from the decision and enter it only at its end, so a refusal
// can't carry a change; the one that carries assumptions takes them over
// itself. The zero decision denies.
type hearing struct {
	policy   usher.Policy
	identity usher.Identity
	facts    usher.Snapshot
	answers  usher.Answers // those that count

	// What was found out on the way.
	arrival    arrival
	place      usher.StorePolicy // the store of the account
	base       string            // what a new account would be called, "" if nothing says
	fellBack   bool              // the store is not the one that was chosen
	down       bool              // a store did not answer, and it mattered
	required   []requirement     // attributes that must be there in the end, by name
	holds      map[string]bool   // attributes that the account has in the end
	agreements []agreement       // what the person said to each purpose, in the policy's order
	relied     []usher.Assumption

	decision usher.Decision
	asks     []ask
	store    []usher.Change // changes in the user store, which come first
	ledger   []usher.Change // changes in the ledger
	tells    []string       // events, which come last
	assumes  []usher.Assumption
}

// arrival is how somebody comes to an account.
type arrival uint8

const (
	unlinked arrival = iota // by no link: an account is made or found
	linked                  // by a link
	local                   // by a password of ours
)

// ask is one thing the person is asked. One that is not open was answered well;
// it is shown again only beside one that is.
type ask struct {
	prompt usher.Prompt
	open   bool
}

// open begins a hearing. Answers to the prompts of another policy do not count;
// that the person left always does.
func open(p usher.Policy, id usher.Identity, s usher.Snapshot, a usher.Answers) *hearing {
	if a.Policy != p.Version {
		a = usher.Answers{Left: a.Left}
	}
	return &hearing{
		policy: p, identity: id, facts: s, answers: a, holds: map[string]bool{},
		decision: usher.Decision{Trace: make([]usher.Step, 0, 24)},
	}
}

// step tells one question and its answer. It is read by people, and holds no
// claim value: names in it come from the policy or from the store.
func (h *hearing) step(question, answer, rule string) {
	h.decision.Trace = append(h.decision.Trace, usher.Step{Question: question, Answer: answer, Rule: rule})
}

// require asks a question that must be answered with yes; otherwise is what a
// no is told with, and reason is why it denies.
func (h *hearing) require(yes bool, question, otherwise, rule string, reason usher.Reason) bool {
	if yes {
		h.step(question, "yes", rule)
		return true
	}
	h.step(question, because("no", otherwise), rule)
	return h.deny(reason)
}

// incomplete denies because the answer to a question is not known.
func (h *hearing) incomplete(question, why string) bool {
	h.step(question, because("not known", why), "")
	return h.deny(usher.ReasonSnapshotIncomplete)
}

// unread denies because a store's answer is not known, and remembers whether
// the store is down.
func (h *hearing) unread(question string, a usher.Answer) bool {
	h.down = h.down || a.Down
	return h.incomplete(question, a.Why)
}

// deny refuses. It reports false, so that a question can end with it.
func (h *hearing) deny(reason usher.Reason) bool {
	h.decision.Verdict, h.decision.Reason = usher.VerdictDeny, reason
	return false
}

// admit lets the person in, with everything gathered so far.
func (h *hearing) admit(verdict usher.Verdict, reason usher.Reason) {
	h.decision.Verdict, h.decision.Reason = verdict, reason
	for _, event := range h.tells {
		h.note(usher.Change{Op: usher.OpTell, Name: event})
	}
	h.decision.Changes = append(h.store, h.ledger...)
	h.decision.Assumes = h.assumes
}

// admitTo lets the person in to an account of the store they have come to.
func (h *hearing) admitTo(user usher.UserID, verdict usher.Verdict, reason usher.Reason) {
	h.decision.Store, h.decision.User = h.place.Name, user
	h.admit(verdict, reason)
}

// prompted asks the person, if anything is still open. Everything that belongs
// on the page is on it, so that it is one page.
func (h *hearing) prompted() bool {
	if !slices.ContainsFunc(h.asks, func(a ask) bool { return a.open }) {
		return false
	}
	h.step("Is everything there that the person must give?", "no: they are asked", "jit.ask")
	h.decision.Verdict, h.decision.Reason = usher.VerdictPrompt, usher.ReasonPromptDetails
	for _, a := range h.asks {
		h.decision.Prompts = append(h.decision.Prompts, a.prompt)
	}
	return true
}

func (h *hearing) ask(p usher.Prompt, open bool) { h.asks = append(h.asks, ask{p, open}) }
func (h *hearing) write(c usher.Change)          { h.store = append(h.store, c) }
func (h *hearing) note(c usher.Change)           { h.ledger = append(h.ledger, c) }

// tell queues an event, once.
func (h *hearing) tell(event string) {
	if !slices.Contains(h.tells, event) {
		h.tells = append(h.tells, event)
	}
}

// assume adds a fact, once.
func (h *hearing) assume(facts ...usher.Assumption) {
	for _, a := range facts {
		if !slices.ContainsFunc(h.assumes, func(b usher.Assumption) bool {
			return a.Kind == b.Kind && a.Store == b.Store && a.User == b.User && a.Name == b.Name &&
				a.Verified == b.Verified && slices.Equal(a.Values, b.Values)
		}) {
			h.assumes = append(h.assumes, a)
		}
	}
}

// hasChanged reports whether the account is another than it was: what its
// owner agreed to, and that a sign-in was noted, is not part of it.
func (h *hearing) hasChanged() bool {
	return len(h.store) > 0 || slices.ContainsFunc(h.ledger, func(c usher.Change) bool {
		return c.Op == usher.OpGrant || c.Op == usher.OpRevoke
	})
}

// because joins an answer and its reason.
func because(answer, why string) string {
	if why == "" {
		return answer
	}
	return answer + ": " + why
}
