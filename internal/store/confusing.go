package store

import (
	"unicode"

	"go.mau.fi/util/confusable"
)

// together are the sets of scripts that stand together in one name: those of
// Japanese, Chinese and Korean, with Latin (UTS #39, section 5.2, "highly
// restrictive").
var together = [][]string{
	{"Latin", "Han", "Hiragana", "Katakana"},
	{"Latin", "Han", "Bopomofo"},
	{"Latin", "Han", "Hangul"},
}

// confusing reports whether a name can be mistaken for another one: it mixes
// scripts, or it has letters beyond ASCII and yet reads as plain Latin letters
// (UTS #39, section 4).
func confusing(name string) bool {
	return mixed(name) || !ascii(name) && ascii(confusable.Skeleton(name))
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] > unicode.MaxASCII {
			return false
		}
	}
	return true
}

// mixed reports whether a name has letters of scripts that do not stand together.
func mixed(name string) bool {
	found := map[string]bool{}
	for _, r := range name {
		if s := script(r); s != "" {
			found[s] = true
		}
	}
	if len(found) <= 1 {
		return false
	}
	for _, set := range together {
		n := 0
		for _, s := range set {
			if found[s] {
				n++
			}
		}
		if n == len(found) {
			return false
		}
	}
	return true
}

// script is the script of a letter, "" for what belongs to all of them.
func script(r rune) string {
	if r <= unicode.MaxASCII {
		if unicode.IsLetter(r) {
			return "Latin"
		}
		return ""
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			if name == "Common" || name == "Inherited" {
				return ""
			}
			return name
		}
	}
	return "" // not assigned, which PRECIS refuses
}
