package ledger_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/storetest"
)

// scenes are decisions that between them write to every table that Apply and
// what follows it can write to.
var scenes = map[string]struct {
	before func(*testing.T, *storetest.World) usher.UserID
	record func(usher.Instant, usher.UserID) usher.Record
	writes []string // the statements that must have been failed, as "VERB table"
}{
	"first": {
		nobody,
		func(at usher.Instant, _ usher.UserID) usher.Record { return storetest.Ann.First(at) },
		[]string{"INSERT account", "INSERT code", "INSERT decision", "INSERT family", "INSERT granted", "INSERT holds", "INSERT link",
			"INSERT membership", "INSERT outbox", "INSERT provenance", "INSERT session", "INSERT spent"},
	},
	"returning": {
		ann, storetest.Ann.Returning,
		[]string{"INSERT code", "INSERT decision", "INSERT family", "INSERT session", "INSERT spent", "UPDATE link"},
	},
	"synced": {
		ann, storetest.Ann.Synced,
		[]string{"DELETE granted", "DELETE holds", "DELETE membership", "DELETE provenance", "INSERT code", "INSERT decision", "INSERT family",
			"INSERT granted", "INSERT holds", "INSERT membership", "INSERT outbox", "INSERT provenance", "INSERT session", "INSERT spent",
			"UPDATE account", "UPDATE link", "UPDATE provenance"},
	},
	"vanished": {
		func(t *testing.T, w *storetest.World) usher.UserID {
			id := ann(t, w)
			w.MustExec(t, `DELETE FROM membership`, `DELETE FROM account`)
			return id
		},
		storetest.Ann.Anew,
		[]string{"DELETE link", "INSERT account", "INSERT alias", "INSERT code", "INSERT decision", "INSERT family", "INSERT granted", "INSERT holds",
			"INSERT link", "INSERT membership", "INSERT outbox", "INSERT provenance", "INSERT session", "INSERT spent"},
	},
	"passing": {
		nobody,
		func(at usher.Instant, _ usher.UserID) usher.Record { return storetest.Ann.Passing(at) },
		[]string{"INSERT code", "INSERT decision", "INSERT family", "INSERT seen", "INSERT session", "INSERT spent"},
	},
	"asked": {
		passer,
		func(at usher.Instant, _ usher.UserID) usher.Record { return storetest.Ann.Asked(at) },
		[]string{"DELETE session", "INSERT account", "INSERT code", "INSERT decision", "INSERT family", "INSERT granted", "INSERT holds",
			"INSERT link", "INSERT membership", "INSERT outbox", "INSERT provenance", "INSERT receipt", "INSERT session", "INSERT spent",
			"UPDATE family"},
	},
	"asked again": {
		func(t *testing.T, w *storetest.World) usher.UserID {
			return storetest.MustApply(t, w.Ledger, storetest.Ann.Asked(w.Clock.Instant())).Decision.User
		},
		func(at usher.Instant, user usher.UserID) usher.Record {
			rec := storetest.Ann.Returning(at, user)
			rec.Decision.Changes = append(rec.Decision.Changes, usher.Change{Op: usher.OpConsent, Consent: &usher.Consent{Purpose: "account", Version: 2}})
			return rec
		},
		[]string{"INSERT code", "INSERT decision", "INSERT family", "INSERT receipt", "INSERT session", "INSERT spent",
			"UPDATE link", "UPDATE receipt"},
	},
	"linking": {
		func(t *testing.T, w *storetest.World) usher.UserID {
			first := storetest.MustApply(t, w.Ledger, storetest.Numbered(1).Asked(w.Clock.Instant()))
			s := storetest.MustBegin(t, w, first)
			commit(t, w, func(tx *ledger.Tx) error { return tx.BeginFamily(t.Context(), offline(s)) })
			return first.Decision.User
		},
		func(at usher.Instant, user usher.UserID) usher.Record {
			return storetest.Ann.Linking(at, user, "USER1@contoso.test")
		},
		[]string{"DELETE session", "INSERT code", "INSERT decision", "INSERT family", "INSERT link", "INSERT outbox", "INSERT session",
			"INSERT spent", "UPDATE account", "UPDATE family"},
	},
	"denied": {
		nobody,
		func(at usher.Instant, _ usher.UserID) usher.Record { return storetest.Ann.Denied(at) },
		[]string{"INSERT decision"},
	},
}

func nobody(*testing.T, *storetest.World) usher.UserID { return "" }

func ann(t *testing.T, w *storetest.World) usher.UserID {
	return storetest.MustApply(t, w.Ledger, storetest.Ann.First(w.Clock.Instant())).Decision.User
}

// passer is Ann with a session without an account, and tokens that outlive it.
func passer(t *testing.T, w *storetest.World) usher.UserID {
	s := storetest.MustBegin(t, w, storetest.MustApply(t, w.Ledger, storetest.Ann.Passing(w.Clock.Instant())))
	commit(t, w, func(tx *ledger.Tx) error { return tx.BeginFamily(t.Context(), offline(s)) })
	return ""
}

func run(t *testing.T, w *storetest.World, rec usher.Record) error {
	return w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error { return signIn(t, tx, rec) })
}

// signIn is all that is done in the commit of a sign-in.
func signIn(t *testing.T, tx *ledger.Tx, rec usher.Record) error {
	if err := tx.Apply(t.Context(), storetest.Act(rec)); err != nil || !rec.Decision.Verdict.Admits() {
		return err
	}
	return storetest.Begin(t.Context(), tx, rec)
}

// TestF009_EachFailingStatementUndoesAll has every statement of a sign-in's
// commit fail in turn. Nothing may be left of it, and once the fault is gone the
// same sign-in works.
func TestF009_EachFailingStatementUndoesAll(t *testing.T) {
	for name, scene := range scenes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := storetest.NewWorld(t)
			user := scene.before(t, w)
			rec := scene.record(w.Clock.Instant(), user)
			before := w.Dump(t)
			var failed []string
			for _, table := range slices.Sorted(maps.Keys(before)) {
				for _, verb := range []string{"INSERT", "UPDATE", "DELETE"} {
					if strings.HasPrefix(table, "goose") || strings.HasPrefix(table, "sqlite") {
						continue
					}
					w.MustExec(t, `CREATE TRIGGER fault BEFORE `+verb+` ON `+table+` BEGIN SELECT RAISE(ABORT, 'fault'); END`)
					err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
						if err := signIn(t, tx, rec); err != nil {
							return err
						}
						return errNotReached
					})
					w.MustExec(t, `DROP TRIGGER fault`)
					if errors.Is(err, errNotReached) {
						continue
					}
					failed = append(failed, verb+" "+table)
					if moved := (*ledger.Moved)(nil); errors.As(err, &moved) || !strings.Contains(err.Error(), "fault") {
						t.Errorf("%s %s: got %v", verb, table, err)
					}
					if d := cmp.Diff(before, w.Dump(t)); d != "" {
						t.Fatalf("%s %s left behind:\n%s", verb, table, d)
					}
				}
			}
			slices.Sort(failed)
			if d := cmp.Diff(scene.writes, failed); d != "" {
				t.Errorf("statements that failed (-want +got):\n%s", d)
			}
			if err := run(t, w, rec); err != nil {
				t.Errorf("again: %v", err)
			}
			storetest.CheckInvariants(t, w.Ledger)
		})
	}
}

var errNotReached = errors.New("the faulty statement was not reached")
