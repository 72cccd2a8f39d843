package decide

import (
	"strings"

	"github.com/usher-id/usher"
)

// choosePlace asks in which user store an account is made. Policy and identity
// alone answer. It settles what the account would be called, too, for a name
// can say both.
func (h *hearing) choosePlace() bool {
	const question = "In which user store is the account made?"
	name, fault := h.derivedName()
	h.base = name
	switch choice := h.policy.JIT.Store; choice.From {
	case usher.StoreFixed:
		return h.goTo(question, choice.Name, "jit.store says so")
	case usher.StoreUsername:
		if fault.reason != "" {
			h.step("Is there a name for the account?", fault.answer, h.identity.Username.Rule)
			return h.deny(fault.reason)
		}
		return h.placeByName(question)
	case usher.StoreRule:
		return h.placeByRule(question)
	}
	return h.require(false, question, "the policy says it in a word that is not known", "jit.store", usher.ReasonStoreUnknown)
}

// goTo chooses a store, and asks whether it is in use.
func (h *hearing) goTo(question, store, why string) bool {
	h.step(question, because(store, why), "jit.store")
	h.place = h.policy.Store(store)
	return h.isStoreInUse(store)
}

// placeByName takes what stands before the first slash of the username for a
// store, if it is one. A subject that stands in for the username is no name
// that anybody chose: nothing is read out of it.
func (h *hearing) placeByName(question string) bool {
	before, rest, slashed := strings.Cut(h.base, "/")
	if !slashed || h.isSubjectName() {
		return h.goTo(question, usher.PrimaryStore, "the username names none")
	}
	for _, s := range h.policy.Stores {
		if equalASCII(s.Name, before) {
			h.base = rest
			return h.goTo(question, s.Name, "the username says so")
		}
	}
	return h.fallBack(question, "the username names a store that does not exist, and stays whole")
}

// placeByRule takes the store that a rule of the provider chose.
func (h *hearing) placeByRule(question string) bool {
	const nowhere = "the rule names none"
	chosen := h.identity.Store
	switch presence(chosen) {
	case usher.PresenceAbsent, usher.PresenceNull, usher.PresenceEmpty:
		return h.fallBack(question, nowhere)
	case usher.PresenceSet:
		if len(chosen.Values) != 1 {
			return h.require(false, question, "the rule names several", chosen.Rule, usher.ReasonStoreFailed)
		}
		for _, s := range h.policy.Stores {
			if s.Name == chosen.Values[0] {
				return h.goTo(question, s.Name, "the rule says so")
			}
		}
		return h.fallBack(question, "the rule names a store that does not exist")
	}
	h.step(question, because("not known", chosen.Why), chosen.Rule)
	return h.deny(usher.ReasonStoreFailed)
}

// fallBack chooses the store for those who were sent to none, if there is one.
func (h *hearing) fallBack(question, why string) bool {
	instead := h.policy.JIT.Store.Unknown
	if instead == "" {
		return h.require(false, question, why, "jit.store.unknown", usher.ReasonStoreUnknown)
	}
	h.fellBack = true
	return h.goTo(question, instead, "warning: "+why)
}

// equalASCII reports whether two names differ in the case of ASCII letters at
// most.
func equalASCII(a, b string) bool {
	lower := func(s string) string {
		return strings.Map(func(c rune) rune {
			if 'A' <= c && c <= 'Z' {
				return c + 'a' - 'A'
			}
			return c
		}, s)
	}
	return lower(a) == lower(b)
}
