package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/sqlite"
	"github.com/usher-id/usher/internal/store"
)

// Sealer encrypts what is kept and makes keyed digests; *key.Ring is one.
type Sealer interface {
	Seal(purpose string, plain, aad []byte) ([]byte, error)
	Open(purpose string, sealed, aad []byte) ([]byte, error)
	MAC(purpose string, parts ...string) []byte
}

// StoreMaker makes a store's driver on a transaction or a pool; sqlstore.Tables is one.
type StoreMaker interface {
	On(q store.Querier) store.Driver
}

// Config is what a Ledger needs.
type Config struct {
	Stores func(name string) (StoreMaker, store.Policy, bool) // the user stores in this database; false: there is none of that name
	Sealer Sealer
	Now    func() time.Time
}

// Ledger keeps and finds the broker's durable facts. It holds no state but the
// database and is safe for concurrent use.
type Ledger struct {
	db  *sqlite.DB
	cfg Config
}

// New makes a Ledger on an open database.
func New(db *DB, c Config) *Ledger { return &Ledger{db.db, c} }

// Commit runs fn in a transaction and returns when what it wrote is on the disk.
// If fn fails or panics, what it did is undone and its error is returned as it
// is. fn must use the ledger only through its Tx and should be quick: everybody
// else waits, see [sqlite.DB.Commit].
func (l *Ledger) Commit(ctx context.Context, fn func(*Tx) error) error {
	return l.db.Commit(ctx, func(tx *sqlite.Tx) error { return fn(&Tx{tx, l}) })
}

// View runs fn on one snapshot of what is committed. It is for the few reads of a
// sign-in, which are cheapest there; like Commit it makes everybody else wait.
// fn can't write.
func (l *Ledger) View(ctx context.Context, fn func(*Tx) error) error {
	return l.db.View(ctx, func(tx *sqlite.Tx) error { return fn(&Tx{tx, l}) })
}

// Driver is the driver of the store of that name: it reads what is committed,
// and each Write is a commit of its own. False if there is no such store in this
// database.
func (l *Ledger) Driver(name string) (store.Driver, bool) {
	maker, _, ok := l.cfg.Stores(name)
	if !ok {
		return nil, false
	}
	return driver{maker.On(l.db.Read()), l, maker}, true
}

// Store is the store of that name by [Ledger.Driver], false if there is none.
func (l *Ledger) Store(name string) (*store.Store, bool) {
	_, policy, ok := l.cfg.Stores(name)
	if !ok {
		return nil, false
	}
	d, _ := l.Driver(name)
	return store.New(name, policy, d), true
}

// driver is a driver that reads by itself and writes through the ledger.
type driver struct {
	store.Driver
	l     *Ledger
	maker StoreMaker
}

// Write implements store.Driver.
func (d driver) Write(ctx context.Context, tenant string, w store.Write) error {
	return d.l.Commit(ctx, func(tx *Tx) error { return d.maker.On(tx).Write(ctx, tenant, w) })
}

// Store is the store of that name in this transaction, behind the same checks as
// everywhere. False if there is no such store in this database.
func (t *Tx) Store(name string) (*store.Store, bool) {
	maker, policy, ok := t.l.cfg.Stores(name)
	if !ok {
		return nil, false
	}
	return store.New(name, policy, maker.On(t)), true
}

func (l *Ledger) now() usher.Instant { return usher.Instant(l.cfg.Now().UnixMicro()) }

// exec runs a statement and gives the number of rows it changed.
func (t *Tx) exec(ctx context.Context, op, query string, args ...any) (int64, error) {
	return exec(ctx, t, op, query, args...)
}

func exec(ctx context.Context, q store.Querier, op, query string, args ...any) (int64, error) {
	r, err := q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, failed(op, err)
	}
	n, err := r.RowsAffected()
	return n, failed(op, err)
}

// failed classifies an error of the database: no row is NotFound, a broken
// constraint is our own mistake, anything else may pass.
func failed(op string, err error) error {
	var known *usher.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return usher.Wrap(op, err)
	case errors.Is(err, sql.ErrNoRows):
		return usher.Fail(usher.NotFound, op, "", err)
	case sqlite.IsConstraint(err):
		return usher.Fail(usher.Internal, op, "", err)
	}
	return usher.Fail(usher.Unavailable, op, "", err)
}

// list writes texts as the JSON a column holds.
func list(texts []string) string {
	if len(texts) == 0 {
		return "[]"
	}
	b, err := json.Marshal(texts)
	if err != nil {
		panic("ledger: texts are JSON: " + err.Error())
	}
	return string(b)
}

// texts reads what list wrote.
type texts struct{ to *[]string }

// Scan implements sql.Scanner.
func (t texts) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return errors.New("ledger: not a list of texts")
	}
	if s == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(s), t.to)
}

// hash reads 32 bytes.
type hash struct{ to *[32]byte }

// Scan implements sql.Scanner.
func (h hash) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(h.to) {
		return errors.New("ledger: not a hash")
	}
	*h.to = [32]byte(b)
	return nil
}
