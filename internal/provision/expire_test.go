package provision_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/storetest"
)

// Who is asked and does not come back is recorded as having left, by a record
// that knows nothing of who it was; what can't be read any more is dropped.
func TestP013_AbandonedLeavesNothing(t *testing.T) {
	w := storetest.NewWorld(t)
	on := func(name string) usher.Toggle { return usher.Toggle{Name: name, Enabled: true} }
	policy := usher.Policy{
		Version: "asks", Tenant: on(usher.DefaultTenant), IdP: on("contoso"), Application: usher.Application{Toggle: on("app")},
		Stores:   []usher.StorePolicy{{Toggle: on(usher.PrimaryStore)}},
		Purposes: []usher.Purpose{{Name: "account", Version: 1, Mandatory: true}},
		JIT:      usher.JIT{Enabled: true, Store: usher.StoreChoice{Name: usher.PrimaryStore}, NoMatch: usher.NoMatchCreate, Ask: usher.WayConsent},
	}
	p := provision.New(provision.Config{Ledger: w.Ledger, Now: w.Clock.Now, Log: slog.New(slog.DiscardHandler),
		Policies: func(_, _, _ string) (usher.Policy, provision.Mapper) { return policy, mapper{} }})
	wait := func() string {
		req := request("contoso")
		rec, err := p.SignIn(t.Context(), req, func(ctx context.Context, tx *ledger.Tx, rec usher.Record) error {
			now := w.Clock.Instant()
			return tx.Wait(ctx, ledger.Waiting{Application: "app", Hash: ledger.HashOf(ledger.NewSecret(w.Clock.Now())), Tenant: usher.DefaultTenant,
				Record: rec, Created: now, Expires: now + 600*usher.Second})
		})
		if err != nil || rec.Decision.Verdict != usher.VerdictPrompt {
			t.Fatalf("decided %s, %v", rec.Decision.Verdict, err)
		}
		return rec.ID
	}
	left := wait()
	spoilt := wait()
	w.MustExec(t, "UPDATE waiting SET carry = zeroblob(9) WHERE id = '"+spoilt+"'")
	if err := p.Expire(t.Context()); err != nil || len(w.Dump(t)["waiting"]) != 2 {
		t.Fatalf("too early: %v", err)
	}
	w.Clock.Move(11 * time.Minute)
	if err := p.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"waiting", "account", "link", "receipt", "provenance", "granted", "outbox"} {
		if n := len(w.Dump(t)[table]); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
	rec, err := w.Ledger.Explain(t.Context(), left)
	if err != nil || rec.Decision.Reason != usher.ReasonPromptAbandoned || !rec.Identity.Redacted || len(rec.Identity.Username.Values) > 0 ||
		strings.Contains(rec.Identity.Sub(), "s-1") {
		t.Errorf("decided %s of %v, %v", rec.Decision.Reason, rec.Identity, err)
	}
	if n := len(w.Dump(t)["decision"]); n != 1 {
		t.Errorf("%d decisions", n)
	}
	storetest.CheckInvariants(t, w.Ledger)
}
