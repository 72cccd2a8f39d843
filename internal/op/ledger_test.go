package op_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/key"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/store"
	sqlstore "github.com/usher-id/usher/internal/store/sql"
	"github.com/usher-id/usher/internal/storetest"
)

// blank is a database with its tables and keys. It is made once and copied for
// every world, because migrations and RSA keys take their time.
var blank = sync.OnceValues(func() (_ []byte, err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "usher-op-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "usher.db")
	db, err := ledger.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	_, err = key.Open(ctx, key.Config{Master: key.Master{1}, Keeper: db, Now: func() time.Time { return birth }})
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

var birth = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// openLedger makes a ledger in a directory of its own. What was done with it is
// checked against the invariants at the end of the test.
func (w *world) openLedger(t testing.TB) {
	t.Helper()
	made, err := blank()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "usher.db")
	if err := os.WriteFile(path, made, 0o600); err != nil {
		t.Fatal(err)
	}
	if w.db, err = ledger.Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if w.ring, err = key.Open(t.Context(), key.Config{Master: key.Master{1}, Keeper: w.db, Now: w.now}); err != nil {
		t.Fatal(err)
	}
	w.ledger = ledger.New(w.db, ledger.Config{Stores: stores, Sealer: w.ring, Now: w.now})
	t.Cleanup(func() {
		if !w.broken {
			storetest.CheckInvariants(t, w.ledger)
		}
		if err := w.db.Close(); err != nil && !w.broken {
			t.Error(err)
		}
	})
	if err := w.ledger.SavePolicy(t.Context(), usher.Policy{Version: "p-1"}); err != nil {
		t.Fatal(err)
	}
}

// decided records a decision about the person whom the provider calls subject,
// and gives its correlation id.
func (w *world) decided(t testing.TB, subject, application string, d usher.Decision) string {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	rec := usher.Record{
		ID: id.String(), Attempt: 1, Policy: usher.Policy{Version: "p-1"}, Decision: d,
		Identity: usher.Identity{Tenant: usher.DefaultTenant, IdP: "contoso", Issuer: "https://contoso.test", Subject: usher.StringValue(subject)},
		Snapshot: usher.Snapshot{At: usher.Instant(w.now().UnixMicro()), Reserved: d.User},
	}
	if err := w.ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
		return tx.Apply(t.Context(), ledger.Act{Application: application, Record: rec})
	}); err != nil {
		t.Fatal(err)
	}
	return rec.ID
}

// stores are the user stores of a world.
func stores(name string) (ledger.StoreMaker, store.Policy, bool) {
	return sqlstore.Tables{Store: name}, store.Policy{}, name == usher.PrimaryStore || name == corp
}

const corp = "CORP"

// addAccount makes an account by a decision, as a first login does.
func (w *world) addAccount(t testing.TB, user usher.UserID, username string, changes ...usher.Change) {
	t.Helper()
	w.addAccountIn(t, usher.PrimaryStore, user, username, changes...)
}

func (w *world) addAccountIn(t testing.TB, where string, user usher.UserID, username string, changes ...usher.Change) {
	t.Helper()
	changes = slices.Concat(
		[]usher.Change{{Op: usher.OpCreateUser, Name: username, Values: []string{username}}}, changes, []usher.Change{{Op: usher.OpLink}})
	w.decisions[user] = w.decided(t, "s-"+string(user), "payroll", usher.Decision{
		Verdict: usher.VerdictCreate, Reason: usher.ReasonCreated, User: user, Store: where, Changes: changes,
	})
}

// addAlias makes the account one that the application knew as subject before.
func (w *world) addAlias(t testing.TB, application string, user usher.UserID, subject string) {
	t.Helper()
	w.decided(t, subject, application, usher.Decision{
		Verdict: usher.VerdictLink, Reason: usher.ReasonUpdated, User: user, Store: usher.PrimaryStore,
		Changes: []usher.Change{{Op: usher.OpLink}, {Op: usher.OpAlias, Name: application}},
	})
}

func (w *world) setState(t testing.TB, user usher.UserID, state usher.AccountState) {
	t.Helper()
	err := w.ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
		return tx.SetState(t.Context(), usher.DefaultTenant, usher.PrimaryStore, user, state)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// setAttribute changes an attribute as an operator does; "" removes it.
func (w *world) setAttribute(t testing.TB, user usher.UserID, name, value string) {
	t.Helper()
	ref := usher.AccountRef{Store: usher.PrimaryStore, User: user}
	by := usher.Source{Kind: usher.SourceAdmin, Name: "root", At: usher.Instant(w.now().UnixMicro())}
	set, gone := []store.Attribute{{Name: name, Values: []string{value}}}, []string(nil)
	if value == "" {
		set, gone = nil, []string{name}
	}
	if err := w.ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
		return tx.SetAttributes(t.Context(), usher.DefaultTenant, ref, by, set, gone)
	}); err != nil {
		t.Fatal(err)
	}
}

// breakLedger makes every further use of the ledger fail.
func (w *world) breakLedger(t testing.TB) {
	t.Helper()
	w.broken = true
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
}
