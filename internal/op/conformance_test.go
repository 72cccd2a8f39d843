package op_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/usher-id/usher/internal/op"
)

// The authorization requests of the conformance suite's basic plan that differ
// from a good one by their parameters, under the modules' names, with how they
// are to be answered.
func TestBasicPlanAuthorize(t *testing.T) {
	for module, c := range map[string]struct {
		change []string
		want   string
	}{
		"oidcc-server":                {nil, "code"},
		"oidcc-response-type-missing": {[]string{"response_type", ""}, "invalid_request"},
		"oidcc-ensure-request-without-nonce-succeeds-for-code-flow": {[]string{"nonce", ""}, "code"},
		"oidcc-scope-profile":             {[]string{"scope", "openid profile"}, "code"},
		"oidcc-scope-email":               {[]string{"scope", "openid email"}, "code"},
		"oidcc-scope-address":             {[]string{"scope", "openid address"}, "code"},
		"oidcc-scope-phone":               {[]string{"scope", "openid phone"}, "code"},
		"oidcc-scope-all":                 {[]string{"scope", "openid profile email address phone"}, "code"},
		"oidcc-display-page":              {[]string{"display", "page"}, "code"},
		"oidcc-display-popup":             {[]string{"display", "popup"}, "code"},
		"oidcc-prompt-login":              {[]string{"prompt", "login"}, "code"},
		"oidcc-prompt-none-not-logged-in": {[]string{"prompt", "none"}, "login_required"},
		"oidcc-max-age-1":                 {[]string{"max_age", "1"}, "code"},
		"oidcc-max-age-10000":             {[]string{"max_age", "10000"}, "code"},
		"oidcc-ensure-request-with-unknown-parameter-succeeds": {[]string{"extra", "foobar"}, "code"},
		"oidcc-login-hint":                                            {[]string{"login_hint", "ada@example.test"}, "code"},
		"oidcc-ui-locales":                                            {[]string{"ui_locales", "se"}, "code"},
		"oidcc-claims-locales":                                        {[]string{"claims_locales", "se"}, "code"},
		"oidcc-ensure-request-with-acr-values-succeeds":               {[]string{"acr_values", "1 2"}, "code"},
		"oidcc-claims-essential":                                      {[]string{"claims", `{"userinfo":{"name":{"essential":true}}}`}, "code"},
		"oidcc-request-uri-unsigned":                                  {[]string{"request_uri", "https://payroll.test/r.jwt"}, "request_uri_not_supported"},
		"oidcc-unsigned-request-object":                               {[]string{"request", "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"},
		"oidcc-ensure-request-with-valid-pkce-succeeds":               {nil, "code"},
		"oidcc-ensure-request-object-with-redirect-uri (redirect in)": {[]string{"request", "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"},
	} {
		t.Run(module, func(t *testing.T) {
			w := newWorld(t)
			q := w.do(get("/authorize", w.asking("payroll", c.change...))).to(t).Query()
			if c.want != "code" {
				if q.Get("error") != c.want {
					t.Fatalf("answered with %v", q)
				}
				return
			}
			g := w.client("payroll", "/token", w.redeeming("payroll", q.Get("code"))).granted(t)
			if id := claims(t, g.ID); id["sub"] != string(ada) || c.change != nil && c.change[0] == "max_age" && id["auth_time"] == nil {
				t.Errorf("ID token %v", id)
			}
		})
	}
}

func TestBasicPlanSequences(t *testing.T) {
	for module, run := range map[string]func(*testing.T, *world){
		"oidcc-idtoken-signature": func(t *testing.T, w *world) {
			for app, alg := range map[string]jose.SignatureAlgorithm{"payroll": jose.ES256, "rsa": jose.RS256} {
				verifyByJWKS(t, w, w.signIn(t, app).ID, alg)
			}
		},
		"oidcc-userinfo-post-body": func(t *testing.T, w *world) {
			r := w.send(post("/userinfo", url.Values{"access_token": {w.signIn(t, "payroll").Access}}))
			if r.json(t)["sub"] != string(ada) {
				t.Error(r.body)
			}
		},
		"oidcc-prompt-none-logged-in": func(t *testing.T, w *world) {
			first := claims(t, w.signIn(t, "payroll").ID)
			second := claims(t, w.signIn(t, "payroll", "prompt", "none").ID)
			if first["sub"] != second["sub"] || first["auth_time"] != second["auth_time"] {
				t.Errorf("%v, %v", first, second)
			}
		},
		"oidcc-prompt-login, max-age-1: asked again": func(t *testing.T, w *world) {
			first := claims(t, w.signIn(t, "payroll").ID)["auth_time"].(float64)
			w.pass(2e9)
			for _, change := range [][]string{{"prompt", "login"}, {"max_age", "1"}} {
				w.pass(2e9)
				if again := claims(t, w.signIn(t, "payroll", change...).ID)["auth_time"].(float64); again <= first {
					t.Errorf("%v: auth_time %v after %v", change, again, first)
				}
			}
		},
		"oidcc-id-token-hint": func(t *testing.T, w *world) {
			w.code(t, "payroll", "prompt", "none", "id_token_hint", w.signIn(t, "payroll").ID)
		},
		"oidcc-ensure-post-request-succeeds": func(t *testing.T, w *world) {
			if w.do(post("/authorize", w.asking("payroll"))).to(t).Query().Get("code") == "" {
				t.Error("no code")
			}
		},
		"oidcc-ensure-registered-redirect-uri": func(t *testing.T, w *world) {
			if r := w.do(get("/authorize", with(w.asking("payroll"), "redirect_uri", "https://payroll.test/unregistered"))); r.status != http.StatusBadRequest {
				t.Errorf("%d", r.status)
			}
		},
		"oidcc-server-client-secret-post": func(t *testing.T, w *world) { w.signIn(t, "post") },
		"oidcc-refresh-token": func(t *testing.T, w *world) {
			g := w.signIn(t, "payroll", "scope", offline)
			next := w.client("payroll", "/token", refreshing(g.Refresh)).granted(t)
			a, b := claims(t, g.ID), claims(t, next.ID)
			if a["iss"] != b["iss"] || a["sub"] != b["sub"] || a["aud"] != b["aud"] {
				t.Errorf("%v, %v", a, b)
			}
		},
		"oidcc-codereuse-30seconds": func(t *testing.T, w *world) {
			form := w.redeeming("payroll", w.code(t, "payroll"))
			g := w.client("payroll", "/token", form).granted(t)
			w.pass(30e9)
			if r := w.client("payroll", "/token", form); r.error() != "invalid_grant" {
				t.Errorf("%d %s", r.status, r.body)
			}
			w.refused(t, "payroll", g)
		},
		"oidcc-server-rotate-keys: both algorithms are published": func(t *testing.T, w *world) {
			w.change("payroll", func(a *op.Application) { a.Algorithm = "RS256" })
			verifyByJWKS(t, w, w.signIn(t, "payroll").ID, jose.RS256)
		},
	} {
		t.Run(module, func(t *testing.T) { run(t, newWorld(t)) })
	}
}

// verifyByJWKS checks a token as an application does: by the published keys.
func verifyByJWKS(t *testing.T, w *world, token string, alg jose.SignatureAlgorithm) {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(w.send(httptest.NewRequest(http.MethodGet, "/jwks", nil)).body), &set); err != nil {
		t.Fatal(err)
	}
	sig, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{alg})
	if err != nil {
		t.Fatal(err)
	}
	keys := set.Key(sig.Signatures[0].Header.KeyID)
	if len(keys) != 1 {
		t.Fatalf("%d keys of that id", len(keys))
	}
	if _, err := sig.Verify(keys[0]); err != nil {
		t.Error(err)
	}
}
