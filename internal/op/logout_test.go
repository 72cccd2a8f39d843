package op_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	usher "github.com/usher-id/usher"
)

const bye = "https://payroll.test/bye"

// signedIn reports whether the browser has a session.
func (w *world) signedIn(t testing.TB) bool {
	t.Helper()
	return w.do(get("/authorize", w.asking("payroll", "prompt", "none"))).to(t).Query().Get("code") != ""
}

func TestLogoutByTheApplication(t *testing.T) {
	for name, method := range map[string]func(string, url.Values) *http.Request{"GET": get, "POST": post} {
		w := newWorld(t)
		g, kept := w.signIn(t, "payroll"), w.signIn(t, "other", "scope", offline)
		w.pass(3600e9) // an expired hint does
		r := w.do(method("/logout", url.Values{"id_token_hint": {g.ID}, "post_logout_redirect_uri": {bye}, "state": {"s&1"}}))
		if to := r.to(t); to.String() != bye+"?state=s%261" {
			t.Errorf("%s: sent to %s", name, to)
		}
		if len(w.cookies) != 0 {
			t.Errorf("%s: the cookie stays", name)
		}
		if w.signedIn(t) {
			t.Errorf("%s: still signed in", name)
		}
		w.client("other", "/token", refreshing(kept.Refresh)).granted(t) // offline access outlives the session
	}
}

// A cookie kept from before is worth nothing after the end.
func TestLogoutEndsTheSessionAndItsTokens(t *testing.T) {
	w := newWorld(t)
	g := w.signIn(t, "payroll")
	code := w.code(t, "payroll")
	cookies := w.cookies
	w.cookies = map[string]string{}
	for k, v := range cookies {
		w.cookies[k] = v
	}
	w.do(get("/logout", url.Values{"id_token_hint": {g.ID}}))
	w.cookies = cookies
	if w.signedIn(t) {
		t.Error("the old cookie still opens")
	}
	w.refused(t, "payroll", g)
	if r := w.client("payroll", "/token", w.redeeming("payroll", code)); r.error() != "invalid_grant" {
		t.Errorf("a code of the ended session: %d %s", r.status, r.body)
	}
}

// The modules of the conformance suite's plan for RP-initiated logout.
func TestLogoutPlan(t *testing.T) {
	for name, c := range map[string]struct {
		change func(q url.Values, w *world)
		page   string // "" is a redirect
	}{
		"rp-initiated-logout":          {func(url.Values, *world) {}, ""},
		"no-state":                     {func(q url.Values, _ *world) { q.Del("state") }, ""},
		"no-post-logout-redirect-uri":  {func(q url.Values, _ *world) { q.Del("post_logout_redirect_uri") }, "You are signed out"},
		"bad-post-logout-redirect-uri": {func(q url.Values, _ *world) { q.Set("post_logout_redirect_uri", "https://evil.test/") }, string(usher.ReasonRedirectMismatch)},
		"query-added":                  {func(q url.Values, _ *world) { q.Set("post_logout_redirect_uri", bye+"?a=b") }, string(usher.ReasonRedirectMismatch)},
		"modified-id-token-hint":       {func(q url.Values, _ *world) { q.Set("id_token_hint", q.Get("id_token_hint")+"x") }, string(usher.ReasonRedirectMismatch)},
		"bad-id-token-hint":            {func(q url.Values, w *world) { q.Set("id_token_hint", "x"); q.Del("post_logout_redirect_uri") }, "Sign out?"},
		"no-id-token-hint":             {func(q url.Values, _ *world) { q.Del("id_token_hint") }, string(usher.ReasonRedirectMismatch)},
		"no-params":                    {func(q url.Values, _ *world) { clear(q) }, "Sign out?"},
		"only-state":                   {func(q url.Values, _ *world) { clear(q); q.Set("state", "s") }, "Sign out?"},
		"client_id for the hint":       {func(q url.Values, _ *world) { q.Del("id_token_hint"); q.Set("client_id", "payroll") }, "Sign out?"},
		"another client's hint":        {func(q url.Values, _ *world) { q.Set("client_id", "other") }, "Sign out?"},
		"disabled client":              {func(q url.Values, _ *world) { q.Del("id_token_hint"); q.Set("client_id", "off") }, string(usher.ReasonRedirectMismatch)},
		"twice":                        {func(q url.Values, _ *world) { q.Add("state", "s") }, string(usher.ReasonRequestInvalid)},
	} {
		w := newWorld(t)
		q := url.Values{"id_token_hint": {w.signIn(t, "payroll").ID}, "post_logout_redirect_uri": {bye}, "state": {"s"}}
		c.change(q, w)
		r := w.do(get("/logout", q))
		ended := c.page == "" || c.page == "You are signed out"
		if c.page == "" && !strings.HasPrefix(r.header.Get("Location"), bye) || c.page != "" && (!strings.Contains(r.body, c.page) || r.header.Get("Location") != "") {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		if w.signedIn(t) == ended {
			t.Errorf("%s: session ended %v", name, !ended)
		}
	}
}

// The person's hint from an earlier session does; another person's does not.
func TestLogoutHintNamesThePerson(t *testing.T) {
	w := newWorld(t)
	old := w.signIn(t, "payroll").ID
	w.cookies = map[string]string{}
	w.as(bob)
	w.signIn(t, "payroll")
	if r := w.do(get("/logout", url.Values{"id_token_hint": {old}})); !strings.Contains(r.body, "Sign out?") || !w.signedIn(t) {
		t.Errorf("ada's hint ended bob's session: %d", r.status)
	}
	w.cookies = map[string]string{}
	w.as(ada)
	w.signIn(t, "payroll")
	if r := w.do(get("/logout", url.Values{"id_token_hint": {old}})); !strings.Contains(r.body, "You are signed out") || w.signedIn(t) {
		t.Errorf("ada's hint does not end ada's session: %d", r.status)
	}
}

func TestLogoutAfterAsking(t *testing.T) {
	w := newWorld(t)
	w.signIn(t, "payroll")
	page := w.do(get("/logout", url.Values{"client_id": {"payroll"}, "post_logout_redirect_uri": {bye}, "state": {`"><script>`}}))
	if !strings.Contains(page.body, "Payroll asks to sign you out") || strings.Contains(page.body, "<script>") || !strings.Contains(page.body, `action="/logout/confirmed"`) {
		t.Fatalf("%d %s", page.status, page.body)
	}
	r := post("/logout/confirmed", leaveForm())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	got := w.do(r)
	if got.status != http.StatusOK || !strings.Contains(got.body, "You are signed out") || !strings.Contains(got.body, "url="+bye+"?state=s") || !strings.Contains(got.body, `href="`+bye+"?state=s") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if w.signedIn(t) || len(w.cookies) != 0 {
		t.Error("still signed in")
	}
}

func leaveForm() url.Values {
	return url.Values{"client_id": {"payroll"}, "post_logout_redirect_uri": {bye}, "state": {"s"}}
}

func TestNobodyElseCanConfirmALogout(t *testing.T) {
	w := newWorld(t)
	w.signIn(t, "payroll")
	for name, values := range map[string][2]string{"Sec-Fetch-Site": {"Sec-Fetch-Site", "cross-site"}, "Origin": {"Origin", "https://evil.test"}} {
		r := post("/logout/confirmed", leaveForm())
		r.Header.Set(values[0], values[1])
		if got := w.do(r); got.status != http.StatusForbidden || !w.signedIn(t) {
			t.Errorf("%s: another site signed the person out: %d", name, got.status)
		}
	}
	bad := post("/logout/confirmed", url.Values{"client_id": {"payroll"}, "post_logout_redirect_uri": {"https://evil.test/"}})
	bad.Header.Set("Sec-Fetch-Site", "same-origin")
	if r := w.do(bad); r.status != http.StatusBadRequest || strings.Contains(r.body, "evil") || !w.signedIn(t) {
		t.Errorf("changed form: %d", r.status)
	}
}

func TestLogoutWithoutASession(t *testing.T) {
	w := newWorld(t)
	if r := w.do(get("/logout", nil)); r.status != http.StatusOK || !strings.Contains(r.body, "You are signed out") {
		t.Errorf("%d %s", r.status, r.body)
	}
	if to := w.do(get("/logout", url.Values{"client_id": {"payroll"}, "post_logout_redirect_uri": {bye + "?x=y"}, "state": {"s"}})).to(t); to.String() != bye+"?x=y&state=s" {
		t.Errorf("sent to %s", to)
	}
}

// Whoever looks at a link before showing it acts on nothing.
func TestHeadDoesNothing(t *testing.T) {
	w := newWorld(t)
	g := w.signIn(t, "payroll")
	for _, path := range []string{"/logout?id_token_hint=" + g.ID, "/authorize?" + w.asking("payroll").Encode()} {
		if r := w.do(httptest.NewRequest(http.MethodHead, path, nil)); r.status != http.StatusMethodNotAllowed || r.header.Get("Location") != "" {
			t.Errorf("%d %v", r.status, r.header)
		}
	}
	if !w.signedIn(t) {
		t.Error("the session has ended")
	}
}

// A session that could not be ended must not look ended.
func TestLogoutFailsAloud(t *testing.T) {
	w := newWorld(t)
	g := w.signIn(t, "payroll")
	w.breakLedger(t)
	r := w.do(get("/logout", url.Values{"id_token_hint": {g.ID}, "post_logout_redirect_uri": {bye}}))
	if r.status < 500 || r.header.Get("Location") != "" || strings.Contains(r.body, "signed out") || len(w.cookies) == 0 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// A browser keeps the session cookie from a form that another site posts. Then
// nothing has ended, and nothing may look as if it had.
func TestLogoutPostedByAnotherSiteAsks(t *testing.T) {
	w := newWorld(t)
	g := w.signIn(t, "payroll")
	cookies := w.cookies
	w.cookies = map[string]string{}
	r := w.do(post("/logout", url.Values{"id_token_hint": {g.ID}, "post_logout_redirect_uri": {bye}}))
	if r.status != http.StatusOK || !strings.Contains(r.body, `action="/logout/confirmed"`) || len(r.header.Values("Set-Cookie")) > 0 {
		t.Errorf("status %d, cookies %v\n%s", r.status, r.header.Values("Set-Cookie"), r.body)
	}
	w.cookies = cookies
	if !w.signedIn(t) {
		t.Error("another site signed the person out")
	}
}
