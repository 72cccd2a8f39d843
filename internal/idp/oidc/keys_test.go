package oidc

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idptest"
)

func ecKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// jwk is a key as an object whose members a test may change.
func jwk(t testing.TB, key any, members map[string]any) map[string]any {
	t.Helper()
	text, err := jose.JSONWebKey{Key: key}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	maps.Copy(out, members)
	return out
}

func withoutKid(h map[string]any) { delete(h, "kid") }

// with publishes other keys around the provider's own.
func with(before, after []any) func(map[string]any) {
	return func(set map[string]any) {
		keys := append([]any{}, before...)
		keys = append(keys, set["keys"].([]any)...)
		set["keys"] = append(keys, after...)
	}
}

func TestA054_WithoutKid(t *testing.T) {
	other, rs := jwk(t, &ecKey(t, elliptic.P256()).PublicKey, nil), jwk(t, &rsaKey(t, 2048).PublicKey, nil)
	for name, c := range map[string]struct {
		jwks func(map[string]any)
		want usher.Reason
	}{
		"one key":                    {nil, ""},
		"many, one of the algorithm": {with([]any{rs, rs}, []any{rs}), ""},
		"many of the algorithm":      {with([]any{other, rs}, []any{other}), ""},
		"none of the algorithm":      {func(set map[string]any) { set["keys"] = []any{rs, rs} }, usher.ReasonSignature},
		"many, none the right":       {func(set map[string]any) { set["keys"] = []any{other, other} }, usher.ReasonSignature},
		"one, of another algorithm":  {func(set map[string]any) { set["keys"] = []any{rs} }, usher.ReasonSignature},
		"the right, but for another alg": {func(set map[string]any) {
			k := set["keys"].([]any)[0].(jose.JSONWebKey)
			k.Algorithm = "ES384"
			set["keys"] = []any{other, k}
		}, usher.ReasonSignature},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			w.provider.Misbehave(idptest.Tamper{Header: withoutKid, JWKS: c.jwks})
			if a := w.signIn(t); c.want == "" {
				accepted(t, a)
			} else {
				refused(t, a, c.want)
			}
		})
	}
}

// ones is n bytes of ones, as JWKs write them.
func ones(n int) string { return base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, n)) }

// badKeys is keys that must be as if they were not there.
func badKeys(t *testing.T) []any {
	t.Helper()
	weak, err := json.Marshal(map[string]any{"kty": "RSA", "n": ones(64), "e": "AQAB"})
	if err != nil {
		t.Fatal(err)
	}
	return []any{
		json.RawMessage(weak),
		map[string]any{"kty": "RSA", "n": ones(8193), "e": "AQAB"},
		jwk(t, &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}, nil),
		jwk(t, &rsaKey(t, 2048).PublicKey, map[string]any{"e": "AQ"}),
		jwk(t, &rsaKey(t, 2048).PublicKey, map[string]any{"e": "Ag"}),
		jwk(t, &ecKey(t, elliptic.P256()).PublicKey, map[string]any{"y": ones(32)}),
		jwk(t, &ecKey(t, elliptic.P256()).PublicKey, map[string]any{"crv": "P-192"}),
		jwk(t, &ecKey(t, elliptic.P256()).PublicKey, map[string]any{"crv": "P-521"}),
		jwk(t, &ecKey(t, elliptic.P256()).PublicKey, map[string]any{"use": "enc"}),
		jwk(t, &ecKey(t, elliptic.P256()).PublicKey, map[string]any{"key_ops": []string{"encrypt"}}),
		jwk(t, &ecKey(t, elliptic.P256()).PublicKey, map[string]any{"alg": "ES384"}),
		jwk(t, &ecKey(t, elliptic.P256()).PublicKey, map[string]any{"alg": "none"}),
		jwk(t, ecKey(t, elliptic.P256()), nil), // with its private half
		jwk(t, rsaKey(t, 2048), nil),
		jwk(t, &ecKey(t, elliptic.P256()).PublicKey, map[string]any{"k": "AAAA"}), // with something secret
		jwk(t, &rsaKey(t, 2048).PublicKey, map[string]any{"p": "AAAA"}),
		map[string]any{"kty": "oct", "k": ones(32), "alg": "HS256"},
		map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(make([]byte, 32))},
		map[string]any{"kty": "OKP", "crv": "X25519", "x": ones(32)},
		map[string]any{"kty": "new"}, map[string]any{"kty": 7}, map[string]any{}, "a text", nil, 7, []any{},
	}
}

func TestA055_KeysThatMustNotMatter(t *testing.T) {
	bad := badKeys(t)
	for i, k := range bad {
		text, err := json.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := parseKey(text); ok {
			t.Errorf("key %d is used, for %v: %s", i, got.algorithms, text)
		}
	}
	w := newWorld(t, setup{})
	w.provider.Misbehave(idptest.Tamper{JWKS: with(bad, bad)})
	accepted(t, w.signIn(t))

	t.Run("alone", func(t *testing.T) {
		w := newWorld(t, setup{})
		w.provider.Misbehave(idptest.Tamper{JWKS: func(set map[string]any) { set["keys"] = bad }})
		refused(t, w.signIn(t), usher.ReasonUpstreamKeys)
	})
}

func TestA055_KeySetsThatAreOdd(t *testing.T) {
	t.Run("two keys with one kid", func(t *testing.T) {
		for _, first := range []bool{true, false} {
			w := newWorld(t, setup{})
			w.provider.Misbehave(idptest.Tamper{JWKS: func(set map[string]any) {
				own := set["keys"].([]any)
				twin := jwk(t, &ecKey(t, elliptic.P256()).PublicKey, map[string]any{"kid": own[0].(jose.JSONWebKey).KeyID, "alg": "ES256"})
				if set["keys"] = append([]any{twin}, own...); first {
					set["keys"] = append(own, twin)
				}
			}})
			accepted(t, w.signIn(t))
		}
	})
	t.Run("10,000 keys", func(t *testing.T) {
		other := map[string]any{"kty": "OKP", "crv": "Ed25519", "x": ones(32)[:40] + "AAA"}
		many := make([]any, 10_000)
		for i := range many {
			many[i] = other
		}
		w := newWorld(t, setup{})
		began := time.Now()
		w.provider.Misbehave(idptest.Tamper{JWKS: with(nil, many)})
		accepted(t, w.signIn(t))
		w.connector = w.connect(nil)
		w.provider.Misbehave(idptest.Tamper{JWKS: with(many, nil), Header: withoutKid})
		refused(t, w.signIn(t), usher.ReasonSignature) // ours is beyond the first hundred
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
	t.Run("of 1 MB and more", func(t *testing.T) {
		w := newWorld(t, setup{})
		w.provider.Misbehave(idptest.Tamper{JWKS: func(set map[string]any) { set["x"] = ones(1 << 20) }})
		refused(t, w.signIn(t), usher.ReasonUpstreamKeys)
	})
}

func TestA056_UnknownKidsCauseFewFetches(t *testing.T) {
	w := newWorld(t, setup{})
	accepted(t, w.signIn(t))
	var mu sync.Mutex
	n := 0
	w.provider.Misbehave(idptest.Tamper{Header: func(h map[string]any) {
		mu.Lock()
		defer mu.Unlock()
		n++
		h["kid"] = fmt.Sprint("random-", n)
	}})
	flood := func() {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { refused(t, w.signIn(t), usher.ReasonSignature) })
		}
		all.Wait()
	}
	for i, step := range []struct {
		pass time.Duration
		want int // fetches of the key set in all
	}{{0, 2}, {0, 2}, {9 * time.Second, 2}, {time.Second, 3}, {5 * time.Second, 3}} {
		w.pass(step.pass)
		flood()
		if got := w.provider.Hits(idptest.JWKS); got != step.want {
			t.Errorf("flood %d: %d fetches, want %d", i, got, step.want)
		}
	}
	w.provider.Misbehave(idptest.Tamper{})
	accepted(t, w.signIn(t))
}

func TestF027_KeysRotatedBetweenAuthorizationAndToken(t *testing.T) {
	for name, rotate := range map[string]func(*idptest.Provider){
		"the old key withdrawn": (*idptest.Provider).RotateKeys,
		"the old key kept":      (*idptest.Provider).AddKey,
		"without kid": func(p *idptest.Provider) {
			p.RotateKeys()
			p.Misbehave(idptest.Tamper{Header: withoutKid})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			accepted(t, w.signIn(t))
			arrival := w.begin(t)
			rotate(w.provider)
			accepted(t, w.connector.Finish(t.Context(), arrival))
			if n := w.provider.Hits(idptest.JWKS); n != 2 {
				t.Errorf("%d fetches of the key set, want 2", n)
			}
			accepted(t, w.signIn(t))
			if n := w.provider.Hits(idptest.JWKS); n != 2 {
				t.Errorf("%d fetches of the key set after another sign-in, want 2", n)
			}
		})
	}
}

// A key that was withdrawn is not believed for longer than keys are kept.
func TestWithdrawnKeyIsForgotten(t *testing.T) {
	w := newWorld(t, setup{})
	sign, stolen := es256(t)
	lost := jose.JSONWebKey{Key: stolen.Public(), KeyID: "lost", Algorithm: "ES256"}
	forge := func(h map[string]any) { h["kid"] = "lost" }
	w.provider.Misbehave(idptest.Tamper{Header: forge, Sign: sign, JWKS: with(nil, []any{lost})})
	accepted(t, w.signIn(t))
	w.provider.Misbehave(idptest.Tamper{Header: forge, Sign: sign})
	w.pass(fresh)
	refused(t, w.signIn(t), usher.ReasonSignature)
}
