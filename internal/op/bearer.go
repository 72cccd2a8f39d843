package op

import (
	"context"
	"net/http"
	"strings"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/token"
)

// bearer is the access token of a request (RFC 6750, section 2): in the header
// or, of a POST, in a form; never in the URL, and never twice.
func bearer(r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	in := params{}
	if r.Method == http.MethodPost && isForm(r) {
		var err error
		if in, err = readForm(r); err != nil {
			return "", err
		}
	}
	query, err := readQuery(r)
	switch {
	case err != nil:
		return "", err
	case query["access_token"] != "":
		return "", badRequest("an access token must not be in the URL")
	case len(headers) > 1, len(headers) == 1 && in["access_token"] != "":
		return "", badRequest("send the access token once")
	case len(headers) == 0:
		return in["access_token"], nil
	}
	scheme, tok, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	return strings.TrimSpace(tok), nil
}

// access reads an access token that must be good now, with the family and the
// application it was issued to. One that is not good is Invalid.
func (p *Provider) access(ctx context.Context, raw string) (token.Access, ledger.Family, Application, error) {
	const op = "op.access"
	a, f, err := p.cfg.Tokens.VerifyAccess(ctx, p.tenant, raw)
	if err != nil {
		return token.Access{}, ledger.Family{}, Application{}, usher.Wrap(op, err)
	}
	app, enabled := p.application(f.Application)
	if !enabled || !p.counts(app, f.IdP, f.User) {
		return token.Access{}, ledger.Family{}, Application{}, usher.Fail(usher.Invalid, op, "", nil)
	}
	return a, f, app, nil
}

// challenge gives an error of a protected resource its WWW-Authenticate (RFC
// 6750, section 3).
func challenge(status int, code, description string) *protocolError {
	return &protocolError{status: status, code: code, description: description,
		challenge: `Bearer realm="usher", error="` + code + `", error_description="` + description + `"`}
}

// failBearer answers with the error of a protected resource.
func (p *Provider) failBearer(w http.ResponseWriter, r *http.Request, err error) {
	e := p.asProtocol(r, err)
	if e.code == errInvalidRequest {
		e = challenge(e.status, e.code, e.description)
	}
	p.fail(w, r, e)
}

// badToken is the error for an access token that is not good; one that could not
// be checked is not called bad.
func badToken(err error) error {
	if usher.KindOf(err) != usher.Invalid {
		return usher.Wrap("op.badToken", err)
	}
	return challenge(http.StatusUnauthorized, errInvalidToken, "the access token is not good, or not any more")
}
