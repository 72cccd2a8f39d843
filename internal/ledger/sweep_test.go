package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/storetest"
)

// counts is how many rows there are of what can expire.
func counts(t *testing.T, w *storetest.World) string {
	t.Helper()
	dump := w.Dump(t)
	return fmt.Sprint(len(dump["code"]), len(dump["spent"]), len(dump["session"]), len(dump["family"]))
}

func TestSweepRemovesWhatExpiredAndNothingElse(t *testing.T) {
	w, _, _ := begun(t)
	for _, step := range []struct {
		after time.Duration
		want  string // codes, spent keys, sessions, families
	}{
		{0, "1 1 1 2"},
		{9 * time.Minute, "1 1 1 2"},
		{2 * time.Minute, "1 1 1 1"},  // the family that needs its session
		{51 * time.Minute, "0 0 0 1"}, // the session, what was spent for it, the code an hour after it expired
		{29 * 24 * time.Hour, "0 0 0 1"},
		{24 * time.Hour, "0 0 0 0"},
	} {
		w.Clock.Move(step.after)
		if err := w.Ledger.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := counts(t, w); got != step.want {
			t.Errorf("%v later there are %s, want %s", step.after, got, step.want)
		}
		storetest.CheckInvariants(t, w.Ledger)
	}
	if dump := w.Dump(t); len(dump["account"]) != 1 || len(dump["link"]) != 1 || len(dump["decision"]) != 1 {
		t.Error("more was swept than what expires")
	}
}

func TestSweepTakesManyRows(t *testing.T) {
	w := storetest.NewWorld(t)
	commit(t, w, func(tx *ledger.Tx) error {
		for i := range 1234 {
			if err := tx.Spend(t.Context(), ledger.NewKey("k", "", "", fmt.Sprint(i)), w.Clock.Instant()+usher.Instant(i/617)*3600*usher.Second); err != nil {
				return err
			}
		}
		return nil
	})
	w.Clock.Move(time.Minute)
	if err := w.Ledger.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := counts(t, w); got != "0 617 0 0" {
		t.Errorf("left: %s", got)
	}
}

// Each way in which the ledger could be wrong, done behind its back, is told.
func TestInvariantsTellWhatIsBroken(t *testing.T) {
	const forgetUnique = `ALTER TABLE link RENAME TO was; CREATE TABLE link AS SELECT * FROM was; `
	for want, statement := range map[string]string{
		"":                                       `UPDATE link SET last_login = 5`,
		"a link leads to no account":             `UPDATE link SET user_id = 'nobody'`,
		"a link was made by no decision":         `DELETE FROM decision`,
		"a subject has more than one link":       forgetUnique + `INSERT INTO link SELECT * FROM was`,
		"a username is taken twice":              `DROP INDEX account_canonical; INSERT INTO account SELECT tenant, store, 'x', username, canonical, state, attributes, 0, 0 FROM account`,
		"an account made at sign-in has no link": `DELETE FROM link`,
		"a decision that let someone in names an account that never was": `UPDATE decision SET user_id = 'nobody'`,
		"a decision has no policy":                                       `DELETE FROM policy`,
		"a membership belongs to no account":                             `UPDATE membership SET user_id = 'nobody'`,
		"provenance belongs to no account":                               `UPDATE provenance SET user_id = 'nobody'`,
		"provenance names a decision that never was":                     `UPDATE provenance SET decision = 'none'`,
		"a grant belongs to no account":                                  `UPDATE granted SET user_id = 'nobody'`,
		"a grant names a decision that never was":                        `UPDATE granted SET decision = 'none'`,
		"a group is granted to someone who is not in it":                 `UPDATE membership SET name = 'other'`,
		"an alias belongs to no account":                                 `INSERT INTO alias VALUES ('default', 'nobody', 'wiki', 'contoso', '1')`,
		"the outbox tells of a decision that never was":                  `UPDATE outbox SET decision = 'none'`,
		"a session has no decision that let someone in":                  `UPDATE session SET decision = 'none'`,
		"a session belongs to an account that never was":                 `UPDATE session SET user_id = 'nobody'`,
		"a session belongs to an account without its link":               `UPDATE session SET subject = 'other'`,
		"a code belongs to an account that never was":                    `UPDATE code SET user_id = 'nobody'`,
		"a token family belongs to an account that never was":            `UPDATE family SET user_id = 'nobody'`,
		"a record can't be opened":                                       `UPDATE decision SET sealed = x'00'`,
		"a decision's row does not say what its record says":             `UPDATE decision SET reason = 'other'`,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			w, _, _ := begun(t)
			w.MustExec(t, statement)
			broken, err := w.Ledger.Invariants(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all := strings.Join(broken, "\n")
			if want == "" && all != "" || !strings.Contains(all, want) {
				t.Errorf("told:\n%s", all)
			}
			for _, secret := range []string{storetest.Ann.Subject, "@contoso.test"} {
				if strings.Contains(all, secret) {
					t.Errorf("told %q:\n%s", secret, all)
				}
			}
		})
	}
}
