package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/key"
	"github.com/usher-id/usher/internal/store"
)

var errTODO = errors.New("not yet")

// DB is the open database.
type DB struct{}

// Open opens or makes the database.
func Open(ctx context.Context, path string) (*DB, error) { return nil, errTODO }

// Close drains.
func (db *DB) Close() error { return nil }

// Keys implements key.Keeper.
func (db *DB) Keys(ctx context.Context) ([]key.Stored, error) { return nil, errTODO }

// AddKey implements key.Keeper.
func (db *DB) AddKey(ctx context.Context, k key.Stored) error { return errTODO }

// DropKey implements key.Keeper.
func (db *DB) DropKey(ctx context.Context, id string) error { return errTODO }

// Sealer seals.
type Sealer interface {
	Seal(purpose string, plain, aad []byte) ([]byte, error)
	Open(purpose string, sealed, aad []byte) ([]byte, error)
	MAC(purpose string, parts ...string) []byte
}

// Primary is PRIMARY's driver on any Querier.
type Primary interface {
	On(q store.Querier) store.Driver
}

// Config is what a Ledger needs.
type Config struct {
	Primary Primary
	Sealer  Sealer
	Now     func() time.Time
}

// Ledger is the ledger.
type Ledger struct{}

// New makes a Ledger.
func New(db *DB, c Config) *Ledger { return nil }

// Key names something that can be spent once.
type Key struct{ s string }

// NewKey builds a Key.
func NewKey(kind, tenant, scope, name string) Key { return Key{} }

func (l *Ledger) Commit(ctx context.Context, fn func(*Tx) error) error { return errTODO }
func (l *Ledger) Primary() store.Driver                                { return nil }
func (l *Ledger) Linked(ctx context.Context, tenant, idp, subject string) (Linked, error) {
	return Linked{}, errTODO
}
func (l *Ledger) SeenBy(ctx context.Context, tenant, idp, subject string) ([]string, error) {
	return nil, errTODO
}
func (l *Ledger) Alias(ctx context.Context, tenant, application string, user usher.UserID) (idp, subject string, found bool, err error) {
	return "", "", false, errTODO
}
func (l *Ledger) Account(ctx context.Context, tenant string, user usher.UserID) (usher.Account, error) {
	return usher.Account{}, errTODO
}
func (l *Ledger) Session(ctx context.Context, tenant string, hash [32]byte) (Session, error) {
	return Session{}, errTODO
}
func (l *Ledger) Spent(ctx context.Context, k Key) (bool, error) { return false, errTODO }
func (l *Ledger) Family(ctx context.Context, tenant, id string) (Family, error) {
	return Family{}, errTODO
}
func (l *Ledger) Explain(ctx context.Context, id string) (usher.Record, error) {
	return usher.Record{}, errTODO
}
func (l *Ledger) SavePolicy(ctx context.Context, p usher.Policy) error { return errTODO }
func (l *Ledger) Sweep(ctx context.Context) error                      { return errTODO }
func (l *Ledger) Invariants(ctx context.Context) ([]string, error)     { return nil, errTODO }

// Tx is one member of a commit.
type Tx struct{}

func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return nil, errTODO
}
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return nil, errTODO
}
func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row { return nil }
func (t *Tx) Apply(ctx context.Context, application string, rec usher.Record) error   { return errTODO }
func (t *Tx) Alias(ctx context.Context, tenant, application string, user usher.UserID) (idp, subject string, found bool, err error) {
	return "", "", false, errTODO
}
func (t *Tx) Spend(ctx context.Context, k Key, until usher.Instant) error        { return errTODO }
func (t *Tx) BeginSession(ctx context.Context, s Session) error                  { return errTODO }
func (t *Tx) EndSession(ctx context.Context, tenant string, hash [32]byte) error { return errTODO }
func (t *Tx) EndUser(ctx context.Context, tenant string, user usher.UserID) error {
	return errTODO
}
func (t *Tx) IssueCode(ctx context.Context, c Code) error { return errTODO }
func (t *Tx) RedeemCode(ctx context.Context, tenant string, hash [32]byte) (Code, error) {
	return Code{}, errTODO
}
func (t *Tx) BeginFamily(ctx context.Context, f Family) error { return errTODO }
func (t *Tx) RotateFamily(ctx context.Context, tenant, id string, generation int64) (Family, error) {
	return Family{}, errTODO
}
func (t *Tx) RevokeFamily(ctx context.Context, tenant, id string) error { return errTODO }
func (t *Tx) SetState(ctx context.Context, tenant string, user usher.UserID, s usher.AccountState) error {
	return errTODO
}
