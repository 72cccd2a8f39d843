package ledger_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/storetest"
)

func tell(t *testing.T, w *storetest.World, e ledger.Event) {
	t.Helper()
	commit(t, w, func(tx *ledger.Tx) error { return tx.Tell(t.Context(), e) })
}

func names(events []ledger.Event) (out []string) {
	for _, e := range events {
		out = append(out, e.Name)
	}
	return out
}

func TestEventsAreToldInTheirOrder(t *testing.T) {
	w := storetest.NewWorld(t)
	rec := storetest.MustApply(t, w.Ledger, storetest.Ann.First(w.Clock.Instant()))
	reset := ledger.Event{Tenant: "default", Name: "password.reset", Store: usher.PrimaryStore, User: rec.Decision.User,
		Body: []byte(`{"actor":"ann"}`), Secret: []byte("a link that opens an account"), Created: w.Clock.Instant()}
	tell(t, w, reset)
	events := must(w.Ledger.Undelivered(t.Context(), 9))(t)
	if d := cmp.Diff([]string{"user.created", "password.reset"}, names(events)); d != "" {
		t.Fatal(d)
	}
	if events[0].Decision != rec.ID || events[0].User != rec.Decision.User || len(events[0].Body) == 0 || events[0].Secret != nil {
		t.Errorf("the first is %+v", events[0])
	}
	reset.ID = events[1].ID
	if d := cmp.Diff(reset, events[1]); d != "" {
		t.Errorf("the second (-want +got):\n%s", d)
	}
	if one := must(w.Ledger.Undelivered(t.Context(), 1))(t); len(one) != 1 || one[0].ID != events[0].ID {
		t.Errorf("one: %+v", one)
	}

	commit(t, w, func(tx *ledger.Tx) error {
		return tx.Postpone(t.Context(), events[0].ID, w.Clock.Instant()+60*usher.Second)
	})
	if got := names(must(w.Ledger.Undelivered(t.Context(), 9))(t)); !cmp.Equal(got, []string{"password.reset"}) {
		t.Errorf("with the first postponed: %v", got)
	}
	commit(t, w, func(tx *ledger.Tx) error { return tx.Delivered(t.Context(), reset.ID) })
	w.Clock.Move(time.Minute)
	if got := must(w.Ledger.Undelivered(t.Context(), 9))(t); len(got) != 1 || got[0].Tries != 1 || got[0].Name != "user.created" {
		t.Errorf("a minute later: %+v", got)
	}
	for what, again := range map[string]func(*ledger.Tx) error{
		"delivered again":    func(tx *ledger.Tx) error { return tx.Delivered(t.Context(), reset.ID) },
		"postponed too late": func(tx *ledger.Tx) error { return tx.Postpone(t.Context(), reset.ID, 1) },
		"never there":        func(tx *ledger.Tx) error { return tx.Delivered(t.Context(), 99) },
	} {
		wantKind(t, what, w.Ledger.Commit(t.Context(), again), usher.NotFound)
	}
	storetest.CheckInvariants(t, w.Ledger)

	w.Clock.Move(30*24*time.Hour + time.Microsecond)
	if err := w.Ledger.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(w.Dump(t)["outbox"]); n != 1 {
		t.Errorf("%d are kept, want the one that was not told", n)
	}
}

// The secret of an event can't be read from the file, before or after it was
// told, nor be told to anybody else.
func TestSecretOfAnEventIsForOnePerson(t *testing.T) {
	w := storetest.NewWorld(t)
	const secret = "a link that opens an account"
	tell(t, w, ledger.Event{Tenant: "default", Name: "password.reset", Store: usher.PrimaryStore, User: "u1", Body: []byte("{}"), Secret: []byte(secret)})
	for range 2 {
		w.MustExec(t, `PRAGMA wal_checkpoint(TRUNCATE)`)
		if bytes.Contains(must(os.ReadFile(w.Path))(t), []byte(secret)) {
			t.Error("it is in the file")
		}
		w.MustExec(t, `UPDATE outbox SET user_id = 'u2'`)
		if all := must(w.Ledger.Undelivered(t.Context(), 9))(t); len(all) != 1 || all[0].Secret != nil {
			t.Errorf("told to somebody else: %v", all)
		}
		w.MustExec(t, `UPDATE outbox SET user_id = 'u1'`)
	}
	commit(t, w, func(tx *ledger.Tx) error { return tx.Delivered(t.Context(), 1) })
	if row := w.Dump(t)["outbox"]; len(row) != 1 || !strings.HasSuffix(row[0], "NULL") {
		t.Errorf("the secret is kept: %v", row)
	}
}
