package config

import (
	"slices"
	"strings"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp/oidc"
	"github.com/usher-id/usher/internal/outbound"
)

// addProvider reads a document of kind IdentityProvider.
func (b *builder) addProvider(s *section) {
	before := len(b.faults)
	name := s.get("name").required("name: contoso")
	p := Provider{Name: name.name(lowerLetters+digits+"-", "small letters, digits and -")}
	p.DisplayName = p.Name
	if display := s.get("displayName"); display.present() {
		p.DisplayName = label(display, display.text())
	}
	p.Enabled = s.get("enabled").flag(true)
	refuseChoice(s.get("protocol").required("protocol: oidc"), "oidc", "use protocol: oidc", "saml", "oauth2", "ldap")
	discover := s.get("discover")
	p.Discover = discover.texts(1_000, domain)

	if p.Name == usher.LocalIdP {
		name.fault("can't be local, which stands for sign-ins with a password of this server's own; choose another name")
	}

	rules := readRules(s)
	vouches := s.get("vouchesFor")
	p.JIT.VouchesFor = vouches.texts(1_000, domain)
	if _, mapped := rules.src.Attributes[usher.AttributeEmail]; vouches.present() && !mapped {
		vouches.fault("is about e-mail addresses, and the attribute email is not mapped; add it to mapping.attributes, or remove this")
	}
	p.JIT.Relink = s.get("relink").flag(false)
	b.readJIT(s.get("jit").section(), rules, &p)
	p.Source = rules.src
	p.OIDC, p.Outbound = readOIDC(s.get("oidc").required("oidc: { issuer: ..., clientId: ... }").section())
	s.close()

	if p.Rules = rules.compile(s.node); p.Rules != nil {
		p.OIDC.Wants = p.Rules.Claims()
	}
	p.OIDC.Tenant, p.OIDC.Name = usher.DefaultTenant, p.Name
	if err := p.OIDC.Check(); err != nil && len(b.faults) == before {
		s.fault("%s", usher.Shown(err)) // whatever the connector knows and this package does not
	}
	b.providers = append(b.providers, placed[Provider]{what: p, name: name, extra: discover.entries()})
}

// readOIDC reads how to talk to an OpenID provider.
func readOIDC(s *section) (oidc.Config, outbound.Options) {
	out := outbound.Options{
		AllowPrivate: s.get("allowPrivateNetwork").flag(false),
		AllowHTTP:    s.get("allowHTTP").flag(false),
	}
	c := oidc.Config{
		Issuer:     s.get("issuer").required(`issuer: "https://login.example.com"`).issuerOfTheirs(out),
		ClientID:   s.get("clientId").required("clientId: usher").expanded(),
		AuthMethod: s.get("clientAuth").choice("", "basic", "post", "none"),
		Scopes:     s.get("scopes").texts(50, scope),
		Algorithms: s.get("algorithms").texts(20, algorithm),
		Userinfo:   s.get("userinfo").choice("auto", "auto", "always", "never"),
		AllowHTTP:  out.AllowHTTP,
		AuthParams: readAuthParams(s.get("authParams").section()),
	}
	c.ClientSecret = readSecret(s, c.AuthMethod, 1)
	if scopes := s.get("scopes"); !scopes.present() {
		c.Scopes = []string{"openid", "profile", "email"}
	} else if len(c.Scopes) > 0 && !slices.Contains(c.Scopes, "openid") {
		scopes.fault("lacks openid, without which no provider sends an ID token; add it")
	}
	s.close()
	return c, out
}

// readSecret reads clientSecret and holds it against clientAuth.
func readSecret(s *section, auth string, least int) string {
	n := s.get("clientSecret")
	switch {
	case auth == "none" && n.present():
		n.fault("contradicts clientAuth: none; remove one of the two")
	case auth != "none" && !n.present() && s.present():
		n.fault(`is missing; add it, as in clientSecret: "${CLIENT_SECRET}", or set clientAuth: none for a client without one`)
	}
	return n.secret(least)
}

// refuseChoice reads a setting of which only one value works yet. The others
// are refused by name rather than as unknown words.
func refuseChoice(n node, works, instead string, later ...string) {
	if word, ok := n.peek(); ok && slices.Contains(later, word) {
		n.fault("%s is not supported in this version; %s", word, instead)
		return
	}
	n.choice(works, works)
}

// issuerOfTheirs checks an outside issuer. It is compared byte by byte with
// what the provider says, so nothing about it is mended here.
func (n node) issuerOfTheirs(o outbound.Options) string {
	s, u := n.web()
	switch {
	case u == nil:
	case u.RawQuery != "" || u.ForceQuery:
		n.fault("has a query, which an issuer can't have; remove the ? and what follows")
	case u.Scheme == "http" && !o.AllowHTTP:
		n.fault("is http, so anyone on the way could read and change what is sent; use https (allowHTTP: true is for trying things out)")
	case isPrivate(u.Hostname()) && !o.AllowPrivate:
		n.fault("is an address inside the network, which is not dialled; set allowPrivateNetwork: true if the provider lives there")
	default:
		return s
	}
	return ""
}

// scope checks one scope value (RFC 6749, section 3.3).
func scope(n node, s string) string {
	if len(s) > 255 || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }) {
		n.fault("%s is not a scope; write one word for each entry", quoted(s))
		return ""
	}
	return s
}

// algorithms are the signatures an ID token may have. Shared-key ones and none
// are left out on purpose: with them whoever knows the secret is the provider.
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

func algorithm(n node, s string) string {
	if slices.Contains(algorithms, s) {
		return s
	}
	if s == "none" || strings.HasPrefix(s, "HS") {
		n.fault("%s is never accepted, for it does not prove who signed; use %s", quoted(s), oneOf(algorithms))
	} else {
		n.fault("%s is not known; use %s", quoted(s), oneOf(algorithms))
	}
	return ""
}

func readAuthParams(s *section) map[string]string {
	var out map[string]string
	for _, p := range s.all(20) {
		if oidc.Reserved(p.key) {
			p.fault("is set for each sign-in and can't be fixed here; remove it")
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[p.key] = p.expanded()
	}
	return out
}
