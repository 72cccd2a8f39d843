package token

import (
	"cmp"
	"context"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
)

// The values of the typ header, which keep the kinds of token apart (RFC 8725,
// section 3.11).
const (
	typID     = "JWT"
	typAccess = "at+jwt" // RFC 9068, section 2.1
)

// Signer signs, verifies and makes pseudonyms; *key.Ring is one.
type Signer interface {
	Sign(alg, typ string, claims []byte) (string, error)
	Verify(token, typ string) (claims []byte, err error)
	MAC(purpose string, parts ...string) []byte
}

// Reader is what is read of the ledger.
type Reader interface {
	Family(ctx context.Context, tenant, id string) (ledger.Family, error)
}

// Lifetimes are how long things are good for. Zero values take the defaults.
type Lifetimes struct {
	Code    time.Duration // default 60 s
	ID      time.Duration // default 10 min
	Access  time.Duration // default 10 min
	Offline time.Duration // of a family with offline access, counted from the first use of its code; default 30 days
}

// Minter makes and checks tokens of one issuer. It holds no state of its own
// and is safe for concurrent use.
type Minter struct {
	Issuer    string
	Ring      Signer
	Ledger    Reader
	Now       func() time.Time
	Lifetimes Lifetimes
}

// Client is what must be known of an application to make tokens for it.
type Client struct {
	Tenant    string
	ID        string
	Audience  string // of access tokens; "" is the issuer, whose userinfo they open; those for others do not
	Algorithm string // signs its tokens; "" is ES256
	Pairwise  bool   // gets subs that no other sector gets (OpenID Connect Core, section 8.1)
	Sector    string // the sector of pairwise subs
	Federated bool   // its sub is that of the provider's subject, even of people with an account
	Explain   bool   // ID tokens carry the correlation id of the decision
}

func (m *Minter) now() usher.Instant { return usher.Instant(m.Now().UnixMicro()) }

func (m *Minter) codeLife() time.Duration { return cmp.Or(m.Lifetimes.Code, time.Minute) }

func (m *Minter) idLife() time.Duration { return cmp.Or(m.Lifetimes.ID, 10*time.Minute) }

func (m *Minter) accessLife() time.Duration { return cmp.Or(m.Lifetimes.Access, 10*time.Minute) }

func (m *Minter) offlineLife() time.Duration { return cmp.Or(m.Lifetimes.Offline, 30*24*time.Hour) }

func after(at usher.Instant, d time.Duration) usher.Instant {
	return at + usher.Instant(d.Microseconds())
}

func invalid(op string, cause error) error { return usher.Fail(usher.Invalid, op, "", cause) }
