// Package wso2 carries identity providers over from WSO2 Identity Server and
// back. [Import] reads one as the REST API of WSO2 gives it (GET
// /api/server/v1/identity-providers/{id}) and writes a document of Usher's own
// configuration; [Export] writes the block provisioning.jit of a provider.
// Whatever is refused, changed or has no word on the other side is a [Note] that
// names its row in the table of parity.
//
// What is unsafe there is not carried over, and what a word means is kept rather
// than the word. The package reads and writes text: it opens no connection, does
// not know what is in force here, and never writes a secret.
package wso2

import (
	"slices"
	"strings"
)

// Note is one thing that did not cross as it was.
type Note struct {
	Row  string // of the table of parity, as "P052"; "" if none is about it
	Path string // where it stands: WSO2's JSON for Import, Usher's key for Export
	Text string // what was done instead, or must be done
}

// String is the note as one line.
func (n Note) String() string {
	if n.Row == "" {
		return n.Path + ": " + n.Text
	}
	return n.Row + ": " + n.Path + ": " + n.Text
}

// notes gathers what did not cross.
type notes []Note

// add notes something once.
func (n *notes) add(row, path, text string) {
	if note := (Note{row, line(path), line(text)}); !slices.Contains(*n, note) {
		*n = append(*n, note)
	}
}

// maxLine is the most that is told of a text, in characters.
const maxLine = 400

// line is a text in one line that is not endless, for names in it come from outside.
func line(s string) string {
	if r := []rune(s); len(r) > maxLine {
		s = string(r[:maxLine]) + "..."
	}
	return strings.Map(func(c rune) rune {
		if breaks(c) {
			return ' '
		}
		return c
	}, s)
}

// breaks reports whether a character ends a line or shows nothing.
func breaks(c rune) bool {
	return c < ' ' || c >= 0x7f && c < 0xa0 || c == '\u2028' || c == '\u2029'
}
