package store

import (
	"slices"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/text/secure/precis"
)

// isIdentifier reports whether a name could be taken for the id of an account or
// of a sign-in, which are UUIDs of version 7 (RFC 9562, section 5.7). Providers
// whose subjects are UUIDs use others.
func isIdentifier(canonical string) bool {
	id, err := uuid.Parse(canonical)
	return err == nil && id.Version() == 7
}

// isReserved reports whether nobody gets a name, compared without case.
func (s *Store) isReserved(canonical string) bool {
	folded := fold(canonical)
	return builtIn(folded) || slices.ContainsFunc(s.policy.Reserved, func(r string) bool {
		return isASCII(r) && strings.EqualFold(r, folded) || !isASCII(r) && fold(r) == folded // to fold thousands takes long
	})
}

// builtIn lists the names that nobody gets anywhere, in canonical form.
func builtIn(name string) bool {
	switch name {
	case "admin", "administrator", "root", "superuser", "sysadmin", "system", "$system", "usher": // would be believed to rule
		return true
	case "security", "support", "helpdesk", "abuse", "hostmaster", "postmaster", "webmaster", "noreply", "no-reply": // would be believed to help (RFC 2142)
		return true
	case ".", "..", "me", "self", "local", "anonymous", "everyone", "nobody", "null", "nil", "none", "undefined": // mean something else to programs
		return true
	}
	return false
}

// isName reports whether a password says no more than the username does: it is
// that, or the part of it before an @, in any case.
func (s *Store) isName(prepared, username string) bool {
	name := fold(username)
	local, _, _ := strings.Cut(name, "@")
	folded := fold(prepared)
	return folded == name || folded == local
}

// fold is the canonical form of a name where case does not count, or the name in
// lower case if it has none.
func fold(name string) string {
	if canonical, err := precis.UsernameCaseMapped.String(name); err == nil {
		return canonical
	}
	return strings.ToLower(name)
}
