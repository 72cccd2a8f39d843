// Package pattern matches text against regular expressions in Java's dialect.
package pattern

import "regexp"

// Pattern is a compiled expression; the zero Pattern matches everything.
type Pattern struct {
	source string
	re     *regexp.Regexp
}

// Compile compiles an expression that must match the whole of a text.
func Compile(java string) (Pattern, error) {
	re, err := regexp.Compile(`^(?:` + java + `)$`)
	return Pattern{java, re}, err
}

// Match reports whether p matches the whole of s.
func (p Pattern) Match(s string) bool { return p.re == nil || p.re.MatchString(s) }

// String is the expression.
func (p Pattern) String() string { return p.source }
