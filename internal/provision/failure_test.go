package provision_test

import (
	"context"
	"log/slog"
	"testing"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
	sqlstore "github.com/usher-id/usher/internal/store/sql"
	"github.com/usher-id/usher/internal/storetest"
)

// away is a store that does not answer, as one elsewhere may not.
type away struct{}

func (away) On(store.Querier) store.Driver { return away{} }

var errAway = usher.Fail(usher.Unavailable, "away", "", nil)

func (away) Get(context.Context, string, usher.UserID) (store.User, error) {
	return store.User{}, errAway
}

func (away) Named(context.Context, string, []string) (map[string]usher.UserID, error) {
	return nil, errAway
}

func (away) Holders(context.Context, string, string, string, int) ([]usher.UserID, error) {
	return nil, errAway
}

func (away) Password(context.Context, string, usher.UserID) (store.Password, error) {
	return store.Password{}, errAway
}
func (away) Write(context.Context, string, store.Write) error                { return errAway }
func (away) List(context.Context, string, string, int) ([]store.User, error) { return nil, errAway }

// A store that does not answer denies; only where the policy says so are people
// without a link let in, without an account and without groups, and it is told.
func TestP071_StoreThatDoesNotAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		onFailure usher.OnFailure
		needs     bool
		verdict   usher.Verdict
		reason    usher.Reason
	}{
		"deny":                      {usher.FailureDeny, false, usher.VerdictDeny, usher.ReasonSnapshotIncomplete},
		"pass through":              {usher.FailurePassThrough, false, usher.VerdictPassThrough, usher.ReasonPassStoreDown},
		"an account is needed, too": {usher.FailurePassThrough, true, usher.VerdictDeny, usher.ReasonNeedsAccount},
	} {
		t.Run(name, func(t *testing.T) {
			w := storetest.NewWorld(t)
			l := ledger.New(w.DB, ledger.Config{Sealer: w.Ring, Now: w.Clock.Now, Stores: func(name string) (ledger.StoreMaker, store.Policy, bool) {
				if name == "AWAY" {
					return away{}, store.Policy{}, true
				}
				return sqlstore.Tables{Store: name}, store.Policy{}, name == usher.PrimaryStore
			}})
			on := func(name string) usher.Toggle { return usher.Toggle{Name: name, Enabled: true} }
			policy := usher.Policy{
				Version: name, Tenant: on(usher.DefaultTenant), IdP: on("contoso"), Application: usher.Application{Toggle: on("app"), NeedsAccount: c.needs},
				Stores: []usher.StorePolicy{{Toggle: on("AWAY")}},
				JIT: usher.JIT{Enabled: true, Store: usher.StoreChoice{Name: "AWAY"}, NoMatch: usher.NoMatchCreate, OnFailure: c.onFailure,
					Sync: usher.Sync{Groups: usher.GroupsOwn, GroupMap: map[string][]string{"eng": {"platform"}}}},
			}
			p := provision.New(provision.Config{Ledger: l, Now: w.Clock.Now, Log: slog.New(slog.DiscardHandler),
				Policies: func(_, _, _ string) (usher.Policy, provision.Mapper) { return policy, mapper{} }})
			rec, err := p.SignIn(t.Context(), request("contoso"), nothing)
			if err != nil || rec.Decision.Verdict != c.verdict || rec.Decision.Reason != c.reason {
				t.Fatalf("decided %s %s, %v", rec.Decision.Verdict, rec.Decision.Reason, err)
			}
			told := 0
			for _, change := range rec.Decision.Changes {
				switch change.Op {
				case usher.OpTell:
					told++
				case usher.OpSeen:
				default:
					t.Errorf("it does %s", change.Op)
				}
			}
			if want := rec.Decision.Verdict.Admits(); (told == 1) != want {
				t.Errorf("told %d times", told)
			}
			storetest.CheckInvariants(t, l)
		})
	}
}
