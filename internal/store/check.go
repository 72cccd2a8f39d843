package store

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/usher-id/usher"
)

// The bounds of what is written, in bytes and counts. They are wide: their
// purpose is that nothing is without bound, not that anyone should meet one.
const (
	maxName       = 255
	maxNames      = 5000
	maxAttributes = 256
	maxValues     = 1000
	maxValue      = 64 << 10
	maxTotal      = 1 << 20
	maxHash       = 1000
	maxPage       = 1000
)

var states = map[usher.AccountState]bool{
	"": true, usher.StateActive: true, usher.StateDisabled: true, usher.StateLocked: true,
	usher.StatePending: true, usher.StateExpired: true,
}

// check refuses what is not well-formed. Whether somebody may have that name was
// asked before ([Store.Fit]); an account may be called by its own id.
func (s *Store) check(op string, w Write) error {
	if err := checkNames(op, "user id", []string{string(w.User)}, 1); err != nil {
		return err
	}
	if !states[w.State] {
		return invalid(op, "There is no such account state.")
	}
	if w.Create != nil {
		if canonical, unfit := s.Canonical(w.Create.Username); unfit != "" || canonical != w.Create.Canonical {
			return invalid(op, "The username does not fit its canonical form.")
		}
	}
	if w.Password != nil && (len(w.Password.Hash) > maxHash || !utf8.ValidString(w.Password.Hash)) {
		return invalid(op, "The hash of a password is longer than %d bytes or not UTF-8.", maxHash)
	}
	for what, names := range map[string][]string{"attribute": w.Clear, "group": w.Join, "group to leave": w.Leave} {
		if err := checkNames(op, what, names, maxNames); err != nil {
			return err
		}
	}
	return checkAttributes(op, w.Set)
}

func checkAttributes(op string, set []Attribute) error {
	if len(set) > maxAttributes {
		return invalid(op, "There are more than %d attributes.", maxAttributes)
	}
	names, total := make([]string, len(set)), 0
	for i, a := range set {
		if names[i] = a.Name; slices.Contains(names[:i], a.Name) {
			return invalid(op, "An attribute is set twice.")
		}
		if len(a.Values) > maxValues {
			return invalid(op, "An attribute has more than %d values.", maxValues)
		}
		for _, v := range a.Values {
			if len(v) > maxValue || !utf8.ValidString(v) {
				return invalid(op, "An attribute's value is longer than %d bytes or not UTF-8.", maxValue)
			}
			total += len(v)
		}
	}
	if total > maxTotal {
		return invalid(op, "The attributes together are longer than %d bytes.", maxTotal)
	}
	return checkNames(op, "attribute", names, maxAttributes)
}

// checkNames refuses what can't be a key: empty, long, not UTF-8, or holding a
// NUL, which databases and directories end a text at.
func checkNames(op, what string, names []string, most int) error {
	if len(names) > most {
		return invalid(op, "There are more than %d names.", most)
	}
	for _, n := range names {
		if n == "" || len(n) > maxName || !utf8.ValidString(n) || strings.IndexByte(n, 0) >= 0 {
			return invalid(op, "The name of a %s must be 1 to %d bytes of UTF-8.", what, maxName)
		}
	}
	return nil
}

func invalid(op, format string, args ...any) error {
	return usher.Fail(usher.Invalid, op, fmt.Sprintf(format, args...), nil)
}
