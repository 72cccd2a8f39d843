package store

import (
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/password"
)

// Canonical gives the form in which the store compares a username: that of the
// PRECIS profile UsernameCaseMapped (RFC 8265, section 3.3), or of
// UsernameCasePreserved (section 3.4) if names that differ in case are different
// people, in 1 to 255 bytes. The canonical form of a canonical form is itself. If
// the name can't be one, unfit says why, without repeating it, and canonical is
// empty.
//
// It is how a name is looked for. Whether somebody new may have it, [Store.Fit]
// says.
func (s *Store) Canonical(username string) (canonical string, unfit usher.Unfit) {
	canonical, _, unfit = s.forms(username)
	return canonical, unfit
}

// forms are the canonical form of a name and the one in which it is read: the
// same with the case of its letters.
func (s *Store) forms(username string) (canonical, read string, unfit usher.Unfit) {
	switch {
	case username == "":
		return "", "", usher.UnfitEmpty
	case len(username) > maxName:
		return "", "", usher.UnfitLong
	}
	compared := precis.UsernameCaseMapped
	if s.policy.KeepCase {
		compared = precis.UsernameCasePreserved
	}
	canonical, err := compared.String(username)
	read, also := precis.UsernameCasePreserved.String(username)
	switch {
	case err != nil || also != nil:
		return "", "", usher.UnfitCharacters
	case canonical == "":
		return "", "", usher.UnfitEmpty
	case len(canonical) > maxName || len(read) > maxName:
		return "", "", usher.UnfitLong
	}
	// PRECIS does not promise that a profile is idempotent (RFC 8264, section 7),
	// and a name without a stable form could be taken by two people in turn.
	if again, err := compared.String(canonical); err != nil || again != canonical {
		return "", "", usher.UnfitUnstable
	}
	return canonical, read, usher.Fits
}

// Fit says whether somebody new may be called username, and gives its canonical
// form: it has one, is no name that nobody gets, can't be mistaken for another
// one, and is as the operator's pattern and lengths demand. Otherwise unfit says
// why, and canonical is empty.
func (s *Store) Fit(username string) (canonical string, unfit usher.Unfit) {
	canonical, read, unfit := s.lax(username)
	if unfit == usher.Fits {
		unfit = s.demand(read)
	}
	if unfit != usher.Fits {
		return "", unfit
	}
	return canonical, usher.Fits
}

// FitLax is Fit without the operator's pattern and lengths.
func (s *Store) FitLax(username string) (canonical string, unfit usher.Unfit) {
	canonical, _, unfit = s.lax(username)
	return canonical, unfit
}

func (s *Store) lax(username string) (canonical, read string, unfit usher.Unfit) {
	canonical, read, unfit = s.forms(username)
	switch {
	case unfit != usher.Fits:
	case isIdentifier(canonical):
		unfit = usher.UnfitIdentifier
	case s.isReserved(canonical):
		unfit = usher.UnfitReserved
	case isConfusable(canonical) || isConfusable(read):
		unfit = usher.UnfitConfusable
	}
	if unfit != usher.Fits {
		return "", "", unfit
	}
	return canonical, read, usher.Fits
}

// demand holds a name against the operator's lengths and pattern, in the form in
// which it is read: so a pattern sees the case of the letters, and never a wide
// or composed letter in the place of a plain one.
func (s *Store) demand(read string) usher.Unfit {
	length := utf8.RuneCountInString(read)
	switch {
	case length < s.policy.MinUsername:
		return usher.UnfitShort
	case s.policy.MaxUsername > 0 && length > s.policy.MaxUsername:
		return usher.UnfitLong
	case !s.policy.Username.Match(read):
		return usher.UnfitPattern
	}
	return usher.Fits
}

// FitPassword says what is wrong with a password for an account of that name. Its
// length is counted in characters of the form in which it is compared (RFC 8265,
// section 4). Whatever the pattern, it is not the username, and not what
// everybody tries first (NIST SP 800-63B, section 5.1.1.2).
func (s *Store) FitPassword(plain, username string) usher.Unfit {
	prepared, ok := password.Prepare(plain)
	length, least, most := utf8.RuneCountInString(prepared), s.policy.MinPassword, s.policy.MaxPassword
	if least == 0 {
		least = minPassword
	}
	if most == 0 {
		most = maxPassword
	}
	switch {
	case plain == "":
		return usher.UnfitEmpty
	case !ok && utf8.RuneCountInString(plain) > most:
		return usher.UnfitLong
	case !ok:
		return usher.UnfitCharacters
	case length < least:
		return usher.UnfitShort
	case length > most:
		return usher.UnfitLong
	case password.IsCommon(prepared) || s.isName(prepared, username):
		return usher.UnfitCompromised
	case !s.policy.Password.Match(prepared):
		return usher.UnfitPattern
	}
	return usher.Fits
}

// FitGroup says what is wrong with the name of a group or role, when one is made.
func (s *Store) FitGroup(name string) usher.Unfit {
	switch {
	case name == "":
		return usher.UnfitEmpty
	case len(name) > maxName:
		return usher.UnfitLong
	case checkNames("", "", []string{name}, 1) != nil:
		return usher.UnfitCharacters
	case !s.policy.Group.Match(name):
		return usher.UnfitPattern
	}
	return usher.Fits
}
