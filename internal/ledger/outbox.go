package ledger

import (
	"context"

	"github.com/usher-id/usher"
)

// Tell keeps that something happened, to be told to the outside once this is
// committed.
func (t *Tx) Tell(ctx context.Context, e Event) error {
	const op = "ledger.Tell"
	var secret any // null
	if e.Secret != nil {
		sealed, err := t.l.cfg.Sealer.Seal("outbox", e.Secret, e.aad())
		if err != nil {
			return usher.Wrap(op, err)
		}
		secret = sealed
	}
	_, err := t.exec(ctx, op, `INSERT INTO outbox (tenant, event, store, user_id, decision, body, secret, created, due)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)`,
		e.Tenant, e.Name, e.Store, string(e.User), e.Decision, string(e.Body), secret, t.l.now())
	return err
}

// Undelivered is up to limit events that are to be told now, the oldest first. A
// postponed one is as old as the moment it was postponed to. One whose secret
// can't be opened comes without it.
func (l *Ledger) Undelivered(ctx context.Context, limit int) ([]Event, error) {
	const op = "ledger.Undelivered"
	var out []Event
	err := l.each(ctx, `SELECT id, tenant, event, store, user_id, decision, body, secret, created, tries FROM outbox
		WHERE delivered IS NULL AND due <= ? ORDER BY due, id LIMIT ?`, func(row scan) error {
		var e Event
		var secret []byte
		err := row(&e.ID, &e.Tenant, &e.Name, &e.Store, &e.User, &e.Decision, &e.Body, &secret, &e.Created, &e.Tries)
		if err != nil {
			return err
		}
		if secret != nil {
			// A secret that can't be opened any more must not hold up all others.
			e.Secret, _ = l.cfg.Sealer.Open("outbox", secret, e.aad())
		}
		out = append(out, e)
		return nil
	}, l.now(), limit)
	return out, failed(op, err)
}

// aad binds the secret of an event to whom it may be told. Its row has no id
// before it is there.
func (e Event) aad() []byte {
	return []byte(usher.Label(e.Tenant, e.Name, e.Store, string(e.User)))
}

// Delivered notes that an event was told, and forgets its secret. NotFound if it
// is not waiting to be told.
func (t *Tx) Delivered(ctx context.Context, id int64) error {
	return t.oneEvent(ctx, "ledger.Delivered", `UPDATE outbox SET delivered = ?, secret = NULL WHERE id = ? AND delivered IS NULL`, t.l.now(), id)
}

// Postpone notes that an event could not be told and is to be tried again at
// until. NotFound if it is not waiting to be told.
func (t *Tx) Postpone(ctx context.Context, id int64, until usher.Instant) error {
	return t.oneEvent(ctx, "ledger.Postpone", `UPDATE outbox SET tries = tries + 1, due = ? WHERE id = ? AND delivered IS NULL`, until, id)
}

func (t *Tx) oneEvent(ctx context.Context, op, query string, at usher.Instant, id int64) error {
	n, err := t.exec(ctx, op, query, at, id)
	if err == nil && n == 0 {
		err = usher.Fail(usher.NotFound, op, "", nil)
	}
	return err
}
