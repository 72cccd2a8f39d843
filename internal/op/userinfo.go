package op

import (
	"context"
	"net/http"
	"slices"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
)

// standardClaims are the claims made of attributes (OpenID Connect Core, section
// 5.1), with the scope that opens each (section 5.4).
func standardClaims() []struct{ claim, attribute, verified, scope string } {
	return []struct{ claim, attribute, verified, scope string }{
		{"name", "displayName", "", scopeProfile},
		{"given_name", "givenName", "", scopeProfile},
		{"family_name", "familyName", "", scopeProfile},
		{"middle_name", "middleName", "", scopeProfile},
		{"nickname", "nickname", "", scopeProfile},
		{"picture", "picture", "", scopeProfile},
		{"locale", "locale", "", scopeProfile},
		{"zoneinfo", "zoneinfo", "", scopeProfile},
		{"email", "email", "email_verified", scopeEmail},
		{"phone_number", "phone", "phone_number_verified", scopePhone},
	}
}

// claimNames lists every claim there is, for discovery.
func claimNames() []string {
	out := []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid", "preferred_username", "groups", "roles"}
	for _, c := range standardClaims() {
		out = append(out, c.claim)
		if c.verified != "" {
			out = append(out, c.verified)
		}
	}
	return out
}

// userinfo is the userinfo endpoint (OpenID Connect Core, section 5.3). It opens
// to access tokens whose audience is the issuer, and to no others (RFC 9068,
// section 4): a server that is shown a token meant for it must not be able to
// read here who the person is.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	raw, err := bearer(r)
	if err != nil {
		p.failBearer(w, r, err)
		return
	}
	if raw == "" { // no error code for whoever sent nothing (RFC 6750, section 3.1)
		w.Header().Set("WWW-Authenticate", `Bearer realm="usher"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	a, f, app, err := p.access(r.Context(), raw)
	if err == nil && a.Audience != p.cfg.Issuer {
		err = usher.Fail(usher.Invalid, "op.userinfo", "", nil)
	}
	if err != nil {
		p.failBearer(w, r, badToken(err))
		return
	}
	allowOrigin(w, r, app)
	scope := app.grants(a.Scope)
	if !hasScope(a.Scope, scopeOpenID) {
		p.failBearer(w, r, challenge(http.StatusForbidden, errInsufficientScope, "the access token lacks the scope openid"))
		return
	}
	person, err := p.behind(r.Context(), f)
	if err != nil {
		p.failBearer(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, person.claims(f.Sub, scope))
}

// person is who a session or a family is about, with or without an account.
type person struct {
	username   string
	attributes []usher.Held // of each name those of the account come first
	groups     []string
	roles      []string
}

// behind reads who a family is about. What is known only from the session goes
// with it.
func (p *Provider) behind(ctx context.Context, f ledger.Family) (person, error) {
	const op = "op.behind"
	s, err := p.cfg.Ledger.Session(ctx, p.tenant, f.Session)
	if err != nil && usher.KindOf(err) != usher.NotFound {
		return person{}, usher.Wrap(op, err)
	}
	out, err := p.person(ctx, f.Store, f.User, s.Person)
	if usher.KindOf(err) == usher.NotFound { // the account is gone
		return person{}, badToken(usher.Fail(usher.Invalid, op, "", nil))
	}
	return out, usher.Wrap(op, err)
}

// person is the account, if there is one, and what the session holds besides:
// all that is known of a person without an account, and attributes that are
// passed on and never kept. Of an attribute that both have, the account's is
// told, for the session's may be less than what was verified. NotFound if the
// account is not there.
func (p *Provider) person(ctx context.Context, store string, user usher.UserID, session []usher.Held) (person, error) {
	const op = "op.person"
	if user == "" {
		return person{attributes: session}, nil
	}
	acc, err := p.cfg.Ledger.Account(ctx, p.tenant, store, user)
	if err != nil {
		return person{}, usher.Wrap(op, err)
	}
	if acc.State != usher.StateActive {
		return person{}, usher.Fail(usher.NotFound, op, "", nil)
	}
	out := person{
		username: acc.Username, attributes: slices.Concat(acc.Attributes, session),
		groups: slices.Clone(acc.Groups), roles: []string{},
	}
	for _, g := range acc.Grants {
		if g.Kind == usher.GrantRole {
			out.roles = append(out.roles, g.Name)
		}
	}
	slices.Sort(out.groups)
	slices.Sort(out.roles)
	out.roles = slices.Compact(out.roles)
	return out, nil
}

// attribute is the attribute of that name, if it has a value.
func (p person) attribute(name string) (usher.Held, bool) {
	i := slices.IndexFunc(p.attributes, func(h usher.Held) bool { return h.Name == name && len(h.Values) > 0 && h.Values[0] != "" })
	if i < 0 {
		return usher.Held{}, false
	}
	return p.attributes[i], true
}

// claims are what the scope opens of the person. A claim without a value is left
// out (section 5.3.2), but an account without groups is told as having none.
func (p person) claims(sub, scope string) map[string]any {
	out := map[string]any{"sub": sub}
	for _, c := range standardClaims() {
		held, ok := p.attribute(c.attribute)
		if !ok || !hasScope(scope, c.scope) {
			continue
		}
		out[c.claim] = held.Values[0]
		if c.verified != "" {
			out[c.verified] = held.Verified
		}
	}
	if p.username == "" {
		return out
	}
	if hasScope(scope, scopeProfile) {
		out["preferred_username"] = p.username
	}
	if hasScope(scope, scopeGroups) {
		out["groups"], out["roles"] = p.groups, p.roles
		if p.groups == nil {
			out["groups"] = []string{}
		}
	}
	return out
}
