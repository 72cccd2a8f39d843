// Package jws signs and verifies compact ES256 tokens (RFC 7515, RFC 7518
// section 3.4) with the standard library alone, so that the load tools measure
// a broker and not a library. It checks signatures and nothing else: what the
// claims say is the caller's business.
package jws

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// B64 is the encoding of everything in a compact token.
var B64 = base64.RawURLEncoding

// coordinate is the length of one P-256 coordinate, and of half a signature, in bytes.
const coordinate = 32

// ErrSignature says that a token's signature does not fit its key.
var ErrSignature = errors.New("jws: the signature does not fit")

// ErrKey says that no key has the token's key id; it may have been rotated.
var ErrKey = errors.New("jws: no such key")

// jwk is a P-256 public key as RFC 7517 writes it.
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	Alg string `json:"alg,omitempty"`
	Use string `json:"use,omitempty"`
	Kid string `json:"kid"`
	X   string `json:"x"`
	Y   string `json:"y"`
}

type jwks struct {
	Keys []jwk `json:"keys"`
}

// Signer signs with one key of its own.
type Signer struct {
	key    *ecdsa.PrivateKey
	head   string // the encoded header and its dot
	public []byte // the key set as JSON
}

// NewSigner makes a key and names it kid.
func NewSigner(kid string) (*Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	point, err := key.PublicKey.Bytes() // 0x04, x, y
	if err != nil {
		return nil, err
	}
	public, err := json.Marshal(jwks{[]jwk{{
		Kty: "EC", Crv: "P-256", Alg: "ES256", Use: "sig", Kid: kid,
		X: B64.EncodeToString(point[1 : 1+coordinate]), Y: B64.EncodeToString(point[1+coordinate:]),
	}}})
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf(`{"alg":"ES256","kid":%q,"typ":"JWT"}`, kid)
	return &Signer{key: key, head: B64.EncodeToString([]byte(head)) + ".", public: public}, nil
}

// JWKS is the public key set, to be served as it is.
func (s *Signer) JWKS() []byte { return s.public }

// Sign makes a token of claims.
func (s *Signer) Sign(claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	in := make([]byte, 0, len(s.head)+2*len(payload)+2*coordinate)
	in = B64.AppendEncode(append(in, s.head...), payload)
	digest := sha256.Sum256(in)
	r, t, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		return "", err
	}
	var sig [2 * coordinate]byte
	r.FillBytes(sig[:coordinate])
	t.FillBytes(sig[coordinate:])
	return string(B64.AppendEncode(append(in, '.'), sig[:])), nil
}

// Keys are public keys by key id. Nil knows none.
type Keys map[string]*ecdsa.PublicKey

// ParseKeys reads a key set (RFC 7517). Keys other than P-256 are left out.
func ParseKeys(set []byte) (Keys, error) {
	var doc jwks
	if err := json.Unmarshal(set, &doc); err != nil {
		return nil, err
	}
	keys := Keys{}
	for _, k := range doc.Keys {
		if k.Kty != "EC" || k.Crv != "P-256" {
			continue
		}
		x, errX := B64.DecodeString(k.X)
		y, errY := B64.DecodeString(k.Y)
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
		if err := errors.Join(errX, errY, err); err != nil {
			return nil, err
		}
		keys[k.Kid] = key
	}
	return keys, nil
}

// Verify gives the payload of a token whose signature fits its key: ErrKey if
// there is no such key, ErrSignature if it does not fit.
func (k Keys) Verify(token string) ([]byte, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("jws: not a compact token")
	}
	var head struct{ Alg, Kid string }
	if err := decode(parts[0], &head); err != nil {
		return nil, err
	}
	key, ok := k[head.Kid]
	if !ok {
		return nil, ErrKey
	}
	sig, err := B64.DecodeString(parts[2])
	if err != nil || head.Alg != "ES256" || len(sig) != 2*coordinate {
		return nil, ErrSignature
	}
	digest := sha256.Sum256([]byte(token[:len(parts[0])+1+len(parts[1])]))
	r, s := new(big.Int).SetBytes(sig[:coordinate]), new(big.Int).SetBytes(sig[coordinate:])
	if !ecdsa.Verify(key, digest[:], r, s) {
		return nil, ErrSignature
	}
	return B64.DecodeString(parts[1])
}

func decode(part string, into any) error {
	b, err := B64.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}
