package ledger

import (
	"context"
	"database/sql"
	"errors"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

// BeginFamily records a token family at generation f.Generation. Its session
// must be there: one that lives on without it and without an account is found by
// the session's subject when there is an account ([Tx.Apply]).
func (t *Tx) BeginFamily(ctx context.Context, f Family) error {
	_, err := t.exec(ctx, "ledger.BeginFamily", `INSERT INTO family (tenant, id, application, session, idp, user_id, store, sub, scope, nonce,
		auth_time, acr, amr, decision, generation, offline, created, expires, revoked, subject)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, 0,
			CASE WHEN ?6 = '' AND ?16 THEN coalesce((SELECT subject FROM session WHERE tenant = ?1 AND hash = ?4), '') ELSE '' END)`,
		f.Tenant, f.ID, f.Application, f.Session[:], f.IdP, string(f.User), f.Store, f.Sub, f.Scope, f.Nonce, f.AuthTime, f.ACR,
		list(f.AMR), f.Decision, f.Generation, f.Offline, f.Created, f.Expires)
	return err
}

// alive is when a family's tokens are worth something: it is neither revoked
// nor expired, its account (if it has one) is active, and its session goes on
// unless it is offline. ?1 is now.
const alive = `(family.revoked = 0 AND family.expires > ?1
	AND (family.user_id = '' OR EXISTS (SELECT 1 FROM account a WHERE a.tenant = family.tenant AND a.store = family.store
		AND a.id = family.user_id AND a.state = 'active'))
	AND (family.offline = 1 OR EXISTS (SELECT 1 FROM session s WHERE s.tenant = family.tenant AND s.hash = family.session
		AND s.expires > ?1)))`

const familyColumns = `application, session, idp, user_id, store, sub, scope, nonce, auth_time, acr, amr, decision,
	generation, offline, created, expires`

// RotateFamily moves a family from the generation named to the next and gives it
// as it is then. However many try at once, one does it. Conflict if it is at
// another generation: someone has refreshed with this token before. NotFound if
// it is not there or not alive.
func (t *Tx) RotateFamily(ctx context.Context, tenant, id string, generation int64) (Family, error) {
	const op = "ledger.RotateFamily"
	now := t.l.now()
	f := Family{Tenant: tenant, ID: id}
	err := t.QueryRowContext(ctx, `UPDATE family SET generation = generation + 1
		WHERE tenant = ?2 AND id = ?3 AND generation = ?4 AND `+alive+` RETURNING `+familyColumns,
		now, tenant, id, generation).Scan(f.columns()...)
	if !errors.Is(err, sql.ErrNoRows) {
		return f, failed(op, err)
	}
	f, err = family(ctx, t, now, tenant, id)
	switch {
	case err != nil:
		return Family{}, failed(op, err)
	case f.Revoked:
		return Family{}, usher.Fail(usher.NotFound, op, "", nil)
	}
	return Family{}, usher.Fail(usher.Conflict, op, "", nil)
}

// RevokeFamily makes a family's tokens worthless; NotFound if it is not there.
func (t *Tx) RevokeFamily(ctx context.Context, tenant, id string) error {
	const op = "ledger.RevokeFamily"
	n, err := t.exec(ctx, op, `UPDATE family SET revoked = 1 WHERE tenant = ? AND id = ?`, tenant, id)
	if err == nil && n == 0 {
		err = usher.Fail(usher.NotFound, op, "", nil)
	}
	return err
}

// Family is the family of that id, NotFound if it is not there. Revoked says
// whether its tokens are worthless, for whatever reason.
func (l *Ledger) Family(ctx context.Context, tenant, id string) (Family, error) {
	f, err := family(ctx, l.db.Read(), l.now(), tenant, id)
	if err != nil {
		return Family{}, failed("ledger.Family", err)
	}
	return f, nil
}

func family(ctx context.Context, q store.Querier, now usher.Instant, tenant, id string) (Family, error) {
	f := Family{Tenant: tenant, ID: id}
	err := q.QueryRowContext(ctx, `SELECT `+familyColumns+`, NOT `+alive+` FROM family WHERE tenant = ?2 AND id = ?3`,
		now, tenant, id).Scan(append(f.columns(), &f.Revoked)...)
	return f, err
}

func (f *Family) columns() []any {
	return []any{&f.Application, hash{&f.Session}, &f.IdP, &f.User, &f.Store, &f.Sub, &f.Scope, &f.Nonce, &f.AuthTime, &f.ACR,
		texts{&f.AMR}, &f.Decision, &f.Generation, &f.Offline, &f.Created, &f.Expires}
}
