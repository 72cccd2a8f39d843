package ledger

import (
	"context"
	"database/sql"
	"errors"

	"github.com/usher-id/usher"
)

// CountFailure counts one more failure of k and gives how many there are. They
// are forgotten together after until.
func (t *Tx) CountFailure(ctx context.Context, k Key, until usher.Instant) (count int, err error) {
	const op = "ledger.CountFailure"
	if !k.made {
		return 0, usher.Fail(usher.Internal, op, "", nil)
	}
	err = t.QueryRowContext(ctx, `INSERT INTO failure (key, count, last, until) VALUES (?1, 1, ?2, ?3)
		ON CONFLICT DO UPDATE SET count = iif(until > ?2, count + 1, 1), last = ?2, until = ?3 RETURNING count`,
		k.digest[:], t.l.now(), until).Scan(&count)
	return count, failed(op, err)
}

// Failures is how many failures of k there are, and when the last one was.
func (l *Ledger) Failures(ctx context.Context, k Key) (count int, last usher.Instant, err error) {
	err = l.db.Read().QueryRowContext(ctx, `SELECT count, last FROM failure WHERE key = ? AND until > ?`, k.digest[:], l.now()).Scan(&count, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, nil
	}
	return count, last, failed("ledger.Failures", err)
}

// Forgive forgets the failures of k.
func (t *Tx) Forgive(ctx context.Context, k Key) error {
	_, err := t.exec(ctx, "ledger.Forgive", `DELETE FROM failure WHERE key = ?`, k.digest[:])
	return err
}
