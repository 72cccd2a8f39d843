package store

import (
	"context"
	"database/sql"

	"github.com/usher-id/usher"
)

// Querier runs SQL; *sql.DB, *sql.Conn, *sql.Tx and the ledger's transaction
// are all one. A driver for an SQL store is made on one, so that the same code
// reads on a pool and writes in someone else's transaction.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Attribute is one attribute of a user as the store keeps it.
type Attribute struct {
	Name     string   `json:"name"`
	Values   []string `json:"values"`
	Verified bool     `json:"verified,omitempty"`
}

// User is an account as its store keeps it.
type User struct {
	ID         usher.UserID
	Username   string // as it was given
	Canonical  string // as it is compared, see [Store.Fit]
	State      usher.AccountState
	Attributes []Attribute // sorted by name
	Groups     []string    // sorted
	Created    usher.Instant
	Updated    usher.Instant
}

// Write is a set of changes to one user, done wholly or not at all.
type Write struct {
	User   usher.UserID
	Create *NewUser           // nil: the user must be there
	Set    []Attribute        // replaces the attribute of that name
	Clear  []string           // attributes to remove; removing what is not there is fine
	Join   []string           // groups to join; joining twice is fine
	Leave  []string           // groups to leave; leaving what one is not in is fine
	State  usher.AccountState // "" leaves it as it is; a new user is active
	At     usher.Instant

	Password *Password // nil leaves it; one with an empty Hash drops it
}

// Password is what a store keeps of a password.
type Password struct {
	Hash   string // PHC text
	Proven bool   // set by the person, once they had proved who they are
}

// NewUser is what a user is made from.
type NewUser struct {
	Username  string
	Canonical string
}

// Driver is one kind of store. A driver keeps these promises, which the kit in
// package storetest checks:
//
//   - Get of a user that is not there is NotFound; a store that can't be asked
//     is never NotFound. "None" and "not known" are different answers.
//
//   - Names are compared byte by byte, by equality and nothing else: no
//     wildcard, no trimming, no folding. The canonical form is the caller's.
//
//   - Two users of one tenant never have one canonical name. A Write that would
//     make them so is Conflict, also against a writer at the same moment.
//     (A directory can't promise this; its driver says so.)
//
//   - A Write is wholly done or not at all. Without Create it is NotFound if
//     the user is not there; with Create it is Conflict if the user is.
//
//   - Tenants never see each other.
//
//   - List is ordered by id and gives users with ids after the one named, so
//     pages stay stable while users come and go.
//
//   - Holders gives up to limit users that hold a value of the attribute whose
//     [usher.Fold] is folded.
//
//   - Password is zero for a user without one, and NotFound without a user.
//
// Values come back exactly as they were written.
type Driver interface {
	Get(ctx context.Context, tenant string, id usher.UserID) (User, error)
	Named(ctx context.Context, tenant string, canonical []string) (map[string]usher.UserID, error)
	Holders(ctx context.Context, tenant, attribute, folded string, limit int) ([]usher.UserID, error)
	Password(ctx context.Context, tenant string, id usher.UserID) (Password, error)
	Write(ctx context.Context, tenant string, w Write) error
	List(ctx context.Context, tenant, after string, limit int) ([]User, error)
}
