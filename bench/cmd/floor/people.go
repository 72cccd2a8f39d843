package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	_ "modernc.org/sqlite" // the driver Usher uses
)

// batchSize bounds how many logins share one commit.
const batchSize = 64

var schema = []string{
	`PRAGMA journal_mode=WAL`,
	`PRAGMA synchronous=FULL`, // durable before answered
	`PRAGMA cache_size=-65536`,
	`CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, username TEXT UNIQUE, email TEXT, display TEXT, created INTEGER, last_login INTEGER)`,
	`CREATE TABLE IF NOT EXISTS links (sub TEXT PRIMARY KEY, user_id INTEGER) WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS members (user_id INTEGER, grp INTEGER, PRIMARY KEY (user_id, grp)) WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS audit (id INTEGER PRIMARY KEY, at INTEGER, user_id INTEGER, kind TEXT)`,
}

// people is the store: one writer that commits whatever is queued together.
type people struct {
	db      *sql.DB
	queue   chan job
	find    *sql.Stmt
	addUser *sql.Stmt
	addLink *sql.Stmt
	addMemb *sql.Stmt
	addLine *sql.Stmt
	touch   *sql.Stmt
}

type job struct {
	who  assertion
	done chan outcome
}

type outcome struct {
	user int64
	err  error
}

func openPeople(ctx context.Context, file string) (*people, error) {
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	for _, statement := range schema {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, fmt.Errorf("%s: %w", statement, err)
		}
	}
	p := &people{db: db, queue: make(chan job, 1024)}
	for text, into := range map[string]**sql.Stmt{
		`SELECT u.id, u.email, u.display FROM links l JOIN users u ON u.id = l.user_id WHERE l.sub = ?`: &p.find,
		`INSERT INTO users (username, email, display, created, last_login) VALUES (?, ?, ?, ?, ?)`:      &p.addUser,
		`INSERT INTO links VALUES (?, ?)`:                        &p.addLink,
		`INSERT INTO members VALUES (?, ?)`:                      &p.addMemb,
		`INSERT INTO audit (at, user_id, kind) VALUES (?, ?, ?)`: &p.addLine,
		`UPDATE users SET last_login = ? WHERE id = ?`:           &p.touch,
	} {
		if *into, err = db.PrepareContext(ctx, text); err != nil { //nolint:sqlclosecheck // kept as long as the process
			return nil, fmt.Errorf("%s: %w", text, err)
		}
	}
	go p.write(ctx)
	return p, nil
}

// login finds or makes the person and returns when that is durable.
func (p *people) login(who assertion) (int64, error) {
	j := job{who, make(chan outcome, 1)}
	p.queue <- j
	out := <-j.done
	return out.user, out.err
}

// write is the one writer. It waits for nobody: a batch is what is queued already.
func (p *people) write(ctx context.Context) {
	batch := make([]job, 0, batchSize)
	for first := range p.queue {
		batch = append(batch[:0], first)
		for more := true; more && len(batch) < batchSize; {
			select {
			case j := <-p.queue:
				batch = append(batch, j)
			default:
				more = false
			}
		}
		p.commit(ctx, batch)
	}
}

func (p *people) commit(ctx context.Context, batch []job) {
	out := make([]outcome, len(batch))
	tx, err := p.db.BeginTx(ctx, nil)
	for i := 0; err == nil && i < len(batch); i++ {
		out[i].user, out[i].err = p.apply(ctx, tx, batch[i].who)
	}
	if err == nil {
		err = tx.Commit()
	}
	for i, j := range batch {
		if err != nil {
			out[i].err = err
		}
		j.done <- out[i]
	}
}

// exec runs a prepared statement within tx, whose end closes it.
func exec(ctx context.Context, tx *sql.Tx, s *sql.Stmt, args ...any) (sql.Result, error) {
	return tx.StmtContext(ctx, s).ExecContext(ctx, args...) //nolint:sqlclosecheck // the end of tx does
}

func (p *people) apply(ctx context.Context, tx *sql.Tx, who assertion) (int64, error) {
	now, kind := time.Now().Unix(), "login"
	var user int64
	var email, display string
	found := tx.StmtContext(ctx, p.find) //nolint:sqlclosecheck // the end of tx does
	err := found.QueryRowContext(ctx, who.Sub).Scan(&user, &email, &display)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		kind = "create"
		user, err = p.create(ctx, tx, who, now)
	case err == nil:
		_, err = exec(ctx, tx, p.touch, now, user)
	}
	if err != nil {
		return 0, err
	}
	_, err = exec(ctx, tx, p.addLine, now, user, kind)
	return user, err
}

func (p *people) create(ctx context.Context, tx *sql.Tx, who assertion, now int64) (int64, error) {
	res, err := exec(ctx, tx, p.addUser, who.Username, who.Email, who.Name, now, now)
	if err != nil {
		return 0, err
	}
	user, err := res.LastInsertId()
	if err != nil {
		return 0, err
	}
	if _, err := exec(ctx, tx, p.addLink, who.Sub, user); err != nil {
		return 0, err
	}
	for group := range who.Groups {
		if _, err := exec(ctx, tx, p.addMemb, user, group); err != nil {
			return 0, err
		}
	}
	return user, nil
}
