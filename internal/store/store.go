package store

import (
	"context"
	"time"

	"github.com/usher-id/usher"
)

// deadline bounds every call to a driver.
const deadline = 5 * time.Second

// Store is a named user store. It is safe for concurrent use if its driver is.
type Store struct {
	name   string
	policy Policy
	driver Driver
}

// New makes the store of that name on a driver.
func New(name string, p Policy, d Driver) *Store { return &Store{name, p, d} }

// Name is the store's name, as policies write it.
func (s *Store) Name() string { return s.name }

// FitsSlowly reports whether [Store.Fit] may take long, so that nobody should
// wait for it.
func (s *Store) FitsSlowly() bool { return s.policy.Username.Slow() }

// Get is the user of that id, NotFound if there is none.
func (s *Store) Get(ctx context.Context, tenant string, id usher.UserID) (User, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	u, err := s.driver.Get(ctx, tenant, id)
	return u, usher.Wrap("store.Get", err)
}

// Named says which of the canonical names are taken, and by whom.
func (s *Store) Named(ctx context.Context, tenant string, canonical []string) (map[string]usher.UserID, error) {
	const op = "store.Named"
	if err := checkNames(op, "username", canonical, maxNames); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	found, err := s.driver.Named(ctx, tenant, canonical)
	return found, usher.Wrap(op, err)
}

// Write changes one user. What is not well-formed is Invalid before the driver
// is asked.
func (s *Store) Write(ctx context.Context, tenant string, w Write) error {
	const op = "store.Write"
	if err := s.check(op, w); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	return usher.Wrap(op, s.driver.Write(ctx, tenant, w))
}

// List is up to limit users (at most 1000) in the order of their ids, beginning
// after the id named; "" begins at the first.
func (s *Store) List(ctx context.Context, tenant, after string, limit int) ([]User, error) {
	const op = "store.List"
	if limit < 1 || limit > maxPage {
		return nil, usher.Fail(usher.Invalid, op, "A page has 1 to 1000 users.", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	users, err := s.driver.List(ctx, tenant, after, limit)
	return users, usher.Wrap(op, err)
}

// Holders is up to limit users (at most 1000) that hold a value of the attribute whose
// [usher.Fold] is folded.
func (s *Store) Holders(ctx context.Context, tenant, attribute, folded string, limit int) ([]usher.UserID, error) {
	const op = "store.Holders"
	if err := checkNames(op, "attribute", []string{attribute}, 1); err != nil {
		return nil, err
	}
	if limit < 1 || limit > maxPage {
		return nil, usher.Fail(usher.Invalid, op, "A page has 1 to 1000 users.", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	ids, err := s.driver.Holders(ctx, tenant, attribute, folded, limit)
	return ids, usher.Wrap(op, err)
}

// Password is what the store keeps of a user's password: zero if there is none,
// NotFound without a user.
func (s *Store) Password(ctx context.Context, tenant string, id usher.UserID) (Password, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	p, err := s.driver.Password(ctx, tenant, id)
	return p, usher.Wrap("store.Password", err)
}
