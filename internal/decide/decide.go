// Package decide makes a [usher.Decision] of a policy, an identity and the
// facts that were read: who this is here, whether they may come in, and what
// must change for it. Everything else in Usher brings it its arguments or
// carries out what it says.
//
// The package is pure and total: any argument gives a decision, the same
// argument gives the same bytes, a refusal is a decision and not an error, and
// whatever is missing, unknown or unforeseen denies. It does not know how facts
// are read, how changes are made, what time it is, or what a claim was called
// before the mapping rules ran.
package decide

import "github.com/usher-id/usher"

// Needs lists what must be read before Decide can decide. It is empty when the
// questions that need nothing read deny already. A question with IfUnlinked
// need not be read when the link led to an account.
func Needs(p usher.Policy, id usher.Identity, _ usher.Answers) []usher.Question {
	h := &hearing{policy: p, identity: id}
	if !h.mayBeHeard() {
		return nil
	}
	questions := []usher.Question{h.askLink()}
	switch h.whatBecomesOfANewcomer() {
	case usher.VerdictPassThrough:
		questions = append(questions, h.askSeen())
	case usher.VerdictCreate:
		for _, name := range h.candidates() {
			questions = append(questions, h.askUsername(name.text))
		}
		questions = append(questions, h.askSeen())
	}
	return questions
}

// Decide decides. The snapshot must hold the answers to what Needs lists; one
// that is missing and matters denies with [usher.ReasonSnapshotIncomplete].
func Decide(p usher.Policy, id usher.Identity, s usher.Snapshot, _ usher.Answers) usher.Decision {
	h := &hearing{policy: p, identity: id, facts: s}
	if h.mayBeHeard() {
		h.hear()
	}
	return h.decision
}

// mayBeHeard asks what can be asked before anything is read.
func (h *hearing) mayBeHeard() bool {
	return h.isVouchedFor() && h.isSwitchedOn() && h.hasSubject() && h.isAdmitted()
}

// hear asks the questions that need facts.
func (h *hearing) hear() {
	link, ok := h.findLink()
	if !ok {
		return
	}
	if link.Account != nil {
		h.update(*link.Link, *link.Account)
		return
	}
	h.step("Do match rules find someone?", "no rules are set", "jit.link.rules")
	switch h.whatBecomesOfANewcomer() {
	case usher.VerdictPassThrough:
		h.passThrough(link.Link)
	case usher.VerdictCreate:
		h.create(link.Link)
	}
}
