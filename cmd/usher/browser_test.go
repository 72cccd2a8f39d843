package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a person's browser as far as sign-ins need one: cookies by host
// (ports share them, Secure is kept on loopback as browsers do) and redirects
// followed by hand, so that a test can stop anywhere.
type browser struct {
	client  *http.Client
	header  http.Header // sent with every request
	mu      sync.Mutex
	cookies map[string]map[string]string
}

func newBrowser() *browser {
	return &browser{
		header:  http.Header{},
		cookies: map[string]map[string]string{},
		client: &http.Client{
			Transport:     transport,
			Timeout:       60 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// transport is shared: a test has hundreds of browsers and one kernel.
var transport = &http.Transport{MaxIdleConnsPerHost: 256}

type page struct {
	at       *url.URL
	status   int
	location string
	body     string
}

func (b *browser) get(ctx context.Context, u string) (page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return page{}, err
	}
	return b.do(req)
}

func (b *browser) do(req *http.Request) (page, error) {
	for k, v := range b.header {
		req.Header[k] = v
	}
	b.mu.Lock()
	for k, v := range b.cookies[req.URL.Hostname()] {
		req.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	b.mu.Unlock()
	res, err := b.client.Do(req)
	if err != nil {
		return page{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return page{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	jar := b.cookies[req.URL.Hostname()]
	if jar == nil {
		jar = map[string]string{}
		b.cookies[req.URL.Hostname()] = jar
	}
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(jar, c.Name)
		} else {
			jar[c.Name] = c.Value
		}
	}
	return page{at: req.URL, status: res.StatusCode, location: res.Header.Get("Location"), body: string(body)}, nil
}

// follow goes on until a page is shown or the way leads to the application.
func (b *browser) follow(ctx context.Context, u string) (page, error) {
	for range 10 {
		p, err := b.get(ctx, u)
		if err != nil || p.location == "" || strings.HasPrefix(p.location, appCallback) {
			return p, err
		}
		next, err := p.at.Parse(p.location)
		if err != nil {
			return page{}, err
		}
		u = next.String()
	}
	return page{}, fmt.Errorf("too many redirects, the last to %s", u)
}

const appCallback = "http://127.0.0.1:5555/callback"

// asked is an authorization request the way an application makes one.
type asked struct{ state, nonce, verifier string }

func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

func (w *world) authorize(extra url.Values) (string, asked) {
	a := asked{random(), random(), random()}
	sum := sha256.Sum256([]byte(a.verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {appCallback},
		"scope": {"openid profile email groups"}, "state": {a.state}, "nonce": {a.nonce},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for k, v := range extra {
		q[k] = v
	}
	return w.issuer + "/authorize?" + q.Encode(), a
}

// tokens is what the application ends up with.
type tokens struct {
	Access  string `json:"access_token"`
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token"`
	Claims  struct{ Sub, Nonce, Iss string }
}

// redeem checks the authorization response and exchanges the code.
func (w *world) redeem(ctx context.Context, b *browser, p page, a asked) (tokens, error) {
	var out tokens
	back, err := url.Parse(p.location)
	if err != nil {
		return out, err
	}
	q := back.Query()
	if q.Get("error") != "" || q.Get("state") != a.state || q.Get("iss") != w.issuer {
		return out, fmt.Errorf("the application got %s", p.location)
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {q.Get("code")}, "redirect_uri": {appCallback},
		"code_verifier": {a.verifier}, "client_id": {"app"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		return out, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := b.client.Do(req)
	if err != nil {
		return out, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(res.Body)
		return out, fmt.Errorf("token endpoint: %d %s", res.StatusCode, body)
	}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		return out, err
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(out.ID, ".")[1])
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(raw, &out.Claims); err != nil {
		return out, err
	}
	if out.Claims.Nonce != a.nonce || out.Claims.Iss != w.issuer || out.Claims.Sub == "" {
		return out, fmt.Errorf("the ID token is not for this sign-in")
	}
	return out, nil
}

// signIn is one whole sign-in by a new browser.
func (w *world) signIn(ctx context.Context, idp, person string) (tokens, page, error) {
	b := newBrowser()
	b.header.Set(personHeader, person)
	to, a := w.authorize(url.Values{"idp_hint": {idp}})
	p, err := b.follow(ctx, to)
	if err != nil {
		return tokens{}, p, err
	}
	if !strings.HasPrefix(p.location, appCallback) {
		return tokens{}, p, nil
	}
	tok, err := w.redeem(ctx, b, p, a)
	return tok, p, err
}

// mustSignIn is signIn that has to succeed.
func (w *world) mustSignIn(t *testing.T, idp, person string) tokens {
	t.Helper()
	tok, p, err := w.signIn(t.Context(), idp, person)
	if err != nil || tok.ID == "" {
		t.Fatalf("%s at %s was not let in: status %d, %v\n%s", person, idp, p.status, err, p.body)
	}
	return tok
}
