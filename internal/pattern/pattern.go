// Package pattern matches text against regular expressions in the dialect of
// Java (java.util.regex), as String.matches does: the whole text must match.
//
// An expression is not handed on as it is written. It is read, and written anew
// with nothing left in it that another engine could take differently: classes as
// the characters they stand for, ^ and $ as the ends of the text, letters without
// case as both letters. What can't be kept is refused when it is compiled, with
// words that say what to write instead. What is left goes to the engine of the
// standard library, which needs time in proportion to the text; only lookaround,
// back references, atomic groups and possessive quantifiers go to one that tries
// and returns, and that one is stopped.
//
// It does not know what is matched, or why.
package pattern

import (
	"regexp"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"

	"github.com/usher-id/usher"
)

// The bounds of what is compiled and matched. No name, password or group that a
// store takes comes near them.
const (
	maxPattern = 1000 // bytes
	maxText    = 1000 // characters
	maxTime    = 50 * time.Millisecond
)

// Pattern is a compiled expression. The zero Pattern matches everything. It is
// safe for concurrent use.
type Pattern struct {
	source string
	engine engine
}

// engine reports whether an expression matches; what it can't find out in time
// does not.
type engine interface{ matches(text string) bool }

// Compile compiles an expression. One that is wrong, or that would not mean what
// it means in Java, is Invalid, with a message that says where and what to do.
func Compile(java string) (Pattern, error) {
	const op = "pattern.Compile"
	switch {
	case java == "":
		return Pattern{}, usher.Fail(usher.Invalid, op, "an empty pattern lets nothing through; leave it out to let everything through", nil)
	case len(java) > maxPattern:
		return Pattern{}, usher.Fail(usher.Invalid, op, "it is longer than 1000 bytes; write a shorter one", nil)
	case !utf8.ValidString(java):
		return Pattern{}, usher.Fail(usher.Invalid, op, "it is not UTF-8", nil)
	}
	read, err := translate(java)
	if err != nil {
		return Pattern{}, usher.Fail(usher.Invalid, op, err.Error(), nil)
	}
	whole := `\A(?:` + read.text + `)\z`
	if !read.returns {
		if re, err := regexp.Compile(whole); err == nil {
			return Pattern{java, linear{re}}, nil
		} // it repeats more than this engine does
	}
	quickClock()
	re, err := regexp2.Compile(whole, regexp2.None)
	if err != nil {
		return Pattern{}, usher.Fail(usher.Invalid, op, "it can't be used; write it in a simpler way", err)
	}
	re.MatchTimeout = maxTime
	return Pattern{java, returning{re}}, nil
}

// quickClock lets the engine that returns look at the time more often than it
// does by itself, or else it would be stopped four times too late. It comes before
// the engine's first use, because its clock must not change under way.
var quickClock = sync.OnceFunc(func() { regexp2.SetTimeoutCheckPeriod(maxTime / 5) })

// Match reports whether p matches the whole of text. A text of more than 1000
// characters, of more than one line, or that is not UTF-8 matches nothing but
// the zero Pattern; nor does one that takes longer than 50 milliseconds, twice.
func (p Pattern) Match(text string) bool {
	if p.engine == nil {
		return true
	}
	return utf8.ValidString(text) && utf8.RuneCountInString(text) <= maxText && isLine(text) && p.engine.matches(text)
}

// Slow reports whether a text may keep p busy for longer than its length says.
func (p Pattern) Slow() bool {
	_, linear := p.engine.(linear)
	return p.engine != nil && !linear
}

// isLine reports whether a text has no line terminator. Without one, all that
// engines disagree on about the ends of lines is the same.
func isLine(text string) bool {
	for _, r := range text {
		switch r {
		case '\n', '\r', '\u0085', '\u2028', '\u2029':
			return false
		}
	}
	return true
}

// String is the expression as it was written.
func (p Pattern) String() string { return p.source }

// Equal reports whether two patterns were written alike.
func (p Pattern) Equal(other Pattern) bool { return p.source == other.source }

// linear is the engine of the standard library.
type linear struct{ re *regexp.Regexp }

func (e linear) matches(text string) bool { return e.re.MatchString(text) }

// returning is the engine that tries and returns.
type returning struct{ re *regexp2.Regexp }

// matches tries a second time if the first took too long: it may be the machine
// that was busy with something else.
func (e returning) matches(text string) bool {
	ok, err := e.re.MatchString(text)
	if err != nil {
		ok, err = e.re.MatchString(text)
	}
	return ok && err == nil
}
