package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

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

// Store is the user store of that name, byte for byte.
func (c *Config) Store(name string) (Store, bool) {
	for _, s := range c.Stores {
		if s.Name == name {
			return s, true
		}
	}
	return Store{}, false
}

// Policy is the policy in force when a person comes from a provider to an
// application. What does not exist is off, so that it denies. For
// [usher.LocalIdP] it is the policy of sign-ins with a password here: nothing is
// provisioned, and people may be asked for what any provider may ask for.
func (c *Config) Policy(tenant, idp, application string) usher.Policy {
	out := usher.Policy{
		Tenant:      usher.Toggle{Name: tenant, Enabled: tenant == usher.DefaultTenant},
		IdP:         usher.Toggle{Name: idp},
		Application: c.demands(tenant, application),
		Stores:      c.policies,
		Privileged:  c.Server.Privileged,
	}
	digest := ""
	if idp == usher.LocalIdP {
		out.IdP.Enabled = out.Tenant.Enabled && c.Server.LocalSignIn
		out.JIT.AskFor = c.asked()
	} else if p, known := c.Provider(tenant, idp); known {
		out.IdP.Enabled, out.JIT, out.Purposes, digest = p.Enabled, p.JIT, p.Purposes, p.digest
	}
	out.Version = digestOf(out.Tenant, out.IdP, out.Application, digest, c.digest)
	return out
}

// demands is the application as decide sees it.
func (c *Config) demands(tenant, id string) usher.Application {
	a, known := c.Application(tenant, id)
	return usher.Application{
		Toggle:    usher.Toggle{Name: id, Enabled: known && a.Enabled},
		Providers: a.Providers, Requires: a.Requires, NeedsAccount: a.NeedsAccount,
	}
}

// asked is what any provider may ask people for, each once, in the order written.
func (c *Config) asked() []string {
	var out []string
	for _, p := range c.Providers {
		for _, name := range p.JIT.AskFor {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// seal works out once what every policy has in common, and the digests of
// everything that decides: who the providers are, their rules, jit blocks and
// purposes, and the stores. Secrets, addresses, words and the way to reach a
// provider are not part of it.
func (c *Config) seal() {
	facts := make([]any, len(c.Stores))
	for i, s := range c.Stores {
		c.policies = append(c.policies, s.StorePolicy)
		facts[i] = storeFacts(s)
	}
	c.digest = digestOf(facts, c.Server.Privileged, c.asked())
	for i := range c.Providers {
		p := &c.Providers[i]
		p.digest = digestOf(struct {
			Issuer   string
			Source   rule.Source
			JIT      usher.JIT
			Purposes []usher.Purpose
		}{p.OIDC.Issuer, p.Source, p.JIT, p.Purposes})
	}
}

// digestOf names what decides by what it says.
func digestOf(parts ...any) string {
	b, err := json.Marshal(parts)
	if err != nil {
		panic("config: a policy is plain data: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}
