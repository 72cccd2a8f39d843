package jws

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func signed(t *testing.T, kid string) (Keys, string) {
	t.Helper()
	s, err := NewSigner(kid)
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Sign(map[string]string{"sub": "ada"})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseKeys(s.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	return keys, token
}

func TestVerify(t *testing.T) {
	keys, token := signed(t, "a")
	payload, err := keys.Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Sub string }
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Sub != "ada" {
		t.Fatalf("payload %s, %v", payload, err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	keys, token := signed(t, "a")
	others, foreign := signed(t, "a")
	_, renamed := signed(t, "b")
	part := strings.Split(token, ".")
	unsigned := B64.EncodeToString([]byte(`{"alg":"none","kid":"a"}`)) + "." + part[1] + "."
	for name, c := range map[string]struct {
		keys  Keys
		token string
		want  error
	}{
		"another key's":   {keys, foreign, ErrSignature},
		"under other key": {others, token, ErrSignature},
		"unknown key":     {keys, renamed, ErrKey},
		"unsigned":        {keys, unsigned, ErrSignature},
		"no keys":         {nil, token, ErrKey},
	} {
		if _, err := c.keys.Verify(c.token); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
