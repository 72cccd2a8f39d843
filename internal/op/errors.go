package op

import (
	"encoding/json"
	"errors"
	"net/http"

	usher "github.com/usher-id/usher"
)

// The error codes of the standards (RFC 6749, 6750, 7009; OpenID Connect Core).
const (
	errInvalidRequest    = "invalid_request"
	errInvalidClient     = "invalid_client"
	errInvalidGrant      = "invalid_grant"
	errInvalidScope      = "invalid_scope"
	errInvalidToken      = "invalid_token"
	errInsufficientScope = "insufficient_scope"
	errUnauthorized      = "unauthorized_client"
	errGrantType         = "unsupported_grant_type"
	errResponseType      = "unsupported_response_type"
	errRequest           = "request_not_supported"
	errRequestURI        = "request_uri_not_supported"
	errRegistration      = "registration_not_supported"
	errLoginRequired     = "login_required"
	errInteraction       = "interaction_required"
	errDenied            = "access_denied"
	errServer            = "server_error"
	errUnavailable       = "temporarily_unavailable"
)

// kindForm is what a kind of failure looks like to an application.
type kindForm struct {
	direct  string // error in the answer of an endpoint
	status  int    // and its status
	refusal string // error at the redirect URI, when a person was refused
}

// formOf is the one table from usher.Kind to OAuth errors.
func formOf(k usher.Kind) kindForm {
	switch k {
	case usher.Invalid, usher.NotFound:
		return kindForm{errInvalidRequest, http.StatusBadRequest, errDenied}
	case usher.Conflict:
		return kindForm{errUnavailable, http.StatusServiceUnavailable, errDenied}
	case usher.Denied:
		return kindForm{errDenied, http.StatusForbidden, errDenied}
	case usher.Unavailable, usher.Exhausted:
		return kindForm{errUnavailable, http.StatusServiceUnavailable, errUnavailable}
	case usher.Internal:
	}
	return kindForm{errServer, http.StatusInternalServerError, errServer}
}

// protocolError is an error that a standard has a word for.
type protocolError struct {
	status      int
	code        string
	description string // for the developer; printable ASCII without quotes, and nothing that was sent
	challenge   string // WWW-Authenticate, or ""
}

// Error is the code and its description.
func (e *protocolError) Error() string { return "op: " + e.code + ": " + e.description }

func badRequest(description string) error {
	return &protocolError{status: http.StatusBadRequest, code: errInvalidRequest, description: description}
}

func badGrant(description string) error {
	return &protocolError{status: http.StatusBadRequest, code: errInvalidGrant, description: description}
}

// asProtocol gives err the form an application understands. What no standard has
// a word for is logged here, at the edge, and told by its kind only.
func (p *Provider) asProtocol(r *http.Request, err error) *protocolError {
	var known *protocolError
	if errors.As(err, &known) {
		return known
	}
	ticket := p.report(r, err)
	f := formOf(usher.KindOf(err))
	return &protocolError{status: f.status, code: f.direct, description: "correlation id " + ticket}
}

// report logs a failure of ours and gives the correlation id to tell.
func (p *Provider) report(r *http.Request, err error) string {
	ticket := p.cfg.Kit.Ticket(reasonOf(err))
	p.cfg.Log.ErrorContext(r.Context(), "request failed", "correlation", ticket, "route", r.Pattern, "error", err.Error())
	return ticket
}

// reasonOf is the reason word for a failure of ours.
func reasonOf(err error) usher.Reason {
	switch usher.KindOf(err) {
	case usher.Unavailable, usher.Exhausted, usher.Conflict:
		return usher.ReasonBusy
	default:
		return usher.ReasonInternal
	}
}

// fail answers with an OAuth error (RFC 6749, section 5.2).
func (p *Provider) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := p.asProtocol(r, err)
	if e.challenge != "" {
		w.Header().Set("WWW-Authenticate", e.challenge)
	}
	writeJSON(w, e.status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{e.code, e.description})
}

// writeJSON answers with JSON that nobody may keep.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // only types of ours come here, and they can be written
		status, body = http.StatusInternalServerError, []byte(`{"error":"`+errServer+`"}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache") // RFC 6749, section 5.1
	w.WriteHeader(status)
	_, _ = w.Write(body) // the reader is gone
}
