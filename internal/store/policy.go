package store

import (
	"strings"

	"github.com/usher-id/usher/internal/pattern"
)

// Policy is what a store demands of names and passwords. The zero Policy demands
// what every store does.
type Policy struct {
	Username, Password, Group pattern.Pattern              // zero matches everything
	Messages                  map[string]map[string]string // "username", "password" or "group" -> language ("" is the default) -> the operator's own words
	Reserved                  []string                     // names nobody gets, beside the built-in ones; compared without case
	MinPassword, MaxPassword  int                          // in characters; zero is 8 and 128
	MinUsername, MaxUsername  int                          // in characters; zero is no bound but 255 bytes
	KeepCase                  bool                         // usernames that differ in case are different people
}

// The lengths of passwords if the policy does not say, in characters.
const (
	minPassword = 8
	maxPassword = 128
)

// Message is the operator's own words for what does not match a pattern, in the
// language (BCP 47), a more general one, or the default one; "" if there are none.
func (p Policy) Message(what, language string) string {
	words := p.Messages[what]
	for language != "" {
		if said, ok := words[language]; ok {
			return said
		}
		language = language[:max(strings.LastIndexByte(language, '-'), 0)]
	}
	return words[""]
}
