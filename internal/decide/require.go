package decide

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/usher-id/usher"
)

// maxTyped is the longest attribute that a person can give, in bytes.
const maxTyped = 255

// requirement is an attribute that must be there, and what requires it.
type requirement struct{ name, rule string }

// hearRequirements gathers what must be there in the end, by name: what the
// application can't do without, and what no account of this provider is without
// where it can be written.
func (h *hearing) hearRequirements() {
	for _, name := range h.policy.Application.Requires {
		h.required = append(h.required, requirement{name, "application.requires"})
	}
	if h.policy.JIT.Enabled && !h.place.ReadOnly {
		for _, name := range h.policy.JIT.Require {
			h.required = append(h.required, requirement{name, "jit.require"})
		}
	}
	slices.SortStableFunc(h.required, func(a, b requirement) int { return strings.Compare(a.name, b.name) })
	h.required = slices.CompactFunc(h.required, func(a, b requirement) bool { return a.name == b.name })
}

func (h *hearing) isRequired(name string) bool {
	return slices.ContainsFunc(h.required, func(r requirement) bool { return r.name == name })
}

// isSent reports whether the provider sent a value.
func (h *hearing) isSent(name string) bool {
	return slices.ContainsFunc(h.identity.Attributes, func(a usher.Attribute) bool {
		return a.Name == name && presence(a.Derived) == usher.PresenceSet
	})
}

// hasRequired asks, of somebody who comes in without an account, whether the
// provider sent what the application requires: there is nowhere to keep what
// they would give themselves.
func (h *hearing) hasRequired() bool {
	for _, name := range h.policy.Application.Requires {
		if !h.require(h.isSent(name), "Did the provider send the attribute "+name+"?", "and without an account it can't be asked for",
			"application.requires", usher.ReasonAttributeMissing) {
			return false
		}
	}
	return true
}

// complete asks whether everything is there that is required, and asks the
// person for the rest, if the policy takes that from people.
func (h *hearing) complete(account usher.Account) bool {
	for _, r := range h.required {
		question := "Is the attribute " + r.name + " there, which is required?"
		switch {
		case h.holds[r.name]:
			h.step(question, "yes", r.rule)
		case h.place.ReadOnly || !slices.Contains(h.policy.JIT.AskFor, r.name):
			return h.require(false, question, "and it is not one that the person can give", r.rule, usher.ReasonAttributeMissing)
		default:
			if !h.askAttribute(question, account, r) {
				return false
			}
		}
	}
	return true
}

// askAttribute asks the person for an attribute, and writes what they gave if
// it fits. It is never verified. It reports false if it is refused for good.
func (h *hearing) askAttribute(question string, account usher.Account, r requirement) bool {
	prompt := usher.Prompt{Kind: usher.PromptAttribute, Name: r.name}
	value, given := h.typedValue(r.name)
	if !given {
		h.step(question, "no: the person is asked", r.rule)
		h.ask(prompt, true)
		return true
	}
	n := named{r.name, []string{value}}
	prompt.Problem = typedFault(n.name, value)
	var free []usher.Assumption
	if prompt.Problem == usher.Fits {
		var a usher.Answer
		switch a, free = h.others(account, n); a.Found {
		case usher.FoundNone:
		case usher.FoundOne, usher.FoundSeveral:
			prompt.Problem = usher.UnfitTaken
		default:
			if account.ID != "" {
				return h.incomplete(question, a.Why)
			}
			return h.unread(question, a)
		}
	}
	h.ask(prompt, prompt.Problem != usher.Fits)
	if prompt.Problem != usher.Fits {
		h.step(question, "what the person gave is not good: "+prompt.Problem.Said()+". They are asked again", r.rule)
		return true
	}
	h.step(question, "yes: the person gave it", r.rule)
	h.setAttribute(account, usher.Change{Op: usher.OpSetAttribute, Name: n.name, Values: n.values, Rule: r.rule, Source: usher.SourceUser}, free)
	return true
}

// setAttribute changes an attribute, and assumes that it still is as it was
// read and that nobody else has what must be unique. A new account has nothing
// that could change.
func (h *hearing) setAttribute(account usher.Account, c usher.Change, free []usher.Assumption) {
	h.write(c)
	if account.ID != "" {
		now := heldBy(account, c.Name)
		h.assume(usher.Assumption{
			Kind: usher.AssumeAttribute, Store: account.Store, User: account.ID,
			Name: c.Name, Values: now.Values, Verified: now.Verified,
		})
	}
	h.assume(free...)
}

// typed is what the person gave and could be asked for: only that is ever taken
// from them.
func (h *hearing) typed() []named {
	var out []named
	for _, name := range h.policy.JIT.AskFor {
		wanted := slices.Contains(h.policy.Application.Requires, name) || slices.Contains(h.policy.JIT.Require, name)
		if value, given := h.typedValue(name); given && wanted && typedFault(name, value) == usher.Fits {
			out = append(out, named{name, []string{value}})
		}
	}
	return out
}

func (h *hearing) typedValue(name string) (string, bool) {
	i := slices.IndexFunc(h.answers.Attributes, func(t usher.Typed) bool { return t.Name == name })
	if i < 0 {
		return "", false
	}
	return h.answers.Attributes[i].Value, true
}

// typedFault is what is wrong with an attribute that a person gave.
func typedFault(name, value string) usher.Unfit {
	_, isAddress := usher.EmailDomain(value)
	switch {
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return usher.UnfitCharacters
	case strings.TrimFunc(value, invisible) == "":
		return usher.UnfitEmpty
	case len(value) > maxTyped:
		return usher.UnfitLong
	case name == usher.AttributeEmail && !isAddress:
		return usher.UnfitCharacters
	}
	return usher.Fits
}
