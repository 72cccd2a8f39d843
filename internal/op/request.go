package op

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/flow"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/token"
)

// Bounds of an authorization request, in bytes.
const (
	maxRequest   = flow.MaxRequest // all that travels in the sealed login state
	maxLoginHint = 320
	maxIdPHint   = 128
	maxLocales   = 100
)

// request is what of an authorization request outlives the login conversation.
// It travels in the browser, sealed by the conversation.
type request struct {
	Client    string `json:"c"`
	Redirect  string `json:"r"`
	State     string `json:"s,omitempty"`
	Nonce     string `json:"n,omitempty"`
	Scope     string `json:"o"`           // granted
	Challenge string `json:"p"`           // S256
	Sub       string `json:"h,omitempty"` // who id_token_hint says it must be
}

// answer is where the request is answered.
func (q request) answer() answer { return answer{q.Redirect, q.State} }

// encode gives the bytes that travel; the error names what makes them too many.
func (q request) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // URIs are full of ampersands
	if err := e.Encode(q); err != nil {
		return nil, usher.Wrap("op.encode", err)
	}
	if b.Len() <= maxRequest {
		return b.Bytes(), nil
	}
	longest, size := "state", len(q.State)
	if len(q.Nonce) > size {
		longest, size = "nonce", len(q.Nonce)
	}
	if len(q.Redirect) > size {
		longest, size = "redirect_uri", len(q.Redirect)
	}
	return nil, badRequest("the request is too long: " + strconv.Itoa(b.Len()) + " bytes where " + strconv.Itoa(maxRequest) +
		" fit; shorten " + longest + ", which has " + strconv.Itoa(size))
}

// decodeRequest reads what encode wrote.
func decodeRequest(raw []byte) (request, error) {
	var q request
	if err := json.Unmarshal(raw, &q); err != nil || q.Client == "" || q.Redirect == "" {
		return request{}, usher.Fail(usher.Invalid, "op.decodeRequest", "", err)
	}
	return q, nil
}

// ask is an authorization request as read: what outlives it, and what says how
// the person is to be signed in.
type ask struct {
	request
	prompt    []string
	maxAge    *int64 // seconds
	loginHint string
	idpHint   string
	locales   string // ui_locales; "" if it asks for more than anybody reads
}

// silent reports whether the person must not be shown anything.
func (a ask) silent() bool { return slices.Contains(a.prompt, "none") }

// met reports whether a session is good enough for the request: the person need
// not be asked again, nor was it too long ago.
func (a ask) met(s ledger.Session, now usher.Instant) bool {
	if slices.Contains(a.prompt, "login") || slices.Contains(a.prompt, "select_account") {
		return false
	}
	return a.maxAge == nil || s.AuthTime > 0 && now-s.AuthTime <= usher.Instant(*a.maxAge)*usher.Second
}

// upstream is the prompt that the provider is to be given: consent is ours to
// ask, and we have nothing to ask.
func (a ask) upstream() string {
	return strings.Join(slices.DeleteFunc(slices.Clone(a.prompt), func(s string) bool { return s == "consent" }), " ")
}

// ask reads a request of the application whose redirect URI has been checked.
// Everything wrong with it is a protocolError for that URI.
func (p *Provider) ask(app Application, in params) (ask, error) {
	a := ask{request: request{
		Client: app.ID, Redirect: in["redirect_uri"], State: in["state"], Nonce: in["nonce"],
		Scope: app.grants(in["scope"]), Challenge: in["code_challenge"],
	}, loginHint: in["login_hint"], idpHint: in["idp_hint"]}
	if locales := in["ui_locales"]; len(locales) <= maxLocales { // a wish, never an error (OpenID Connect Core, section 3.1.2.1)
		a.locales = locales
	}
	for _, check := range []func(params) error{unsupported, flowParams, pkce, bounds} {
		if err := check(in); err != nil {
			return a, err
		}
	}
	var err error
	if a.prompt, err = readPrompt(in["prompt"]); err != nil {
		return a, err
	}
	if a.maxAge, err = readMaxAge(in["max_age"]); err != nil {
		return a, err
	}
	if hint := in["id_token_hint"]; hint != "" {
		h, err := p.hint(app, hint)
		if err != nil {
			return a, err
		}
		a.Sub = h.Sub
	}
	return a, nil
}

// unsupported refuses what would change the meaning of the request if it were ignored.
func unsupported(in params) error {
	for _, not := range []struct{ name, code string }{
		{"request", errRequest}, {"request_uri", errRequestURI}, {"registration", errRegistration},
	} {
		if in[not.name] != "" {
			return &protocolError{code: not.code, description: "this issuer does not support the parameter " + not.name}
		}
	}
	return nil
}

func flowParams(in params) error {
	switch {
	case in["response_type"] == "":
		return badRequest("response_type is missing; use code")
	case in["response_type"] != "code":
		return &protocolError{code: errResponseType, description: "the only response_type is code"}
	case in["response_mode"] != "" && in["response_mode"] != "query":
		return badRequest("the only response_mode is query")
	case !hasScope(in["scope"], scopeOpenID):
		return &protocolError{code: errInvalidScope, description: "scope must contain openid"}
	}
	return nil
}

// pkce demands RFC 7636 of everyone, in its only safe form.
func pkce(in params) error {
	switch {
	case in["code_challenge"] == "":
		return badRequest("code_challenge is missing; PKCE is required")
	case in["code_challenge_method"] != "S256":
		return badRequest("code_challenge_method must be S256")
	case !token.ChallengeFits(in["code_challenge"]):
		return badRequest("code_challenge must be the base64url SHA-256 of the verifier, without padding")
	}
	return nil
}

func bounds(in params) error {
	switch {
	case len(in["login_hint"]) > maxLoginHint:
		return badRequest("login_hint is longer than " + strconv.Itoa(maxLoginHint) + " bytes")
	case len(in["idp_hint"]) > maxIdPHint:
		return badRequest("idp_hint is longer than " + strconv.Itoa(maxIdPHint) + " bytes")
	}
	return nil
}

func readPrompt(s string) ([]string, error) {
	words := strings.Fields(s)
	for _, w := range words {
		if !slices.Contains([]string{"none", "login", "consent", "select_account"}, w) {
			return nil, badRequest("prompt may hold none, login, consent and select_account")
		}
	}
	if len(words) > 1 && slices.Contains(words, "none") {
		return nil, badRequest("prompt none can't be combined with others")
	}
	slices.Sort(words)
	return slices.Compact(words), nil
}

func readMaxAge(s string) (*int64, error) {
	if s == "" {
		return nil, nil
	}
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return nil, badRequest("max_age must be a number of seconds")
	}
	seconds := int64(n)
	return &seconds, nil
}

// hint reads an id_token_hint that was made for the application.
func (p *Provider) hint(app Application, raw string) (token.Hint, error) {
	h, err := p.cfg.Tokens.ReadHint(raw)
	if err != nil || h.Client != app.ID {
		return token.Hint{}, badRequest("id_token_hint is not an ID token that this issuer made for this application")
	}
	return h, nil
}
