package op

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/flow"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/web"
)

// authorize is the authorization endpoint (RFC 6749, section 3.1). Until the
// client and the redirect URI are known to belong together, what is wrong is
// told to the person here; afterwards to the application.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	in, err := read(r)
	if err != nil {
		p.badPage(w, r, err)
		return
	}
	r = web.Locales(r, in["ui_locales"])
	app, reason := p.asker(in)
	if reason != "" {
		p.cfg.Kit.Refuse(w, r, reason, "", nil)
		return
	}
	a, err := p.ask(app, in)
	if err != nil {
		p.redirectError(w, r, a.answer(), err)
		return
	}
	raw, err := a.encode()
	if err != nil {
		p.redirectError(w, r, a.answer(), err)
		return
	}
	location, err := p.reuse(r, app, a)
	switch {
	case err != nil:
		p.redirectError(w, r, a.answer(), err)
		return
	case location != "":
		web.Redirect(w, location)
		return
	}
	p.cfg.Begin(w, r, flow.Start{
		Tenant: p.tenant, Application: app.ID, ApplicationName: app.Name, ApplicationURL: app.URL, Request: raw,
		IdPHint: a.idpHint, LoginHint: a.loginHint, Prompt: a.upstream(), MaxAge: a.maxAge,
		Providers: app.Providers, Locales: a.locales,
	})
}

// asker is the application that may be answered at the redirect URI of the
// request, or why there is none.
func (p *Provider) asker(in params) (Application, usher.Reason) {
	app, known := p.cfg.Applications(p.tenant, in["client_id"])
	switch {
	case !known || in["client_id"] == "":
		return Application{}, usher.ReasonClientUnknown
	case !app.redirects(in["redirect_uri"]):
		return Application{}, usher.ReasonRedirectMismatch
	}
	if _, enabled := p.application(app.ID); !enabled {
		return Application{}, usher.ReasonApplicationDisabled
	}
	return app, ""
}

// reuse answers a request by the session that the browser has, if it is good
// enough; "" if the person must be asked. If nothing may be shown the answer is
// an error that says why (OpenID Connect Core, section 3.1.2.6).
func (p *Provider) reuse(r *http.Request, app Application, a ask) (string, error) {
	const op = "op.reuse"
	ctx := r.Context()
	s, live, err := p.cfg.Sessions.From(r)
	if err != nil {
		return "", usher.Wrap(op, err)
	}
	why := mustSignIn()
	if live && a.met(s, p.now()) {
		var sub string
		if sub, why, err = p.suits(ctx, app, a, s); err != nil {
			return "", usher.Wrap(op, err)
		}
		if why == nil {
			var location string
			err = p.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) (err error) {
				location, err = p.issue(ctx, tx, a.request, s, sub)
				return err
			})
			return location, err
		}
	}
	if a.silent() {
		return p.refusal(a.answer(), why.code, why.description), nil
	}
	return "", nil
}

// suits is the sub by which the application knows the person of a session, or
// why it can't be given this person without another look: it does not take
// people who signed in like this, it needs to know more of them, or it wants
// somebody else.
func (p *Provider) suits(ctx context.Context, app Application, a ask, s ledger.Session) (sub string, why *protocolError, err error) {
	const op = "op.suits"
	if !app.takes(s.IdP, s.User) {
		return "", mustSignIn(), nil
	}
	if len(app.Requires) > 0 {
		who, err := p.person(ctx, s.Store, s.User, s.Person)
		switch {
		case usher.KindOf(err) == usher.NotFound: // the account went just now
			return "", mustSignIn(), nil
		case err != nil:
			return "", nil, usher.Wrap(op, err)
		case slices.ContainsFunc(app.Requires, func(name string) bool { _, ok := who.attribute(name); return !ok }):
			return "", &protocolError{code: errInteraction, description: "the person must be asked for what this application requires"}, nil
		}
	}
	if sub, err = p.cfg.Tokens.Sub(ctx, p.cfg.Ledger, app.client(), s); err != nil {
		return "", nil, usher.Wrap(op, err)
	}
	if a.Sub != "" && a.Sub != sub {
		return "", mustSignIn(), nil
	}
	return sub, nil, nil
}

func mustSignIn() *protocolError {
	return &protocolError{code: errLoginRequired, description: "the person must sign in for this request"}
}

// issue records a code for the session and gives the location that carries it.
func (p *Provider) issue(ctx context.Context, tx *ledger.Tx, q request, s ledger.Session, sub string) (string, error) {
	text, code := p.cfg.Tokens.NewCode(ledger.Code{
		Tenant: p.tenant, Application: q.Client, Session: s.Hash, IdP: s.IdP, Sub: sub, User: s.User, Store: s.Store,
		RedirectURI: q.Redirect, Challenge: q.Challenge, Nonce: q.Nonce, Scope: q.Scope,
		AuthTime: s.AuthTime, ACR: s.ACR, AMR: s.AMR, Decision: s.Decision,
	})
	if s.User == "" { // an application met by single sign-on keeps the sub it sees too
		if err := tx.Seen(ctx, p.tenant, s.IdP, s.Subject, q.Client); err != nil {
			return "", usher.Wrap("op.issue", err)
		}
	}
	if err := tx.IssueCode(ctx, code); err != nil {
		return "", usher.Wrap("op.issue", err)
	}
	return p.location(q.answer(), url.Values{"code": {text}}), nil
}

// Settle answers the request of a person who has just been signed in, within the
// commit that began the session. The application is looked at again, for much
// can happen during a login. An error undoes the sign-in.
func (p *Provider) Settle(ctx context.Context, tx *ledger.Tx, raw []byte, s ledger.Session) (string, error) {
	const op = "op.Settle"
	q, app, err := p.recall(raw)
	if err != nil {
		return "", usher.Wrap(op, err)
	}
	sub, err := p.cfg.Tokens.Sub(ctx, tx, app.client(), s)
	if err != nil {
		return "", usher.Wrap(op, err)
	}
	if q.Sub != "" && q.Sub != sub {
		return p.refusal(q.answer(), errLoginRequired, "somebody else signed in than id_token_hint names"), nil
	}
	return p.issue(ctx, tx, q, s, sub)
}

// Refused is the location that tells the application that the person was not
// let in, "" if the application may no longer be told anything.
func (p *Provider) Refused(_ context.Context, raw []byte, reason usher.Reason, correlation string) string {
	q, _, err := p.recall(raw)
	if err != nil {
		return ""
	}
	return p.refusal(q.answer(), formOf(reason.Said().Kind).refusal, string(reason)+"; correlation id "+correlation)
}

// recall reads a request that went through a login conversation and checks its
// application again.
func (p *Provider) recall(raw []byte) (request, Application, error) {
	const op = "op.recall"
	q, err := decodeRequest(raw)
	if err != nil {
		return request{}, Application{}, usher.Wrap(op, err)
	}
	app, ok := p.application(q.Client)
	switch {
	case !ok:
		return request{}, Application{}, usher.Fail(usher.Denied, op, "This application has been switched off meanwhile.", nil)
	case !app.redirects(q.Redirect):
		return request{}, Application{}, usher.Fail(usher.Denied, op, "The address to return to is no longer registered.", nil)
	}
	q.Scope = app.grants(q.Scope)
	return q, app, nil
}

// redirectError tells the application of an error at its redirect URI.
func (p *Provider) redirectError(w http.ResponseWriter, r *http.Request, to answer, err error) {
	e := p.asProtocol(r, err)
	web.Redirect(w, p.refusal(to, e.code, e.description))
}
