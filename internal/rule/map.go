package rule

import (
	"slices"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	usher "github.com/usher-id/usher"
)

// Map runs the rules over an assertion. It never fails and always gives the
// same identity for the same assertion. An assertion with a Fault is not read:
// its identity knows nothing and admits nobody.
func (s *Set) Map(a usher.Assertion) usher.Identity {
	id := usher.Identity{
		Tenant: a.Tenant, IdP: a.IdP, Issuer: a.Issuer, Subject: a.Subject, Fault: a.Fault,
		AuthTime: a.AuthTime, ACR: a.ACR, AMR: slices.Clone(a.AMR),
	}
	if a.Fault != (usher.Fault{}) {
		const why = "the assertion is not verified"
		id.Username = usher.Derived{Presence: usher.PresenceUnknown, Why: why}
		id.Groups = usher.Derived{Presence: usher.PresenceUnknown, Why: why}
		return id
	}
	subject, ok := a.Subject.Text()
	if !ok {
		subject = "" // a number is not a name; decide refuses it
	}
	r := &run{
		claims:     newObject(a.Claims),
		issuer:     types.String(a.Issuer),
		subject:    types.String(subject),
		incomplete: a.Incomplete,
		trace:      make([]usher.Step, 0, 7+2*len(s.attributes)),
	}
	if s.subject != nil {
		id.Subject = r.chosenSubject(s.subject)
	}
	id.Username = r.derive(s.username, oneText)
	id.Attributes = r.attributes(s)
	id.Groups = r.derive(s.groups, split(s.separator, groupNames))
	r.verify(s, id.Attributes)
	if s.store != nil {
		id.Store = r.derive(s.store, oneText)
	}
	id.Admission = r.admission(s, id.Attributes)
	id.Trace = r.trace
	return id
}

// run is one run of the rules. It is what expressions see (a CEL activation),
// and keeps the account of what they cost.
type run struct {
	claims, issuer, subject ref.Val
	incomplete              []string
	spent                   uint64
	trace                   []usher.Step
}

func (r *run) step(where, answer string) {
	r.trace = append(r.trace, usher.Step{Question: where, Answer: answer, Rule: where})
}

// chosenSubject is who the person is by a rule. Whatever gives no name gives an
// absent subject, which decide refuses: the provider's own is no substitute, for
// then one person could be two.
func (r *run) chosenSubject(e *expression) usher.Value {
	if d := r.derive(e, oneText); d.Presence == usher.PresenceSet {
		return usher.StringValue(d.Values[0])
	}
	return usher.Value{}
}

// derive is the outcome of a rule whose value is read as read says. A rule that
// is not there gives nothing and leaves no trace.
func (r *run) derive(e *expression, read reader) usher.Derived {
	if e == nil {
		return usher.Derived{Presence: usher.PresenceAbsent}
	}
	d := usher.Derived{Rule: e.where}
	v, why := r.eval(e)
	if why == "" {
		d.Presence, d.Values, why = outcome(v, read)
	}
	if why != "" {
		d.Presence, d.Values, d.Why = usher.PresenceUnknown, nil, why
	}
	r.step(e.where, answer(d))
	return d
}

func (r *run) attributes(s *Set) []usher.Attribute {
	if len(s.attributes) == 0 {
		return nil
	}
	out := make([]usher.Attribute, len(s.attributes))
	for i, a := range s.attributes {
		out[i] = usher.Attribute{Name: a.name, Passing: a.pass, Derived: r.derive(a.value, a.read)}
	}
	return out
}

// verify marks the attributes the provider vouches for. Only a value can be
// verified; that there is none can't.
func (r *run) verify(s *Set, attributes []usher.Attribute) {
	for i, a := range s.attributes {
		if a.verified == nil {
			continue
		}
		vouched, why := r.bool(a.verified)
		attributes[i].Verified = vouched && attributes[i].Presence == usher.PresenceSet
		r.step(a.verified.where, yes(vouched, why))
	}
}

// bool is the outcome of a rule that gives true or false, or why it gave neither.
func (r *run) bool(e *expression) (holds bool, why string) {
	v, why := r.eval(e)
	if why != "" {
		return false, why
	}
	b, ok := v.(types.Bool)
	if !ok {
		return false, "it gave " + kindOf(v) + " and not true or false"
	}
	return bool(b), ""
}

// answer is how an outcome is told in the trace.
func answer(d usher.Derived) string {
	switch {
	case d.Presence == usher.PresenceUnknown:
		return "unknown: " + d.Why
	case d.Presence != usher.PresenceSet:
		return string(d.Presence)
	case len(d.Values) == 1:
		return "a value"
	}
	return strconv.Itoa(len(d.Values)) + " values"
}

func yes(holds bool, why string) string {
	switch {
	case holds:
		return "true"
	case why == "":
		return "false"
	}
	return "false: " + why
}
