package pattern

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// group reads a group from its parenthesis on. It reports whether it can be
// repeated.
func (p *parser) group() bool {
	at := p.here()
	p.pos++
	if p.depth++; p.depth > maxDepth {
		p.refuse(at, "groups are nested too deep; write it in a simpler way")
		return false
	}
	defer func() { p.depth-- }()
	switch {
	case !p.is('?'):
		number := p.capture("")
		p.closed[number] = p.inside(at)
	case p.skip("?:"):
		p.write("(?:")
		p.inside(at)
	case p.skip("?>"):
		if p.behind > 0 {
			p.refuse(at, "(?> can't be kept in a lookbehind; write (?:")
		}
		p.returns = true
		p.write("(?>")
		p.inside(at)
	case p.begins("?=") || p.begins("?!"):
		p.look(2)
		p.inside(at)
		return false
	case p.begins("?<=") || p.begins("?<!"):
		p.look(3)
		p.behind++
		p.inside(at)
		p.behind--
		return false
	case p.skip("?<"):
		p.named(at)
	default:
		return p.flags(at)
	}
	return true
}

// inside reads what is in a group and its end.
func (p *parser) inside(at int) (complete bool) {
	p.alternatives()
	if !p.skip(")") {
		p.refuse(at, `this ( is not closed; add ), or write \( for the character`)
		return false
	}
	p.write(`)`)
	return true
}

// named reads a group that has a name.
func (p *parser) named(at int) {
	name, ok := p.until('>')
	if _, twice := p.names[name]; !ok || twice || !isAlpha(rune(name[0])) || strings.ContainsAny(name, "_=") {
		p.refuse(at, "the name of a group is letters and digits, begins with a letter, and stands there once; write (?<name>...)")
		return
	}
	number := p.capture(name)
	p.closed[number] = p.inside(at)
}

// capture begins a group that can be referred to.
func (p *parser) capture(name string) int {
	p.groups++
	if name != "" {
		p.names[name] = p.groups
	}
	p.write(`(`)
	return p.groups
}

// look begins a lookaround, whose sign has so many characters.
func (p *parser) look(sign int) {
	p.returns = true
	p.write(`(`)
	for range sign {
		p.out = utf8.AppendRune(p.out, p.in[p.pos].r)
		p.pos++
	}
}

// flags reads (?i), (?-i), (?i:...) and the same with s, which changes nothing
// where there is one line.
func (p *parser) flags(at int) bool {
	p.pos++ // ?
	noCase, on := p.noCase, true
	for p.pos < len(p.in) && !p.is(')') && !p.is(':') {
		switch s := p.in[p.pos]; {
		case s.quoted:
			p.refuse(at, "this is no group; write (?:...) for one that is not referred to")
			return false
		case s.r == '-' && on:
			on = false
		case s.r == 'i':
			noCase = on
		case s.r == 's':
		default:
			p.refuse(at, "of the flags only i and s can be kept; remove the others, or write (?:...) for a group that is not referred to")
			return false
		}
		p.pos++
	}
	if p.skip(")") {
		p.noCase = noCase
		return false
	}
	if !p.skip(":") {
		p.refuse(at, `this ( is not closed; add ), or write \( for the character`)
		return false
	}
	outer := p.noCase
	p.noCase = noCase
	p.write("(?:")
	p.inside(at)
	p.noCase = outer
	return true
}

// refer writes a reference to what a group matched.
func (p *parser) refer(at, number int) bool {
	switch {
	case !p.closed[number]:
		p.refuse(at, "there is no group of that number or name that is complete before here; refer to an earlier one")
	case p.noCase:
		p.refuse(at, "a reference can't be kept where case does not count; write it without (?i)")
	case p.behind > 0:
		p.refuse(at, "a reference can't stand in a lookbehind; write what it stands for")
	default:
		p.returns = true
		p.write(`(?:\` + strconv.Itoa(number) + `)`)
		return true
	}
	return false
}

// backReference reads \1 to \9, and more digits as long as there are so many groups.
func (p *parser) backReference(at int) bool {
	number := int(p.in[p.pos].r - '0')
	p.pos++
	for p.pos < len(p.in) && isDigit(p.in[p.pos].r) && !p.in[p.pos].quoted {
		longer := number*10 + int(p.in[p.pos].r-'0')
		if longer > p.groups {
			break
		}
		number = longer
		p.pos++
	}
	return p.refer(at, number)
}
