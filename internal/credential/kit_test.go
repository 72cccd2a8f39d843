package credential_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/credential"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/password"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/storetest"
)

const (
	tenant = usher.DefaultTenant
	right  = "correct horse"
	here   = "203.0.113.7"
)

// counting is a Hasher that counts what it computes.
type counting struct {
	*password.Hasher
	done atomic.Int64
	fail error // of everything it is asked
}

func (c *counting) Verify(ctx context.Context, phc, plain string) (bool, error) {
	if c.fail != nil {
		return false, c.fail
	}
	ok, err := c.Hasher.Verify(ctx, phc, plain)
	if usher.KindOf(err) != usher.Invalid {
		c.done.Add(1)
	}
	return ok, err
}

func (c *counting) Pretend(ctx context.Context, plain string) error {
	if c.fail != nil {
		return c.fail
	}
	c.done.Add(1)
	return c.Hasher.Pretend(ctx, plain)
}

// watched is a ledger that counts commits, and can be made to fail.
type watched struct {
	*ledger.Ledger
	commits atomic.Int64
	before  func() // runs before a commit
	fail    error
}

func (w *watched) Commit(ctx context.Context, fn func(*ledger.Tx) error) error {
	if w.before != nil {
		w.before()
	}
	if w.fail != nil {
		return w.fail
	}
	w.commits.Add(1)
	return w.Ledger.Commit(ctx, fn)
}

// world is a Keeper on a ledger with accounts.
type world struct {
	*storetest.World
	*credential.Keeper
	hasher *counting
	ledger *watched
	ids    map[string]usher.UserID
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{World: storetest.NewWorld(t), ids: map[string]usher.UserID{}}
	w.hasher = &counting{Hasher: password.New(password.Config{Memory: 64, Passes: 1, Waiting: 1000})}
	w.ledger = &watched{Ledger: w.Ledger}
	w.Keeper = w.keeper()
	return w
}

// keeper is another Keeper on the same ledger, as after a restart.
func (w *world) keeper() *credential.Keeper {
	return credential.New(credential.Config{
		Ledger: w.ledger, Hasher: w.hasher, Default: usher.PrimaryStore,
		Stores: func(string) []string { return []string{usher.PrimaryStore, storetest.Corp} },
		Policy: func(name string) (store.Policy, bool) { p, ok := w.Stores[name]; return p, ok },
		Now:    w.Clock.Now,
	})
}

// account makes an account; plain is its password, "" if it has none.
func (w *world) account(t testing.TB, in, name, plain string, attributes ...store.Attribute) usher.AccountRef {
	t.Helper()
	id := usher.UserID(storetest.NewID())
	write := store.Write{User: id, Create: &store.NewUser{Username: name, Canonical: name}, Set: attributes, At: w.Clock.Instant()}
	if plain != "" {
		phc, err := w.Hash(t.Context(), plain)
		if err != nil {
			t.Fatal(err)
		}
		write.Password = &store.Password{Hash: phc, Proven: true}
	}
	w.write(t, in, write)
	return usher.AccountRef{Store: in, User: id}
}

func (w *world) write(t testing.TB, in string, change store.Write) {
	t.Helper()
	if err := w.Driver(t, in).Write(t.Context(), tenant, change); err != nil {
		t.Fatal(err)
	}
}

func (w *world) state(t testing.TB, ref usher.AccountRef, state usher.AccountState) {
	t.Helper()
	w.write(t, ref.Store, store.Write{User: ref.User, State: state, At: w.Clock.Instant()})
}

func (w *world) held(t testing.TB, ref usher.AccountRef) store.Password {
	t.Helper()
	p, err := w.Driver(t, ref.Store).Password(t.Context(), tenant, ref.User)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// try signs in and tells the reason, "" if it is right.
func (w *world) try(t testing.TB, name, plain string) usher.Reason {
	t.Helper()
	ref, reason, err := w.SignIn(t.Context(), tenant, name, plain, here)
	if err != nil || (reason == "") != (ref != usher.AccountRef{}) {
		t.Fatalf("%q: %v, %q, %v", name, ref, reason, err)
	}
	return reason
}

// tries signs in with each of these reasons in turn.
func (w *world) tries(t testing.TB, name, plain string, want ...usher.Reason) {
	t.Helper()
	for i := range want {
		if got := w.try(t, name, plain); got != want[i] {
			t.Errorf("%q, attempt %d: %q, want %q", name, i+1, got, want[i])
		}
	}
}

func times(n int, r usher.Reason) []usher.Reason { return slices.Repeat([]usher.Reason{r}, n) }

var failsFive = times(5, usher.ReasonLocalRefused)

func email(address string, verified bool) store.Attribute {
	return store.Attribute{Name: usher.AttributeEmail, Values: []string{address}, Verified: verified}
}
