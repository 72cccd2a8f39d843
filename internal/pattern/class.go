package pattern

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// span is the characters from one to another.
type span struct{ low, high rune }

// The classes that a backslash makes. All of them are ASCII in Java, but for \h
// and \v.
var (
	digits   = []span{{'0', '9'}}
	word     = []span{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}
	space    = []span{{'\t', '\r'}, {' ', ' '}}
	blank    = []span{{'\t', '\t'}, {' ', ' '}, {0xa0, 0xa0}, {0x1680, 0x1680}, {0x180e, 0x180e}, {0x2000, 0x200a}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}}
	vertical = []span{{'\n', '\r'}, {0x85, 0x85}, {0x2028, 0x2029}}
)

// The classes of POSIX, as \p{Name}; all of them are ASCII in Java.
var posix = map[string][]span{
	"Lower": {{'a', 'z'}}, "Upper": {{'A', 'Z'}}, "Alpha": {{'A', 'Z'}, {'a', 'z'}}, "Digit": {{'0', '9'}}, "ASCII": {{0, 0x7f}},
	"Alnum": {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}, "Punct": {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}},
	"Graph": {{'!', '~'}}, "Print": {{' ', '~'}}, "Blank": {{'\t', '\t'}, {' ', ' '}}, "Cntrl": {{0, 0x1f}, {0x7f, 0x7f}},
	"XDigit": {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}, "Space": {{'\t', '\r'}, {' ', ' '}},
}

// but is everything that is not in these spans, which are in order.
func but(spans []span) []span {
	var out []span
	next := rune(0)
	for _, s := range spans {
		if s.low > next {
			out = append(out, span{next, s.low - 1})
		}
		next = s.high + 1
	}
	return append(out, span{next, unicode.MaxRune})
}

// class reads [...].
func (p *parser) class() {
	at := p.here()
	p.pos++
	p.write(`[`)
	if p.skip("^") {
		p.write(`^`)
	}
	for first := true; ; first = false {
		switch {
		case p.fault != nil:
			return
		case p.pos >= len(p.in):
			p.refuse(at, `this [ is not closed; add ], or write \[ for the character`)
			return
		case p.is(']') && !first:
			p.pos++
			p.write(`]`)
			return
		case p.is('['):
			p.refuse(p.here(), `a class within a class can't be kept; write all in one, or \[ for the character`)
		case p.begins("&&"):
			p.refuse(p.here(), "&& can't be kept; write out the characters that are left, or put a lookahead before the class: (?=[a-z])[^m-p]")
		default:
			p.member()
		}
	}
}

// member reads one character, span or class within [...].
func (p *parser) member() {
	low, at := p.in[p.pos], p.here()
	if low.r == '\\' && !low.quoted {
		spans, r, single := p.escape(true)
		switch {
		case p.fault != nil:
			return
		case !single:
			p.spans(spans)
			return
		}
		low.r = r
	} else {
		p.pos++
	}
	if !p.is('-') || p.begins("-]") || p.begins("-[") || p.pos+1 >= len(p.in) {
		p.single(low.r)
		return
	}
	p.pos++ // -
	high := p.in[p.pos]
	if high.r == '\\' && !high.quoted {
		_, r, single := p.escape(true)
		if p.fault == nil && !single {
			p.refuse(at, `a span ends with one character; write \- for the hyphen`)
		}
		high.r = r
	} else {
		p.pos++
	}
	if p.fault == nil && high.r < low.r {
		p.refuse(at, "this span ends before it begins; exchange the two, or write \\- for the hyphen")
	}
	p.spans(p.anyCase(span{low.r, high.r}))
}

func (p *parser) single(r rune) { p.spans(p.anyCase(span{r, r})) }

// anyCase adds to a span the letters of the other case, where case does not
// count. It does not count for letters of ASCII only.
func (p *parser) anyCase(s span) []span {
	out := []span{s}
	if !p.noCase {
		return out
	}
	for _, letters := range []struct {
		span
		other rune
	}{{span{'a', 'z'}, 'A' - 'a'}, {span{'A', 'Z'}, 'a' - 'A'}} {
		if low, high := max(s.low, letters.low), min(s.high, letters.high); low <= high {
			out = append(out, span{low + letters.other, high + letters.other})
		}
	}
	return out
}

// spans writes members of a class.
func (p *parser) spans(spans []span) {
	for _, s := range spans {
		p.char(s.low)
		if s.high > s.low {
			p.write(`-`)
			p.char(s.high)
		}
	}
}

// literal writes a character outside of a class.
func (p *parser) literal(r rune) {
	if spans := p.anyCase(span{r, r}); len(spans) > 1 {
		p.write(`[`)
		p.spans(spans)
		p.write(`]`)
		return
	}
	p.char(r)
}

// char writes a character so that every engine takes it for itself.
func (p *parser) char(r rune) {
	switch {
	case r == '-': // one of them takes \- for no end of a span
		p.write(`\x2d`)
		return
	case strings.ContainsRune(`\.+*?()|[]{}^$`, r):
		p.write(`\`)
	}
	p.out = utf8.AppendRune(p.out, r)
}
