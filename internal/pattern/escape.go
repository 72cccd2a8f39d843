package pattern

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// escaped reads what begins with a backslash outside of a class. It reports
// whether it can be repeated.
func (p *parser) escaped() bool {
	at := p.here()
	switch {
	case p.begins(`\A`), p.begins(`\Z`), p.begins(`\z`):
		end := `\z`
		if p.begins(`\A`) {
			end = `\A`
		}
		p.pos += 2
		p.write(end)
		return false
	case p.skip(`\k<`):
		name, _ := p.until('>')
		return p.refer(at, p.names[name])
	case p.begins(`\`) && p.pos+1 < len(p.in) && '1' <= p.in[p.pos+1].r && p.in[p.pos+1].r <= '9' && !p.in[p.pos+1].quoted:
		p.pos++
		return p.backReference(at)
	}
	spans, r, single := p.escape(false)
	switch {
	case p.fault != nil:
		return false
	case single:
		p.literal(r)
	default:
		p.write(`[`)
		p.spans(spans)
		p.write(`]`)
	}
	return true
}

// known are the escapes that are one character.
var known = map[rune]rune{'t': '\t', 'n': '\n', 'r': '\r', 'f': '\f', 'a': '\a', 'e': 0x1b}

// classes are the escapes that are a class.
var classes = map[rune][]span{
	'd': digits, 'D': but(digits), 'w': word, 'W': but(word), 's': space, 'S': but(space),
	'h': blank, 'H': but(blank), 'v': vertical, 'V': but(vertical),
}

// instead says what to write for escapes that can't be kept.
var instead = map[rune]string{
	'b': `means something else for letters beyond ASCII from one Java to the next; write what may stand there, as (?![A-Za-z0-9_])`,
	'B': `means something else for letters beyond ASCII from one Java to the next; write what may stand there, as (?=[A-Za-z0-9_])`,
	'G': `is where the last match ended, and there is none; write ^`,
	'R': `is the end of a line, and there is one line only; remove it`,
	'X': `can't be kept; write . for any character`,
	'N': `can't be kept; write the character itself, or \x{...} with its number`,
	'0': `can't be kept; write \x and two hexadecimal digits`,
	'c': `can't be kept; write \x and two hexadecimal digits`,
	'Q': `must stand before what is quoted`,
	'E': `ends a quotation that \Q did not begin; remove it`,
}

// escape reads what begins with a backslash: a class, or a single character.
func (p *parser) escape(inClass bool) (spans []span, r rune, single bool) {
	at := p.here()
	p.pos++
	if p.pos >= len(p.in) || p.in[p.pos].quoted {
		p.refuse(at, `a backslash can't be the last character; write \\ for the character`)
		return nil, 0, false
	}
	r = p.in[p.pos].r
	p.pos++
	if to, ok := known[r]; ok {
		return nil, to, true
	}
	if spans, ok := classes[r]; ok {
		return spans, 0, false
	}
	switch {
	case r == 'x' || r == 'u':
		r, ok := p.code(r)
		if !ok {
			p.refuse(at, `this is no character's number; write \x41, \x{1F600} or \u00e9`)
		}
		return nil, r, true
	case r == 'p' || r == 'P':
		return p.property(at, r == 'P'), 0, false
	case instead[r] != "":
		p.refuse(at, `\`+string(r)+" "+instead[r])
	case isAlnum(r):
		p.refuse(at, `\`+string(r)+" is not known; remove the backslash if the character is meant")
	case inClass && r == '&' && p.is('&'):
		p.refuse(at, `&& can't be kept; write \&\& for the characters`)
	}
	return nil, r, true
}

// code reads the number of a character after \x or \u.
func (p *parser) code(kind rune) (rune, bool) {
	if kind == 'x' && p.skip("{") {
		text, ok := p.until('}')
		n, err := strconv.ParseInt(text, 16, 32)
		return rune(n), ok && err == nil && n <= unicode.MaxRune && !utf16.IsSurrogate(rune(n)) && !strings.Contains(text, "_")
	}
	r, ok := p.hex(map[rune]int{'x': 2, 'u': 4}[kind])
	if ok && utf16.IsSurrogate(r) {
		low, also := rune(0), kind == 'u' && p.skip(`\u`)
		if also {
			low, also = p.hex(4)
		}
		r = utf16.DecodeRune(r, low)
		ok = also && r != unicode.ReplacementChar
	}
	return r, ok
}

// hex reads so many hexadecimal digits.
func (p *parser) hex(digits int) (rune, bool) {
	if p.pos+digits > len(p.in) {
		return 0, false
	}
	var text strings.Builder
	for _, s := range p.in[p.pos : p.pos+digits] {
		if s.quoted || !isAlnum(s.r) {
			return 0, false
		}
		text.WriteRune(s.r)
	}
	n, err := strconv.ParseInt(text.String(), 16, 32)
	p.pos += digits
	return rune(n), err == nil
}

// property reads what follows \p or \P: a letter, or a name in braces.
func (p *parser) property(at int, not bool) []span {
	const advice = `this property can't be kept; write \p{L} for letters, \p{Lu}, \p{N} and the like, \p{IsLatin} and the like, or \p{Alpha}, \p{Alnum}, \p{Punct} and the like for ASCII`
	var name string
	if p.skip("{") {
		name, _ = p.until('}')
	} else if p.pos < len(p.in) && !p.in[p.pos].quoted {
		name = string(p.in[p.pos].r)
		p.pos++
	}
	spans, ok := posix[name], posix[name] != nil
	if !ok {
		spans, ok = ofUnicode(name)
	}
	switch {
	case !ok:
		p.refuse(at, advice)
	case p.noCase && slices.Contains([]string{"Lower", "Upper", "Lu", "Ll", "Lt", "IsLu", "IsLl", "IsLt"}, name):
		p.refuse(at, "a class of capital or small letters can't be kept where case does not count; write it without (?i)")
	case not:
		return but(spans)
	}
	return spans
}

// ofUnicode is a general category, as L or IsLu, or a script, as IsLatin. Of what
// is no character (category C) only control and format characters can be had.
func ofUnicode(name string) ([]span, bool) {
	short, is := strings.CutPrefix(name, "Is")
	table := unicode.Categories[short]
	switch {
	case len(short) > 2 && !is || slices.Contains([]string{"C", "Cn", "Co", "Cs"}, short):
		return nil, false
	case len(short) > 2 || table == nil && is:
		table = unicode.Scripts[short]
	}
	if table == nil {
		return nil, false
	}
	var out []span
	for _, r := range table.R16 {
		out = grown(out, rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range table.R32 {
		out = grown(out, rune(r.Lo), rune(r.Hi), rune(r.Stride)) //nolint:gosec // characters
	}
	return out, true
}

// grown adds every so many-th character from low to high to spans in order.
func grown(spans []span, low, high, stride rune) []span {
	add := func(low, high rune) {
		if n := len(spans); n > 0 && spans[n-1].high == low-1 {
			spans[n-1].high = high
			return
		}
		spans = append(spans, span{low, high})
	}
	if stride == 1 {
		add(low, high)
		return spans
	}
	for c := low; c <= high; c += stride {
		add(c, c)
	}
	return spans
}
