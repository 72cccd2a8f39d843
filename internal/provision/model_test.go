package provision_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/storetest"
)

// The model is what ought to be true after any order of sign-ins and acts, in as
// few words as possible: who there is, who is linked to whom, and who wrote each
// address. It knows nothing of how the path comes to it.

// modelUser is an account of the model.
type modelUser struct {
	State    usher.AccountState
	Email    string
	Verified bool
	Wrote    string // the provider that wrote the address, or "operator"
	Groups   []string
}

// model is what there ought to be.
type model struct {
	users map[usher.UserID]*modelUser
	links map[[2]string]usher.UserID // provider and subject
	match usher.MatchWhen            // "" is no rule
	sync  usher.SyncMode
	none  usher.NoMatch
}

// arrival is somebody who signs in.
type arrival struct {
	idp, subject, email string
	verified            bool
	groups              []string // nil: not known
}

// holders are those who hold an address.
func (m *model) holders(email string) []usher.UserID {
	var out []usher.UserID
	for id, u := range m.users {
		if email != "" && u.Email == email {
			out = append(out, id)
		}
	}
	return out
}

// linksOf lists the providers of a user, but one.
func (m *model) linksOf(user usher.UserID, but string) []string {
	var out []string
	for key, id := range m.links {
		if id == user && key[0] != but {
			out = append(out, key[0])
		}
	}
	return out
}

// expect is what a sign-in ought to come to. It changes nothing.
func (m *model) expect(a arrival) (usher.Verdict, usher.Reason, usher.UserID) {
	if user, ok := m.links[[2]string{a.idp, a.subject}]; ok {
		if m.users[user].State != usher.StateActive {
			return usher.VerdictDeny, "", ""
		}
		return usher.VerdictUpdate, "", user
	}
	held := m.holders(a.email)
	if m.match != "" && a.verified && len(held) > 0 {
		u := m.users[held[0]]
		switch {
		case len(held) > 1:
			return usher.VerdictDeny, usher.ReasonMatchAmbiguous, ""
		case u.State != usher.StateActive:
			return usher.VerdictDeny, usher.ReasonMatchUnusable, ""
		case m.match == usher.MatchNever:
			return usher.VerdictDeny, usher.ReasonMatchNever, ""
		case m.match == usher.MatchAuto && !u.Verified:
			return usher.VerdictDeny, usher.ReasonMatchUnverified, ""
		case m.match == usher.MatchAuto:
			return usher.VerdictLink, usher.ReasonLinkedAuto, held[0]
		case len(m.linksOf(held[0], a.idp)) == 0:
			return usher.VerdictDeny, usher.ReasonMatchUnverified, ""
		}
		return usher.VerdictPrompt, usher.ReasonPromptProof, ""
	}
	switch {
	case m.none == usher.NoMatchDeny:
		return usher.VerdictDeny, usher.ReasonNoMatch, ""
	case m.none == usher.NoMatchPassThrough:
		return usher.VerdictPassThrough, usher.ReasonPassNoMatch, ""
	case len(held) > 0 && a.verified:
		return usher.VerdictDeny, usher.ReasonAttributeTaken, ""
	}
	return usher.VerdictCreate, usher.ReasonCreated, ""
}

// apply does to the model what a sign-in that was let in does.
func (m *model) apply(a arrival, verdict usher.Verdict, user usher.UserID) {
	u := m.users[user]
	switch verdict {
	case usher.VerdictCreate:
		u = &modelUser{State: usher.StateActive}
		if len(m.holders(a.email)) == 0 {
			u.Email, u.Verified, u.Wrote = a.email, a.verified, a.idp
		}
		u.Groups = slices.Clone(a.groups)
		m.users[user] = u
		m.links[[2]string{a.idp, a.subject}] = user
		return
	case usher.VerdictLink:
		m.links[[2]string{a.idp, a.subject}] = user
	case usher.VerdictUpdate:
	default:
		return
	}
	free := u.Email == a.email || !slices.ContainsFunc(m.holders(a.email), func(id usher.UserID) bool { return id != user })
	if ours := u.Wrote == a.idp || u.Email == ""; ours && free && m.sync != usher.SyncNone {
		u.Email, u.Verified, u.Wrote = a.email, a.verified, a.idp
	}
}

// machine runs the real path beside the model.
type machine struct {
	model
	world *storetest.World
	path  *provision.Path
	outer *testing.T
	count int // sign-ins
}

// fixed gives the identity it holds.
type fixed struct{ id usher.Identity }

// Map implements provision.Mapper.
func (f fixed) Map(usher.Assertion) usher.Identity { return f.id }

func (m *machine) policy(idp string) usher.Policy {
	on := func(name string) usher.Toggle { return usher.Toggle{Name: name, Enabled: true} }
	p := usher.Policy{
		Tenant: on(usher.DefaultTenant), IdP: on(idp), Application: usher.Application{Toggle: on("app")},
		Stores: []usher.StorePolicy{{Toggle: on(usher.PrimaryStore), Unique: []string{"email"}}},
		JIT: usher.JIT{
			Enabled: true, Store: usher.StoreChoice{Name: usher.PrimaryStore}, NoMatch: m.none, UsernameConflict: usher.ConflictDeny,
			VouchesFor: []string{"contoso.test"}, Sync: usher.Sync{Attributes: m.sync},
		},
	}
	if m.match != "" {
		p.JIT.Match = []usher.MatchRule{{Attribute: "email", Local: "email", Stores: []string{usher.PrimaryStore}, When: m.match}}
	}
	p.Version = fmt.Sprint(idp, m.match, m.none, m.sync)
	return p
}

func (m *machine) identity(a arrival) usher.Identity {
	return usher.Identity{
		Tenant: usher.DefaultTenant, IdP: a.idp, Issuer: "https://" + a.idp + ".test", Subject: usher.StringValue(a.subject),
		Admission: usher.Admission{Admitted: true},
		Username:  usher.Derived{Presence: usher.PresenceSet, Values: []string{fmt.Sprintf("%s-%s-%d", a.idp, a.subject, m.count)}, Rule: "mapping.username"},
		Groups:    usher.Derived{Presence: usher.PresenceAbsent},
		Attributes: []usher.Attribute{{Name: "email", Verified: a.verified, Derived: usher.Derived{
			Presence: usher.PresenceSet, Values: []string{a.email}, Rule: "mapping.attributes.email"}}},
	}
}

var (
	modelIdPs     = []string{"a", "b", "c"}
	modelSubjects = []string{"1", "2", "3"}
	modelEmails   = []string{"ann@contoso.test", "bob@contoso.test", "eve@contoso.test"}
)

// signIn signs somebody in, and holds what comes of it against the model.
func (m *machine) signIn(t *rapid.T) {
	m.count++ // a name is never asked for twice, so that none is ever taken
	a := arrival{
		idp: rapid.SampledFrom(modelIdPs).Draw(t, "idp"), subject: rapid.SampledFrom(modelSubjects).Draw(t, "subject"),
		email: rapid.SampledFrom(modelEmails).Draw(t, "email"), verified: rapid.Bool().Draw(t, "verified"),
	}
	verdict, reason, user := m.expect(a)
	id := m.identity(a)
	path := provision.New(provision.Config{
		Ledger: m.world.Ledger, Now: m.world.Clock.Now, Log: slog.New(slog.DiscardHandler),
		Policies: func(string, string, string) (usher.Policy, provision.Mapper) { return m.policy(a.idp), fixed{id} },
	})
	rec, err := path.SignIn(context.Background(), provision.Request{
		Assertion: usher.Assertion{Tenant: usher.DefaultTenant, IdP: a.idp}, Application: "app", Correlation: storetest.NewID(),
	}, nothing)
	if err != nil {
		t.Fatal(err)
	}
	got := rec.Decision
	if got.Verdict != verdict || reason != "" && got.Reason != reason || user != "" && got.User != user {
		t.Fatalf("%+v came to %s %s %s, the model says %s %s %s", a, got.Verdict, got.Reason, got.User, verdict, reason, user)
	}
	m.apply(a, verdict, got.User)
}

// anyone draws a user, "" if there is none.
func (m *machine) anyone(t *rapid.T) usher.UserID {
	if len(m.users) == 0 {
		return ""
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(m.users))).Draw(t, "user")
}

func (m *machine) setState(t *rapid.T) {
	user := m.anyone(t)
	if user == "" {
		return
	}
	state := rapid.SampledFrom([]usher.AccountState{usher.StateActive, usher.StateDisabled, usher.StateLocked}).Draw(t, "state")
	if err := m.path.SetState(context.Background(), usher.DefaultTenant, ref(user), state, "op"); err != nil {
		t.Fatal(err)
	}
	m.users[user].State = state
}

func ref(user usher.UserID) usher.AccountRef {
	return usher.AccountRef{Store: usher.PrimaryStore, User: user}
}

func (m *machine) unlink(t *rapid.T) {
	if len(m.links) == 0 {
		return
	}
	keys := slices.SortedFunc(maps.Keys(m.links), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	key := rapid.SampledFrom(keys).Draw(t, "link")
	last := rapid.Bool().Draw(t, "last")
	user := m.links[key]
	only := 0
	for _, id := range m.links {
		if id == user {
			only++
		}
	}
	err := m.path.Unlink(context.Background(), usher.DefaultTenant, key[0], key[1], "op", last)
	if refused := only == 1 && !last; refused != (err != nil) {
		t.Fatalf("unlinking one of %d, last %v: %v", only, last, err)
	}
	if err == nil {
		delete(m.links, key)
	}
}

func (m *machine) remove(t *rapid.T) {
	user := m.anyone(t)
	if user == "" {
		return
	}
	if err := m.path.Delete(context.Background(), usher.DefaultTenant, ref(user), "op"); err != nil {
		t.Fatal(err)
	}
	delete(m.users, user)
	maps.DeleteFunc(m.links, func(_ [2]string, id usher.UserID) bool { return id == user })
}

// edit writes an address by an operator's hand. Operators may make two people
// hold one address; sign-ins never do.
func (m *machine) edit(t *rapid.T) {
	user := m.anyone(t)
	if user == "" {
		return
	}
	email, verified := rapid.SampledFrom(modelEmails).Draw(t, "email"), rapid.Bool().Draw(t, "verified")
	err := m.path.Edit(context.Background(), usher.DefaultTenant, ref(user), "op",
		[]store.Attribute{{Name: "email", Values: []string{email}, Verified: verified}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	u := m.users[user]
	u.Email, u.Verified, u.Wrote = email, verified, "operator"
}

func (m *machine) changePolicy(t *rapid.T) {
	m.match = rapid.SampledFrom([]usher.MatchWhen{"", usher.MatchAuto, usher.MatchConfirm, usher.MatchNever}).Draw(t, "match")
	m.sync = rapid.SampledFrom([]usher.SyncMode{usher.SyncNone, usher.SyncOverride, usher.SyncPreserveLocal}).Draw(t, "sync")
	m.none = rapid.SampledFrom([]usher.NoMatch{usher.NoMatchCreate, usher.NoMatchCreate, usher.NoMatchDeny, usher.NoMatchPassThrough}).Draw(t, "noMatch")
}

// check compares what there is with the model, and looks for broken invariants.
func (m *machine) check(t *rapid.T) {
	there := map[usher.UserID]modelUser{}
	links := map[[2]string]usher.UserID{}
	for user := range m.users {
		a, err := m.world.Ledger.Account(context.Background(), usher.DefaultTenant, usher.PrimaryStore, user)
		if err != nil {
			t.Fatal(err)
		}
		u := modelUser{State: a.State, Wrote: m.users[user].Wrote, Groups: m.users[user].Groups}
		for _, h := range a.Attributes {
			u.Email, u.Verified = h.Values[0], h.Verified
		}
		there[user] = u
		of, err := m.world.Ledger.Links(context.Background(), usher.DefaultTenant, usher.PrimaryStore, user)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range of {
			links[[2]string{l.IdP, l.Subject}] = user
		}
	}
	want := map[usher.UserID]modelUser{}
	for id, u := range m.users {
		want[id] = *u
	}
	if diff := cmp.Diff(want, there); diff != "" {
		t.Fatalf("accounts (-model +real):\n%s", diff)
	}
	if diff := cmp.Diff(m.links, links); diff != "" {
		t.Fatalf("links (-model +real):\n%s", diff)
	}
	count := 0
	if err := m.world.Ledger.View(context.Background(), func(tx *ledger.Tx) error {
		return tx.QueryRowContext(context.Background(), "SELECT count(*) FROM account").Scan(&count)
	}); err != nil || count != len(m.users) {
		t.Fatalf("%d accounts, the model has %d (%v)", count, len(m.users), err)
	}
	storetest.CheckInvariants(m.outer, m.world.Ledger)
	if m.outer.Failed() {
		t.Fatal("an invariant is broken")
	}
}

// Any order of sign-ins, links, unlinks, states, deletions, edits and policies
// leaves what the model says, and no invariant broken.
func TestAnyOrderOfEventsAgreesWithTheModel(t *testing.T) {
	few(t) // each of them is a database, and each step a commit
	rapid.Check(t, func(rt *rapid.T) {
		w := storetest.NewWorld(t)
		m := &machine{world: w, outer: t, model: model{
			users: map[usher.UserID]*modelUser{}, links: map[[2]string]usher.UserID{}, none: usher.NoMatchCreate, sync: usher.SyncOverride,
		}}
		m.path = provision.New(provision.Config{
			Ledger: w.Ledger, Now: w.Clock.Now, Log: slog.New(slog.DiscardHandler),
			Policies: func(_, idp, _ string) (usher.Policy, provision.Mapper) { return m.policy(idp), nil },
		})
		rt.Repeat(map[string]func(*rapid.T){
			"sign in": m.signIn, "sign in again": m.signIn, "sign in once more": m.signIn,
			"state": m.setState, "unlink": m.unlink, "delete": m.remove, "edit": m.edit, "policy": m.changePolicy, "": m.check,
		})
	})
}

// few makes rapid check less often than it does, unless it was told a number.
func few(t *testing.T) {
	t.Helper()
	const name = "rapid.checks"
	f := flag.Lookup(name)
	if f.Value.String() != f.DefValue {
		return
	}
	if err := flag.Set(name, "30"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, f.DefValue) })
}
