package config_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

// fileName is the path of a test's own file within a message.
var fileName = regexp.MustCompile(`/\S*usher\.yaml`)

// refuses checks that a file is refused with a line number, and a word in the line.
func refuses(t *testing.T, text, word string) {
	t.Helper()
	got := strings.Join(faults(t, text), "\n")
	if !strings.Contains(got, word) || !regexp.MustCompile(`(?m)^usher\.yaml:\d+:\d+: `).MatchString(got) {
		t.Errorf("want a fault with a line number that says %q, got %q", word, got)
	}
}

func TestA031_MappingToReservedClaimsIsRefused(t *testing.T) {
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "acr", "amr", "azp", "nonce", "sid", "cnf", "auth_time", "AUTH_TIME", "Sub"} {
		t.Run(name, func(t *testing.T) {
			refuses(t, provider("", "mapping: { attributes: { "+name+": claims.x } }\n"), "mapping.attributes."+name+": The name is reserved")
		})
	}
}

func TestA032_MappingToAccountFactsIsRefused(t *testing.T) {
	for _, name := range []string{"is_admin", "admin", "disabled", "enabled", "state", "email_verified", "password", "tenant", "roles", "groups", "id", "username"} {
		t.Run(name, func(t *testing.T) {
			refuses(t, provider("", "mapping: { attributes: { "+name+": claims.x } }\n"), "mapping.attributes."+name+": The name is reserved")
		})
	}
}

func TestA119_UnsafeConfigurationIsRefusedWithALine(t *testing.T) {
	for name, c := range map[string]struct{ text, word string }{
		"unknown key":     {application("unknown: 1"), "is not a known key"},
		"duplicate key":   {application("id: w2"), "is there twice"},
		"wildcard issuer": {strings.Replace(provider("", ""), "https://a.test", "https://*.a.test", 1), "holds a wildcard"},
		"skip_verify":     {provider("  skip_verify: true\n", ""), "certificates are always checked"},
		"empty secret":    {strings.Replace(provider("", ""), "${CONTOSO_SECRET}", `""`, 1), "oidc.clientSecret: is empty"},
		"default secret":  {strings.Replace(application(""), "${WIKI_SECRET}", "changeme", 1), "is a placeholder"},
		"wildcard return": {application("postLogoutRedirectUris: ['https://w.test/*']"), "holds a wildcard"},
	} {
		t.Run(name, func(t *testing.T) { refuses(t, c.text, c.word) })
	}
}

func TestP051_P052_NoSwitchLinksASameNamedUser(t *testing.T) {
	for _, key := range []string{"associateLocalUser", "associating_to_existing_user", "associatingToExistingUser"} {
		refuses(t, provider("", "jit: { "+key+": true }\n"), "jit."+key+": is not supported: a person is never linked to an account because it has the same name")
	}
}

func TestP062_NoSwitchPassesALockedAccount(t *testing.T) {
	for _, key := range []string{"allow_idp_login", "allowIdPLogin"} {
		refuses(t, provider("", "jit: { "+key+": true }\n"), "jit."+key+": is not supported: a sign-in never passes a disabled or locked account")
	}
}

func TestBombsAreRefusedBeforeTheyAreParsed(t *testing.T) {
	for name, text := range map[string]string{
		"aliases": "a: &a [x]\nb: &b [*a,*a,*a]\nc: [*b,*b,*b]\n",
		"flow":    strings.Repeat("[", 500_000),
		"blocks":  strings.Repeat("- ", 8_000),
		"line":    "kind: " + strings.Repeat("a", 20_000),
		"tokens":  strings.Repeat("- a\n", 150_000),
		"many":    strings.Repeat("---\na: 1\n", 10_001),
		"size":    strings.Repeat("# padding\n", 110_000),
		"entries": "kind: Application\nid: w\nclientAuth: none\nredirectUris:\n" + strings.Repeat("- https://w.test/\n", 5_000),
	} {
		t.Run(name, func(t *testing.T) {
			if got := faults(t, text); len(got) == 0 {
				t.Error("was accepted")
			}
		})
	}
}

func TestNoFaultTellsASecret(t *testing.T) {
	variables := map[string]string{"S": "hunter2-hunter2\x00", "T": "hunter2"}
	dir := folder(t, map[string]string{"usher.yaml": `
kind: Application
id: w
clientSecret: ${S}
redirectUris: ["https://w.test/${T} x", "https://${S}"]
---
kind: Application
id: v
clientSecret: hunter2
redirectUris: [https://w.test]
---
kind: IdentityProvider
name: p
protocol: oidc
oidc: { issuer: "https://${T} x", clientId: "${S}", clientSecret: [hunter2], authParams: { a: "${S}" } }
`})
	_, err := config.Load(dir, func(name string) (string, bool) { v, ok := variables[name]; return v, ok })
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

// TestFaultsOfRulesPointIntoTheFile: the compiler counts within the expression,
// the operator within the file.
func TestFaultsOfRulesPointIntoTheFile(t *testing.T) {
	text := provider("", `mapping:
  username: claims.a ==
  attributes:
    email: 'claims.b =='
    phones: { value: "claims.c ==", list: true }
    block: |
      claims.d
        ==
    folded: >-
      claims.e
      ==
admit: { when: claims.f == }
`)
	got := faults(t, text)
	for _, want := range []string{":9:", ":11:", ":12:", ":15:", ":16:", ":19:"} {
		found := false
		for _, line := range got {
			found = found || strings.HasPrefix(line, "usher.yaml"+want)
		}
		if !found {
			t.Errorf("no fault on line %s of %s", want, strings.Join(got, "\n"))
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(config.Example)
	for _, cases := range []map[string]struct{ text, want string }{faultCases, providerFaultCases, jitFaultCases, documentFaultCases} {
		for _, c := range cases {
			f.Add(c.text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := load(t, text); (c == nil) == (err == nil) {
			t.Errorf("got %v and %v", c, err)
		}
	})
}
