package rule

import (
	"strconv"
	"strings"
)

// Fault is one thing that is wrong with a [Source]. It implements error.
type Fault struct {
	Where        string // the rule, as "mapping.attributes.email"
	Line, Column int    // in the expression, from 1, counted in characters; 0 if the fault is not in an expression
	Msg          string // what is wrong and what to do about it
}

// Error is the fault as one line.
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.Where)
	if f.Line > 0 {
		b.WriteString(":" + strconv.Itoa(f.Line) + ":" + strconv.Itoa(f.Column))
	}
	b.WriteString(": " + f.Msg)
	return b.String()
}

// Faults is everything that is wrong with a [Source]. It is never empty.
type Faults []*Fault

// Error is one line for each fault.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the faults one by one, for errors.As.
func (fs Faults) Unwrap() []error {
	out := make([]error, len(fs))
	for i, f := range fs {
		out[i] = f
	}
	return out
}

// faults gathers what is found wrong while a source is compiled.
type faults struct{ found Faults }

func (f *faults) add(where, msg string) {
	f.found = append(f.found, &Fault{Where: where, Msg: msg})
}

func (f *faults) at(where string, line, column int, msg string) {
	f.found = append(f.found, &Fault{Where: where, Line: line, Column: column, Msg: msg})
}
