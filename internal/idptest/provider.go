package idptest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Person is one who can sign in.
type Person struct {
	ID    string // the subject, unless the claims have a sub
	Name  string
	Story string // one line for the page: what is to be seen with this person

	// Claims is what the provider says about the person at their nth sign-in,
	// counted from 1. It may be nil. See Always.
	Claims func(n int) map[string]any
}

// Always is the same claims at every sign-in.
func Always(claims map[string]any) func(int) map[string]any {
	return func(int) map[string]any { return claims }
}

// Config is how a provider is.
type Config struct {
	Name         string   // shown on its page
	Issuer       string   // may have a path; empty: the address by which each request reached it
	ClientID     string   // the only client; empty: any
	ClientSecret string   // empty: the client has none
	RedirectURIs []string // empty: any
	People       []Person
	Alg          string           // of ID tokens: ES256 (default), ES384, ES512, RS256, PS256, EdDSA
	Lean         bool             // ID tokens carry no claims about the person; userinfo does
	Auto         string           // the ID of a person who is signed in without being asked
	OmitIss      bool             // no iss in responses (RFC 9207), and none promised
	Now          func() time.Time // default time.Now
}

// The names of the endpoints, for Hits and Tamper.Serve.
const (
	Discovery = "discovery"
	JWKS      = "jwks"
	Authorize = "authorize"
	Token     = "token"
	Userinfo  = "userinfo"
)

// Tamper is how a provider misbehaves. Each func may change what it is given, or
// answers instead; nil leaves things as they should be. They are called without
// any lock held, from many requests at once.
type Tamper struct {
	Discovery func(document map[string]any)
	JWKS      func(set map[string]any)
	Response  func(params url.Values)                // the parameters sent back to the client
	TokenBody func(body map[string]any)              // what the token endpoint answers
	Claims    func(claims map[string]any)            // of the ID token
	Payload   func(json []byte) []byte               // of the ID token, before it is signed
	Header    func(header map[string]any)            // of the ID token
	Sign      func(input []byte) []byte              // makes the signature
	IDToken   func(token string) string              // the ID token as a whole
	Userinfo  func(claims map[string]any)            // what userinfo answers
	Serve     map[string]http.HandlerFunc            // answers for a whole endpoint
	Before    func(endpoint string, r *http.Request) // looks on, or delays
}

// Provider is the fake. It is safe for concurrent use.
type Provider struct {
	cfg    Config
	prefix string // the path of the issuer
	mux    *http.ServeMux

	mu     sync.Mutex
	keys   []*signer // the last one signs
	tamper Tamper
	hits   map[string]int
	logins map[string]int // by person
	codes  *vault[grant]
	access *vault[grant]
}

var _ http.Handler = (*Provider)(nil)

// New makes a provider. It panics when the algorithm is none it knows.
func New(cfg Config) *Provider {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Alg == "" {
		cfg.Alg = "ES256"
	}
	if cfg.Name == "" {
		cfg.Name = "Example"
	}
	p := &Provider{
		cfg: cfg, mux: http.NewServeMux(),
		hits: map[string]int{}, logins: map[string]int{}, codes: newVault[grant](), access: newVault[grant](),
	}
	if u, err := url.Parse(cfg.Issuer); err == nil {
		p.prefix = strings.TrimSuffix(u.Path, "/")
	}
	p.RotateKeys()
	for endpoint, route := range map[string]struct {
		path  string
		serve http.HandlerFunc
	}{
		Discovery: {"/.well-known/openid-configuration", p.discovery},
		JWKS:      {"/jwks", p.jwks},
		Authorize: {"/authorize", p.authorize},
		Token:     {"/token", p.token},
		Userinfo:  {"/userinfo", p.userinfo},
	} {
		p.mux.HandleFunc(p.prefix+route.path, p.counted(endpoint, route.serve))
	}
	p.mux.HandleFunc(p.prefix+"/style.css", style)
	return p
}

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

func (p *Provider) counted(endpoint string, serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.hits[endpoint]++
		tamper := p.tamper
		p.mu.Unlock()
		if tamper.Before != nil {
			tamper.Before(endpoint, r)
		}
		if instead := tamper.Serve[endpoint]; instead != nil {
			instead(w, r)
			return
		}
		serve(w, r)
	}
}

// Misbehave replaces how the provider misbehaves; a zero Tamper ends it.
func (p *Provider) Misbehave(t Tamper) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.Serve = maps.Clone(t.Serve)
	p.tamper = t
}

func (p *Provider) misbehaviour() Tamper {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tamper
}

// Hits is how often an endpoint was called.
func (p *Provider) Hits(endpoint string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits[endpoint]
}

// RotateKeys makes a new key, with which all that follows is signed, and
// withdraws every other.
func (p *Provider) RotateKeys() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = []*signer{newSigner(p.cfg.Alg)}
}

// AddKey makes a new key, with which all that follows is signed, and leaves the
// others published.
func (p *Provider) AddKey() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append(p.keys, newSigner(p.cfg.Alg))
}

func (p *Provider) signers() []*signer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.keys)
}

// issuer is the provider's name for itself, as this request sees it.
func (p *Provider) issuer(r *http.Request) string {
	switch {
	case p.cfg.Issuer != "":
		return p.cfg.Issuer
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (p *Provider) discovery(w http.ResponseWriter, r *http.Request) {
	issuer := p.issuer(r)
	base := strings.TrimSuffix(issuer, "/")
	doc := map[string]any{
		"issuer":                                         issuer,
		"authorization_endpoint":                         base + "/authorize",
		"token_endpoint":                                 base + "/token",
		"jwks_uri":                                       base + "/jwks",
		"userinfo_endpoint":                              base + "/userinfo",
		"response_types_supported":                       []string{"code"},
		"grant_types_supported":                          []string{"authorization_code"},
		"subject_types_supported":                        []string{"public"},
		"scopes_supported":                               []string{"openid", "profile", "email", "groups"},
		"id_token_signing_alg_values_supported":          []string{p.cfg.Alg},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": !p.cfg.OmitIss,
	}
	if change := p.misbehaviour().Discovery; change != nil {
		change(doc)
	}
	writeJSON(w, http.StatusOK, doc)
}

func (p *Provider) jwks(w http.ResponseWriter, _ *http.Request) {
	keys := []any{}
	for _, s := range p.signers() {
		keys = append(keys, s.jwk())
	}
	set := map[string]any{"keys": keys}
	if change := p.misbehaviour().JWKS; change != nil {
		change(set)
	}
	writeJSON(w, http.StatusOK, set)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "the answer can't be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// vault is a bounded map: the oldest entry goes when it is full.
type vault[T any] struct {
	entries map[string]T
	order   []string
}

const vaultSize = 10_000

func newVault[T any]() *vault[T] { return &vault[T]{entries: map[string]T{}} }

func (v *vault[T]) put(key string, entry T) {
	if len(v.order) == vaultSize {
		delete(v.entries, v.order[0])
		v.order = v.order[1:]
	}
	v.entries[key] = entry
	v.order = append(v.order, key)
}

// take is the entry, which is then gone.
func (v *vault[T]) take(key string) (T, bool) {
	entry, ok := v.entries[key]
	delete(v.entries, key)
	return entry, ok
}
