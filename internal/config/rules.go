package config

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/rule"
)

// ruleReader reads mapping and admit. What the rules mean is checked by
// rule.Compile; here it is remembered where each of them stands.
type ruleReader struct {
	src    rule.Source
	places map[string]node // by the name that faults of the compiler carry
}

// readRules reads mapping and admit. Expressions are never expanded: ${ is not
// part of their language and must stay a fault of it.
func readRules(s *section) *ruleReader {
	r := &ruleReader{places: map[string]node{}}
	mapping := s.get("mapping").section()
	r.src.Subject = r.expression(mapping.get("subject"))
	r.src.Username = r.expression(mapping.get("username"))
	r.src.Groups = r.expression(mapping.get("groups"))
	r.attributes(r.placed(mapping.get("attributes")).section())
	for _, v := range r.placed(mapping.get("verified")).section().all(1_000) {
		if r.src.Verified == nil {
			r.src.Verified = map[string]string{}
		}
		r.src.Verified[v.key] = r.expression(v.node)
	}
	if mapping.get("standard").flag(false) {
		r.standard()
	}
	mapping.close()

	admit := s.get("admit").section()
	r.src.Admit = rule.Admit{
		EmailDomains: r.placed(admit.get("emailDomains")).texts(1_000, domain),
		Verified:     r.placed(admit.get("verified")).flag(false),
		When:         r.expression(admit.get("when")),
	}
	admit.close()
	return r
}

// standardClaims is the claims every OpenID provider writes alike (OpenID Connect
// Core 1.0, section 5.1), by the attribute they become, with the claim that says
// whether the provider has verified the value.
var standardClaims = map[string]struct {
	claim    string
	verified string
}{
	"displayName": {claim: "name"},
	"givenName":   {claim: "given_name"},
	"familyName":  {claim: "family_name"},
	"middleName":  {claim: "middle_name"},
	"nickname":    {claim: "nickname"},
	"picture":     {claim: "picture"},
	"locale":      {claim: "locale"},
	"zoneinfo":    {claim: "zoneinfo"},
	"email":       {claim: "email", verified: "email_verified"},
	"phone":       {claim: "phone_number", verified: "phone_number_verified"},
}

// standard maps the standard claims to attributes that no rule was written for.
func (r *ruleReader) standard() {
	if r.src.Attributes == nil {
		r.src.Attributes = map[string]rule.AttributeSource{}
	}
	if r.src.Verified == nil {
		r.src.Verified = map[string]string{}
	}
	for attribute, from := range standardClaims {
		if _, written := r.src.Attributes[attribute]; written {
			continue
		}
		r.src.Attributes[attribute] = rule.AttributeSource{Value: "claims.?" + from.claim}
		if from.verified != "" && r.src.Verified[attribute] == "" {
			r.src.Verified[attribute] = "claims.?" + from.verified + ".orValue(false) == true"
		}
	}
}

// attributes reads the attributes; each is an expression, or a mapping that
// says that several values are meant.
func (r *ruleReader) attributes(s *section) {
	for _, a := range s.all(1_000) {
		var src rule.AttributeSource
		if what(a.yaml) == "a mapping" {
			parts := a.section()
			value := parts.get("value").required("{ value: claims.emails, list: true }")
			src.Value = r.expression(value)
			src.List = parts.get("list").flag(false)
			src.Separator = parts.get("separator").text()
			src.Pass = parts.get("pass").flag(false)
			parts.close()
			r.places[a.path] = value
		} else {
			src.Value = r.expression(a.node)
		}
		if r.src.Attributes == nil {
			r.src.Attributes = map[string]rule.AttributeSource{}
		}
		r.src.Attributes[a.key] = src
	}
}

func (r *ruleReader) placed(n node) node {
	r.places[n.path] = n
	return n
}

func (r *ruleReader) expression(n node) string { return strings.TrimSpace(r.placed(n).text()) }

// compile compiles the rules; what is wrong with them becomes faults of the file.
func (r *ruleReader) compile(doc node) *rule.Set {
	set, err := rule.Compile(r.src)
	var found rule.Faults
	if err != nil && !errors.As(err, &found) {
		doc.fault("the rules can't be compiled: %s", usher.Shown(err))
	}
	for _, f := range found {
		at, ok := r.places[f.Where]
		if !ok {
			at = doc
			at.path = f.Where
		}
		if at.faulted() {
			continue // it has no value, and that was said
		}
		msg := f.Msg
		if f.Line > 0 {
			line, column, exact := at.within(f.Line, f.Column)
			if at.line, at.column = line, column; !exact {
				msg += " (" + position(f.Line, f.Column) + " of the expression)"
			}
		}
		at.fault("%s", msg)
	}
	return set
}

// faulted reports whether something was found wrong with n already.
func (n node) faulted() bool {
	return slices.ContainsFunc(n.r.faults, func(f Fault) bool {
		return f.File == n.file.name && f.Line == n.line && f.Column == n.column
	})
}

// within is the place in the file of a place in the text of n, both from 1 and
// in characters. exact is false if the file spells the text differently, with
// escapes or folded.
func (n node) within(line, column int) (int, int, bool) {
	text, ok := n.peek()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if !ok || line < 1 || line > len(lines) || column < 1 {
		return n.line, n.column, false
	}
	want := strings.TrimRight(lines[line-1], " \t")
	for at := n.line + line - 1; want != "" && at <= n.line+line && at <= len(n.file.lines); at++ {
		source := []rune(n.file.lines[at-1])
		from := 0
		if at == n.line {
			from = min(n.column-1, len(source))
		}
		if before, _, found := strings.Cut(string(source[from:]), want); found {
			return at, from + utf8.RuneCountInString(before) + column, true
		}
	}
	return n.line, n.column, false
}
