package ledger

import (
	"context"
	"embed"
	"io/fs"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// DB is the open database. It is safe for concurrent use. It keeps sealed keys
// itself (key.Keeper); for everything else make a [Ledger] on it.
type DB struct{ db *sqlite.DB }

// Open opens the database file, makes it if it is not there (readable by its
// owner only), and brings its schema up to date. Other processes may have the
// same file open.
func Open(ctx context.Context, path string) (*DB, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err == nil {
		var db *sqlite.DB
		if db, err = sqlite.Open(ctx, path, files); err == nil {
			return &DB{db}, nil
		}
	}
	return nil, usher.Fail(usher.Invalid, "ledger.Open", "the database "+path+" can't be opened; check that its folder (data in the Server document) is there and can be written, and that the file is Usher's, or restore it from your backup", err)
}

// Close waits for the commits that are queued and closes the database. A Commit
// that comes later is refused as Unavailable. Closing twice is fine.
func (db *DB) Close() error { return usher.Wrap("ledger.Close", db.db.Close()) }

// Tx is one caller's part of a commit. It is good until the function it was
// given to returns, and for that goroutine only. It is a store.Querier.
type Tx struct {
	*sqlite.Tx
	l *Ledger
}
