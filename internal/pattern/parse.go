package pattern

import (
	"fmt"
	"strconv"
	"strings"
)

// translated is an expression as it is given to an engine.
type translated struct {
	text    string
	returns bool // it needs the engine that tries and returns
}

// fault is why an expression is refused.
type fault struct {
	at  int // characters before it
	say string
}

// Error says it to whoever wrote the expression.
func (f fault) Error() string { return fmt.Sprintf("at character %d: %s", f.at+1, f.say) }

// maxDepth is how deep groups can be nested.
const maxDepth = 30

// maxRepeat is the largest number in a quantifier; no text is longer.
const maxRepeat = maxText

// symbol is one character of an expression.
type symbol struct {
	r      rune
	quoted bool // between \Q and \E, where nothing is special
	at     int
}

// parser reads an expression in Java's dialect and writes it anew.
type parser struct {
	in      []symbol
	pos     int
	out     []byte
	returns bool

	noCase bool // the flag i
	depth  int
	behind int // how many lookbehinds we are in

	groups int            // capturing groups begun
	closed map[int]bool   // capturing groups that are complete
	names  map[string]int // of groups
	fault  *fault         // the first
}

// translate reads a whole expression.
func translate(java string) (translated, error) {
	p := &parser{in: symbols(java), closed: map[int]bool{}, names: map[string]int{}}
	p.alternatives()
	if p.fault == nil && p.pos < len(p.in) {
		p.refuse(p.here(), `this ) closes nothing; write \) for the character`)
	}
	if p.fault != nil {
		return translated{}, *p.fault
	}
	return translated{string(p.out), p.returns}, nil
}

func (p *parser) write(s string) { p.out = append(p.out, s...) }

// symbols takes quotations out: what stands between \Q and \E, or the end,
// stands for itself.
func symbols(java string) []symbol {
	in := []rune(java)
	var out []symbol
	for i := 0; i < len(in); i++ {
		if in[i] != '\\' || i+1 == len(in) {
			out = append(out, symbol{in[i], false, i})
			continue
		}
		if in[i+1] != 'Q' {
			out = append(out, symbol{in[i], false, i}, symbol{in[i+1], false, i + 1})
			i++
			continue
		}
		for i += 2; i < len(in); i++ {
			if in[i] == '\\' && i+1 < len(in) && in[i+1] == 'E' {
				i++
				break
			}
			out = append(out, symbol{in[i], true, i})
		}
	}
	return out
}

// refuse notes the first fault and ends the reading.
func (p *parser) refuse(at int, say string) {
	if p.fault == nil {
		p.fault = &fault{at, say}
	}
	p.pos = len(p.in)
}

// here is where the next character stands.
func (p *parser) here() int { return p.in[p.pos].at }

// is reports whether the special character r comes next.
func (p *parser) is(r rune) bool {
	return p.pos < len(p.in) && p.in[p.pos].r == r && !p.in[p.pos].quoted
}

// begins reports whether all of these come next, and none of them quoted.
func (p *parser) begins(s string) bool {
	for i, r := range []rune(s) {
		if at := p.pos + i; at >= len(p.in) || p.in[at].r != r || p.in[at].quoted {
			return false
		}
	}
	return true
}

// skip takes s if it comes next.
func (p *parser) skip(s string) bool {
	if !p.begins(s) {
		return false
	}
	p.pos += len([]rune(s))
	return true
}

// until reads letters and digits up to the character end, which it takes too.
func (p *parser) until(end rune) (string, bool) {
	var word strings.Builder
	for p.pos < len(p.in) {
		s := p.in[p.pos]
		p.pos++
		if s.r == end && !s.quoted {
			return word.String(), word.Len() > 0
		}
		if s.quoted || s.r >= 0x80 || !isAlnum(s.r) && s.r != '_' && s.r != '=' {
			break
		}
		word.WriteRune(s.r)
	}
	return "", false
}

func isAlnum(r rune) bool { return isAlpha(r) || isDigit(r) }
func isAlpha(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }
func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// alternatives reads up to the end of the group or of the expression. A flag that
// is set within holds until there.
func (p *parser) alternatives() {
	noCase := p.noCase
	for p.sequence(); p.skip("|"); p.sequence() {
		p.write(`|`)
	}
	p.noCase = noCase
}

func (p *parser) sequence() {
	for p.pos < len(p.in) && !p.is('|') && !p.is(')') {
		p.item()
	}
}

// item reads one thing that can be repeated, and how often it is.
func (p *parser) item() {
	at, before, group := p.here(), len(p.out), p.is('(')
	repeatable := p.atom()
	atom := string(p.out[before:])
	p.out = p.out[:before]
	p.quantified(at, atom, repeatable, group)
}

// atom reads one thing. It reports whether it can be repeated.
func (p *parser) atom() bool {
	s := p.in[p.pos]
	if s.quoted {
		p.pos++
		p.literal(s.r)
		return true
	}
	switch s.r {
	case '(':
		return p.group()
	case '[':
		p.class()
		return true
	case '\\':
		return p.escaped()
	case '^':
		p.pos++
		p.write(`\A`)
		return false
	case '$':
		p.pos++
		p.write(`\z`)
		return false
	case '.':
		p.pos++
		p.write(`[^\n]`)
		return true
	case '*', '+', '?':
		p.refuse(s.at, fmt.Sprintf(`there is nothing that this %c repeats; write \%c for the character`, s.r, s.r))
		return false
	case '{':
		p.refuse(s.at, `this { repeats nothing; write \{ for the character`)
		return false
	}
	p.pos++
	p.literal(s.r)
	return true
}

// quantified writes an atom with its quantifier, if it has one.
func (p *parser) quantified(at int, atom string, repeatable, group bool) {
	count, unbounded, ok := p.quantifier()
	if !ok {
		p.write(atom)
		return
	}
	switch {
	case !repeatable:
		p.refuse(at, "this matches at a place and takes up no characters, so it can't be repeated; remove the quantifier")
		return
	case p.behind > 0 && (unbounded || group):
		p.refuse(at, "a lookbehind must have an obvious greatest length; write {0,30} for *, {1,30} for +, and no quantifier after a group")
		return
	case p.behind > 0 && p.is('+'):
		p.refuse(at, "a possessive quantifier can't be kept in a lookbehind; remove its +")
		return
	}
	switch {
	case p.skip("+"):
		p.returns = true
		p.write("(?>" + atom + count + ")")
	case p.skip("?"):
		p.write("(?:" + atom + count + "?)")
	default:
		p.write("(?:" + atom + count + ")")
	}
	if p.is('*') || p.is('+') || p.is('?') || p.is('{') {
		p.refuse(p.here(), "this repeats a repetition; put the part before it into (?:...)")
	}
}

// quantifier reads *, +, ?, {n}, {n,} or {n,m}.
func (p *parser) quantifier() (count string, unbounded, ok bool) {
	switch {
	case p.skip("*"):
		return "*", true, true
	case p.skip("+"):
		return "+", true, true
	case p.skip("?"):
		return "?", false, true
	case !p.is('{'):
		return "", false, false
	}
	at := p.here()
	p.pos++
	low, some := p.number()
	high := low
	if p.skip(",") {
		if high, ok = p.number(); !ok {
			high = -1
		}
	}
	if !some || !p.skip("}") {
		p.refuse(at, `this is no quantifier; write {2}, {2,} or {2,5}, or \{ for the character`)
		return "", false, false
	}
	switch {
	case low > maxRepeat || high > maxRepeat:
		p.refuse(at, "nothing can be repeated more than 1000 times; write a smaller number")
	case high == -1:
		return fmt.Sprintf("{%d,}", low), true, true
	case high < low:
		p.refuse(at, "the second number is smaller than the first; exchange them")
	case high == low:
		return fmt.Sprintf("{%d}", low), false, true
	}
	return fmt.Sprintf("{%d,%d}", low, high), false, true
}

// number reads digits. One that is too large is more than maxRepeat.
func (p *parser) number() (n int, ok bool) {
	var digits strings.Builder
	for p.pos < len(p.in) && isDigit(p.in[p.pos].r) && !p.in[p.pos].quoted {
		digits.WriteRune(p.in[p.pos].r)
		p.pos++
	}
	if digits.Len() == 0 {
		return 0, false
	}
	n, err := strconv.Atoi(digits.String())
	if err != nil {
		n = maxRepeat + 1
	}
	return n, true
}
