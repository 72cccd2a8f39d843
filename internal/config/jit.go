package config

import (
	"cmp"
	"slices"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/rule"
)

// jitReader reads the jit block of one provider. Everything in it has a default,
// and the default of everything is the careful one.
type jitReader struct {
	*builder
	rules *ruleReader
	to    *Provider
}

// readJIT reads the provisioning policy into p. What it says about documents
// that may not be read yet is checked later.
func (b *builder) readJIT(s *section, rules *ruleReader, p *Provider) {
	r := jitReader{b, rules, p}
	out := &p.JIT
	out.Enabled = s.get("enabled").flag(false)
	out.AskFor = s.get("askFor").texts(100, attributeName)
	out.Require = s.get("require").texts(100, r.collected)
	slices.Sort(out.Require)
	out.Ask = r.way(s.get("ask"))
	r.purposes(s.get("purposes"))
	r.prompt(s)
	out.Store = r.store(s.get("store"))
	r.names(s)
	r.link(s.get("link").section())
	r.sync(s.get("sync").section())
	if s.get("onFailure").choice("deny", "deny", string(usher.FailurePassThrough)) == string(usher.FailurePassThrough) {
		out.OnFailure = usher.FailurePassThrough
	}
	s.close()
}

// peek is the text of n if it is one, without a fault if it is not.
func (n node) peek() (string, bool) {
	if !n.present() {
		return "", false
	}
	return scalar(n.yaml)
}

// attributeName checks the name of an attribute.
func attributeName(n node, s string) string {
	if why := rule.Misnamed(s); why != "" {
		n.fault("%s", why)
		return ""
	}
	return s
}

// collected checks the name of an attribute that accounts get by this provider:
// from its claims, or from the person.
func (r *jitReader) collected(n node, s string) string {
	if src, mapped := r.rules.src.Attributes[s]; mapped && !src.Pass || slices.Contains(r.to.JIT.AskFor, s) {
		return s
	}
	n.fault("%s is neither mapped (and kept) nor asked for; add it to mapping.attributes or jit.askFor, or remove it here", quoted(s))
	return ""
}

// kept checks the name of an attribute that accounts get from the claims.
func (r *jitReader) kept(n node, s string) string {
	switch src, mapped := r.rules.src.Attributes[s]; {
	case !mapped:
		n.fault("is not mapped; add it to mapping.attributes, or remove it here")
	case src.Pass:
		n.fault("is passed on and never kept (pass: true); remove one of the two")
	default:
		return s
	}
	return ""
}

// way reads what a newcomer is asked.
func (r *jitReader) way(n node) usher.Way {
	const nothing = "nothing"
	word := n.choice(nothing, nothing, string(usher.WayConsent), string(usher.WayPasswordConsent), string(usher.WayUsername))
	if word == nothing {
		return usher.WaySilent
	}
	way := usher.Way(word)
	if way.AsksPassword() {
		r.later(func(c *Config) {
			if !c.Server.LocalSignIn {
				n.fault("asks for a password, which would be of no use: nobody can sign in with one; set localSignIn: true in the Server document, or use ask: consent")
			}
		})
	}
	return way
}

// purposes reads what people agree to. They are looked up when all are known.
func (r *jitReader) purposes(n node) {
	consent := r.to.JIT.Ask.AsksConsent()
	places := map[string]node{builtInPurpose: n}
	names := n.texts(20, func(at node, name string) string {
		places[name] = at
		return name
	})
	switch {
	case !consent && n.present():
		n.fault("has no effect, for nobody is asked to agree; set ask: consent, or remove it")
		return
	case !consent:
		return
	case !n.present():
		names = []string{builtInPurpose}
	case len(names) == 0 && n.entries() != nil:
		n.fault("is empty, so there is nothing to agree to; name a purpose, or remove the key")
	}
	to := r.to.Name // r.to is not the provider that is kept
	r.later(func(c *Config) {
		p := c.providers[to]
		for _, name := range names {
			p.Purposes = append(p.Purposes, r.purpose(c, places[name], name))
		}
	})
}

// purpose finds a purpose and checks that its attributes can be had here.
func (r *jitReader) purpose(c *Config, at node, name string) usher.Purpose {
	found, ok := c.Purpose(name)
	switch {
	case ok:
	case name == builtInPurpose:
		return accountPurpose(r.rules.src)
	default:
		at.fault("there is no purpose %s; add a document of kind Purpose with that name, or use one of %s", quoted(name), oneOf(c.purposeNames()))
		return usher.Purpose{}
	}
	for _, a := range found.Attributes {
		_, mapped := r.rules.src.Attributes[a.Name]
		if !mapped && !slices.Contains(r.to.JIT.AskFor, a.Name) {
			at.fault("the purpose %s is about %s, which this provider neither maps nor asks for; add it to mapping.attributes or jit.askFor, or name another purpose", name, a.Name)
		}
	}
	return found.Purpose
}

// prompt reads how people are asked.
func (r *jitReader) prompt(s *section) {
	out := &r.to.JIT
	prompt := s.get("prompt").section()
	if prompt.present() && out.Ask == usher.WaySilent {
		prompt.fault("has no effect with ask: nothing; set another ask, or remove it")
	}
	if prompt.present() {
		r.to.PromptURL = prompt.get("url").required("url: https://people.example.com/welcome").page()
	}
	prompt.close()
	prefill := s.get("prefill")
	out.NoPrefill = !prefill.flag(true)
	if word, _ := s.get("usernameConflict").peek(); prefill.present() && !out.Ask.AsksUsername() && word != string(usher.ConflictAsk) {
		prefill.fault("has no effect, for nobody is asked for a username; set ask: username+password+consent or usernameConflict: ask, or remove it")
	}
}

// names reads what new accounts are called.
func (r *jitReader) names(s *section) {
	out := &r.to.JIT
	out.UsernameConflict = usher.UsernameConflict(s.get("usernameConflict").
		choice(string(usher.ConflictDeny), string(usher.ConflictDeny), string(usher.ConflictSuffix), string(usher.ConflictAsk)))
	out.SkipPatterns = s.get("skipPatterns").flag(false)
	source := s.get("username")
	if source.choice("mapped", "mapped", string(usher.UsernameGenerated)) == string(usher.UsernameGenerated) {
		out.Username = usher.UsernameGenerated
		if out.Ask.AsksUsername() {
			source.fault("generated contradicts ask: %s, where people choose it; remove one of the two", out.Ask)
		}
	}
}

// store reads where accounts are made.
func (r *jitReader) store(n node) usher.StoreChoice {
	word, isText := n.peek()
	if !n.present() || isText {
		name := cmp.Or(word, usher.PrimaryStore)
		if n.present() || r.to.JIT.Enabled {
			r.later(func(c *Config) { c.takesAccounts(n, name) })
		}
		return usher.StoreChoice{Name: name}
	}
	if what(n.yaml) != "a mapping" {
		n.wrong("text")
		return usher.StoreChoice{Name: usher.PrimaryStore}
	}
	s := n.section()
	from, by, unknown := s.get("from"), s.get("rule"), s.get("unknown")
	out := usher.StoreChoice{From: usher.StoreUsername}
	switch {
	case from.present() && by.present():
		by.fault("contradicts from; remove one of the two")
	case by.present():
		out.From, r.rules.src.Store = usher.StoreRule, r.rules.expression(by)
	case from.required("from: username").choice("", string(usher.StoreUsername)) != "" && r.rules.src.Username == "":
		from.fault("username needs mapping.username, which is missing, for a subject never names a store; add it")
	}
	if name := unknown.text(); name != "" && name != denyUnknown {
		out.Unknown = name
		r.later(func(c *Config) { c.takesAccounts(unknown, name) })
	}
	s.close()
	return out
}

// denyUnknown is how "no store to fall back to" is written.
const denyUnknown = "deny"

// takesAccounts checks that accounts can be made in the store of that name.
func (c *Config) takesAccounts(n node, name string) {
	s, ok := c.Store(name)
	switch {
	case !ok:
		n.fault("there is no store %s; add a document of kind UserStore with that name, or use %s", quoted(name), oneOf(c.storeNames(Store.writable)))
	case !s.Enabled:
		n.fault("the store %s is switched off; set enabled: true there, or name another store", name)
	case s.ReadOnly:
		n.fault("the store %s is read-only, so no account can be made there; set readOnly: false there, or name another store", name)
	}
}

// targets is the stores in which accounts of a choice can be made.
func (c *Config) targets(choice usher.StoreChoice) []string {
	if choice.From == usher.StoreFixed {
		return []string{choice.Name}
	}
	return c.storeNames(Store.writable)
}

// storeNames lists the stores that fit, PRIMARY first.
func (c *Config) storeNames(fit func(Store) bool) []string {
	var out []string
	for _, s := range c.Stores {
		if fit(s) {
			out = append(out, s.Name)
		}
	}
	return out
}

func (s Store) writable() bool { return s.Enabled && !s.ReadOnly }
