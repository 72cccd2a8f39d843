package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp"
	"github.com/usher-id/usher/internal/idptest"
	"github.com/usher-id/usher/internal/outbound"
)

func TestSignIn(t *testing.T) {
	w := newWorld(t, setup{})
	w.provider.Misbehave(idptest.Tamper{Claims: func(c map[string]any) { c["acr"], c["amr"] = "gold", []any{"pwd", 7, "otp"} }})
	a := w.signIn(t)
	accepted(t, a)
	got := []any{a.Tenant, a.IdP, a.Issuer, a.Subject, a.ACR, a.AMR, a.AuthTime, a.Incomplete, a.Claims.Get("email"), len(a.Claims.Get("groups").List())}
	want := []any{"default", "contoso", w.server.URL, usher.StringValue("ada"), "gold", []string{"pwd", "otp"},
		usher.Instant(w.now().UnixMicro()), []string(nil), usher.StringValue("ada@contoso.test"), 2}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(x, y usher.Value) bool { return same(x, y) })); diff != "" {
		t.Error(diff)
	}
	if n := w.provider.Hits(idptest.Userinfo); n != 0 {
		t.Errorf("userinfo asked %d times", n)
	}
}

func same(x, y usher.Value) bool {
	a, _ := json.Marshal(x)
	b, _ := json.Marshal(y)
	return x.Kind() == y.Kind() && bytes.Equal(a, b)
}

func TestBeginAsksForWhatWasAsked(t *testing.T) {
	w := newWorld(t, setup{connector: func(c *Config) { c.AuthParams = map[string]string{"hd": "contoso.test"} }})
	age := int64(300)
	w.ask.LoginHint, w.ask.Prompt, w.ask.MaxAge = "ada@contoso.test", "login", &age
	one, err := w.connector.Begin(context.Background(), w.ask)
	if err != nil {
		t.Fatal(err)
	}
	two, err := w.connector.Begin(context.Background(), w.ask)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"response_type": "code", "client_id": clientID, "redirect_uri": redirectURI, "state": "st&te",
		"scope": "openid profile email", "code_challenge_method": "S256", "login_hint": "ada@contoso.test",
		"prompt": "login", "max_age": "300", "hd": "contoso.test",
	} {
		if got := param(t, one.URL, name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"nonce", "code_challenge"} {
		if a, b := param(t, one.URL, name), param(t, two.URL, name); a == b || len(a) < 22 {
			t.Errorf("%s is %q and then %q", name, a, b)
		}
	}
	if len(one.Keep) > idp.MaxKeep {
		t.Errorf("%d bytes to keep", len(one.Keep))
	}
	var k keep
	if err := json.Unmarshal(one.Keep, &k); err != nil || strings.Contains(one.URL, k.Verifier) {
		t.Errorf("the verifier is in the address, or nowhere: %v", err)
	}
}

// Nothing that was kept is sent, and nothing is kept that would not fit a cookie.
func TestBeginKeepsLittle(t *testing.T) {
	w := newWorld(t, setup{provider: func(p *idptest.Config) {
		p.Issuer = "http://127.0.0.1/" + strings.Repeat("x", 200)
	}})
	c := w.connect(func(c *Config) { c.Issuer = "http://127.0.0.1/" + strings.Repeat("x", 300) })
	if _, err := c.Begin(context.Background(), w.ask); usher.KindOf(err) != usher.Internal {
		t.Errorf("an issuer of 300 bytes: %v", err)
	}
}

func TestClientAuthentication(t *testing.T) {
	methods := func(list ...string) func(map[string]any) {
		return func(doc map[string]any) { doc["token_endpoint_auth_methods_supported"] = list }
	}
	for name, c := range map[string]struct {
		method, secret string
		offered        func(map[string]any)
		basic, inBody  bool
		want           usher.Reason
	}{
		"basic by choice":   {AuthBasic, secret, nil, true, false, ""},
		"post by choice":    {AuthPost, secret, nil, false, true, ""},
		"none by choice":    {AuthNone, "", nil, false, false, ""},
		"none, no secret":   {"", "", nil, false, false, ""},
		"basic offered":     {"", secret, methods("client_secret_post", "client_secret_basic"), true, false, ""},
		"post offered":      {"", secret, methods("private_key_jwt", "client_secret_post"), false, true, ""},
		"nothing said":      {"", secret, func(doc map[string]any) { delete(doc, "token_endpoint_auth_methods_supported") }, true, false, ""},
		"wrong secret":      {AuthBasic, "wrong", nil, true, false, usher.ReasonUpstreamRefused},
		"nothing in common": {"", secret, methods("private_key_jwt"), false, false, usher.ReasonUpstreamInvalid},
		"an empty list":     {"", secret, methods(), false, false, usher.ReasonUpstreamInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{provider: func(p *idptest.Config) {
				if c.secret == "" {
					p.ClientSecret = ""
				}
			}})
			arrival := w.begin(t)
			w.connector = w.connect(func(cfg *Config) { cfg.AuthMethod, cfg.ClientSecret = c.method, c.secret })
			var basic, inBody bool
			w.provider.Misbehave(idptest.Tamper{Discovery: c.offered, Before: func(endpoint string, r *http.Request) {
				if endpoint == idptest.Token {
					_, _, basic = r.BasicAuth()
					inBody = r.FormValue("client_secret") != ""
				}
			}})
			a := w.connector.Finish(context.Background(), arrival)
			if c.want == "" {
				accepted(t, a)
			} else {
				refused(t, a, c.want)
			}
			if basic != c.basic || inBody != c.inBody {
				t.Errorf("basic %v, in body %v", basic, inBody)
			}
			if n := w.provider.Hits(idptest.Token); n > 1 {
				t.Errorf("the code was shown %d times", n)
			}
		})
	}
}

func TestEveryAlgorithm(t *testing.T) {
	for _, alg := range defaultAlgorithms {
		t.Run(alg, func(t *testing.T) {
			w := newWorld(t, setup{provider: func(p *idptest.Config) { p.Alg = alg }})
			accepted(t, w.signIn(t))
		})
	}
}

func TestOverTLS(t *testing.T) {
	w := newWorld(t, setup{})
	w.server.Close()
	w.server = httptest.NewTLSServer(w.provider)
	t.Cleanup(w.server.Close)
	roots := w.server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	w.client = outbound.New(outbound.Options{AllowPrivate: true, Roots: roots})
	t.Cleanup(w.client.CloseIdleConnections)
	w.connector = w.connect(func(c *Config) { c.AllowHTTP = false })
	departure, err := w.connector.Begin(context.Background(), w.ask)
	if err != nil {
		t.Fatal(err)
	}
	browser := w.server.Client()
	back, err := w.provider.SignIn(context.Background(), browser, departure.URL, "ada")
	browser.CloseIdleConnections()
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, w.connector.Finish(context.Background(), idp.Arrival{
		RedirectURI: redirectURI, Params: back.Query(), Keep: departure.Keep, Now: w.now()}))
}

func TestConfigCheck(t *testing.T) {
	good := Config{Issuer: "https://login.contoso.test/tenant/", ClientID: "usher", ClientSecret: "x"}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"issuer must be an https":               func(c *Config) { c.Issuer = "http://login.contoso.test" },
		"issuer must be an http or https":       func(c *Config) { c.Issuer, c.AllowHTTP = "file:///etc/passwd", true },
		"issuer must be an https address":       func(c *Config) { c.Issuer = "https://user@contoso.test" },
		"issuer must have no query":             func(c *Config) { c.Issuer += "?tenant=1" },
		"issuer must be at most":                func(c *Config) { c.Issuer += strings.Repeat("x", 255) },
		"clientId is missing":                   func(c *Config) { c.ClientID = "" },
		"authMethod basic needs a clientSecret": func(c *Config) { c.AuthMethod, c.ClientSecret = AuthBasic, "" },
		"authMethod none contradicts":           func(c *Config) { c.AuthMethod = AuthNone },
		"authMethod must be":                    func(c *Config) { c.AuthMethod = "jwt" },
		"userinfo must be":                      func(c *Config) { c.Userinfo = "sometimes" },
		"algorithms may be":                     func(c *Config) { c.Algorithms = []string{"ES256", "none"} },
		"algorithms may":                        func(c *Config) { c.Algorithms = []string{"HS256"} },
		"scopes must contain openid":            func(c *Config) { c.Scopes = []string{"email"} },
		"authParams must not set state":         func(c *Config) { c.AuthParams = map[string]string{"state": ""} },
	} {
		bad := good
		change(&bad)
		err := bad.Check()
		if usher.KindOf(err) != usher.Invalid || !strings.HasPrefix(usher.Shown(err), want) {
			t.Errorf("%v, want %q", err, want)
		}
		c := New(bad, http.DefaultClient)
		if _, err := c.Begin(context.Background(), idp.Ask{}); usher.KindOf(err) != usher.Internal {
			t.Errorf("%s: Begin: %v", want, err)
		}
		refused(t, c.Finish(context.Background(), idp.Arrival{}), usher.ReasonInternal)
	}
}

// One fetch of each document serves all who come at once.
func TestManyAtOnceFetchOnce(t *testing.T) {
	w := newWorld(t, setup{})
	first := w.begin(t)
	arrivals := []idp.Arrival{first}
	for range 19 {
		arrivals = append(arrivals, w.begin(t))
	}
	w.connector = w.connect(nil) // with nothing fetched
	before := w.provider.Hits(idptest.Discovery)
	done := make(chan usher.Assertion, len(arrivals))
	for _, a := range arrivals {
		go func() { done <- w.connector.Finish(context.Background(), a) }()
	}
	for range arrivals {
		accepted(t, <-done)
	}
	if d, k := w.provider.Hits(idptest.Discovery)-before, w.provider.Hits(idptest.JWKS); d != 1 || k != 1 {
		t.Errorf("discovery fetched %d times, keys %d times", d, k)
	}
	w.pass(59 * time.Minute)
	accepted(t, w.signIn(t))
	w.pass(2 * time.Minute)
	accepted(t, w.signIn(t))
	if d, k := w.provider.Hits(idptest.Discovery)-before, w.provider.Hits(idptest.JWKS); d != 2 || k != 2 {
		t.Errorf("after an hour: discovery fetched %d times, keys %d times", d, k)
	}
}

// The secrets of a sign-in stand in no fault.
func TestFaultsHoldNoValues(t *testing.T) {
	w := newWorld(t, setup{})
	var tokens []string
	w.provider.Misbehave(idptest.Tamper{
		Claims:    func(c map[string]any) { c["nonce"] = "leak-nonce"; c["sub"] = "leak-sub" },
		TokenBody: func(b map[string]any) { tokens = append(tokens, b["access_token"].(string), b["id_token"].(string)) },
	})
	a := w.signIn(t)
	refused(t, a, usher.ReasonNonce)
	for _, s := range append(tokens, "leak", secret, w.server.URL) {
		if strings.Contains(a.Fault.Detail, s) {
			t.Errorf("%q holds %q", a.Fault.Detail, s)
		}
	}
}

func TestArrivalWithoutWhatWasKept(t *testing.T) {
	w := newWorld(t, setup{})
	for _, kept := range []string{"", "{}", "null", "x", `{"nonce":"n"}`, `{"verifier":"v"}`} {
		a := w.begin(t)
		a.Keep = []byte(kept)
		refused(t, w.connector.Finish(context.Background(), a), usher.ReasonInternal)
	}
	if n := w.provider.Hits(idptest.Token); n != 0 {
		t.Errorf("%d token requests", n)
	}
}

func BenchmarkFinish(b *testing.B) {
	for _, alg := range []string{"ES256", "RS256", "EdDSA"} {
		b.Run(alg, func(b *testing.B) {
			w := newWorld(b, setup{provider: func(p *idptest.Config) { p.Alg = alg }})
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				arrival := w.begin(b)
				b.StartTimer()
				if a := w.connector.Finish(context.Background(), arrival); a.Fault != (usher.Fault{}) {
					b.Fatal(a.Fault)
				}
			}
		})
	}
}
