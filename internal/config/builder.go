package config

import (
	"net"
	"slices"

	"github.com/usher-id/usher/internal/op"
)

// builder gathers the documents and checks them against each other.
type builder struct {
	*reader
	server       *placed[Server]
	stores       []placed[Store]
	purposes     []placed[Purpose]
	providers    []placed[Provider]
	applications []placed[op.Application]
	checks       []func(*Config)
}

// later leaves a check until all documents are read.
func (b *builder) later(check func(*Config)) { b.checks = append(b.checks, check) }

// placed is what was read, with the places that checks across documents point at.
type placed[T any] struct {
	what  T
	name  node   // the key that names it
	extra []node // Provider: the entries of discover
}

// document reads one document by its kind.
func (b *builder) document(n node) {
	s := n.section()
	if len(s.keys) == 0 {
		if what(n.yaml) == "a mapping" {
			n.fault("the document is empty; give it a kind, or remove it")
		}
		return
	}
	kind := s.get("kind").required("kind: IdentityProvider")
	switch kind.choice("", "Server", "UserStore", "Purpose", "IdentityProvider", "Application") {
	case "Server":
		b.addServer(s)
	case "UserStore":
		b.addStore(s)
	case "Purpose":
		b.addPurpose(s)
	case "IdentityProvider":
		b.addProvider(s)
	case "Application":
		b.addApplication(s)
	}
}

// config checks the documents against each other and puts them together.
func (b *builder) config() *Config {
	c := &Config{
		Server:       b.checkServer(),
		Stores:       b.checkStores(),
		providers:    make(map[string]*Provider, len(b.providers)),
		applications: make(map[string]*op.Application, len(b.applications)),
	}
	b.checkNames()
	b.checkDiscover()
	for _, p := range b.providers {
		if p.what.OIDC.Issuer != "" && p.what.OIDC.Issuer == c.Server.Issuer {
			p.name.fault("has this server's own issuer as oidc.issuer; name the outside provider's")
		}
		c.Providers = append(c.Providers, p.what)
	}
	for _, a := range b.applications {
		c.Applications = append(c.Applications, a.what)
	}
	for _, p := range b.purposes {
		c.Purposes = append(c.Purposes, p.what)
	}
	for i := range c.Providers {
		c.providers[c.Providers[i].Name] = &c.Providers[i]
	}
	for i := range c.Applications {
		c.applications[c.Applications[i].ID] = &c.Applications[i]
	}
	for _, check := range b.checks {
		check(c)
	}
	c.seal()
	return c
}

const defaultListen = "127.0.0.1:8080"

// checkServer fills in what a missing or short Server document leaves open.
func (b *builder) checkServer() Server {
	out := Server{Listen: defaultListen, Data: ".", Log: Log{Format: "json"}}
	if b.server != nil {
		out = b.server.what
	}
	if out.Issuer != "" || b.server != nil && b.server.name.present() {
		return out
	}
	host, port, _ := net.SplitHostPort(out.Listen)
	if !isLoopback(host) || port == "0" {
		b.server.name.fault("is missing, and can't be told from listen: %s; add it, as in issuer: https://login.example.com", out.Listen)
		return out
	}
	out.Issuer = "http://localhost:" + port // where browsers keep Secure cookies without TLS
	return out
}

func (b *builder) checkNames() {
	seen := map[string]node{}
	check := func(kind, name string, at node) {
		if name == "" {
			return
		}
		if first, twice := seen[kind+name]; twice {
			at.fault("%s is taken by another %s, in %s on line %d; choose another", quoted(name), kind, first.file.name, first.line)
			return
		}
		seen[kind+name] = at
	}
	for _, p := range b.purposes {
		check("purpose", p.what.Name, p.name)
	}
	for _, p := range b.providers {
		check("identity provider", p.what.Name, p.name)
	}
	for _, a := range b.applications {
		check("application", a.what.ID, a.name)
	}
}

// checkDiscover refuses a domain that two providers claim: nobody could say
// where its people belong.
func (b *builder) checkDiscover() {
	owner := map[string]string{}
	for _, p := range b.providers {
		for _, n := range p.extra {
			domain, _ := scalar(n.yaml)
			first, taken := owner[domain]
			if taken && first != p.what.Name && slices.Contains(p.what.Discover, domain) {
				n.fault("%s already sends its people to %s; let one of the two have it", quoted(domain), first)
			} else if !taken {
				owner[domain] = p.what.Name
			}
		}
	}
}
