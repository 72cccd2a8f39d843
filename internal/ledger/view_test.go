package ledger_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/storetest"
)

// A view reads, and nothing that is tried in it is written, not even by a
// statement that gives rows.
func TestViewCantWrite(t *testing.T) {
	w, s, _ := begun(t)
	before := w.Dump(t)
	for name, try := range map[string]func(tx *ledger.Tx) error{
		"spend": func(tx *ledger.Tx) error { return tx.Spend(t.Context(), ledger.NewKey("a", "b", "c", "d"), 1) },
		"apply": func(tx *ledger.Tx) error { return tx.Apply(t.Context(), storetest.Act(storetest.Numbered(1).First(1))) },
		"end":   func(tx *ledger.Tx) error { return tx.EndSession(t.Context(), s.Tenant, s.Hash) },
		"redeem": func(tx *ledger.Tx) error {
			_, err := tx.RedeemCode(t.Context(), s.Tenant, storetest.Code(s).Hash)
			return err
		},
		"rotate": func(tx *ledger.Tx) error { _, err := tx.RotateFamily(t.Context(), "default", "offline", 0); return err },
		"reset": func(tx *ledger.Tx) error {
			_, err := tx.TakeReset(t.Context(), "default", storetest.Hash("x"))
			return err
		},
		"withdraw": func(tx *ledger.Tx) error { _, err := tx.Withdraw(t.Context(), "default", "x"); return err },
		"count": func(tx *ledger.Tx) error {
			_, err := tx.CountFailure(t.Context(), ledger.NewKey("a", "b", "c", "d"), 1)
			return err
		},
		"delete": func(tx *ledger.Tx) error {
			rows, err := tx.QueryContext(t.Context(), `DELETE FROM link RETURNING idp`)
			if err != nil {
				return err
			}
			defer rows.Close()
			return rows.Err()
		},
	} {
		if err := w.Ledger.View(t.Context(), try); err == nil || usher.KindOf(err) == usher.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if d := cmp.Diff(before, w.Dump(t)); d != "" {
		t.Errorf("written:\n%s", d)
	}
	if err := w.Ledger.View(t.Context(), func(tx *ledger.Tx) error { _, err := tx.Session(t.Context(), s.Tenant, s.Hash); return err }); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
