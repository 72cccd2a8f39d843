package flow_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/session"
	"github.com/usher-id/usher/internal/web/webtest"
)

// browser keeps cookies and reads pages.
type browser struct {
	*world
	cookies map[string]string
	site    string            // Sec-Fetch-Site of its forms
	headers map[string]string // that something on the way adds
}

func (w *world) browser() *browser {
	return &browser{world: w, cookies: map[string]string{}, site: "same-origin"}
}

// answer is what the browser got.
type answer struct {
	status   int
	header   http.Header
	body     string
	location string
	cookies  []*http.Cookie
}

func (b *browser) get(target string) answer { return b.do("GET", target, nil) }

func (b *browser) do(method, target string, form url.Values) answer {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, issuer, nil)
	if form != nil {
		r = httptest.NewRequestWithContext(b.t.Context(), method, issuer, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", b.site)
	}
	for name, value := range b.headers {
		r.Header.Set(name, value)
	}
	u, err := url.Parse(issuer + target)
	if err != nil {
		b.t.Fatal(err)
	}
	r.URL, r.RequestURI = u, target
	for _, name := range slices.Sorted(maps.Keys(b.cookies)) {
		r.AddCookie(&http.Cookie{Name: name, Value: b.cookies[name]})
		b.secret(b.cookies[name])
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	res := w.Result()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	a := answer{res.StatusCode, res.Header, string(body), res.Header.Get("Location"), res.Cookies()}
	for _, c := range a.cookies {
		if !strings.HasPrefix(c.Name, "__Host-usher-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.SameSite != http.SameSiteLaxMode || c.Domain != "" {
			b.t.Errorf("a cookie that is not bound to us: %v", c)
		}
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	b.read(method, a)
	return a
}

// read checks what every answer has to be.
func (b *browser) read(method string, a answer) {
	b.t.Helper()
	faults := webtest.HeaderFaults(a.header)
	if strings.Contains(a.body, "<script src=") {
		faults = webtest.ScriptHeaderFaults(a.header)
	}
	if a.location == "" && method != "HEAD" && a.header.Get("Content-Type") != "application/json" {
		faults = append(faults, webtest.Faults(a.body)...)
	}
	for _, fault := range faults {
		b.t.Errorf("%s in %s", fault, a.body)
	}
}

// says checks that an answer is the refusal page for reason.
func (b *browser) says(a answer, status int, reason usher.Reason) {
	b.t.Helper()
	if a.status != status || !strings.Contains(a.body, ">"+string(reason)+"</code>") {
		b.t.Errorf("got %d %s, want %d %s", a.status, a.body, status, reason)
	}
}

// leave begins a sign-in and follows it to the provider: the state it carries.
func (b *browser) leave() string {
	b.t.Helper()
	return b.state(b.get("/authorize"))
}

// state is that of the provider's address in a redirect.
func (b *browser) state(a answer) string {
	b.t.Helper()
	u, err := url.Parse(a.location)
	if err != nil || u.Query().Get("state") == "" {
		b.t.Fatalf("not on the way to a provider: %d %q %s", a.status, a.location, a.body)
	}
	return u.Query().Get("state")
}

// choice begins a sign-in that ends at the chooser: its id and the page.
func (b *browser) choice() (string, answer) {
	b.t.Helper()
	a := b.get("/authorize")
	login, ok := strings.CutPrefix(a.location, "/login?login=")
	if !ok || a.status != http.StatusSeeOther {
		b.t.Fatalf("not on the way to the chooser: %d %q %s", a.status, a.location, a.body)
	}
	b.secret(login)
	return login, b.get(a.location)
}

// back is the address a provider sends the person to.
func back(provider, state, who string) string {
	return "/idp/" + provider + "/callback?" + url.Values{"state": {state}, "code": {"code-of-" + who}}.Encode()
}

// live reports whether the browser has a live session.
func (b *browser) live() bool {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), "GET", issuer, nil)
	if v, ok := b.cookies[session.CookieName]; ok {
		r.AddCookie(&http.Cookie{Name: session.CookieName, Value: v})
	}
	_, ok, err := (&session.Keeper{Ledger: b.ledger, Now: b.clock}).From(r)
	if err != nil {
		b.t.Fatal(err)
	}
	return ok
}

// nothing checks that nobody was let in and no provider was asked.
func (b *browser) nothing() {
	b.t.Helper()
	if n := len(b.asker.settled()); n != 0 || b.live() {
		b.t.Errorf("let in: %d times, session %v", n, b.live())
	}
	for _, p := range b.providers {
		if n := p.Connector.(*connector).finishes(); n != 0 {
			b.t.Errorf("%s was asked %d times", p.Name, n)
		}
	}
}

func (b *browser) loginCookies() []string {
	var out []string
	for name := range b.cookies {
		if strings.HasPrefix(name, "__Host-usher-login-") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (a answer) String() string { return fmt.Sprintf("%d %q %s", a.status, a.location, a.body) }
