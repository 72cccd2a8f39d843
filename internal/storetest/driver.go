package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

// Run holds a driver to the contract of store.Driver. open gives an empty store.
func Run(t *testing.T, open func(testing.TB) store.Driver) {
	for name, test := range map[string]func(*testing.T, kit){
		"CreatedUserComesBackAsWritten":      created,
		"MissingUserIsNotFound":              missing,
		"NamesAreByteExact":                  byteExact,
		"NamesAreFoundByEqualityOnly":        equalityOnly,
		"CanonicalNameIsUnique":              uniqueName,
		"IDIsUnique":                         uniqueID,
		"ParallelWritersGetOneName":          parallelWriters,
		"ChangesAddUp":                       changes,
		"ChangesCanBeRepeated":               repeated,
		"WriteToMissingUserIsNotFound":       writeMissing,
		"FailedWriteLeavesNothing":           wholeOrNot,
		"StateStaysUnlessChanged":            states,
		"PagesAreStable":                     pages,
		"TenantsAreApart":                    tenants,
		"CancelledContextIsNotAnAnswer":      cancelled,
		"BigAndOddValuesComeBackAsWritten":   bigValues,
		"NothingAskedIsNothingFound":         namedNobody,
		"EmptyAttributeIsNotAMissingOne":     emptyAttribute,
		"ManyNamesAreAnsweredByOneQuestion":  manyNames,
		"UserOfOneStoreHasOnlyItsOwnChanges": neighbours,
		"HoldersAreThoseOfNow":               holdersNow,
		"HoldersAreFoundFolded":              holdersFolded,
		"HoldersAreAsManyAsAsked":            holdersMany,
		"PasswordIsKeptAndDropped":           passwords,
		"PasswordOfNobodyIsNotFound":         passwordMissing,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, kit{t.Context(), open(t), tenant}) })
	}
}

// RunApart holds two stores that share their place to the contract: what is in
// one is never seen, nor changed, through the other. open gives both, empty.
func RunApart(t *testing.T, open func(testing.TB) (one, other store.Driver)) {
	a, b := open(t)
	one, other := kit{t.Context(), a, tenant}, kit{t.Context(), b, tenant}
	mail := []store.Attribute{{Name: "email", Values: []string{"ann@x.test"}}}
	id := usher.UserID(NewID())
	one.must(t, store.Write{User: id, Create: &store.NewUser{Username: "ann", Canonical: "ann"}, Set: mail, Join: []string{"g"},
		Password: &store.Password{Hash: PasswordHash, Proven: true}, At: 1})
	want := one.get(t, id)

	_, err := other.d.Get(t.Context(), tenant, id)
	wantKind(t, err, usher.NotFound)
	_, err = other.d.Password(t.Context(), tenant, id)
	wantKind(t, err, usher.NotFound)
	if list, err := other.d.List(t.Context(), tenant, "", 10); err != nil || len(list)+len(other.named(t, "ann"))+len(other.holders(t, "email", "ann@x.test")) > 0 {
		t.Errorf("the other store sees %v, %v", list, err)
	}
	wantKind(t, other.d.Write(t.Context(), tenant, store.Write{User: id, State: usher.StateLocked, Clear: []string{"email"}, Leave: []string{"g"},
		Password: &store.Password{}, At: 2}), usher.NotFound)
	other.must(t, store.Write{User: id, Create: &store.NewUser{Username: "ann", Canonical: "ann"}, Set: mail, Join: []string{"g"}, At: 3})
	other.must(t, store.Write{User: id, State: usher.StateLocked, Clear: []string{"email"}, Leave: []string{"g"}, Password: &store.Password{}, At: 4})
	wantUser(t, one.get(t, id), want)
	if p := one.password(t, id); p.Hash != PasswordHash || !p.Proven {
		t.Errorf("the password is %+v", p)
	}
	if got := one.holders(t, "email", "ann@x.test"); !slices.Equal(got, []usher.UserID{id}) || len(other.holders(t, "email", "ann@x.test")) > 0 {
		t.Errorf("held by %v", got)
	}
}

// kit is a driver under test.
type kit struct {
	ctx    context.Context
	d      store.Driver
	tenant string
}

const tenant = usher.DefaultTenant

// new creates a user and gives its id.
func (k kit) new(t *testing.T, canonical string) usher.UserID {
	t.Helper()
	id := usher.UserID(NewID())
	k.must(t, store.Write{User: id, Create: &store.NewUser{Username: canonical, Canonical: canonical}, At: 1})
	return id
}

func (k kit) must(t *testing.T, w store.Write) {
	t.Helper()
	if err := k.d.Write(k.ctx, k.tenant, w); err != nil {
		t.Fatal(err)
	}
}

func (k kit) get(t *testing.T, id usher.UserID) store.User {
	t.Helper()
	u, err := k.d.Get(k.ctx, k.tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (k kit) named(t *testing.T, names ...string) map[string]usher.UserID {
	t.Helper()
	found, err := k.d.Named(k.ctx, k.tenant, names)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (k kit) holders(t *testing.T, attribute, folded string) []usher.UserID {
	t.Helper()
	ids, err := k.d.Holders(k.ctx, k.tenant, attribute, folded, 10)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func (k kit) password(t *testing.T, id usher.UserID) store.Password {
	t.Helper()
	p, err := k.d.Password(k.ctx, k.tenant, id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wantKind(t *testing.T, err error, want usher.Kind) {
	t.Helper()
	if err == nil || usher.KindOf(err) != want {
		t.Errorf("got %v (%v), want %v", err, usher.KindOf(err), want)
	}
}

func wantUser(t *testing.T, got, want store.User) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("user (-want +got):\n%s", d)
	}
}

func created(t *testing.T, k kit) {
	id := usher.UserID(NewID())
	k.must(t, store.Write{
		User: id, Create: &store.NewUser{Username: "Ann", Canonical: "ann"}, At: 1234567890123456,
		Set:  []store.Attribute{{Name: "mail", Values: []string{"b@x.test", "a@x.test"}, Verified: true}, {Name: "city", Values: []string{"Kraków"}}},
		Join: []string{"staff", "Admins"},
	})
	wantUser(t, k.get(t, id), store.User{
		ID: id, Username: "Ann", Canonical: "ann", State: usher.StateActive, Created: 1234567890123456, Updated: 1234567890123456,
		Attributes: []store.Attribute{{Name: "city", Values: []string{"Kraków"}}, {Name: "mail", Values: []string{"b@x.test", "a@x.test"}, Verified: true}},
		Groups:     []string{"Admins", "staff"},
	})
	if got := k.named(t, "ann"); got["ann"] != id || len(got) != 1 {
		t.Errorf("found by name: %v", got)
	}
}

func missing(t *testing.T, k kit) {
	_, err := k.d.Get(k.ctx, k.tenant, usher.UserID(NewID()))
	wantKind(t, err, usher.NotFound)
	if got := k.named(t, "nobody"); len(got) != 0 {
		t.Errorf("found %v", got)
	}
	users, err := k.d.List(k.ctx, k.tenant, "", 10)
	if err != nil || len(users) != 0 {
		t.Errorf("listed %v, %v", users, err)
	}
}

// alike are names that a careless comparison takes for one another.
var alike = []string{
	"abc", "ABC", "abc ", " abc", "abc\t", "caf\u00e9", "cafe\u0301", "\u212a", "k", "stra\u00dfe", "strasse",
	"\u0430dmin", "admin", "abc\u200b", "abc%", "abc_", "ab", "abcd",
}

func byteExact(t *testing.T, k kit) {
	want := map[string]usher.UserID{}
	for _, name := range alike {
		want[name] = k.new(t, name)
	}
	if d := cmp.Diff(want, k.named(t, alike...)); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
	for _, name := range alike {
		if u := k.get(t, want[name]); u.Canonical != name || u.Username != name {
			t.Errorf("%q came back as %q, %q", name, u.Username, u.Canonical)
		}
	}
}

func equalityOnly(t *testing.T, k kit) {
	k.new(t, "axb")
	k.new(t, "a\\b")
	for _, pattern := range []string{"%", "a%", "a_b", "a*", "*", "a?b", "[a]xb", "a\\_b", "AXB", "axb ", "axb' OR '1'='1", "(|(cn=*))"} {
		if got := k.named(t, pattern); len(got) != 0 {
			t.Errorf("%q found %v", pattern, got)
		}
	}
	star := k.new(t, "a*")
	if got := k.named(t, "a*"); got["a*"] != star || len(got) != 1 {
		t.Errorf("a* found %v", got)
	}
}

func uniqueName(t *testing.T, k kit) {
	first := k.new(t, "ann")
	err := k.d.Write(k.ctx, k.tenant, store.Write{User: usher.UserID(NewID()), Create: &store.NewUser{Username: "ANN", Canonical: "ann"}, At: 2})
	wantKind(t, err, usher.Conflict)
	if got := k.named(t, "ann"); got["ann"] != first {
		t.Errorf("the name went to %v", got)
	}
}

func uniqueID(t *testing.T, k kit) {
	id := k.new(t, "ann")
	before := k.get(t, id)
	err := k.d.Write(k.ctx, k.tenant, store.Write{User: id, Create: &store.NewUser{Username: "bob", Canonical: "bob"}, At: 2})
	wantKind(t, err, usher.Conflict)
	wantUser(t, k.get(t, id), before)
	if got := k.named(t, "bob"); len(got) != 0 {
		t.Errorf("found %v", got)
	}
}

func parallelWriters(t *testing.T, k kit) {
	ids := make([]usher.UserID, 16)
	errs := Together(len(ids), func(i int) error {
		ids[i] = usher.UserID(NewID())
		return k.d.Write(k.ctx, k.tenant, store.Write{User: ids[i], Create: &store.NewUser{Username: "ann", Canonical: "ann"}, At: 1})
	})
	var winner usher.UserID
	for i, err := range errs {
		switch {
		case err == nil && winner != "":
			t.Error("two writers got one name")
		case err == nil:
			winner = ids[i]
		default:
			wantKind(t, err, usher.Conflict)
		}
	}
	if got := k.named(t, "ann"); got["ann"] != winner || winner == "" {
		t.Errorf("the name is %v's, the winner was %q", got, winner)
	}
}

func changes(t *testing.T, k kit) {
	id := k.new(t, "ann")
	k.must(t, store.Write{User: id, At: 2, Join: []string{"a", "b", "c"}, Set: []store.Attribute{
		{Name: "mail", Values: []string{"x@x.test"}, Verified: true}, {Name: "phone", Values: []string{"1"}}, {Name: "city", Values: []string{"Rome"}}}})
	k.must(t, store.Write{User: id, At: 3, Join: []string{"d"}, Leave: []string{"b"}, Clear: []string{"phone"}, State: usher.StateLocked,
		Set: []store.Attribute{{Name: "mail", Values: []string{"y@x.test", "z@x.test"}}, {Name: "zip", Values: []string{"00100"}}}})
	wantUser(t, k.get(t, id), store.User{
		ID: id, Username: "ann", Canonical: "ann", State: usher.StateLocked, Created: 1, Updated: 3, Groups: []string{"a", "c", "d"},
		Attributes: []store.Attribute{{Name: "city", Values: []string{"Rome"}}, {Name: "mail", Values: []string{"y@x.test", "z@x.test"}}, {Name: "zip", Values: []string{"00100"}}},
	})
}

func repeated(t *testing.T, k kit) {
	id := k.new(t, "ann")
	w := store.Write{User: id, At: 2, Join: []string{"a"}, Leave: []string{"never"}, Clear: []string{"never"},
		Set: []store.Attribute{{Name: "mail", Values: []string{"x@x.test"}}}}
	k.must(t, w)
	want := k.get(t, id)
	k.must(t, w)
	wantUser(t, k.get(t, id), want)
}

func writeMissing(t *testing.T, k kit) {
	other := k.new(t, "other")
	before := k.get(t, other)
	id := usher.UserID(NewID())
	for what, w := range map[string]store.Write{
		"nothing": {}, "set": {Set: []store.Attribute{{Name: "a", Values: []string{"1"}}}}, "clear": {Clear: []string{"a"}},
		"join": {Join: []string{"a"}}, "leave": {Leave: []string{"a"}}, "state": {State: usher.StateActive},
		"password": {Password: &store.Password{Hash: PasswordHash}}, "no password": {Password: &store.Password{}},
	} {
		w.User, w.At = id, 2
		if err := k.d.Write(k.ctx, k.tenant, w); usher.KindOf(err) != usher.NotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := k.d.Get(k.ctx, k.tenant, id)
	wantKind(t, err, usher.NotFound)
	wantUser(t, k.get(t, other), before)
}

func wholeOrNot(t *testing.T, k kit) {
	k.new(t, "ann")
	id := usher.UserID(NewID())
	w := store.Write{User: id, Create: &store.NewUser{Username: "ann", Canonical: "ann"}, At: 2, Join: []string{"a"},
		Set: []store.Attribute{{Name: "a", Values: []string{"1"}}}}
	wantKind(t, k.d.Write(k.ctx, k.tenant, w), usher.Conflict)
	w.Create = &store.NewUser{Username: "bob", Canonical: "bob"}
	w.Join, w.Set = nil, nil
	k.must(t, w)
	if u := k.get(t, id); len(u.Groups)+len(u.Attributes) != 0 {
		t.Errorf("the failed write left %+v", u)
	}
}

func states(t *testing.T, k kit) {
	id := k.new(t, "ann")
	for _, state := range []usher.AccountState{usher.StateDisabled, usher.StateLocked, usher.StatePending, usher.StateExpired, usher.StateActive} {
		k.must(t, store.Write{User: id, State: state, At: 2})
		k.must(t, store.Write{User: id, Set: []store.Attribute{{Name: "a", Values: []string{"1"}}}, Join: []string{"a"}, At: 3})
		if got := k.get(t, id).State; got != state {
			t.Errorf("%s became %s", state, got)
		}
	}
	pending := usher.UserID(NewID())
	k.must(t, store.Write{User: pending, Create: &store.NewUser{Username: "p", Canonical: "p"}, State: usher.StatePending, At: 1})
	if got := k.get(t, pending).State; got != usher.StatePending {
		t.Errorf("made pending, is %s", got)
	}
}

func pages(t *testing.T, k kit) {
	var ids []string
	early := NewID()
	for i := range 23 {
		ids = append(ids, string(k.new(t, fmt.Sprint("user", i))))
	}
	slices.Sort(ids)
	var got []string
	after := ""
	for page := 0; ; page++ {
		users, err := k.d.List(k.ctx, k.tenant, after, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(users) == 0 {
			break
		}
		for _, u := range users {
			got = append(got, string(u.ID))
		}
		after = got[len(got)-1]
		if page == 0 { // someone comes in on a page that was read already
			k.must(t, store.Write{User: usher.UserID(early), Create: &store.NewUser{Username: "early", Canonical: "early"}, At: 1})
		}
	}
	if d := cmp.Diff(ids, got); d != "" {
		t.Errorf("pages (-want +got):\n%s", d)
	}
	users, err := k.d.List(k.ctx, k.tenant, "", 1)
	if err != nil || len(users) != 1 || string(users[0].ID) != early {
		t.Errorf("the first is %v, %v; want %s", users, err, early)
	}
}

func tenants(t *testing.T, k kit) {
	id := usher.UserID(NewID())
	in := func(tenant string) kit { k.tenant = tenant; return k }
	names := []string{"a", "b", "a\x01"}
	for i, name := range names {
		in(name).must(t, store.Write{User: id, Create: &store.NewUser{Username: "ann", Canonical: "ann"}, At: usher.Instant(i + 1),
			Join: []string{"in-" + name}, Set: email("ann@x.test"), Password: &store.Password{Hash: PasswordHash + name}})
	}
	for i, name := range names {
		if u := in(name).get(t, id); u.Created != usher.Instant(i+1) || !slices.Equal(u.Groups, []string{"in-" + name}) {
			t.Errorf("%s: %+v", name, u)
		}
		if p := in(name).password(t, id); p.Hash != PasswordHash+name {
			t.Errorf("%s: %+v", name, p)
		}
		in(name).wantHeld(t, "email", "ann@x.test", id)
	}
	c := in("c")
	wantKind(t, c.d.Write(c.ctx, c.tenant, store.Write{User: id, State: usher.StateLocked, At: 9}), usher.NotFound)
	_, err := c.d.Password(c.ctx, c.tenant, id)
	wantKind(t, err, usher.NotFound)
	_, err = c.d.Get(c.ctx, "A", id)
	wantKind(t, err, usher.NotFound)
	c.wantHeld(t, "email", "ann@x.test")
	if got, err := c.d.List(c.ctx, c.tenant, "", 10); err != nil || len(got)+len(c.named(t, "ann")) != 0 {
		t.Errorf("listed %v, %v", got, err)
	}
}

func cancelled(t *testing.T, k kit) {
	id := k.new(t, "ann")
	ctx, cancel := context.WithCancel(k.ctx)
	cancel()
	_, getErr := k.d.Get(ctx, k.tenant, usher.UserID(NewID()))
	_, nameErr := k.d.Named(ctx, k.tenant, []string{"nobody"})
	_, listErr := k.d.List(ctx, k.tenant, "", 1)
	_, holdersErr := k.d.Holders(ctx, k.tenant, "email", "nobody@x.test", 1)
	_, passwordErr := k.d.Password(ctx, k.tenant, id)
	writeErr := k.d.Write(ctx, k.tenant, store.Write{User: id, State: usher.StateLocked, At: 2})
	for what, err := range map[string]error{"get": getErr, "named": nameErr, "list": listErr, "write": writeErr,
		"holders": holdersErr, "password": passwordErr} {
		if kind := usher.KindOf(err); err == nil || kind == usher.NotFound || kind == usher.Conflict {
			t.Errorf("%s: %v (%v) tells of a user nobody looked for", what, err, kind)
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v does not say why", what, err)
		}
	}
	if got := k.get(t, id).State; got != usher.StateActive {
		t.Errorf("the cancelled write was done: %s", got)
	}
}

func bigValues(t *testing.T, k kit) {
	id := k.new(t, "ann")
	many := make([]string, 1000)
	for i := range many {
		many[i] = fmt.Sprint("value ", i)
	}
	set := []store.Attribute{
		{Name: "big", Values: []string{strings.Repeat("x", 64<<10)}},
		{Name: "many", Values: many},
		{Name: "na\"me'\\;--<>&\u2028", Values: []string{"\"", "'", "\\", "</script>", "\x01\x1f", "a\x00b", "\u2028\ufffd", "😀", "", " ", "null", "[]"}},
	}
	groups := make([]string, 2000)
	for i := range groups {
		groups[i] = fmt.Sprintf("group %04d \"'\\%%_", i)
	}
	k.must(t, store.Write{User: id, Set: set, Join: groups, At: 2})
	u := k.get(t, id)
	if d := cmp.Diff(set, u.Attributes); d != "" {
		t.Errorf("attributes (-want +got):\n%s", d)
	}
	if d := cmp.Diff(groups, u.Groups); d != "" {
		t.Errorf("groups (-want +got):\n%s", d)
	}
	k.must(t, store.Write{User: id, Leave: groups[1:], At: 3})
	if got := k.get(t, id).Groups; !slices.Equal(got, groups[:1]) {
		t.Errorf("left with %d groups", len(got))
	}
}

func namedNobody(t *testing.T, k kit) {
	k.new(t, "ann")
	if got := k.named(t); len(got) != 0 {
		t.Errorf("found %v", got)
	}
}

func emptyAttribute(t *testing.T, k kit) {
	id := k.new(t, "ann")
	k.must(t, store.Write{User: id, Set: []store.Attribute{{Name: "none"}, {Name: "blank", Values: []string{""}}}, At: 2})
	got := k.get(t, id).Attributes
	if len(got) != 2 || got[0].Name != "blank" || !slices.Equal(got[0].Values, []string{""}) || got[1].Name != "none" || len(got[1].Values) != 0 {
		t.Errorf("got %+v", got)
	}
}

func manyNames(t *testing.T, k kit) {
	want := map[string]usher.UserID{}
	var ask []string
	for i := range 200 {
		name := fmt.Sprint("user", i)
		if ask = append(ask, name); i%20 == 0 {
			want[name] = k.new(t, name)
		}
	}
	if got := k.named(t, ask...); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func neighbours(t *testing.T, k kit) {
	a, b := k.new(t, "a"), k.new(t, "b")
	before := k.get(t, b)
	k.must(t, store.Write{User: a, Set: []store.Attribute{{Name: "x", Values: []string{"1"}}}, Join: []string{"g"}, State: usher.StateLocked, At: 2})
	k.must(t, store.Write{User: a, Clear: []string{"x"}, Leave: []string{"g"}, At: 3})
	wantUser(t, k.get(t, b), before)
}
