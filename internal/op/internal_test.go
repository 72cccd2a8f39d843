package op

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	usher "github.com/usher-id/usher"
)

// Every kind of failure has its own line, and none of ours is told as the
// client's fault.
func TestErrorTableIsTotal(t *testing.T) {
	for _, k := range usher.Kinds {
		f := formOf(k)
		if f.direct == "" || f.status < 400 || f.refusal == "" {
			t.Errorf("%s: %+v", k, f)
		}
		ours := k == usher.Internal || k == usher.Unavailable || k == usher.Exhausted || k == usher.Conflict
		if ours != (f.status >= 500) {
			t.Errorf("%s: status %d", k, f.status)
		}
		if !slices.Contains([]string{errDenied, errUnavailable, errServer}, f.refusal) {
			t.Errorf("%s: a refused person is told as %s", k, f.refusal)
		}
	}
	if f := formOf(usher.Kind(99)); f != formOf(usher.Internal) {
		t.Errorf("an unknown kind is %+v", f)
	}
}

// Every reason a person can be refused for becomes an error that RFC 6749 or
// OpenID Connect Core defines for the redirect URI.
func TestEveryReasonHasAnError(t *testing.T) {
	for _, r := range usher.Reasons {
		if code := formOf(r.Kind).refusal; code == "" {
			t.Errorf("%s has none", r.Reason)
		}
		if strings.ContainsAny(string(r.Reason), "\"\\ ") {
			t.Errorf("%q can't stand in an error_description", r.Reason)
		}
	}
}

func FuzzRedirectURI(f *testing.F) {
	app := Application{Auth: AuthNone, RedirectURIs: []string{
		"https://a.test/cb", "http://127.0.0.1/cb", "http://127.0.0.1:80/x?y=z", "http://[::1]", "http://localhost/cb", "com.example.app:/cb",
	}}
	for _, uri := range append(app.RedirectURIs, "http://127.0.0.1:8080/cb", "http://127.0.0.1:8080@evil.test/cb", "http://[::1]:9?x", "http://[::1]:9\\@evil.test") {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if !app.redirects(uri) || slices.Contains(app.RedirectURIs, uri) {
			return
		}
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "http" || u.User != nil || strings.Contains(uri, "#") || u.Hostname() != "127.0.0.1" && u.Hostname() != "::1" {
			t.Fatalf("%q is let through: %v %v", uri, u, err)
		}
		if !slices.ContainsFunc(app.RedirectURIs, func(s string) bool {
			r, err := url.Parse(s)
			return err == nil && r.Hostname() == u.Hostname() && r.EscapedPath() == u.EscapedPath() && r.RawQuery == u.RawQuery
		}) {
			t.Fatalf("%q differs in more than its port", uri)
		}
		confidential := app
		confidential.Auth = AuthBasic
		if confidential.redirects(uri) {
			t.Fatalf("%q is let through for a client with a server", uri)
		}
	})
}

func FuzzParams(f *testing.F) {
	f.Add("a=b&c=d")
	f.Add("a=b&a=c")
	f.Add("a=%zz;&%00")
	f.Fuzz(func(t *testing.T, query string) {
		in, err := parse(query)
		if err != nil {
			return
		}
		again := url.Values{}
		for name, value := range in {
			if value == "" {
				t.Fatalf("%q: a parameter without a value counts", name)
			}
			again.Set(name, value)
		}
		twice, err := parse(again.Encode())
		if err != nil || len(twice) != len(in) {
			t.Fatalf("%q: %v, %v", query, twice, err)
		}
	})
}

func FuzzBasic(f *testing.F) {
	f.Add("Basic cGF5cm9sbDp4")
	f.Add("basic  OjA=")
	f.Fuzz(func(t *testing.T, header string) {
		c, ok := readBasic(header)
		if !ok {
			return
		}
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(c.secret))
		if again, ok := readBasic(r.Header.Get("Authorization")); !ok || again != c {
			t.Fatalf("%q: %+v, then %+v", header, c, again)
		}
	})
}
