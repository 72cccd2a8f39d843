// Package usher holds the nouns of the broker: what an outside identity
// provider asserted ([Assertion]), what the mapping rules made of it
// ([Identity]), what was read before deciding ([Snapshot]), what was decided
// and why ([Decision]), and the one error type ([Error]).
//
// Everything here is plain data. The package knows no clock, no randomness, no
// I/O and no library outside the standard one, so that the pure floor built on
// it (rule and decide) can be explained, simulated, replayed and tested.
package usher

import "strings"

// Instant is a point in time: microseconds since 1970-01-01T00:00:00Z. Zero
// means "not known". It is an integer, not a time.Time, so that the pure floor
// has no way to reach a clock.
type Instant int64

// Second is one second, as a distance between two Instants.
const Second Instant = 1_000_000

// UserID names an account for ever: a UUIDv7 in its text form (RFC 9562), never
// reused, never derived from anything a provider says.
type UserID string

// DefaultTenant is the tenant that always exists.
const DefaultTenant = "default"

// PrimaryStore is the user store that always exists.
const PrimaryStore = "PRIMARY"

// Sub is the text of a subject that has passed the questions of decide.
func (id Identity) Sub() string {
	s, _ := id.Subject.Text()
	return s
}

// Label joins the parts of a composite name for reading, not for keys.
func Label(parts ...string) string { return strings.Join(parts, "/") }

// LocalIdP is the name under which sign-ins by a password of ours appear where
// others have a provider's. No provider can be called that.
const LocalIdP = "local"
