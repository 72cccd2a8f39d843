package token

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"
	"strings"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
)

// Access is what an access token says (RFC 9068, section 2.2).
type Access struct {
	Issuer   string `json:"iss"`
	Sub      string `json:"sub"`
	Audience string `json:"aud"`
	Client   string `json:"client_id"`
	Expires  int64  `json:"exp"` // seconds since 1970
	Issued   int64  `json:"iat"` // seconds since 1970
	ID       string `json:"jti"` // family id "." generation
	Scope    string `json:"scope"`
	AuthTime int64  `json:"auth_time,omitempty"` // seconds since 1970
	ACR      string `json:"acr,omitempty"`
}

// Access makes the access token of one generation of a family, for a scope
// within the family's. It also gives the seconds it is good for.
func (m *Minter) Access(c Client, f ledger.Family, scope string) (token string, expiresIn int64, err error) {
	now := m.now()
	expires := min(after(now, m.accessLife()), f.Expires)
	claims := Access{
		Issuer: m.Issuer, Sub: f.Sub, Audience: cmp.Or(c.Audience, m.Issuer), Client: c.ID,
		Expires: Seconds(expires), Issued: Seconds(now),
		ID:    f.ID + "." + strconv.FormatInt(f.Generation, 10),
		Scope: scope, AuthTime: Seconds(f.AuthTime), ACR: f.ACR,
	}
	token, err = m.sign("token.Access", c, typAccess, claims)
	return token, claims.Expires - claims.Issued, err
}

// ReadAccess reads an access token of this issuer without asking whether it is
// still good: neither its end nor its family is looked at. Whatever else is
// wrong with it is Invalid.
func (m *Minter) ReadAccess(token string) (Access, error) {
	const op = "token.ReadAccess"
	raw, err := m.Ring.Verify(token, typAccess)
	if err != nil {
		return Access{}, invalid(op, err)
	}
	var a Access
	if err := json.Unmarshal(raw, &a); err != nil {
		return Access{}, invalid(op, err)
	}
	if a.Issuer != m.Issuer || a.Client == "" || a.Family() == "" {
		return Access{}, invalid(op, nil)
	}
	return a, nil
}

// Family is the id of the family the token belongs to.
func (a Access) Family() string {
	family, _, _ := strings.Cut(a.ID, ".")
	return family
}

// VerifyAccess reads an access token and checks that it has not expired and that
// its family is alive. A token that is not good is Invalid; a ledger that can't
// be read is an error of another kind, never a good token.
func (m *Minter) VerifyAccess(ctx context.Context, tenant, token string) (Access, ledger.Family, error) {
	const op = "token.VerifyAccess"
	a, err := m.ReadAccess(token)
	if err != nil {
		return Access{}, ledger.Family{}, usher.Wrap(op, err)
	}
	if a.Expires <= Seconds(m.now()) {
		return Access{}, ledger.Family{}, invalid(op, nil)
	}
	f, err := m.Alive(ctx, tenant, a.Family())
	if err != nil {
		return Access{}, ledger.Family{}, usher.Wrap(op, err)
	}
	if f.Application != a.Client || f.Sub != a.Sub {
		return Access{}, ledger.Family{}, invalid(op, nil)
	}
	return a, f, nil
}

// Alive is the family if it is alive: not revoked, not expired, its account
// active and, unless offline, its session not ended. One that is not is Invalid.
func (m *Minter) Alive(ctx context.Context, tenant, id string) (ledger.Family, error) {
	const op = "token.Alive"
	f, err := m.Ledger.Family(ctx, tenant, id)
	switch {
	case usher.KindOf(err) == usher.NotFound:
		return ledger.Family{}, invalid(op, err)
	case err != nil:
		return ledger.Family{}, usher.Wrap(op, err)
	case f.Revoked || f.Expires <= m.now():
		return ledger.Family{}, invalid(op, nil)
	}
	return f, nil
}
