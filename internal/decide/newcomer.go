package decide

import (
	"slices"
	"strings"

	"github.com/usher-id/usher"
)

// whatBecomesOfANewcomer asks what happens to a person who has no account here.
// Policy and identity alone answer, so that Needs asks exactly this too.
func (h *hearing) whatBecomesOfANewcomer() usher.Verdict {
	const may, then = "May this provider's people have accounts made?", "What happens to somebody who is new?"
	if !h.policy.JIT.Enabled {
		h.step(may, "no: they pass through without one", "jit.enabled")
		return usher.VerdictPassThrough
	}
	h.step(may, "yes", "jit.enabled")
	switch h.policy.JIT.NoMatch {
	case usher.NoMatchPassThrough:
		h.step(then, "they pass through without an account", "jit.link.noMatch")
		return usher.VerdictPassThrough
	case usher.NoMatchCreate:
		h.step(then, "an account is made", "jit.link.noMatch")
	default:
		h.step(then, "they are not let in", "jit.link.noMatch")
		h.deny(usher.ReasonNoMatch)
		return usher.VerdictDeny
	}
	if h.isStoreInUse(h.policy.JIT.Store) && h.isStoreWritable() && h.hasName() {
		return usher.VerdictCreate
	}
	return usher.VerdictDeny
}

func (h *hearing) isStoreWritable() bool {
	return h.require(!h.policy.Store.ReadOnly, "Can an account be made in the user store?",
		"it is read-only", "jit.store", usher.ReasonStoreReadOnly)
}

// passThrough lets the person in without an account. The application is noted,
// so that it keeps the sub it saw if an account is made one day.
func (h *hearing) passThrough(link *usher.Link) {
	known, ok := h.knownBy()
	if !ok {
		return
	}
	if app := h.policy.Application.Name; !slices.Contains(known, app) {
		h.note(usher.Change{Op: usher.OpSeen, Name: app})
	}
	h.assumeNoAccount(link)
	reason := usher.ReasonPassNoMatch
	if !h.policy.JIT.Enabled {
		reason = usher.ReasonPassJITOff
	}
	h.admit(usher.VerdictPassThrough, reason)
}

// create makes an account and links it, or finishes one that was begun.
func (h *hearing) create(link *usher.Link) {
	canonical, username, ok := h.freeName()
	if !ok {
		h.standOnNoAccount(link)
		return
	}
	known, ok := h.knownBy()
	if !ok {
		return
	}
	user, reason := h.newAccount(link)
	if user == "" {
		h.incomplete("Which id does the new account get?", "no fresh one was reserved")
		return
	}
	store := h.policy.Store.Name
	h.settle(store, user)
	h.assumeNoAccount(link)
	h.assume(usher.Assumption{Kind: usher.AssumeUsernameFree, Store: store, Name: canonical})

	h.write(usher.Change{Op: usher.OpCreateUser, Name: username, Values: []string{canonical}})
	if reason == usher.ReasonVanishedAnew {
		h.note(usher.Change{Op: usher.OpUnlink})
	}
	h.firstAttributes()
	h.firstGrants()
	h.note(usher.Change{Op: usher.OpLink})
	for _, app := range known {
		h.note(usher.Change{Op: usher.OpAlias, Name: app})
	}
	h.note(usher.Change{Op: usher.OpTell, Name: "user.created"})
	h.admit(usher.VerdictCreate, reason)
}

// newAccount is the id of the account to make, and why it is made. An account
// that is gone leaves nothing behind, least of all its id; "" means that no id
// can be had.
func (h *hearing) newAccount(link *usher.Link) (usher.UserID, usher.Reason) {
	switch reserved := h.facts.Reserved; {
	case link == nil:
		return reserved, usher.ReasonCreated
	case link.Pending:
		return link.User, usher.ReasonResumedPending
	case link.User == reserved:
		return "", usher.ReasonVanishedAnew
	default:
		return reserved, usher.ReasonVanishedAnew
	}
}

// assumeNoAccount assumes that the person still has no account: no link, or one
// that leads nowhere.
func (h *hearing) assumeNoAccount(link *usher.Link) {
	if link == nil {
		h.assume(usher.Assumption{Kind: usher.AssumeLinkFree})
		return
	}
	h.assume(usher.Assumption{Kind: usher.AssumeLinkIs, Store: link.Store, User: link.User})
	h.assume(usher.Assumption{Kind: usher.AssumeUserGone, Store: link.Store, User: link.User})
}

// knownBy asks which applications know the person without an account.
func (h *hearing) knownBy() ([]string, bool) {
	const question = "Which applications know this person without an account?"
	a := h.facts.Answer(h.askSeen())
	some := a.Found == usher.FoundOne || a.Found == usher.FoundSeveral
	switch {
	case some && len(a.Applications) > 0:
		h.step(question, strings.Join(a.Applications, ", ")+": the identifier they know stays", "")
	case a.Found == usher.FoundNone && len(a.Applications) == 0:
		h.step(question, "none", "")
	default:
		return nil, h.incomplete(question, a.Why)
	}
	return a.Applications, true
}

// standOnNoAccount lets a refusal for a taken name stand only if the person
// still has no account: the link and the names were read one after the other,
// and whoever took the name in between may have been this very person, signing
// in at the same moment.
func (h *hearing) standOnNoAccount(link *usher.Link) {
	if h.decision.Reason == usher.ReasonUsernameTaken {
		h.assumeNoAccount(link)
		h.decision.Assumes = h.assumes
	}
}

// firstAttributes gives a new account every attribute the provider sent.
func (h *hearing) firstAttributes() {
	var names []string
	for _, a := range h.identity.Attributes {
		if presence(a.Derived) == usher.PresenceSet {
			h.write(usher.Change{Op: usher.OpSetAttribute, Name: a.Name, Values: a.Values, Verified: a.Verified, Rule: a.Rule})
			names = append(names, a.Name)
		}
	}
	h.step("Which attributes does the account begin with?", listed(names), "mapping.attributes")
}

// firstGrants gives a new account what the maps make of the provider's groups,
// whatever the sync mode: that one says what happens afterwards.
func (h *hearing) firstGrants() {
	const question = "Which groups and roles does the account begin with?"
	wanted, known := h.mapped()
	if !known {
		h.step(question, "none: the provider's groups are not known", "jit.sync")
		return
	}
	var names []string
	for _, g := range wanted {
		h.grant(g)
		if g.kind == usher.GrantGroup {
			h.write(usher.Change{Op: usher.OpJoinGroup, Name: g.name})
		}
		names = append(names, g.String())
	}
	h.step(question, listed(names), "jit.sync")
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
