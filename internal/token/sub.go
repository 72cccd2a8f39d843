package token

import (
	"context"
	"encoding/base64"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
)

// Aliaser knows which applications met a person before there was an account.
type Aliaser interface {
	Alias(ctx context.Context, tenant, application string, user usher.UserID) (idp, subject string, found bool, err error)
}

// Sub is the sub by which c knows the person of the session, the same for ever:
// what c knew the person by before there was an account, else the account's id
// (or its pairwise form), else a pseudonym of the provider's subject. Aliases
// are read through a, so that one made in the same transaction counts. A
// federated client knows everybody who came from a provider by that pseudonym,
// and the same person by others if they come from others.
func (m *Minter) Sub(ctx context.Context, a Aliaser, c Client, s ledger.Session) (string, error) {
	if s.User == "" || c.Federated && s.IdP != usher.LocalIdP {
		if s.IdP == "" || s.Subject == "" {
			return "", usher.Fail(usher.Internal, "token.Sub", "", nil)
		}
		return m.passThroughSub(c, s.IdP, s.Subject), nil
	}
	idp, subject, found, err := a.Alias(ctx, c.Tenant, c.ID, s.User)
	switch {
	case err != nil:
		return "", usher.Wrap("token.Sub", err)
	case found:
		return m.passThroughSub(c, idp, subject), nil
	case c.Pairwise:
		return text(m.Ring.MAC("pairwise", c.Tenant, c.Sector, string(s.User))), nil
	}
	return string(s.User), nil
}

func (m *Minter) passThroughSub(c Client, idp, subject string) string {
	if c.Pairwise {
		return text(m.Ring.MAC("sub", c.Tenant, idp, subject, c.Sector))
	}
	return text(m.Ring.MAC("sub", c.Tenant, idp, subject))
}

// SID names the session to one application (OpenID Connect Back-Channel Logout,
// section 2.1). It tells nothing about the cookie, and no two applications get
// the same, so that they can't join what they know by it.
func (m *Minter) SID(c Client, session [32]byte) string {
	return text(m.Ring.MAC("sid", c.Tenant, c.ID, string(session[:]))[:16])
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
