package ledger

import (
	"context"
	"database/sql"
	"errors"
)

// IssueCode records an authorization code.
func (t *Tx) IssueCode(ctx context.Context, c Code) error {
	_, err := t.exec(ctx, "ledger.IssueCode", `INSERT INTO code (tenant, hash, application, session, family, sub, idp, user_id,
		store, redirect_uri, challenge, nonce, scope, auth_time, acr, amr, decision, expires, used)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`,
		c.Tenant, c.Hash[:], c.Application, c.Session[:], c.Family, c.Sub, c.IdP, string(c.User), c.Store,
		c.RedirectURI, c.Challenge, c.Nonce, c.Scope, c.AuthTime, c.ACR, list(c.AMR), c.Decision, c.Expires)
	return err
}

const codeColumns = `application, session, family, sub, idp, user_id, store, redirect_uri, challenge, nonce, scope,
	auth_time, acr, amr, decision, expires`

// RedeemCode marks a code as used and gives it. However many try at once, one
// gets it with Used false. All others get it with Used true, as long as it is
// remembered: its family is to be revoked. NotFound if it is not known. A code
// that has expired is given too; Expires tells.
func (t *Tx) RedeemCode(ctx context.Context, tenant string, id [32]byte) (Code, error) {
	const op = "ledger.RedeemCode"
	c, err := t.code(ctx, `UPDATE code SET used = 1 WHERE tenant = ? AND hash = ? AND used = 0 RETURNING `+codeColumns, tenant, id)
	if errors.Is(err, sql.ErrNoRows) {
		c, err = t.code(ctx, `SELECT `+codeColumns+` FROM code WHERE tenant = ? AND hash = ?`, tenant, id)
		c.Used = true
	}
	if err != nil {
		return Code{}, failed(op, err)
	}
	return c, nil
}

func (t *Tx) code(ctx context.Context, query, tenant string, id [32]byte) (Code, error) {
	c := Code{Tenant: tenant, Hash: id}
	err := t.QueryRowContext(ctx, query, tenant, id[:]).Scan(&c.Application, hash{&c.Session}, &c.Family, &c.Sub, &c.IdP,
		&c.User, &c.Store, &c.RedirectURI, &c.Challenge, &c.Nonce, &c.Scope, &c.AuthTime, &c.ACR, texts{&c.AMR}, &c.Decision, &c.Expires)
	return c, err
}
