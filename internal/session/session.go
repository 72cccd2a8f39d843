package session

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/http"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
)

// CookieName is the session cookie. The __Host- prefix makes browsers refuse it
// from any other host, path or from plain HTTP.
const CookieName = "__Host-usher-session"

// DefaultLifetime is how long a session lasts after the sign-in that began it.
const DefaultLifetime = 12 * time.Hour

const idSize = 32 // bytes of a session id

var encoding = base64.RawURLEncoding.Strict()

// Reader is the part of the ledger that finds sessions.
type Reader interface {
	Session(ctx context.Context, tenant string, hash [32]byte) (ledger.Session, error)
}

// Beginner is the part of a ledger transaction that records a new session.
type Beginner interface {
	BeginSession(ctx context.Context, s ledger.Session) error
}

// Keeper begins and finds the sessions of one tenant. It holds no state.
type Keeper struct {
	Ledger   Reader
	Now      func() time.Time
	Tenant   string        // "" is the default tenant
	Lifetime time.Duration // zero is DefaultLifetime

	// Allowed reports whether people may be signed in by a provider
	// (usher.LocalIdP is one too); nil allows all.
	Allowed func(tenant, idp string) bool
}

// Begin draws an id for s, records s under it within the caller's transaction
// and gives the cookie's value, which must not reach the browser before that
// transaction is durable. Hash, Tenant, Created and Expires of s are filled in.
func (k *Keeper) Begin(ctx context.Context, tx Beginner, s ledger.Session) (string, error) {
	at := k.Now()
	id, now := ledger.NewSecret(at), usher.Instant(at.UnixMicro())
	s.Hash = ledger.HashOf(id)
	s.Tenant = k.tenant()
	s.Created = now
	s.Expires = now + usher.Instant(cmp.Or(k.Lifetime, DefaultLifetime).Microseconds())
	if err := tx.BeginSession(ctx, s); err != nil {
		return "", usher.Wrap("session.Begin", err)
	}
	return encoding.EncodeToString(id[:]), nil
}

// From is the session whose cookie r carries. A missing, malformed, unknown,
// ended or expired one, that of an account that may not be used, or one begun by
// a provider that is switched off or gone, is no session (false). A ledger that
// can't be read is an error, never "no session".
func (k *Keeper) From(r *http.Request) (ledger.Session, bool, error) {
	hash, ok := decode(r.CookiesNamed(CookieName))
	if !ok {
		return ledger.Session{}, false, nil
	}
	s, err := k.Ledger.Session(r.Context(), k.tenant(), hash)
	switch {
	case usher.KindOf(err) == usher.NotFound:
		return ledger.Session{}, false, nil
	case err != nil:
		return ledger.Session{}, false, usher.Wrap("session.From", err)
	case s.User != "" && s.State != usher.StateActive, k.Allowed != nil && !k.Allowed(s.Tenant, s.IdP):
		return ledger.Session{}, false, nil
	}
	return s, true, nil
}

// SetCookie gives the browser a new session id. The cookie ends with the
// browser; how long the id is good for is the ledger's to say.
func (k *Keeper) SetCookie(w http.ResponseWriter, value string) {
	http.SetCookie(w, cookie(value, 0))
}

// ClearCookie makes the browser forget its session id.
func (k *Keeper) ClearCookie(w http.ResponseWriter) {
	http.SetCookie(w, cookie("", -1))
}

func (k *Keeper) tenant() string { return cmp.Or(k.Tenant, usher.DefaultTenant) }

func cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: CookieName, Value: value, Path: "/", MaxAge: maxAge,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// decode gives the ledger's key for the one session cookie of a request. Two
// cookies of that name are none: nobody can tell which is ours. Only the hash
// is ever compared, so the time that takes says nothing about the id.
func decode(cookies []*http.Cookie) ([32]byte, bool) {
	if len(cookies) != 1 || len(cookies[0].Value) != encoding.EncodedLen(idSize) {
		return [32]byte{}, false
	}
	id, err := encoding.DecodeString(cookies[0].Value)
	if err != nil || len(id) != idSize {
		return [32]byte{}, false
	}
	return ledger.HashOf([idSize]byte(id)), true
}
