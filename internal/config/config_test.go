package config_test

import (
	"crypto/sha256"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/idp/oidc"
	"github.com/usher-id/usher/internal/op"
	"github.com/usher-id/usher/internal/outbound"
	"github.com/usher-id/usher/internal/pattern"
	"github.com/usher-id/usher/internal/rule"
	"github.com/usher-id/usher/internal/store"
)

// variables is the environment of every test here.
var variables = map[string]string{
	"CONTOSO_SECRET": "from the environment",
	"WIKI_SECRET":    "0123456789abcdef0123456789abcdef",
	"EMPTY":          "",
	"NESTED":         "${WIKI_SECRET}",
	"LINES":          "a\nb",
	"MAIL_PASSWORD":  "between us and the mail server",
}

func env(name string) (string, bool) {
	v, ok := variables[name]
	return v, ok
}

// folder writes files and gives their folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// load loads one file.
func load(t *testing.T, text string) (*config.Config, error) {
	t.Helper()
	return config.Load(filepath.Join(folder(t, map[string]string{"usher.yaml": text}), "usher.yaml"), env)
}

func mustLoad(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// faults is what Load finds wrong with a file, a line each, without the folder.
func faults(t *testing.T, text string) []string {
	t.Helper()
	c, err := load(t, text)
	if err == nil {
		return nil
	}
	if c != nil || usher.KindOf(err) != usher.Invalid {
		t.Errorf("a refused configuration must be nil and the error Invalid, got %v and %v", c, usher.KindOf(err))
	}
	var fs config.Faults
	if !errors.As(err, &fs) {
		t.Fatalf("the error holds no Faults: %v", err)
	}
	var out []string
	for _, f := range fs {
		f.File = filepath.Base(f.File)
		out = append(out, f.Error())
	}
	return out
}

// full uses every key there is.
const full = `
kind: Server
issuer: https://login.example.com
listen: ":8443"
data: /var/lib/usher
log: { format: text, level: warn }
localSignIn: true
hideStates: true
theme: .
mail: { smtp: "mail.example.com:587", tls: tls, from: "Usher <no-reply@example.com>", username: usher, password: "${MAIL_PASSWORD}" }
privileged: { roles: [admin], groups: [admins] }
---
kind: UserStore
name: CORP
displayName: Corporation
enabled: true
readOnly: false
policy:
  username: { pattern: '[a-z]{3,30}', message: Three to thirty letters., min: 3, max: 30, reserved: [boss], keepCase: true }
  password: { pattern: '[^ ]*', message: { en: No spaces., es: Sin espacios. }, min: 12, max: 200 }
  group: { pattern: '[a-z-]+', message: Small letters. }
  unique: [phones, email]
---
kind: Purpose
name: newsletter
version: 3
mandatory: false
attributes: [{ name: email, mandatory: true }, phones]
texts:
  en: { title: News, description: A letter each month. }
  es: { title: Noticias }
policyUrl: https://example.com/privacy
---
kind: IdentityProvider
name: contoso
displayName: Contoso staff
enabled: false
protocol: oidc
oidc:
  issuer: http://10.0.0.7:9000/realm/
  clientId: usher
  clientSecret: ${CONTOSO_SECRET}
  clientAuth: post
  scopes: [openid, email, groups]
  algorithms: [ES256, RS256]
  userinfo: always
  allowPrivateNetwork: true
  allowHTTP: true
  authParams: { domain_hint: contoso.test }
discover: [contoso.test, staff.contoso.test]
vouchesFor: [contoso.test]
relink: true
admit: { emailDomains: [contoso.test], verified: true, when: "'staff' in claims.roles" }
mapping:
  standard: false
  subject: claims.oid
  username: claims.preferred_username
  attributes:
    email: claims.email
    phones: { value: claims.?phones, list: true, separator: ";" }
    badge: { value: claims.?badge, pass: true }
  groups: claims.?groups
  verified: { email: claims.?email_verified.orValue(false) == true }
jit:
  enabled: true
  store: { rule: "claims.?store", unknown: CORP }
  username: mapped
  skipPatterns: true
  prefill: false
  ask: username+password+consent
  require: [email]
  askFor: [nickname, givenName]
  purposes: [newsletter, account]
  prompt: { url: https://people.example.com/welcome }
  link:
    rules:
      - { match: email, stores: [PRIMARY], when: auto }
      - { match: email, local: nickname, stores: [CORP, PRIMARY] }
    noMatch: passThrough
  sync:
    attributes: override
    perAttribute: { phones: none }
    protected: [phones, email]
    lock: true
    groups: merge
    groupMap: { eng: [platform, build] }
    roleMap: { leads: [approver, admin] }
    mayGrant: { roles: [admin], groups: [] }
    separator: ","
  usernameConflict: ask
  onFailure: passThrough
---
kind: Application
id: wiki
name: The wiki
url: https://wiki.example.com/
enabled: false
clientAuth: post
clientSecret: ${WIKI_SECRET}
redirectUris: ["https://wiki.example.com/cb?x=1", "http://127.0.0.1:7000/cb"]
postLogoutRedirectUris: [https://wiki.example.com/bye]
algorithm: RS256
subject: federated
subjectType: pairwise
sector: wiki.example.com
audience: https://api.example.com
scopes: [openid, email]
explain: true
providers: [contoso, local]
requires: [nickname, email]
accounts: required
`

func TestServerAsWritten(t *testing.T) {
	have := mustLoad(t, full).Server
	if info, err := os.Stat(have.Theme); err != nil || !info.IsDir() {
		t.Errorf("theme %q: %v", have.Theme, err)
	}
	have.Theme = ""
	want := config.Server{
		Issuer: "https://login.example.com", Listen: ":8443", Data: "/var/lib/usher", Log: config.Log{Format: "text", Level: slog.LevelWarn},
		LocalSignIn: true, HideStates: true,
		Mail: &config.Mail{
			Address: "mail.example.com:587", TLS: "tls", From: "Usher <no-reply@example.com>", Username: "usher", Password: variables["MAIL_PASSWORD"],
		},
		Privileged: []string{"group/admins", "role/admin"},
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Error(d)
	}
}

func TestStoresAsWritten(t *testing.T) {
	c := mustLoad(t, full)
	var names []string
	for _, s := range c.Stores {
		names = append(names, s.Name)
	}
	if d := cmp.Diff([]string{"PRIMARY", "CORP"}, names); d != "" {
		t.Error(d)
	}
	have, ok := c.Store("CORP")
	p := have.Policy
	if got := []string{p.Username.String(), p.Password.String(), p.Group.String()}; !ok || !slices.Equal(got, []string{"[a-z]{3,30}", "[^ ]*", "[a-z-]+"}) {
		t.Errorf("patterns %q", got)
	}
	want := config.Store{
		StorePolicy: usher.StorePolicy{Toggle: usher.Toggle{Name: "CORP", Enabled: true}, Unique: []string{"email", "phones"}},
		DisplayName: "Corporation",
		Policy: store.Policy{
			Messages: map[string]map[string]string{
				"username": {"": "Three to thirty letters."}, "password": {"en": "No spaces.", "es": "Sin espacios."}, "group": {"": "Small letters."},
			},
			Reserved: []string{"boss"}, MinPassword: 12, MaxPassword: 200, MinUsername: 3, MaxUsername: 30, KeepCase: true,
		},
	}
	have.Policy.Username, have.Policy.Password, have.Policy.Group = pattern.Pattern{}, pattern.Pattern{}, pattern.Pattern{}
	if d := cmp.Diff(want, have, cmpopts.IgnoreUnexported(pattern.Pattern{})); d != "" {
		t.Error(d)
	}
	if _, ok := c.Store("corp"); ok {
		t.Error("a store is found by another spelling")
	}
}

func TestPurposesAsWritten(t *testing.T) {
	c := mustLoad(t, full)
	want := config.Purpose{
		Purpose: usher.Purpose{
			Name: "newsletter", Version: 3, Attributes: []usher.PurposeAttribute{{Name: "email", Mandatory: true}, {Name: "phones"}},
		},
		Texts:     map[string]config.PurposeText{"en": {Title: "News", Description: "A letter each month."}, "es": {Title: "Noticias"}},
		PolicyURL: "https://example.com/privacy",
	}
	have, _ := c.Purpose("newsletter")
	if d := cmp.Diff(want, have); d != "" {
		t.Error(d)
	}
	if _, ok := c.Purpose("account"); ok {
		t.Error("the built-in purpose has words of the operator")
	}
}

func TestProviderAsWritten(t *testing.T) {
	want := config.Provider{
		Name: "contoso", DisplayName: "Contoso staff", Discover: []string{"contoso.test", "staff.contoso.test"},
		PromptURL: "https://people.example.com/welcome",
		Purposes: []usher.Purpose{
			{Name: "newsletter", Version: 3, Attributes: []usher.PurposeAttribute{{Name: "email", Mandatory: true}, {Name: "phones"}}},
			{Name: "account", Version: 1, Mandatory: true, Attributes: []usher.PurposeAttribute{{Name: "email", Mandatory: true}, {Name: "phones", Mandatory: true}}},
		},
		JIT: usher.JIT{
			Enabled: true, Store: usher.StoreChoice{From: usher.StoreRule, Unknown: "CORP"}, SkipPatterns: true, Ask: usher.WayUsername, NoPrefill: true,
			Require: []string{"email"}, AskFor: []string{"nickname", "givenName"}, VouchesFor: []string{"contoso.test"},
			Match: []usher.MatchRule{
				{Attribute: "email", Local: "email", Stores: []string{"PRIMARY"}, When: usher.MatchAuto},
				{Attribute: "email", Local: "nickname", Stores: []string{"CORP", "PRIMARY"}, When: usher.MatchConfirm},
			},
			NoMatch: usher.NoMatchPassThrough, UsernameConflict: usher.ConflictAsk, OnFailure: usher.FailurePassThrough, Relink: true,
			Sync: usher.Sync{
				Attributes: usher.SyncOverride, PerAttribute: map[string]usher.SyncMode{"phones": usher.SyncNone}, Protected: []string{"email", "phones"},
				Groups: usher.GroupsMerge, GroupMap: map[string][]string{"eng": {"build", "platform"}}, RoleMap: map[string][]string{"leads": {"admin", "approver"}},
				Lock: true, MayGrant: []string{"role/admin"},
			},
		},
		Source: rule.Source{
			Subject: "claims.oid", Username: "claims.preferred_username",
			Attributes: map[string]rule.AttributeSource{
				"email": {Value: "claims.email"}, "phones": {Value: "claims.?phones", List: true, Separator: ";"}, "badge": {Value: "claims.?badge", Pass: true},
			},
			Groups: "claims.?groups", Separator: ",", Store: "claims.?store",
			Verified: map[string]string{"email": "claims.?email_verified.orValue(false) == true"},
			Admit:    rule.Admit{EmailDomains: []string{"contoso.test"}, Verified: true, When: "'staff' in claims.roles"},
		},
		OIDC: oidc.Config{
			Tenant: "default", Name: "contoso", Issuer: "http://10.0.0.7:9000/realm/", ClientID: "usher", ClientSecret: "from the environment",
			AuthMethod: "post", Scopes: []string{"openid", "email", "groups"}, Algorithms: []string{"ES256", "RS256"}, Userinfo: "always",
			Wants:     []string{"badge", "email", "email_verified", "groups", "oid", "phones", "preferred_username", "roles", "store"},
			AllowHTTP: true, AuthParams: map[string]string{"domain_hint": "contoso.test"},
		},
		Outbound: outbound.Options{AllowPrivate: true, AllowHTTP: true},
	}
	have, _ := mustLoad(t, full).Provider("default", "contoso")
	if have.Rules == nil {
		t.Error("the rules are not compiled")
	}
	have.Rules = nil
	if d := cmp.Diff(want, have, cmpopts.IgnoreUnexported(config.Provider{})); d != "" {
		t.Error(d)
	}
}

func TestApplicationAsWritten(t *testing.T) {
	want := op.Application{
		Tenant: "default", ID: "wiki", Name: "The wiki", URL: "https://wiki.example.com/",
		Auth: "post", SecretHash: sha256.Sum256([]byte(variables["WIKI_SECRET"])),
		RedirectURIs:           []string{"https://wiki.example.com/cb?x=1", "http://127.0.0.1:7000/cb"},
		PostLogoutRedirectURIs: []string{"https://wiki.example.com/bye"},
		Algorithm:              "RS256", Subject: "pairwise", Sector: "wiki.example.com", Audience: "https://api.example.com",
		Scopes: []string{"openid", "email"}, Explain: true,
		Providers: []string{"contoso", "local"}, Requires: []string{"email", "nickname"}, NeedsAccount: true, FederatedSubject: true,
	}
	have, _ := mustLoad(t, full).Application("default", "wiki")
	if d := cmp.Diff(want, have); d != "" {
		t.Error(d)
	}
}

func TestDefaultsAreTheCarefulOnes(t *testing.T) {
	c := mustLoad(t, `
kind: IdentityProvider
name: a
protocol: oidc
oidc: { issuer: https://a.test, clientId: usher, clientAuth: none }
---
kind: Application
id: w
clientAuth: none
redirectUris: [com.example.w:/cb]
`)
	p := c.Providers[0]
	want := usher.JIT{
		Enabled: false, Store: usher.StoreChoice{Name: "PRIMARY"}, NoMatch: usher.NoMatchCreate, UsernameConflict: usher.ConflictDeny,
		Sync: usher.Sync{Attributes: usher.SyncPreserveLocal, Groups: usher.GroupsOwn},
	}
	if d := cmp.Diff(want, p.JIT); d != "" {
		t.Error(d)
	}
	if p.Outbound != (outbound.Options{}) || !p.Enabled || p.DisplayName != "a" {
		t.Errorf("got %+v", p)
	}
	if p.Purposes != nil || p.PromptURL != "" {
		t.Errorf("got %+v", p)
	}
	store := usher.StorePolicy{Toggle: usher.Toggle{Name: "PRIMARY", Enabled: true}, Unique: []string{"email"}}
	if s := c.Stores; len(s) != 1 || !cmp.Equal(s[0].StorePolicy, store) || s[0].Policy.MinPassword != 8 || s[0].Policy.MaxPassword != 128 {
		t.Errorf("got %+v", s)
	}
	if a := c.Applications[0]; a.Providers != nil || a.Requires != nil || a.NeedsAccount || a.FederatedSubject {
		t.Errorf("got %+v", a)
	}
	if a := c.Applications[0]; !a.Enabled || a.Name != "w" || a.Algorithm != "ES256" || a.Subject != "public" || a.Scopes != nil || a.Explain {
		t.Errorf("got %+v", a)
	}
	if d := cmp.Diff(config.Server{Issuer: "http://localhost:8080", Listen: "127.0.0.1:8080", Data: ".", Log: config.Log{Format: "json"}}, c.Server); d != "" {
		t.Error(d)
	}
}

func TestEmptyFolderIsTheDefault(t *testing.T) {
	c, err := config.Load(t.TempDir(), env)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(config.Default().Server, c.Server); d != "" || len(c.Providers)+len(c.Applications) != 0 {
		t.Errorf("got %v\n%s", c, d)
	}
}

func TestExampleWorksAsItStands(t *testing.T) {
	c := mustLoad(t, config.Example)
	if len(c.Providers) != 1 || len(c.Applications) != 1 || !c.Providers[0].JIT.Enabled {
		t.Errorf("got %v", c)
	}
}

func TestIssuerFollowsListen(t *testing.T) {
	if c := mustLoad(t, "kind: Server\nlisten: 127.0.0.1:9000"); c.Server.Issuer != "http://localhost:9000" {
		t.Errorf("issuer %s", c.Server.Issuer)
	}
}

func TestFolderIsReadInOrder(t *testing.T) {
	app := func(id string) string {
		return "kind: Application\nid: " + id + "\nclientAuth: none\nredirectUris: [https://x.test/cb]\n"
	}
	dir := folder(t, map[string]string{
		"20.yaml": app("c"), "10.yml": app("a") + "---\n" + app("b"), ".hidden.yaml": "not: [valid", "note.txt": "not: [valid",
	})
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(dir, env)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, a := range c.Applications {
		ids = append(ids, a.ID)
	}
	if d := cmp.Diff([]string{"a", "b", "c"}, ids); d != "" {
		t.Error(d)
	}
}

func TestFaultsOfAllFilesComeTogetherInOrder(t *testing.T) {
	dir := folder(t, map[string]string{
		"a.yaml": "kind: Server\nlisten: nowhere\nissuer: https://a.test/\n",
		"b.yaml": "kind: Nothing\n---\nkind: Server\nfoo: 1\n",
	})
	_, err := config.Load(dir, env)
	text := strings.ReplaceAll(usher.Shown(err), dir+string(filepath.Separator), "")
	want := `the configuration can't be used
a.yaml:2:9: listen: is not an address to listen on; write host:port, as in 127.0.0.1:8080 or :8080
a.yaml:3:9: issuer: ends in a slash; remove it, for an issuer is compared byte by byte
b.yaml:1:7: kind: "Nothing" is not known; use Server, UserStore, Purpose, IdentityProvider or Application
b.yaml:3:1: is a second document of kind Server, the first is in a.yaml; keep one
b.yaml:4:1: foo: is not a known key; the keys here are data, hideStates, issuer, kind, listen, localSignIn, log, mail, privileged, theme`
	if d := cmp.Diff(want, strings.ReplaceAll(text, dir, "")); d != "" {
		t.Error(d)
	}
}

func TestFaultsAreBounded(t *testing.T) {
	_, err := load(t, "kind: Server\n"+strings.Repeat("---\nkind: Server\n", 150))
	if lines := strings.Split(usher.Shown(err), "\n"); len(lines) != 102 || lines[101] != "and 50 more" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

func TestPathThatIsNotThere(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "nope.yaml"), env)
	if text := usher.Shown(err); usher.KindOf(err) != usher.Invalid || !strings.HasSuffix(text, "nope.yaml: can't be read: there is no such file or folder; name a YAML file or a folder of them") {
		t.Errorf("got %v", err)
	}
}

func TestVariablesAndFiles(t *testing.T) {
	dir := folder(t, map[string]string{
		"secret": "kept in a file\n",
		"usher.yaml": `
kind: Server
data: state
---
kind: IdentityProvider
name: a
protocol: oidc
oidc: { issuer: https://a.test, clientId: "x-$${y}-${CONTOSO_SECRET}-${NESTED}", clientSecret: "${file:secret}" }
`})
	c, err := config.Load(dir, env)
	if err != nil {
		t.Fatal(err)
	}
	o := c.Providers[0].OIDC
	if o.ClientSecret != "kept in a file" {
		t.Errorf("secret %q", o.ClientSecret)
	}
	if want := "x-${y}-from the environment-${WIKI_SECRET}"; o.ClientID != want {
		t.Errorf("clientId %q, want %q: what is filled in must not be expanded again", o.ClientID, want)
	}
	if want := filepath.Join(dir, "state"); c.Server.Data != want {
		t.Errorf("data %q, want %q", c.Server.Data, want)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	c := mustLoad(t, config.Example)
	if got, want := c.String(), "1 identity providers, 1 applications"; got != want {
		t.Errorf("got %q", got)
	}
}
