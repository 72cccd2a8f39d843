package ledger

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/usher-id/usher"
)

// Wait keeps a sign-in that waits for an answer. One of that hash is replaced.
// The record's policy must have been saved ([Ledger.SavePolicy]).
func (t *Tx) Wait(ctx context.Context, w Waiting) error {
	const op = "ledger.Wait"
	sealed, err := t.l.seal("waiting", w.Record, waitingAAD(w.Tenant, w.Hash))
	if err != nil {
		return usher.Wrap(op, err)
	}
	carry, err := t.l.cfg.Sealer.Seal("carry", w.Carry, waitingAAD(w.Tenant, w.Hash))
	if err != nil {
		return usher.Wrap(op, err)
	}
	_, err = t.exec(ctx, op, `INSERT INTO waiting (tenant, hash, id, application, policy, sealed, carry, tries, created, expires)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (tenant, hash) DO UPDATE SET id = excluded.id, application = excluded.application, policy = excluded.policy,
		sealed = excluded.sealed, carry = excluded.carry, tries = excluded.tries, created = excluded.created, expires = excluded.expires`,
		w.Tenant, w.Hash[:], w.Record.ID, w.Application, w.Record.Policy.Version, sealed, carry, w.Tries, w.Created, w.Expires)
	return err
}

// Resume forgets a sign-in that waited, because it goes on. However many try at
// once, one does it; for all others, and if it is not there, the error is Conflict.
func (t *Tx) Resume(ctx context.Context, tenant string, hash [32]byte) error {
	const op = "ledger.Resume"
	n, err := t.exec(ctx, op, `DELETE FROM waiting WHERE tenant = ? AND hash = ?`, tenant, hash[:])
	if err == nil && n == 0 {
		err = usher.Fail(usher.Conflict, op, "This sign-in was answered already.", nil)
	}
	return err
}

const waitingColumns = `w.tenant, w.hash, w.id, w.application, w.sealed, w.carry, w.tries, w.created, w.expires, p.body
	FROM waiting w JOIN policy p ON p.version = w.policy`

// Waiting is the sign-in of that hash that waits for an answer, NotFound if
// there is none or it has expired.
func (l *Ledger) Waiting(ctx context.Context, tenant string, hash [32]byte) (Waiting, error) {
	const op = "ledger.Waiting"
	all, err := l.waiting(ctx, op, `SELECT `+waitingColumns+` WHERE w.tenant = ? AND w.hash = ? AND w.expires > ?`,
		tenant, hash[:], l.now())
	if err == nil && len(all) == 0 {
		err = usher.Fail(usher.NotFound, op, "", nil)
	}
	if err != nil {
		return Waiting{}, err
	}
	return all[0], all[0].Err
}

// Abandoned is up to limit sign-ins that have waited too long, the oldest first.
// One that can't be opened any more is among them, with Err: it must not hold up
// all others.
func (l *Ledger) Abandoned(ctx context.Context, limit int) ([]Waiting, error) {
	return l.waiting(ctx, "ledger.Abandoned", `SELECT `+waitingColumns+` WHERE w.expires <= ? ORDER BY w.expires LIMIT ?`, l.now(), limit)
}

// WaitingRecord is the record, as far as it is decided, of a sign-in that waits
// for an answer, by its correlation id; false if none of that id waits.
func (l *Ledger) WaitingRecord(ctx context.Context, id string) (usher.Record, bool, error) {
	all, err := l.waiting(ctx, "ledger.WaitingRecord", `SELECT `+waitingColumns+` WHERE w.id = ? LIMIT 1`, id)
	if err != nil || len(all) == 0 {
		return usher.Record{}, false, err
	}
	return all[0].Record, true, all[0].Err
}

func (l *Ledger) waiting(ctx context.Context, op, query string, args ...any) ([]Waiting, error) {
	var out []Waiting
	err := l.each(ctx, query, func(row scan) error {
		var w Waiting
		var id string
		var sealed, carry, policy []byte
		if err := row(&w.Tenant, hash{&w.Hash}, &id, &w.Application, &sealed, &carry, &w.Tries, &w.Created, &w.Expires, &policy); err != nil {
			return err
		}
		aad := waitingAAD(w.Tenant, w.Hash)
		rec, err := l.unseal("waiting", sealed, aad)
		if err == nil && rec.ID != id {
			err = errors.New("ledger: a waiting record is another row's")
		}
		if err == nil {
			w.Carry, err = l.cfg.Sealer.Open("carry", carry, aad)
		}
		if err == nil {
			err = json.Unmarshal(policy, &rec.Policy)
		}
		if err != nil {
			w.Err = usher.Fail(usher.Internal, op, "", err)
		} else {
			w.Record = rec
		}
		out = append(out, w)
		return nil
	}, args...)
	return out, failed(op, err)
}

// waitingAAD binds what is sealed to its row.
func waitingAAD(tenant string, hash [32]byte) []byte { return append([]byte(tenant+"/"), hash[:]...) }
