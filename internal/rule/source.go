package rule

import (
	"maps"
	"slices"
	"strings"

	usher "github.com/usher-id/usher"
)

// Source is the mapping rules of one identity provider, as written. The zero
// Source maps nothing and admits everybody.
type Source struct {
	Subject    string                     // CEL, text: who the person is, instead of the provider's own subject
	Username   string                     // CEL, text
	Attributes map[string]AttributeSource // by attribute name
	Groups     string                     // CEL, list of text; or text, if there is a Separator
	Separator  string                     // what a text of groups is split at
	Verified   map[string]string          // CEL, bool, by attribute name: does the provider vouch for the value?
	Store      string                     // CEL, text: the store for a new account
	Admit      Admit
}

// AttributeSource is the rule of one attribute.
type AttributeSource struct {
	Value     string // CEL, text; a list of text if List
	List      bool   // the attribute may hold several values; otherwise a list is an error of the attribute
	Separator string // with List: what a text is split at, so that the rule may give one
	Pass      bool   // for the application's tokens of this session only; never stored in an account
}

// Admit is who may come in at all. Every condition that is set must hold; with
// none set everybody is admitted.
type Admit struct {
	EmailDomains []string // the mapped email must be an address in exactly one of these domains
	Verified     bool     // the mapped email must be verified
	When         string   // CEL, bool
}

// Set is a compiled [Source]. It never changes and is safe for concurrent use.
type Set struct {
	subject    *expression // nil: the provider's own
	username   *expression // nil if not mapped
	attributes []attribute // sorted by name
	groups     *expression // nil if not mapped
	separator  string      // of groups
	store      *expression // nil if no rule chooses it
	domains    []string    // lower case, sorted
	verified   bool
	when       *expression // nil if there is no condition
	claims     []string    // sorted
}

// attribute is one attribute with its rules.
type attribute struct {
	name     string
	read     reader
	pass     bool
	value    *expression
	verified *expression // nil: never verified
}

// Compile checks a source and makes it ready to run. Its error has kind Invalid
// and holds [Faults]: all of them, each naming its rule and its place there.
func Compile(src Source) (*Set, error) {
	c := &compiler{}
	if c.tools, c.broken = loadTools(); c.broken != nil {
		return nil, usher.Fail(usher.Internal, "rule.Compile", "", c.broken)
	}
	s := &Set{
		subject:  c.optional("mapping.subject", src.Subject, wantText),
		username: c.optional("mapping.username", src.Username, wantText),
		verified: src.Admit.Verified,
	}
	c.names(src)
	for _, name := range slices.Sorted(maps.Keys(src.Attributes)) {
		if wellNamed(name) { // names has said so
			s.attributes = append(s.attributes, c.attribute(name, src.Attributes[name]))
		}
	}
	c.separator("jit.sync.separator", src.Separator)
	s.separator = src.Separator
	s.groups = c.optional("mapping.groups", src.Groups, listOr(src.Separator))
	for _, name := range slices.Sorted(maps.Keys(src.Verified)) {
		if _, mapped := src.Attributes[name]; !mapped || !wellNamed(name) {
			continue // names has said so
		}
		e := c.compile("mapping.verified."+name, src.Verified[name], wantBool)
		for i := range s.attributes {
			if s.attributes[i].name == name {
				s.attributes[i].verified = e
			}
		}
	}
	s.store = c.optional("jit.store.rule", src.Store, wantText)
	s.domains = c.admit(src)
	s.when = c.optional("admit.when", src.Admit.When, wantBool)
	if len(c.found) > 0 {
		return nil, usher.Fail(usher.Invalid, "rule.Compile", "The mapping rules can't be used as they are written.", c.found)
	}
	s.claims = s.reads()
	return s, nil
}

// attribute compiles the rule of one attribute.
func (c *compiler) attribute(name string, src AttributeSource) attribute {
	where := "mapping.attributes." + name
	out := attribute{name: name, pass: src.Pass}
	switch {
	case !src.List && src.Separator != "":
		c.add(where, "A separator makes several values of a text, and this attribute holds one. Declare that it may hold a list, or leave the separator out.")
		return out
	case !src.List:
		out.read, out.value = oneText, c.compile(where, src.Value, wantText)
		return out
	}
	c.separator(where, src.Separator)
	out.read, out.value = split(src.Separator, severalTexts), c.compile(where, src.Value, listOr(src.Separator))
	return out
}

// separator checks what a text is split at.
func (c *compiler) separator(where, s string) {
	const longest = 8
	if len(s) > longest || s != "" && (strings.TrimSpace(s) == "" || unfit(s) != "") {
		c.add(where, "The separator "+quoted(s)+" can't be used. Write one to eight characters that can be seen.")
	}
}

// listOr is what a rule for several values must come to: a list, or also a text
// if there is something to split it at.
func listOr(separator string) want {
	if separator != "" {
		return wantParts
	}
	return wantList
}

// Claims is the names of the top-level claims that the expressions read, sorted.
// An expression that reads claims by computed names adds only the names written in it.
func (s *Set) Claims() []string { return slices.Clone(s.claims) }

func (s *Set) reads() []string {
	var names []string
	for _, e := range s.expressions() {
		names = append(names, e.reads.claims...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// expressions is every expression of the set.
func (s *Set) expressions() []*expression {
	all := []*expression{s.subject, s.username, s.groups, s.store, s.when}
	for _, a := range s.attributes {
		all = append(all, a.value, a.verified)
	}
	return slices.DeleteFunc(all, func(e *expression) bool { return e == nil })
}
