package provision_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/storetest"
)

// mapper admits everybody under one name.
type mapper struct{}

func (mapper) Map(a usher.Assertion) usher.Identity {
	return usher.Identity{
		Tenant: a.Tenant, IdP: a.IdP, Issuer: a.Issuer, Subject: a.Subject,
		Admission: usher.Admission{Admitted: true},
		Username:  usher.Derived{Presence: usher.PresenceSet, Values: []string{"ann"}},
		Groups:    usher.Derived{Presence: usher.PresenceAbsent},
	}
}

// path is a path on a ledger of its own, under a policy that makes accounts.
func path(w *storetest.World) *provision.Path {
	on := func(name string) usher.Toggle { return usher.Toggle{Name: name, Enabled: true} }
	policy := usher.Policy{
		Version: "v1", Tenant: on(usher.DefaultTenant), IdP: on("contoso"), Application: usher.Application{Toggle: on("app")},
		Stores: []usher.StorePolicy{{Toggle: on(usher.PrimaryStore)}},
		JIT:    usher.JIT{Enabled: true, Store: usher.StoreChoice{Name: usher.PrimaryStore}, NoMatch: usher.NoMatchCreate, UsernameConflict: usher.ConflictDeny},
	}
	return provision.New(provision.Config{
		Ledger: w.Ledger, Now: w.Clock.Now, Log: slog.New(slog.DiscardHandler),
		Policies: func(_, idp, _ string) (usher.Policy, provision.Mapper) {
			if idp != "contoso" {
				return usher.Policy{Version: "none"}, nil
			}
			return policy, mapper{}
		},
	})
}

func request(idp string) provision.Request {
	return provision.Request{
		Assertion:   usher.Assertion{Tenant: usher.DefaultTenant, IdP: idp, Subject: usher.StringValue("s-1")},
		Application: "app", Correlation: storetest.NewID(),
	}
}

func nothing(context.Context, *ledger.Tx, usher.Record) error { return nil }

// A fact that can't be read is not known, which denies; it is never taken for
// "there is none".
func TestF014_UnreadFactsDeny(t *testing.T) {
	for _, table := range []string{"link", "seen"} {
		t.Run(table, func(t *testing.T) {
			w := storetest.NewWorld(t)
			w.MustExec(t, "ALTER TABLE "+table+" RENAME TO away")
			rec, err := path(w).SignIn(t.Context(), request("contoso"), nothing)
			if err != nil || rec.Decision.Reason != usher.ReasonSnapshotIncomplete || rec.Decision.Verdict != usher.VerdictDeny {
				t.Errorf("decided %s %s, %v", rec.Decision.Verdict, rec.Decision.Reason, err)
			}
			w.MustExec(t, "ALTER TABLE away RENAME TO "+table)
			storetest.CheckInvariants(t, w.Ledger)
		})
	}
}

// A provider that nobody knows has no rules and a policy that denies.
func TestUnknownProviderIsDenied(t *testing.T) {
	w := storetest.NewWorld(t)
	rec, err := path(w).SignIn(t.Context(), request("evil"), nothing)
	if err != nil || rec.Decision.Verdict.Admits() {
		t.Errorf("decided %s, %v", rec.Decision.Verdict, err)
	}
}

// What is done in the decision's commit undoes it when it fails, and the next
// attempt begins from nothing.
func TestAlsoUndoesTheDecision(t *testing.T) {
	w := storetest.NewWorld(t)
	p, broken := path(w), errors.New("broken")
	if _, err := p.SignIn(t.Context(), request("contoso"), func(context.Context, *ledger.Tx, usher.Record) error { return broken }); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	rec, err := p.SignIn(t.Context(), request("contoso"), nothing)
	if err != nil || rec.Decision.Reason != usher.ReasonCreated {
		t.Errorf("decided %s, %v", rec.Decision.Reason, err)
	}
	storetest.CheckInvariants(t, w.Ledger)
}

// Ground that never stops moving ends in a clear answer, after as many attempts
// as racing for one name under the suffix policy can need.
func TestGroundThatKeepsMoving(t *testing.T) {
	w := storetest.NewWorld(t)
	attempts := 0
	_, err := path(w).SignIn(t.Context(), request("contoso"), func(context.Context, *ledger.Tx, usher.Record) error {
		attempts++
		return usher.Fail(usher.Conflict, "test", "", &ledger.Moved{})
	})
	if usher.KindOf(err) != usher.Unavailable || usher.Shown(err) == "" || attempts < 11 {
		t.Errorf("after %d attempts: %v", attempts, err)
	}
	storetest.CheckInvariants(t, w.Ledger)
}
