package key

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"slices"

	"github.com/go-jose/go-jose/v4"
	usher "github.com/usher-id/usher"
)

// The signing algorithms (RFC 7518, section 3.1).
const (
	ES256 = string(jose.ES256)
	RS256 = string(jose.RS256)
)

const rsaBits = 2048

// signKey is one signing key ready for use.
type signKey struct {
	id      string
	alg     string
	private crypto.Signer
}

// Algorithms are the signing algorithms there is a key for, the default first.
func (r *Ring) Algorithms() []string { return slices.Clone(r.cfg.Algorithms) }

// JWKS is the published key set (RFC 7517): the keys that sign, those that soon
// will, and those whose tokens may still be about. Not to be changed.
func (r *Ring) JWKS() []byte { return r.now.Load().jwks }

// Sign makes a compact JWS (RFC 7515) of the claims, with the header's typ.
func (r *Ring) Sign(alg, typ string, claims []byte) (string, error) {
	const op = "key.Sign"
	k, ok := r.now.Load().active[alg]
	if !ok {
		return "", usher.Fail(usher.Internal, op, "", nil)
	}
	opts := (&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", k.id)
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: k.private}, opts)
	if err != nil {
		return "", usher.Wrap(op, err)
	}
	sig, err := s.Sign(claims)
	if err != nil {
		return "", usher.Wrap(op, err)
	}
	out, err := sig.CompactSerialize()
	return out, usher.Wrap(op, err)
}

// Verify checks a token of our own: the algorithm one of ours, the key by its
// kid, the header's typ exactly typ. Whatever is wrong is Invalid. It does not
// look at the claims.
func (r *Ring) Verify(token, typ string) ([]byte, error) {
	const op = "key.Verify"
	algs := make([]jose.SignatureAlgorithm, len(r.cfg.Algorithms))
	for i, a := range r.cfg.Algorithms {
		algs[i] = jose.SignatureAlgorithm(a)
	}
	sig, err := jose.ParseSignedCompact(token, algs)
	if err != nil {
		return nil, usher.Fail(usher.Invalid, op, "", err)
	}
	head := sig.Signatures[0].Protected
	if got, _ := head.ExtraHeaders[jose.HeaderType].(string); got != typ {
		return nil, usher.Fail(usher.Invalid, op, "", nil)
	}
	for _, k := range r.now.Load().signing[head.Algorithm] {
		if k.id != head.KeyID {
			continue
		}
		claims, err := sig.Verify(k.private.Public())
		if err != nil {
			return nil, usher.Fail(usher.Invalid, op, "", err)
		}
		return claims, nil
	}
	return nil, usher.Fail(usher.Invalid, op, "", nil)
}

func draw(alg string) ([]byte, error) {
	var private any
	var err error
	switch alg {
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case a256gcm, hs256:
		return drawSecret(), nil
	default:
		return nil, usher.Fail(usher.Invalid, "key.draw", "there is no signing algorithm "+alg+" here; use ES256 or RS256", nil)
	}
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(private)
}

func parseSignKey(k Stored, secret []byte) (signKey, error) {
	private, err := x509.ParsePKCS8PrivateKey(secret)
	if err != nil {
		return signKey{}, usher.Wrap("key.parseSignKey", err)
	}
	s, ok := private.(crypto.Signer)
	if !ok {
		return signKey{}, usher.Fail(usher.Internal, "key.parseSignKey", "", nil)
	}
	return signKey{id: k.ID, alg: k.Alg, private: s}, nil
}

func publish(signing map[string][]signKey, algs []string) ([]byte, error) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, alg := range algs {
		for _, k := range signing[alg] {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Algorithm: k.alg, Use: "sig"})
		}
	}
	return json.Marshal(set)
}
