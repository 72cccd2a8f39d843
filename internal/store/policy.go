package store

import (
	"strings"
	"unicode/utf8"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/password"
	"github.com/usher-id/usher/internal/pattern"
)

// Policy is what a store demands of names and passwords, beside what every store
// demands. The zero Policy demands nothing more.
type Policy struct {
	Username, Password, Group pattern.Pattern              // the zero one matches everything
	Messages                  map[string]map[string]string // "username", "password" or "group" -> language ("" is the default) -> the operator's own words
	Reserved                  []string                     // names nobody gets, beside the built-in ones
	MinPassword, MaxPassword  int                          // in characters; zero is 8 and 128
	MinUsername, MaxUsername  int                          // in characters; zero is no bound but 255 bytes
	KeepCase                  bool                         // usernames that differ in case are different people
}

// Message is the operator's own words for what does not match a pattern, "" if
// there are none.
func (p Policy) Message(what, language string) string {
	if words, ok := p.Messages[what][language]; ok {
		return words
	}
	return p.Messages[what][""]
}

// The bounds of a password where the policy sets none, in characters (NIST SP
// 800-63B, section 5.1.1.2: at least 8, and 64 or more at most).
const (
	minPassword = 8
	maxPassword = 128
)

// FitPassword says what is wrong with a password for an account of that name.
func (s *Store) FitPassword(plain, username string) usher.Unfit {
	least, most := s.policy.MinPassword, s.policy.MaxPassword
	if least == 0 {
		least = minPassword
	}
	if most == 0 {
		most = maxPassword
	}
	prepared, ok := password.Prepare(plain)
	switch {
	case plain == "":
		return usher.UnfitEmpty
	case utf8.RuneCountInString(plain) > most:
		return usher.UnfitLong
	case !ok:
		return usher.UnfitCharacters
	case utf8.RuneCountInString(prepared) < least:
		return usher.UnfitShort
	case username != "" && strings.EqualFold(prepared, username), password.IsCommon(prepared):
		return usher.UnfitCompromised
	case !s.policy.Password.Match(plain):
		return usher.UnfitPattern
	}
	return usher.Fits
}

// FitGroup says what is wrong with the name of a group.
func (s *Store) FitGroup(name string) usher.Unfit {
	switch {
	case name == "":
		return usher.UnfitEmpty
	case len(name) > maxName:
		return usher.UnfitLong
	case !utf8.ValidString(name) || strings.IndexByte(name, 0) >= 0:
		return usher.UnfitCharacters
	case !s.policy.Group.Match(name):
		return usher.UnfitPattern
	}
	return usher.Fits
}
