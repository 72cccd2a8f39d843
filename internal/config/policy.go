package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/op"
	"github.com/usher-id/usher/internal/rule"
)

// Provider is the identity provider of that name.
func (c *Config) Provider(tenant, name string) (Provider, bool) {
	if p := c.providers[name]; p != nil && tenant == usher.DefaultTenant {
		return *p, true
	}
	return Provider{}, false
}

// Application is the application of that id.
func (c *Config) Application(tenant, id string) (op.Application, bool) {
	if a := c.applications[id]; a != nil && tenant == usher.DefaultTenant {
		return *a, true
	}
	return op.Application{}, false
}

// Policy is the policy in force when a person comes from a provider to an
// application. What does not exist is off, so that it denies.
func (c *Config) Policy(tenant, idp, application string) usher.Policy {
	p, known := c.Provider(tenant, idp)
	a, asked := c.Application(tenant, application)
	out := usher.Policy{
		Tenant:      usher.Toggle{Name: tenant, Enabled: tenant == usher.DefaultTenant},
		IdP:         usher.Toggle{Name: idp, Enabled: known && p.Enabled},
		Application: usher.Toggle{Name: application, Enabled: asked && a.Enabled},
		JIT:         p.JIT,
	}
	out.Store.Name, out.Store.Enabled = p.JIT.Store, p.JIT.Store == usher.PrimaryStore
	out.Version = version(p.digest, out)
	return out
}

// version names a policy by what it says: the rules and the JIT block by their
// digest, and every name and switch around them.
func version(rules string, p usher.Policy) string {
	h := sha256.New()
	sep := []byte{0} // no name holds one
	for _, t := range []usher.Toggle{p.Tenant, p.IdP, p.Application, p.Store.Toggle} {
		on := byte('-')
		if t.Enabled {
			on = '+'
		}
		h.Write(append(append([]byte{on}, t.Name...), sep...))
	}
	h.Write([]byte(rules))
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// digest is the digest of everything of a provider that decides: who it is, its
// rules and its JIT block. Secrets and the way to reach it are not part of it.
func digest(p Provider) string {
	b, err := json.Marshal(struct {
		Issuer string
		Source rule.Source
		JIT    usher.JIT
	}{p.OIDC.Issuer, p.Source, p.JIT})
	if err != nil {
		panic("config: a policy is plain data: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
