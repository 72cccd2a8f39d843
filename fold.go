package usher

import "strings"

// AttributeEmail is the attribute that holds an e-mail address. It is the one
// whose values are compared by more than their bytes.
const AttributeEmail = "email"

// maxFolded is the longest value that accounts can be found by, in bytes.
const maxFolded = 320

// Fold gives the form by which accounts are found and kept unique by the value
// of an attribute: ASCII letters in lower case, everything else as it is. A
// value longer than 320 bytes, or an e-mail address that is not strictly one in
// ASCII, has no such form and finds nobody.
//
// Two values with one form need not be equal ([SameValue] tells); two that are
// equal have one form.
func Fold(attribute, value string) (string, bool) {
	if value == "" || len(value) > maxFolded {
		return "", false
	}
	if attribute == AttributeEmail {
		if _, ok := EmailDomain(value); !ok {
			return "", false
		}
	}
	return lowerASCII(value), true
}

// SameValue reports whether two values of an attribute mean one thing: e-mail
// addresses whatever the case of their ASCII letters, anything else byte by byte.
func SameValue(attribute, a, b string) bool {
	if attribute == AttributeEmail {
		return lowerASCII(a) == lowerASCII(b)
	}
	return a == b
}

// EmailDomain is the domain of an e-mail address in lower case. Only the plain
// form of RFC 5321 in ASCII is taken: dot-atom, one @, a domain of letters,
// digits and hyphens with a dot, at most 254 bytes; no quotes, comments,
// addresses in brackets, trailing dots, and nothing folded but ASCII case, so
// that no two readers see two domains in it.
func EmailDomain(address string) (string, bool) {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || len(address) > 254 || len(local) > 64 || !dotted(local, isAtom) || !dotted(domain, isLabel) || !strings.Contains(domain, ".") {
		return "", false
	}
	return lowerASCII(domain), true
}

// dotted reports whether s is one or more parts with dots between them.
func dotted(s string, part func(string) bool) bool {
	for p := range strings.SplitSeq(s, ".") {
		if !part(p) {
			return false
		}
	}
	return true
}

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
)

// isAtom is RFC 5322's atom.
func isAtom(s string) bool {
	return s != "" && strings.Trim(s, letters+digits+"!#$%&'*+-/=?^_`{|}~") == ""
}

func isLabel(s string) bool {
	return s != "" && len(s) <= 63 && strings.Trim(s, letters+digits+"-") == "" && s[0] != '-' && s[len(s)-1] != '-'
}

func lowerASCII(s string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, s)
}
