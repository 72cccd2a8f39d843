package op

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/key"
	"github.com/usher-id/usher/internal/token"
)

// How an application proves who it is (RFC 6749, section 2.3).
const (
	AuthBasic = "basic" // client_secret_basic
	AuthPost  = "post"  // client_secret_post
	AuthNone  = "none"  // a public client, which can't keep a secret
)

// How the sub of a person is made (OpenID Connect Core, section 8).
const (
	SubjectPublic   = "public"
	SubjectPairwise = "pairwise"
)

// The scopes there are.
const (
	scopeOpenID  = "openid"
	scopeProfile = "profile"
	scopeEmail   = "email"
	scopePhone   = "phone"
	scopeGroups  = "groups"
	scopeOffline = "offline_access"
)

func allScopes() []string {
	return []string{scopeOpenID, scopeProfile, scopeEmail, scopePhone, scopeGroups, scopeOffline}
}

// Application is an OIDC client that trusts Usher. Applications are immutable
// while they are in force.
type Application struct {
	Tenant  string
	ID      string // client_id
	Name    string // as people read it
	URL     string // where people go to begin; may be ""
	Enabled bool

	Auth       string            // AuthBasic, AuthPost or AuthNone
	SecretHash [sha256.Size]byte // SHA-256 of the client secret, unless AuthNone

	RedirectURIs           []string // compared exactly; see Validate
	PostLogoutRedirectURIs []string // compared exactly

	Algorithm string   // signs its tokens: "ES256" (also ""), "RS256"
	Subject   string   // SubjectPublic (also "") or SubjectPairwise
	Sector    string   // the host that pairwise subs are for; "" is the host of the redirect URIs
	Audience  string   // of its access tokens; "" is the issuer
	Scopes    []string // what it may ask for besides openid; nil is everything but offline_access
	Explain   bool     // its ID tokens carry usher_decision, the correlation id

	Providers        []string // the identity providers whose people it takes, by name; empty is all
	Requires         []string // attributes it takes nobody without
	NeedsAccount     bool     // it takes nobody without an account
	FederatedSubject bool     // its sub is that of the provider's subject, even of people with an account; not so after a sign-in by a password of ours
}

const maxClientID = 255

// Validate says what is wrong with the application as configured, in words for
// whoever wrote it.
func (a Application) Validate() error {
	const op = "op.Validate"
	for _, check := range []func(Application) string{badIdentity, badSecret, badChoice, badScope, badRedirect} {
		if msg := check(a); msg != "" {
			return usher.Fail(usher.Invalid, op, msg, nil)
		}
	}
	return nil
}

func badIdentity(a Application) string {
	switch {
	case a.ID == "" || len(a.ID) > maxClientID || !printable(a.ID):
		return "the client id must be 1 to 255 printable ASCII characters without spaces"
	case uuid.Validate(a.ID) == nil:
		return "the client id must not be a UUID, because it could be taken for a person's sub"
	}
	return ""
}

func badSecret(a Application) string {
	none := a.SecretHash == [sha256.Size]byte{}
	switch {
	case !slices.Contains([]string{AuthBasic, AuthPost, AuthNone}, a.Auth):
		return "auth must be basic, post or none"
	case a.public() && !none:
		return "an application with auth none has no secret; remove it, or choose basic"
	case !a.public() && none:
		return "auth " + a.Auth + " needs a secret"
	}
	return ""
}

func badChoice(a Application) string {
	switch {
	case !slices.Contains([]string{"", key.ES256, key.RS256}, a.Algorithm):
		return "the algorithm must be ES256 or RS256"
	case !slices.Contains([]string{"", SubjectPublic, SubjectPairwise}, a.Subject):
		return "subject must be public or pairwise"
	}
	return ""
}

func badScope(a Application) string {
	for _, s := range a.Scopes {
		if !slices.Contains(allScopes(), s) {
			return "there is no scope " + s + "; the scopes are " + strings.Join(allScopes(), ", ")
		}
	}
	return ""
}

func badRedirect(a Application) string {
	if len(a.RedirectURIs) == 0 {
		return "there must be at least one redirect URI"
	}
	for _, u := range slices.Concat(a.RedirectURIs, a.PostLogoutRedirectURIs) {
		if why := a.unfit(u); why != "" {
			return "the redirect URI " + u + " " + why
		}
	}
	if a.Subject == SubjectPairwise && a.sector() == "" {
		return "pairwise subs need one host in all redirect URIs, or a sector"
	}
	return ""
}

// unfit says what is wrong with a redirect URI (RFC 9700, section 2.1; RFC 8252,
// section 7), or "".
func (a Application) unfit(uri string) string {
	u, err := url.Parse(uri)
	switch {
	case err != nil || !u.IsAbs() || !printable(uri):
		return "is not an absolute URI of printable ASCII characters"
	case strings.Contains(uri, "#"):
		return "must not have a fragment"
	case strings.Contains(uri, "*"):
		return "must not have a wildcard: redirect URIs are compared exactly"
	case u.User != nil:
		return "must not have a user name"
	case u.Scheme == "https":
		if u.Host == "" {
			return "has no host"
		}
		return ""
	case u.Scheme == "http":
		if !slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname()) {
			return "must be https; http is only for the loopback interface"
		}
		return ""
	case a.Auth == AuthNone && strings.Contains(u.Scheme, "."):
		return "" // a private-use scheme of a native application (RFC 8252, section 7.1)
	}
	return "must be https"
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' })
}

// public reports whether the application can't keep a secret.
func (a Application) public() bool { return a.Auth == AuthNone }

// takes reports whether the application takes people from that provider, and
// this one with the account that they have or have not.
func (a Application) takes(idp string, user usher.UserID) bool {
	return (len(a.Providers) == 0 || slices.Contains(a.Providers, idp)) && (user != "" || !a.NeedsAccount)
}

// secretIs compares in constant time.
func (a Application) secretIs(secret string) bool {
	sum := sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(sum[:], a.SecretHash[:]) == 1
}

// sector is the sector of pairwise subs (OpenID Connect Core, section 8.1), ""
// if the redirect URIs have no common host.
func (a Application) sector() string {
	if a.Sector != "" {
		return a.Sector
	}
	var host string
	for i, uri := range a.RedirectURIs {
		u, err := url.Parse(uri)
		if err != nil || i > 0 && u.Hostname() != host {
			return ""
		}
		host = u.Hostname()
	}
	return host
}

// client is the application as tokens see it.
func (a Application) client() token.Client {
	return token.Client{
		Tenant: a.Tenant, ID: a.ID, Audience: a.Audience, Algorithm: a.Algorithm,
		Pairwise: a.Subject == SubjectPairwise, Sector: a.sector(), Federated: a.FederatedSubject, Explain: a.Explain,
	}
}

// grants is the part of a scope that the application may have, each word once.
// What it may not have is left out in silence (RFC 6749, section 3.3).
func (a Application) grants(scope string) string {
	var out []string
	for s := range strings.FieldsSeq(scope) {
		if a.mayHave(s) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}

func (a Application) mayHave(scope string) bool {
	switch {
	case scope == scopeOpenID:
		return true
	case a.Scopes == nil:
		return scope != scopeOffline && slices.Contains(allScopes(), scope)
	}
	return slices.Contains(a.Scopes, scope) && slices.Contains(allScopes(), scope)
}

// hasScope reports whether the scope holds the word.
func hasScope(scope, word string) bool {
	return slices.Contains(strings.Fields(scope), word)
}
