// Package decide makes a [usher.Decision] of a policy, an identity, the facts
// that were read and the answers a person gave: who this is here, whether they
// may come in, what they are asked first, and what must change for it.
// Everything else in Usher brings it its arguments or carries out what it says.
//
// The package is pure and total: any argument gives a decision, the same
// argument gives the same bytes, a refusal is a decision and not an error, and
// whatever is missing, unknown or unforeseen denies. It does not know how facts
// are read, how changes are made, what time it is, how a person is asked, what
// their password is, or what a claim was called before the mapping rules ran.
package decide

import "github.com/usher-id/usher"

// Needs lists what must be read before Decide can decide, each question once.
// It is empty when the questions that need nothing read deny already. A
// question with IfUnlinked need not be read when the link led to an account,
// one with IfLinked only then.
func Needs(p usher.Policy, id usher.Identity, a usher.Answers) []usher.Question {
	h := open(p, id, usher.Snapshot{}, a)
	if !h.mayBeHeard() {
		return nil
	}
	return h.needs()
}

// Decide decides. The snapshot must hold the answers to what Needs lists; one
// that is missing and matters denies with [usher.ReasonSnapshotIncomplete].
// What the person answered counts only if it was answered to this very policy.
func Decide(p usher.Policy, id usher.Identity, s usher.Snapshot, a usher.Answers) usher.Decision {
	h := open(p, id, s, a)
	if h.mayBeHeard() {
		h.hear()
	}
	return h.decision
}

// mayBeHeard asks what can be asked before anything is read.
func (h *hearing) mayBeHeard() bool {
	return h.isVouchedFor() && h.isSwitchedOn() && h.hasSubject() && h.isAdmitted() &&
		h.wentOn() && h.isWhole() && h.isUnderstood()
}

// hear asks the questions that need facts.
func (h *hearing) hear() {
	if h.isLocal() {
		h.signInHere()
		return
	}
	link, ok := h.findLink()
	switch {
	case !ok:
	case link.Account != nil:
		h.update(*link.Link, *link.Account)
	default:
		h.hearNewcomer(link.Link)
		h.withoutStore(link.Link)
	}
}

// hearNewcomer hears somebody who has no account, or whose account is gone.
func (h *hearing) hearNewcomer(link *usher.Link) {
	found, ok := h.match()
	switch {
	case !ok:
		return
	case found != nil:
		h.takeMatch(link, *found)
		return
	}
	switch h.whatBecomesOfANewcomer() {
	case usher.VerdictPassThrough:
		h.passThroughNewcomer(link)
	case usher.VerdictCreate:
		h.create(link)
	}
}
