package op

import (
	"context"
	"net/http"
	"strings"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/token"
)

// tokens is a successful answer of the token endpoint (RFC 6749, section 5.1).
type tokens struct {
	Access    string `json:"access_token"`
	Type      string `json:"token_type"`
	ExpiresIn int64  `json:"expires_in"` // seconds
	Scope     string `json:"scope"`
	Refresh   string `json:"refresh_token,omitempty"`
	ID        string `json:"id_token,omitempty"`
}

// token is the token endpoint (RFC 6749, section 3.2).
func (p *Provider) token(ctx context.Context, app Application, in params) (any, error) {
	switch in["grant_type"] {
	case "authorization_code":
		return p.redeem(ctx, app, in)
	case "refresh_token":
		return p.refresh(ctx, app, in)
	case "":
		return nil, badRequest("grant_type is missing")
	}
	return nil, &protocolError{status: http.StatusBadRequest, code: errGrantType, description: "the grant types are authorization_code and refresh_token"}
}

// redeem gives tokens for a code (RFC 6749, section 4.1.3). Using it and beginning
// its family are one commit. A code that does not fit the request stays unused,
// so that whoever saw it in passing can't spoil it. A second use of one that was
// used ends what the first use began, and for that the code is enough: the
// verifier is not looked at, because whoever shows a used code has it from
// somewhere it should not be, and to end tokens is the safe side to err on.
func (p *Provider) redeem(ctx context.Context, app Application, in params) (tokens, error) {
	hash, ok := token.CodeHash(in["code"])
	switch {
	case in["code"] == "":
		return tokens{}, badRequest("code is missing")
	case in["redirect_uri"] == "":
		return tokens{}, badRequest("redirect_uri is missing")
	case !ok:
		return tokens{}, errCode()
	}
	var code ledger.Code
	var f ledger.Family
	err := p.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) (err error) {
		code, err = tx.RedeemCode(ctx, p.tenant, hash)
		switch {
		case usher.KindOf(err) == usher.NotFound:
			return errCode()
		case err != nil:
			return err
		case code.Application != app.ID:
			return errCode()
		case code.Used:
			return ignoreMissing(tx.RevokeFamily(ctx, p.tenant, code.Family))
		case code.Expires <= p.now(), code.RedirectURI != in["redirect_uri"], !token.Proves(in["code_verifier"], code.Challenge):
			return errCode()
		}
		if err := p.stillSignedIn(ctx, tx, app, code); err != nil {
			return err
		}
		f = p.cfg.Tokens.NewFamily(code, hasScope(code.Scope, scopeOffline))
		return tx.BeginFamily(ctx, f)
	})
	if err != nil {
		return tokens{}, usher.Wrap("op.redeem", err)
	}
	if code.Used {
		p.suspect(ctx, "code used again", app, code.Decision)
		return tokens{}, errCode()
	}
	return p.mint(app, f, f.Scope, code.Nonce)
}

func errCode() error {
	return badGrant("the code is not known, has expired, was used before, or does not fit this client, redirect_uri and code_verifier")
}

// stillSignedIn checks that the session of a code has not ended since, nor its
// account or its provider been switched off.
func (p *Provider) stillSignedIn(ctx context.Context, tx *ledger.Tx, app Application, code ledger.Code) error {
	s, err := tx.Session(ctx, p.tenant, code.Session)
	switch {
	case usher.KindOf(err) == usher.NotFound,
		err == nil && s.User != "" && s.State != usher.StateActive,
		!p.counts(app, code.IdP, code.User):
		return badGrant("the person is no longer signed in")
	}
	return usher.Wrap("op.stillSignedIn", err)
}

// refresh gives new tokens for a refresh token and replaces it (RFC 6749,
// section 6; RFC 9700, section 4.14.2). Tokens are made before the commit, so
// that a failure to make them costs the application nothing.
func (p *Provider) refresh(ctx context.Context, app Application, in params) (tokens, error) {
	const op = "op.refresh"
	if in["refresh_token"] == "" {
		return tokens{}, badRequest("refresh_token is missing")
	}
	id, generation, err := p.cfg.Tokens.ReadRefresh(p.tenant, in["refresh_token"])
	if err != nil {
		return tokens{}, errRefresh()
	}
	f, err := p.cfg.Tokens.Alive(ctx, p.tenant, id)
	switch {
	case usher.KindOf(err) == usher.Invalid:
		return tokens{}, errRefresh()
	case err != nil:
		return tokens{}, usher.Wrap(op, err)
	case f.Application != app.ID, !p.counts(app, f.IdP, f.User):
		return tokens{}, errRefresh()
	}
	granted := app.grants(f.Scope)
	if !hasScope(granted, scopeOffline) {
		return tokens{}, errRefresh()
	}
	scope, err := narrow(granted, in["scope"])
	if err != nil {
		return tokens{}, err
	}
	next := f
	next.Generation = generation + 1
	out, err := p.mint(app, next, scope, "")
	if err != nil {
		return tokens{}, usher.Wrap(op, err)
	}
	reused := false
	err = p.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
		_, err := tx.RotateFamily(ctx, p.tenant, id, generation)
		if reused = usher.KindOf(err) == usher.Conflict; reused {
			return ignoreMissing(tx.RevokeFamily(ctx, p.tenant, id))
		}
		return err
	})
	switch {
	case usher.KindOf(err) == usher.NotFound:
		return tokens{}, errRefresh()
	case err != nil:
		return tokens{}, usher.Wrap(op, err)
	case reused:
		p.suspect(ctx, "refresh token used again", app, f.Decision)
		return tokens{}, errRefresh()
	}
	return out, nil
}

func errRefresh() error {
	return badGrant("the refresh token is not good, or not any more, or not for this client")
}

// narrow is the scope asked for within the one granted (RFC 6749, section 6).
func narrow(granted, asked string) (string, error) {
	if asked == "" {
		return granted, nil
	}
	for s := range strings.FieldsSeq(asked) {
		if !hasScope(granted, s) {
			return "", &protocolError{status: http.StatusBadRequest, code: errInvalidScope, description: "the scope goes beyond what was granted"}
		}
	}
	return asked, nil
}

// mint makes the tokens of one generation of a family.
func (p *Provider) mint(app Application, f ledger.Family, scope, nonce string) (tokens, error) {
	const op = "op.mint"
	c := app.client()
	out := tokens{Type: "Bearer", Scope: scope}
	var err error
	if out.Access, out.ExpiresIn, err = p.cfg.Tokens.Access(c, f, scope); err != nil {
		return tokens{}, usher.Wrap(op, err)
	}
	if hasScope(scope, scopeOpenID) {
		if out.ID, err = p.cfg.Tokens.ID(c, f, nonce, out.Access); err != nil {
			return tokens{}, usher.Wrap(op, err)
		}
	}
	if f.Offline {
		if out.Refresh, err = p.cfg.Tokens.Refresh(p.tenant, f.ID, f.Generation); err != nil {
			return tokens{}, usher.Wrap(op, err)
		}
	}
	return out, nil
}

// suspect logs that something single-use was used twice, so one of the two was
// not the application. Its family has been revoked.
func (p *Provider) suspect(ctx context.Context, what string, app Application, decision string) {
	p.cfg.Log.WarnContext(ctx, what+"; its tokens are revoked", "application", app.ID, "correlation", decision)
}

// ignoreMissing takes a family that is not there for one that is revoked.
func ignoreMissing(err error) error {
	if usher.KindOf(err) == usher.NotFound {
		return nil
	}
	return err
}
