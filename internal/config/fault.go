package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxFaults bounds how many faults one load reports.
const maxFaults = 100

// Fault is one thing wrong with the configuration, with the place where it
// stands and what to do about it. It never holds the value of a secret.
type Fault struct {
	File         string // as it was named to Load
	Line, Column int    // from 1; 0 if the fault has no place in the file
	Path         string // the key, as "oidc.clientId"; "" for the document or file
	Msg          string // what is wrong; what to do
}

// Error is the fault as one line: "file:line:col: path: what is wrong; what to do".
func (f Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	b.WriteString(": ")
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Msg)
	return b.String()
}

// Faults is everything wrong with a configuration, in the order of the files.
type Faults []Fault

// Error says how many there are; String says which.
func (fs Faults) Error() string { return fmt.Sprintf("%d faults", len(fs)) }

// String is one line for each fault, [maxFaults] at most.
func (fs Faults) String() string {
	shown := fs[:min(len(fs), maxFaults)]
	lines := make([]string, 0, len(shown)+1)
	for _, f := range shown {
		lines = append(lines, f.Error())
	}
	if more := len(fs) - len(shown); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// sorted puts the faults into the order of the files and drops repetitions.
func (fs Faults) sorted() Faults {
	slices.SortStableFunc(fs, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(fs)
}

// quoted is a value of the file as a message shows it: short, printable.
func quoted(s string) string {
	const longest = 40
	if r := []rune(s); len(r) > longest {
		s = string(r[:longest]) + "..."
	}
	return fmt.Sprintf("%q", s)
}

// oneOf is "a, b or c".
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func position(line, column int) string { return fmt.Sprintf("line %d, column %d", line, column) }
