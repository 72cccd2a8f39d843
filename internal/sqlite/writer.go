package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/usher-id/usher"
)

const (
	batchSize = 64   // members of one commit
	queueSize = 1024 // members waiting; whoever comes then waits to be queued

	// lookRounds is how often those who read are let go before those who write
	// have their turn: whoever reads, decides and then writes should be in one
	// batch with the others of that moment.
	lookRounds = 2
)

// writer runs all writes, and the reads of views, on one connection in one
// goroutine. It takes whatever is queued, up to batchSize members, into one
// transaction: with many writers a sync to the disk is shared by many, with one
// writer nobody waits for company.
type writer struct {
	conn    *sql.Conn
	stmts   stmts
	queue   chan *member
	stopped chan struct{}

	mu     sync.RWMutex // held for reading while queueing, so that close is not overtaken
	closed bool
}

// member is one caller's part of a batch. err is the writer's until done is closed.
type member struct {
	ctx  context.Context
	fn   func(*Tx) error
	view bool // only reads
	err  error
	done chan struct{}
}

func newWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{
		conn: conn, stmts: stmts{conn: conn, byText: map[string]*sql.Stmt{}},
		queue: make(chan *member, queueSize), stopped: make(chan struct{}),
	}
	go w.run()
	return w, nil
}

// commit has fn run in the next batch and returns when that is durable, or fn
// has failed and is undone.
func (w *writer) commit(ctx context.Context, fn func(*Tx) error) error {
	return w.wait(&member{ctx: ctx, fn: fn, done: make(chan struct{})})
}

// look has fn read what is committed before the next batch. The connection that
// writes is the one whose cache is never stale, so that a read here is several
// times cheaper than on another connection after every commit.
func (w *writer) look(ctx context.Context, fn func(*Tx) error) error {
	return w.wait(&member{ctx: ctx, fn: fn, view: true, done: make(chan struct{})})
}

func (w *writer) wait(m *member) error {
	if err := w.enqueue(m); err != nil {
		return err
	}
	<-m.done // even if ctx ends: what fn did may be on the disk by then
	return m.err
}

func (w *writer) enqueue(m *member) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return usher.Fail(usher.Unavailable, "sqlite.Commit", "The service is stopping.", nil)
	}
	select {
	case w.queue <- m:
		return nil
	case <-m.ctx.Done():
		return usher.Fail(usher.Unavailable, "sqlite.Commit", "", m.ctx.Err())
	}
}

func (w *writer) close() error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.stopped
	return errors.Join(w.stmts.close(), w.conn.Close())
}

func (w *writer) run() {
	finished, b := false, &batch{}
	defer func() {
		if finished {
			return
		}
		// A member ended this goroutine (runtime.Goexit, as a failing test does).
		// Those gathered with it are answered, and the rest have another writer.
		w.answer(append(b.views, b.writes...), func([]*member) error { return errEnded })
		go w.run()
	}()
	for first := range w.queue {
		b.views, b.writes = nil, nil
		b.add(first)
		w.gather(b)
		for range lookRounds { // who has read now may write in this batch
			views := b.views
			b.views = nil
			w.answer(views, w.view)
			w.gather(b)
		}
		views, writes := b.views, b.writes
		b.views = nil
		w.answer(views, w.view)
		b.writes = nil
		w.answer(writes, w.transact)
	}
	finished = true
	close(w.stopped)
}

// batch is what is done at once.
type batch struct{ views, writes []*member }

func (b *batch) add(m *member) {
	if m.view {
		b.views = append(b.views, m)
	} else {
		b.writes = append(b.writes, m)
	}
}

// gather takes what is queued, without waiting for more: only those who can
// queue at this moment are let go first.
func (w *writer) gather(b *batch) {
	runtime.Gosched()
	for len(b.views)+len(b.writes) < batchSize {
		select {
		case m, ok := <-w.queue:
			if !ok {
				return
			}
			b.add(m)
		default:
			return
		}
	}
}

var errEnded = errors.New("a member of the commit ended its goroutine")

// answer answers every member of the batch, and none before the outcome of the
// whole is known.
func (w *writer) answer(batch []*member, transaction func([]*member) error) {
	if len(batch) == 0 {
		return
	}
	err := errEnded
	defer func() {
		if err != nil {
			_ = w.exec("ROLLBACK") // fails if SQLite has rolled back already, which is as good
			err = usher.Fail(usher.Unavailable, "sqlite.Commit", "", err)
		}
		for _, m := range batch {
			if m.err == nil {
				m.err = err
			}
			close(m.done)
		}
	}()
	err = transaction(batch)
}

// view runs the members that only read, all on one snapshot.
func (w *writer) view(batch []*member) error {
	if err := w.exec("BEGIN"); err != nil {
		return err
	}
	for _, m := range batch {
		if m.err = m.ctx.Err(); m.err != nil {
			m.err = usher.Fail(usher.Unavailable, "sqlite.View", "", m.err)
			continue
		}
		tx := &Tx{stmts: &w.stmts, view: true}
		m.err = tx.run(m.fn)
	}
	return w.exec("COMMIT")
}

func (w *writer) transact(batch []*member) error {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if len(batch) == 1 { // nobody else's work to keep: the transaction is savepoint enough
		m := batch[0]
		if m.err = w.runMember(m); m.err != nil {
			return w.exec("ROLLBACK")
		}
		return w.exec("COMMIT")
	}
	for _, m := range batch {
		if err := w.attempt(m); err != nil {
			return err
		}
	}
	return w.exec("COMMIT")
}

// runMember runs what a member came for.
func (w *writer) runMember(m *member) error {
	if err := m.ctx.Err(); err != nil {
		return usher.Fail(usher.Unavailable, "sqlite.Commit", "", err)
	}
	tx := &Tx{stmts: &w.stmts}
	return tx.run(m.fn)
}

// attempt runs one member in a savepoint, so that its failure undoes nothing
// else. It fails only if the transaction as a whole can't go on: some failures,
// of the disk for one, make SQLite roll back everything, and the savepoint is
// gone.
func (w *writer) attempt(m *member) error {
	if err := w.exec("SAVEPOINT member"); err != nil {
		return err
	}
	if m.err = w.runMember(m); m.err != nil {
		if err := w.exec("ROLLBACK TO member"); err != nil {
			return err
		}
	}
	return w.exec("RELEASE member")
}

func (w *writer) exec(text string) error {
	s, err := w.stmts.get(text)
	if err == nil {
		_, err = s.ExecContext(context.Background())
	}
	return err
}

// panicked makes an error of a panic. The value of a panic may hold anything,
// so only that of the runtime is repeated.
func panicked(value any) error {
	what := fmt.Sprintf("%T", value)
	if err, ok := value.(interface {
		error
		RuntimeError()
	}); ok {
		what = err.Error()
	}
	return usher.Fail(usher.Internal, "sqlite.Commit", "", fmt.Errorf("panic: %s\n%s", what, debug.Stack()))
}
