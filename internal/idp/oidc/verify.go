package oidc

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp"
)

// The limits on an ID token.
const (
	maxToken  = 1 << 20  // characters in all
	maxHeader = 16 << 10 // characters of the header
)

// header is what of a JOSE header has a say. Addresses of keys and keys in it
// (jku, x5u, jwk, x5c) have none.
type header struct{ alg, kid string }

// parseHeader looks at a token before anything costly is done with it.
func parseHeader(token string, allowed []string) (header, usher.Fault) {
	malformed := func(detail string) (header, usher.Fault) {
		return header{}, fault(usher.ReasonMalformed, detail)
	}
	head, _, _ := strings.Cut(token, ".")
	switch dots := strings.Count(token, "."); {
	case len(token) > maxToken, len(head) > maxHeader:
		return header{}, fault(usher.ReasonTooLarge, "the ID token is too large")
	case dots == 4:
		return malformed("the ID token is encrypted, which is not supported")
	case dots != 2:
		return malformed("the ID token is not a JWS in compact form")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(head)
	if err != nil {
		return malformed("the ID token's header is not base64url")
	}
	doc, err := idp.DecodeClaims(raw)
	if err != nil {
		return malformed("the ID token's header: " + usher.Shown(err))
	}
	for _, name := range []string{"crit", "b64"} {
		if doc.Get(name).Kind() != usher.Absent {
			return malformed("the ID token's header has " + name)
		}
	}
	if typ, _ := doc.Get("typ").Text(); strings.HasSuffix(strings.ToLower(typ), "+jwt") {
		return malformed("the token is of another type than an ID token (RFC 8725, section 3.11)")
	}
	var h header
	h.alg, _ = doc.Get("alg").Text()
	if !slices.Contains(allowed, h.alg) {
		return header{}, fault(usher.ReasonAlgorithm, "the ID token is signed with an algorithm that is not accepted")
	}
	if kid := doc.Get("kid"); kid.Kind() != usher.Absent {
		var ok bool
		if h.kid, ok = kid.Text(); !ok || h.kid == "" {
			return malformed("the ID token's kid is not a text")
		}
	}
	return h, usher.Fault{}
}

// witness is the key set of one verification. It keeps what it saw, because the
// verifier that asks it tells neither the reason nor the payload it refused.
type witness struct {
	keys    *cache[[]key]
	header  header
	payload []byte // once the signature is verified
	fault   usher.Fault
}

var _ gooidc.KeySet = (*witness)(nil)

var errNotVerified = errors.New("oidc: the signature is not verified")

// VerifySignature implements gooidc.KeySet. If no key fits, or none of those
// that fit verifies, the keys may have been rotated: they are fetched again once.
func (w *witness) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(w.header.alg)})
	if err != nil {
		w.fault = fault(usher.ReasonMalformed, "the ID token is not a JWS in compact form")
		return nil, errNotVerified
	}
	var keys *fetched[[]key]
	if keys, w.fault = w.keys.get(ctx); keys == nil {
		return nil, errNotVerified
	}
	if w.try(jws, keys.value) {
		return w.payload, nil
	}
	if newer, ok := w.keys.renew(ctx, keys); ok && w.try(jws, newer.value) {
		return w.payload, nil
	}
	w.fault = fault(usher.ReasonSignature, "no key of the provider verifies the ID token's signature")
	return nil, errNotVerified
}

func (w *witness) try(jws *jose.JSONWebSignature, keys []key) bool {
	for _, k := range keys {
		if !k.fits(w.header) {
			continue
		}
		if payload, err := jws.Verify(k.public); err == nil {
			w.payload = payload
			return true
		}
	}
	return false
}

// verify is the claims of an ID token that is signed by the provider and meant
// for this sign-in. The library and the table of checks must both agree; the
// table, which reads strictly, says why not.
func (c *Connector) verify(ctx context.Context, token string, want expected) (usher.Value, usher.Fault) {
	h, f := parseHeader(token, c.cfg.Algorithms)
	if f != (usher.Fault{}) {
		return usher.Value{}, f
	}
	w := &witness{keys: c.keys, header: h}
	_, err := gooidc.NewVerifier(c.cfg.Issuer, w, c.verifier).Verify(ctx, token)
	if w.payload == nil {
		if w.fault == (usher.Fault{}) {
			w.fault = fault(usher.ReasonMalformed, "the ID token is not a JWS in compact form")
		}
		return usher.Value{}, w.fault
	}
	claims, decodeErr := idp.DecodeClaims(w.payload)
	if decodeErr != nil {
		return usher.Value{}, fault(usher.ReasonMalformed, "ID token: "+usher.Shown(decodeErr))
	}
	want.algorithm = h.alg
	if f := check(claims, want); f != (usher.Fault{}) {
		return usher.Value{}, f
	}
	if err != nil {
		if sub := claims.Get("sub").Kind(); sub != usher.String && sub != usher.Absent && sub != usher.Null {
			return usher.Value{}.With("sub", claims.Get("sub")), fault(usher.ReasonSubjectNotText, "sub is not a text")
		}
		return usher.Value{}, fault(usher.ReasonMalformed, "the ID token was refused by a second reader")
	}
	return claims, usher.Fault{}
}
