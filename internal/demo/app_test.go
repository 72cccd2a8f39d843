package demo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/explain"
	"github.com/usher-id/usher/internal/idptest"
)

// stage is the application with a fake provider in Usher's place, and one browser.
type stage struct {
	t       *testing.T
	usher   *idptest.Provider
	house   *Control
	broker  *broker
	url     string
	browser *http.Client
}

func set(t *testing.T, explained error) *stage {
	t.Helper()
	s := &stage{t: t, usher: idptest.New(idptest.Config{
		ClientID: "sample", ClientSecret: "a secret of the test", Auto: "ada",
		People: []idptest.Person{{ID: "ada", Name: "Ada Byron", Claims: idptest.Always(map[string]any{"usher_decision": "d-1"})}},
	})}
	issuer := httptest.NewServer(s.usher)
	t.Cleanup(issuer.Close)
	s.broker = &broker{}
	s.house = s.broker.house(t)
	srv := httptest.NewUnstartedServer(nil)
	s.url = "http://" + srv.Listener.Addr().String()
	srv.Config.Handler = NewApp(AppConfig{
		URL: s.url, Issuer: issuer.URL, ClientID: "sample", ClientSecret: "a secret of the test", Cast: Cast(), House: s.house, Now: time.Now,
		Explain: func(_ context.Context, id string) (explain.Story, error) {
			return explain.Story{ID: id, Headline: "This is the story of " + id + "."}, explained
		},
	})
	srv.Start()
	t.Cleanup(srv.Close)
	s.browser = s.newBrowser()
	return s
}

func (s *stage) newBrowser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

// visit gives the page at the end of all redirects.
func (s *stage) visit(b *http.Client, at string) (*http.Response, string) {
	s.t.Helper()
	res, err := b.Get(at)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res, string(body)
}

func (s *stage) want(body string, words ...string) {
	s.t.Helper()
	for _, w := range words {
		if !strings.Contains(body, w) {
			s.t.Errorf("the page lacks %q:\n%s", w, body)
		}
	}
}

func TestSignInShowsTokensAccountAndWhy(t *testing.T) {
	s := set(t, nil)
	_, body := s.visit(s.browser, s.url+"/login")
	s.want(body, "Hello, <strong>Ada Byron</strong>", "<code>usher_decision</code>", "The account", "This is the story of d-1.")
	_, body = s.visit(s.browser, s.url)
	s.want(body, "Hello, <strong>Ada Byron</strong>")
	_, body = s.visit(s.newBrowser(), s.url)
	s.want(body, "Sign in with Contoso", "Ines Okafor")
}

func TestSignInWithoutAStory(t *testing.T) {
	s := set(t, errors.New("not today"))
	_, body := s.visit(s.browser, s.url+"/login")
	s.want(body, "Hello, <strong>Ada Byron</strong>", "d-1")
}

func TestSignInWithBrokenAnswers(t *testing.T) {
	for name, tamper := range map[string]idptest.Tamper{
		"another issuer":       {Response: func(p url.Values) { p.Set("iss", "https://elsewhere.test") }},
		"no issuer":            {Response: func(p url.Values) { p.Del("iss") }},
		"another nonce":        {Claims: func(c map[string]any) { c["nonce"] = "of another sign-in" }},
		"another audience":     {Claims: func(c map[string]any) { c["aud"] = "somebody else" }},
		"another access token": {TokenBody: func(b map[string]any) { b["access_token"] = "somebody else's" }},
		"another subject":      {Userinfo: func(c map[string]any) { c["sub"] = "somebody else" }},
	} {
		s := set(t, nil)
		s.usher.Misbehave(tamper)
		res, body := s.visit(s.browser, s.url+"/login")
		if res.StatusCode != http.StatusBadGateway {
			t.Errorf("%s: %s", name, res.Status)
		}
		s.want(body, "could not be completed")
		if _, body := s.visit(s.browser, s.url); strings.Contains(body, "Ada Byron") {
			t.Errorf("%s: signed in all the same", name)
		}
	}
}

func TestCallbackCountsOnceAndInItsBrowser(t *testing.T) {
	s := set(t, nil)
	var callback string
	s.browser.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/callback" {
			callback = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	s.visit(s.browser, s.url+"/login")
	if res, body := s.visit(s.newBrowser(), callback); res.StatusCode != http.StatusBadRequest {
		t.Errorf("another browser: %s\n%s", res.Status, body)
	}
	s.browser.CheckRedirect = nil
	for range 2 { // the second is a reload
		_, body := s.visit(s.browser, callback)
		s.want(body, "Hello, <strong>Ada Byron</strong>")
	}
}

func TestDeniedSaysWhy(t *testing.T) {
	s := set(t, nil)
	s.usher.Misbehave(idptest.Tamper{Response: func(p url.Values) {
		p.Del("code")
		p.Set("error", "access_denied")
		p.Set("error_description", "admit.refused; correlation id d-2")
	}})
	_, body := s.visit(s.browser, s.url+"/login")
	s.want(body, "You are not among the people", "<code>access_denied</code>", "This is the story of d-2.")

	s.usher.Misbehave(idptest.Tamper{Response: func(p url.Values) {
		p.Set("error", "server_error")
		p.Set("error_description", "<b>anything</b>")
	}})
	_, body = s.visit(s.browser, s.url+"/login")
	s.want(body, "<code>server_error</code>", "&lt;b&gt;anything&lt;/b&gt;")
}

// post submits a form of the page, from the page of some site.
func (s *stage) post(site, path string, form url.Values) (int, string) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", site)
	res, err := s.browser.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	s := set(t, nil)
	s.visit(s.browser, s.url+"/login")
	for _, path := range []string{"/logout", "/options", "/afresh"} {
		if got, _ := s.post("cross-site", path, url.Values{"contoso-ask": {"consent"}}); got != http.StatusForbidden {
			t.Errorf("%s from another site: %d", path, got)
		}
	}
	_, body := s.visit(s.browser, s.url)
	s.want(body, "Hello, <strong>Ada Byron</strong>")
	if len(s.broker.said) > 0 {
		t.Errorf("Usher was told to %v", s.broker.said)
	}
}

func TestSignOut(t *testing.T) {
	s := set(t, nil)
	s.visit(s.browser, s.url+"/login")
	s.post("same-origin", "/logout", nil)
	_, body := s.visit(s.browser, s.url)
	s.want(body, "Sign in with Contoso")
}

func TestSessionsAreBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	s := newSessions(func() time.Time { now = now.Add(time.Millisecond); return now })
	first := httptest.NewRecorder()
	s.begin(first, httptest.NewRequest(http.MethodGet, "/", nil), "state", pending{})
	for range maxSessions {
		s.begin(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), "state", pending{})
	}
	if len(s.all) != maxSessions {
		t.Errorf("%d sessions", len(s.all))
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(first.Result().Cookies()[0])
	if s.of(r) != nil {
		t.Error("the oldest is still there")
	}
}
