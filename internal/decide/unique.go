package decide

import (
	"slices"

	"github.com/usher-id/usher"
)

// named is an attribute's name with the values it would get.
type named struct {
	name   string
	values []string
}

// folded is the forms by which others could be found to have the values. A
// value without one finds nobody, and nobody is found by it.
func (n named) folded() []string {
	var out []string
	for _, v := range n.values {
		if f, ok := usher.Fold(n.name, v); ok {
			out = append(out, f)
		}
	}
	return out
}

// sent is every attribute that a new account would begin with.
func (h *hearing) sent() []named {
	var out []named
	for _, a := range h.identity.Attributes {
		if presence(a.Derived) == usher.PresenceSet && !a.Passing {
			out = append(out, named{a.Name, a.Values})
		}
	}
	return out
}

// synced is every attribute that an account which was here before could take
// over.
func (h *hearing) synced() []named {
	if !h.policy.JIT.Enabled {
		return nil
	}
	return slices.DeleteFunc(h.sent(), func(n named) bool { return !h.isSynced(n.name) })
}

// isUnique reports whether a store keeps the values of an attribute unique; ""
// is any store.
func (h *hearing) isUnique(store, name string) bool {
	return slices.ContainsFunc(h.policy.Stores, func(s usher.StorePolicy) bool {
		return (store == "" || s.Name == store) && slices.Contains(s.Unique, name)
	})
}

// others finds out whether somebody but the account has one of the values, in
// an attribute that its store keeps unique. If nobody has, the assumptions are
// what a change to these values stands on. What the account has already is
// nobody's to take.
func (h *hearing) others(account usher.Account, n named) (usher.Answer, []usher.Assumption) {
	if !slices.Contains(h.place.Unique, n.name) {
		return usher.Answer{Found: usher.FoundNone}, nil
	}
	own := named{n.name, heldBy(account, n.name).Values}.folded()
	var free []usher.Assumption
	for _, folded := range n.folded() {
		if slices.Contains(own, folded) {
			continue
		}
		a := h.facts.Answer(h.askHolders(h.place.Name, n.name, folded))
		itself := a.Found == usher.FoundOne && account.ID != "" && a.User == account.ID
		if a.Found != usher.FoundNone && !itself {
			return a, nil
		}
		free = append(free, usher.Assumption{
			Kind: usher.AssumeUnheld, Store: h.place.Name, User: account.ID, Name: n.name, Values: []string{folded},
		})
	}
	return usher.Answer{Found: usher.FoundNone}, free
}

// heldBy is an attribute of an account; one it does not have has no values.
func heldBy(account usher.Account, name string) usher.Held {
	i := slices.IndexFunc(account.Attributes, func(a usher.Held) bool { return a.Name == name })
	if i < 0 {
		return usher.Held{}
	}
	return account.Attributes[i]
}
