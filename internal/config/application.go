package config

import (
	"crypto/sha256"
	"slices"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/op"
)

// minSecret is the fewest characters an application's secret may have. It is
// kept as a plain digest, so it must be too long to be guessed.
const minSecret = 16

// addApplication reads a document of kind Application.
func (b *builder) addApplication(s *section) {
	before := len(b.faults)
	id := s.get("id").required("id: wiki")
	a := op.Application{
		Tenant:  usher.DefaultTenant,
		ID:      id.name(lowerLetters+upperLetters+digits+"-._~", "letters, digits and -._~"),
		Enabled: s.get("enabled").flag(true),
		Auth:    s.get("clientAuth").choice(op.AuthBasic, op.AuthBasic, op.AuthPost, op.AuthNone),
		Explain: s.get("explain").flag(false),
	}
	a.Name = a.ID
	if name := s.get("name"); name.present() {
		a.Name = label(name, name.text())
	}
	a.URL, _ = s.get("url").web()
	if secret := readSecret(s, a.Auth, minSecret); secret != "" {
		a.SecretHash = sha256.Sum256([]byte(secret))
	}
	uris := s.get("redirectUris").required(`redirectUris: ["https://wiki.example.com/callback"]`)
	a.RedirectURIs = uris.texts(100, redirect(a.Auth == op.AuthNone))
	if list := uris.entries(); list != nil && len(list) == 0 {
		uris.fault("is empty, so nobody could come back; add at least one address")
	}
	a.PostLogoutRedirectURIs = s.get("postLogoutRedirectUris").texts(100, redirect(a.Auth == op.AuthNone))
	a.Algorithm = s.get("algorithm").choice("ES256", "ES256", "RS256")
	a.Subject = s.get("subjectType").choice(op.SubjectPublic, op.SubjectPublic, op.SubjectPairwise)
	a.Sector = readSector(s.get("sector"), a)
	a.Audience = s.get("audience").expanded()
	a.Scopes = s.get("scopes").texts(50, scope)
	b.readDemands(s, &a)
	s.close()
	if err := a.Validate(); err != nil && len(b.faults) == before {
		s.fault("%s", usher.Shown(err)) // whatever op knows and this package does not
	}
	b.applications = append(b.applications, placed[op.Application]{what: a, name: id})
}

// readSector reads what pairwise subjects are made for: applications of one
// sector know a person by the same sub (OpenID Connect Core 1.0, section 8.1).
func readSector(n node, a op.Application) string {
	if n.present() && a.Subject != op.SubjectPairwise {
		n.fault("has no effect with subjectType: public; set subjectType: pairwise, or remove it")
	}
	s := n.text()
	if s == "" {
		return ""
	}
	return label(n, s)
}

// readDemands reads whom the application takes, and as whom it knows them.
func (b *builder) readDemands(s *section, a *op.Application) {
	providers := s.get("providers")
	a.Providers = providers.texts(1_000, func(n node, name string) string {
		b.later(func(c *Config) { c.letsIn(n, name) })
		return name
	})
	if list := providers.entries(); list != nil && len(list) == 0 {
		providers.fault("is empty, so nobody could come in; name at least one, or remove the key to allow all")
	}
	allowed := a.Providers
	a.Requires = s.get("requires").texts(100, func(n node, name string) string {
		if name = attributeName(n, name); name != "" {
			b.later(func(c *Config) { c.canBeHad(n, name, allowed) })
		}
		return name
	})
	slices.Sort(a.Requires)
	a.NeedsAccount = s.get("accounts").choice("optional", "optional", "required") == "required"
	subject := s.get("subject")
	if word, _ := subject.peek(); word == op.SubjectPublic || word == op.SubjectPairwise {
		subject.fault("says whose sub it is; say subjectType: %s", word)
		return
	}
	a.FederatedSubject = subject.choice("account", "account", "federated") == "federated"
}

// letsIn checks that there is a way of signing in of that name.
func (c *Config) letsIn(n node, name string) {
	_, known := c.providers[name]
	switch {
	case name == usher.LocalIdP && !c.Server.LocalSignIn:
		n.fault("local stands for sign-ins with a password, and there are none; set localSignIn: true in the Server document, or remove it")
	case name != usher.LocalIdP && !known:
		n.fault("there is no identity provider %s; add a document of kind IdentityProvider with that name, or remove it", quoted(name))
	}
}

// canBeHad checks that some provider's people can have an attribute. One that
// nobody can have would lock everybody out.
func (c *Config) canBeHad(n node, name string, allowed []string) {
	for _, p := range c.Providers {
		_, mapped := p.Source.Attributes[name]
		if (len(allowed) == 0 || slices.Contains(allowed, p.Name)) && (mapped || slices.Contains(p.JIT.AskFor, name)) {
			return
		}
	}
	n.fault("no provider maps %s or asks people for it (jit.askFor), so nobody could come in; add it to one, or remove it here", quoted(name))
}
