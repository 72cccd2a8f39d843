package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// stmts are the prepared statements of one connection, by their text.
type stmts struct {
	conn   *sql.Conn
	byText map[string]*sql.Stmt
}

func (s *stmts) get(text string) (*sql.Stmt, error) {
	if p, ok := s.byText[text]; ok {
		return p, nil
	}
	p, err := s.conn.PrepareContext(context.Background(), text)
	if err == nil {
		s.byText[text] = p
	}
	return p, err
}

func (s *stmts) close() error {
	errs := make([]error, 0, len(s.byText))
	for _, p := range s.byText {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

// pool reads, with prepared statements. Texts must be constants, for they are kept.
type pool struct {
	db     *sql.DB
	byText sync.Map // string -> *sql.Stmt
}

// ExecContext implements Querier; on these connections it can't write.
func (p *pool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := p.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

// QueryContext implements Querier.
func (p *pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := p.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// QueryRowContext implements Querier.
func (p *pool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := p.get(ctx, query)
	if err != nil {
		return p.db.QueryRowContext(ctx, query, args...) // fails the same way
	}
	return s.QueryRowContext(ctx, args...)
}

func (p *pool) get(ctx context.Context, text string) (*sql.Stmt, error) {
	if s, ok := p.byText.Load(text); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := p.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	kept, lost := p.byText.LoadOrStore(text, s)
	if lost {
		return kept.(*sql.Stmt), s.Close()
	}
	return s, nil
}

func (p *pool) close() error {
	var errs []error
	p.byText.Range(func(_, s any) bool {
		errs = append(errs, s.(*sql.Stmt).Close())
		return true
	})
	return errors.Join(errs...)
}
