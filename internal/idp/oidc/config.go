package oidc

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher"
)

// Config is one registered provider.
type Config struct {
	Tenant       string
	Name         string            // the registered provider's name
	Issuer       string            // byte-exact, as the provider's metadata and tokens say it
	ClientID     string            // ours, at the provider
	ClientSecret string            // ours; empty for a public client
	AuthMethod   string            // how the token endpoint is told who we are: "" (from the metadata), basic, post, none
	Scopes       []string          // default: openid profile email
	Algorithms   []string          // JWS algorithms accepted; default ES256 ES384 ES512 PS256 RS256 EdDSA
	Wants        []string          // claims the rules read: in auto mode userinfo is asked only if one is missing in the ID token
	Userinfo     string            // auto (default), always, never
	AllowHTTP    bool              // the issuer and its endpoints may be http
	AuthParams   map[string]string // more parameters for the authorization request
	Now          func() time.Time  // the clock of caches; default time.Now
}

// The words of Config.AuthMethod.
const (
	AuthBasic = "basic"
	AuthPost  = "post"
	AuthNone  = "none"
)

// The words of Config.Userinfo.
const (
	UserinfoAuto   = "auto"
	UserinfoAlways = "always"
	UserinfoNever  = "never"
)

// What Config.Algorithms may name, and what is accepted when it names nothing.
// Neither holds "none" or a symmetric algorithm: a signature that anyone who
// knows the client's secret can make says nothing about the provider.
var (
	knownAlgorithms   = []string{"ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA"}
	defaultAlgorithms = []string{"ES256", "ES384", "ES512", "PS256", "RS256", "EdDSA"}
	defaultScopes     = []string{"openid", "profile", "email"}
)

// Reserved reports whether a parameter of the authorization request is the
// connector's own: one that makes the request safe, or that the application
// decides. Config.AuthParams can't set it.
func Reserved(param string) bool {
	switch param {
	case "client_id", "client_secret", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce",
		"code_challenge", "code_challenge_method", "request", "request_uri", "prompt", "login_hint", "max_age", "id_token_hint":
		return true
	}
	return false
}

// Check says what is wrong with the settings, in words for whoever wrote them.
// The kind is Invalid. [New] does not fail; a connector whose settings are wrong
// refuses every sign-in.
func (c Config) Check() error {
	for _, check := range []func() string{c.checkIssuer, c.checkClient, c.checkWords, c.checkParams} {
		if msg := check(); msg != "" {
			return usher.Fail(usher.Invalid, "oidc.Check", msg, nil)
		}
	}
	return nil
}

func (c Config) checkIssuer() string {
	u, ok := endpoint(c.Issuer, c.AllowHTTP)
	switch {
	case !ok && !c.AllowHTTP:
		return "issuer must be an https address without user name and fragment"
	case !ok:
		return "issuer must be an http or https address without user name and fragment"
	case u.RawQuery != "" || u.ForceQuery:
		return "issuer must have no query"
	case len(c.Issuer) > 255:
		return "issuer must be at most 255 bytes long"
	}
	return ""
}

func (c Config) checkClient() string {
	switch {
	case c.ClientID == "":
		return "clientId is missing"
	case c.ClientSecret == "" && (c.AuthMethod == AuthBasic || c.AuthMethod == AuthPost):
		return "authMethod " + c.AuthMethod + " needs a clientSecret"
	case c.ClientSecret != "" && c.AuthMethod == AuthNone:
		return "authMethod none contradicts a clientSecret"
	}
	return ""
}

func (c Config) checkWords() string {
	if !slices.Contains([]string{"", AuthBasic, AuthPost, AuthNone}, c.AuthMethod) {
		return "authMethod must be basic, post or none"
	}
	if !slices.Contains([]string{"", UserinfoAuto, UserinfoAlways, UserinfoNever}, c.Userinfo) {
		return "userinfo must be auto, always or never"
	}
	for _, alg := range c.Algorithms {
		if !slices.Contains(knownAlgorithms, alg) {
			return "algorithms may be " + strings.Join(knownAlgorithms, ", ")
		}
	}
	return ""
}

func (c Config) checkParams() string {
	if len(c.Scopes) > 0 && !slices.Contains(c.Scopes, "openid") {
		return "scopes must contain openid"
	}
	for _, name := range slices.Sorted(maps.Keys(c.AuthParams)) {
		if Reserved(name) {
			return "authParams must not set " + name
		}
	}
	return ""
}

// endpoint parses an address that may be called or sent to.
func endpoint(text string, allowHTTP bool) (*url.URL, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || strings.Contains(text, "#") {
		return nil, false
	}
	return u, u.Scheme == "https" || allowHTTP && u.Scheme == "http"
}
