package op

import (
	"context"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/token"
)

// introspection is what a token says (RFC 7662, section 2.2).
type introspection struct {
	Active   bool   `json:"active"`
	Scope    string `json:"scope,omitempty"`
	Client   string `json:"client_id,omitempty"`
	Type     string `json:"token_type,omitempty"`
	Expires  int64  `json:"exp,omitempty"`
	Issued   int64  `json:"iat,omitempty"`
	Sub      string `json:"sub,omitempty"`
	Audience string `json:"aud,omitempty"`
	Issuer   string `json:"iss,omitempty"`
	ID       string `json:"jti,omitempty"`
	AuthTime int64  `json:"auth_time,omitempty"`
	ACR      string `json:"acr,omitempty"`
}

// introspect tells a confidential client about a token that was issued to it or
// is meant for it (RFC 7662). Of any other token it tells that it is not active.
func (p *Provider) introspect(ctx context.Context, app Application, in params) (any, error) {
	switch {
	case app.public():
		return nil, badClient(AuthBasic)
	case in["token"] == "":
		return nil, badRequest("token is missing")
	}
	return p.inspect(ctx, app, in["token"])
}

func (p *Provider) inspect(ctx context.Context, app Application, raw string) (introspection, error) {
	if id, generation, err := p.cfg.Tokens.ReadRefresh(p.tenant, raw); err == nil {
		return p.inspectRefresh(ctx, app, id, generation)
	}
	a, _, _, err := p.access(ctx, raw)
	switch {
	case usher.KindOf(err) == usher.Invalid:
		return introspection{}, nil
	case err != nil:
		return introspection{}, usher.Wrap("op.inspect", err)
	case a.Client != app.ID && a.Audience != app.ID:
		return introspection{}, nil
	}
	return introspection{
		Active: true, Scope: a.Scope, Client: a.Client, Type: "Bearer", Expires: a.Expires, Issued: a.Issued,
		Sub: a.Sub, Audience: a.Audience, Issuer: a.Issuer, ID: a.ID, AuthTime: a.AuthTime, ACR: a.ACR,
	}, nil
}

func (p *Provider) inspectRefresh(ctx context.Context, app Application, id string, generation int64) (introspection, error) {
	f, err := p.cfg.Tokens.Alive(ctx, p.tenant, id)
	switch {
	case usher.KindOf(err) == usher.Invalid:
		return introspection{}, nil
	case err != nil:
		return introspection{}, usher.Wrap("op.inspectRefresh", err)
	case f.Application != app.ID || f.Generation != generation || !f.Offline || !p.counts(app, f.IdP, f.User):
		return introspection{}, nil
	}
	return introspection{
		Active: true, Scope: f.Scope, Client: f.Application, Expires: token.Seconds(f.Expires), Issued: token.Seconds(f.Created),
		Sub: f.Sub, Issuer: p.cfg.Issuer, AuthTime: token.Seconds(f.AuthTime), ACR: f.ACR,
	}, nil
}
