// Package flow is the login conversation: choose a provider, go there, come
// back, and be let in or refused. It sends people to connectors and hands what
// they bring back to the path that decides; it does not know any protocol, who
// may enter, or what an application asked for (that travels as bytes it can't
// read).
//
// The conversation's state lives in the browser: sealed, in a cookie of its own
// for every tab. Nothing is stored and nothing is kept in memory before a
// decision is made, so any process with the same keys can go on with it, and
// nobody can fill anything up by beginning sign-ins. What counts once is spent
// in the ledger, in the decision's own commit.
package flow

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/session"
	"github.com/usher-id/usher/internal/web"
)

// MaxRequest is the most an application's request may hold, in bytes: it
// travels in a cookie.
const MaxRequest = 1800

// Start is a sign-in that an application asks for.
type Start struct {
	Tenant          string
	Application     string // its id
	ApplicationName string // as people know it
	ApplicationURL  string // where the application is at home; "" if not known
	Request         []byte // opaque, at most MaxRequest; comes back to the Asker
	IdPHint         string // the provider to use, by name
	LoginHint       string // whom to expect; an e-mail address can choose the provider
	Prompt          string // OpenID Connect's prompt; passed on
	MaxAge          *int64 // seconds since the person last proved who they are, at most; passed on
}

// Asker answers the application that asked; the OpenID Provider is one.
type Asker interface {
	// Settle makes the answer to request for a person who was let in, within
	// the commit that lets them in, and gives the address to send them to.
	Settle(ctx context.Context, tx *ledger.Tx, request []byte, s ledger.Session) (location string, err error)

	// Refused is the address that tells the application of a refusal, "" if
	// there is none. It does nothing.
	Refused(ctx context.Context, request []byte, reason usher.Reason, correlation string) (location string)
}

// Path decides who an assertion is and makes it so; *provision.Path is one.
type Path interface {
	SignIn(ctx context.Context, req provision.Request, also provision.Also) (usher.Record, error)
}

// Ledger tells what has been spent; *ledger.Ledger is one.
type Ledger interface {
	Spent(ctx context.Context, key ledger.Key) (bool, error)
}

// Sealer seals what the browser carries; *key.Ring is one.
type Sealer interface {
	Seal(purpose string, plain, aad []byte) ([]byte, error)
	Open(purpose string, sealed, aad []byte) ([]byte, error)
}

// Provider is an identity provider as the conversation sees it.
type Provider struct {
	Name        string // stands in the redirect URI
	DisplayName string
	Enabled     bool
	Discover    []string // the e-mail domains whose people are sent here
	Connector   idp.Connector
}

// Config is what a Flow needs.
type Config struct {
	Kit       *web.Kit
	Path      Path
	Ledger    Ledger
	Sessions  *session.Keeper
	Asker     Asker
	Sealer    Sealer
	Providers func(tenant string) []Provider // those in force now, in the order to show them
	Log       *slog.Logger
	Now       func() time.Time
}

// Flow holds the login conversation. It has no state and is safe for concurrent
// use.
type Flow struct {
	Config
}

// New makes a Flow.
func New(cfg Config) *Flow {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Flow{cfg}
}

// Mount adds the conversation's pages to mux.
func (f *Flow) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /login", f.chooser)
	mux.HandleFunc("GET /login/go", f.chosen)
	mux.Handle("POST /login/find", f.Kit.SameOrigin(http.HandlerFunc(f.find)))
	mux.HandleFunc("GET /idp/{name}/callback", f.callback)
	// GET patterns serve HEAD too, and those who look at a link before they
	// show it must not use it up.
	for _, path := range []string{"/login/go", "/idp/{name}/callback"} {
		mux.HandleFunc("HEAD "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", http.MethodGet)
			w.WriteHeader(http.StatusMethodNotAllowed)
		})
	}
}

// enabled lists the providers that people can use now.
func (f *Flow) enabled(tenant string) []Provider {
	return slices.DeleteFunc(slices.Clone(f.Providers(tenant)), func(p Provider) bool { return !p.Enabled })
}

// provider finds a provider by name; the reason says why it can't be used.
func (f *Flow) provider(tenant, name string) (Provider, usher.Reason) {
	for _, p := range f.Providers(tenant) {
		switch {
		case p.Name != name:
		case !p.Enabled:
			return Provider{}, usher.ReasonIdPDisabled
		default:
			return p, ""
		}
	}
	return Provider{}, usher.ReasonProviderUnknown
}

// redirectURI is the one address at which people come back from a provider
// (RFC 9700, 4.4.2.2: one per provider, against mix-up).
func (f *Flow) redirectURI(p Provider) string {
	return f.Kit.URL("/idp/" + url.PathEscape(p.Name) + "/callback")
}

// tenant is the tenant that a request is for.
func tenant(*http.Request) string { return usher.DefaultTenant }

// refuse ends the conversation before there was anything to decide.
func (f *Flow) refuse(w http.ResponseWriter, r *http.Request, s Start, reason usher.Reason) {
	f.refuseWith(w, r, s, web.Refusal{Reason: reason})
}

func (f *Flow) refuseWith(w http.ResponseWriter, r *http.Request, s Start, page web.Refusal) {
	if page.Correlation == "" {
		page.Correlation = f.Kit.Ticket(page.Reason)
	}
	page.Back = back(s, f.Asker.Refused(r.Context(), s.Request, page.Reason, page.Correlation))
	f.Kit.RefuseWith(w, r, page)
}

// fail ends the conversation because something broke.
func (f *Flow) fail(w http.ResponseWriter, r *http.Request, s Start, err error) {
	f.refuseWith(w, r, s, f.Kit.Failure(r, "", err))
}

// back is the way to the application, nil if there is none.
func back(s Start, location string) *web.Back {
	if location == "" {
		return nil
	}
	return &web.Back{Name: applicationName(s), URL: location}
}

func applicationName(s Start) string {
	if s.ApplicationName != "" {
		return s.ApplicationName
	}
	return s.Application
}
