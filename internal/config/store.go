package config

import (
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/pattern"
	"github.com/usher-id/usher/internal/store"
)

// Store is one user store. PRIMARY always exists; a document of kind UserStore
// adds another one, or says more about PRIMARY.
type Store struct {
	usher.StorePolicy
	DisplayName string
	Policy      store.Policy // of names and passwords
}

// fitGroup says what is wrong with the name of a group.
func (s Store) fitGroup(name string) usher.Unfit {
	return store.New(s.Name, s.Policy, nil).FitGroup(name)
}

// Bounds of the lengths that a policy can set, in characters.
const (
	maxUsername     = 255
	minPassword     = 8
	defaultPassword = 128 // at most
	maxPassword     = 1_000
)

// primary is PRIMARY if nothing is written about it.
func primary() Store {
	return Store{
		StorePolicy: usher.StorePolicy{Toggle: usher.Toggle{Name: usher.PrimaryStore, Enabled: true}, Unique: []string{usher.AttributeEmail}},
		DisplayName: usher.PrimaryStore,
		Policy:      store.Policy{MinPassword: minPassword, MaxPassword: defaultPassword},
	}
}

// addStore reads a document of kind UserStore.
func (b *builder) addStore(s *section) {
	out := primary()
	name := s.get("name").required("name: CORP")
	out.Name = name.name(upperLetters+lowerLetters+digits+"-_", "letters, digits, - and _")
	switch {
	case strings.EqualFold(out.Name, usher.PrimaryStore) && out.Name != usher.PrimaryStore:
		name.fault("is PRIMARY in other letters; write it as PRIMARY, or choose another name")
	case strings.EqualFold(out.Name, denyUnknown):
		name.fault("can't be deny, which jit.store.unknown knows as a word; choose another name")
	}
	out.DisplayName = out.Name
	if display := s.get("displayName"); display.present() {
		out.DisplayName = label(display, display.text())
	}
	out.Enabled = s.get("enabled").flag(true)
	out.ReadOnly = s.get("readOnly").flag(false)
	policy := s.get("policy").section()
	if unique := policy.get("unique"); unique.present() {
		out.Unique = unique.texts(100, attributeName)
		slices.Sort(out.Unique)
	}
	readStorePolicy(policy, &out.Policy)
	policy.close()
	s.close()
	b.stores = append(b.stores, placed[Store]{what: out, name: name})
}

// readStorePolicy reads what a store demands of names and passwords.
func readStorePolicy(s *section, out *store.Policy) {
	out.Messages = map[string]map[string]string{}
	part := func(key string) (*section, pattern.Pattern) {
		part := s.get(key).section()
		p := readPattern(part.get("pattern"))
		words := part.get("message")
		if words.present() && !part.get("pattern").present() {
			words.fault("is what people read if the pattern does not match, and there is none; add pattern, or remove it")
		} else if m := readMessage(words); m != nil {
			out.Messages[key] = m
		}
		return part, p
	}
	var username, password, group *section
	username, out.Username = part("username")
	out.MinUsername, out.MaxUsername = readLengths(username, 0, 0, 1, maxUsername)
	out.KeepCase = username.get("keepCase").flag(false)
	out.Reserved = username.get("reserved").texts(10_000, label)
	username.close()

	password, out.Password = part("password")
	out.MinPassword, out.MaxPassword = readLengths(password, minPassword, defaultPassword, minPassword, maxPassword)
	password.close()

	group, out.Group = part("group")
	group.close()
	if len(out.Messages) == 0 {
		out.Messages = nil
	}
}

// readPattern reads a pattern in Java's dialect.
func readPattern(n node) pattern.Pattern {
	text := n.text()
	if text == "" {
		return pattern.Pattern{}
	}
	p, err := pattern.Compile(text)
	if err != nil {
		n.fault("can't be used: %s", strings.TrimRight(usher.Shown(err), "."))
	}
	return p
}

// readMessage reads the operator's words: one text, or one for each language.
func readMessage(n node) map[string]string {
	if !n.present() {
		return nil
	}
	if what(n.yaml) != "a mapping" {
		if s := n.text(); s != "" {
			return map[string]string{"": label(n, s)}
		}
		return nil
	}
	out := map[string]string{}
	for _, m := range n.section().all(100) {
		if tag, ok := readLanguage(m); ok {
			if s := m.text(); s != "" {
				out[tag] = label(m.node, s)
			}
		}
	}
	return out
}

// readLanguage reads the key of a text as a language (BCP 47).
func readLanguage(n named) (string, bool) {
	tag, err := language.Parse(n.key)
	if err != nil || tag == language.Und {
		n.fault("%s is not a language; write its tag, as en, es or pt-BR", quoted(n.key))
		return "", false
	}
	return tag.String(), true
}

// readLengths reads min and max, in characters.
func readLengths(s *section, defMin, defMax, least, most int) (low, high int) {
	low, high = s.get("min").number(defMin, least, most), s.get("max").number(defMax, least, most)
	if high > 0 && low > high {
		s.get("min").fault("is more than max, so nothing would fit; lower it")
	}
	return low, high
}

// storeFacts is everything of a store that decides, as plain data for a digest.
func storeFacts(s Store) any {
	p := s.Policy
	return struct {
		Policy   usher.StorePolicy
		Patterns []string
		Lengths  []int
		Reserved []string
		KeepCase bool
	}{
		s.StorePolicy, []string{p.Username.String(), p.Password.String(), p.Group.String()},
		[]int{p.MinUsername, p.MaxUsername, p.MinPassword, p.MaxPassword}, p.Reserved, p.KeepCase,
	}
}

// checkStores puts PRIMARY first, with what is written about it, and refuses
// names that differ only in case, for "As in username" does not mind it.
func (b *builder) checkStores() []Store {
	out := []Store{primary()}
	seen := map[string]node{}
	for _, s := range b.stores {
		folded := strings.ToLower(s.what.Name)
		first, twice := seen[folded]
		switch {
		case s.what.Name == "":
		case twice:
			s.name.fault("%s is taken by another store, in %s on line %d (names differ in more than case); choose another", quoted(s.what.Name), first.file.name, first.line)
		case s.what.Name == usher.PrimaryStore:
			out[0] = s.what
		default:
			out = append(out, s.what)
		}
		if !twice {
			seen[folded] = s.name
		}
	}
	return out
}

// sortedKeys is the keys of a table, sorted.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
