package oidc

import (
	"context"
	"mime"
	"slices"
	"strings"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp"
)

// complete adds what userinfo knows to the claims of the ID token, if it is to
// be asked.
func (c *Connector) complete(ctx context.Context, m metadata, claims usher.Value, accessToken string) (profile, usher.Fault) {
	out := profile{Value: claims, verified: claims, incomplete: withheld(claims)}
	if c.asksUserinfo(m, out) {
		info, f := c.userinfo(ctx, m, claims.Get("sub"), accessToken)
		if f != (usher.Fault{}) {
			return profile{}, f
		}
		out.Value = merge(claims, info)
		out.incomplete = append(out.incomplete, withheld(info)...)
	}
	slices.Sort(out.incomplete)
	out.incomplete = slices.Compact(out.incomplete)
	return out, usher.Fault{}
}

func (c *Connector) asksUserinfo(m metadata, p profile) bool {
	switch c.cfg.Userinfo {
	case UserinfoAlways:
		return true
	case UserinfoNever:
		return false
	}
	return m.userinfo != "" && slices.ContainsFunc(c.cfg.Wants, func(name string) bool {
		return p.Get(name).Kind() == usher.Absent && !slices.Contains(p.incomplete, name)
	})
}

// userinfo is the claims of the userinfo endpoint (OpenID Connect Core 1.0,
// section 5.3), if they are about the same person. A signed answer
// (application/jwt) is refused: it is sent only to clients that registered for
// it.
func (c *Connector) userinfo(ctx context.Context, m metadata, subject usher.Value, accessToken string) (usher.Value, usher.Fault) {
	failed := func(detail string) (usher.Value, usher.Fault) {
		return usher.Value{}, fault(usher.ReasonUserinfo, "userinfo: "+detail)
	}
	if m.userinfo == "" {
		return failed("the provider has no such endpoint")
	}
	answer, f := c.get(ctx, m.userinfo, accessToken)
	if f != (usher.Fault{}) {
		return failed(f.Detail)
	}
	if kind, _, _ := mime.ParseMediaType(answer.kind); kind == "application/jwt" {
		return failed("a signed answer is not supported")
	}
	info, err := idp.DecodeClaims(answer.body)
	if err != nil {
		return failed(usher.Shown(err))
	}
	want, isText := subject.Text()
	if got, ok := info.Get("sub").Text(); !ok || !isText || got != want {
		return usher.Value{}, fault(usher.ReasonUserinfoSubject, "userinfo is not about the subject of the ID token")
	}
	return info, usher.Fault{}
}

// pairs are an address and the flag that vouches for it. The flag of one
// document says nothing about the address in the other.
var pairs = [...]struct{ address, verified string }{
	{"email", "email_verified"},
	{"phone_number", "phone_number_verified"},
}

// merge is the claims of both documents, in which the ID token wins: it alone is
// signed. A pair is taken from one document, the one that has the address.
func merge(token, info usher.Value) usher.Value {
	out := make(map[string]usher.Value, len(token.Members())+len(info.Members()))
	for _, m := range info.Members() {
		out[m.Name] = m.Value
	}
	for _, m := range token.Members() {
		out[m.Name] = m.Value
	}
	for _, p := range pairs {
		from := token
		if token.Get(p.address).Kind() == usher.Absent {
			from = info
		}
		out[p.address], out[p.verified] = from.Get(p.address), from.Get(p.verified)
	}
	members := make([]usher.Member, 0, len(out))
	for name, value := range out {
		if value.Kind() != usher.Absent {
			members = append(members, usher.Member{Name: name, Value: value})
		}
	}
	return usher.ObjectValue(members...)
}

// withheld is the names of the claims that a document says are elsewhere:
// aggregated and distributed claims (OpenID Connect Core 1.0, section 5.6.2),
// and what Entra ID sends instead of more groups than fit. Where they are is
// never visited: the address is the provider's word, and what it names would
// carry our token there.
func withheld(claims usher.Value) []string {
	var names []string
	for _, m := range claims.Get("_claim_names").Members() {
		names = append(names, m.Name)
	}
	for _, m := range claims.Members() {
		yes, _ := m.Value.Bool()
		text, _ := m.Value.Text()
		if strings.HasPrefix(m.Name, "groups:src") || m.Name == "hasgroups" && (yes || text == "true") {
			names = append(names, "groups")
		}
	}
	return names
}
