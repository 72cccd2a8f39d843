package token

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"

	"github.com/usher-id/usher/internal/ledger"
)

var strict = base64.RawURLEncoding.Strict()

// The bounds of a PKCE code verifier (RFC 7636, section 4.1).
const (
	minVerifier = 43
	maxVerifier = 128
)

// NewCode draws an authorization code: its text for the application, and its
// hash, end and family id filled into c for the ledger.
func (m *Minter) NewCode(c ledger.Code) (string, ledger.Code) {
	secret := ledger.NewSecret(m.Now())
	c.Hash = ledger.HashOf(secret)
	c.Family = newFamilyID(secret)
	c.Expires = after(m.now(), m.codeLife())
	return strict.EncodeToString(secret[:]), c
}

// CodeHash is the ledger's key of a code; false if the text can't be a code.
func CodeHash(code string) ([32]byte, bool) {
	raw, ok := decode(code, 32)
	if !ok {
		return [32]byte{}, false
	}
	return ledger.HashOf([32]byte(raw)), true
}

// decode reads exactly n bytes of base64url. There is one text for each value:
// no padding, no line breaks, no stray bits.
func decode(s string, n int) ([]byte, bool) {
	if len(s) != strict.EncodedLen(n) {
		return nil, false
	}
	raw, err := strict.DecodeString(s)
	return raw, err == nil && len(raw) == n
}

// ChallengeFits reports whether s can be an S256 code challenge (RFC 7636,
// section 4.2).
func ChallengeFits(s string) bool {
	_, ok := decode(s, sha256.Size)
	return ok
}

// Proves reports whether verifier is the one behind the S256 challenge. No
// verifier proves the empty challenge.
func Proves(verifier, challenge string) bool {
	if challenge == "" || len(verifier) < minVerifier || len(verifier) > maxVerifier {
		return false
	}
	for _, c := range []byte(verifier) {
		if !unreserved(c) {
			return false
		}
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(text(sum[:])), []byte(challenge)) == 1
}

func unreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '.' || c == '_' || c == '~'
}

// NewFamily is the family that the first use of a code begins.
func (m *Minter) NewFamily(c ledger.Code, offline bool) ledger.Family {
	now := m.now()
	life := m.accessLife()
	if offline {
		life = m.offlineLife()
	}
	return ledger.Family{
		ID: c.Family, Tenant: c.Tenant, Application: c.Application, Session: c.Session, IdP: c.IdP, User: c.User, Store: c.Store,
		Sub: c.Sub, Scope: c.Scope, Nonce: c.Nonce, AuthTime: c.AuthTime, ACR: c.ACR, AMR: c.AMR,
		Decision: c.Decision, Offline: offline, Created: now, Expires: after(now, life),
	}
}
