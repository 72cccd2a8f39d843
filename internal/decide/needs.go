package decide

import (
	"slices"

	"github.com/usher-id/usher"
)

// questions is a list without repetitions.
type questions []usher.Question

func (q *questions) add(more ...usher.Question) {
	for _, one := range more {
		if !slices.Contains(*q, one) {
			*q = append(*q, one)
		}
	}
}

// needs lists what must be read: for somebody who signs in here the account,
// for anybody else the link, and then what matters with one and without.
func (h *hearing) needs() []usher.Question {
	var q questions
	if h.isLocal() {
		h.arrival = local
		q.add(h.askAccount())
		q.add(h.askUnique(h.typed(), h.identity.Home.Store)...)
		return q
	}
	q.add(h.askLink())
	h.arrival = linked
	q.add(h.askUnique(append(h.synced(), h.typed()...), "")...)
	h.arrival = unlinked
	return h.needsOfNewcomer(q)
}

// needsOfNewcomer adds what matters only to somebody without an account.
func (h *hearing) needsOfNewcomer(q questions) questions {
	before := len(q)
	for _, rule := range h.rules() {
		value, _ := h.ruleValue(rule)
		if value == "" {
			continue
		}
		folded, _ := usher.Fold(rule.Local, value)
		for _, store := range rule.Stores {
			q.add(h.askHolders(store, rule.Local, folded))
			q.add(h.askUnique(append(h.synced(), h.typed()...), store)...)
		}
	}
	matches := len(q) > before
	fate := h.whatBecomesOfANewcomer()
	if fate == usher.VerdictCreate {
		q.add(h.askNames()...)
		q.add(h.askUnique(append(h.sent(), h.typed()...), h.place.Name)...)
	}
	if matches || fate != usher.VerdictDeny {
		q.add(h.askSeen())
	}
	return q
}

func (h *hearing) askLink() usher.Question {
	return usher.Question{Kind: usher.AskLink, IdP: h.identity.IdP, Subject: h.identity.Sub()}
}

func (h *hearing) askSeen() usher.Question {
	return usher.Question{Kind: usher.AskSeen, IdP: h.identity.IdP, Subject: h.identity.Sub(), IfUnlinked: true}
}

func (h *hearing) askAccount() usher.Question {
	home := h.identity.Home
	return usher.Question{Kind: usher.AskAccount, Store: home.Store, User: home.User}
}

// askHolders asks who has a value. Before the link is read nobody knows which
// store a linked account is in, so that question names none.
func (h *hearing) askHolders(store, name, folded string) usher.Question {
	q := usher.Question{Kind: usher.AskHolders, Store: store, Name: name, Value: folded}
	switch h.arrival {
	case linked:
		q.Store, q.IfLinked = "", true
	case unlinked:
		q.IfUnlinked = true
	}
	return q
}

// askUnique asks who has the values that a store keeps unique; "" is any store.
func (h *hearing) askUnique(values []named, store string) []usher.Question {
	var out []usher.Question
	for _, v := range values {
		if !h.isUnique(store, v.name) {
			continue
		}
		for _, folded := range v.folded() {
			out = append(out, h.askHolders(store, v.name, folded))
		}
	}
	return out
}
