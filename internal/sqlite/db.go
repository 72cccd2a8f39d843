package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"sync"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/usher-id/usher"
)

// readers is how many connections read at once; each may cache readCache of the file.
const readers = 4

// The pragmas of the connections. Negative cache sizes are KiB.
var (
	writePragmas = []string{
		"busy_timeout(5000)", // another process may hold the write lock
		"journal_mode(WAL)",
		"synchronous(FULL)", // a commit is on the disk before anyone is answered
		"foreign_keys(1)",
		"temp_store(MEMORY)",       // what undoes a savepoint is kept in memory, not in a file
		"wal_autocheckpoint(4000)", // 16 MiB: a page that many commits write is copied back once
		"cache_size(-32768)",
		"journal_size_limit(67108864)",
	}
	readPragmas = []string{"busy_timeout(5000)", "query_only(1)", "cache_size(-8192)"}
)

// Querier runs SQL.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// DB is an open database: one connection that writes, a few that read. It is
// safe for concurrent use.
type DB struct {
	write  *sql.DB
	writer *writer
	reads  *sql.DB
	read   *pool

	once   sync.Once
	closed error // what closing came to
}

// Open opens the database file, makes it if it is not there (readable by its
// owner only), and applies the migrations that are missing (goose, in the root of
// the file system given). Other processes may have the same file open.
func Open(ctx context.Context, path string, migrations fs.FS) (_ *DB, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	db := &DB{}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	if db.write, err = sql.Open("sqlite", dsn(path, writePragmas)); err != nil {
		return nil, err
	}
	db.write.SetMaxOpenConns(1)
	if err := migrate(ctx, db.write, migrations); err != nil {
		return nil, err
	}
	if db.writer, err = newWriter(ctx, db.write); err != nil {
		return nil, err
	}
	if db.reads, err = sql.Open("sqlite", dsn(path, readPragmas)); err != nil {
		return nil, err
	}
	db.reads.SetMaxOpenConns(readers)
	db.reads.SetMaxIdleConns(readers)
	db.read = &pool{db: db.reads}
	return db, db.reads.PingContext(ctx)
}

// Read reads what is committed, each query by itself. It can't write.
func (db *DB) Read() Querier { return db.read }

// Commit runs fn in a transaction and returns when what it wrote is on the
// disk. Calls at the same moment share a transaction, each in a savepoint: if
// fn fails or panics, what fn did is undone, nothing else, and its error is
// returned as it is. If the transaction fails as a whole the error is
// Unavailable for all. If ctx ends before fn begins, fn is not run.
//
// fn must use the database only through its Tx, must not call Commit or View,
// and should be quick: everybody else waits.
func (db *DB) Commit(ctx context.Context, fn func(*Tx) error) error {
	return db.writer.commit(ctx, fn)
}

// View runs fn on one snapshot of what is committed, on the connection that
// writes: its cache is never stale, so that a read here is several times cheaper
// than elsewhere after every commit. Like Commit it makes everybody else wait. fn
// can't write.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) error {
	return db.writer.look(ctx, fn)
}

// Close waits for the commits that are queued and closes the database. A Commit
// that comes later is refused as Unavailable. Closing twice is fine.
func (db *DB) Close() error {
	db.once.Do(func() { db.closed = usher.Wrap("sqlite.Close", db.close()) })
	return db.closed
}

func (db *DB) close() error {
	var errs []error
	if db.writer != nil {
		errs = append(errs, db.writer.close())
	}
	if db.read != nil {
		errs = append(errs, db.read.close())
	}
	for _, d := range []*sql.DB{db.reads, db.write} {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	return errors.Join(errs...)
}

func dsn(path string, pragmas []string) string {
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}, "_dqs": {"0"}, "_defensive": {"1"}}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	return u.String()
}

// migrate applies the migrations that are missing. Two processes that start at
// once may get in each other's way; whoever loses finds the work done when it
// looks again.
func migrate(ctx context.Context, db *sql.DB, files fs.FS) error {
	for attempt := 0; ; attempt++ {
		p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
		if err == nil {
			_, err = p.Up(ctx)
		}
		if err == nil || attempt == 5 || ctx.Err() != nil {
			return err
		}
	}
}
