package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idptest"
)

// es256 signs as someone who is not the provider.
func es256(t testing.TB) (func(input []byte) []byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return func(input []byte) []byte {
		sum := sha256.Sum256(input)
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			t.Error(err)
		}
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out
	}, key
}

func TestA043_AlgorithmsThatAreNotAccepted(t *testing.T) {
	set := func(name string, value any) func(map[string]any) {
		return func(h map[string]any) { h[name] = value }
	}
	none := func([]byte) []byte { return nil }
	// The confusion: an HMAC under what is public of the provider's key.
	w := newWorld(t, setup{})
	res, err := http.Get(w.server.URL + "/jwks")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	var jwks jose.JSONWebKeySet
	if err != nil || json.Unmarshal(body, &jwks) != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(jwks.Keys[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	hs256 := func(key []byte) func([]byte) []byte {
		return func(input []byte) []byte {
			mac := hmac.New(sha256.New, key)
			mac.Write(input)
			return mac.Sum(nil)
		}
	}
	for name, c := range map[string]struct {
		header func(map[string]any)
		sign   func([]byte) []byte
		want   usher.Reason
	}{
		"none":                      {set("alg", "none"), none, usher.ReasonAlgorithm},
		"None":                      {set("alg", "None"), none, usher.ReasonAlgorithm},
		"none, but signed":          {set("alg", "none"), nil, usher.ReasonAlgorithm},
		"no signature":              {nil, none, usher.ReasonSignature},
		"absent":                    {func(h map[string]any) { delete(h, "alg") }, nil, usher.ReasonAlgorithm},
		"a list":                    {set("alg", []string{"ES256"}), nil, usher.ReasonAlgorithm},
		"HS256 with the public key": {set("alg", "HS256"), hs256(public), usher.ReasonAlgorithm},
		"HS256 with the key set":    {set("alg", "HS256"), hs256(body), usher.ReasonAlgorithm},
		"HS256 with our secret":     {set("alg", "HS256"), hs256([]byte(secret)), usher.ReasonAlgorithm},
		"another accepted one":      {set("alg", "RS256"), nil, usher.ReasonSignature},
		"not on the list":           {set("alg", "ES256K"), nil, usher.ReasonAlgorithm},
		"in lower case":             {set("alg", "es256"), nil, usher.ReasonAlgorithm},
		"b64 false":                 {func(h map[string]any) { h["b64"], h["crit"] = false, []string{"b64"} }, nil, usher.ReasonMalformed},
		"b64 without crit":          {set("b64", false), nil, usher.ReasonMalformed},
		"crit of an unknown":        {func(h map[string]any) { h["crit"], h["x"] = []string{"x"}, 1 }, nil, usher.ReasonMalformed},
		"crit of exp":               {set("crit", []string{"exp"}), nil, usher.ReasonMalformed},
		"an empty crit":             {set("crit", []string{}), nil, usher.ReasonMalformed},
		"an access token":           {set("typ", "at+JWT"), nil, usher.ReasonMalformed},
		"a logout token":            {set("typ", "application/logout+jwt"), nil, usher.ReasonMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			w.provider.Misbehave(idptest.Tamper{Header: c.header, Sign: c.sign})
			refused(t, w.signIn(t), c.want)
		})
	}
}

func TestA043_HeadersReadInOneWay(t *testing.T) {
	w := newWorld(t, setup{})
	t.Run("two algs in the header", func(t *testing.T) {
		w.provider.Misbehave(idptest.Tamper{IDToken: func(token string) string {
			_, rest, _ := strings.Cut(token, ".")
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","alg":"none"}`)) + "." + rest
		}})
		refused(t, w.signIn(t), usher.ReasonMalformed)
	})
	t.Run("narrower by choice", func(t *testing.T) {
		w.provider.Misbehave(idptest.Tamper{})
		w.connector = w.connect(func(c *Config) { c.Algorithms = []string{"RS256"} })
		refused(t, w.signIn(t), usher.ReasonAlgorithm)
	})
}

func TestA044_KeysInTheHeaderAreIgnored(t *testing.T) {
	var fetched atomic.Int32
	sign, key := es256(t)
	attacker := jose.JSONWebKey{Key: key.Public(), KeyID: "attacker", Algorithm: "ES256", Use: "sig"}
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{attacker}})
	}))
	defer evil.Close()
	w := newWorld(t, setup{})
	for name, change := range map[string]func(map[string]any){
		"jku":          func(h map[string]any) { h["jku"] = evil.URL },
		"jku and kid":  func(h map[string]any) { h["jku"], h["kid"] = evil.URL, "attacker" },
		"x5u":          func(h map[string]any) { h["x5u"] = evil.URL },
		"jwk":          func(h map[string]any) { h["jwk"] = attacker },
		"jwk, no kid":  func(h map[string]any) { h["jwk"] = attacker; delete(h, "kid") },
		"x5c":          func(h map[string]any) { h["x5c"] = []string{certificate(t, key)} },
		"x5c, no kid":  func(h map[string]any) { h["x5c"] = []string{certificate(t, key)}; delete(h, "kid") },
		"x5c, no DER":  func(h map[string]any) { h["x5c"] = []string{base64.StdEncoding.EncodeToString([]byte("x"))} },
		"kid a path":   func(h map[string]any) { h["kid"] = "../../dev/null" },
		"kid a number": func(h map[string]any) { h["kid"] = 7 },
	} {
		t.Run(name, func(t *testing.T) {
			w.provider.Misbehave(idptest.Tamper{Header: change, Sign: sign})
			a := w.signIn(t)
			malformed := name == "x5c, no DER" || name == "kid a number"
			if r := a.Fault.Reason; r != usher.ReasonSignature && (r != usher.ReasonMalformed || !malformed) {
				t.Errorf("fault %q", r)
			}
		})
		t.Run(name+", signed by the provider", func(t *testing.T) {
			if name != "jku" && name != "x5u" {
				return
			}
			w.provider.Misbehave(idptest.Tamper{Header: change})
			accepted(t, w.signIn(t))
		})
	}
	if n := fetched.Load(); n != 0 {
		t.Errorf("the attacker's address was visited %d times", n)
	}
}

// certificate is one for the attacker's key, signed by itself.
func certificate(t *testing.T, key crypto.Signer) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "evil"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// claimRows are tokens signed by the provider that are not for this sign-in.
func claimRows(t *testing.T, rows map[string]map[string]any, want func(string) usher.Reason) {
	w := newWorld(t, setup{})
	for name, changes := range rows {
		t.Run(name, func(t *testing.T) {
			w.provider.Misbehave(idptest.Tamper{Claims: func(c map[string]any) {
				for claim, value := range changes {
					if c[claim] = value; value == nil {
						delete(c, claim)
					}
				}
			}})
			if reason := want(name); reason == "" {
				accepted(t, w.signIn(t))
			} else {
				refused(t, w.signIn(t), reason)
			}
		})
	}
}

func always(r usher.Reason) func(string) usher.Reason { return func(string) usher.Reason { return r } }

func TestA045_Issuer(t *testing.T) {
	w := newWorld(t, setup{})
	claimRows(t, map[string]map[string]any{
		"missing": {"iss": nil}, "another": {"iss": "https://evil.test"}, "empty": {"iss": ""},
		"a list": {"iss": []string{"x"}}, "a number": {"iss": 1}, "a template": {"iss": "https://login.contoso.test/{tenantid}/v2.0"},
	}, always(usher.ReasonIssuer))
	for name, iss := range map[string]string{
		"trailing slash": w.server.URL + "/",
		"upper case":     strings.ToUpper(w.server.URL),
		"with a space":   w.server.URL + " ",
		"other tenant":   w.server.URL + "/other",
		"without scheme": strings.TrimPrefix(w.server.URL, "http://"),
	} {
		t.Run(name, func(t *testing.T) {
			w.provider.Misbehave(idptest.Tamper{Claims: func(c map[string]any) { c["iss"] = iss }})
			refused(t, w.signIn(t), usher.ReasonIssuer)
		})
	}
}

func TestA046_Audience(t *testing.T) {
	claimRows(t, map[string]map[string]any{
		"missing": {"aud": nil}, "other": {"aud": "other"}, "other in a list": {"aud": []any{"other"}},
		"extra": {"aud": []any{clientID, "other"}}, "extra and azp": {"aud": []any{clientID, "other"}, "azp": clientID},
		"extra first": {"aud": []any{"other", clientID}}, "empty list": {"aud": []any{}}, "empty text": {"aud": ""},
		"a number": {"aud": 7}, "an object": {"aud": map[string]any{clientID: 1}}, "a number in a list": {"aud": []any{clientID, 7}},
		"another case": {"aud": strings.ToUpper(clientID)}, "a prefix": {"aud": clientID + "2"}, "nested": {"aud": []any{[]any{clientID}}},
		"twice, no azp": {"aud": []any{clientID, clientID}},
		"azp wrong":     {"azp": "other"}, "azp a list": {"azp": []any{clientID}}, "azp empty": {"azp": ""},
	}, always(usher.ReasonAudience))
	claimRows(t, map[string]map[string]any{
		"a list of one": {"aud": []any{clientID}}, "azp right": {"azp": clientID},
		"twice, with azp": {"aud": []any{clientID, clientID}, "azp": clientID},
	}, always(""))
}

func TestA047_Times(t *testing.T) {
	now := newClock().now().Unix()
	claimRows(t, map[string]map[string]any{
		"exp past": {"exp": now - 61}, "exp just past": {"exp": now - 60}, "exp missing": {"exp": nil}, "exp text": {"exp": fmt.Sprint(now + 300)},
		"exp 1e18": {"exp": int64(1e18)}, "exp 1e18 short": {"exp": json.RawMessage("1e18")}, "exp negative": {"exp": -1}, "exp null": {"exp": json.RawMessage("null")},
		"exp two years ahead": {"exp": now + 2*366*86400}, "exp a list": {"exp": []int64{now + 300}}, "exp true": {"exp": true},
		"iat two hours back": {"iat": now - 7200}, "iat zero": {"iat": 0},
	}, always(usher.ReasonExpired))
	claimRows(t, map[string]map[string]any{
		"iat 1 h ahead": {"iat": now + 3600}, "iat 61 s ahead": {"iat": now + 61}, "iat missing": {"iat": nil}, "iat text": {"iat": fmt.Sprint(now)},
		"nbf ahead": {"nbf": now + 61}, "nbf text": {"nbf": fmt.Sprint(now)}, "nbf null": {"nbf": json.RawMessage("null")},
	}, always(usher.ReasonNotYetValid))
	claimRows(t, map[string]map[string]any{
		"exp 59 s past": {"exp": now - 59}, "iat 60 s ahead": {"iat": now + 60}, "nbf 60 s ahead": {"nbf": now + 60},
		"with a fraction":                   {"exp": json.RawMessage(fmt.Sprintf("%d.75", now+300)), "iat": json.RawMessage(fmt.Sprintf("%d.25", now))},
		"short form":                        {"exp": json.RawMessage(fmt.Sprintf("%.9e", float64(now+300)))},
		"iat five minutes back, as some do": {"iat": now - 300, "nbf": now - 300},
	}, always(""))
}

func TestA048_Nonce(t *testing.T) {
	claimRows(t, map[string]map[string]any{
		"missing": {"nonce": nil}, "other": {"nonce": "other"}, "empty": {"nonce": ""}, "a number": {"nonce": 1},
	}, always(usher.ReasonNonce))
	t.Run("of an earlier sign-in", func(t *testing.T) {
		w := newWorld(t, setup{})
		first, second := w.begin(t), w.begin(t)
		first.Keep, second.Keep = second.Keep, first.Keep
		// Keep holds the PKCE verifier as well, which the provider refuses first.
		refused(t, w.connector.Finish(context.Background(), first), usher.ReasonUpstreamRefused)
		var old any
		w.provider.Misbehave(idptest.Tamper{Claims: func(c map[string]any) {
			if old == nil {
				old = c["nonce"]
			}
			c["nonce"] = old
		}})
		accepted(t, w.signIn(t))
		refused(t, w.signIn(t), usher.ReasonNonce)
	})
}

func TestAuthTime(t *testing.T) {
	now := newClock().now().Unix()
	age := int64(120)
	for name, c := range map[string]struct {
		maxAge *int64
		value  any
		want   usher.Reason
	}{
		"not asked, missing":         {nil, nil, ""},
		"not asked, long ago":        {nil, now - 86400, ""},
		"not asked, a text":          {nil, "x", usher.ReasonAuthTime},
		"not asked, ahead":           {nil, now + 61, usher.ReasonAuthTime},
		"asked, missing":             {&age, nil, usher.ReasonAuthTime},
		"asked, in time":             {&age, now - 120, ""},
		"asked, in time but for 60s": {&age, now - 180, ""},
		"asked, too long ago":        {&age, now - 181, usher.ReasonAuthTime},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			w.ask.MaxAge = c.maxAge
			w.provider.Misbehave(idptest.Tamper{Claims: func(claims map[string]any) {
				if claims["auth_time"] = c.value; c.value == nil {
					delete(claims, "auth_time")
				}
			}})
			arrival := w.begin(t)
			arrival.MaxAge = nil // what was asked for is kept
			if a := w.connector.Finish(context.Background(), arrival); c.want == "" {
				accepted(t, a)
			} else {
				refused(t, a, c.want)
			}
		})
	}
}

func TestAccessTokenHash(t *testing.T) {
	claimRows(t, map[string]map[string]any{
		"other": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "empty": {"at_hash": ""}, "a number": {"at_hash": 1},
	}, always(usher.ReasonSignature))
	claimRows(t, map[string]map[string]any{"missing": {"at_hash": nil}}, always(""))
}

func TestA057_TokensThatWouldBeCostly(t *testing.T) {
	b64 := base64.RawURLEncoding.EncodeToString
	nested := "x"
	for range 50 {
		nested = b64([]byte(`{"alg":"ES256","cty":"JWT"}`)) + "." + b64([]byte(nested)) + "." + b64(make([]byte, 64))
		if len(nested) > 1<<19 {
			break
		}
	}
	w := newWorld(t, setup{})
	accepted(t, w.signIn(t)) // so that only the token is measured
	for name, token := range map[string]string{
		"JWE, compressed": b64([]byte(`{"alg":"dir","enc":"A256GCM","zip":"DEF"}`)) + ".." + b64(make([]byte, 12)) + "." + b64(make([]byte, 500_000)) + "." + b64(make([]byte, 16)),
		"PBES2":           b64([]byte(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":1000000000,"p2s":"AAAA"}`)) + ".AAAA.AAAA.AAAA.AAAA",
		"nested":          nested,
		"a million dots":  strings.Repeat(".", 1_000_000),
		"one dot":         "a.b",
		"no dot":          "abc",
		"JSON form":       `{"payload":"e30","protected":"eyJhbGciOiJFUzI1NiJ9","signature":"AAAA"}`,
		"two signatures":  `{"payload":"e30","signatures":[{"protected":"eyJhbGciOiJFUzI1NiJ9","signature":"AAAA"},{"protected":"eyJhbGciOiJFUzI1NiJ9","signature":"AAAA"}]}`,
		"huge header":     b64([]byte(`{"alg":"ES256","x":"`+strings.Repeat("x", 500_000)+`"}`)) + ".e30.AAAA",
		"deep header":     b64([]byte(`{"alg":"ES256","x":`+strings.Repeat("[", 5_000)+strings.Repeat("]", 5_000)+`}`)) + ".e30.AAAA",
		"padding":         "eyJhbGciOiJFUzI1NiJ9=.e30.AAAA",
		"bad payload":     b64([]byte(`{"alg":"ES256"}`)) + ".!!.AAAA",
		"white space":     "eyJhbGciOiJFUzI1NiJ9\n.e30.AAAA",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			_, f := w.connector.verify(context.Background(), token, expected{})
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			if r := f.Reason; r != usher.ReasonMalformed && r != usher.ReasonTooLarge && r != usher.ReasonAlgorithm && r != usher.ReasonSignature {
				t.Errorf("fault %q", r)
			}
			// The row's 50 ms are of CPU; the wall clock of a busy machine gets room.
			if used := after.TotalAlloc - before.TotalAlloc; used > 10<<20 || took > 500*time.Millisecond {
				t.Errorf("took %v and %d bytes", took, used)
			}
			w.provider.Misbehave(idptest.Tamper{IDToken: func(string) string { return token }})
			if a := w.signIn(t); a.Fault.Reason == "" {
				t.Error("accepted")
			}
		})
	}
}
