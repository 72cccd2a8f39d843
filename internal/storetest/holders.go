package storetest

import (
	"slices"
	"testing"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

// email is an attribute with these addresses.
func email(values ...string) []store.Attribute {
	return []store.Attribute{{Name: "email", Values: values}}
}

func (k kit) wantHeld(t *testing.T, attribute, folded string, want ...usher.UserID) {
	t.Helper()
	if got := k.holders(t, attribute, folded); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("%q is held by %v, want %v", folded, got, want)
	}
}

func holdersNow(t *testing.T, k kit) {
	a, b := k.new(t, "a"), k.new(t, "b")
	k.wantHeld(t, "email", "1@x.test")
	k.must(t, store.Write{User: a, Set: email("1@x.test", "2@x.test", "1@X.test"), At: 2})
	k.must(t, store.Write{User: b, Set: email("2@x.test"), At: 2})
	k.wantHeld(t, "email", "1@x.test", a)
	k.wantHeld(t, "email", "2@x.test", a, b)
	k.wantHeld(t, "mail", "1@x.test")
	k.must(t, store.Write{User: a, Set: email("3@x.test"), At: 3})
	k.wantHeld(t, "email", "1@x.test")
	k.wantHeld(t, "email", "2@x.test", b)
	k.wantHeld(t, "email", "3@x.test", a)
	k.must(t, store.Write{User: a, Set: []store.Attribute{{Name: "phone", Values: []string{"1"}}}, State: usher.StateLocked, At: 4})
	k.wantHeld(t, "email", "3@x.test", a)
	k.must(t, store.Write{User: a, Clear: []string{"email"}, At: 5})
	k.wantHeld(t, "email", "3@x.test")
	k.wantHeld(t, "phone", "1", a)
	c := usher.UserID(NewID())
	k.must(t, store.Write{User: c, Create: &store.NewUser{Username: "c", Canonical: "c"}, Set: email("3@x.test"), At: 6})
	k.wantHeld(t, "email", "3@x.test", c)
}

// holdersFolded: an index by anything else than usher.Fold finds the wrong
// people, or finds nobody.
func holdersFolded(t *testing.T, k kit) {
	id := k.new(t, "ann")
	k.must(t, store.Write{User: id, At: 2, Set: []store.Attribute{
		{Name: "email", Values: []string{"Ann@X.Test", "\"ann\"@x.test", "\u212aim@x.test", "", "ann"}},
		{Name: "nick", Values: []string{"ANN\u00c4", "a%b_", " ", "a\x00b"}},
	}})
	k.wantHeld(t, "email", "ann@x.test", id)
	k.wantHeld(t, "nick", "ann\u00c4", id)
	k.wantHeld(t, "nick", "a%b_", id)
	k.wantHeld(t, "nick", " ", id)
	for _, no := range [][2]string{{"email", "Ann@X.Test"}, {"email", "\"ann\"@x.test"}, {"email", "kim@x.test"}, {"email", "\u212aim@x.test"},
		{"email", ""}, {"email", "ann"}, {"email", "%"}, {"email", "ann@x.tes_"}, {"nick", "ann\u00e4"}, {"nick", "a"}, {"nick", "a%"}, {"", "ann@x.test"}} {
		k.wantHeld(t, no[0], no[1])
	}
}

func holdersMany(t *testing.T, k kit) {
	for i := range 5 {
		id := k.new(t, string(rune('a'+i)))
		k.must(t, store.Write{User: id, Set: email("all@x.test"), At: 2})
	}
	for limit := 1; limit < 7; limit++ {
		ids, err := k.d.Holders(k.ctx, k.tenant, "email", "all@x.test", limit)
		if err != nil || len(ids) != min(limit, 5) {
			t.Errorf("of at most %d there are %d, %v", limit, len(ids), err)
		}
	}
}

func passwords(t *testing.T, k kit) {
	id := k.new(t, "ann")
	want := func(want store.Password) {
		t.Helper()
		if got := k.password(t, id); got != want {
			t.Errorf("the password is %+v, want %+v", got, want)
		}
	}
	want(store.Password{})
	k.must(t, store.Write{User: id, Password: &store.Password{Hash: PasswordHash}, At: 2})
	want(store.Password{Hash: PasswordHash})
	k.must(t, store.Write{User: id, State: usher.StateActive, Set: email("a@x.test"), At: 3})
	want(store.Password{Hash: PasswordHash})
	k.must(t, store.Write{User: id, Password: &store.Password{Hash: PasswordHash + "2", Proven: true}, At: 4})
	want(store.Password{Hash: PasswordHash + "2", Proven: true})
	k.must(t, store.Write{User: id, Password: &store.Password{}, At: 5})
	want(store.Password{})
	made := usher.UserID(NewID())
	k.must(t, store.Write{User: made, Create: &store.NewUser{Username: "made", Canonical: "made"}, Password: &store.Password{Hash: PasswordHash, Proven: true}, At: 6})
	if got := k.password(t, made); got != (store.Password{Hash: PasswordHash, Proven: true}) {
		t.Errorf("made with one, has %+v", got)
	}
}

func passwordMissing(t *testing.T, k kit) {
	_, err := k.d.Password(k.ctx, k.tenant, usher.UserID(NewID()))
	wantKind(t, err, usher.NotFound)
}
