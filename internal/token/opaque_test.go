package token_test

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/token"
)

// changed gives s with every bit flipped that leaves printable text, and cut at
// every length.
func changed(s string) []string {
	out := []string{"", s + "A", s + "=", s + "\n", s[:1] + "\n" + s[1:], " " + s}
	for i := range s {
		out = append(out, s[:i])
		for bit := range 7 {
			b := []byte(s)
			b[i] ^= 1 << bit
			out = append(out, string(b))
		}
	}
	return out
}

func TestRefreshToken(t *testing.T) {
	w := newWorld(t)
	f := w.family(t, true)
	seen := []string{}
	for _, generation := range []int64{0, 1, 2, 1 << 40} {
		raw, err := w.Refresh(f.Tenant, f.ID, generation)
		if err != nil || slices.Contains(seen, raw) {
			t.Fatal(raw, err)
		}
		seen = append(seen, raw)
		id, got, err := w.ReadRefresh(f.Tenant, raw)
		if err != nil || id != f.ID || got != generation {
			t.Errorf("%s %d %v", id, got, err)
		}
		if _, _, err := w.ReadRefresh("other", raw); usher.KindOf(err) != usher.Invalid {
			t.Errorf("read at another tenant: %v", err)
		}
	}
	for _, bad := range []struct {
		family     string
		generation int64
	}{{f.ID, -1}, {"short", 0}, {f.ID + "00", 0}} {
		if raw, err := w.Refresh(f.Tenant, bad.family, bad.generation); err == nil {
			t.Errorf("%v made %s", bad, raw)
		}
	}
}

func TestA091_ChangedRefreshTokenIsNone(t *testing.T) {
	w := newWorld(t)
	f := w.family(t, true)
	raw, err := w.Refresh(f.Tenant, f.ID, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range changed(raw) {
		if _, _, err := w.ReadRefresh(f.Tenant, bad); usher.KindOf(err) != usher.Invalid {
			t.Fatalf("%q: %v", bad, err)
		}
	}
}

func TestA091_ChangedAccessTokenIsNone(t *testing.T) {
	w := newWorld(t)
	f := w.family(t, false)
	raw, _, err := w.Access(app, f, f.Scope)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		b := []byte(raw)
		b[i] ^= 1
		for _, bad := range []string{raw[:i], string(b)} {
			if a, err := w.ReadAccess(bad); usher.KindOf(err) != usher.Invalid {
				t.Fatalf("%d: %+v, %v", i, a, err)
			}
		}
	}
}

func TestCodes(t *testing.T) {
	w := newWorld(t)
	text, code := w.NewCode(ledger.Code{Application: "a"})
	again, code2 := w.NewCode(ledger.Code{Application: "a"})
	if text == again || code.Family == code2.Family || code.Application != "a" {
		t.Fatal("two codes are alike")
	}
	if hash, ok := token.CodeHash(text); !ok || hash != code.Hash {
		t.Error("a code is not found by its text")
	}
	if raw, err := base64.RawURLEncoding.DecodeString(text); err != nil || len(raw) != 32 {
		t.Errorf("a code has %d bytes", len(raw))
	}
	for _, bad := range changed(text) {
		if hash, ok := token.CodeHash(bad); ok && hash == code.Hash {
			t.Fatalf("%q is the same code", bad)
		}
	}
}

func TestA082_PKCE(t *testing.T) {
	// The example of RFC 7636, appendix B.
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	if !token.Proves(verifier, challenge) || !token.ChallengeFits(challenge) {
		t.Fatal("the example does not prove")
	}
	empty := sha256.Sum256(nil)
	for what, c := range map[string][2]string{
		"wrong verifier":       {strings.Repeat("a", 43), challenge},
		"no verifier":          {"", challenge},
		"no challenge":         {verifier, ""},
		"neither":              {"", ""},
		"plain":                {verifier, verifier},
		"hash of nothing":      {"", base64.RawURLEncoding.EncodeToString(empty[:])},
		"padded challenge":     {verifier, challenge + "="},
		"short":                {verifier[:42], s256(verifier[:42])},
		"long":                 {strings.Repeat("a", 129), s256(strings.Repeat("a", 129))},
		"forbidden characters": {strings.Repeat("ä", 30), s256(strings.Repeat("ä", 30))},
	} {
		if token.Proves(c[0], c[1]) {
			t.Errorf("%s proves", what)
		}
	}
	if long := strings.Repeat("~", 128); !token.Proves(long, s256(long)) {
		t.Error("128 characters are allowed")
	}
	for _, bad := range []string{"", challenge[:42], challenge + "A", challenge[:42] + "=", challenge[:42] + "N", verifier + "~"} {
		if token.ChallengeFits(bad) {
			t.Errorf("%q fits as a challenge", bad)
		}
	}
}

func s256(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func FuzzReadRefresh(f *testing.F) {
	w := newWorld(f)
	fam := w.family(f, true)
	good, err := w.Refresh(fam.Tenant, fam.ID, 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(strings.Repeat("A", len(good)))
	f.Add("")
	f.Fuzz(func(t *testing.T, raw string) {
		id, generation, err := w.ReadRefresh(fam.Tenant, raw)
		if (err == nil) != (raw == good) {
			t.Fatalf("%q: %s %d %v", raw, id, generation, err)
		}
	})
}
