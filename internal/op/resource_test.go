package op_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/op"
)

func TestUserinfoByScope(t *testing.T) {
	w := newWorld(t)
	for scope, want := range map[string]map[string]any{
		"openid":         {},
		"openid profile": {"name": "Ada Lovelace", "given_name": "Ada", "preferred_username": "ada"},
		"openid email":   {"email": "ada@example.test", "email_verified": true},
		"openid phone":   {"phone_number": "+44 20 0000", "phone_number_verified": false},
		"openid groups":  {"groups": []any{"platform", "staff"}, "roles": []any{"approver"}},
		"openid address": {},
	} {
		want["sub"] = string(ada)
		r := w.userinfo(w.signIn(t, "payroll", "scope", scope).Access)
		if d := cmp.Diff(want, r.json(t)); d != "" {
			t.Errorf("%s: %s", scope, d)
		}
		if r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept", scope)
		}
	}
}

// Of a person without an account, what the provider said is in the session.
func TestUserinfoWithoutAnAccount(t *testing.T) {
	w := newWorld(t)
	w.withoutAccount(t, "s-9", usher.Held{Name: "email", Values: []string{"x@example.test"}, Verified: true})
	g := w.signIn(t, "payroll", "scope", "openid email profile groups")
	want := map[string]any{"sub": claims(t, g.ID)["sub"], "email": "x@example.test", "email_verified": true}
	if d := cmp.Diff(want, w.userinfo(g.Access).json(t)); d != "" {
		t.Error(d)
	}
	if want["sub"] == "s-9" || len(want["sub"].(string)) != 43 {
		t.Errorf("sub %v", want["sub"])
	}
}

// An application reached by single sign-on sees the sub of a person without an
// account as well, and is remembered for it.
func TestSingleSignOnWithoutAnAccountIsRemembered(t *testing.T) {
	w := newWorld(t)
	w.withoutAccount(t, "s-9")
	w.signIn(t, "payroll")
	w.signIn(t, "other")
	apps, err := w.ledger.SeenBy(t.Context(), usher.DefaultTenant, "contoso", "s-9")
	if err != nil || !slices.Contains(apps, "other") {
		t.Errorf("known by %v, %v", apps, err)
	}
}

// An application that knew the person before there was an account keeps the sub.
func TestSubIsKeptAsAnAlias(t *testing.T) {
	w := newWorld(t)
	w.withoutAccount(t, "s-9")
	before := claims(t, w.signIn(t, "payroll").ID)["sub"]
	w.addAlias(t, "payroll", ada, "s-9")
	w.as(ada)
	w.cookies = map[string]string{}
	if after := claims(t, w.signIn(t, "payroll").ID)["sub"]; after != before {
		t.Errorf("%v became %v", before, after)
	}
	if other := claims(t, w.signIn(t, "other").ID)["sub"]; other != string(ada) {
		t.Errorf("another application gets %v", other)
	}
	if again := claims(t, w.signIn(t, "payroll").ID)["sub"]; again != before {
		t.Errorf("the reused session gets %v", again)
	}
}

func TestBearer(t *testing.T) {
	w := newWorld(t)
	g := w.signIn(t, "payroll")
	header := func(r *http.Request, v ...string) *http.Request {
		r.Header["Authorization"] = v
		return r
	}
	for name, c := range map[string]struct {
		r      *http.Request
		status int
		error  string
	}{
		"header":             {header(get("/userinfo", nil), "Bearer "+g.Access), 200, ""},
		"lower case":         {header(get("/userinfo", nil), "bearer "+g.Access), 200, ""},
		"POST with header":   {header(httptest.NewRequest("POST", "/userinfo", nil), "Bearer "+g.Access), 200, ""},
		"POST with body":     {post("/userinfo", url.Values{"access_token": {g.Access}}), 200, ""},
		"in the URL":         {get("/userinfo", url.Values{"access_token": {g.Access}}), 400, "invalid_request"},
		"in the URL of POST": {post("/userinfo?access_token="+g.Access, url.Values{}), 400, "invalid_request"},
		"header and body":    {header(post("/userinfo", url.Values{"access_token": {g.Access}}), "Bearer "+g.Access), 400, "invalid_request"},
		"two headers":        {header(get("/userinfo", nil), "Bearer "+g.Access, "Bearer "+g.Access), 400, "invalid_request"},
		"nothing":            {get("/userinfo", nil), 401, ""},
		"basic":              {header(get("/userinfo", nil), "Basic abc"), 401, ""},
		"empty":              {header(get("/userinfo", nil), "Bearer "), 401, ""},
		"rubbish":            {header(get("/userinfo", nil), "Bearer x"), 401, "invalid_token"},
	} {
		got := w.send(c.r)
		if got.status != c.status || got.error() != c.error {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		challenge := got.header.Get("WWW-Authenticate")
		if c.status != 200 && (!strings.HasPrefix(challenge, `Bearer realm="usher"`) || !strings.Contains(challenge, c.error)) {
			t.Errorf("%s: WWW-Authenticate %q", name, challenge)
		}
	}
}

func TestA090_TokensOfOneKindDoNotPassForAnother(t *testing.T) {
	w := newWorld(t)
	g := w.signIn(t, "payroll", "scope", offline)
	code := w.code(t, "payroll")
	for name, tok := range map[string]string{"ID token": g.ID, "refresh token": g.Refresh, "code": code} {
		if r := w.userinfo(tok); r.status != http.StatusUnauthorized {
			t.Errorf("%s at userinfo: %d", name, r.status)
		}
	}
	for name, tok := range map[string]string{"ID token": g.ID, "access token": g.Access, "code": code} {
		if r := w.client("payroll", "/token", refreshing(tok)); r.error() != "invalid_grant" {
			t.Errorf("%s as refresh token: %d %s", name, r.status, r.body)
		}
	}
	for name, tok := range map[string]string{"ID token": g.ID, "access token": g.Access, "refresh token": g.Refresh} {
		if r := w.client("payroll", "/token", w.redeeming("payroll", tok)); r.error() != "invalid_grant" {
			t.Errorf("%s as code: %d %s", name, r.status, r.body)
		}
	}
	for name, tok := range map[string]string{"access token": g.Access, "refresh token": g.Refresh, "code": code} {
		if q := w.do(get("/authorize", w.asking("payroll", "id_token_hint", tok))).to(t).Query(); q.Get("error") != "invalid_request" {
			t.Errorf("%s as id_token_hint: %v", name, q)
		}
		if r := w.do(get("/logout", url.Values{"id_token_hint": {tok}})); !strings.Contains(r.body, "Sign out?") {
			t.Errorf("%s as id_token_hint signed out: %d", name, r.status)
		}
	}
	for name, tok := range map[string]string{"ID token": g.ID, "code": code} {
		if r := w.client("payroll", "/introspect", url.Values{"token": {tok}}); r.body != `{"active":false}` {
			t.Errorf("%s introspected: %s", name, r.body)
		}
	}
}

func TestIntrospection(t *testing.T) {
	w := newWorld(t)
	g := w.signIn(t, "toapi", "scope", offline)
	now := float64(w.now().Unix())
	for _, client := range []string{"toapi", "api"} { // whom it was issued to, whom it is for
		got := w.client(client, "/introspect", url.Values{"token": {g.Access}, "token_type_hint": {"refresh_token"}}).json(t)
		want := map[string]any{
			"active": true, "scope": offline, "client_id": "toapi", "token_type": "Bearer", "exp": now + 600, "iat": now, "sub": string(ada),
			"aud": "api", "iss": issuer, "jti": claims(t, g.Access)["jti"], "auth_time": now, "acr": "urn:acr",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", client, d)
		}
	}
	if r := w.client("toapi", "/introspect", url.Values{"token": {g.Refresh}}); r.json(t)["active"] != any(true) || r.json(t)["exp"] != now+30*24*3600 {
		t.Errorf("refresh token: %s", r.body)
	}
	next := w.client("toapi", "/token", refreshing(g.Refresh)).granted(t)
	for what, r := range map[string]reply{
		"access token of others":     w.client("other", "/introspect", url.Values{"token": {g.Access}}),
		"refresh token of others":    w.client("api", "/introspect", url.Values{"token": {next.Refresh}}),
		"a refresh token used up":    w.client("toapi", "/introspect", url.Values{"token": {g.Refresh}}),
		"rubbish":                    w.client("toapi", "/introspect", url.Values{"token": {"x"}}),
		"a truncated access token":   w.client("toapi", "/introspect", url.Values{"token": {g.Access[:len(g.Access)-1]}}),
		"an access token plus a dot": w.client("toapi", "/introspect", url.Values{"token": {g.Access + "."}}),
	} {
		if r.status != http.StatusOK || r.body != `{"active":false}` {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	if r := w.client("spa", "/introspect", url.Values{"token": {g.Access}}); r.status != http.StatusUnauthorized || r.error() != "invalid_client" {
		t.Errorf("public client: %d %s", r.status, r.body)
	}
	if r := w.client("toapi", "/introspect", url.Values{}); r.status != http.StatusBadRequest {
		t.Errorf("no token: %d %s", r.status, r.body)
	}
	w.pass(10 * time.Minute)
	if r := w.client("api", "/introspect", url.Values{"token": {g.Access}}); r.body != `{"active":false}` {
		t.Errorf("expired: %s", r.body)
	}
}

func TestRevocation(t *testing.T) {
	w := newWorld(t)
	for name, pick := range map[string]func(granted) string{
		"refresh token": func(g granted) string { return g.Refresh },
		"access token":  func(g granted) string { return g.Access },
	} {
		g, bystander := w.signIn(t, "payroll", "scope", offline), w.signIn(t, "payroll")
		if r := w.client("other", "/revoke", url.Values{"token": {pick(g)}}); r.status != http.StatusBadRequest || r.error() != "unauthorized_client" {
			t.Errorf("%s of another client: %d %s", name, r.status, r.body)
		}
		w.userinfo(g.Access).json(t)
		for range 2 {
			if r := w.client("payroll", "/revoke", url.Values{"token": {pick(g)}}); r.status != http.StatusOK || r.body != "" {
				t.Errorf("%s: %d %s", name, r.status, r.body)
			}
		}
		w.refused(t, "payroll", g)
		if r := w.userinfo(bystander.Access); r.status != http.StatusOK {
			t.Errorf("%s: another authorization was revoked too", name)
		}
	}
	if r := w.client("payroll", "/revoke", url.Values{"token": {"unknown"}}); r.status != http.StatusOK {
		t.Errorf("unknown token: %d %s", r.status, r.body)
	}
	if r := w.client("payroll", "/revoke", url.Values{}); r.status != http.StatusBadRequest {
		t.Errorf("no token: %d %s", r.status, r.body)
	}
	if r := w.send(post("/revoke", url.Values{"token": {"x"}})); r.status != http.StatusUnauthorized {
		t.Errorf("no client: %d %s", r.status, r.body)
	}
	public := w.signIn(t, "spa")
	if r := w.client("spa", "/revoke", url.Values{"token": {public.Access}}); r.status != http.StatusOK {
		t.Errorf("public client: %d %s", r.status, r.body)
	}
	w.refused(t, "spa", public)
}

func TestDiscovery(t *testing.T) {
	w := newWorld(t)
	r := w.send(httptest.NewRequest(http.MethodGet, "/.well-known/openid-configuration", nil))
	d := r.json(t)
	for name, want := range map[string]any{
		"issuer":                                         issuer,
		"authorization_endpoint":                         issuer + "/authorize",
		"token_endpoint":                                 issuer + "/token",
		"userinfo_endpoint":                              issuer + "/userinfo",
		"jwks_uri":                                       issuer + "/jwks",
		"introspection_endpoint":                         issuer + "/introspect",
		"revocation_endpoint":                            issuer + "/revoke",
		"end_session_endpoint":                           issuer + "/logout",
		"scopes_supported":                               []any{"openid", "profile", "email", "phone", "groups", "offline_access"},
		"response_types_supported":                       []any{"code"},
		"response_modes_supported":                       []any{"query"},
		"grant_types_supported":                          []any{"authorization_code", "refresh_token"},
		"subject_types_supported":                        []any{"public", "pairwise"},
		"id_token_signing_alg_values_supported":          []any{"ES256", "RS256"},
		"token_endpoint_auth_methods_supported":          []any{"client_secret_basic", "client_secret_post", "none"},
		"introspection_endpoint_auth_methods_supported":  []any{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":               []any{"S256"},
		"prompt_values_supported":                        []any{"none", "login", "consent", "select_account"},
		"claims_parameter_supported":                     false,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"authorization_response_iss_parameter_supported": true,
	} {
		if diff := cmp.Diff(want, d[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	jwks := w.send(httptest.NewRequest(http.MethodGet, "/jwks", nil))
	if n := len(jwks.json(t)["keys"].([]any)); n != 2 {
		t.Errorf("%d keys", n)
	}
	for _, r := range []reply{r, jwks} {
		if r.header.Get("Access-Control-Allow-Origin") != "*" || r.header.Get("Cache-Control") != "public, max-age=900" || r.header.Get("Content-Type") != "application/json" {
			t.Errorf("%v", r.header)
		}
		if strings.Contains(r.body, `"d":`) {
			t.Error("a private key is published")
		}
	}
}

func TestPreflight(t *testing.T) {
	w := newWorld(t)
	r := w.send(httptest.NewRequest(http.MethodOptions, "/userinfo", nil))
	if r.status != http.StatusNoContent || !strings.Contains(r.header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("%d %v", r.status, r.header)
	}
}

func TestSwitchedOffApplicationHasNoUserinfo(t *testing.T) {
	w := newWorld(t)
	g := w.signIn(t, "spa")
	w.change("spa", func(a *op.Application) { a.Enabled = false })
	if r := w.userinfo(g.Access); r.status != http.StatusUnauthorized {
		t.Errorf("%d %s", r.status, r.body)
	}
}
