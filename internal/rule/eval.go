package rule

import (
	"errors"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// ResolveName gives the variables to the expressions.
func (r *run) ResolveName(name string) (any, bool) {
	switch name {
	case "claims":
		return r.claims, true
	case "issuer":
		return r.issuer, true
	case "subject":
		return r.subject, true
	}
	return nil, false
}

// Parent is nil: there are no other variables.
func (r *run) Parent() cel.Activation { return nil }

// eval runs one expression. It gives the value, or why there is none.
func (r *run) eval(e *expression) (v ref.Val, why string) {
	if name, held := e.reads.any(r.incomplete); held {
		return nil, "the provider held the claim " + name + " back"
	}
	if r.spent > maxTotalCost {
		return nil, tooExpensive
	}
	v, details, err := e.program.Eval(r)
	if spent := details.ActualCost(); spent != nil {
		r.spent += *spent
	}
	if err != nil {
		return nil, reason(err, e.reads)
	}
	return v, ""
}

const tooExpensive = "the rules are too expensive"

// failures is how CEL's errors begin, and what is said about them. CEL's own
// words can hold claim values and are never repeated.
var failures = []struct{ prefix, why string }{
	{"no such overload", "a value is not of the kind that the rule works on"},
	{"found no matching overload", "a value is not of the kind that the rule works on"},
	{"got '", "a value is not of the kind that the rule works on"},
	{"unsupported", "a value is not of the kind that the rule works on"},
	{"index", "a list is shorter than the rule expects"},
	{"optional.none() dereference", "a value that the rule needs is absent"},
	{"type conversion error", "a value can't be converted"},
	{"strconv", "a value can't be converted"},
	{tooLargeText, "a value is too large for a rule"},
}

// reason says in fixed words why an expression failed. A missing claim is named
// if its name stands in the expression.
func reason(err error, r reads) string {
	var stopped interpreter.EvalCancelledError
	if errors.As(err, &stopped) {
		return tooExpensive
	}
	msg := err.Error()
	if name, ok := strings.CutPrefix(msg, "no such key: "); ok {
		if r.wrote(name) {
			return "no such key: " + name
		}
		return "no such key"
	}
	for _, f := range failures {
		if strings.HasPrefix(msg, f.prefix) {
			return f.why
		}
	}
	return "the rule failed on these values"
}
