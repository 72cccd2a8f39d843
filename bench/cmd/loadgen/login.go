package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/usher-id/usher/bench/internal/jws"
)

const (
	maxHops = 12      // requests of the browser before it gives up
	maxBody = 1 << 20 // bytes of an answer
)

// client is the application as the broker knows it.
type client struct{ id, secret, redirect, scope string }

// broker is the broker under load as the application knows it.
type broker struct {
	client
	extra string
	http  *http.Client
	meta  metadata
	keys  atomic.Pointer[jws.Keys]
	trace io.Writer // nil: say nothing
}

// metadata is what the discovery document says.
type metadata struct {
	Issuer    string `json:"issuer"`
	Authorize string `json:"authorization_endpoint"`
	Token     string `json:"token_endpoint"`
	JWKS      string `json:"jwks_uri"`
}

// dial reads the discovery document and the keys.
func dial(ctx context.Context, o options) (*broker, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: 4 * o.users, DisableCompression: true}
	b := &broker{client: o.client, extra: o.extra, http: &http.Client{
		Transport:     transport,
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	body, err := b.get(ctx, strings.TrimRight(o.issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &b.meta); err != nil {
		return nil, err
	}
	return b, b.fetchKeys(ctx)
}

func (b *broker) get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	res, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := readAll(res)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s", address, res.Status)
	}
	return body, err
}

func (b *broker) fetchKeys(ctx context.Context) error {
	set, err := b.get(ctx, b.meta.JWKS)
	if err != nil {
		return err
	}
	keys, err := jws.ParseKeys(set)
	if err == nil {
		b.keys.Store(&keys)
	}
	return err
}

// attempt is what the application keeps of one login.
type attempt struct{ state, nonce, verifier string }

// login is one whole login of the person called subject.
func (b *broker) login(ctx context.Context, subject string) error {
	a := attempt{rand.Text(), rand.Text(), rand.Text() + rand.Text()}
	code, err := b.browse(ctx, a, subject)
	if err != nil {
		return err
	}
	idToken, err := b.redeem(ctx, a, code)
	if err != nil {
		return err
	}
	return b.check(ctx, a, idToken)
}

// authorizeURL is where the application sends the browser.
func (b *broker) authorizeURL(a attempt) string {
	digest := sha256.Sum256([]byte(a.verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {b.id}, "redirect_uri": {b.redirect}, "scope": {b.scope},
		"state": {a.state}, "nonce": {a.nonce},
		"code_challenge": {jws.B64.EncodeToString(digest[:])}, "code_challenge_method": {"S256"},
	}
	address := b.meta.Authorize + "?" + q.Encode()
	if b.extra != "" {
		address += "&" + b.extra
	}
	return address
}

// browse follows redirects with a new cookie jar until the application is
// reached, and gives the code it got.
func (b *broker) browse(ctx context.Context, a attempt, subject string) (string, error) {
	cookies := jar{}
	next, err := url.Parse(b.authorizeURL(a))
	for range maxHops {
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(next.String(), b.redirect+"?") {
			return arrived(next.Query(), a)
		}
		next, err = b.hop(ctx, cookies, next, subject)
	}
	return "", fmt.Errorf("no end after %d hops", maxHops)
}

// hop is one request of the browser; it gives where that leads.
func (b *broker) hop(ctx context.Context, cookies jar, at *url.URL, subject string) (*url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/html,*/*")
	req.Header.Set("User-Agent", "Mozilla/5.0 loadgen")
	req.Header.Set("X-Mock-Sub", subject)
	cookies.send(req)
	res, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := readAll(res)
	if err != nil {
		return nil, err
	}
	cookies.take(at, res)
	location := res.Header.Get("Location")
	b.say("GET %s\n  %d %s\n", at, res.StatusCode, location)
	if location == "" {
		return nil, fmt.Errorf("%d at %s: %.200s", res.StatusCode, at.Host+at.Path, visible(body))
	}
	return at.Parse(location)
}

// arrived is the application's redirect URI: it checks what came back.
func arrived(q url.Values, a attempt) (string, error) {
	switch {
	case q.Get("error") != "":
		return "", fmt.Errorf("the application got %s: %s", q.Get("error"), q.Get("error_description"))
	case q.Get("state") != a.state:
		return "", errors.New("the state is not ours")
	case q.Get("code") == "":
		return "", errors.New("no code")
	}
	return q.Get("code"), nil
}

// redeem turns the code into an ID token.
func (b *broker) redeem(ctx context.Context, a attempt, code string) (string, error) {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {b.redirect}, "code_verifier": {a.verifier},
	}
	if b.secret == "" {
		form.Set("client_id", b.id)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.meta.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if b.secret != "" {
		req.SetBasicAuth(url.QueryEscape(b.id), url.QueryEscape(b.secret))
	}
	res, err := b.http.Do(req)
	if err != nil {
		return "", err
	}
	body, err := readAll(res)
	if err != nil {
		return "", err
	}
	b.say("POST %s\n  %d %s\n", b.meta.Token, res.StatusCode, body)
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("token endpoint: %d %.200s", res.StatusCode, body)
	}
	var tokens struct {
		ID string `json:"id_token"`
	}
	err = json.Unmarshal(body, &tokens)
	return tokens.ID, err
}

// check is what an application must check of an ID token (OpenID Connect Core 3.1.3.7).
func (b *broker) check(ctx context.Context, a attempt, idToken string) error {
	payload, err := b.keys.Load().Verify(idToken)
	if errors.Is(err, jws.ErrKey) { // rotated
		if err = b.fetchKeys(ctx); err == nil {
			payload, err = b.keys.Load().Verify(idToken)
		}
	}
	if err != nil {
		return err
	}
	var c struct {
		Iss, Sub, Nonce string
		Aud             audience
		Exp             int64
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return err
	}
	if c.Iss != b.meta.Issuer || !slices.Contains(c.Aud, b.id) || c.Nonce != a.nonce || c.Sub == "" || c.Exp < time.Now().Unix() {
		return errors.New("the ID token is not for this login")
	}
	b.say("ID token %s\n", payload)
	return nil
}

// audience is one name or a list of them (RFC 7519 section 4.1.3).
type audience []string

// UnmarshalJSON reads both forms.
func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

func (b *broker) say(format string, args ...any) {
	if b.trace != nil {
		fmt.Fprintf(b.trace, format, args...)
	}
}

func readAll(res *http.Response) ([]byte, error) {
	defer res.Body.Close()
	return io.ReadAll(io.LimitReader(res.Body, maxBody))
}
