package oidc

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-id/usher"
)

// good is claims that every check lets pass.
func good(want expected) map[string]any {
	return map[string]any{
		"iss": want.issuer, "aud": want.client, "azp": want.client, "nonce": want.nonce, "sub": "ada",
		"exp": want.now + 300, "iat": want.now, "nbf": want.now, "auth_time": want.now,
	}
}

func wanted() expected {
	age := int64(60)
	return expected{issuer: "https://idp.test", client: "usher", nonce: "n", now: 1_800_000_000, maxAge: &age, algorithm: "ES256"}
}

// Each claim that is checked refuses by its own word when it is anything else.
func TestCheckNamesTheRule(t *testing.T) {
	want := wanted()
	if f := check(value(t, good(want)), want); f != (usher.Fault{}) {
		t.Fatalf("good claims: %v", f)
	}
	for claim, reason := range map[string]usher.Reason{
		"iss": usher.ReasonIssuer, "aud": usher.ReasonAudience, "azp": usher.ReasonAudience, "nonce": usher.ReasonNonce,
		"exp": usher.ReasonExpired, "iat": usher.ReasonNotYetValid, "nbf": usher.ReasonNotYetValid,
		"auth_time": usher.ReasonAuthTime, "at_hash": usher.ReasonSignature,
	} {
		for _, bad := range []any{nil, true, "x", []any{}, []any{"x"}, map[string]any{}, "1800000000", 1e15, -1} {
			claims := good(want)
			claims[claim] = bad
			if f := check(value(t, claims), want); f.Reason != reason || f.Detail == "" {
				t.Errorf("%s = %v: %v, want %s", claim, bad, f, reason)
			}
		}
	}
}

// Whatever the claims are, check answers, and lets nothing pass that lacks what
// a sign-in stands on.
func TestCheckIsTotal(t *testing.T) {
	want := wanted()
	names := []string{"iss", "aud", "azp", "nonce", "exp", "iat", "nbf", "auth_time", "at_hash", "x"}
	values := []any{nil, "", "usher", "n", "https://idp.test", 0, 1_800_000_000, 1_800_000_061, []any{"usher"}, true}
	rapid.Check(t, func(t *rapid.T) {
		claims := good(want)
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			name := rapid.SampledFrom(names).Draw(t, "name")
			if i := rapid.IntRange(-1, len(values)-1).Draw(t, "value"); i < 0 {
				delete(claims, name)
			} else {
				claims[name] = values[i]
			}
		}
		v := plain(claims)
		if f := check(v, want); f != (usher.Fault{}) {
			if f.Reason == "" || f.Detail == "" {
				t.Fatalf("half a fault: %v", f)
			}
			return
		}
		iss, _ := v.Get("iss").Text()
		nonce, _ := v.Get("nonce").Text()
		exp, hasExp := seconds(v.Get("exp"))
		_, hasIat := seconds(v.Get("iat"))
		_, hasAuth := seconds(v.Get("auth_time"))
		if iss != want.issuer || nonce != want.nonce || !hasExp || exp <= want.now-skew || !hasIat || !hasAuth {
			t.Fatalf("let pass: %v", claims)
		}
	})
	if f := check(usher.Value{}, want); f.Reason != usher.ReasonIssuer {
		t.Errorf("no claims at all: %v", f)
	}
}

// plain is a value of Go as a claim.
func plain(x any) usher.Value {
	switch x := x.(type) {
	case bool:
		return usher.BoolValue(x)
	case string:
		return usher.StringValue(x)
	case int:
		return usher.NumberValue(strconv.Itoa(x))
	case int64:
		return usher.NumberValue(strconv.FormatInt(x, 10))
	case []any:
		items := make([]usher.Value, len(x))
		for i := range x {
			items[i] = plain(x[i])
		}
		return usher.ListValue(items...)
	case map[string]any:
		var members []usher.Member
		for name, v := range x {
			members = append(members, usher.Member{Name: name, Value: plain(v)})
		}
		return usher.ObjectValue(members...)
	}
	return usher.NullValue()
}

func TestSeconds(t *testing.T) {
	for literal, want := range map[string]int64{
		"0": 0, "-0": 0, "1800000000": 1_800_000_000, "1800000000.9": 1_800_000_000, "1.8e9": 1_800_000_000,
		"253402300799": 253402300799, "253402300800": -1, "-1": -1, "-0.5": -1, "1e18": -1, "9223372036854775808": -1, "1e308": -1,
	} {
		got, ok := seconds(usher.NumberValue(literal))
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%s: %d %v", literal, got, ok)
		}
	}
	if _, ok := seconds(usher.StringValue("1800000000")); ok {
		t.Error("a text is a time")
	}
}

func BenchmarkCheck(b *testing.B) {
	want := wanted()
	claims := plain(good(want))
	for b.Loop() {
		if f := check(claims, want); f != (usher.Fault{}) {
			b.Fatal(f)
		}
	}
}
