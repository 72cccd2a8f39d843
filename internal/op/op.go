package op

import (
	"cmp"
	"log/slog"
	"net/http"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/flow"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/session"
	"github.com/usher-id/usher/internal/token"
	"github.com/usher-id/usher/internal/web"
)

// Keys are the published signing keys; *key.Ring is one.
type Keys interface {
	JWKS() []byte
	Algorithms() []string
}

// Config is what a Provider needs.
type Config struct {
	Issuer       string // as in discovery, ID tokens and RFC 9207 iss; no slash at the end
	Tenant       string // "" is the default tenant
	Kit          *web.Kit
	Ledger       *ledger.Ledger
	Ring         Keys
	Sessions     *session.Keeper
	Tokens       *token.Minter
	Applications func(tenant, id string) (Application, bool)                // what is in force now
	Begin        func(w http.ResponseWriter, r *http.Request, s flow.Start) // begins a login conversation

	// ProviderEnabled reports whether the tenant and the identity provider are in
	// force now. It is asked wherever a code or a token counts, so that those of a
	// provider that was switched off or removed are worth nothing from that moment.
	ProviderEnabled func(tenant, idp string) bool

	Now func() time.Time
	Log *slog.Logger
}

// Provider is the OpenID Provider of one issuer. It holds no state between
// requests and is safe for concurrent use.
type Provider struct {
	cfg       Config
	tenant    string
	discovery []byte
}

var _ flow.Asker = (*Provider)(nil)

// New makes a Provider.
func New(cfg Config) *Provider {
	p := &Provider{cfg: cfg, tenant: cmp.Or(cfg.Tenant, usher.DefaultTenant)}
	p.discovery = p.metadata()
	return p
}

// The paths of the endpoints, below the issuer.
const (
	pathDiscovery  = "/.well-known/openid-configuration"
	pathJWKS       = "/jwks"
	pathAuthorize  = "/authorize"
	pathToken      = "/token"
	pathUserinfo   = "/userinfo"
	pathIntrospect = "/introspect"
	pathRevoke     = "/revoke"
	pathLogout     = "/logout"
	pathConfirmed  = "/logout/confirmed"
)

// Mount adds the endpoints to mux.
func (p *Provider) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET "+pathDiscovery, p.serveDiscovery)
	mux.HandleFunc("GET "+pathJWKS, p.serveJWKS)
	mux.HandleFunc("GET "+pathAuthorize, p.authorize)
	mux.HandleFunc("POST "+pathAuthorize, p.authorize)
	mux.HandleFunc("POST "+pathToken, p.forClients(p.token))
	mux.HandleFunc("GET "+pathUserinfo, p.userinfo)
	mux.HandleFunc("POST "+pathUserinfo, p.userinfo)
	mux.HandleFunc("OPTIONS "+pathUserinfo, preflight)
	mux.HandleFunc("POST "+pathIntrospect, p.forClients(p.introspect))
	mux.HandleFunc("POST "+pathRevoke, p.forClients(p.revoke))
	mux.HandleFunc("GET "+pathLogout, p.logout)
	mux.HandleFunc("POST "+pathLogout, p.logout)
	mux.Handle("POST "+pathConfirmed, p.cfg.Kit.SameOrigin(http.HandlerFunc(p.confirmed)))
	// GET patterns serve HEAD too, and whoever looks at a link before showing it
	// must not use up a sign-in or end a session.
	for _, path := range []string{pathAuthorize, pathLogout} {
		mux.HandleFunc("HEAD "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", "GET, POST")
			w.WriteHeader(http.StatusMethodNotAllowed)
		})
	}
}

func (p *Provider) now() usher.Instant { return usher.Instant(p.cfg.Now().UnixMicro()) }

// application is the application of that id if it may be used now.
func (p *Provider) application(id string) (Application, bool) {
	a, ok := p.cfg.Applications(p.tenant, id)
	return a, ok && a.Enabled && a.Tenant == p.tenant && a.ID == id
}

// counts reports whether what an application was given still counts, with the
// configuration of now, for a person who came from that provider.
func (p *Provider) counts(app Application, idp string, user usher.UserID) bool {
	return app.takes(idp, user) && p.cfg.ProviderEnabled(p.tenant, idp)
}
