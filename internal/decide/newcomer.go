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
	if h.choosePlace() && h.isStoreWritable() && h.hasName() {
		return usher.VerdictCreate
	}
	return usher.VerdictDeny
}

func (h *hearing) isStoreWritable() bool {
	return h.require(!h.place.ReadOnly, "Can an account be made in the user store?",
		"it is read-only", "jit.store", usher.ReasonStoreReadOnly)
}

// passThroughNewcomer lets somebody in for whom no account is made.
func (h *hearing) passThroughNewcomer(link *usher.Link) {
	h.assume(h.relied...)
	reason := usher.ReasonPassNoMatch
	if !h.policy.JIT.Enabled {
		reason = usher.ReasonPassJITOff
	}
	h.passThrough(link, reason)
}

// withoutStore lets somebody in without an account, if one would have been made
// but a store did not answer, and the policy says so. Who has a link, even to
// an account that is gone, is somebody here: they wait for the store.
func (h *hearing) withoutStore(link *usher.Link) {
	j := h.policy.JIT
	wanted := j.NoMatch == usher.NoMatchCreate || j.NoMatch == usher.NoMatchPassThrough
	if !h.down || h.decision.Reason != usher.ReasonSnapshotIncomplete || link != nil || !wanted || j.OnFailure != usher.FailurePassThrough {
		return
	}
	h.store, h.ledger, h.tells, h.assumes = nil, nil, nil, nil
	h.step("What happens while the user store does not answer?", "they pass through without an account", "jit.onFailure")
	h.tell("provision.skipped")
	h.passThrough(nil, usher.ReasonPassStoreDown)
}

// passThrough lets the person in without an account, if the application takes
// such people. It is noted, so that it keeps the sub it saw if an account is
// made one day.
func (h *hearing) passThrough(link *usher.Link, reason usher.Reason) {
	if !h.require(!h.policy.Application.NeedsAccount, "Does the application take people without an account?", "", "application.accounts", usher.ReasonNeedsAccount) ||
		!h.hasRequired() {
		return
	}
	known, ok := h.knownBy()
	if !ok {
		return
	}
	if app := h.policy.Application.Name; !slices.Contains(known, app) {
		h.note(usher.Change{Op: usher.OpSeen, Name: app})
	}
	h.assumeNoAccount(link)
	h.admit(usher.VerdictPassThrough, reason)
}

// create makes an account and links it, or finishes one that was begun.
func (h *hearing) create(link *usher.Link) {
	user, reason := h.newAccount(link)
	if user == "" {
		h.incomplete("Which id does the new account get?", "no fresh one was reserved")
		return
	}
	name, ok := h.chooseName(user)
	switch {
	case !ok:
		h.standOnNoAccount(link)
		return
	case name.claimed != nil:
		h.takeClaimed(link, *name.claimed)
		return
	}
	known, ok := h.knownBy()
	if !ok {
		return
	}
	h.assumeNoAccount(link)
	h.assume(h.relied...)
	h.assume(usher.Assumption{Kind: usher.AssumeUsernameFree, Store: h.place.Name, Name: name.canonical})
	h.write(usher.Change{Op: usher.OpCreateUser, Name: name.username, Values: []string{name.canonical}})
	if reason == usher.ReasonVanishedAnew {
		h.note(usher.Change{Op: usher.OpUnlink})
	}
	if !h.furnish() {
		h.standOnNoAccount(link)
		return
	}
	h.note(usher.Change{Op: usher.OpLink})
	h.noteAliases(known)
	h.tell("user.created")
	if h.fellBack {
		h.tell("store.fallback")
	}
	h.admitTo(user, usher.VerdictCreate, reason)
}

// furnish gathers what a new account begins with, and what its owner is asked.
// It reports false if they are refused or asked.
func (h *hearing) furnish() bool {
	if h.policy.JIT.Ask.AsksPassword() {
		h.ask(usher.Prompt{Kind: usher.PromptPassword, Store: h.place.Name}, !h.answers.Password)
		h.write(usher.Change{Op: usher.OpSetPassword})
		h.step("Has the person chosen a password?", yesOrNo(h.answers.Password), "jit.ask")
	}
	h.hearRequirements()
	h.hearConsents(nil)
	if !h.firstAttributes() || !h.complete(usher.Account{}) {
		return false
	}
	h.firstGrants()
	h.askConsents()
	return !h.prompted()
}

// takeClaimed links the account that has the name in the way, if the person
// proves that it is theirs.
func (h *hearing) takeClaimed(link *usher.Link, account usher.Account) {
	if h.mayBeTaken(account) && h.isProven(account) {
		h.adopt(link, account, usher.ReasonLinkedProven)
	}
}

// noteAliases keeps the sub by which applications know the person already.
func (h *hearing) noteAliases(known []string) {
	for _, app := range known {
		h.note(usher.Change{Op: usher.OpAlias, Name: app})
	}
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

// standOnNoAccount lets a refusal for a taken name or value stand only if the
// person still has no account: whoever took it in between may have been this
// very person, signing in at the same moment.
func (h *hearing) standOnNoAccount(link *usher.Link) {
	if r := h.decision.Reason; r == usher.ReasonUsernameTaken || r == usher.ReasonAttributeTaken {
		h.assumes = nil
		h.assumeNoAccount(link)
		h.decision.Assumes = h.assumes
	}
}

// firstAttributes gives a new account what the provider sent: not what is only
// passing, not what the person does not agree to, and not what somebody else
// has where it must be unique. If the provider vouches for such a value the
// person has an account here already, and gets no second one.
func (h *hearing) firstAttributes() bool {
	var names []string
	for _, a := range h.identity.Attributes {
		question := "Does the account begin with the attribute " + a.Name + "?"
		if presence(a.Derived) != usher.PresenceSet {
			continue
		}
		h.holds[a.Name] = true
		switch {
		case a.Passing:
			h.step(question, "no: it is for the application only, and never kept", a.Rule)
			continue
		case !h.allows(a.Name):
			h.step(question, "no: the person does not agree to it", a.Rule)
			continue
		}
		standing, free := h.others(usher.Account{}, named{a.Name, a.Values})
		switch standing.Found {
		case usher.FoundNone:
			h.setAttribute(usher.Account{}, usher.Change{Op: usher.OpSetAttribute, Name: a.Name, Values: a.Values, Verified: a.Verified, Rule: a.Rule}, free)
			names = append(names, a.Name)
		case usher.FoundOne, usher.FoundSeveral:
			if a.Verified {
				h.step(question, "no: somebody else has that value, which the user store keeps unique, and the provider vouches for it", "policy.unique")
				return h.deny(usher.ReasonAttributeTaken)
			}
			h.step(question, "no: somebody else has that value, which the user store keeps unique", "policy.unique")
			h.holds[a.Name] = false
		default:
			return h.unread(question, standing)
		}
	}
	h.step("Which attributes does the account begin with?", listed(names), "mapping.attributes")
	return true
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
	for _, g := range h.granted(wanted) {
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
