package decide_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/usher-id/usher"
)

// worldJSON is a world as bytes.
type worldJSON struct {
	Policy   usher.Policy
	Identity usher.Identity
	Facts    usher.Snapshot
	Answers  usher.Answers
}

func (j worldJSON) world() world { return world{j.Policy, j.Identity, j.Facts, j.Answers} }

func (w world) json() []byte { return encode(worldJSON{w.policy, w.identity, w.facts, w.answers}) }

// FuzzDecide makes worlds of bytes in two ways: bytes that are JSON are a world
// as they stand, however senseless; others choose the parts of a sensible one.
func FuzzDecide(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(worldsDir, "*.txt"))
	if err != nil {
		f.Fatal(err)
	}
	for i, file := range files {
		w := readWorldF(f, file)
		f.Add(w.json())
		f.Add([]byte(strings.Repeat(file, 3))[i%len(file):])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var in worldJSON
		var w world
		hold := laws
		if json.Unmarshal(data, &in) == nil {
			w = in.world()
			if !sensible(w) {
				hold = lawsOfEntry
			}
		} else {
			w = chosenWorld(data)
		}
		if b := broken(w, hold); len(b) > 0 {
			t.Errorf("%s\n%s", strings.Join(b, "\n"), w.json())
		}
		if !sameBytes(w) {
			t.Error("not the same bytes twice")
		}
	})
}

func readWorldF(f *testing.F, file string) (w world) {
	f.Helper()
	// parseWorld reports through a *testing.T; TestWorlds has shown that the
	// file can be read.
	return readWorld(new(testing.T), strings.TrimSuffix(filepath.Base(file), ".txt")).world
}

// sensible reports whether a world could have been mapped and read: names are
// there and differ, and no name of ours holds the mark of claims.
func sensible(w world) bool {
	var attributes, held, questions []string
	for _, a := range w.identity.Attributes {
		attributes = append(attributes, a.Name)
	}
	for _, a := range w.facts.Answers {
		questions = append(questions, string(encode(a.Question)))
		if a.Account != nil {
			for _, h := range a.Account.Attributes {
				held = append(held, h.Name)
			}
		}
	}
	for _, names := range [][]string{attributes, held, questions} {
		slices.Sort(names)
		if len(slices.Compact(slices.Clone(names))) < len(names) || slices.Contains(names, "") {
			return false
		}
	}
	return !strings.Contains(string(w.json()), claimMark)
}

// chooser draws choices from bytes; when they run out it draws the first.
type chooser struct{ left []byte }

func (c *chooser) below(n int) int {
	if len(c.left) == 0 {
		return 0
	}
	b := c.left[0]
	c.left = c.left[1:]
	return int(b) % n
}

func (c *chooser) yes() bool { return c.below(2) == 1 }

func choose[T any](c *chooser, from ...T) T { return from[c.below(len(from))] }

// chosenWorld is a sensible world drawn from bytes.
func chosenWorld(data []byte) world {
	c := &chooser{data}
	w := markedWorld()
	w.policy.JIT.Enabled = !c.yes()
	w.policy.JIT.NoMatch = choose(c, usher.NoMatchCreate, usher.NoMatchPassThrough, usher.NoMatchDeny)
	w.policy.JIT.UsernameConflict = choose(c, usher.ConflictDeny, usher.ConflictSuffix)
	w.policy.JIT.Sync = usher.Sync{
		Attributes: choose(c, usher.SyncOverride, usher.SyncPreserveLocal, usher.SyncNone),
		Groups:     choose(c, usher.GroupsOwn, usher.GroupsMerge, usher.GroupsNone),
		GroupMap:   c.grantMap(), RoleMap: c.grantMap(),
		PerAttribute: map[string]usher.SyncMode{"a1": choose(c, usher.SyncNone, usher.SyncOverride, "")},
	}
	w.primary().ReadOnly = c.below(8) == 1
	w.primary().Enabled = c.below(8) != 1
	w.identity.Username = c.derived("§name")
	w.identity.Groups = c.derived("§eng", "§ops", "§sales")
	w.identity.Attributes = nil
	for n := range c.below(5) {
		w.identity.Attributes = append(w.identity.Attributes, usher.Attribute{Name: "a" + strconv.Itoa(n), Verified: c.yes(), Derived: c.derived("§x", "§y")})
	}
	if c.yes() {
		named(func(int) usher.Answer {
			return choose(c, usher.Answer{Found: usher.FoundOne, User: "u9"}, usher.Answer{Found: usher.FoundNone, Canonical: "§name"}, usher.Answer{Unfit: "no"}, usher.Answer{})
		})(&w)
	}
	choose(c, knowns...)(&w)
	choose(c, append(slices.Clone(allLinks), linked(usher.FoundOne, to1, c.account()), linked(usher.FoundOne, begun, c.account()))...)(&w)
	if c.yes() {
		w.facts.Answers = slices.DeleteFunc(w.facts.Answers, func(a usher.Answer) bool { return a.Question.Kind == usher.AskLink })
		linked(usher.FoundOne, to1, c.account())(&w)
	}
	return w
}

func (c *chooser) grantMap() map[string][]string {
	out := map[string][]string{}
	for _, theirs := range []string{"§eng", "§ops"} {
		for range c.below(3) {
			out[theirs] = append(out[theirs], choose(c, "g1", "g2", "g3"))
		}
	}
	return out
}

func (c *chooser) derived(values ...string) usher.Derived {
	p := choose(c, usher.PresenceSet, usher.PresenceAbsent, usher.PresenceNull, usher.PresenceEmpty, usher.PresenceUnknown)
	if p != usher.PresenceSet {
		return usher.Derived{Presence: p}
	}
	return usher.Derived{Presence: p, Values: values[:c.below(len(values)+1)]}
}

func (c *chooser) source() usher.Source {
	return choose(c, usher.Source{Kind: usher.SourceIdP, Name: "contoso"}, usher.Source{Kind: usher.SourceIdP, Name: "fabrikam"}, usher.Source{Kind: usher.SourceAdmin, Name: "root"}, usher.Source{})
}

func (c *chooser) account() *usher.Account {
	a := account(usher.StateActive)
	for n := range c.below(5) {
		a.Attributes = append(a.Attributes, usher.Held{Name: "a" + strconv.Itoa(n), Values: []string{choose(c, "§x", "§z")}, Verified: c.yes(), Source: c.source(), Intact: !c.yes()})
	}
	for range c.below(4) {
		a.Groups = append(a.Groups, choose(c, "g1", "g2", "g3", "g4"))
	}
	for range c.below(6) {
		a.Grants = append(a.Grants, usher.Grant{Kind: choose(c, usher.GrantGroup, usher.GrantRole), Name: choose(c, "g1", "g2", "g3", "g4"), Source: c.source()})
	}
	return a
}
