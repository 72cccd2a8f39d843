package store

import (
	"golang.org/x/text/secure/precis"
)

// Fit gives the form in which the store compares a username: that of the PRECIS
// profile UsernameCaseMapped (RFC 8265, section 3.3), in 1 to 255 bytes. The
// canonical form of a canonical form is itself. If the name can't be one, unfit
// says why, without repeating it, and canonical is empty.
func (s *Store) Fit(username string) (canonical, unfit string) {
	switch {
	case username == "":
		return "", "it is empty"
	case len(username) > maxName:
		return "", "it is longer than 255 bytes"
	}
	canonical, err := precis.UsernameCaseMapped.String(username)
	switch {
	case err != nil:
		return "", "it holds something a username can't (RFC 8265, UsernameCaseMapped)"
	case canonical == "":
		return "", "it is empty"
	case len(canonical) > maxName:
		return "", "it is longer than 255 bytes"
	}
	// PRECIS does not promise that a profile is idempotent (RFC 8264, section 7),
	// and a name without a stable form could be taken by two people in turn.
	if again, err := precis.UsernameCaseMapped.String(canonical); err != nil || again != canonical {
		return "", "it has no stable canonical form (RFC 8265, UsernameCaseMapped)"
	}
	return canonical, ""
}
