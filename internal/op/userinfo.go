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

// userinfo is the userinfo endpoint (OpenID Connect Core, section 5.3).
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
	a, f, err := p.cfg.Tokens.VerifyAccess(r.Context(), p.tenant, raw)
	if err != nil {
		p.failBearer(w, r, badToken(err))
		return
	}
	app, enabled := p.application(f.Application)
	if !enabled {
		p.failBearer(w, r, badToken(usher.Fail(usher.Invalid, "op.userinfo", "", nil)))
		return
	}
	allowOrigin(w, r, app)
	scope := app.grants(a.Scope)
	if !hasScope(a.Scope, scopeOpenID) {
		p.failBearer(w, r, challenge(http.StatusForbidden, errInsufficientScope, "the access token lacks the scope openid"))
		return
	}
	person, err := p.person(r.Context(), f)
	if err != nil {
		p.failBearer(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, person.claims(f.Sub, scope))
}

// person is who a family is about, with or without an account.
type person struct {
	username   string
	attributes []usher.Held
	groups     []string
	roles      []string
}

// person reads who the family is about. Of a person without an account all that
// is known is in the session, and goes with it.
func (p *Provider) person(ctx context.Context, f ledger.Family) (person, error) {
	const op = "op.person"
	if f.User == "" {
		s, err := p.cfg.Ledger.Session(ctx, p.tenant, f.Session)
		if usher.KindOf(err) == usher.NotFound {
			return person{}, nil
		}
		return person{attributes: s.Person}, usher.Wrap(op, err)
	}
	acc, err := p.cfg.Ledger.Account(ctx, p.tenant, f.User)
	if err != nil {
		return person{}, usher.Wrap(op, err)
	}
	if acc.State != usher.StateActive {
		return person{}, badToken(usher.Fail(usher.Invalid, op, "", nil))
	}
	out := person{username: acc.Username, attributes: acc.Attributes, groups: slices.Clone(acc.Groups), roles: []string{}}
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

// claims are what the scope opens of the person. A claim without a value is left
// out (section 5.3.2), but an account without groups is told as having none.
func (p person) claims(sub, scope string) map[string]any {
	out := map[string]any{"sub": sub}
	for _, c := range standardClaims() {
		if !hasScope(scope, c.scope) {
			continue
		}
		i := slices.IndexFunc(p.attributes, func(h usher.Held) bool { return h.Name == c.attribute })
		if i < 0 || len(p.attributes[i].Values) == 0 || p.attributes[i].Values[0] == "" {
			continue
		}
		out[c.claim] = p.attributes[i].Values[0]
		if c.verified != "" {
			out[c.verified] = p.attributes[i].Verified
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
