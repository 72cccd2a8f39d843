package op_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/op"
)

const offline = "openid email offline_access"

func TestA080_SecondUseOfACodeEndsWhatTheFirstBegan(t *testing.T) {
	w := newWorld(t)
	for name, again := range map[string]func(form url.Values) url.Values{
		"the same request": func(form url.Values) url.Values { return form },
		"no verifier":      func(form url.Values) url.Values { return with(form, "code_verifier", "") },
		"other redirect":   func(form url.Values) url.Values { return with(form, "redirect_uri", "https://evil.test/") },
	} {
		form := w.redeeming("payroll", w.code(t, "payroll", "scope", offline))
		g := w.client("payroll", "/token", form).granted(t)
		if r := w.userinfo(g.Access); r.status != http.StatusOK {
			t.Fatalf("userinfo: %d", r.status)
		}
		for range 2 {
			if r := w.client("payroll", "/token", again(form)); r.status != http.StatusBadRequest || r.error() != "invalid_grant" {
				t.Errorf("%s: %d %s", name, r.status, r.body)
			}
		}
		w.refused(t, "payroll", g)
	}
	if !strings.Contains(w.log.String(), "code used again") {
		t.Error("nothing in the log")
	}
	// A client that is not the code's can't end anything with it.
	form := w.redeeming("payroll", w.code(t, "payroll"))
	g := w.client("payroll", "/token", form).granted(t)
	if r := w.client("other", "/token", form); r.error() != "invalid_grant" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := w.userinfo(g.Access); r.status != http.StatusOK {
		t.Error("another client ended the tokens")
	}
}

func TestA080_CodeExpires(t *testing.T) {
	w := newWorld(t)
	young, old := w.code(t, "payroll"), w.code(t, "payroll")
	w.pass(59 * time.Second)
	w.client("payroll", "/token", w.redeeming("payroll", young)).granted(t)
	w.pass(time.Second)
	if r := w.client("payroll", "/token", w.redeeming("payroll", old)); r.status != http.StatusBadRequest || r.error() != "invalid_grant" {
		t.Errorf("after 60 s: %d %s", r.status, r.body)
	}
}

// parallel sends n requests at once and counts the answers by status.
func parallel(n int, send func() reply) map[int]int {
	var group sync.WaitGroup
	var mu sync.Mutex
	start, count := make(chan struct{}), map[int]int{}
	for range n {
		group.Go(func() {
			<-start
			r := send()
			mu.Lock()
			defer mu.Unlock()
			count[r.status]++
		})
	}
	close(start)
	group.Wait()
	return count
}

func TestA081_OnlyOneOfManyRedeemsACode(t *testing.T) {
	w := newWorld(t)
	form := w.redeeming("payroll", w.code(t, "payroll", "scope", offline))
	var won reply
	count := parallel(16, func() reply {
		r := w.client("payroll", "/token", form)
		if r.status == http.StatusOK {
			won = r
		}
		return r
	})
	if count[http.StatusOK] != 1 || count[http.StatusBadRequest] != 15 {
		t.Fatalf("answers %v", count)
	}
	w.refused(t, "payroll", won.granted(t))
}

func TestA081_OnlyOneOfManyUsesARefreshToken(t *testing.T) {
	w := newWorld(t)
	g := w.signIn(t, "payroll", "scope", offline)
	var won reply
	count := parallel(16, func() reply {
		r := w.client("payroll", "/token", refreshing(g.Refresh))
		if r.status == http.StatusOK {
			won = r
		}
		return r
	})
	if count[http.StatusOK] != 1 || count[http.StatusBadRequest] != 15 {
		t.Fatalf("answers %v", count)
	}
	w.refused(t, "payroll", won.granted(t))
}

// The truth table of client, code, redirect URI and verifier: tokens only if all
// of them fit, and a misfit leaves the code as it was.
func TestA082_CodeIsBoundToClientRedirectAndVerifier(t *testing.T) {
	w := newWorld(t)
	good := w.code(t, "payroll")
	for bits := range 16 {
		client, code, redirect, proof := "payroll", good, "https://payroll.test/cb", verifier
		if bits&1 == 0 {
			client = "api"
		}
		if bits&2 == 0 {
			code = strings.Repeat("A", 43)
		}
		if bits&4 == 0 {
			redirect = "https://payroll.test/other?a=b"
		}
		if bits&8 == 0 {
			proof = strings.Repeat("a", 43)
		}
		r := w.client(client, "/token", w.redeeming("payroll", code, "redirect_uri", redirect, "code_verifier", proof))
		if bits == 15 {
			r.granted(t)
		} else if r.status != http.StatusBadRequest || r.error() != "invalid_grant" {
			t.Errorf("%04b: %d %s", bits, r.status, r.body)
		}
	}
	w = newWorld(t)
	good = w.code(t, "payroll")
	for name, change := range map[string][]string{
		"missing verifier": {"code_verifier", ""},
		"plain":            {"code_verifier", challenge()},
		"short verifier":   {"code_verifier", verifier[:42]},
		"long verifier":    {"code_verifier", strings.Repeat("a", 129)},
	} {
		if r := w.client("payroll", "/token", w.redeeming("payroll", good, change...)); r.status != http.StatusBadRequest || r.error() != "invalid_grant" {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	w.client("payroll", "/token", w.redeeming("payroll", good)).granted(t)
}

func TestRefresh(t *testing.T) {
	w := newWorld(t)
	g := w.signIn(t, "payroll", "scope", offline)
	w.pass(time.Hour)
	if r := w.userinfo(g.Access); r.status != http.StatusUnauthorized {
		t.Errorf("an access token an hour old: %d", r.status)
	}
	next := w.client("payroll", "/token", refreshing(g.Refresh)).granted(t)
	first, second := claims(t, g.ID), claims(t, next.ID)
	if next.Refresh == g.Refresh || next.Scope != offline || second["nonce"] != nil || second["sub"] != first["sub"] ||
		second["auth_time"] != first["auth_time"] || second["iat"] == first["iat"] || second["sid"] != first["sid"] {
		t.Errorf("%+v\n%v\n%v", next, first, second)
	}
	w.pass(31 * 24 * time.Hour)
	if r := w.client("payroll", "/token", refreshing(next.Refresh)); r.error() != "invalid_grant" {
		t.Errorf("after 31 days: %d %s", r.status, r.body)
	}
}

func TestRefreshNarrowsTheScope(t *testing.T) {
	w := newWorld(t)
	narrow := w.client("payroll", "/token", refreshing(w.signIn(t, "payroll", "scope", offline).Refresh, "scope", "email")).granted(t)
	if narrow.Scope != "email" || narrow.ID != "" {
		t.Errorf("narrowed: %+v", narrow)
	}
	if r := w.userinfo(narrow.Access); r.status != http.StatusForbidden || !strings.Contains(r.header.Get("WWW-Authenticate"), "insufficient_scope") {
		t.Errorf("userinfo without openid: %d", r.status)
	}
	if r := w.client("payroll", "/token", refreshing(narrow.Refresh, "scope", "openid phone")); r.status != http.StatusBadRequest || r.error() != "invalid_scope" {
		t.Errorf("widened: %d %s", r.status, r.body)
	}
	whole := w.client("payroll", "/token", refreshing(narrow.Refresh)).granted(t)
	if whole.Scope != offline {
		t.Errorf("narrowing one access token narrowed the family: %s", whole.Scope)
	}
}

func TestA083_ReuseOfARefreshTokenRevokesItsFamily(t *testing.T) {
	w := newWorld(t)
	g := w.signIn(t, "payroll", "scope", offline)
	bystander := w.signIn(t, "payroll", "scope", offline)
	next := w.client("payroll", "/token", refreshing(g.Refresh)).granted(t)
	// Neither another client nor a forgery of it ends anything.
	if r := w.client("other", "/token", refreshing(g.Refresh)); r.error() != "invalid_grant" {
		t.Errorf("other client: %d %s", r.status, r.body)
	}
	next = w.client("payroll", "/token", refreshing(next.Refresh)).granted(t)
	if r := w.client("payroll", "/token", refreshing(g.Refresh)); r.status != http.StatusBadRequest || r.error() != "invalid_grant" {
		t.Errorf("reuse: %d %s", r.status, r.body)
	}
	w.refused(t, "payroll", next)
	w.client("payroll", "/token", refreshing(bystander.Refresh)).granted(t)
	if !strings.Contains(w.log.String(), "refresh token used again") {
		t.Error("nothing in the log")
	}
}

func TestA091_ChangedRefreshTokenRevokesNothing(t *testing.T) {
	w := newWorld(t)
	g := w.signIn(t, "payroll", "scope", offline)
	for i := range g.Refresh {
		b := []byte(g.Refresh)
		b[i] ^= 1
		for _, bad := range []string{g.Refresh[:i], string(b)} {
			r := w.client("payroll", "/token", refreshing(bad))
			if r.status != http.StatusBadRequest || i > 0 && r.error() != "invalid_grant" {
				t.Fatalf("byte %d: %d %s", i, r.status, r.body)
			}
		}
	}
	w.client("payroll", "/token", refreshing(g.Refresh)).granted(t)
}

func TestA091_ChangedCodeIsNone(t *testing.T) {
	w := newWorld(t)
	code := w.code(t, "payroll")
	for i := range code {
		b := []byte(code)
		b[i] ^= 1
		for _, bad := range []string{code[:i], string(b)} {
			if r := w.client("payroll", "/token", w.redeeming("payroll", bad)); r.status != http.StatusBadRequest {
				t.Fatalf("byte %d: %d %s", i, r.status, r.body)
			}
		}
	}
	w.client("payroll", "/token", w.redeeming("payroll", code)).granted(t)
}

func TestA084_WhatIsSwitchedOffIsOffAtOnce(t *testing.T) {
	for _, state := range []usher.AccountState{usher.StateDisabled, usher.StateLocked, usher.StateExpired, usher.StatePending} {
		w := newWorld(t)
		g := w.signIn(t, "payroll", "scope", offline)
		code := w.code(t, "payroll")
		w.setState(t, ada, state)
		w.refused(t, "payroll", g)
		if r := w.client("payroll", "/token", w.redeeming("payroll", code)); r.status != http.StatusBadRequest || r.error() != "invalid_grant" {
			t.Errorf("%s: code: %d %s", state, r.status, r.body)
		}
		if q := w.do(get("/authorize", w.asking("payroll", "prompt", "none"))).to(t).Query(); q.Get("error") != "login_required" {
			t.Errorf("%s: session: %v", state, q)
		}
	}
	w := newWorld(t)
	g := w.signIn(t, "payroll", "scope", offline)
	code := w.code(t, "payroll")
	w.change("payroll", func(a *op.Application) { a.Enabled = false })
	w.refused(t, "payroll", g)
	for _, form := range []url.Values{refreshing(g.Refresh), w.redeeming("payroll", code)} {
		if r := w.client("payroll", "/token", form); r.status != http.StatusUnauthorized || r.error() != "invalid_client" {
			t.Errorf("client: %d %s", r.status, r.body)
		}
	}
	w.change("payroll", func(a *op.Application) { a.Enabled, a.Scopes = true, []string{"openid"} })
	if r := w.client("payroll", "/token", refreshing(g.Refresh)); r.error() != "invalid_grant" {
		t.Errorf("offline access taken from the application: %d %s", r.status, r.body)
	}
}

func TestClientAuthentication(t *testing.T) {
	w := newWorld(t)
	basic := func(id, secret string) func(*http.Request, url.Values) {
		return func(r *http.Request, _ url.Values) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
	}
	raw := func(headers ...string) func(*http.Request, url.Values) {
		return func(r *http.Request, _ url.Values) { r.Header["Authorization"] = headers }
	}
	body := func(pairs ...string) func(*http.Request, url.Values) {
		return func(_ *http.Request, form url.Values) { with(form, pairs...) }
	}
	both := func(a, b func(*http.Request, url.Values)) func(*http.Request, url.Values) {
		return func(r *http.Request, form url.Values) { a(r, form); b(r, form) }
	}
	right := "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape("payroll")+":"+url.QueryEscape(secret)))
	for name, c := range map[string]struct {
		auth   func(*http.Request, url.Values)
		status int
		error  string
	}{
		"basic":                       {basic("payroll", secret), 200, ""},
		"basic, lower case":           {raw("basic" + right[5:]), 200, ""},
		"basic and the same id":       {both(basic("payroll", secret), body("client_id", "payroll")), 200, ""},
		"post":                        {body("client_id", "post", "client_secret", secret), 200, ""},
		"none":                        {body("client_id", "spa"), 200, ""},
		"nothing":                     {body(), 401, "invalid_client"},
		"wrong secret":                {basic("payroll", secret+"x"), 401, "invalid_client"},
		"empty secret":                {basic("payroll", ""), 401, "invalid_client"},
		"unknown client":              {basic("nobody", secret), 401, "invalid_client"},
		"disabled client":             {basic("off", secret), 401, "invalid_client"},
		"no colon":                    {raw("Basic " + base64.StdEncoding.EncodeToString([]byte("payroll"))), 401, "invalid_client"},
		"bad base64":                  {raw("Basic %%%"), 401, "invalid_client"},
		"bad escape":                  {raw("Basic " + base64.StdEncoding.EncodeToString([]byte("payroll:%zz"))), 401, "invalid_client"},
		"bearer":                      {raw("Bearer " + right[6:]), 401, "invalid_client"},
		"two headers":                 {raw(right, right), 400, "invalid_request"},
		"basic and post at once":      {both(basic("payroll", secret), body("client_id", "payroll", "client_secret", secret)), 400, "invalid_request"},
		"basic and another id":        {both(basic("payroll", secret), body("client_id", "other")), 400, "invalid_request"},
		"post where basic is agreed":  {body("client_id", "payroll", "client_secret", secret), 401, "invalid_client"},
		"basic where post is agreed":  {basic("post", secret), 401, "invalid_client"},
		"none where basic is agreed":  {body("client_id", "payroll"), 401, "invalid_client"},
		"a secret where none is kept": {body("client_id", "spa", "client_secret", "x"), 401, "invalid_client"},
		"basic where none is kept":    {basic("spa", ""), 401, "invalid_client"},
		"assertion": {body("client_id", "payroll", "client_assertion", "e30.e30.", "client_assertion_type",
			"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), 401, "invalid_client"},
	} {
		app := map[string]string{"post": "post", "none": "spa"}[name]
		if app == "" {
			app = "payroll"
		}
		form := w.redeeming(app, w.code(t, app))
		r := post("/token", form)
		c.auth(r, form)
		header := r.Header
		r = post("/token", form)
		r.Header = header
		got := w.send(r)
		if got.status != c.status || got.error() != c.error {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		tried := len(header["Authorization"]) > 0
		if challenged := got.header.Get("WWW-Authenticate") != ""; challenged != (tried && c.status == 401) {
			t.Errorf("%s: WWW-Authenticate %q", name, got.header.Get("WWW-Authenticate"))
		}
	}
}

func TestTokenRequestForm(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		form   url.Values
		status int
		error  string
	}{
		"no grant_type":      {url.Values{}, 400, "invalid_request"},
		"password":           {url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
		"client_credentials": {url.Values{"grant_type": {"client_credentials"}}, 400, "unsupported_grant_type"},
		"no code":            {url.Values{"grant_type": {"authorization_code"}, "redirect_uri": {"x"}}, 400, "invalid_request"},
		"no redirect_uri":    {url.Values{"grant_type": {"authorization_code"}, "code": {"x"}}, 400, "invalid_request"},
		"no refresh_token":   {url.Values{"grant_type": {"refresh_token"}}, 400, "invalid_request"},
	} {
		if r := w.client("payroll", "/token", c.form); r.status != c.status || r.error() != c.error || r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	send := func(contentType, body string) reply {
		r := httptest.NewRequest(http.MethodPost, "/token", strings.NewReader(body))
		r.SetBasicAuth("payroll", url.QueryEscape(secret))
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		return w.send(r)
	}
	good := w.redeeming("payroll", w.code(t, "payroll")).Encode()
	for _, kind := range []string{"", "application/json", "text/plain", "multipart/form-data; boundary=x"} {
		if r := send(kind, good); r.status != http.StatusBadRequest || r.error() != "invalid_request" {
			t.Errorf("%q: %d %s", kind, r.status, r.body)
		}
	}
	if r := send("application/x-www-form-urlencoded", "a="+strings.Repeat("x", 64<<10)); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("more than 64 kB: %d %s", r.status, r.body)
	}
	if r := send("application/x-www-form-urlencoded", "a=%zz"); r.status != http.StatusBadRequest {
		t.Errorf("bad escape: %d %s", r.status, r.body)
	}
	send("application/x-www-form-urlencoded; charset=UTF-8", good).granted(t)
	if r := w.send(httptest.NewRequest(http.MethodGet, "/token?"+good, nil)); r.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", r.status)
	}
}

func TestLedgerFailureAtToken(t *testing.T) {
	w := newWorld(t)
	g := w.signIn(t, "payroll", "scope", offline)
	code := w.code(t, "payroll")
	w.breakLedger(t)
	for what, r := range map[string]reply{
		"code":       w.client("payroll", "/token", w.redeeming("payroll", code)),
		"refresh":    w.client("payroll", "/token", refreshing(g.Refresh)),
		"userinfo":   w.userinfo(g.Access),
		"introspect": w.client("payroll", "/introspect", url.Values{"token": {g.Access}}),
	} {
		if r.status < 500 || r.error() != "server_error" && r.error() != "temporarily_unavailable" {
			t.Errorf("%s: %d %s", what, r.status, r.body)
		}
	}
	if r := w.client("payroll", "/revoke", url.Values{"token": {g.Refresh}}); r.status != http.StatusServiceUnavailable {
		t.Errorf("a revocation that was not recorded: %d %s", r.status, r.body)
	}
	for _, s := range []string{g.Access, g.Refresh, g.ID, code, secret, url.QueryEscape(secret)} {
		if strings.Contains(w.log.String(), s) {
			t.Error("a token or secret is in the log")
		}
	}
}

func TestCrossOriginReaders(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		app, origin string
		want        bool
	}{
		{"spa", "https://payroll.test", true}, {"spa", "https://evil.test", false}, {"spa", "null", false},
		{"spa", "http://payroll.test", false}, {"payroll", "https://payroll.test", false},
	} {
		form := w.redeeming(c.app, w.code(t, c.app))
		r := post("/token", with(form, "client_id", c.app))
		if c.app == "payroll" {
			r.SetBasicAuth(c.app, url.QueryEscape(secret))
		}
		r.Header.Set("Origin", c.origin)
		got := w.send(r)
		got.granted(t)
		if allowed := got.header.Get("Access-Control-Allow-Origin"); (allowed == c.origin) != c.want || allowed == "*" {
			t.Errorf("%s from %s: %q", c.app, c.origin, allowed)
		}
		if got.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Error("cookies are allowed along")
		}
	}
}
