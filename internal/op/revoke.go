package op

import (
	"context"
	"net/http"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
)

// revoke ends the family of a token (RFC 7009): the token, and whatever else
// came of the same authorization. A token nobody knows is as good as revoked,
// but a revocation that could not be recorded is never reported as done.
func (p *Provider) revoke(ctx context.Context, app Application, in params) (any, error) {
	if in["token"] == "" {
		return nil, badRequest("token is missing")
	}
	return nil, p.end(ctx, app, in["token"])
}

// end revokes the family of a token issued to app.
func (p *Provider) end(ctx context.Context, app Application, raw string) error {
	const op = "op.end"
	id, _, err := p.cfg.Tokens.ReadRefresh(p.tenant, raw)
	if err != nil {
		a, err := p.cfg.Tokens.ReadAccess(raw)
		if err != nil {
			return nil //nolint:nilerr // not a token of ours: nothing to revoke (RFC 7009, section 2.2)
		}
		id = a.Family()
	}
	f, err := p.cfg.Ledger.Family(ctx, p.tenant, id)
	switch {
	case usher.KindOf(err) == usher.NotFound:
		return nil
	case err != nil:
		return unavailable(op, err)
	case f.Application != app.ID:
		return &protocolError{status: http.StatusBadRequest, code: errUnauthorized, description: "the token was issued to another client"}
	}
	err = p.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
		return ignoreMissing(tx.RevokeFamily(ctx, p.tenant, id))
	})
	if err != nil {
		return unavailable(op, err)
	}
	return nil
}

// unavailable makes any failure of the ledger one after which the client must
// take the token for alive and try again (RFC 7009, section 2.2.1).
func unavailable(op string, err error) error {
	return usher.Fail(usher.Unavailable, op, "", err)
}
