package decide

import "github.com/usher-id/usher"

// findLink asks who the subject is here. The link is the only key to an
// account; a username or an address never is.
func (h *hearing) findLink() (usher.Answer, bool) {
	const question = "Is this person linked to an account?"
	a := h.facts.Answer(h.askLink())
	switch {
	case a.Found == usher.FoundSeveral:
		h.step(question, "to more than one, which must not happen", "")
		return a, h.deny(usher.ReasonLinkAmbiguous)
	case !coherent(a):
		return a, h.incomplete(question, a.Why)
	case a.Link == nil:
		h.step(question, "no", "")
		return a, true
	case a.Account != nil:
		h.step(question, "yes", "")
	case a.Link.Pending:
		h.step(question, "almost: an earlier sign-in began to make one and was cut off", "")
	default:
		h.step(question, "yes, but that account is gone", "")
	}
	return a, h.isSameIssuer(a.Link.Issuer) && h.isStoreInUse(a.Link.Store)
}

// isSameIssuer asks whether a link was made by the issuer that vouches now. The
// subjects of another one are other people, unless the policy says otherwise.
func (h *hearing) isSameIssuer(then string) bool {
	const question = "Is the link the word of the issuer that vouches now?"
	if then != h.identity.Issuer && then != "" && h.policy.JIT.Relink {
		h.step(question, "no, but it counts", "relink")
		return true
	}
	return h.require(then == "" || then == h.identity.Issuer, question, "another one made it", "relink", usher.ReasonIssuerChanged)
}

// coherent reports whether an answer about a link is one of the three that a
// single link can have: none, one with its account, one without.
func coherent(a usher.Answer) bool {
	switch a.Found {
	case usher.FoundNone:
		return a.Link == nil && a.Account == nil
	case usher.FoundOne:
		return a.Link != nil && a.Link.User != "" &&
			(a.Account == nil || a.Account.ID == a.Link.User && a.Account.Store == a.Link.Store)
	}
	return false
}

// isStoreInUse asks whether a store may be used. One that the policy does not
// know is not in use.
func (h *hearing) isStoreInUse(name string) bool {
	s := h.policy.Store(name)
	return h.require(s.Enabled, "Is the user store in use?",
		"it is disabled, or this policy does not know it", "jit.store", usher.ReasonStoreDisabled)
}

// isActive asks whether the account may be used. No sign-in ever changes that.
func (h *hearing) isActive(state usher.AccountState) bool {
	reason, why := stateFault(state)
	return h.require(reason == "", "Is the account active?", why, "", reason)
}

func stateFault(s usher.AccountState) (usher.Reason, string) {
	switch s {
	case usher.StateActive:
		return "", ""
	case usher.StateLocked:
		return usher.ReasonAccountLocked, "it is locked, and a sign-in never unlocks it"
	case usher.StatePending:
		return usher.ReasonAccountPending, "it is not ready yet"
	case usher.StateExpired:
		return usher.ReasonAccountExpired, "it has expired, and a sign-in never prolongs it"
	case usher.StateDisabled:
		return usher.ReasonAccountDisabled, "it is disabled, and a sign-in never enables it"
	}
	return usher.ReasonAccountDisabled, "its state is none that Usher knows"
}
