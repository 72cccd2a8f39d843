package config

import (
	"crypto/sha256"

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
	a.Subject = s.get("subject").choice(op.SubjectPublic, op.SubjectPublic, op.SubjectPairwise)
	a.Sector = readSector(s.get("sector"), a)
	a.Audience = s.get("audience").expanded()
	a.Scopes = s.get("scopes").texts(50, scope)
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
		n.fault("has no effect with subject: public; set subject: pairwise, or remove it")
	}
	s := n.text()
	if s == "" {
		return ""
	}
	return label(n, s)
}
