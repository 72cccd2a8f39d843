package op

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
)

// forClients makes an endpoint of what answers an application that sent a form
// and proved who it is. An answer of nil has no body.
func (p *Provider) forClients(answer func(ctx context.Context, app Application, in params) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var app Application
		in, err := readForm(r)
		if err == nil {
			app, err = p.authenticate(r, in)
		}
		var out any
		if err == nil {
			allowOrigin(w, r, app)
			out, err = answer(r.Context(), app, in)
		}
		switch {
		case err != nil:
			p.fail(w, r, err)
		case out == nil:
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusOK)
		default:
			writeJSON(w, http.StatusOK, out)
		}
	}
}

// credentials are what a client sent to prove who it is.
type credentials struct {
	method string // AuthBasic, AuthPost or AuthNone
	id     string
	secret string
}

// authenticate is the application that sent r (RFC 6749, section 2.3). It must
// use the way it is registered with, and no other beside it. Whatever is wrong
// sounds alike: nobody learns which clients there are.
func (p *Provider) authenticate(r *http.Request, in params) (Application, error) {
	c, err := readCredentials(r, in)
	if err != nil {
		return Application{}, err
	}
	app, known := p.application(c.id)
	proven := app.secretIs(c.secret) // compared for unknown clients too, for the time it takes
	if app.public() {
		proven = c.secret == ""
	}
	if !known || app.Auth != c.method || !proven {
		return Application{}, badClient(c.method)
	}
	return app, nil
}

// badClient is invalid_client, with a challenge for those who tried the header
// (RFC 6749, section 5.2).
func badClient(method string) error {
	e := &protocolError{status: http.StatusUnauthorized, code: errInvalidClient, description: "the client is not known or did not prove who it is"}
	if method == AuthBasic {
		e.challenge = `Basic realm="usher", charset="UTF-8"`
	}
	return e
}

func readCredentials(r *http.Request, in params) (credentials, error) {
	headers := r.Header.Values("Authorization")
	id, secret := in["client_id"], in["client_secret"]
	switch {
	case len(headers) > 1, len(headers) == 1 && secret != "":
		return credentials{}, badRequest("the client must prove who it is in one way only")
	case in["client_assertion"] != "" || in["client_assertion_type"] != "":
		return credentials{}, badClient(AuthPost)
	case len(headers) == 1:
		c, ok := readBasic(headers[0])
		if !ok {
			return credentials{}, badClient(AuthBasic)
		}
		if id != "" && id != c.id {
			return credentials{}, badRequest("client_id is not the client of the Authorization header")
		}
		return c, nil
	case secret != "":
		return credentials{AuthPost, id, secret}, nil
	}
	return credentials{AuthNone, id, ""}, nil
}

// readBasic reads the header of client_secret_basic: both parts are form-encoded
// before they are joined (RFC 6749, section 2.3.1).
func readBasic(header string) (credentials, bool) {
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return credentials{}, false
	}
	raw, err := base64.StdEncoding.DecodeString(rest)
	if err != nil {
		return credentials{}, false
	}
	id, secret, ok := strings.Cut(string(raw), ":")
	if !ok {
		return credentials{}, false
	}
	id, errID := url.QueryUnescape(id)
	secret, errSecret := url.QueryUnescape(secret)
	return credentials{AuthBasic, id, secret}, errID == nil && errSecret == nil && id != ""
}
