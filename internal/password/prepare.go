package password

import (
	_ "embed"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// maxBytes is the longest password there can be; stores allow less.
const maxBytes = 4096

// Prepare gives the form in which a password is compared and hashed: that of
// the PRECIS profile OpaqueString (RFC 8265, section 4.2), so that it does not
// matter how a keyboard composes an accent. False if there is none: it is empty,
// longer than 4096 bytes, or holds what can't be typed.
func Prepare(plain string) (string, bool) {
	if len(plain) > maxBytes || !utf8.ValidString(plain) { // else all that is no text would be one password
		return "", false
	}
	prepared, err := precis.OpaqueString.String(plain)
	if err != nil || prepared == "" || len(prepared) > maxBytes {
		return "", false
	}
	return prepared, true
}

// common.txt is what guessing begins with, of eight characters and more: the
// most used passwords of published breaches, in lower case.
//
//go:embed common.txt
var common string

// IsCommon reports whether a password is among those that everybody tries first:
// the most used ones whatever the case of their letters, one letter again and
// again, or letters or digits in a row (NIST SP 800-63B, section 5.1.1.2).
func IsCommon(prepared string) bool {
	folded := strings.ToLower(prepared)
	if strings.ContainsRune(folded, '\n') || isRow(folded) {
		return true
	}
	return strings.Contains("\n"+common, "\n"+folded+"\n")
}

// isRow reports whether every character is as far from the one before it, which
// is not at all or one step.
func isRow(s string) bool {
	runes := []rune(s)
	if len(runes) < 2 {
		return true
	}
	step := runes[1] - runes[0]
	for i := range runes[1:] {
		if runes[i+1]-runes[i] != step {
			return false
		}
	}
	return step >= -1 && step <= 1
}
