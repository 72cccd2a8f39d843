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

// A refusal that anybody can cause is kept for a month; what was decided of
// somebody a provider vouched for stays.
func TestSweepForgetsRefusalsThatAnybodyCanCause(t *testing.T) {
	w := storetest.NewWorld(t)
	foul := storetest.MustApply(t, w.Ledger, storetest.Ann.Foul(w.Clock.Instant()))
	for _, rec := range []usher.Record{storetest.Ann.Denied(w.Clock.Instant()), storetest.Ann.Left(w.Clock.Instant()), storetest.Ann.Passing(w.Clock.Instant())} {
		storetest.MustApply(t, w.Ledger, rec)
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{30 * 24 * time.Hour, 4}, {time.Microsecond, 3}, {10000 * time.Hour, 3}} {
		w.Clock.Move(step.after)
		if err := w.Ledger.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(w.Dump(t)["decision"]); n != step.want {
			t.Errorf("%v later there are %d decisions, want %d", step.after, n, step.want)
		}
	}
	_, err := w.Ledger.Explain(t.Context(), foul.ID)
	wantKind(t, "the refusal", err, usher.NotFound)
	storetest.CheckInvariants(t, w.Ledger)
}

func TestSweepForgetsCodesAndFailures(t *testing.T) {
	w := storetest.NewWorld(t)
	user := ann(t, w)
	commit(t, w, func(tx *ledger.Tx) error {
		if _, err := tx.CountFailure(t.Context(), ledger.NewKey("a", "b", "c", "d"), w.Clock.Instant()+60*usher.Second); err != nil {
			return err
		}
		return tx.IssueReset(t.Context(), ledger.Reset{Hash: storetest.Hash("x"), Tenant: "default", Store: usher.PrimaryStore, User: user,
			Expires: w.Clock.Instant() + 120*usher.Second})
	})
	for _, want := range []string{"1 1", "0 1", "0 0"} {
		if err := w.Ledger.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if dump := w.Dump(t); fmt.Sprint(len(dump["failure"]), len(dump["reset"])) != want {
			t.Errorf("there are %v and %v, want %s", dump["failure"], dump["reset"], want)
		}
		w.Clock.Move(time.Minute + time.Microsecond)
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
		"a username is taken twice":              `DROP INDEX account_canonical; INSERT INTO account SELECT tenant, store, 'x', username, canonical, state, attributes, 0, 0, '', 0 FROM account`,
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
		"a value is held by no account":                                  `UPDATE holds SET user_id = 'nobody'`,
		"an account is found by a value it does not hold":                `UPDATE holds SET folded = 'x@x.test' WHERE attribute = 'email'`,
		"an account is not found by a value it holds":                    `DELETE FROM holds WHERE attribute = 'email'`,
		"a receipt belongs to no account":                                `INSERT INTO receipt SELECT 'r', tenant, store, 'nobody', '', '', '', '', 1, 1, '[]', '', '', decision, 1, 0, 0 FROM session`,
		"a receipt names a decision that never was":                      `INSERT INTO receipt SELECT 'r', tenant, store, user_id, '', '', '', '', 1, 1, '[]', '', '', 'none', 1, 0, 0 FROM session`,
		"two receipts for one purpose count": `DROP INDEX receipt_counts; INSERT INTO receipt SELECT value, tenant, store, user_id, '', '', '', '', 1, 1, '[]', '', '', decision, 1, 0, 0
			FROM session, json_each('["r", "s"]')`,
		"a reset code belongs to no account":                 `INSERT INTO reset VALUES ('default', 'PRIMARY', 'nobody', zeroblob(32), 1)`,
		"a lost link is noted of no account":                 `INSERT INTO parted VALUES ('default', 'PRIMARY', 'nobody')`,
		"a secret is kept after it was told":                 `UPDATE outbox SET delivered = 1, secret = x'00'`,
		"a waiting record can't be opened":                   `INSERT INTO waiting SELECT tenant, hash, 'w', '', 'sha256:0000', x'00', x'00', 1, 1, 1 FROM session`,
		"a session without an account belongs":               `UPDATE session SET user_id = ''`,
		"a token family without an account":                  `UPDATE family SET user_id = '', subject = '` + storetest.Ann.Subject + `'`,
		"a record can't be opened":                           `UPDATE decision SET sealed = x'00'`,
		"a decision's row does not say what its record says": `UPDATE decision SET reason = 'other'`,
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

// A record of somebody who left tells nothing of who it was, and who waits was asked.
func TestInvariantsReadTheRecords(t *testing.T) {
	for name, spoil := range map[string]func(*usher.Record){
		"":         func(*usher.Record) {},
		"username": func(r *usher.Record) { r.Identity.Username.Values = []string{"ann"} },
		"group":    func(r *usher.Record) { r.Identity.Groups.Values = []string{"eng"} },
		"store":    func(r *usher.Record) { r.Identity.Store.Values = []string{"CORP"} },
		"attribute": func(r *usher.Record) {
			r.Identity.Attributes = []usher.Attribute{{Derived: usher.Derived{Values: []string{"x"}}}}
		},
		"account": func(r *usher.Record) { r.Snapshot.Answers = []usher.Answer{{Account: &usher.Account{}}} },
		"link":    func(r *usher.Record) { r.Snapshot.Answers = []usher.Answer{{Link: &usher.Link{}}} },
		"chosen":  func(r *usher.Record) { r.Answers.Username = "ann" },
		"typed":   func(r *usher.Record) { r.Answers.Attributes = []usher.Typed{{Name: "phone", Value: "1"}} },
	} {
		w := storetest.NewWorld(t)
		rec := storetest.Ann.Left(w.Clock.Instant())
		spoil(&rec)
		storetest.MustApply(t, w.Ledger, rec)
		if broken := must(w.Ledger.Invariants(t.Context()))(t); len(broken) > 0 != (name != "") {
			t.Errorf("%s: told %v", name, broken)
		}
	}
	w := storetest.NewWorld(t)
	x := storetest.Ann.Waiting(w.Clock.Instant())
	x.Record.Decision.Verdict = usher.VerdictDeny
	commit(t, w, func(tx *ledger.Tx) error { return tx.Wait(t.Context(), x) })
	if broken := must(w.Ledger.Invariants(t.Context()))(t); len(broken) != 1 {
		t.Errorf("told %v", broken)
	}
}
