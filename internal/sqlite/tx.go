package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/usher-id/usher"
)

// Tx is one caller's part of a commit. It is good until the function it was
// given to returns, and for that goroutine only. It runs SQL with prepared
// statements; texts must be constants, for they are kept.
//
// A context that ends stops the next statement, never one that runs: SQLite
// would roll back everybody's work with it.
type Tx struct {
	stmts *stmts
	view  bool  // only reads
	err   error // why no further statement is run
}

var (
	errOver = errors.New("sqlite: a transaction was used after its end")
	errView = errors.New("sqlite: a view can't write")
)

// run calls fn. A statement that failed by more than a constraint fails the
// whole, even if fn goes on: SQLite may have rolled back behind its back.
func (t *Tx) run(fn func(*Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
		if err == nil && t.err != nil {
			err = usher.Fail(usher.Unavailable, "sqlite.Commit", "", t.err)
		}
		t.err = errOver
	}()
	return fn(t)
}

// ExecContext implements Querier.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := t.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.ExecContext(context.Background(), args...) // see Tx
	return r, t.note(err)
}

// QueryContext implements Querier. The rows must be closed before fn returns.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := t.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.QueryContext(context.Background(), args...) // see Tx
	return r, t.note(err)
}

// QueryRowContext implements Querier.
func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := t.prepare(ctx, query)
	if err != nil { // an ended context is the one way to make a Row that fails
		ended, cancel := context.WithCancel(ctx)
		cancel()
		return t.stmts.conn.QueryRowContext(ended, query)
	}
	r := s.QueryRowContext(context.Background(), args...) // see Tx
	_ = t.note(r.Err())                                   // the caller has it from Scan
	return r
}

func (t *Tx) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if t.err != nil {
		return nil, t.err
	}
	if t.view && !strings.HasPrefix(query, "SELECT ") { // an UPDATE may return rows too
		return nil, errView
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := t.stmts.get(query)
	return s, t.note(err)
}

// note keeps an error after which the transaction may be gone.
func (t *Tx) note(err error) error {
	if err != nil && t.err == nil && !IsConstraint(err) {
		t.err = err
	}
	return err
}

// IsConstraint reports whether a statement failed by a constraint (or a trigger's
// RAISE), which undoes that statement and nothing else.
func IsConstraint(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_CONSTRAINT
}
