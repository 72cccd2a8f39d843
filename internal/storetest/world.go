package storetest

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/key"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/store"
	sqlstore "github.com/usher-id/usher/internal/store/sql"
)

// Began is when the clock of every World starts.
var Began = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// Clock is a clock that stands still until it is moved. It is safe for
// concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock is a clock that stands at Began.
func NewClock() *Clock { return &Clock{now: Began} }

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Instant is the time as the nouns carry it.
func (c *Clock) Instant() usher.Instant { return usher.Instant(c.Now().UnixMicro()) }

// Move moves the clock by d.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Corp is the second store of every World.
const Corp = "CORP"

// World is a ledger on a database in a folder of the test's own, with its keys,
// its clock and two stores.
type World struct {
	Path   string // of the database file
	DB     *ledger.DB
	Ring   *key.Ring
	Clock  *Clock
	Ledger *ledger.Ledger
	Stores map[string]store.Policy // those in the database; for a test to change before it begins

	raw    *sql.DB           // the same file, past the ledger
	tables map[string]string // how to dump each
}

// NewWorld makes a World that holds nothing but Policy; it is closed when the
// test ends.
func NewWorld(t testing.TB) *World {
	t.Helper()
	w := &World{
		Path: filepath.Join(t.TempDir(), "usher.db"), Clock: NewClock(),
		Stores: map[string]store.Policy{usher.PrimaryStore: {}, Corp: {}},
	}
	empty, err := template()
	if err == nil {
		err = os.WriteFile(w.Path, empty, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.open(t)
	if err := w.Ledger.SavePolicy(context.WithoutCancel(t.Context()), Policy); err != nil {
		t.Fatal(err)
	}
	return w
}

// template is the file of an empty database. Every World begins with a copy,
// because making the schema anew takes longer than most tests.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "storetest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "usher.db")
	db, err := ledger.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// Open is the ledger of an empty World.
func Open(t testing.TB) *ledger.Ledger {
	t.Helper()
	return NewWorld(t).Ledger
}

// Again is the same database opened a second time, as by another process.
func (w *World) Again(t testing.TB) *World {
	t.Helper()
	again := &World{Path: w.Path, Clock: w.Clock, Stores: w.Stores}
	again.open(t)
	return again
}

func (w *World) open(t testing.TB) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var err error
	if w.DB, err = ledger.Open(ctx, w.Path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.DB.Close(); err != nil {
			t.Error(err)
		}
	})
	if w.raw, err = sql.Open("sqlite", w.Path+"?_pragma=busy_timeout(5000)"); err != nil {
		t.Fatal(err)
	}
	w.raw.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = w.raw.Close() })
	master := key.Master([]byte("a master key that tests may know"))
	if w.Ring, err = key.Open(ctx, key.Config{Master: master, Keeper: w.DB, Now: w.Clock.Now, Algorithms: []string{key.ES256}}); err != nil {
		t.Fatal(err)
	}
	w.Ledger = ledger.New(w.DB, ledger.Config{Stores: w.store, Sealer: w.Ring, Now: w.Clock.Now})
}

func (w *World) store(name string) (ledger.StoreMaker, store.Policy, bool) {
	policy, ok := w.Stores[name]
	return sqlstore.Tables{Store: name}, policy, ok
}

// Driver is the driver of a store of the World.
func (w *World) Driver(t testing.TB, name string) store.Driver {
	t.Helper()
	d, ok := w.Ledger.Driver(name)
	if !ok {
		t.Fatalf("there is no store %s", name)
	}
	return d
}

// CheckInvariants fails the test for everything in the ledger that must never be so.
func CheckInvariants(t testing.TB, l *ledger.Ledger) {
	t.Helper()
	broken, err := l.Invariants(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range broken {
		t.Error("invariant broken:", what)
	}
}

// Exec changes the database behind the ledger's back, with foreign keys off.
func (w *World) Exec(t testing.TB, statements ...string) error {
	t.Helper()
	for _, s := range statements {
		if _, err := w.raw.ExecContext(context.WithoutCancel(t.Context()), s); err != nil {
			return err
		}
	}
	return nil
}

// MustExec is Exec that must work.
func (w *World) MustExec(t testing.TB, statements ...string) {
	t.Helper()
	if err := w.Exec(t, statements...); err != nil {
		t.Fatal(err)
	}
}

// Dump is everything in the database as text, row by row under the names of
// the tables, for comparing before with after.
func (w *World) Dump(t testing.TB) map[string][]string {
	t.Helper()
	if w.tables == nil { // the schema stays as it is
		w.tables = map[string]string{}
		for _, row := range column(t, w.raw, `SELECT m.name || ' ' || group_concat('quote("' || c.name || '")', ' || ''|'' || ')
			FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' GROUP BY m.name`) {
			table, columns, _ := strings.Cut(row, " ")
			w.tables[table] = `SELECT ` + columns + ` FROM "` + table + `" ORDER BY 1`
		}
	}
	out := map[string][]string{}
	for table, query := range w.tables {
		out[table] = column(t, w.raw, query)
	}
	return out
}

// columns are the names of a table's columns.
func (w *World) columns(t testing.TB, table string) []string {
	t.Helper()
	return column(t, w.raw, `SELECT name FROM pragma_table_info('`+table+`') ORDER BY cid`)
}

func column(t testing.TB, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(context.WithoutCancel(t.Context()), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
