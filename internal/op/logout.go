package op

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/session"
	"github.com/usher-id/usher/internal/token"
	"github.com/usher-id/usher/internal/web"
)

// Pages are the pages of signing out, for [web.Config].
//
//go:embed templates/*.html messages/*.yaml
var Pages embed.FS

// leave is a request to sign out (OpenID Connect RP-Initiated Logout 1.0,
// section 2), and the data of the page that asks whether it is meant.
type leave struct {
	Action      string // where the page's form goes
	Application string // its name, "" if no application is known to ask
	Client      string
	Redirect    string // where to go afterwards: registered, or ""
	State       string

	app  Application
	hint token.Hint // zero without a valid id_token_hint
}

// left is the data of the page after the end; it sends the browser on.
type left struct{ next string }

// Next is where the browser goes by itself.
func (l left) Next() string { return string(web.Link(l.next)) }

// Href is the same as a link, for those whose browser does not.
func (l left) Href() template.URL { return web.Link(l.next) }

// logout is the end session endpoint. It ends the session at once only for an
// application that proves by an ID token that it means this very person;
// otherwise a page asks, so that no link in a mail can sign anybody out.
func (p *Provider) logout(w http.ResponseWriter, r *http.Request) {
	l, s, live, ok := p.leaving(w, r)
	if !ok {
		return
	}
	if !live && r.Method == http.MethodPost && len(r.CookiesNamed(session.CookieName)) == 0 {
		// Browsers keep the cookie from a form that another site posts, so there may
		// be a session all the same. Our own page's form brings it.
		p.cfg.Kit.Page(w, r, http.StatusOK, "leave", l)
		return
	}
	if live {
		meant, err := p.meant(r, l, s)
		switch {
		case err != nil:
			p.cfg.Kit.Error(w, r, err, nil)
			return
		case !meant:
			p.cfg.Kit.Page(w, r, http.StatusOK, "leave", l)
			return
		}
		if !p.endSession(w, r, s) {
			return
		}
	}
	p.cfg.Sessions.ClearCookie(w)
	if l.Redirect != "" {
		web.Redirect(w, l.location())
		return
	}
	p.cfg.Kit.Page(w, r, http.StatusOK, "left", left{})
}

// confirmed ends the session after the page has asked. A form's answer may not
// redirect to another site, so the last page sends the browser on.
func (p *Provider) confirmed(w http.ResponseWriter, r *http.Request) {
	l, s, live, ok := p.leaving(w, r)
	if !ok || live && !p.endSession(w, r, s) {
		return
	}
	p.cfg.Sessions.ClearCookie(w)
	p.cfg.Kit.Page(w, r, http.StatusOK, "left", left{next: l.location()})
}

// leaving reads a request to sign out and the session it would end. If it can't
// be acted upon it has been answered.
func (p *Provider) leaving(w http.ResponseWriter, r *http.Request) (l leave, s ledger.Session, live, ok bool) {
	in, err := read(r)
	if err != nil {
		p.badPage(w, r, err)
		return l, s, false, false
	}
	if l, ok = p.readLeave(in); !ok {
		p.cfg.Kit.Refuse(w, r, usher.ReasonRedirectMismatch, "", nil)
		return l, s, false, false
	}
	if s, live, err = p.cfg.Sessions.From(r); err != nil {
		p.cfg.Kit.Error(w, r, err, nil)
		return l, s, false, false
	}
	return l, s, live, true
}

// readLeave finds the application that asks and checks where it wants the person
// to go. An id_token_hint that is not good counts as not sent. It is not ok if
// the address is not one that this application has registered.
func (p *Provider) readLeave(in params) (leave, bool) {
	l := leave{Action: pathConfirmed, Client: in["client_id"], State: in["state"]}
	if h, err := p.cfg.Tokens.ReadHint(in["id_token_hint"]); err == nil && (l.Client == "" || l.Client == h.Client) {
		l.hint, l.Client = h, h.Client
	}
	app, enabled := p.application(l.Client)
	if enabled {
		l.app, l.Application = app, app.Name
	} else {
		l.hint, l.Client = token.Hint{}, ""
	}
	l.Redirect = in["post_logout_redirect_uri"]
	return l, l.Redirect == "" || enabled && slices.Contains(app.PostLogoutRedirectURIs, l.Redirect)
}

// location is where the browser goes afterwards, or "".
func (l leave) location() string {
	if l.Redirect == "" || l.State == "" {
		return l.Redirect
	}
	join := "?"
	if strings.Contains(l.Redirect, "?") {
		join = "&"
	}
	return l.Redirect + join + url.Values{"state": {l.State}}.Encode()
}

// meant reports whether the hint names the session, or at least its person.
func (p *Provider) meant(r *http.Request, l leave, s ledger.Session) (bool, error) {
	if l.hint.SID == "" {
		return false, nil
	}
	c := l.app.client()
	if l.hint.SID == p.cfg.Tokens.SID(c, s.Hash) {
		return true, nil
	}
	sub, err := p.cfg.Tokens.Sub(r.Context(), p.cfg.Ledger, c, s)
	return sub == l.hint.Sub, usher.Wrap("op.meant", err)
}

// endSession ends s; if that can't be recorded the person is told so and false is
// given, for a session that lives on must not look ended.
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request, s ledger.Session) bool {
	err := p.cfg.Ledger.Commit(r.Context(), func(tx *ledger.Tx) error {
		return ignoreMissing(tx.EndSession(r.Context(), p.tenant, s.Hash))
	})
	if err != nil {
		p.cfg.Kit.Error(w, r, usher.Wrap("op.endSession", err), nil)
		return false
	}
	return true
}

// badPage tells a person that the request can't be read.
func (p *Provider) badPage(w http.ResponseWriter, r *http.Request, err error) {
	e := p.asProtocol(r, err)
	p.cfg.Kit.RefuseWith(w, r, web.Refusal{
		Reason: usher.ReasonRequestInvalid,
		Text:   p.cfg.Kit.T(r, "logout.unreadable", "fault", e.description),
	})
}
