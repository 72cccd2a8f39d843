package decide

import "github.com/usher-id/usher"

// isLocal reports whether the person signed in here, by a password of ours.
func (h *hearing) isLocal() bool { return h.identity.IdP == usher.LocalIdP }

// signInHere lets somebody in whose password was given. There is no link and no
// provider to take anything over from; what the application needs and what must
// be agreed to is asked as of anybody with an account.
func (h *hearing) signInHere() {
	const question = "Is there the account whose password was given?"
	h.arrival = local
	home := h.identity.Home
	a := h.facts.Answer(h.askAccount())
	switch {
	case !h.isStoreInUse(home.Store):
		return
	case a.Found == usher.FoundNone && a.Account == nil:
		h.require(false, question, "it is gone", "", usher.ReasonLocalRefused)
		return
	case a.Found != usher.FoundOne || a.Account == nil || a.Account.ID != home.User || a.Account.Store != home.Store:
		h.incomplete(question, a.Why)
		return
	}
	h.step(question, "yes", "")
	if !h.isActive(a.Account.State) {
		return
	}
	h.assume(usher.Assumption{Kind: usher.AssumeUserActive, Store: home.Store, User: home.User})
	if !h.bringUpToDate(*a.Account) {
		return
	}
	if h.hasChanged() {
		h.tell("user.updated")
	}
	h.admitTo(home.User, usher.VerdictUpdate, usher.ReasonLocal)
}
