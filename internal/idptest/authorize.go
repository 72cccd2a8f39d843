package idptest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// PersonHeader is the header of a request to the authorization endpoint that
// signs in the person of that ID without a page, for tests and load generators.
const PersonHeader = "Idptest-Person"

// grant is one sign-in: what a code and an access token stand for.
type grant struct {
	client, redirectURI, challenge, nonce, scope string
	subject                                      any
	claims                                       map[string]any
	at                                           int64 // Unix seconds
}

// authorize is the authorization endpoint (RFC 6749, section 3.1): a page to
// choose a person from, or straight back with a code.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		refusePage(w, "The request can't be read.")
		return
	}
	q := r.Form
	redirect := q.Get("redirect_uri")
	u, err := url.Parse(redirect)
	switch {
	case p.cfg.ClientID != "" && q.Get("client_id") != p.cfg.ClientID:
		refusePage(w, "This provider does not know that client.")
		return
	case err != nil || !u.IsAbs() || len(p.cfg.RedirectURIs) > 0 && !slices.Contains(p.cfg.RedirectURIs, redirect):
		refusePage(w, "That client may not send people back to that address.")
		return
	}
	if code := wrong(q); code != "" {
		p.back(w, r, u, url.Values{"error": {code}})
		return
	}
	person, chosen := p.chosen(r)
	switch {
	case chosen && person == nil:
		p.back(w, r, u, url.Values{"error": {"access_denied"}})
	case chosen:
		p.back(w, r, u, url.Values{"code": {p.grant(q, *person)}})
	case q.Get("prompt") == "none":
		p.back(w, r, u, url.Values{"error": {"login_required"}})
	default:
		p.page(w, r)
	}
}

// wrong is the error code for a request that can't be granted.
func wrong(q url.Values) string {
	switch {
	case q.Get("response_type") != "code":
		return "unsupported_response_type"
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		return "invalid_scope"
	case q.Get("code_challenge") == "", q.Get("code_challenge_method") != "S256":
		return "invalid_request"
	}
	return ""
}

// chosen is who signs in, if that is settled: by the page (where choosing nobody
// is a refusal), the header, the configuration or the login hint.
func (p *Provider) chosen(r *http.Request) (person *Person, settled bool) {
	if r.Method == http.MethodPost && r.PostForm.Has("person") {
		return p.person(r.PostForm.Get("person")), true
	}
	for _, id := range []string{r.Header.Get(PersonHeader), p.cfg.Auto, r.Form.Get("login_hint")} {
		if person := p.person(id); person != nil {
			return person, true
		}
	}
	return nil, false
}

// person is the one with that ID or that email claim.
func (p *Provider) person(id string) *Person {
	for i, person := range p.cfg.People {
		if id != "" && (person.ID == id || person.claims(1)["email"] == id) {
			return &p.cfg.People[i]
		}
	}
	return nil
}

func (p Person) claims(n int) map[string]any {
	if p.Claims == nil {
		return nil
	}
	return p.Claims(n)
}

func (p *Provider) grant(q url.Values, person Person) (code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.logins[person.ID]++
	g := grant{
		client: q.Get("client_id"), redirectURI: q.Get("redirect_uri"), challenge: q.Get("code_challenge"),
		nonce: q.Get("nonce"), scope: q.Get("scope"),
		subject: person.ID, claims: map[string]any{"name": person.Name}, at: p.cfg.Now().Unix(),
	}
	for name, value := range person.claims(p.logins[person.ID]) {
		g.claims[name] = value
	}
	if sub, ok := g.claims["sub"]; ok {
		g.subject = sub
	}
	code = rand.Text()
	p.codes.put(code, g)
	return code
}

// back sends the browser to the client.
func (p *Provider) back(w http.ResponseWriter, r *http.Request, to *url.URL, params url.Values) {
	if state := r.Form.Get("state"); state != "" {
		params.Set("state", state)
	}
	if !p.cfg.OmitIss {
		params.Set("iss", p.issuer(r))
	}
	if change := p.misbehaviour().Response; change != nil {
		change(params)
	}
	query := to.Query()
	for name, values := range params {
		query[name] = values
	}
	to.RawQuery = query.Encode()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

// SignIn plays the browser: it goes to an authorization request of a client,
// signs in as the person of that ID, and returns the address it is sent back to
// without going there.
func (p *Provider) SignIn(ctx context.Context, client *http.Client, request, person string) (*url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, request, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set(PersonHeader, person)
	browser := *client
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := browser.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)); err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusSeeOther {
		return nil, fmt.Errorf("idptest: %s instead of a redirect", res.Status)
	}
	return res.Location()
}
