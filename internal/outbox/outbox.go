package outbox

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
)

const (
	poll      = 2 * time.Second  // between two looks at the ledger
	batch     = 100              // events read at once
	firstWait = time.Second      // after the first try; doubled after every other one
	longWait  = 15 * time.Minute // at most
	patience  = 24 * time.Hour   // after which nothing is tried again
)

// Ledger is what is read and written of the ledger; *ledger.Ledger is one.
type Ledger interface {
	Undelivered(ctx context.Context, limit int) ([]ledger.Event, error)
	Account(ctx context.Context, tenant, store string, user usher.UserID) (usher.Account, error)
	Commit(ctx context.Context, fn func(*ledger.Tx) error) error
}

// Sink sends letters; *SMTP is one.
type Sink interface {
	// Send sends l and returns when it is out of our hands. Invalid means that it
	// will never be taken, [ErrUnsure] that nobody can tell whether it was; after
	// any other error it may be tried again.
	Send(ctx context.Context, l Letter) error
}

// Config is what an Outbox needs.
type Config struct {
	Ledger Ledger
	Issuer string // as in discovery: links in letters begin with it

	// Mail sends the letters. Without one nobody is told anything: events are
	// marked as delivered all the same, or the outbox would grow for ever. Only
	// password.reset waits its 24 hours, because somebody waits for the link, and
	// gets it if there is mail again by then.
	Mail Sink

	// Text is a message of [Pages] in the language that suits best the BCP 47 tag
	// language, which may be any text or "". Pairs of a name and a value fill its
	// placeholders.
	Text func(language, key string, args ...string) string

	// Provider is an identity provider's name as people know it, "" if there is
	// none. It may be nil.
	Provider func(tenant, idp string) string

	Now func() time.Time
	Log *slog.Logger
}

// Outbox delivers events. It is safe for concurrent use.
type Outbox struct {
	cfg   Config
	nudge chan struct{}

	mu     sync.Mutex     // one round at a time
	unsure map[int64]bool // events whose last try may have been delivered
}

// New makes an Outbox.
func New(cfg Config) *Outbox {
	return &Outbox{cfg: cfg, nudge: make(chan struct{}, 1), unsure: map[int64]bool{}}
}

// Nudge makes Run look at the ledger now. It never waits.
func (o *Outbox) Nudge() {
	select {
	case o.nudge <- struct{}{}:
	default: // it will look anyway
	}
}

// Run delivers until ctx ends, looking at the ledger every two seconds.
func (o *Outbox) Run(ctx context.Context) {
	t := time.NewTicker(poll)
	defer t.Stop()
	for {
		if err := o.Round(ctx); err != nil && ctx.Err() == nil {
			o.cfg.Log.WarnContext(ctx, "mail is held up", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-o.nudge:
		}
	}
}

// Round delivers everything that is due. It ends early with an error when the
// ledger or the mail server can't be used: a server that is down is tried with
// one letter in each round.
func (o *Outbox) Round(ctx context.Context) error {
	const op = "outbox.Round"
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		events, err := o.cfg.Ledger.Undelivered(ctx, batch)
		if err != nil {
			return usher.Wrap(op, err)
		}
		var quiet []int64
		var loud []ledger.Event
		for _, e := range events {
			if o.quiet(e) {
				quiet = append(quiet, e.ID)
			} else {
				loud = append(loud, e)
			}
		}
		if err := o.done(ctx, quiet...); err != nil {
			return usher.Wrap(op, err)
		}
		for _, e := range loud {
			if err := o.deliver(ctx, e); err != nil {
				return usher.Wrap(op, err)
			}
		}
		if len(events) < batch {
			return nil
		}
	}
}

// quiet reports whether nobody is told of an event.
func (o *Outbox) quiet(e ledger.Event) bool {
	_, told := notices[e.Name]
	return !told || o.cfg.Mail == nil && e.Name != eventReset
}

// deliver makes one try. The next one is put down first: if this process ends
// after the letter has left, it is not sent again at once, and a ledger that
// can't be written never makes us send the same letter over and over.
func (o *Outbox) deliver(ctx context.Context, e ledger.Event) error {
	now := instant(o.cfg.Now())
	if now-e.Created > usher.Instant(patience.Microseconds()) && (e.Tries > 0 || e.Name == eventReset) {
		return o.giveUp(ctx, e, "a day has passed")
	}
	err := o.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
		return tx.Postpone(ctx, e.ID, now+usher.Instant(wait(e.Tries).Microseconds()))
	})
	switch {
	case usher.KindOf(err) == usher.NotFound: // somebody else has told it
		return nil
	case err != nil || o.cfg.Mail == nil:
		return err
	}
	l, ok, err := o.letter(ctx, e)
	switch {
	case err != nil:
		return err
	case !ok:
		return o.giveUp(ctx, e, "the account has no verified e-mail address, or what was to be sent can't be opened")
	}
	switch err := o.cfg.Mail.Send(ctx, l); {
	case err == nil:
		return o.done(ctx, e.ID)
	case usher.KindOf(err) == usher.Invalid:
		return o.giveUp(ctx, e, "the mail server does not take it: "+err.Error())
	case errors.Is(err, ErrUnsure) && o.unsure[e.ID]:
		return o.giveUp(ctx, e, "it was sent twice and never confirmed")
	default:
		if errors.Is(err, ErrUnsure) {
			o.unsure[e.ID] = true
		}
		return err
	}
}

// giveUp marks an event that nobody will be told of.
func (o *Outbox) giveUp(ctx context.Context, e ledger.Event, why string) error {
	o.cfg.Log.WarnContext(ctx, "an event is not told by mail", "event", e.ID, "why", why)
	return o.done(ctx, e.ID)
}

// done marks events as delivered, unless they are.
func (o *Outbox) done(ctx context.Context, ids ...int64) error {
	if len(ids) == 0 {
		return nil
	}
	err := o.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
		for _, id := range ids {
			if err := tx.Delivered(ctx, id); err != nil && usher.KindOf(err) != usher.NotFound {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		delete(o.unsure, id)
	}
	return nil
}

// wait is the time to the next try after so many.
func wait(tries int) time.Duration {
	return min(longWait, firstWait<<min(max(tries, 0), 20))
}

func instant(t time.Time) usher.Instant { return usher.Instant(t.UnixMicro()) }
