package ledger_test

import (
	"errors"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/key"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Everybody who comes at once as one subject gets the one account.
func TestP063_ParallelFirstSignInsOfOneSubject(t *testing.T) {
	w := storetest.NewWorld(t)
	worlds := []*storetest.World{w, w.Again(t)}
	users := make([]usher.UserID, 200)
	for _, err := range storetest.Together(len(users), func(i int) (err error) {
		users[i], err = storetest.SignIn(t.Context(), worlds[i%2], storetest.Ann)
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	for _, u := range users {
		if u != users[0] {
			t.Errorf("%s and %s are one subject", u, users[0])
		}
	}
	dump := w.Dump(t)
	if len(dump["account"]) != 1 || len(dump["link"]) != 1 || len(dump["decision"]) != len(users) {
		t.Errorf("%d accounts, %d links, %d decisions", len(dump["account"]), len(dump["link"]), len(dump["decision"]))
	}
	storetest.CheckInvariants(t, w.Ledger)
}

// Many providers assert one username at once: one gets it, and the others are
// told which fact moved.
func TestParallelFirstSignInsOfOneUsername(t *testing.T) {
	w := storetest.NewWorld(t)
	won := 0
	for _, err := range storetest.Together(16, func(i int) error {
		p := storetest.Numbered(i)
		p.Username = "ann"
		return storetest.Apply(t.Context(), w.Ledger, p.First(w.Clock.Instant()))
	}) {
		moved := (*ledger.Moved)(nil)
		switch {
		case err == nil:
			won++
		case !errors.As(err, &moved) || moved.Assumption.Kind != usher.AssumeUsernameFree:
			t.Error(err)
		}
	}
	if n := len(w.Dump(t)["account"]); won != 1 || n != 1 {
		t.Errorf("%d won, %d accounts", won, n)
	}
	storetest.CheckInvariants(t, w.Ledger)
}

// Processes that start at the same moment on one new file make one schema and
// one key of those that there must be one of.
func TestOpenedByManyAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher #1?.db")
	dbs := make([]*ledger.DB, 6)
	for _, err := range storetest.Together(len(dbs), func(i int) (err error) {
		if dbs[i], err = ledger.Open(t.Context(), path); err != nil {
			return err
		}
		err = dbs[i].AddKey(t.Context(), key.Stored{ID: storetest.NewID(), Use: key.UseMAC, Alg: "HS256", Sealed: []byte{1}})
		return ignore(err, usher.Conflict)
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	for _, db := range dbs {
		if keys, err := db.Keys(t.Context()); err != nil || len(keys) != 1 {
			t.Errorf("keys %v, %v", keys, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenWhereNothingCanBe(t *testing.T) {
	_, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "missing", "usher.db"))
	wantKind(t, "no folder", err, usher.Invalid)
	if usher.Shown(err) == "" {
		t.Error("it does not say what to look at")
	}
	_, err = ledger.Open(t.Context(), t.TempDir())
	wantKind(t, "a folder", err, usher.Invalid)
}

func TestKeysAreKept(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx, before := t.Context(), len(must(w.DB.Keys(t.Context()))(t))
	k := key.Stored{ID: "k", Use: key.UseSign, Alg: "ES256", Created: 7, Sealed: []byte{0, 1, 2}}
	if err := w.DB.AddKey(ctx, k); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "twice", w.DB.AddKey(ctx, k), usher.Conflict)
	wantKind(t, "a second mac", w.DB.AddKey(ctx, key.Stored{ID: "m", Use: key.UseMAC, Alg: "HS256", Sealed: []byte{1}}), usher.Conflict)
	if got := must(w.DB.Keys(ctx))(t); len(got) != before+1 {
		t.Errorf("%d keys, want %d", len(got), before+1)
	}
	for range 2 {
		if err := w.DB.DropKey(ctx, "k"); err != nil {
			t.Fatal(err)
		}
	}
	if got := must(w.DB.Keys(ctx))(t); len(got) != before {
		t.Errorf("%d keys, want %d", len(got), before)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
