package idptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// signer is one signing key. Signatures are made here and not by a JOSE library,
// because a library rightly refuses to make most of what tests need.
type signer struct {
	id, alg string
	digest  crypto.Hash // 0: the message itself is signed
	key     crypto.Signer
}

func newSigner(alg string) *signer {
	s := &signer{id: rand.Text()[:8], alg: alg}
	var err error
	switch alg {
	case "ES256":
		s.digest = crypto.SHA256
		s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		s.digest = crypto.SHA384
		s.key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		s.digest = crypto.SHA512
		s.key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "RS256", "PS256":
		s.digest = crypto.SHA256
		s.key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "EdDSA":
		_, s.key, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("idptest: no such algorithm: %s", alg)
	}
	if err != nil {
		panic(err)
	}
	return s
}

// jwk is the public half, as it is published.
func (s *signer) jwk() jose.JSONWebKey {
	return jose.JSONWebKey{Key: s.key.Public(), KeyID: s.id, Algorithm: s.alg, Use: "sig"}
}

// sign is a JWS signature (RFC 7518, section 3).
func (s *signer) sign(input []byte) ([]byte, error) {
	digest := input
	if s.digest != 0 {
		h := s.digest.New()
		h.Write(input)
		digest = h.Sum(nil)
	}
	switch key := s.key.(type) {
	case *ecdsa.PrivateKey:
		r, t, err := ecdsa.Sign(rand.Reader, key, digest)
		if err != nil {
			return nil, err
		}
		size := (key.Curve.Params().BitSize + 7) / 8
		out := make([]byte, 2*size)
		r.FillBytes(out[:size])
		t.FillBytes(out[size:])
		return out, nil
	case *rsa.PrivateKey:
		if s.alg == "PS256" {
			return key.Sign(rand.Reader, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.digest})
		}
	}
	return s.key.Sign(rand.Reader, digest, s.digest)
}

// hash is at_hash (OpenID Connect Core 1.0, section 3.1.3.6).
func (s *signer) hash(token string) string {
	digest := s.digest
	if digest == 0 {
		digest = crypto.SHA512
	}
	h := digest.New()
	h.Write([]byte(token))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:digest.Size()/2])
}

// compact is a JWS in compact form (RFC 7515, section 7.1).
func compact(header map[string]any, payload []byte, sign func([]byte) ([]byte, error)) (string, error) {
	head, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	input := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := sign([]byte(input))
	if err != nil {
		return "", err
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
