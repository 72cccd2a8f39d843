package decide_test

import (
	"slices"
	"strings"

	"github.com/usher-id/usher"
)

var lawsOfAsking = []law{
	{"people are asked only what the policy asks", func(w world, d usher.Decision) string {
		j := w.policy.JIT
		for _, p := range d.Prompts {
			may := map[usher.PromptKind]bool{
				usher.PromptProve:     len(d.Prompts) == 1 && len(p.Ways) > 0 && d.Reason == usher.ReasonPromptProof,
				usher.PromptUsername:  w.account() == nil && (j.Ask.AsksUsername() || j.UsernameConflict == usher.ConflictAsk),
				usher.PromptPassword:  w.account() == nil && j.Ask.AsksPassword(),
				usher.PromptAttribute: slices.Contains(j.AskFor, p.Name) && w.isRequired(p.Name),
				usher.PromptConsent: w.asksConsent() && slices.ContainsFunc(w.policy.Purposes, func(x usher.Purpose) bool {
					return x.Name == p.Name && x.Version == p.Version
				}),
			}
			if !may[p.Kind] {
				return string(p.Kind)
			}
		}
		return ""
	}},
	{"prompts come in the order of the page, each once", func(_ world, d usher.Decision) string {
		order := []usher.PromptKind{usher.PromptProve, usher.PromptUsername, usher.PromptPassword, usher.PromptAttribute, usher.PromptConsent}
		for i, p := range d.Prompts {
			for _, before := range d.Prompts[:i] {
				if slices.Index(order, before.Kind) > slices.Index(order, p.Kind) || before.Kind == p.Kind && before.Name == p.Name {
					return string(p.Kind)
				}
			}
		}
		return ""
	}},
	{"nobody is offered to claim an account, or sent to prove one, that is off limits", func(w world, d usher.Decision) string {
		for _, p := range d.Prompts {
			a := w.known(usher.Decision{Store: p.Store, User: p.User})
			if p.Kind == usher.PromptProve && (a == nil || a.State != usher.StateActive || w.isPrivileged(*a) || !w.policy.Store(p.Store).Enabled) {
				return string(p.User)
			}
			if p.Claim && w.policy.JIT.UsernameConflict != usher.ConflictAsk {
				return "claim"
			}
		}
		return ""
	}},
	{"only what was asked for is taken from a person: required, allowed, fitting, and never verified", func(w world, d usher.Decision) string {
		for _, c := range written(d) {
			if c.Source == "" {
				continue
			}
			typed := slices.ContainsFunc(w.answers.Attributes, func(t usher.Typed) bool { return t.Name == c.Name && slices.Equal(c.Values, []string{t.Value}) })
			_, strict := usher.EmailDomain(c.Values[0])
			fits := len(c.Values[0]) <= 255 && strings.TrimSpace(c.Values[0]) != "" && (c.Name != usher.AttributeEmail || strict)
			had := usher.Held{}
			if a := w.known(d); a != nil {
				had, _ = held(a, c.Name)
			}
			if c.Source != usher.SourceUser || c.Verified || !typed || !fits || !slices.Contains(w.policy.JIT.AskFor, c.Name) || !w.isRequired(c.Name) || len(had.Values) > 0 {
				return c.Name
			}
		}
		return ""
	}},
	{"nobody gets in without what the application requires", func(w world, d usher.Decision) string {
		for _, name := range w.policy.Application.Requires {
			there := false
			if a := w.known(d); a != nil {
				h, _ := held(a, name)
				there = len(h.Values) > 0
			}
			sent, _ := w.attribute(name)
			there = there || sent.Presence == usher.PresenceSet && len(sent.Values) > 0
			there = there || slices.ContainsFunc(written(d), func(c usher.Change) bool { return c.Name == name })
			gone := slices.ContainsFunc(changes(d, usher.OpClearAttribute), func(c usher.Change) bool { return c.Name == name })
			if d.Verdict.Admits() && (!there || gone) {
				return name
			}
		}
		return ""
	}},
	{"no sign-in removes what is required of the account", func(w world, d usher.Decision) string {
		for _, c := range changes(d, usher.OpClearAttribute) {
			if w.isRequired(c.Name) {
				return c.Name
			}
		}
		return ""
	}},
	{"a new account has a password exactly if the person gave one and is asked for it", func(w world, d usher.Decision) string {
		given := len(changes(d, usher.OpSetPassword)) > 0
		return when(d.Verdict == usher.VerdictCreate && given != w.policy.JIT.Ask.AsksPassword() || given && !w.answers.Password, "it is otherwise")
	}},
	{"nobody has an account without every mandatory purpose accepted at its version", func(w world, d usher.Decision) string {
		for _, p := range w.policy.Purposes {
			if accepted, said := w.saidTo(p, d); d.User != "" && w.asksConsent() && (!said || p.Mandatory && accepted == nil) {
				return p.Name
			}
		}
		return ""
	}},
	{"no attribute of a refused purpose is written", func(w world, d usher.Decision) string {
		for _, c := range written(d) {
			listed, agreed := false, false
			for _, p := range w.policy.Purposes {
				i := slices.IndexFunc(p.Attributes, func(a usher.PurposeAttribute) bool { return a.Name == c.Name })
				if i < 0 || !w.asksConsent() {
					continue
				}
				listed = true
				attributes, _ := w.saidTo(p, d)
				agreed = agreed || attributes != nil && (p.Attributes[i].Mandatory || slices.Contains(attributes, c.Name))
			}
			if listed && !agreed {
				return c.Name
			}
		}
		return ""
	}},
	{"a receipt says what the person said, and no more than the purpose asks", func(w world, d usher.Decision) string {
		for _, c := range changes(d, usher.OpConsent) {
			said := slices.IndexFunc(w.answers.Consents, func(a usher.Consent) bool {
				return a.Purpose == c.Consent.Purpose && a.Version == c.Consent.Version && a.Accepted == c.Consent.Accepted && a.Language == c.Consent.Language
			})
			purpose := slices.IndexFunc(w.policy.Purposes, func(p usher.Purpose) bool {
				return p.Name == c.Consent.Purpose && p.Version == c.Consent.Version
			})
			if said < 0 || purpose < 0 || !c.Consent.Accepted && len(c.Consent.Attributes) > 0 || !tells(d, "consent.given") {
				return c.Consent.Purpose
			}
			for _, name := range c.Consent.Attributes {
				i := slices.IndexFunc(w.policy.Purposes[purpose].Attributes, func(a usher.PurposeAttribute) bool { return a.Name == name })
				if i < 0 || !w.policy.Purposes[purpose].Attributes[i].Mandatory && !slices.Contains(w.answers.Consents[said].Attributes, name) {
					return name
				}
			}
		}
		return ""
	}},
}

// isRequired reports whether an attribute must be there, of an account.
func (w world) isRequired(name string) bool {
	return slices.Contains(w.policy.Application.Requires, name) || w.policy.JIT.Enabled && slices.Contains(w.policy.JIT.Require, name)
}

func (w world) asksConsent() bool {
	return w.policy.JIT.Ask.AsksConsent() && (w.policy.JIT.Enabled || w.identity.IdP == usher.LocalIdP)
}

// saidTo is what was said to a purpose when a decision lets somebody in: by an
// answer that is kept, or else by a receipt. The attributes are nil if it was
// refused.
func (w world) saidTo(p usher.Purpose, d usher.Decision) (attributes []string, said bool) {
	for _, c := range changes(d, usher.OpConsent) {
		if c.Consent.Purpose == p.Name && c.Consent.Version == p.Version {
			return accepted(c.Consent.Accepted, c.Consent.Attributes), true
		}
	}
	if a := w.known(d); a != nil && d.Verdict != usher.VerdictCreate {
		for _, r := range a.Receipts {
			if r.Purpose == p.Name && r.Version == p.Version {
				return accepted(r.Accepted, r.Attributes), true
			}
		}
	}
	return nil, false
}

func accepted(yes bool, attributes []string) []string {
	if !yes {
		return nil
	}
	return append([]string{""}, attributes...)
}
