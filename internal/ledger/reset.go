package ledger

import (
	"context"
	"database/sql"

	"github.com/usher-id/usher"
)

// IssueReset keeps a code for another password. An earlier one of that account
// is void.
func (t *Tx) IssueReset(ctx context.Context, r Reset) error {
	_, err := t.exec(ctx, "ledger.IssueReset", `INSERT INTO reset (tenant, store, user_id, hash, expires) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (tenant, store, user_id) DO UPDATE SET hash = excluded.hash, expires = excluded.expires`,
		r.Tenant, r.Store, string(r.User), r.Hash[:], r.Expires)
	return err
}

// TakeReset uses up a code and gives what it was for, NotFound if it is not
// known, was used, or has expired.
func (t *Tx) TakeReset(ctx context.Context, tenant string, hash [32]byte) (Reset, error) {
	return reset(t.QueryRowContext(ctx, `DELETE FROM reset WHERE tenant = ? AND hash = ? AND expires > ? RETURNING store, user_id, expires`,
		tenant, hash[:], t.l.now()), Reset{Tenant: tenant, Hash: hash})
}

// Reset is what a code is for, NotFound as in [Tx.TakeReset]. It stays good.
func (l *Ledger) Reset(ctx context.Context, tenant string, hash [32]byte) (Reset, error) {
	return reset(l.db.Read().QueryRowContext(ctx, `SELECT store, user_id, expires FROM reset WHERE tenant = ? AND hash = ? AND expires > ?`,
		tenant, hash[:], l.now()), Reset{Tenant: tenant, Hash: hash})
}

// voidReset makes the code of an account, if it has one, good for nothing: it was
// for another password than the account has now.
func (t *Tx) voidReset(ctx context.Context, op, tenant string, ref usher.AccountRef) error {
	_, err := t.exec(ctx, op, `DELETE FROM reset WHERE tenant = ? AND store = ? AND user_id = ?`, tenant, ref.Store, string(ref.User))
	return err
}

func reset(row *sql.Row, r Reset) (Reset, error) {
	if err := row.Scan(&r.Store, &r.User, &r.Expires); err != nil {
		return Reset{}, failed("ledger.Reset", err)
	}
	return r, nil
}
