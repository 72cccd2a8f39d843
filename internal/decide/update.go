package decide

import (
	"slices"

	"github.com/usher-id/usher"
)

// update lets a linked person in and brings the account up to date. The name of
// the account never changes.
func (h *hearing) update(link usher.Link, account usher.Account) {
	if !h.isActive(account.State) {
		return
	}
	h.settle(account.Store, account.ID)
	h.assume(usher.Assumption{Kind: usher.AssumeLinkIs, Store: link.Store, User: link.User})
	h.assume(usher.Assumption{Kind: usher.AssumeUserActive, Store: account.Store, User: account.ID})
	h.sync(account)

	reason := usher.ReasonUnchanged
	changed := len(h.store)+len(h.ledger) > 0
	if link.Pending {
		h.note(usher.Change{Op: usher.OpLink}) // finishes what was begun
	}
	h.note(usher.Change{Op: usher.OpLogin})
	if changed {
		reason = usher.ReasonUpdated
		h.note(usher.Change{Op: usher.OpTell, Name: "user.updated"})
	}
	h.admit(usher.VerdictUpdate, reason)
}

// sync asks what the account takes over from the provider.
func (h *hearing) sync(account usher.Account) {
	const question = "Is the account brought up to date?"
	switch {
	case !h.policy.JIT.Enabled:
		h.step(question, "no: the provider only signs people in", "jit.enabled")
		return
	case h.policy.Store.ReadOnly:
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
	held := make(map[string]usher.Held, len(account.Attributes))
	for _, a := range account.Attributes {
		held[a.Name] = a
	}
	for _, a := range h.identity.Attributes {
		now, has := held[a.Name]
		op, answer := h.attributeChange(a, now, has)
		h.step("Does the attribute "+a.Name+" change?", answer, a.Rule)
		if op == "" {
			continue
		}
		change := usher.Change{Op: op, Name: a.Name, Rule: a.Rule}
		if op == usher.OpSetAttribute {
			change.Values, change.Verified = a.Values, a.Verified
		}
		h.write(change)
		h.assume(usher.Assumption{
			Kind: usher.AssumeAttribute, Store: account.Store, User: account.ID,
			Name: a.Name, Values: now.Values, Verified: now.Verified,
		})
	}
}

// attributeChange is what happens to one attribute, "" for nothing, and the
// answer that tells it. A value that somebody else wrote, or changed since,
// stays whatever the mode.
func (h *hearing) attributeChange(a usher.Attribute, now usher.Held, has bool) (usher.ChangeOp, string) {
	mode := h.syncMode(a.Name)
	switch {
	case mode != usher.SyncOverride && mode != usher.SyncPreserveLocal:
		return "", "no: it is not synced after the first sign-in"
	case has && !h.wrote(now.Source):
		return "", "no: somebody else wrote it"
	case has && !now.Intact:
		return "", "no: it was changed here since this provider wrote it"
	}
	switch presence(a.Derived) {
	case usher.PresenceSet:
		if has && slices.Equal(a.Values, now.Values) && a.Verified == now.Verified {
			return "", "no: it is the same"
		}
		return usher.OpSetAttribute, "yes: the provider sent a new value"
	case usher.PresenceNull, usher.PresenceEmpty:
		return cleared(has, "the provider says there is none")
	case usher.PresenceAbsent:
		if mode == usher.SyncPreserveLocal {
			return "", "no: the provider sent nothing, and what is here is kept"
		}
		return cleared(has, "the provider sent nothing, and override removes it")
	}
	return "", "no: what the provider says is not known"
}

func cleared(has bool, why string) (usher.ChangeOp, string) {
	if !has {
		return "", "no: there is nothing to remove"
	}
	return usher.OpClearAttribute, "yes, it is removed: " + why
}

func (h *hearing) syncMode(attribute string) usher.SyncMode {
	if mode, ok := h.policy.JIT.Sync.PerAttribute[attribute]; ok {
		return mode
	}
	return h.policy.JIT.Sync.Attributes
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
