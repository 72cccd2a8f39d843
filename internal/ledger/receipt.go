package ledger

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"github.com/usher-id/usher"
)

const receiptColumns = `id, store, user_id, idp, subject, application, purpose, version, accepted, attributes, language,
	policy_url, decision, given, replaced, withdrawn`

func (r *Receipt) columns() []any {
	c := &r.Consent
	return []any{&r.ID, &r.Store, &r.User, &r.IdP, &r.Subject, &r.Application, &c.Purpose, &c.Version, &c.Accepted,
		texts{&c.Attributes}, &c.Language, &c.PolicyURL, &r.Decision, &r.Given, &r.Replaced, &r.Withdrawn}
}

// Receipts is everything an account's person ever agreed to or refused, the
// newest first.
func (l *Ledger) Receipts(ctx context.Context, tenant, store string, user usher.UserID) ([]Receipt, error) {
	var out []Receipt
	err := l.each(ctx, `SELECT `+receiptColumns+` FROM receipt WHERE tenant = ? AND store = ? AND user_id = ?
		ORDER BY given DESC, id DESC`, func(row scan) error {
		r := Receipt{Tenant: tenant}
		err := row(r.columns()...)
		out = append(out, r)
		return err
	}, tenant, store, string(user))
	return out, failed("ledger.Receipts", err)
}

// Withdraw marks a receipt as withdrawn and gives it, NotFound if there is none
// or it does not count any more. What it justified stays where it is.
func (t *Tx) Withdraw(ctx context.Context, tenant, id string) (Receipt, error) {
	const op = "ledger.Withdraw"
	r := Receipt{Tenant: tenant}
	err := t.QueryRowContext(ctx, `UPDATE receipt SET withdrawn = ?
		WHERE tenant = ? AND id = ? AND replaced = 0 AND withdrawn = 0 RETURNING `+receiptColumns,
		t.l.now(), tenant, id).Scan(r.columns()...)
	if errors.Is(err, sql.ErrNoRows) {
		return Receipt{}, usher.Fail(usher.NotFound, op, "There is no such receipt, or it was replaced or withdrawn.", nil)
	}
	return r, failed(op, err)
}

// doConsent keeps a receipt for everything the person agreed to or refused. It
// takes the place of the one there was.
func (p *plan) doConsent(ctx context.Context, t *Tx) error {
	for _, c := range p.consents {
		id, err := uuid.NewV7()
		if err != nil {
			return usher.Fail(usher.Unavailable, opApply, "", err)
		}
		if _, err := t.exec(ctx, opApply, `UPDATE receipt SET replaced = 1
			WHERE tenant = ? AND store = ? AND user_id = ? AND purpose = ? AND replaced = 0`,
			p.tenant, p.store, string(p.user), c.Purpose); err != nil {
			return err
		}
		if _, err := t.exec(ctx, opApply, `INSERT INTO receipt (tenant, `+receiptColumns+`)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)`,
			p.tenant, id.String(), p.store, string(p.user), p.idp, p.subject, p.application, c.Purpose, c.Version, c.Accepted,
			list(c.Attributes), c.Language, c.PolicyURL, p.id, p.at); err != nil {
			return err
		}
	}
	return nil
}
