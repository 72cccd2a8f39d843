package op

import (
	"context"
	"net/http"
	"net/url"

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
// login_required.
func (p *Provider) reuse(r *http.Request, app Application, a ask) (string, error) {
	ctx := r.Context()
	s, live, err := p.cfg.Sessions.From(r)
	if err != nil {
		return "", err
	}
	if live && a.met(s, p.now()) {
		sub, err := p.cfg.Tokens.Sub(ctx, p.cfg.Ledger, app.client(), s)
		if err != nil {
			return "", err
		}
		if a.Sub == "" || a.Sub == sub {
			var location string
			err := p.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) (err error) {
				location, err = p.issue(ctx, tx, a.request, s, sub)
				return err
			})
			return location, err
		}
	}
	if a.silent() {
		return p.refusal(a.answer(), errLoginRequired, "the person must sign in for this request"), nil
	}
	return "", nil
}

// issue records a code for the session and gives the location that carries it.
func (p *Provider) issue(ctx context.Context, tx *ledger.Tx, q request, s ledger.Session, sub string) (string, error) {
	text, code := p.cfg.Tokens.NewCode(ledger.Code{
		Tenant: p.tenant, Application: q.Client, Session: s.Hash, Sub: sub, User: s.User,
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
