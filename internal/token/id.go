package token

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/key"
	"github.com/usher-id/usher/internal/ledger"
)

// idClaims are the claims of an ID token (OpenID Connect Core, section 2). What
// is said of the person beyond the sub is left to userinfo.
type idClaims struct {
	Issuer   string   `json:"iss"`
	Sub      string   `json:"sub"`
	Audience string   `json:"aud"`
	Expires  int64    `json:"exp"`
	Issued   int64    `json:"iat"`
	AuthTime int64    `json:"auth_time,omitempty"`
	Nonce    string   `json:"nonce,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	AtHash   string   `json:"at_hash,omitempty"`
	SID      string   `json:"sid"`
	Decision string   `json:"usher_decision,omitempty"`
}

// ID makes the ID token that goes with an access token. The nonce is that of
// the request for the first one of a family and "" for those of a refresh
// (section 12.2).
func (m *Minter) ID(c Client, f ledger.Family, nonce, access string) (string, error) {
	now := m.now()
	claims := idClaims{
		Issuer: m.Issuer, Sub: f.Sub, Audience: c.ID,
		Expires: Seconds(after(now, m.idLife())), Issued: Seconds(now),
		AuthTime: Seconds(f.AuthTime), Nonce: nonce, ACR: f.ACR, AMR: f.AMR,
		AtHash: atHash(access), SID: m.SID(c, f.Session),
	}
	if f.IdP == usher.LocalIdP && len(claims.AMR) == 0 {
		claims.AMR = []string{"pwd"} // RFC 8176, section 2
	}
	if c.Explain {
		claims.Decision = f.Decision
	}
	return m.sign("token.ID", c, typID, claims)
}

// Hint is what an ID token given back to us says.
type Hint struct {
	Client string
	Sub    string
	SID    string
}

// ReadHint reads an ID token of this issuer given back as id_token_hint. One
// that has expired is still good for that (OpenID Connect Core, section
// 3.1.2.1); any other kind of token is Invalid.
func (m *Minter) ReadHint(token string) (Hint, error) {
	const op = "token.ReadHint"
	raw, err := m.Ring.Verify(token, typID)
	if err != nil {
		return Hint{}, invalid(op, err)
	}
	var c idClaims
	if err := json.Unmarshal(raw, &c); err != nil {
		return Hint{}, invalid(op, err)
	}
	if c.Issuer != m.Issuer || c.Audience == "" || c.Sub == "" || c.SID == "" {
		return Hint{}, invalid(op, nil)
	}
	return Hint{Client: c.Audience, Sub: c.Sub, SID: c.SID}, nil
}

func (m *Minter) sign(op string, c Client, typ string, claims any) (string, error) {
	raw, err := json.Marshal(claims)
	if err != nil {
		return "", usher.Wrap(op, err)
	}
	out, err := m.Ring.Sign(cmp.Or(c.Algorithm, key.ES256), typ, raw)
	return out, usher.Wrap(op, err)
}

// atHash is the left half of the hash of the access token; both algorithms that
// we sign with use SHA-256.
func atHash(access string) string {
	sum := sha256.Sum256([]byte(access))
	return text(sum[:sha256.Size/2])
}

// Seconds is an instant as JWTs write it (RFC 7519, section 2, NumericDate).
func Seconds(at usher.Instant) int64 { return int64(at / usher.Second) }
