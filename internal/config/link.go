package config

import (
	"slices"

	"github.com/usher-id/usher"
)

// maxMatchRules is how many rules can look for an account. More of them would
// find people by ever weaker signs.
const maxMatchRules = 2

// link reads how people are found who have no link, and what becomes of those
// whom nothing finds.
func (r *jitReader) link(s *section) {
	out := &r.to.JIT
	for i, n := range s.get("rules").items(100) {
		if i == maxMatchRules {
			n.fault("is one rule too many: two at most look for an account; remove it")
			break
		}
		out.Match = append(out.Match, r.match(n.section()))
	}
	out.NoMatch = usher.NoMatch(s.get("noMatch").
		choice(string(usher.NoMatchCreate), string(usher.NoMatchCreate), string(usher.NoMatchPassThrough), string(usher.NoMatchDeny)))
	s.close()
}

// match reads one rule.
func (r *jitReader) match(s *section) usher.MatchRule {
	attribute := s.get("match").required("match: email")
	out := usher.MatchRule{Attribute: attribute.text()}
	if out.Attribute != "" && r.kept(attribute, out.Attribute) != "" && r.rules.src.Attributes[out.Attribute].List {
		attribute.fault("may hold several values (list: true), and an account is found by one; map one value")
	}
	out.Local = out.Attribute
	if local := s.get("local"); local.present() {
		if name := local.text(); name != "" {
			out.Local = attributeName(local, name)
		}
	}
	when := s.get("when")
	out.When = usher.MatchWhen(when.choice(string(usher.MatchConfirm), string(usher.MatchAuto), string(usher.MatchConfirm), string(usher.MatchNever)))
	if out.When == usher.MatchAuto {
		r.auto(when, out)
	}
	out.Stores = r.lookIn(s.get("stores"))
	s.close()
	return out
}

// auto checks a rule that links without a proof: only an address that both
// sides have verified, in a domain that the provider owns, is as good as one.
func (r *jitReader) auto(when node, m usher.MatchRule) {
	switch {
	case m.Attribute != usher.AttributeEmail || m.Local != usher.AttributeEmail:
		when.fault("auto is for match: email and local: email alone, for nothing else can be vouched for; use when: confirm")
	case len(r.to.JIT.VouchesFor) == 0:
		when.fault("auto needs to know whose addresses this provider can prove; add vouchesFor: [example.com] to the provider, or use when: confirm")
	case r.rules.src.Verified[usher.AttributeEmail] == "":
		when.fault("auto needs to know when the address is verified; say so in mapping.verified.email, or use when: confirm")
	}
}

// lookIn reads the stores that a rule looks in. The one that accounts are made
// in is the default, if there is one.
func (r *jitReader) lookIn(n node) []string {
	if !n.present() {
		if r.to.JIT.Store.From == usher.StoreFixed {
			return []string{r.to.JIT.Store.Name}
		}
		n.fault("is missing, and jit.store names no single store to look in; add it, as in stores: [PRIMARY]")
		return nil
	}
	names := n.texts(50, func(at node, name string) string {
		r.later(func(c *Config) {
			if s, ok := c.Store(name); !ok || !s.Enabled {
				at.fault("there is no store %s that is switched on; use %s", quoted(name), oneOf(c.storeNames(Store.on)))
			}
		})
		return name
	})
	if list := n.entries(); list != nil && len(list) == 0 {
		n.fault("is empty, so the rule would find nobody; name at least one store")
	}
	return names
}

func (s Store) on() bool { return s.Enabled }

// lookedIn is every store that a sign-in by this policy can touch.
func (c *Config) lookedIn(jit usher.JIT) []string {
	out := c.targets(jit.Store)
	for _, m := range jit.Match {
		out = append(out, m.Stores...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
