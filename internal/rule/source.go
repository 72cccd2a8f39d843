package rule

import (
	"maps"
	"slices"

	usher "github.com/usher-id/usher"
)

// Source is the mapping rules of one identity provider, as written. The zero
// Source maps nothing and admits everybody.
type Source struct {
	Username   string                     // CEL, text
	Attributes map[string]AttributeSource // by attribute name
	Groups     string                     // CEL, list of text
	Verified   map[string]string          // CEL, bool, by attribute name: does the provider vouch for the value?
	Admit      Admit
}

// AttributeSource is the rule of one attribute.
type AttributeSource struct {
	Value string // CEL, text; a list of text if List
	List  bool   // the attribute may hold several values; otherwise a list is an error of the attribute
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
	username   *expression // nil if not mapped
	attributes []attribute // sorted by name
	groups     *expression // nil if not mapped
	domains    []string    // lower case, sorted
	verified   bool
	when       *expression // nil if there is no condition
	claims     []string    // sorted
}

// attribute is one attribute with its rules.
type attribute struct {
	name     string
	list     bool
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
		username: c.optional("mapping.username", src.Username, wantText),
		verified: src.Admit.Verified,
	}
	c.names(src)
	for _, name := range slices.Sorted(maps.Keys(src.Attributes)) {
		a := src.Attributes[name]
		if !wellNamed(name) {
			continue // names has said so
		}
		want := wantText
		if a.List {
			want = wantList
		}
		s.attributes = append(s.attributes, attribute{
			name: name, list: a.List, value: c.compile("mapping.attributes."+name, a.Value, want),
		})
	}
	s.groups = c.optional("mapping.groups", src.Groups, wantList)
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
	s.domains = c.admit(src)
	s.when = c.optional("admit.when", src.Admit.When, wantBool)
	if len(c.found) > 0 {
		return nil, usher.Fail(usher.Invalid, "rule.Compile", "The mapping rules can't be used as they are written.", c.found)
	}
	s.claims = s.reads()
	return s, nil
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
	all := []*expression{s.username, s.groups, s.when}
	for _, a := range s.attributes {
		all = append(all, a.value, a.verified)
	}
	return slices.DeleteFunc(all, func(e *expression) bool { return e == nil })
}
