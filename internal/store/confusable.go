package store

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"go.mau.fi/util/confusable"
)

// isConfusable reports whether a name can be mistaken for another one: it mixes
// scripts that no language mixes, or it has letters beyond ASCII and still reads
// as a name in ASCII. The parts of an e-mail address are judged by themselves.
func isConfusable(name string) bool {
	for part := range strings.SplitSeq(name, "@") {
		if !isASCII(part) && (mixesScripts(part) || isASCII(skeleton(part))) {
			return true
		}
	}
	return false
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// skeleton is the skeleton of UTS #39, section 4. Two letters are kept that it
// would take apart: who writes them tells æ from ae and œ from oe.
func skeleton(s string) string {
	return confusable.Skeleton(strings.Map(func(r rune) rune {
		switch r {
		case 'æ', 'Æ', 'œ', 'Œ':
			return utf8.RuneError
		}
		return r
	}, s))
}

// mixesScripts reports whether a text is beyond the level "highly restrictive" of
// UTS #39, section 5.2: it is not in one script, nor in those that Japanese,
// Chinese or Korean are written in beside Latin.
func mixesScripts(s string) bool {
	for _, together := range [][]*unicode.RangeTable{
		{unicode.Latin}, // most names; the rest is found faster after it
		{unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana},
		{unicode.Latin, unicode.Han, unicode.Bopomofo},
		{unicode.Latin, unicode.Han, unicode.Hangul},
	} {
		if isWithin(s, together...) {
			return false
		}
	}
	for _, r := range s {
		if !unicode.In(r, unicode.Common, unicode.Inherited) {
			return !isWithin(s, script(r))
		}
	}
	return false
}

// isWithin reports whether all letters are of these scripts, or of all scripts.
func isWithin(s string, scripts ...*unicode.RangeTable) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return !unicode.In(r, scripts...) && !unicode.In(r, unicode.Common, unicode.Inherited)
	}) < 0
}

// script is the script of a letter; an empty one for what has none.
func script(r rune) *unicode.RangeTable {
	for _, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return table
		}
	}
	return &unicode.RangeTable{}
}
