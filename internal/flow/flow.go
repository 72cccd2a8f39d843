// Package flow is the login conversation: choose a provider or give a password,
// go there, come back, be asked what is missing, and be let in or refused. It
// sends people to connectors and hands what they bring back to the path that
// decides; it does not know any protocol, who may enter, what must be asked, or
// what an application asked for (that travels as bytes it can't read).
//
// Before a decision the conversation's state lives in the browser: sealed, in a
// cookie of its own for every tab. Nothing is stored and nothing is kept in
// memory, so any process with the same keys can go on with it, and nobody can
// fill anything up by beginning sign-ins. What counts once is spent in the
// ledger, in the decision's own commit. Only somebody who must be asked first,
// and has come from a provider, leaves something to wait for in the ledger for
// ten minutes; the secret to it is in that browser's cookie and nowhere else.
package flow

import (
	"cmp"
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
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/web"
)

// MaxRequest is the most an application's request may hold, in bytes: it
// travels in a cookie.
const MaxRequest = 1800

// Start is a sign-in that an application asks for.
type Start struct {
	Tenant          string
	Application     string   // its id
	ApplicationName string   // as people know it
	ApplicationURL  string   // where the application is at home; "" if not known
	Request         []byte   // opaque, at most MaxRequest; comes back to the Asker
	IdPHint         string   // the provider to use, by name
	LoginHint       string   // whom to expect; an e-mail address can choose the provider
	Prompt          string   // OpenID Connect's prompt; passed on
	MaxAge          *int64   // seconds since the person last proved who they are, at most; passed on
	Providers       []string // those that the application takes people from, by name; empty is all
	Locales         string   // the languages that the application asks for (OpenID Connect Core, section 3.1.2.1, ui_locales)
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
	Prove(ctx context.Context, req provision.Request, also provision.Also) (usher.Record, error)
	SetPassword(ctx context.Context, tenant string, ref usher.AccountRef, hash string, proven bool, also func(ctx context.Context, tx *ledger.Tx) error) error
}

// Ledger tells what has been spent and what is waited for; *ledger.Ledger is one.
type Ledger interface {
	Spent(ctx context.Context, key ledger.Key) (bool, error)
	Waiting(ctx context.Context, tenant string, hash [32]byte) (ledger.Waiting, error)
	Commit(ctx context.Context, fn func(tx *ledger.Tx) error) error
}

// Signer signs and verifies what is handed to a page of somebody else's;
// *key.Ring is one.
type Signer interface {
	Sign(alg, typ string, claims []byte) (string, error)
	Verify(token, typ string) ([]byte, error)
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
	PromptURL   string // a page of somebody else's that asks people instead of ours; "" is none
}

// PurposeText is the words of something people are asked to agree to.
type PurposeText struct {
	Title       map[string]string // by language (BCP 47)
	Description map[string]string // by language
	PolicyURL   string            // shown with the words; "" if there is none
}

// Config is what a Flow needs.
type Config struct {
	Kit         *web.Kit
	Path        Path
	Ledger      Ledger
	Sessions    *session.Keeper
	Asker       Asker
	Sealer      Sealer
	Signer      Signer
	Credentials Credentials
	Providers   func(tenant string) []Provider                // those in force now, in the order to show them
	Stores      func(name string) (store.Policy, bool)        // what a user store demands of names and passwords
	Purposes    func(tenant, name string) (PurposeText, bool) // the operator's words; nil has none
	Local       func(tenant string) bool                      // people may sign in with a password of ours; nil is no
	Mails       func(tenant string) bool                      // a code for a new password can be sent by mail; nil is no
	HideStates  func() bool                                   // people are not told why their account can't be used; nil is no
	Log         *slog.Logger
	Now         func() time.Time
}

// Flow holds the login conversation. It has no state but a count of the live
// checks, and is safe for concurrent use.
type Flow struct {
	Config
	checks meter
}

// New makes a Flow.
func New(cfg Config) *Flow {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Flow{Config: cfg}
}

// The pages of the conversation.
const (
	chooserPath = "/login"
	localPath   = "/login/local"
	askPath     = "/login/ask"
	returnPath  = "/login/return"
	forgotPath  = "/login/forgot"
	resetPath   = "/login/reset"
)

// Mount adds the conversation's pages to mux.
func (f *Flow) Mount(mux *http.ServeMux) {
	for path, page := range map[string]http.HandlerFunc{
		chooserPath: f.chooser, localPath: f.local, forgotPath: f.forgot, resetPath: f.reset,
	} {
		mux.HandleFunc("GET "+path, page)
	}
	// GET patterns serve HEAD too, and those who look at a link before they
	// show it must not use it up.
	for path, page := range map[string]http.HandlerFunc{
		"/login/go": f.chosen, "/idp/{name}/callback": f.callback, askPath: f.ask,
	} {
		mux.HandleFunc("GET "+path, page)
		mux.HandleFunc("HEAD "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", http.MethodGet)
			w.WriteHeader(http.StatusMethodNotAllowed)
		})
	}
	for path, form := range map[string]http.HandlerFunc{
		"/login/find": f.find, askPath: f.answer, "/login/prove": f.prove, "/login/check": f.check,
		localPath: f.signIn, forgotPath: f.sendReset, resetPath: f.setPassword,
	} {
		mux.Handle("POST "+path, f.Kit.SameOrigin(form))
	}
	mux.HandleFunc("POST "+returnPath, f.returned) // by a page of somebody else's
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
	page.Reason = f.shown(page.Reason)
	if page.Correlation == "" {
		page.Correlation = f.Kit.Ticket(page.Reason)
	}
	r = web.Locales(r, s.Locales)
	page.Back = f.wayBack(r, s, page.Reason, page.Correlation)
	f.Kit.RefuseWith(w, r, page)
}

// turnAway is refuse for a sign-in that was led to by a page of ours, with the way
// back to that page.
func (f *Flow) turnAway(w http.ResponseWriter, r *http.Request, l login, reason usher.Reason) {
	r = web.Locales(r, l.Start.Locales)
	f.refuseWith(w, r, l.Start, web.Refusal{Reason: reason, Again: f.again(r, l)})
}

// shown is the reason that people and applications are told.
func (f *Flow) shown(reason usher.Reason) usher.Reason {
	switch reason {
	case usher.ReasonAccountDisabled, usher.ReasonAccountLocked, usher.ReasonAccountPending, usher.ReasonAccountExpired:
		if f.HideStates != nil && f.HideStates() {
			return usher.ReasonAccountRefused
		}
	}
	return reason
}

// fail ends the conversation because something broke.
func (f *Flow) fail(w http.ResponseWriter, r *http.Request, s Start, err error) {
	f.refuseWith(w, r, s, f.Kit.Failure(r, "", err))
}

// wayBack is the way to the application: the one that tells it of the refusal, or
// else to where it is at home; nil if neither is known.
func (f *Flow) wayBack(r *http.Request, s Start, reason usher.Reason, correlation string) *web.Back {
	return back(s, cmp.Or(f.Asker.Refused(r.Context(), s.Request, reason, correlation), s.ApplicationURL))
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
