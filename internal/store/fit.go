package store

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"github.com/usher-id/usher"
)

// Canonical gives the form in which the store compares a username: that of the
// PRECIS profile UsernameCaseMapped, or UsernameCasePreserved if case counts (RFC
// 8265, sections 3.3 and 3.4), in 1 to 255 bytes. The canonical form of a canonical
// form is itself. If the name can't have one, unfit says why and canonical is
// empty.
//
// It is all that a name of an account needs; [Store.Fit] says which names people
// and providers may choose.
func (s *Store) Canonical(username string) (canonical string, unfit usher.Unfit) {
	switch {
	case username == "":
		return "", usher.UnfitEmpty
	case len(username) > maxName:
		return "", usher.UnfitLong
	}
	profile := precis.UsernameCaseMapped
	if s.policy.KeepCase {
		profile = precis.UsernameCasePreserved
	}
	canonical, err := profile.String(username)
	switch {
	case err != nil:
		return "", usher.UnfitCharacters
	case canonical == "":
		return "", usher.UnfitEmpty
	case len(canonical) > maxName:
		return "", usher.UnfitLong
	}
	// PRECIS does not promise that a profile is idempotent (RFC 8264, section 7),
	// and a name without a stable form could be taken by two people in turn.
	if again, err := profile.String(canonical); err != nil || again != canonical {
		return "", usher.UnfitUnstable
	}
	return canonical, usher.Fits
}

// Fit is Canonical for a name that somebody chooses: one that is not reserved,
// can't be mistaken for another, and is what the operator's policy wants.
func (s *Store) Fit(username string) (canonical string, unfit usher.Unfit) {
	canonical, unfit = s.FitLax(username)
	if unfit != usher.Fits {
		return "", unfit
	}
	p := s.policy
	switch n := utf8.RuneCountInString(username); {
	case n < p.MinUsername:
		return "", usher.UnfitShort
	case p.MaxUsername > 0 && n > p.MaxUsername:
		return "", usher.UnfitLong
	case !p.Username.Match(username):
		return "", usher.UnfitPattern
	}
	return canonical, usher.Fits
}

// FitLax is Fit without the operator's pattern and lengths.
func (s *Store) FitLax(username string) (canonical string, unfit usher.Unfit) {
	canonical, unfit = s.Canonical(username)
	switch {
	case unfit != usher.Fits:
		return "", unfit
	case looksLikeID(canonical):
		return "", usher.UnfitIdentifier
	case s.isReserved(canonical):
		return "", usher.UnfitReserved
	case confusing(canonical):
		return "", usher.UnfitConfusable
	}
	return canonical, usher.Fits
}

// reserved are names that other programs, mail and people take for something
// else than a person: the superuser, the system itself, "the one who asks", a
// folder, nobody, and the mailboxes of RFC 2142.
var reserved = []string{
	"admin", "administrator", "root", "superuser", "sysadmin", "system", "$system", "usher",
	"me", "self", "local", ".", "..", "anonymous", "nobody", "guest", "everyone", "all", "null", "nil", "none", "undefined", "true", "false",
	"postmaster", "hostmaster", "webmaster", "abuse", "noc", "security", "support", "no-reply", "noreply",
}

// isReserved compares without case, even where case counts.
func (s *Store) isReserved(canonical string) bool {
	for _, list := range [][]string{reserved, s.policy.Reserved} {
		for _, name := range list {
			if strings.EqualFold(name, canonical) {
				return true
			}
		}
	}
	return false
}

// looksLikeID reports whether a name has the form of an account's id, a UUID (RFC
// 9562, section 4): it could be shown or looked up in the place of one.
func looksLikeID(name string) bool {
	if len(name) != 36 {
		return false
	}
	for i, c := range []byte(name) {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (c == '-') || !hyphen && !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return false
		}
	}
	return true
}
