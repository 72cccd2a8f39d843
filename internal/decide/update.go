package decide

import (
	"slices"

	"github.com/usher-id/usher"
)

// update lets a linked person in and brings the account up to date. The name of
// the account never changes.
func (h *hearing) update(link usher.Link, account usher.Account) {
	h.arrival = linked
	if !h.isActive(account.State) {
		return
	}
	h.assume(usher.Assumption{Kind: usher.AssumeLinkIs, Store: link.Store, User: link.User})
	h.assume(usher.Assumption{Kind: usher.AssumeUserActive, Store: account.Store, User: account.ID})
	if !h.bringUpToDate(account) {
		return
	}
	if link.Pending {
		h.note(usher.Change{Op: usher.OpLink}) // finishes what was begun
	}
	h.note(usher.Change{Op: usher.OpLogin})
	reason := usher.ReasonUnchanged
	if h.hasChanged() {
		reason = usher.ReasonUpdated
		h.tell("user.updated")
	}
	h.admitTo(account.ID, usher.VerdictUpdate, reason)
}

// bringUpToDate gathers what changes in an account that was here before, and
// what its owner is asked. It reports false if they are refused or asked.
func (h *hearing) bringUpToDate(account usher.Account) bool {
	h.place = h.policy.Store(account.Store)
	for _, a := range account.Attributes {
		h.holds[a.Name] = len(a.Values) > 0
	}
	for _, a := range h.identity.Attributes {
		h.holds[a.Name] = h.holds[a.Name] || h.isSent(a.Name)
	}
	h.hearRequirements()
	h.hearConsents(account.Receipts)
	if !h.isLocal() {
		h.sync(account)
	}
	if !h.complete(account) {
		return false
	}
	h.askConsents()
	return !h.prompted()
}

// sync asks what the account takes over from the provider.
func (h *hearing) sync(account usher.Account) {
	const question = "Is the account brought up to date?"
	switch {
	case !h.policy.JIT.Enabled:
		h.step(question, "no: the provider only signs people in", "jit.enabled")
		return
	case h.place.ReadOnly:
		h.step(question, "roles only: the user store is read-only", "jit.store")
	default:
		h.step(question, "yes, in what this provider wrote", "jit.sync")
		h.syncAttributes(account)
	}
	h.syncGrants(account)
}

// syncAttributes asks about each mapped attribute. One that is no longer mapped
// is not asked about and stays.
func (h *hearing) syncAttributes(account usher.Account) {
	for _, a := range h.identity.Attributes {
		op, answer := h.attributeChange(a, heldBy(account, a.Name))
		var free []usher.Assumption
		if op == usher.OpSetAttribute {
			var standing usher.Answer
			standing, free = h.others(account, named{a.Name, a.Values})
			switch standing.Found {
			case usher.FoundNone:
			case usher.FoundOne, usher.FoundSeveral:
				op, answer = "", "no: somebody else has that value, which the user store keeps unique"
				h.tell("attribute.conflict")
			default:
				op, answer = "", "no: it is not known whether somebody else has that value"
			}
		}
		h.step("Does the attribute "+a.Name+" change?", answer, a.Rule)
		if op == "" {
			continue
		}
		change := usher.Change{Op: op, Name: a.Name, Rule: a.Rule}
		if op == usher.OpSetAttribute {
			change.Values, change.Verified = a.Values, a.Verified
		}
		h.setAttribute(account, change, free)
	}
}

// attributeChange is what happens to one attribute, "" for nothing, and the
// answer that tells it.
func (h *hearing) attributeChange(a usher.Attribute, now usher.Held) (usher.ChangeOp, string) {
	has, refused := now.Name != "", !h.allows(a.Name)
	if why := h.untouched(a, now, refused); why != "" {
		return "", "no: " + why
	}
	switch p := presence(a.Derived); {
	case refused && has:
		return usher.OpClearAttribute, "yes, it is removed: the person does not agree to it"
	case refused:
		return "", "no: the person does not agree to it"
	case p == usher.PresenceSet && has && slices.Equal(a.Values, now.Values) && a.Verified == now.Verified:
		return "", "no: it is the same"
	case p == usher.PresenceSet:
		return usher.OpSetAttribute, "yes: the provider sent a new value"
	case p == usher.PresenceNull || p == usher.PresenceEmpty:
		return h.cleared(a.Name, has, "the provider says there is none")
	case p != usher.PresenceAbsent:
		return "", "no: what the provider says is not known"
	case h.syncMode(a.Name) == usher.SyncPreserveLocal:
		return "", "no: the provider sent nothing, and what is here is kept"
	}
	return h.cleared(a.Name, has, "the provider sent nothing, and override removes it")
}

// untouched is why a sign-in leaves an attribute alone, "" if it need not. A
// value that somebody else wrote, or changed since, stays whatever the mode. A
// refusal is the person's own word and stronger than the mode.
func (h *hearing) untouched(a usher.Attribute, now usher.Held, refused bool) string {
	has := now.Name != ""
	switch {
	case a.Passing:
		return "it is for the application only, and never kept"
	case !refused && !h.isSynced(a.Name):
		return "it is not synced after the first sign-in"
	case has && !h.wrote(now.Source):
		return "somebody else wrote it"
	case has && !now.Intact:
		return "it was changed here since this provider wrote it"
	case has && !refused && slices.Contains(h.policy.JIT.Sync.Protected, a.Name):
		return "it is protected"
	}
	return ""
}

// cleared removes an attribute, unless it is one that must be there.
func (h *hearing) cleared(name string, has bool, why string) (usher.ChangeOp, string) {
	switch {
	case !has:
		return "", "no: there is nothing to remove"
	case h.isRequired(name):
		return "", "no: it is required, so what is here is kept"
	}
	return usher.OpClearAttribute, "yes, it is removed: " + why
}

func (h *hearing) syncMode(attribute string) usher.SyncMode {
	if mode, ok := h.policy.JIT.Sync.PerAttribute[attribute]; ok {
		return mode
	}
	return h.policy.JIT.Sync.Attributes
}

// isSynced reports whether a later sign-in may change an attribute.
func (h *hearing) isSynced(attribute string) bool {
	mode := h.syncMode(attribute)
	return mode == usher.SyncOverride || mode == usher.SyncPreserveLocal
}

// wrote reports whether a source is this very provider.
func (h *hearing) wrote(s usher.Source) bool {
	return s.Kind == usher.SourceIdP && s.Name == h.identity.IdP
}

// presence is how a mapped value is there. One that claims to be set and holds
// nothing contradicts itself, and is not known.
func presence(d usher.Derived) usher.Presence {
	if d.Presence == usher.PresenceSet && len(d.Values) == 0 {
		return usher.PresenceUnknown
	}
	return d.Presence
}
