package decide_test

import (
	"crypto/sha256"
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

// TestDrawnWorlds checks all laws in worlds drawn from bytes that are the same
// each time.
func TestDrawnWorlds(t *testing.T) {
	t.Parallel()
	reasons := map[usher.Reason]int{}
	for i := range 8_000 {
		w := chosenWorld(drawn(i))
		reasons[w.decide().Reason]++
		if b := brokenLaws(w); len(b) > 0 {
			t.Fatalf("world %d: %s\n%s", i, strings.Join(b, "\n"), w.json())
		}
	}
	if len(reasons) < 35 {
		t.Errorf("the worlds are too much alike: only %d reasons", len(reasons))
	}
}

// drawn is bytes for the i-th world. Some are zero, which chooses what is
// plain, so that people come far enough to be decided about.
func drawn(i int) []byte {
	var out []byte
	for n := range 32 {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(n)})
		for at := 0; at < len(sum); at += 2 {
			if int(sum[at])%100 < 20+i%60 {
				sum[at+1] = 0
			}
			out = append(out, sum[at+1])
		}
	}
	return out
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
type chooser struct {
	left   []byte
	people int
}

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
	c := &chooser{left: data}
	w := markedWorld()
	c.choosePolicy(&w)
	w.identity.Username = c.derived("~name")
	w.identity.Store = c.derived("CORP")
	w.identity.Groups = c.derived("~eng", "~ops", "~sales")
	w.identity.Attributes = nil
	for n := range c.below(5) {
		w.identity.Attributes = append(w.identity.Attributes, usher.Attribute{Name: "a" + strconv.Itoa(n), Verified: c.yes(), Passing: c.below(4) == 1, Derived: c.derived("~x", "~y")})
	}
	if c.below(4) != 1 {
		w.identity.Attributes = append(w.identity.Attributes, usher.Attribute{Name: "email", Verified: c.below(4) != 1, Derived: usher.Derived{Presence: usher.PresenceSet, Values: []string{"~x@contoso.test"}}})
	}
	c.chooseAnswers(&w)
	if c.below(8) == 1 {
		w.identity.IdP, w.policy.IdP.Name, w.identity.Subject = usher.LocalIdP, usher.LocalIdP, usher.StringValue("u1")
		w.identity.Home, w.identity.Attributes = usher.AccountRef{Store: usher.PrimaryStore, User: "u1"}, nil
		w.policy.JIT.Enabled = false
		w.answer(usher.AskAccount, func(usher.Question) usher.Answer {
			return choose(c, one(c.account()), usher.Answer{Found: usher.FoundNone}, usher.Answer{})
		})
	}
	w.answer(usher.AskHolders, func(q usher.Question) usher.Answer {
		a := choose(c, usher.Answer{Found: usher.FoundNone}, one(c.other(q.Store)), one(c.other(q.Store)), usher.Answer{Found: usher.FoundSeveral}, usher.Answer{Down: c.yes()})
		if a.Account != nil && !c.yes() {
			a.Account.Attributes = append(without(a.Account.Attributes, q.Name), usher.Held{Name: q.Name, Values: []string{q.Value}, Verified: c.yes(), Source: c.source()})
		}
		return a
	})
	w.answer(usher.AskUsername, func(q usher.Question) usher.Answer {
		return choose(c, usher.Answer{Found: usher.FoundNone, Canonical: "~name"}, one(c.other(q.Store)), usher.Answer{Unfit: usher.UnfitPattern}, usher.Answer{Down: c.yes()})
	})
	choose(c, knowns...)(&w)
	if c.below(3) == 1 {
		linked(usher.FoundOne, to1, c.account())(&w)
		return w
	}
	choose(c, append(slices.Clone(allLinks), linked(usher.FoundOne, begun, c.account()), linked(usher.FoundOne, &usher.Link{Store: usher.PrimaryStore, User: "u1", Issuer: "another"}, c.account()))...)(&w)
	return w
}

func (c *chooser) choosePolicy(w *world) {
	w.policy.Stores = append(w.policy.Stores, usher.StorePolicy{Toggle: usher.Toggle{Name: "CORP", Enabled: c.below(4) != 1}, Unique: []string{"a0"}})
	w.primary().ReadOnly = c.below(8) == 1
	w.primary().Enabled = c.below(8) != 1
	w.primary().Unique = choose(c, nil, []string{"a0"}, []string{"a1", "email"})
	w.policy.Privileged = choose(c, nil, []string{"group/g1", "role/g2"})
	w.policy.Application.Requires = choose(c, nil, []string{"a1"}, []string{"a3", "email"})
	w.policy.Application.NeedsAccount = c.below(4) == 1
	if c.yes() {
		w.policy.Purposes = []usher.Purpose{
			{Name: "p1", Version: 1, Mandatory: c.yes(), Attributes: []usher.PurposeAttribute{{Name: "a0", Mandatory: c.yes()}, {Name: "a1"}}},
			{Name: "p2", Version: 2, Mandatory: c.yes(), Attributes: []usher.PurposeAttribute{{Name: "a1", Mandatory: c.yes()}, {Name: "a2"}}},
		}
	}
	w.policy.JIT = usher.JIT{
		Enabled:  !c.yes(),
		Store:    usher.StoreChoice{Name: choose(c, usher.PrimaryStore, "CORP"), From: choose(c, usher.StoreFixed, usher.StoreUsername, usher.StoreRule), Unknown: choose(c, "", usher.PrimaryStore)},
		Username: choose(c, usher.UsernameMapped, usher.UsernameGenerated), SkipPatterns: c.yes(), NoPrefill: c.yes(),
		Ask:     choose(c, usher.WaySilent, usher.WayConsent, usher.WayPasswordConsent, usher.WayUsername),
		Require: choose(c, nil, []string{"a0"}, []string{"a2"}), AskFor: choose(c, nil, []string{"a0", "a1", "a2", "a3", "email"}),
		VouchesFor: []string{"contoso.test"},
		NoMatch:    choose(c, usher.NoMatchCreate, usher.NoMatchPassThrough, usher.NoMatchDeny), UsernameConflict: choose(c, usher.ConflictDeny, usher.ConflictSuffix, usher.ConflictAsk),
		OnFailure: choose(c, usher.FailureDeny, usher.FailurePassThrough), Relink: c.yes(),
		Sync: usher.Sync{
			Attributes: choose(c, usher.SyncOverride, usher.SyncPreserveLocal, usher.SyncNone), Groups: choose(c, usher.GroupsOwn, usher.GroupsMerge, usher.GroupsNone),
			GroupMap: c.grantMap(), RoleMap: c.grantMap(), PerAttribute: map[string]usher.SyncMode{"a1": choose(c, usher.SyncNone, usher.SyncOverride, "")},
			Protected: choose(c, nil, []string{"a1", "a2"}), MayGrant: choose(c, nil, []string{"role/g2"}),
		},
	}
	for _, name := range []string{"a0", "email"} {
		if !c.yes() {
			w.policy.JIT.Match = append(w.policy.JIT.Match, usher.MatchRule{Attribute: name, Local: choose(c, name, name, "a3"), Stores: choose(c, []string{usher.PrimaryStore}, []string{"CORP", usher.PrimaryStore}),
				When: choose(c, usher.MatchConfirm, usher.MatchAuto, usher.MatchNever)})
		}
	}
}

func (c *chooser) chooseAnswers(w *world) {
	if c.yes() {
		return
	}
	w.answers = usher.Answers{
		Policy: choose(c, "v1", "v0"), Left: choose(c, usher.LeftNot, usher.LeftNot, usher.LeftNot, usher.LeftNot, usher.LeftNot, usher.LeftNot, usher.LeftDeclined),
		Username: choose(c, "", "~bee"), Claim: c.yes(), Password: c.yes(),
		Attributes: []usher.Typed{{Name: "a0", Value: "~z"}, {Name: "a1", Value: choose(c, "~x", "")}, {Name: "a2", Value: "~z"}, {Name: "email", Value: choose(c, "~z@contoso.test", "~z")}},
		Consents:   []usher.Consent{{Purpose: "p1", Version: 1, Accepted: c.yes(), Attributes: choose(c, nil, []string{"a1"})}, {Purpose: "p2", Version: choose(c, 2, 1), Accepted: c.yes(), Attributes: choose(c, nil, []string{"a2", "a9"})}},
	}
	if c.yes() {
		proved(choose(c, usher.ProofPassword, usher.ProofLink), choose(c, usher.PrimaryStore, "CORP"), choose[usher.UserID](c, "u11", "u12", "u13", "u14"), choose[usher.Instant](c, now, now-700*usher.Second))(w)
	}
}

// other is an account of somebody else, another one each time.
func (c *chooser) other(store string) *usher.Account {
	a := c.account()
	c.people++
	a.ID, a.Store = usher.UserID("u1"+strconv.Itoa(c.people)), store
	a.State = choose(c, usher.StateActive, usher.StateActive, usher.StateDisabled)
	return a
}

func (c *chooser) grantMap() map[string][]string {
	out := map[string][]string{}
	for _, theirs := range []string{"~eng", "~ops"} {
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
		a.Attributes = append(a.Attributes, usher.Held{Name: "a" + strconv.Itoa(n), Values: []string{choose(c, "~x", "~z")}, Verified: c.yes(), Source: c.source(), Intact: !c.yes()})
	}
	for range c.below(4) {
		a.Groups = append(a.Groups, choose(c, "g1", "g2", "g3", "g4"))
	}
	for range c.below(6) {
		a.Grants = append(a.Grants, usher.Grant{Kind: choose(c, usher.GrantGroup, usher.GrantRole), Name: choose(c, "g1", "g2", "g3", "g4"), Source: c.source()})
	}
	a.Password = choose(c, usher.CredentialNone, usher.CredentialProven, usher.CredentialUnproven)
	a.Links = choose(c, nil, []string{"contoso"}, []string{"contoso", "fabrikam"})
	if c.yes() {
		a.Receipts = []usher.Receipt{{Purpose: "p1", Version: 1, Accepted: c.yes(), Attributes: choose(c, nil, []string{"a1"})}, {Purpose: "p2", Version: choose(c, 2, 1), Accepted: c.yes()}}
	}
	return a
}
