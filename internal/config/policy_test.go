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
		Tenant: on("default"), IdP: on("contoso"), Application: usher.Application{Toggle: on("wiki")},
		Stores: []usher.StorePolicy{{Toggle: on("PRIMARY"), Unique: []string{"email"}}}, JIT: c.Providers[0].JIT,
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

// around is what the example leaves out and policies are made of too.
const around = `---
kind: Server
privileged: { roles: [root] }
mail: { smtp: "mail.example.com:587", from: usher@example.com }
---
kind: UserStore
name: CORP
---
kind: UserStore
name: OLD
displayName: Old accounts
readOnly: false
policy: { username: { pattern: '[a-z]*', message: Small letters. }, unique: [email] }
---
kind: Purpose
name: news
texts: { en: { title: News } }
`

func TestVersionFollowsWhatDecidesAndNothingElse(t *testing.T) {
	version := func(text string) string { return mustLoad(t, text).Policy("default", "contoso", "wiki").Version }
	start := config.Example + around
	base := version(start)
	changed := func(from, to string) string {
		text := strings.Replace(start, from, to, 1)
		if text == start {
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
		{"title: News", "title: Letters"},
		{"displayName: Old accounts", "displayName: Archive"},
		{"message: Small letters.", "message: Only small letters."},
		{"id: wiki", "id: wiki\nsubject: federated"},
		{"mail.example.com:587", "mail.example.com:25"},
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
		{"jit:\n", "vouchesFor: [contoso.test]\njit:\n"},
		{"jit:\n", "relink: true\njit:\n"},
		{"jit:\n", "jit:\n  ask: consent\n"},
		{"jit:\n", "jit:\n  ask: consent\n  purposes: [news]\n"},
		{"jit:\n", "jit:\n  username: generated\n"},
		{"jit:\n", "jit:\n  skipPatterns: true\n"},
		{"jit:\n", "jit:\n  askFor: [phone]\n"},
		{"jit:\n", "jit:\n  require: [email]\n"},
		{"jit:\n", "jit:\n  onFailure: passThrough\n"},
		{"jit:\n", "jit:\n  store: CORP\n"},
		{"jit:\n", "jit:\n  store: { from: username }\n"},
		{"jit:\n", "jit:\n  store: { rule: claims.?s }\n"},
		{"jit:\n", "jit:\n  store: { from: username, unknown: PRIMARY }\n"},
		{"jit:\n", "jit:\n  link: { rules: [{ match: email }] }\n"},
		{"jit:\n", "jit:\n  sync: { protected: [email] }\n"},
		{"jit:\n", "jit:\n  sync: { lock: true }\n"},
		{"mapping:\n", "mapping:\n  subject: claims.oid\n"},
		{"mapping:\n", "mapping:\n  standard: true\n"},
		{"email: claims.?email\n", "email: { value: claims.?email, pass: true }\n"},
		{"id: wiki", "id: wiki\nproviders: [contoso]"},
		{"id: wiki", "id: wiki\nrequires: [email]"},
		{"id: wiki", "id: wiki\naccounts: required"},
		{"readOnly: false", "readOnly: true"},
		{"unique: [email]", "unique: [phone]"},
		{"pattern: '[a-z]*'", "pattern: '[a-y]*'"},
		{"roles: [root]", "roles: [boss]"},
		{"kind: UserStore", "kind: UserStore\nenabled: false"},
	} {
		v := changed(other[0], other[1])
		if what, twice := seen[v]; twice {
			t.Errorf("%q to %q has the version of %s", other[0], other[1], what)
		}
		seen[v] = other[1]
	}
}

// TestPolicyOfLocalSignIn: a sign-in with a password here provisions nothing,
// and may ask for whatever some provider may ask for.
func TestPolicyOfLocalSignIn(t *testing.T) {
	text := provider("", "jit: { askFor: [phone, nickname] }\n---\n") +
		strings.Replace(provider("", "jit: { askFor: [nickname, title] }\n---\n"), "name: a", "name: b", 1) + application("---\nkind: Server\n")
	p := mustLoad(t, text+"localSignIn: true\n").Policy("default", usher.LocalIdP, "w")
	want := usher.Policy{
		Version: p.Version, Tenant: usher.Toggle{Name: "default", Enabled: true}, IdP: usher.Toggle{Name: "local", Enabled: true},
		Application: usher.Application{Toggle: usher.Toggle{Name: "w", Enabled: true}}, Stores: p.Stores,
		JIT: usher.JIT{AskFor: []string{"phone", "nickname", "title"}},
	}
	if d := cmp.Diff(want, p); d != "" {
		t.Error(d)
	}
	if off := mustLoad(t, text).Policy("default", usher.LocalIdP, "w"); off.IdP.Enabled || off.Version == p.Version {
		t.Errorf("without localSignIn: %+v", off)
	}
	if other := mustLoad(t, text+"localSignIn: true\n").Policy("other", usher.LocalIdP, "w"); other.IdP.Enabled {
		t.Errorf("in another tenant: %+v", other)
	}
}

// TestPolicyHoldsTheApplicationsDemands: what an application asks of people
// reaches decide.
func TestPolicyHoldsTheApplicationsDemands(t *testing.T) {
	c := mustLoad(t, provider("", "jit: { askFor: [phone] }\n---\n")+application("providers: [a]\nrequires: [phone]\naccounts: required\n"))
	want := usher.Application{
		Toggle: usher.Toggle{Name: "w", Enabled: true}, Providers: []string{"a"}, Requires: []string{"phone"}, NeedsAccount: true,
	}
	if d := cmp.Diff(want, c.Policy("default", "a", "w").Application); d != "" {
		t.Error(d)
	}
}
