package usher

import "errors"

// Kind says what class of failure an [Error] is. Every wire form (OAuth,
// problem+json, HTML) has one table over all kinds.
type Kind uint8

// The kinds. The zero kind is Internal, so that an unclassified failure is
// never mistaken for the caller's fault.
const (
	Internal    Kind = iota // our fault, or not known whose
	Invalid                 // the input is wrong; Msg says what to do
	NotFound                // there is no such thing, or not for you
	Conflict                // it exists already, or the ground moved under it
	Denied                  // understood and refused
	Unavailable             // something we depend on is away; try again later
	Exhausted               // too much, too often or too large
)

// Kinds lists every kind, for tables that must be total.
var Kinds = []Kind{Internal, Invalid, NotFound, Conflict, Denied, Unavailable, Exhausted}

var kindNames = [...]string{"internal", "invalid", "not found", "conflict", "denied", "unavailable", "exhausted"}

// String is the kind's name in lower case.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Error is the one error type that crosses package borders. A refusal of a
// person is not an Error but a [Decision].
type Error struct {
	Kind Kind
	Op   string // the operation that failed, as "package.Verb"
	Msg  string // may be shown to the person; never holds a claim value or a secret
	Err  error  // the cause, for the log; never shown
}

// Error is the full text for the log.
func (e *Error) Error() string {
	s := e.Op
	if e.Msg != "" {
		s += ": " + e.Msg
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Wrap adds an operation to err and keeps its kind and message. A nil err stays nil.
func Wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: KindOf(err), Op: op, Err: err}
}

// Fail makes an Error from its parts.
func Fail(kind Kind, op, msg string, cause error) error {
	return &Error{Kind: kind, Op: op, Msg: msg, Err: cause}
}

// KindOf is the kind of the outermost Error in err's chain, Internal if there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Shown is the text that may be shown for err: the first Msg in its chain, or "".
func Shown(err error) string {
	for e := (*Error)(nil); errors.As(err, &e); err = e.Err {
		if e.Msg != "" {
			return e.Msg
		}
	}
	return ""
}
