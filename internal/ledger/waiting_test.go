package ledger_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/storetest"
)

// wait keeps a sign-in of that person that waits.
func wait(t *testing.T, w *storetest.World, i int) ledger.Waiting {
	t.Helper()
	x := storetest.Numbered(i).Waiting(w.Clock.Instant())
	commit(t, w, func(tx *ledger.Tx) error { return tx.Wait(t.Context(), x) })
	return x
}

func resume(t *testing.T, w *storetest.World, x ledger.Waiting) error {
	return w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error { return tx.Resume(t.Context(), x.Tenant, x.Hash) })
}

func TestWaitingComesBackAsKept(t *testing.T) {
	w := storetest.NewWorld(t)
	want := wait(t, w, 1)
	wait(t, w, 2)
	same := func() {
		t.Helper()
		got, err := w.Ledger.Waiting(t.Context(), want.Tenant, want.Hash)
		if err != nil || bytesOf(t, got.Record) != bytesOf(t, want.Record) {
			t.Errorf("record: %v\n%s", err, cmp.Diff(bytesOf(t, want.Record), bytesOf(t, got.Record)))
		}
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(ledger.Waiting{}, "Record")); d != "" {
			t.Errorf("waiting (-want +got):\n%s", d)
		}
	}
	same()
	told, waits, err := w.Ledger.WaitingRecord(t.Context(), want.Record.ID)
	if err != nil || !waits || bytesOf(t, told) != bytesOf(t, want.Record) {
		t.Errorf("by its id: %v, %v", waits, err)
	}
	if _, waits, err := w.Ledger.WaitingRecord(t.Context(), storetest.NewID()); waits || err != nil {
		t.Errorf("another id: %v, %v", waits, err)
	}
	_, err = w.Ledger.Waiting(t.Context(), "other", want.Hash)
	wantKind(t, "in another tenant", err, usher.NotFound)

	want.Record.Answers.Username, want.Tries, want.Carry = "ann.b", 2, []byte("another carry") // answered, and asked again
	commit(t, w, func(tx *ledger.Tx) error { return tx.Wait(t.Context(), want) })
	same()
	if n := len(w.Dump(t)["waiting"]); n != 2 {
		t.Errorf("%d wait, want 2", n)
	}
	storetest.CheckInvariants(t, w.Ledger)
}

// Whoever waits goes on once, however many tabs and fingers there are.
func TestWaitingIsResumedOnce(t *testing.T) {
	w := storetest.NewWorld(t)
	x := wait(t, w, 1)
	other := x
	other.Tenant = "other"
	wantKind(t, "in another tenant", resume(t, w, other), usher.Conflict)
	won := 0
	for _, err := range storetest.Together(16, func(int) error { return resume(t, w, x) }) {
		if err == nil {
			won++
		} else {
			wantKind(t, "too late", err, usher.Conflict)
		}
	}
	if won != 1 {
		t.Errorf("resumed %d times", won)
	}
	_, err := w.Ledger.Waiting(t.Context(), x.Tenant, x.Hash)
	wantKind(t, "resumed", err, usher.NotFound)
}

func TestWaitingTooLongIsAbandoned(t *testing.T) {
	w := storetest.NewWorld(t)
	abandoned := func(limit int) (ids []string) {
		t.Helper()
		for _, x := range must(w.Ledger.Abandoned(t.Context(), limit))(t) {
			ids = append(ids, x.Record.ID)
		}
		return ids
	}
	var want []string
	for i := range 3 {
		want = append(want, wait(t, w, i).Record.ID)
		w.Clock.Move(time.Minute)
	}
	late := wait(t, w, 3)
	if got := abandoned(9); got != nil {
		t.Errorf("at once: %v", got)
	}
	w.Clock.Move(9 * time.Minute)
	if got := abandoned(2); !cmp.Equal(got, want[:2]) {
		t.Errorf("the first two: %v, want %v", got, want[:2])
	}
	if got := abandoned(9); !cmp.Equal(got, want) {
		t.Errorf("all: %v, want %v", got, want)
	}
	if _, err := w.Ledger.Waiting(t.Context(), late.Tenant, late.Hash); err != nil {
		t.Errorf("the one in time: %v", err)
	}
	w.Clock.Move(time.Minute) // to the moment
	_, err := w.Ledger.Waiting(t.Context(), late.Tenant, late.Hash)
	wantKind(t, "expired", err, usher.NotFound)
	w.Clock.Move(999 * time.Hour)
	if err := w.Ledger.Sweep(t.Context()); err != nil || len(abandoned(9)) != 4 {
		t.Errorf("a decision ends them, not the broom: %v, %v", abandoned(9), err)
	}
}

// What waits holds all that a provider said of somebody who may decide not to
// come in: it can't be read from the file, nor moved to another row.
func TestWaitingIsSealedAtRest(t *testing.T) {
	w := storetest.NewWorld(t)
	a, b := wait(t, w, 1), wait(t, w, 2)
	w.MustExec(t, `PRAGMA wal_checkpoint(TRUNCATE)`)
	file := must(os.ReadFile(w.Path))(t)
	for _, secret := range []string{"user1@contoso.test", "subject-1", "what the page"} {
		if bytes.Contains(file, []byte(secret)) {
			t.Errorf("%q is in the file", secret)
		}
	}
	for _, swap := range []string{
		`UPDATE waiting SET sealed = (SELECT sealed FROM waiting WHERE id = '` + b.Record.ID + `')`,
		`UPDATE waiting SET carry = (SELECT carry FROM waiting WHERE id = '` + b.Record.ID + `')`,
		`UPDATE waiting SET id = 'another'`,
		`UPDATE waiting SET hash = zeroblob(32)`,
		`UPDATE waiting SET sealed = carry, carry = sealed`,
		`UPDATE waiting SET tenant = 'other'`,
	} {
		again := storetest.NewWorld(t)
		commit(t, again, func(tx *ledger.Tx) error { return tx.Wait(t.Context(), a) })
		commit(t, again, func(tx *ledger.Tx) error { return tx.Wait(t.Context(), b) })
		again.MustExec(t, swap+` WHERE id = '`+a.Record.ID+`'`)
		again.Clock.Move(time.Hour)
		spoilt := 0
		for _, w := range must(again.Ledger.Abandoned(t.Context(), 9))(t) {
			switch {
			case w.Err == nil && w.Record.ID != b.Record.ID:
				t.Errorf("%s: it is opened", swap)
			case w.Err != nil && (usher.KindOf(w.Err) != usher.Internal || w.Record.ID != "" || w.Carry != nil):
				t.Errorf("%s: %v with %v", swap, w.Err, w.Record)
			case w.Err != nil:
				spoilt++
			}
		}
		if spoilt != 1 {
			t.Errorf("%s: %d can't be opened", swap, spoilt)
		}
	}
}

func TestResetIsTakenOnce(t *testing.T) {
	w := storetest.NewWorld(t)
	user := ann(t, w)
	issue := func(name string) ledger.Reset {
		r := ledger.Reset{Hash: storetest.Hash(name), Tenant: "default", Store: usher.PrimaryStore, User: user, Expires: w.Clock.Instant() + 1800*usher.Second}
		commit(t, w, func(tx *ledger.Tx) error { return tx.IssueReset(t.Context(), r) })
		return r
	}
	take := func(tenant, name string) (r ledger.Reset, err error) {
		err = w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
			r, err = tx.TakeReset(t.Context(), tenant, storetest.Hash(name))
			return err
		})
		return r, err
	}
	issue("first")
	second := issue("second")
	for _, no := range [][2]string{{"default", "first"}, {"default", "never"}, {"other", "second"}} {
		_, err := take(no[0], no[1])
		wantKind(t, no[1], err, usher.NotFound)
		_, err = w.Ledger.Reset(t.Context(), no[0], storetest.Hash(no[1]))
		wantKind(t, no[1], err, usher.NotFound)
	}
	for range 2 { // looking does not use it up
		if got := must(w.Ledger.Reset(t.Context(), "default", second.Hash))(t); got != second {
			t.Errorf("got %+v, want %+v", got, second)
		}
	}
	won := 0
	for _, err := range storetest.Together(16, func(int) error {
		got, err := take("default", "second")
		if err == nil && got != second {
			t.Errorf("got %+v, want %+v", got, second)
		}
		return err
	}) {
		if err == nil {
			won++
		} else {
			wantKind(t, "too late", err, usher.NotFound)
		}
	}
	if won != 1 {
		t.Errorf("taken %d times", won)
	}

	issue("third")
	w.Clock.Move(30 * time.Minute)
	_, err := take("default", "third")
	wantKind(t, "expired", err, usher.NotFound)
	issue("fourth")
	w.MustExec(t, `PRAGMA foreign_keys = ON`, `DELETE FROM account`)
	_, err = take("default", "fourth")
	wantKind(t, "of an account that is gone", err, usher.NotFound)
}

func TestFailuresAreCountedAndForgotten(t *testing.T) {
	w := storetest.NewWorld(t)
	ann, bob := ledger.NewKey("password", "default", "PRIMARY", "ann"), ledger.NewKey("password", "default", "PRIMARY", "bob")
	fail := func(k ledger.Key) (n int) {
		t.Helper()
		commit(t, w, func(tx *ledger.Tx) (err error) {
			n, err = tx.CountFailure(t.Context(), k, w.Clock.Instant()+900*usher.Second)
			return err
		})
		return n
	}
	want := func(k ledger.Key, count int, last usher.Instant) {
		t.Helper()
		if n, at, err := w.Ledger.Failures(t.Context(), k); n != count || at != last || err != nil {
			t.Errorf("%d failures, the last at %d, %v; want %d, %d", n, at, err, count, last)
		}
	}
	want(ann, 0, 0)
	for i := range 3 {
		w.Clock.Move(time.Minute)
		if n := fail(ann); n != i+1 {
			t.Errorf("counted %d, want %d", n, i+1)
		}
	}
	fail(bob)
	want(ann, 3, w.Clock.Instant())
	commit(t, w, func(tx *ledger.Tx) error { return tx.Forgive(t.Context(), bob) })
	want(bob, 0, 0)
	w.Clock.Move(15*time.Minute - time.Microsecond)
	want(ann, 3, w.Clock.Instant()-900*usher.Second+1)
	w.Clock.Move(time.Microsecond)
	want(ann, 0, 0)
	if n := fail(ann); n != 1 {
		t.Errorf("after a pause counted %d", n)
	}
	err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
		_, err := tx.CountFailure(t.Context(), ledger.Key{}, 1)
		return err
	})
	wantKind(t, "no key", err, usher.Internal)
}

// Guesses at one moment are all counted.
func TestFailuresAtOnce(t *testing.T) {
	w := storetest.NewWorld(t)
	worlds := []*storetest.World{w, w.Again(t)}
	k := ledger.NewKey("password", "default", "PRIMARY", "ann")
	seen := make([]int, 40)
	for _, err := range storetest.Together(len(seen), func(i int) error {
		return worlds[i%2].Ledger.Commit(t.Context(), func(tx *ledger.Tx) (err error) {
			seen[i], err = tx.CountFailure(t.Context(), k, w.Clock.Instant()+1)
			return err
		})
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	once := map[int]bool{}
	for _, n := range seen {
		once[n] = true
	}
	if len(once) != len(seen) {
		t.Errorf("counted %v", seen)
	}
}
