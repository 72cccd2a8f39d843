package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/usher-id/usher"
)

// maxKeys is how many keys of a set are looked at; the rest is as if it were
// not there.
const maxKeys = 100

// minRSA is the least size of an RSA modulus, in bits. The most is the JOSE
// library's 4096.
const minRSA = 2048

// key is one verification key of the provider, parsed once.
type key struct {
	id         string
	algorithms []string // those it can verify
	public     crypto.PublicKey
}

// published is a JWK (RFC 7517) as it stands in a key set: what a public key is
// made of. Certificates and addresses beside it are not read.
type published struct {
	Kty    string   `json:"kty"`
	Kid    string   `json:"kid,omitempty"`
	Use    string   `json:"use,omitempty"`
	KeyOps []string `json:"key_ops,omitempty"`
	Alg    string   `json:"alg,omitempty"`
	Crv    string   `json:"crv,omitempty"`
	N      string   `json:"n,omitempty"`
	E      string   `json:"e,omitempty"`
	X      string   `json:"x,omitempty"`
	Y      string   `json:"y,omitempty"`

	// Whoever publishes one of these has lost the key.
	D    json.RawMessage `json:"d,omitempty"`
	K    json.RawMessage `json:"k,omitempty"`
	P    json.RawMessage `json:"p,omitempty"`
	Q    json.RawMessage `json:"q,omitempty"`
	Priv json.RawMessage `json:"priv,omitempty"`
}

// signingKeys fetches the provider's keys. A set without one usable key is a
// failure, so that the keys had before stay in use.
func (c *Connector) signingKeys(ctx context.Context) ([]key, usher.Fault) {
	m, f := c.metadata.get(ctx)
	if f != (usher.Fault{}) {
		return nil, f
	}
	answer, f := c.get(ctx, m.value.jwks, "")
	if f != (usher.Fault{}) {
		return nil, fault(usher.ReasonUpstreamKeys, "key set: "+f.Detail)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(answer.body, &set); err != nil {
		return nil, fault(usher.ReasonUpstreamKeys, "key set: it is not a JSON object with a list of keys")
	}
	keys := usable(set.Keys)
	if len(keys) == 0 {
		return nil, fault(usher.ReasonUpstreamKeys, "key set: it holds no usable key")
	}
	return keys, usher.Fault{}
}

// usable picks the keys that can be trusted to verify a signature. A key that is
// not understood or is too weak is passed over (RFC 7517, section 5).
func usable(raw []json.RawMessage) []key {
	var keys []key
	for _, text := range raw[:min(len(raw), maxKeys)] {
		if k, ok := parseKey(text); ok {
			keys = append(keys, k)
		}
	}
	return keys
}

func parseKey(text []byte) (key, bool) {
	var p published
	if json.Unmarshal(text, &p) != nil || !p.forSignatures() || p.secret() {
		return key{}, false
	}
	clean, err := json.Marshal(p)
	if err != nil {
		return key{}, false
	}
	var parsed jose.JSONWebKey
	if parsed.UnmarshalJSON(clean) != nil || !parsed.Valid() || !parsed.IsPublic() {
		return key{}, false
	}
	k := key{id: p.Kid, algorithms: algorithmsOf(parsed.Key), public: parsed.Key}
	if p.Alg != "" {
		k.algorithms = slices.DeleteFunc(k.algorithms, func(alg string) bool { return alg != p.Alg })
	}
	return k, len(k.algorithms) > 0
}

func (p published) forSignatures() bool {
	return (p.Use == "" || p.Use == "sig") && (p.KeyOps == nil || slices.Contains(p.KeyOps, "verify"))
}

func (p published) secret() bool {
	return p.Kty == "oct" || p.D != nil || p.K != nil || p.P != nil || p.Q != nil || p.Priv != nil
}

// algorithmsOf is what a key of that kind and strength can verify (RFC 7518,
// section 3.1; RFC 8037).
func algorithmsOf(public crypto.PublicKey) []string {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve.Params().BitSize {
		case 256:
			return []string{"ES256"}
		case 384:
			return []string{"ES384"}
		case 521:
			return []string{"ES512"}
		}
	case *rsa.PublicKey:
		// A tiny or even exponent makes a key that anyone can sign for.
		if bits := k.N.BitLen(); bits >= minRSA && k.E >= 3 && k.E%2 == 1 {
			return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
		}
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	}
	return nil
}

// fits reports whether k may have made a signature with that header.
func (k key) fits(h header) bool {
	return (h.kid == "" || h.kid == k.id) && slices.Contains(k.algorithms, h.alg)
}
