package decide

import "github.com/usher-id/usher"

// hearing is one sign-in being decided. Changes and assumptions are gathered
// apart from the decision and enter it only when somebody is admitted, so a
// refusal can't carry a change; the one that carries assumptions takes them
// over itself. The zero decision denies.
type hearing struct {
	policy   usher.Policy
	identity usher.Identity
	facts    usher.Snapshot

	decision usher.Decision
	store    []usher.Change // changes in the user store, which come first
	ledger   []usher.Change // changes in the ledger
	assumes  []usher.Assumption
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

// deny refuses. It reports false, so that a question can end with it.
func (h *hearing) deny(reason usher.Reason) bool {
	h.decision.Verdict, h.decision.Reason = usher.VerdictDeny, reason
	return false
}

// admit lets the person in, with everything gathered so far.
func (h *hearing) admit(verdict usher.Verdict, reason usher.Reason) {
	h.decision.Verdict, h.decision.Reason = verdict, reason
	h.decision.Changes = append(h.store, h.ledger...)
	h.decision.Assumes = h.assumes
}

// settle names the account that the decision is about.
func (h *hearing) settle(store string, user usher.UserID) {
	h.decision.Store, h.decision.User = store, user
}

func (h *hearing) write(c usher.Change)      { h.store = append(h.store, c) }
func (h *hearing) note(c usher.Change)       { h.ledger = append(h.ledger, c) }
func (h *hearing) assume(a usher.Assumption) { h.assumes = append(h.assumes, a) }

// because joins an answer and its reason.
func because(answer, why string) string {
	if why == "" {
		return answer
	}
	return answer + ": " + why
}

func (h *hearing) askLink() usher.Question {
	return usher.Question{Kind: usher.AskLink, IdP: h.identity.IdP, Subject: h.identity.Sub()}
}

func (h *hearing) askSeen() usher.Question {
	return usher.Question{Kind: usher.AskSeen, IdP: h.identity.IdP, Subject: h.identity.Sub(), IfUnlinked: true}
}

func (h *hearing) askUsername(name string) usher.Question {
	return usher.Question{Kind: usher.AskUsername, Store: h.policy.JIT.Store, Name: name, IfUnlinked: true}
}
