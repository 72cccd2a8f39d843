package oidc

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp"
	"github.com/usher-id/usher/internal/outbound"
)

// Connector is one registered OpenID Provider. It is safe for concurrent use.
type Connector struct {
	cfg      Config
	bad      error // what Config.Check said
	client   *http.Client
	verifier *gooidc.Config
	metadata *cache[metadata]
	keys     *cache[[]key]
}

var _ idp.Connector = (*Connector)(nil)

// New makes a connector that calls through client, which should be one of
// outbound.New. Nothing is fetched before the first sign-in, so a provider that
// is away disturbs nobody's start.
func New(cfg Config, client *http.Client) *Connector {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if len(cfg.Scopes) == 0 {
		cfg.Scopes = defaultScopes
	}
	if len(cfg.Algorithms) == 0 {
		cfg.Algorithms = defaultAlgorithms
	}
	c := &Connector{cfg: cfg, bad: cfg.Check(), client: client}
	// Times are judged by our own checks, which know the skew.
	c.verifier = &gooidc.Config{ClientID: cfg.ClientID, SupportedSigningAlgs: cfg.Algorithms, SkipExpiryCheck: true}
	c.metadata = &cache[metadata]{fetch: c.discover, now: cfg.Now}
	c.keys = &cache[[]key]{fetch: c.signingKeys, now: cfg.Now}
	return c
}

// keep is what must be known again when the browser comes back.
type keep struct {
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // of PKCE
	Issuer   string `json:"issuer"`   // whom the browser was sent to
	MaxAge   *int64 `json:"max_age,omitempty"`
}

// Begin implements idp.Connector.
func (c *Connector) Begin(ctx context.Context, ask idp.Ask) (idp.Departure, error) {
	const op = "oidc.Begin"
	if c.bad != nil {
		return idp.Departure{}, usher.Fail(usher.Internal, op, "This identity provider is not set up correctly.", c.bad)
	}
	m, f := c.metadata.get(ctx)
	if f != (usher.Fault{}) {
		return idp.Departure{}, usher.Fail(usher.Unavailable, op,
			"The identity provider can't be reached right now. Please try again in a moment.",
			errors.New(string(f.Reason)+": "+f.Detail))
	}
	k := keep{Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Issuer: c.cfg.Issuer, MaxAge: ask.MaxAge}
	kept, err := json.Marshal(k)
	if err != nil || len(kept) > idp.MaxKeep {
		return idp.Departure{}, usher.Fail(usher.Internal, op, "", errors.Join(err, errors.New("too much to keep")))
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(k.Verifier), gooidc.Nonce(k.Nonce)}
	set := func(name, value string) {
		if value != "" {
			options = append(options, oauth2.SetAuthURLParam(name, value))
		}
	}
	for name, value := range c.cfg.AuthParams {
		set(name, value)
	}
	set("login_hint", ask.LoginHint)
	set("prompt", ask.Prompt)
	if ask.MaxAge != nil {
		set("max_age", strconv.FormatInt(*ask.MaxAge, 10))
	}
	return idp.Departure{URL: c.oauth(m.value, ask.RedirectURI).AuthCodeURL(ask.State, options...), Keep: kept}, nil
}

// oauth is the client for one exchange.
func (c *Connector) oauth(m metadata, redirectURI string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: c.cfg.ClientID, ClientSecret: c.cfg.ClientSecret,
		Endpoint: m.endpoint, RedirectURL: redirectURI, Scopes: c.cfg.Scopes,
	}
}

// Finish implements idp.Connector.
func (c *Connector) Finish(ctx context.Context, arrival idp.Arrival) usher.Assertion {
	a := usher.Assertion{Tenant: c.cfg.Tenant, IdP: c.cfg.Name}
	claims, f := c.finish(ctx, arrival)
	if f != (usher.Fault{}) {
		// A refused assertion says nothing about anyone, except a subject whose
		// form is what was refused.
		a.Fault, a.Subject = f, claims.Get("sub")
		return a
	}
	a.Issuer, a.Subject, a.Claims = c.cfg.Issuer, claims.verified.Get("sub"), claims.Value
	a.ACR, _ = claims.verified.Get("acr").Text()
	for _, item := range claims.verified.Get("amr").List() {
		if text, ok := item.Text(); ok {
			a.AMR = append(a.AMR, text)
		}
	}
	if at, ok := seconds(claims.verified.Get("auth_time")); ok {
		a.AuthTime = usher.Instant(at) * usher.Second
	}
	a.Incomplete = claims.incomplete
	return a
}

// profile is all that the provider said about the person.
type profile struct {
	usher.Value             // the claims of both documents
	verified    usher.Value // those of the ID token alone
	incomplete  []string
}

func (c *Connector) finish(ctx context.Context, arrival idp.Arrival) (profile, usher.Fault) {
	if c.bad != nil {
		return profile{}, fault(usher.ReasonInternal, "the provider's settings are wrong: "+usher.Shown(c.bad))
	}
	var k keep
	if json.Unmarshal(arrival.Keep, &k) != nil || k.Nonce == "" || k.Verifier == "" {
		return profile{}, fault(usher.ReasonInternal, "what was kept for this sign-in can't be read")
	}
	if f := c.fromThisIssuer(arrival.Params, k); f != (usher.Fault{}) {
		return profile{}, f
	}
	m, f := c.metadata.get(ctx)
	if f != (usher.Fault{}) {
		return profile{}, f
	}
	code, f := codeOf(arrival.Params, m.value)
	if f != (usher.Fault{}) {
		return profile{}, f
	}
	token, f := c.redeem(ctx, m.value, arrival.RedirectURI, code, k.Verifier)
	if f != (usher.Fault{}) {
		return profile{}, f
	}
	text, ok := token.Extra("id_token").(string)
	if !ok || text == "" {
		return profile{}, fault(usher.ReasonMalformed, "the token endpoint sent no ID token")
	}
	claims, f := c.verify(ctx, text, expected{
		issuer: c.cfg.Issuer, client: c.cfg.ClientID, nonce: k.Nonce,
		now: arrival.Now.Unix(), maxAge: shorter(k.MaxAge, arrival.MaxAge), accessToken: token.AccessToken,
	})
	if f != (usher.Fault{}) {
		return profile{Value: claims}, f
	}
	return c.complete(ctx, m.value, claims, token.AccessToken)
}

// shorter is the stricter of what was asked for then and what is asked for now.
func shorter(a, b *int64) *int64 {
	if a == nil || b != nil && *b < *a {
		return b
	}
	return a
}

// fromThisIssuer refuses a response of another provider than the one the browser
// was sent to, before anything is sent anywhere (RFC 9207, section 2.4).
func (c *Connector) fromThisIssuer(params url.Values, k keep) usher.Fault {
	switch iss, sent := params["iss"]; {
	case k.Issuer != c.cfg.Issuer:
		return fault(usher.ReasonMixUp, "the sign-in began with another issuer")
	case len(iss) > 1:
		return fault(usher.ReasonMixUp, "the response has iss more than once")
	case sent && iss[0] != c.cfg.Issuer:
		return fault(usher.ReasonMixUp, "the response's iss is not the issuer configured, byte for byte")
	}
	for _, values := range params {
		if len(values) > 1 { // RFC 6749, section 3.1
			return fault(usher.ReasonUpstreamInvalid, "the response has a parameter more than once")
		}
	}
	return usher.Fault{}
}

// maxCode is the longest authorization code that is sent on, in bytes.
const maxCode = 8 << 10

// codeOf is the authorization code of a response.
func codeOf(params url.Values, m metadata) (string, usher.Fault) {
	code := params.Get("code")
	switch {
	case m.saysIss && !params.Has("iss"):
		return "", fault(usher.ReasonMixUp, "the response has no iss although the metadata promises it")
	case params.Has("error"):
		return "", fault(usher.ReasonUpstreamError, registered(params.Get("error"), responseErrors))
	case code == "":
		return "", fault(usher.ReasonUpstreamInvalid, "the response has neither code nor error")
	case len(code) > maxCode:
		return "", fault(usher.ReasonUpstreamInvalid, "the response's code is too long")
	}
	return code, usher.Fault{}
}

// redeem exchanges the code for tokens.
func (c *Connector) redeem(ctx context.Context, m metadata, redirectURI, code, verifier string) (*oauth2.Token, usher.Fault) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, c.client)
	token, err := c.oauth(m, redirectURI).Exchange(ctx, code, oauth2.VerifierOption(verifier))
	var (
		refused *oauth2.RetrieveError
		failed  *url.Error
	)
	switch {
	case errors.As(err, &refused) && refused.ErrorCode != "":
		return nil, fault(usher.ReasonUpstreamRefused, "token endpoint: "+registered(refused.ErrorCode, tokenErrors))
	case errors.As(err, &refused):
		f := statusFault(refused.Response.StatusCode, usher.ReasonUpstreamRefused)
		return nil, fault(f.Reason, "token endpoint: "+f.Detail)
	case errors.As(err, &failed):
		return nil, fault(usher.ReasonUpstreamUnreachable, "token endpoint: "+outbound.Explain(err))
	case err != nil:
		return nil, fault(usher.ReasonUpstreamInvalid, "token endpoint: its answer is not understood")
	}
	return token, usher.Fault{}
}

// The registered error codes: RFC 6749 sections 4.1.2.1 and 5.2, OpenID Connect
// Core 1.0 section 3.1.2.6, RFC 8707, RFC 9396 and OpenID Connect Core
// Unmet Authentication Requirements.
var (
	responseErrors = []string{
		"invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope",
		"server_error", "temporarily_unavailable", "interaction_required", "login_required",
		"account_selection_required", "consent_required", "invalid_request_uri", "invalid_request_object",
		"request_not_supported", "request_uri_not_supported", "registration_not_supported", "invalid_target",
		"invalid_authorization_details", "unmet_authentication_requirements",
	}
	tokenErrors = []string{
		"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
		"invalid_scope", "invalid_target",
	}
)

// registered is code if it is one of known. Anything else, and all free text
// beside it, could be written by whoever sent the browser here.
func registered(code string, known []string) string {
	if slices.Contains(known, code) {
		return code
	}
	return "an error code that is not registered"
}
