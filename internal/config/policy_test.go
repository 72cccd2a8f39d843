package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/config"
)

func TestPolicyOfWhatExists(t *testing.T) {
	c := mustLoad(t, config.Example)
	p := c.Policy("default", "contoso", "wiki")
	on := func(name string) usher.Toggle { return usher.Toggle{Name: name, Enabled: true} }
	if !strings.HasPrefix(p.Version, "sha256:") || len(p.Version) != len("sha256:")+64 {
		t.Errorf("version %q", p.Version)
	}
	p.Version = ""
	want := usher.Policy{
		Tenant: on("default"), IdP: on("contoso"), Application: on("wiki"), Store: usher.StorePolicy{Toggle: on("PRIMARY")}, JIT: c.Providers[0].JIT,
	}
	if d := cmp.Diff(want, p); d != "" {
		t.Error(d)
	}
}

func TestPolicyOfWhatDoesNotExistIsOff(t *testing.T) {
	c := mustLoad(t, config.Example)
	for _, ask := range [][3]string{{"other", "contoso", "wiki"}, {"default", "nobody", "wiki"}, {"default", "contoso", "nothing"}, {"default", "contoso", ""}} {
		p := c.Policy(ask[0], ask[1], ask[2])
		if p.Tenant.Enabled && p.IdP.Enabled && p.Application.Enabled {
			t.Errorf("%v is on: %+v", ask, p)
		}
		if p.Tenant.Name != ask[0] || p.IdP.Name != ask[1] || p.Application.Name != ask[2] {
			t.Errorf("%v is named %+v", ask, p)
		}
	}
	if _, ok := c.Application("other", "wiki"); ok {
		t.Error("another tenant sees the application")
	}
	if _, ok := c.Provider("other", "contoso"); ok {
		t.Error("another tenant sees the provider")
	}
}

func TestVersionFollowsWhatDecidesAndNothingElse(t *testing.T) {
	version := func(text string) string { return mustLoad(t, text).Policy("default", "contoso", "wiki").Version }
	base := version(config.Example)
	changed := func(from, to string) string {
		text := strings.Replace(config.Example, from, to, 1)
		if text == config.Example {
			t.Fatalf("%q is not in the example", from)
		}
		return version(text)
	}
	for _, same := range [][2]string{
		{"${CONTOSO_SECRET}", "another one"},
		{"Contoso staff", "Everyone"},
		{"clientId: usher", "clientId: other"},
		{"name: Wiki", "name: Pages"},
		{"# The", "# the"},
		{"    email: claims.?email\n    displayName: claims.?name\n", "    displayName: claims.?name\n    email: claims.?email\n"},
	} {
		if changed(same[0], same[1]) != base {
			t.Errorf("%q to %q changes the version, but decides nothing", same[0], same[1])
		}
	}
	seen := map[string]string{base: "nothing"}
	for _, other := range [][2]string{
		{"enabled: true", "enabled: false"},
		{"claims.preferred_username", "claims.sub"},
		{"jit:\n", "jit:\n  usernameConflict: suffix\n"},
		{"protocol: oidc", "protocol: oidc\nenabled: false"},
		{"id: wiki", "id: wiki\nenabled: false"},
		{"https://login.contoso.example", "https://login.contoso.test"},
		{"jit:\n", "jit:\n  sync: { perAttribute: { email: none } }\n"},
		{"jit:\n", "admit: { emailDomains: [contoso.test] }\njit:\n"},
	} {
		v := changed(other[0], other[1])
		if what, twice := seen[v]; twice {
			t.Errorf("%q to %q has the version of %s", other[0], other[1], what)
		}
		seen[v] = other[1]
	}
}
