package decide

import (
	"slices"

	"github.com/usher-id/usher"
)

// found is the one account that a match rule came to.
type found struct {
	rule    usher.MatchRule
	value   string // as the provider sent it
	account usher.Account
}

// rules is the match rules that are asked, in their order.
func (h *hearing) rules() []usher.MatchRule {
	if !h.policy.JIT.Enabled {
		return nil
	}
	return h.policy.JIT.Match
}

// ruleValue is the value that a rule looks for, or "" and why it looks for
// nobody. What the provider does not vouch for finds nobody: anybody could have
// typed it there.
func (h *hearing) ruleValue(rule usher.MatchRule) (value, why string) {
	i := slices.IndexFunc(h.identity.Attributes, func(a usher.Attribute) bool { return a.Name == rule.Attribute })
	if i < 0 || presence(h.identity.Attributes[i].Derived) != usher.PresenceSet {
		return "", "the provider sent no value"
	}
	a := h.identity.Attributes[i]
	switch {
	case len(a.Values) > 1:
		return "", "the provider sent several values"
	case !a.Verified:
		return "", "the provider does not vouch for the value"
	}
	if _, ok := usher.Fold(rule.Local, a.Values[0]); !ok {
		return "", "nobody is found by such a value"
	}
	return a.Values[0], ""
}

// match asks the match rules in their order who this was before. The first that
// finds somebody decides; there is no second guess.
func (h *hearing) match() (*found, bool) {
	if h.policy.JIT.Enabled && len(h.policy.JIT.Match) == 0 {
		h.step("Do match rules find someone?", "no rules are set", "jit.link.rules")
	}
	for _, rule := range h.rules() {
		question := "Does the match rule find someone by " + rule.Attribute + "?"
		value, why := h.ruleValue(rule)
		if value == "" {
			h.step(question, because("no", why), "jit.link.rules")
			continue
		}
		accounts, ok := h.holders(question, rule, value)
		switch {
		case !ok:
			return nil, false
		case len(accounts) == 0:
			h.step(question, "no: nobody has this value", "jit.link.rules")
		case len(accounts) > 1:
			h.step(question, "yes: more than one account, and nobody guesses", "jit.link.rules")
			return nil, h.deny(usher.ReasonMatchAmbiguous)
		default:
			h.step(question, "yes: one account in "+accounts[0].Store, "jit.link.rules")
			return &found{rule, value, accounts[0]}, true
		}
	}
	return nil, true
}

// holders is the accounts that have the rule's value, over all its stores; of
// several in one store two stand for all. Whatever they are, the decision stands
// on it.
func (h *hearing) holders(question string, rule usher.MatchRule, value string) ([]usher.Account, bool) {
	folded, _ := usher.Fold(rule.Local, value)
	var out []usher.Account
	for _, store := range rule.Stores {
		a := h.facts.Answer(h.askHolders(store, rule.Local, folded))
		fact := usher.Assumption{Kind: usher.AssumeUnheld, Store: store, Name: rule.Local, Values: []string{folded}}
		switch {
		case a.Found == usher.FoundNone:
		case a.Found == usher.FoundSeveral:
			out = append(out, usher.Account{}, usher.Account{})
		case a.Found == usher.FoundOne && a.Account != nil && a.Account.ID != "" && a.Account.Store == store:
			fact.Kind, fact.User = usher.AssumeHeldBy, a.Account.ID
			if isSame(rule.Local, value, *a.Account) {
				out = append(out, *a.Account)
			}
		case rule.When == usher.MatchAuto || rule.When == usher.MatchConfirm:
			return nil, h.unread(question, a)
		default: // somebody who must never come in could be let through
			return nil, h.incomplete(question, a.Why)
		}
		h.relied = append(h.relied, fact)
	}
	return out, true
}

// isSame reports whether one of an account's values is the provider's, and not
// only folded alike.
func isSame(name, value string, account usher.Account) bool {
	return slices.ContainsFunc(heldBy(account, name).Values, func(v string) bool { return usher.SameValue(name, v, value) })
}

// takeMatch asks what happens to the account that was found.
func (h *hearing) takeMatch(link *usher.Link, f found) {
	const question = "What happens to the account that was found?"
	h.place = h.policy.Store(f.account.Store)
	if !h.mayBeTaken(f.account) {
		return
	}
	switch f.rule.When {
	case usher.MatchAuto:
		h.step(question, "it is linked, if both sides are verified", "jit.link.rules")
		if h.isVerified(f) && h.canDropPassword(f.account) {
			h.assume(usher.Assumption{
				Kind: usher.AssumeAttribute, Store: f.account.Store, User: f.account.ID,
				Name: f.rule.Local, Values: heldBy(f.account, f.rule.Local).Values, Verified: true,
			})
			h.adopt(link, f.account, usher.ReasonLinkedAuto)
		}
	case usher.MatchConfirm:
		h.step(question, "it is linked, if the person proves to own it", "jit.link.rules")
		if h.isProven(f.account) {
			h.adopt(link, f.account, usher.ReasonLinkedProven)
		}
	default:
		h.step(question, "it is not linked, and nobody else comes in with its value", "jit.link.rules")
		h.deny(usher.ReasonMatchNever)
	}
}

// mayBeTaken asks whether an account that was here before may be linked by a
// sign-in at all: it is in use and it is not privileged. Nothing changes that,
// not even a proof.
func (h *hearing) mayBeTaken(account usher.Account) bool {
	_, why := stateFault(account.State)
	return h.require(why == "", "Is the account that was found active?", why, "", usher.ReasonMatchUnusable) &&
		h.require(!h.isPrivileged(account), "Can a sign-in link the account that was found?", "it is privileged", "privileged", usher.ReasonMatchPrivileged) &&
		h.isStoreInUse(account.Store)
}

// isPrivileged reports whether an account holds something that makes it so,
// granted by anybody or by hand.
func (h *hearing) isPrivileged(account usher.Account) bool {
	return slices.ContainsFunc(account.Grants, func(g usher.Grant) bool { return h.policy.IsPrivileged(g.Kind, g.Name) }) ||
		slices.ContainsFunc(account.Groups, func(name string) bool { return h.policy.IsPrivileged(usher.GrantGroup, name) })
}

// isVerified asks whether an account may be linked without a proof: its own
// value is verified, and the provider can prove who owns the address. That the
// provider vouches for this very value was asked before anybody was looked for.
func (h *hearing) isVerified(f found) bool {
	domain, isAddress := usher.EmailDomain(f.value)
	isAddress = isAddress && f.rule.Attribute == usher.AttributeEmail
	return h.require(heldBy(f.account, f.rule.Local).Verified, "Is the account's own value verified?", "", "jit.link.rules", usher.ReasonMatchUnverified) &&
		h.require(isAddress && slices.Contains(h.policy.JIT.VouchesFor, domain), "Can the provider prove who owns this address?",
			"its domain is not among those it vouches for", "vouchesFor", usher.ReasonMatchUnverified)
}

// mustDropPassword reports whether an account has a password that its owner
// may not know. Who set it would come in with it after the link is made.
func mustDropPassword(account usher.Account) bool {
	return account.Password != usher.CredentialNone && account.Password != usher.CredentialProven
}

func (h *hearing) canDropPassword(account usher.Account) bool {
	return !h.place.ReadOnly || h.require(!mustDropPassword(account), "Are the account's credentials its owner's?",
		"nobody proved its password, and the store is read-only", "jit.store", usher.ReasonMatchUnverified)
}
