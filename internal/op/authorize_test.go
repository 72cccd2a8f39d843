package op_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/flow"
	"github.com/usher-id/usher/internal/op"
)

func TestSignIn(t *testing.T) {
	w := newWorld(t)
	r := w.do(get("/authorize", w.asking("payroll", "scope", "openid email unknown email", "login_hint", "ada@example.test", "idp_hint", "contoso", "prompt", "consent login", "max_age", "60")))
	to := r.to(t)
	q := to.Query()
	if to.Host != "payroll.test" || q.Get("state") != "st&te=1" || q.Get("iss") != issuer || q.Get("code") == "" || len(q) != 3 {
		t.Fatalf("answered with %s", to)
	}
	minute := int64(60)
	want := flow.Start{
		Tenant: usher.DefaultTenant, Application: "payroll", ApplicationName: "Payroll", ApplicationURL: "https://payroll.test/",
		LoginHint: "ada@example.test", IdPHint: "contoso", Prompt: "login", MaxAge: &minute, Request: w.started[0].Request,
	}
	if d := cmp.Diff(want, w.started[0]); d != "" || len(want.Request) > 1800 {
		t.Errorf("the login conversation was begun with %s", d)
	}
	checkFirstTokens(t, w, w.client("payroll", "/token", w.redeeming("payroll", q.Get("code"))))
}

func checkFirstTokens(t *testing.T, w *world, r reply) {
	t.Helper()
	g := r.granted(t)
	if g.Type != "Bearer" || g.Expires != 600 || g.Scope != "openid email" || g.Refresh != "" || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %+v %v", g, r.header)
	}
	id, access := claims(t, g.ID), claims(t, g.Access)
	now := float64(w.now().Unix())
	if id["sub"] != string(ada) || id["nonce"] != "n-1" || id["aud"] != "payroll" || id["auth_time"] != now || id["usher_decision"] != nil {
		t.Errorf("ID token %v", id)
	}
	if access["sub"] != string(ada) || access["client_id"] != "payroll" || access["aud"] != issuer || access["scope"] != "openid email" {
		t.Errorf("access token %v", access)
	}
}

// The second application gets its code without the person being asked.
func TestSessionIsReused(t *testing.T) {
	w := newWorld(t)
	first := claims(t, w.signIn(t, "payroll").ID)
	w.pass(time.Hour)
	second := claims(t, w.signIn(t, "rsa").ID)
	if len(w.started) != 1 {
		t.Fatalf("the person signed in %d times", len(w.started))
	}
	if first["sub"] != second["sub"] || first["auth_time"] != second["auth_time"] || first["sid"] == second["sid"] || second["usher_decision"] != w.person.Decision {
		t.Errorf("%v\n%v", first, second)
	}
}

func TestA079_RedirectURIMustMatchExactly(t *testing.T) {
	w := newWorld(t)
	for _, uri := range []string{
		"", "https://payroll.test", "https://payroll.test/", "https://payroll.test/cb/", "https://payroll.test/CB",
		"https://payroll.test/cb?x=1", "https://payroll.test/cb?", "https://payroll.test/cb#", "https://payroll.test/cb#f",
		"https://payroll.test/x/../cb", "https://payroll.test/x/..;/cb", "https://payroll.test/cb/..;/evil", "https://payroll.test/%63b",
		"https://payroll.test%2fcb", "https://payroll.test//cb", "https://payroll.test\\cb", "https://evil@payroll.test/cb",
		"https://payroll.test@evil.test/cb", "https://payroll.test:443/cb", "https://payroll.test./cb", "https://PAYROLL.test/cb",
		"https://x.payroll.test/cb", "https://payroll.test.evil.test/cb", "http://payroll.test/cb", "HTTPS://payroll.test/cb",
		"//payroll.test/cb", "payroll.test/cb", "https:payroll.test/cb", "javascript:alert(1)", "https://payroll.test/other",
		"https://payroll.test/other?a=b&a=b", "https://payroll.test/other?a=b&c=d", " https://payroll.test/cb", "https://payroll.test/cb ",
		"https://payroll.test/cb\n", "https://payroll.test/cb\x00", "https://other.test/cb", "https://pаyroll.test/cb",
	} {
		r := w.do(get("/authorize", with(w.asking("payroll"), "redirect_uri", uri)))
		if r.status != http.StatusBadRequest || r.header.Get("Location") != "" || !strings.Contains(r.body, string(usher.ReasonRedirectMismatch)) {
			t.Errorf("%q: %d %s", uri, r.status, r.header.Get("Location"))
		}
	}
	// Twice the parameter, once the right one.
	q := w.asking("payroll")
	q.Add("redirect_uri", "https://evil.test/")
	if r := w.do(get("/authorize", q)); r.status != http.StatusBadRequest || r.header.Get("Location") != "" {
		t.Errorf("doubled: %d", r.status)
	}
	// A loopback address is no licence for a client that has a server.
	for _, uri := range []string{"http://localhost/cb", "http://127.0.0.1/cb"} {
		if r := w.do(get("/authorize", with(w.asking("payroll"), "redirect_uri", uri))); r.header.Get("Location") != "" {
			t.Errorf("%s: redirected", uri)
		}
	}
	if len(w.started) != 0 {
		t.Error("a sign-in was begun")
	}
}

func TestA079_LoopbackPortOfNativeApplication(t *testing.T) {
	w := newWorld(t)
	for uri, ok := range map[string]bool{
		"http://127.0.0.1/cb": true, "http://127.0.0.1:1/cb": true, "http://127.0.0.1:65535/cb": true, "http://[::1]/cb": true,
		"http://[::1]:9/cb": true, "com.example.app:/cb": true,
		"http://127.0.0.1:0/cb": false, "http://127.0.0.1:65536/cb": false, "http://127.0.0.1:080/cb": false, "http://127.0.0.1:/cb": false,
		"http://127.0.0.1:123456/cb": false, "http://127.0.0.1:8080": false, "http://127.0.0.1:8080/cb2": false, "http://127.0.0.1:8080/cb?x=1": false,
		"http://localhost/cb": false, "http://localhost:8080/cb": false, "http://127.0.0.2/cb": false, "http://127.0.0.1.evil.test/cb": false,
		"http://127.0.0.1:80@evil.test/cb": false, "http://127.0.0.1@evil.test/cb": false, "https://127.0.0.1/cb": false,
		"http://127.0.0.1:8080evil.test/cb": false, "http://[::1].evil.test/cb": false, "http://[::2]/cb": false, "http://127.1/cb": false,
		"com.example.app:/cb2": false, "com.example.app:8080/cb": false, "HTTP://127.0.0.1/cb": false,
	} {
		r := w.do(get("/authorize", with(w.asking("native"), "redirect_uri", uri)))
		if location := r.header.Get("Location"); ok != strings.HasPrefix(location, uri+"?") || ok != (location != "") {
			t.Errorf("%q: %d %q", uri, r.status, location)
		}
	}
}

func TestRedirectURIWithQueryKeepsIt(t *testing.T) {
	w := newWorld(t)
	to := w.do(get("/authorize", w.asking("payroll", "redirect_uri", "https://payroll.test/other?a=b"))).to(t)
	if q := to.Query(); q.Get("a") != "b" || q.Get("code") == "" {
		t.Errorf("%s", to)
	}
}

func TestA087_ParametersOnceAndInOnePlace(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"client_id", "redirect_uri", "state", "scope", "nonce", "prompt", "code_challenge", "response_type", "unknown"} {
		q := w.asking("payroll")
		q[name] = []string{q.Get(name), q.Get(name)}
		if r := w.do(get("/authorize", q)); r.status != http.StatusBadRequest || r.header.Get("Location") != "" {
			t.Errorf("GET, %s twice: %d", name, r.status)
		}
		if r := w.do(post("/authorize", q)); r.status != http.StatusBadRequest || r.header.Get("Location") != "" {
			t.Errorf("POST, %s twice: %d", name, r.status)
		}
	}
	both := post("/authorize?client_id=payroll", w.asking("payroll"))
	if r := w.do(both); r.status != http.StatusBadRequest || r.header.Get("Location") != "" {
		t.Errorf("in URL and body: %d", r.status)
	}
}

func TestA087_SemicolonsSeparateNothing(t *testing.T) {
	w := newWorld(t)
	semicolon := httptest.NewRequest(http.MethodGet, "/authorize?"+w.asking("payroll").Encode()+";client_id=other", nil)
	if r := w.do(semicolon); r.status != http.StatusBadRequest || r.header.Get("Location") != "" {
		t.Errorf("semicolon: %d", r.status)
	}
}

func TestA087_AtTheTokenEndpoint(t *testing.T) {
	w := newWorld(t)
	for name, form := range map[string]url.Values{
		"grant_type twice": {"grant_type": {"authorization_code", "refresh_token"}},
		"code twice":       {"grant_type": {"authorization_code"}, "code": {"a", "b"}},
		"client_id twice":  {"grant_type": {"authorization_code"}, "client_id": {"payroll", "payroll"}},
	} {
		if r := w.client("payroll", "/token", form); r.status != http.StatusBadRequest || r.error() != "invalid_request" {
			t.Errorf("token, %s: %d %s", name, r.status, r.body)
		}
	}
	for _, path := range []string{"/token", "/introspect", "/revoke"} {
		if r := w.client("payroll", path+"?client_id=payroll", url.Values{"token": {"x"}}); r.status != http.StatusBadRequest || r.error() != "invalid_request" {
			t.Errorf("%s with a query: %d %s", path, r.status, r.body)
		}
	}
}

// What is wrong before client and redirect URI are known is told here.
func TestErrorsBeforeTheClientIsKnown(t *testing.T) {
	w := newWorld(t)
	w.change("pair", func(a *op.Application) { a.Tenant = "elsewhere" })
	for name, c := range map[string]struct {
		change []string
		reason usher.Reason
	}{
		"no client":       {[]string{"client_id", ""}, usher.ReasonClientUnknown},
		"unknown client":  {[]string{"client_id", "nobody"}, usher.ReasonClientUnknown},
		"other tenant":    {[]string{"client_id", "pair"}, usher.ReasonClientUnknown},
		"disabled client": {[]string{"client_id", "off"}, usher.ReasonApplicationDisabled},
		"no redirect":     {[]string{"redirect_uri", ""}, usher.ReasonRedirectMismatch},
		"bad UTF-8":       {[]string{"state", "\xff"}, usher.ReasonRequestInvalid},
	} {
		r := w.do(get("/authorize", w.asking("payroll", c.change...)))
		if r.status < 400 || r.status >= 500 || r.header.Get("Location") != "" || !strings.Contains(r.body, string(c.reason)) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

// What is wrong afterwards is told to the application, with state and iss.
func TestErrorsAtTheRedirectURI(t *testing.T) {
	w := newWorld(t)
	access := w.signIn(t, "payroll").Access
	others := w.signIn(t, "other").ID
	w.cookies = map[string]string{}
	w.started = nil
	for name, c := range map[string]struct {
		change []string
		want   string
	}{
		"no response_type":         {[]string{"response_type", ""}, "invalid_request"},
		"implicit":                 {[]string{"response_type", "id_token"}, "unsupported_response_type"},
		"hybrid":                   {[]string{"response_type", "code id_token"}, "unsupported_response_type"},
		"form_post":                {[]string{"response_mode", "form_post"}, "invalid_request"},
		"fragment":                 {[]string{"response_mode", "fragment"}, "invalid_request"},
		"no scope":                 {[]string{"scope", ""}, "invalid_scope"},
		"no openid":                {[]string{"scope", "email openidx"}, "invalid_scope"},
		"no PKCE":                  {[]string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request"},
		"PKCE plain":               {[]string{"code_challenge_method", "plain"}, "invalid_request"},
		"PKCE without method":      {[]string{"code_challenge_method", ""}, "invalid_request"},
		"PKCE method in lowercase": {[]string{"code_challenge_method", "s256"}, "invalid_request"},
		"PKCE short":               {[]string{"code_challenge", "abc"}, "invalid_request"},
		"PKCE padded":              {[]string{"code_challenge", challenge() + "="}, "invalid_request"},
		"request object":           {[]string{"request", "eyJ"}, "request_not_supported"},
		"request_uri":              {[]string{"request_uri", "https://evil.test/"}, "request_uri_not_supported"},
		"registration":             {[]string{"registration", "{}"}, "registration_not_supported"},
		"unknown prompt":           {[]string{"prompt", "create"}, "invalid_request"},
		"prompt none and more":     {[]string{"prompt", "none login"}, "invalid_request"},
		"max_age no number":        {[]string{"max_age", "soon"}, "invalid_request"},
		"max_age negative":         {[]string{"max_age", "-1"}, "invalid_request"},
		"max_age too large":        {[]string{"max_age", "99999999999"}, "invalid_request"},
		"hint is no token":         {[]string{"id_token_hint", "x"}, "invalid_request"},
		"hint is an access token":  {[]string{"id_token_hint", access}, "invalid_request"},
		"hint of another client":   {[]string{"id_token_hint", others}, "invalid_request"},
		"long login_hint":          {[]string{"login_hint", strings.Repeat("a", 321)}, "invalid_request"},
		"long idp_hint":            {[]string{"idp_hint", strings.Repeat("a", 129)}, "invalid_request"},
		"long state":               {[]string{"state", strings.Repeat("a", 1800)}, "invalid_request"},
		"long nonce":               {[]string{"nonce", strings.Repeat("a", 1800)}, "invalid_request"},
	} {
		for _, method := range []func(string, url.Values) *http.Request{get, post} {
			q := w.asking("payroll", c.change...)
			got := w.do(method("/authorize", q)).to(t)
			back := got.Query()
			if got.Host != "payroll.test" || back.Get("error") != c.want || back.Get("state") != q.Get("state") || back.Get("iss") != issuer || back.Get("code") != "" {
				t.Errorf("%s: %s", name, got)
			}
			if strings.ContainsAny(back.Get("error_description"), "\"\\\n") || back.Get("error_description") == "" {
				t.Errorf("%s: description %q", name, back.Get("error_description"))
			}
		}
	}
	if len(w.started) != 0 {
		t.Error("a sign-in was begun")
	}
	q := w.do(get("/authorize", w.asking("payroll", "nonce", strings.Repeat("a", 1800)))).to(t).Query()
	if !strings.Contains(q.Get("error_description"), "shorten nonce, which has 1800") {
		t.Errorf("what is too long is not said: %s", q.Get("error_description"))
	}
}

func TestA086_PromptMaxAgeAndHint(t *testing.T) {
	w := newWorld(t)
	none := func(changes ...string) string {
		q := w.do(get("/authorize", w.asking("payroll", append(changes, "prompt", "none")...))).to(t).Query()
		if q.Get("code") != "" {
			return "code"
		}
		return q.Get("error")
	}
	expect := func(what, want, got string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	expect("without a session", "login_required", none())
	adas := w.signIn(t, "payroll").ID
	expect("with a session", "code", none())
	expect("with the hint of that person", "code", none("id_token_hint", adas))
	w.pass(100 * time.Second)
	expect("young enough", "code", none("max_age", "100"))
	expect("too old", "login_required", none("max_age", "99"))
	expect("max_age=0", "login_required", none("max_age", "0"))
	w.pass(time.Hour)
	expect("with an expired hint", "code", none("id_token_hint", adas))
	begun := len(w.started)
	w.code(t, "payroll", "max_age", "3000")
	w.code(t, "payroll", "prompt", "login")
	w.code(t, "payroll", "prompt", "select_account")
	expect("asked again", "3", string(rune('0'+len(w.started)-begun)))
	w.code(t, "payroll", "prompt", "consent")
	expect("consent asks nothing", "3", string(rune('0'+len(w.started)-begun)))

	w.as(bob)
	w.signIn(t, "payroll", "prompt", "login")
	expect("hint of another person", "login_required", none("id_token_hint", adas))
	got := w.do(get("/authorize", w.asking("payroll", "id_token_hint", adas))).to(t).Query()
	expect("somebody else signed in", "login_required", got.Get("error"))
	if got.Get("code") != "" || got.Get("iss") != issuer || got.Get("state") != "st&te=1" {
		t.Errorf("%v", got)
	}
	w.as(ada)
	w.code(t, "payroll", "id_token_hint", adas)
}

func TestHintOfAPairwiseSub(t *testing.T) {
	w := newWorld(t)
	id := w.signIn(t, "pair").ID
	if claims(t, id)["sub"] == string(ada) {
		t.Fatal("the sub is not pairwise")
	}
	if w.do(get("/authorize", w.asking("pair", "prompt", "none", "id_token_hint", id))).to(t).Query().Get("code") == "" {
		t.Error("the hint of that very person is refused")
	}
}

func TestRefusedPersonIsToldToTheApplication(t *testing.T) {
	w := newWorld(t)
	w.person = nil
	for reason, want := range map[usher.Reason]string{
		usher.ReasonAccountDisabled:     "access_denied",
		usher.ReasonUsernameTaken:       "access_denied",
		usher.ReasonSubjectBlank:        "access_denied",
		usher.ReasonUpstreamUnreachable: "temporarily_unavailable",
		usher.ReasonInternal:            "server_error",
	} {
		w.reason = reason
		q := w.do(get("/authorize", w.asking("payroll"))).to(t).Query()
		if q.Get("error") != want || q.Get("error_description") != string(reason)+"; correlation id r-1" || q.Get("state") != "st&te=1" || q.Get("iss") != issuer {
			t.Errorf("%s: %v", reason, q)
		}
	}
}

// Much can happen while a person signs in.
func TestApplicationIsLookedAtAgainAfterTheLogin(t *testing.T) {
	for name, change := range map[string]func(*op.Application){
		"disabled":       func(a *op.Application) { a.Enabled = false },
		"redirect taken": func(a *op.Application) { a.RedirectURIs = []string{"https://payroll.test/new"} },
	} {
		w := newWorld(t)
		w.code(t, "payroll")
		raw := w.started[0].Request
		w.change("payroll", change)
		if _, err := w.Settle(t.Context(), nil, raw, *w.person); usher.KindOf(err) != usher.Denied || usher.Shown(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
		if to := w.Refused(t.Context(), raw, usher.ReasonInternal, "r-1"); to != "" {
			t.Errorf("%s: refusal sent to %s", name, to)
		}
	}
	w := newWorld(t)
	for _, raw := range []string{"", "{}", "null", `{"c":"payroll"}`, "\xff"} {
		if _, err := w.Settle(t.Context(), nil, []byte(raw), *w.person); err == nil {
			t.Errorf("%q settled", raw)
		}
		if to := w.Refused(t.Context(), []byte(raw), usher.ReasonInternal, "r-1"); to != "" {
			t.Errorf("%q: refusal sent to %s", raw, to)
		}
	}
}

func TestScopesBeyondTheApplicationsAreDropped(t *testing.T) {
	w := newWorld(t)
	all := "openid profile email phone groups offline_access"
	for app, want := range map[string]string{"payroll": all, "modest": "openid email", "default": "openid profile email phone groups"} {
		g := w.signIn(t, app, "scope", all)
		if g.Scope != want || (g.Refresh != "") != strings.Contains(want, "offline_access") {
			t.Errorf("%s: %+v", app, g)
		}
	}
}

func TestLedgerFailureAtAuthorize(t *testing.T) {
	w := newWorld(t)
	w.signIn(t, "payroll")
	w.breakLedger(t)
	q := w.do(get("/authorize", w.asking("payroll", "prompt", "none"))).to(t).Query()
	if e := q.Get("error"); e != "server_error" && e != "temporarily_unavailable" {
		t.Errorf("%v", q)
	}
	if !strings.Contains(w.log.String(), "request failed") {
		t.Error("nothing in the log")
	}
}
