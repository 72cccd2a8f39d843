package decide

import (
	"slices"
	"strconv"

	"github.com/usher-id/usher"
)

// agreement is what a person has said to one purpose, in a receipt or now.
type agreement struct {
	purpose  usher.Purpose
	asked    bool // no receipt settles it
	settled  bool
	agreed   []string       // attributes, sorted, if it is settled
	now      *usher.Consent // what was said now and settles it
	problem  usher.Unfit
	accepted bool
}

// asksConsent reports whether purposes are agreed to: where an account is made
// or used. Who only passes, or comes where nothing is provisioned, agrees to
// nothing.
func (h *hearing) asksConsent() bool {
	return h.policy.JIT.Ask.AsksConsent() && (h.policy.JIT.Enabled || h.isLocal())
}

// hearConsents asks of every purpose what the person said to it: what the
// account's receipts say first, and what was answered now to the others. A
// receipt of another version does not count.
func (h *hearing) hearConsents(receipts []usher.Receipt) {
	if !h.asksConsent() {
		return
	}
	for _, p := range h.policy.Purposes {
		a := agreement{purpose: p}
		question := "Does the person agree to the purpose " + p.Name + "?"
		switch {
		case h.hearReceipt(&a, receipts):
			h.step(question, yesOrNo(a.accepted)+", as they said before", "jit.purposes")
		case h.hearAnswer(&a):
			h.step(question, yesOrNo(a.accepted), "jit.purposes")
		case a.problem != usher.Fits:
			h.step(question, "no, but they must: they are asked again", "jit.purposes")
		default:
			h.step(question, "not known for version "+strconv.Itoa(p.Version)+": they are asked", "jit.purposes")
		}
		h.agreements = append(h.agreements, a)
	}
}

func yesOrNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// hearReceipt settles a purpose by a receipt of its very version.
func (h *hearing) hearReceipt(a *agreement, receipts []usher.Receipt) bool {
	i := slices.IndexFunc(receipts, func(r usher.Receipt) bool { return r.Purpose == a.purpose.Name && r.Version == a.purpose.Version })
	if i >= 0 && h.settle(a, receipts[i].Accepted, receipts[i].Attributes) {
		return true
	}
	a.asked = true
	return false
}

// hearAnswer settles a purpose by what was answered now.
func (h *hearing) hearAnswer(a *agreement) bool {
	i := slices.IndexFunc(h.answers.Consents, func(c usher.Consent) bool {
		return c.Purpose == a.purpose.Name && c.Version == a.purpose.Version
	})
	if i < 0 {
		return false
	}
	said := h.answers.Consents[i]
	if !h.settle(a, said.Accepted, said.Attributes) {
		a.problem = usher.UnfitNeeded
		return false
	}
	said.Attributes = a.agreed
	a.now = &said
	return true
}

// settle takes what was said to a purpose, if that is enough: a mandatory one
// must be accepted, and so must every attribute in it that is required anyway.
// Nothing is agreed to that the purpose does not list.
func (h *hearing) settle(a *agreement, accepted bool, attributes []string) bool {
	var agreed []string
	for _, p := range a.purpose.Attributes {
		switch {
		case accepted && (p.Mandatory || slices.Contains(attributes, p.Name)):
			agreed = append(agreed, p.Name)
		case h.isRequired(p.Name):
			return false
		}
	}
	if a.purpose.Mandatory && !accepted {
		return false
	}
	slices.Sort(agreed)
	a.settled, a.accepted, a.agreed = true, accepted, slices.Compact(agreed)
	return true
}

// allows reports whether the person lets an attribute be kept. One that no
// purpose lists needs no agreement; any other needs it in one of them. What is
// not settled yet forbids nothing, for nothing is done before it is.
func (h *hearing) allows(name string) bool {
	listed := false
	for _, a := range h.agreements {
		if !slices.ContainsFunc(a.purpose.Attributes, func(p usher.PurposeAttribute) bool { return p.Name == name }) {
			continue
		}
		if !a.settled || slices.Contains(a.agreed, name) {
			return true
		}
		listed = true
	}
	return !listed
}

// askConsents asks for what is not settled, and keeps what was said now.
func (h *hearing) askConsents() {
	for _, a := range h.agreements {
		if a.asked {
			h.ask(usher.Prompt{Kind: usher.PromptConsent, Name: a.purpose.Name, Version: a.purpose.Version, Problem: a.problem}, !a.settled)
		}
		if a.now != nil {
			h.note(usher.Change{Op: usher.OpConsent, Consent: a.now})
			h.tell("consent.given")
		}
	}
}
