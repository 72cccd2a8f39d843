package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"github.com/usher-id/usher"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// schema is a table with a key, and one whose key must be there.
var schema = fstest.MapFS{"00001_test.sql": {Data: []byte(`-- +goose Up
CREATE TABLE mark (name TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE under (name TEXT NOT NULL REFERENCES mark (name)) STRICT;
`)}}

func openDB(t *testing.T) *DB {
	t.Helper()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func mark(version string) func(*Tx) error {
	return func(tx *Tx) error {
		_, err := tx.ExecContext(context.Background(), `INSERT INTO mark (name) VALUES (?)`, version)
		return err
	}
}

// marks lists what is committed.
func marks(t *testing.T, db *DB) string {
	t.Helper()
	var s string
	if err := db.read.QueryRowContext(context.Background(),
		`SELECT coalesce(group_concat(name, ' ' ORDER BY name), '') FROM mark`).Scan(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// together puts members into one batch: it holds the writer with a first one
// until the rest are queued.
func together(t *testing.T, db *DB, fns ...func(*Tx) error) []*member {
	t.Helper()
	return togetherWith(t.Context(), t, db, func([]*member) {}, fns...)
}

func togetherWith(ctx context.Context, t *testing.T, db *DB, queued func([]*member), fns ...func(*Tx) error) []*member {
	t.Helper()
	entered, leave := make(chan struct{}), make(chan struct{})
	gate := &member{ctx: t.Context(), done: make(chan struct{}), fn: func(*Tx) error {
		close(entered)
		<-leave
		return nil
	}}
	enqueue(t, db, gate)
	<-entered
	var out []*member
	for _, fn := range fns {
		m := &member{ctx: ctx, fn: fn, done: make(chan struct{})}
		enqueue(t, db, m)
		out = append(out, m)
	}
	queued(out)
	close(leave)
	<-gate.done
	return out
}

func enqueue(t *testing.T, db *DB, m *member) {
	t.Helper()
	if err := db.writer.enqueue(m); err != nil {
		t.Fatal(err)
	}
}

func wait(members []*member) []error {
	errs := make([]error, len(members))
	for i, m := range members {
		<-m.done
		errs[i] = m.err
	}
	return errs
}

var errMine = errors.New("mine")

func TestCommitFailingMemberUndoesOnlyItself(t *testing.T) {
	db := openDB(t)
	var inBatch string
	errs := wait(together(t, db,
		mark("a"),
		func(tx *Tx) error { return errors.Join(mark("b")(tx), errMine) },
		mark("c"),
		func(tx *Tx) error { _ = mark("d")(tx); panic("a claim value") },
		func(tx *Tx) error { return errors.Join(mark("e")(tx), mark("a")(tx)) }, // a is taken
		func(tx *Tx) error { _ = mark("a")(tx); return mark("f")(tx) },          // and this one does not mind
		func(*Tx) error { inBatch = marks(t, db); return nil },
	))
	for i, ok := range []bool{true, false, true, false, false, true, true} {
		if (errs[i] == nil) != ok {
			t.Errorf("member %d: %v", i, errs[i])
		}
	}
	if !errors.Is(errs[1], errMine) {
		t.Errorf("the member's error became %v", errs[1])
	}
	if usher.KindOf(errs[3]) != usher.Internal || strings.Contains(errs[3].Error(), "a claim value") {
		t.Errorf("the panic became %v", errs[3])
	}
	if inBatch != "" {
		t.Errorf("the members were not in one batch: %q was committed", inBatch)
	}
	if got := marks(t, db); got != "a c f" {
		t.Errorf("committed %q", got)
	}
}

func TestCommitRuntimePanicTellsWhatHappened(t *testing.T) {
	db := openDB(t)
	var none map[string]int
	err := db.writer.commit(t.Context(), func(*Tx) error { none["x"] = 1; return nil })
	if err == nil || !strings.Contains(err.Error(), "nil map") {
		t.Errorf("got %v", err)
	}
}

func TestCommitAnswersOnlyWhenDurable(t *testing.T) {
	db := openDB(t)
	var first *member
	var early, visible bool
	members := togetherWith(t.Context(), t, db, func(queued []*member) { first = queued[0] }, mark("a"), func(*Tx) error {
		select {
		case <-first.done:
			early = true
		default:
		}
		visible = marks(t, db) != ""
		return nil
	})
	wait(members)
	if early || visible {
		t.Errorf("answered before the commit: %v; visible before the commit: %v", early, visible)
	}
	if got := marks(t, db); got != "a" {
		t.Errorf("answered, but committed is %q", got)
	}
}

func TestCommitThatFailsIsTold(t *testing.T) {
	db := openDB(t)
	errs := wait(together(t, db, mark("a"),
		func(tx *Tx) error { // a broken foreign key that only COMMIT notices
			_, err := tx.ExecContext(t.Context(), `PRAGMA defer_foreign_keys = ON`)
			_, err2 := tx.ExecContext(t.Context(), `INSERT INTO under (name) VALUES ('nobody')`)
			return errors.Join(err, err2)
		},
		func(*Tx) error { return errMine }, mark("b")))
	for _, i := range []int{0, 1, 3} {
		if usher.KindOf(errs[i]) != usher.Unavailable {
			t.Errorf("member %d: %v", i, errs[i])
		}
	}
	if !errors.Is(errs[2], errMine) {
		t.Errorf("the member's own error became %v", errs[2])
	}
	if got := marks(t, db); got != "" {
		t.Errorf("committed %q", got)
	}
	if err := db.writer.commit(t.Context(), mark("c")); err != nil || marks(t, db) != "c" {
		t.Errorf("the next commit: %v, %q", err, marks(t, db))
	}
}

// A full disk, for one, makes SQLite roll back the whole transaction in the
// middle of a member. None of the others may be told that it worked.
func TestCommitRolledBackUnderneathIsTold(t *testing.T) {
	db := openDB(t)
	errs := wait(together(t, db, mark("a"),
		func(tx *Tx) error { _, err := tx.ExecContext(t.Context(), `ROLLBACK`); return err },
		mark("b")))
	for i, err := range errs {
		if usher.KindOf(err) != usher.Unavailable || err == nil {
			t.Errorf("member %d: %v", i, err)
		}
	}
	if got := marks(t, db); got != "" {
		t.Errorf("committed %q", got)
	}
	if err := db.writer.commit(t.Context(), mark("c")); err != nil {
		t.Errorf("the next commit: %v", err)
	}
}

// A member that goes on after a statement failed by more than a constraint
// fails as a whole, and can't write outside the transaction.
func TestCommitMemberCantIgnoreABrokenStatement(t *testing.T) {
	db := openDB(t)
	err := db.writer.commit(t.Context(), func(tx *Tx) error {
		_, _ = tx.ExecContext(t.Context(), `INSERT INTO nothing VALUES (1)`)
		if rows, err := tx.QueryContext(t.Context(), `SELECT 1`); err == nil {
			t.Error("a statement ran after one that broke")
			_ = errors.Join(rows.Err(), rows.Close())
		}
		_ = tx.QueryRowContext(t.Context(), `SELECT 1`).Err()
		_ = mark("a")(tx)
		return nil
	})
	if usher.KindOf(err) != usher.Internal && usher.KindOf(err) != usher.Unavailable || err == nil {
		t.Errorf("got %v", err)
	}
	if got := marks(t, db); got != "" {
		t.Errorf("committed %q", got)
	}
}

func TestCommitSkipsWhoseContextEnded(t *testing.T) {
	db := openDB(t)
	ctx, cancel := context.WithCancel(t.Context())
	var ran atomic.Bool
	errs := wait(togetherWith(ctx, t, db, func([]*member) { cancel() }, func(*Tx) error { ran.Store(true); return nil }))
	if ran.Load() || !errors.Is(errs[0], context.Canceled) || usher.KindOf(errs[0]) != usher.Unavailable {
		t.Errorf("ran %v, %v", ran.Load(), errs[0])
	}
}

// A context that ends in the middle stops the member at its next statement and
// nobody else.
func TestCommitContextEndingInTheMiddle(t *testing.T) {
	db := openDB(t)
	ctx, cancel := context.WithCancel(t.Context())
	errs := wait(together(t, db, mark("a"), func(tx *Tx) error {
		if err := mark("b")(tx); err != nil {
			return err
		}
		cancel()
		_, err := tx.ExecContext(ctx, `INSERT INTO mark (name) VALUES ('c')`)
		return err
	}, mark("d")))
	if errs[0] != nil || errs[2] != nil || !errors.Is(errs[1], context.Canceled) {
		t.Errorf("got %v", errs)
	}
	if got := marks(t, db); got != "a d" {
		t.Errorf("committed %q", got)
	}
}

func TestCommitSurvivesAMemberThatEndsItsGoroutine(t *testing.T) {
	db := openDB(t)
	errs := wait(together(t, db, mark("a"), func(tx *Tx) error { _ = mark("b")(tx); runtime.Goexit(); return nil }))
	if errs[0] == nil || errs[1] == nil {
		t.Errorf("got %v", errs)
	}
	if err := db.writer.commit(t.Context(), mark("c")); err != nil || marks(t, db) != "c" {
		t.Errorf("the next commit: %v, %q", err, marks(t, db))
	}
}

func TestCommitTakesWhatIsQueuedUpToItsSize(t *testing.T) {
	db := openDB(t)
	var seen [batchSize + 1]string
	fns := make([]func(*Tx) error, len(seen))
	for i := range fns {
		fns[i] = func(tx *Tx) error { seen[i] = marks(t, db); return mark(string(rune('!' + i)))(tx) }
	}
	for i, err := range wait(together(t, db, fns...)) {
		if err != nil {
			t.Errorf("member %d: %v", i, err)
		}
	}
	if seen[batchSize-1] != "" || len(strings.Fields(seen[batchSize])) != batchSize {
		t.Errorf("before the last of a batch %q was committed, before the first of the next %q", seen[batchSize-1], seen[batchSize])
	}
}

func TestTxIsOverWhenItsFunctionReturns(t *testing.T) {
	db := openDB(t)
	var kept *Tx
	if err := db.writer.commit(t.Context(), func(tx *Tx) error { kept = tx; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := mark("a")(kept); !errors.Is(err, errOver) {
		t.Errorf("got %v", err)
	}
}

func TestCloseDrains(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db, err := Open(t.Context(), path, schema)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	members := togetherWith(t.Context(), t, db, func([]*member) { go func() { closed <- db.Close() }() }, mark("a"), mark("b"))
	for i, err := range wait(members) {
		if err != nil {
			t.Errorf("member %d: %v", i, err)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := db.writer.commit(t.Context(), mark("c")); usher.KindOf(err) != usher.Unavailable {
		t.Errorf("after close: %v", err)
	}
	again, err := Open(t.Context(), path, schema)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := marks(t, again); got != "a b" {
		t.Errorf("committed %q", got)
	}
}

func TestSettingsAreInForce(t *testing.T) {
	db := openDB(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
		var got string
		err := db.writer.commit(t.Context(), func(tx *Tx) error {
			return tx.QueryRowContext(t.Context(), `SELECT * FROM pragma_`+pragma).Scan(&got)
		})
		if err != nil || got != want {
			t.Errorf("%s is %q, want %q; %v", pragma, got, want, err)
		}
	}
	if _, err := db.read.ExecContext(t.Context(), `DELETE FROM mark`); err == nil {
		t.Error("a reading connection can write")
	}
}
