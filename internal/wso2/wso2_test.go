package wso2_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/rule"
	"github.com/usher-id/usher/internal/wso2"
)

// contoso is an identity provider as WSO2's REST API gives it.
const contoso = `{
  "id": "0190f0a5-2b7c-7c3e-9b1f-6f2f0a1b2c3d", "name": "Contoso Staff", "description": "Everybody", "isEnabled": true, "isPrimary": false,
  "isFederationHub": false, "idpIssuerName": "https://login.contoso.test", "alias": "https://localhost:9443/oauth2/token",
  "certificate": { "jwksUri": "https://login.contoso.test/keys" },
  "claims": {
    "userIdClaim": { "uri": "http://wso2.org/claims/username" },
    "roleClaim": { "uri": "http://wso2.org/claims/role" },
    "mappings": [
      { "idpClaim": "preferred_username", "localClaim": { "uri": "http://wso2.org/claims/username" } },
      { "idpClaim": "mail", "localClaim": { "uri": "http://wso2.org/claims/emailaddress", "displayName": "Email" } },
      { "idpClaim": "given_name", "localClaim": { "uri": "http://wso2.org/claims/givenname" } },
      { "idpClaim": "dept name", "localClaim": { "uri": "http://wso2.org/claims/department" } },
      { "idpClaim": "roles", "localClaim": { "uri": "http://wso2.org/claims/role" } },
      { "idpClaim": "locked", "localClaim": { "uri": "http://wso2.org/claims/identity/accountLocked" } }
    ],
    "provisioningClaims": []
  },
  "roles": { "mappings": [
    { "idpRole": "leads", "localRole": "Internal/approver" }, { "idpRole": "heads", "localRole": "Internal/approver" },
    { "idpRole": "eng", "localRole": "CORP/platform" }, { "idpRole": "eng", "localRole": "editor" } ], "outboundProvisioningRoles": [] },
  "groups": [],
  "federatedAuthenticators": { "defaultAuthenticatorId": "T3BlbklEQ29ubmVjdEF1dGhlbnRpY2F0b3I", "authenticators": [ {
    "authenticatorId": "T3BlbklEQ29ubmVjdEF1dGhlbnRpY2F0b3I", "name": "OpenIDConnectAuthenticator", "isEnabled": true,
    "properties": [
      { "key": "ClientId", "value": "usher-at-contoso" }, { "key": "ClientSecret", "value": "hunter2-hunter2" },
      { "key": "OAuth2AuthzEPUrl", "value": "https://login.contoso.test/authorize" }, { "key": "IsBasicAuthEnabled", "value": "true" },
      { "key": "Scopes", "value": "openid email" }, { "key": "commonAuthQueryParams", "value": "scope=profile&domain_hint=contoso.test&state=x" }
    ] } ] },
  "provisioning": { "jit": {
    "isEnabled": true, "scheme": "PROMPT_CONSENT", "userstore": "CORP", "associateLocalUser": true, "skipJITForLookupFailure": true,
    "accountLookupAttributeMappings": [ { "federatedAttribute": "mail", "localAttribute": "http://wso2.org/claims/emailaddress" } ],
    "attributeSyncMethod": "PRESERVE_LOCAL", "idpGroupSyncMethod": "OVERRIDE_ALL" },
    "outboundConnectors": { "connectors": [] } }
}`

const corp = "---\nkind: UserStore\nname: CORP\n---\nkind: Server\nlocalSignIn: true\n"

func imported(t testing.TB, text string) (string, []wso2.Note) {
	t.Helper()
	document, notes, err := wso2.Import(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return document, notes
}

// loaded loads a document with every variable set.
// exported is what Export takes of a provider.
func exported(p config.Provider) wso2.Provider {
	return wso2.Provider{JIT: p.JIT, Source: p.Source, Purposes: p.Purposes, PromptURL: p.PromptURL}
}

func loaded(t testing.TB, document string) config.Provider {
	t.Helper()
	file := filepath.Join(t.TempDir(), "usher.yaml")
	if err := os.WriteFile(file, []byte(document+corp), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, func(name string) (string, bool) {
		if strings.HasSuffix(name, "_ISSUER") {
			return "https://login.example.test", true
		}
		return "value of " + name, true
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	return c.Providers[0]
}

// noted reports whether a note of that row says something.
func noted(notes []wso2.Note, row, word string) bool {
	return slices.ContainsFunc(notes, func(n wso2.Note) bool { return n.Row == row && strings.Contains(n.String(), word) })
}

// block is an identity provider with a jit block and nothing mapped.
func block(jit string) string { return `{"name":"x","provisioning":{"jit":{` + jit + `}}}` }

func TestImportIsWhatTheProviderWas(t *testing.T) {
	document, notes := imported(t, contoso)
	p := loaded(t, document)
	want := usher.JIT{
		Enabled: true, Store: usher.StoreChoice{Name: "CORP"}, Ask: usher.WayConsent,
		Match:   []usher.MatchRule{{Attribute: "email", Local: "email", Stores: []string{"CORP"}, When: usher.MatchConfirm}},
		NoMatch: usher.NoMatchPassThrough, UsernameConflict: usher.ConflictDeny,
		Sync: usher.Sync{
			Attributes: usher.SyncPreserveLocal, Groups: usher.GroupsOwn, GroupMap: map[string][]string{"eng": {"platform"}},
			RoleMap: map[string][]string{"eng": {"editor"}, "heads": {"approver"}, "leads": {"approver"}},
		},
	}
	if d := cmp.Diff(want, p.JIT); d != "" {
		t.Error(d)
	}
	source := rule.Source{
		Username: "claims.?preferred_username", Groups: "claims.?roles", Separator: ",",
		Attributes: map[string]rule.AttributeSource{
			"email": {Value: "claims.?mail"}, "givenName": {Value: "claims.?given_name"}, "department": {Value: `claims[?"dept name"]`},
		},
		Verified: map[string]string{"email": "claims.?email_verified.orValue(false) == true"},
	}
	if d := cmp.Diff(source, p.Source); d != "" {
		t.Error(d)
	}
	if p.Name != "contoso-staff" || p.DisplayName != "Contoso Staff" || !p.Enabled || p.OIDC.Issuer != "https://login.contoso.test" ||
		p.OIDC.ClientID != "usher-at-contoso" || p.OIDC.AuthMethod != "basic" || !slices.Equal(p.OIDC.Scopes, []string{"email", "openid", "profile"}) ||
		!cmp.Equal(p.OIDC.AuthParams, map[string]string{"domain_hint": "contoso.test"}) {
		t.Errorf("got %+v", p)
	}
	if strings.Contains(document, "hunter2") || p.OIDC.ClientSecret != "value of IDP_CONTOSO_STAFF_CLIENT_SECRET" {
		t.Errorf("the secret: %q\n%s", p.OIDC.ClientSecret, document)
	}
	for _, row := range []string{"P007", "P038", "P040", "P043", "P053", "P056", "P079"} {
		if !noted(notes, row, "") {
			t.Errorf("%s is not noted: %v", row, notes)
		}
	}
	for _, n := range notes {
		if !strings.Contains(document, "# "+n.String()+"\n") {
			t.Errorf("%s does not stand above the document", n)
		}
	}
}

func TestP051_ImportRefusesToAssociateByName(t *testing.T) {
	for _, text := range []string{
		block(`"isEnabled":true,"associating_to_existing_user":true`), block(`"isEnabled":true,"associatingToExistingUser":true`),
		`{"name":"x","idpProperties":[{"key":"JITProvisioning.AssociatingToExistingUser","value":"true"}]}`,
	} {
		document, notes := imported(t, text)
		if !noted(notes, "P051", "refused") {
			t.Errorf("%s: %v", text, notes)
		}
		if p := loaded(t, document); len(p.JIT.Match) != 0 || p.JIT.UsernameConflict != usher.ConflictDeny {
			t.Errorf("%s: %+v", text, p.JIT)
		}
	}
	if _, notes := imported(t, block(`"isEnabled":true,"associating_to_existing_user":false`)); noted(notes, "P051", "") {
		t.Errorf("one that is off is noted: %v", notes)
	}
}

// TestP052_ImportAsksForAProofInsteadOfAName: a username is never a key; what
// WSO2 looks up by name becomes a rule on the address that asks for a proof.
func TestP052_ImportAsksForAProofInsteadOfAName(t *testing.T) {
	byName := `"accountLookupAttributeMappings":[{"federatedAttribute":"email","localAttribute":"http://wso2.org/claims/username"}]`
	for _, lookups := range []string{``, `,"accountLookupAttributeMappings":[]`, `,"accountLookupAttributeMappings":null`, "," + byName} {
		document, notes := imported(t, block(`"isEnabled":true,"associateLocalUser":true`+lookups))
		want := []usher.MatchRule{{Attribute: "email", Local: "email", Stores: []string{"PRIMARY"}, When: usher.MatchConfirm}}
		p := loaded(t, document)
		if d := cmp.Diff(want, p.JIT.Match); d != "" || !noted(notes, "P052", "a username is never a key") {
			t.Errorf("%s: %s %v", lookups, d, notes)
		}
		if p.Source.Verified["email"] == "" {
			t.Errorf("%s: the address is never verified", lookups)
		}
	}
}

func TestP062_ImportRefusesToPassLockedAccounts(t *testing.T) {
	for _, key := range []string{"allow_idp_login", "allowIdPLogin", "allowAssociatedLocalAccountLogin"} {
		document, notes := imported(t, block(`"isEnabled":true,"`+key+`":true`))
		if !noted(notes, "P062", "disabled or locked") || strings.Contains(strings.SplitAfter(document, "kind:")[1], key) {
			t.Errorf("%s: %v", key, notes)
		}
	}
}

// TestP099_TheJITBlockSurvives: whatever WSO2 can say crosses over and back.
func TestP099_TheJITBlockSurvives(t *testing.T) {
	type lookup struct {
		FederatedAttribute string `json:"federatedAttribute"`
		LocalAttribute     string `json:"localAttribute"`
	}
	lookups := []lookup{{"email", "http://wso2.org/claims/emailaddress"}, {"mobile number", "http://wso2.org/claims/mobile"}, {"emp_id", "http://wso2.org/claims/employeeId"}}
	scratch := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		associate := rapid.Bool().Draw(rt, "associate")
		in := map[string]any{
			"isEnabled":           rapid.Bool().Draw(rt, "on"),
			"scheme":              rapid.SampledFrom([]string{"PROVISION_SILENTLY", "PROMPT_CONSENT", "PROMPT_PASSWORD_CONSENT", "PROMPT_USERNAME_PASSWORD_CONSENT"}).Draw(rt, "scheme"),
			"userstore":           rapid.SampledFrom([]string{"PRIMARY", "CORP", "As in username"}).Draw(rt, "store"),
			"associateLocalUser":  associate,
			"attributeSyncMethod": rapid.SampledFrom([]string{"OVERRIDE_ALL", "NONE", "PRESERVE_LOCAL"}).Draw(rt, "attributes"),
			"idpGroupSyncMethod":  rapid.SampledFrom([]string{"OVERRIDE_ALL", "MERGE_WITH_EXISTING"}).Draw(rt, "groups"),
		}
		in["skipJITForLookupFailure"], in["accountLookupAttributeMappings"] = false, []lookup{}
		if associate {
			in["skipJITForLookupFailure"] = rapid.Bool().Draw(rt, "skip")
			first := rapid.IntRange(0, 2).Draw(rt, "first")
			in["accountLookupAttributeMappings"] = lookups[first : first+min(rapid.IntRange(1, 2).Draw(rt, "lookups"), 3-first)]
		}
		want, err := json.Marshal(in)
		if err != nil {
			rt.Fatal(err)
		}
		whole := `{"name":"Round","claims":{"roleClaim":{"uri":"groups"},"userIdClaim":{"uri":"upn"},"mappings":[{"idpClaim":"email","localClaim":{"uri":"http://wso2.org/claims/emailaddress"}}]},` +
			`"provisioning":{"jit":` + string(want) + `}}`
		document, _, err := wso2.Import(strings.NewReader(whole))
		if err != nil {
			rt.Fatal(err)
		}
		file := filepath.Join(scratch, "usher.yaml")
		if err := os.WriteFile(file, []byte(document+corp), 0o600); err != nil {
			rt.Fatal(err)
		}
		c, err := config.Load(file, func(string) (string, bool) { return "https://x.test", true })
		if err != nil {
			rt.Fatalf("%v\n%s", err, document)
		}
		have, _, err := wso2.Export(exported(c.Providers[0]))
		if err != nil {
			rt.Fatal(err)
		}
		var a, b any
		if json.Unmarshal(want, &a) != nil || json.Unmarshal(have, &b) != nil || !cmp.Equal(a, b) {
			rt.Fatalf("%s\n%s\n%s", cmp.Diff(a, b), document, have)
		}
	})
}

// TestImportOfTheBlockAlone: what Export gives, Import takes.
func TestImportOfTheBlockAlone(t *testing.T) {
	document, _ := imported(t, contoso)
	b, _, err := wso2.Export(exported(loaded(t, document)))
	if err != nil {
		t.Fatal(err)
	}
	again, _ := imported(t, string(b))
	if got := loaded(t, again).JIT; !got.Enabled || got.Store.Name != "CORP" || got.Ask != usher.WayConsent || got.NoMatch != usher.NoMatchPassThrough {
		t.Errorf("got %+v", got)
	}
}

func TestExportNotesWhatHasNoWord(t *testing.T) {
	p := wso2.Provider{
		JIT: usher.JIT{
			Store: usher.StoreChoice{From: usher.StoreRule}, Username: usher.UsernameGenerated, SkipPatterns: true, NoPrefill: true,
			Require: []string{"email"}, AskFor: []string{"phone"}, VouchesFor: []string{"a.test"}, NoMatch: usher.NoMatchDeny,
			Match: []usher.MatchRule{
				{Attribute: "email", Local: "email", When: usher.MatchAuto}, {Attribute: "both", Local: "staff", When: usher.MatchNever},
			},
			UsernameConflict: usher.ConflictAsk, OnFailure: usher.FailurePassThrough,
			Sync: usher.Sync{
				Attributes: usher.SyncNone, PerAttribute: map[string]usher.SyncMode{"email": usher.SyncNone}, Protected: []string{"email"},
				Groups: usher.GroupsNone, RoleMap: map[string][]string{"a": {"b"}}, Lock: true,
			},
		},
		Source: rule.Source{
			Groups:     "claims.groups",
			Attributes: map[string]rule.AttributeSource{"email": {Value: `claims[?"e mail"]`}, "both": {Value: "claims.a + claims.b"}},
		},
		Purposes: []usher.Purpose{{Name: "news"}}, PromptURL: "https://p.test/",
	}
	b, notes, err := wso2.Export(p)
	want := `{
  "isEnabled": false,
  "scheme": "PROVISION_SILENTLY",
  "userstore": "PRIMARY",
  "associateLocalUser": true,
  "skipJITForLookupFailure": true,
  "accountLookupAttributeMappings": [
    {
      "federatedAttribute": "e mail",
      "localAttribute": "http://wso2.org/claims/emailaddress"
    },
    {
      "federatedAttribute": "both",
      "localAttribute": "http://wso2.org/claims/staff"
    }
  ],
  "attributeSyncMethod": "NONE",
  "idpGroupSyncMethod": "MERGE_WITH_EXISTING"
}
`
	if d := cmp.Diff(want, string(b)); err != nil || d != "" {
		t.Error(err, d)
	}
	for _, row := range []string{"P003", "P012", "P015", "P018", "P024", "P034", "P036", "P038", "P042", "P050", "P053", "P056", "P058", "P071", "P074", "P078", "P106"} {
		if !noted(notes, row, "") {
			t.Errorf("%s is not noted: %v", row, notes)
		}
	}
	p.JIT.Store, p.JIT.NoMatch, p.JIT.Match = usher.StoreChoice{From: usher.StoreUsername}, usher.NoMatchPassThrough, nil
	if _, notes, _ = wso2.Export(p); !noted(notes, "P006", "falls back to PRIMARY") || !noted(notes, "P056", "without a match rule") {
		t.Errorf("got %v", notes)
	}
}

func TestImportRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                            "the document ends too early",
		`[]`:                          "the document is not a JSON object",
		`{"name":"a","name":"b"}`:     `a name stands twice in one object at "/name"`,
		`{"name":"a"} {}`:             "something stands after the document",
		`{"name":"a","Name":"b"}`:     "two names in one object differ only in case",
		`{}`:                          "the document is no identity provider of WSO2: it has no name",
		`{"identityProviders":[]}`:    "the document lists identity providers; get one of them by its id, and import that",
		`{"identityProviderName":""}`: "the document is a file export; get it by /api/server/v1/identity-providers/{id} instead",
		`{"name":"` + strings.Repeat("a", 1<<20) + `"}`: "the document is larger than 1 MB",
	} {
		document, notes, err := wso2.Import(strings.NewReader(text))
		if usher.KindOf(err) != usher.Invalid || usher.Shown(err) != want || document != "" || notes != nil {
			t.Errorf("%.40q: %q %v %v", text, document, notes, err)
		}
	}
}

func TestImportOfLessUsualProviders(t *testing.T) {
	for name, c := range map[string]struct {
		text, row, word string
		check           func(config.Provider) bool
	}{
		"nothing mapped": {`{"name":"x"}`, "P027", "mapping.standard", func(p config.Provider) bool { return len(p.Source.Attributes) == 10 && !p.JIT.Enabled }},
		"as in username": {block(`"isEnabled":true,"userstore":"As in username"`), "P006", "unknown: deny", func(p config.Provider) bool {
			return p.JIT.Store == usher.StoreChoice{From: usher.StoreUsername, Unknown: "PRIMARY"} && p.Source.Username == "subject"
		}},
		"unknown words": {block(`"isEnabled":true,"scheme":"PROMPT_ALL","attributeSyncMethod":"SOME"`), "P009", "PROMPT_ALL", func(p config.Provider) bool {
			return p.JIT.Ask == usher.WaySilent && p.JIT.Sync.Attributes == usher.SyncPreserveLocal
		}},
		"lookups that are off": {block(`"associateLocalUser":false,"skipJITForLookupFailure":true,"accountLookupAttributeMappings":[{"federatedAttribute":"a","localAttribute":"b"}]`),
			"P056", "no effect there either", func(p config.Provider) bool { return p.JIT.Match == nil && p.JIT.NoMatch == usher.NoMatchCreate }},
		"three lookups": {block(`"associateLocalUser":true,"accountLookupAttributeMappings":[{"federatedAttribute":"a","localAttribute":"http://wso2.org/claims/a"},` +
			`{"federatedAttribute":"b","localAttribute":"http://wso2.org/claims/b"},{"federatedAttribute":"c","localAttribute":"http://wso2.org/claims/c"}]`),
			"P057", "first two", func(p config.Provider) bool { return len(p.JIT.Match) == 2 }},
		"a lookup of two claims": {block(`"associateLocalUser":true,"accountLookupAttributeMappings":[{"federatedAttribute":"mail","localAttribute":"http://wso2.org/claims/emailaddress"}]`),
			"P053", "mapped from another claim", func(p config.Provider) bool { return p.JIT.Match[0].Attribute == "email" }},
		"roles without a claim": {`{"name":"x","roles":{"mappings":[{"idpRole":"a","localRole":"Internal/b"}]},"groups":[{"name":"g"}]}`, "P039", "the group g",
			func(p config.Provider) bool {
				return p.Source.Groups == "claims.?groups" && p.JIT.Sync.RoleMap["a"][0] == "b"
			}},
		"unknown group sync": {`{"name":"x","claims":{"roleClaim":{"uri":"r"}},"provisioning":{"jit":{"isEnabled":true,"idpGroupSyncMethod":"X"}}}`, "P042", "X is not known",
			func(p config.Provider) bool { return p.JIT.Sync.Groups == usher.GroupsMerge }},
		"SAML": {`{"name":"x","federatedAuthenticators":{"defaultAuthenticatorId":"b","authenticators":[{"authenticatorId":"a","name":"X"},{"authenticatorId":"b","name":"SAMLSSOAuthenticator"}]}}`,
			"", "SAMLSSOAuthenticator, which is not supported", func(p config.Provider) bool { return p.OIDC.Issuer == "https://login.example.test" }},
		"Google": {`{"name":"x","federatedAuthenticators":{"authenticators":[{"name":"GoogleOIDCAuthenticator","properties":[{"key":"ClientId","value":"c"},{"key":"commonAuthQueryParams","value":"%zz"},{"key":"IsBasicAuthEnabled","value":"false"},{"key":"Scopes","value":"email"}]}]}}`,
			"", "it is no query", func(p config.Provider) bool {
				return p.OIDC.Issuer == "https://accounts.google.com" && p.OIDC.AuthMethod == "post" && p.OIDC.Scopes[0] == "openid"
			}},
		"user id from nowhere": {`{"name":"x","claims":{"userIdClaim":{"uri":"http://wso2.org/claims/odd"}}}`, "P023", "claims/odd", func(p config.Provider) bool { return p.Source.Username == "" }},
		"one claim mapped twice": {`{"name":"x","claims":{"mappings":[{"idpClaim":"a","localClaim":{"uri":"http://wso2.org/claims/nickname"}},{"idpClaim":"b","localClaim":{"uri":"http://wso2.org/claims/nickname"}},` +
			`{"idpClaim":"v","localClaim":{"uri":"http://wso2.org/claims/identity/emailVerified"}},{"idpClaim":"e","localClaim":{"uri":"http://wso2.org/claims/emailaddress"}}]}}`,
			"P028", "b to", func(p config.Provider) bool {
				return p.Source.Attributes["nickname"].Value == "claims.?a" && p.Source.Verified["email"] == "claims.?v.orValue(false) == true"
			}},
		"provisioned further": {`{"name":"x","isEnabled":false,"isFederationHub":true,"association":{"isEnabled":true},"claims":{"provisioningClaims":[{}]},"provisioning":{"outboundConnectors":{"connectors":[{}]}}}`,
			"P087", "not provisioned further", func(p config.Provider) bool { return !p.Enabled }},
		"cut usernames": {`{"name":"x","removeDomainFromUsername":true}`, "P025", "kept whole", func(config.Provider) bool { return true }},
		"local":         {`{"name":"Local"}`, "P027", "", func(p config.Provider) bool { return p.Name == "imported-local" && p.DisplayName == "Local" }},
		"no letters":    {`{"name":"あ"}`, "P027", "", func(p config.Provider) bool { return p.Name == "imported" }},
		"claims that are words": {`{"name":"x","claims":{"userIdClaim":{"uri":"in"},"roleClaim":{"uri":"http://schemas.test/Group"}}}`, "P027", "", func(p config.Provider) bool {
			return p.Source.Username == `claims[?"in"]` && p.Source.Groups == `claims[?"http://schemas.test/Group"]`
		}},
		"variables in values": {`{"name":"x","idpIssuerName":"https://${SECRET}.test","federatedAuthenticators":{"authenticators":[{"properties":[{"key":"ClientId","value":"${file:/etc/passwd}"},{"key":"commonAuthQueryParams","value":"a=${SECRET}"}]}]}}`,
			"", "a, which is set", nil},
	} {
		t.Run(name, func(t *testing.T) {
			document, notes := imported(t, c.text)
			if !noted(notes, c.row, c.word) {
				t.Errorf("no note of %s says %q: %v", c.row, c.word, notes)
			}
			if c.check == nil {
				if !strings.Contains(document, "https://$${SECRET}.test") || !strings.Contains(document, "$${file:/etc/passwd}") {
					t.Errorf("a value would be expanded:\n%s", document)
				}
				return
			}
			if p := loaded(t, document); !c.check(p) {
				t.Errorf("got %+v %+v", p.JIT, p.Source)
			}
		})
	}
}

// TestWhateverIsImportedIsWellFormed: no name in the input can break out of the
// document, and no secret gets into it.
func TestWhateverIsImportedIsWellFormed(t *testing.T) {
	scratch := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		odd := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"a: b", "# x", "- y", "'", `"`, "null", "true", "~", "&a", "*a", "!!x", "a\n---\nkind: Server", "${X}", "{a}", "\u2028"}))
		s := func(label string) string { return odd.Draw(rt, label) }
		in, err := json.Marshal(map[string]any{
			"name": "p" + s("name"), "idpIssuerName": "https://a.test",
			"claims": map[string]any{
				"userIdClaim": map[string]string{"uri": s("user")}, "roleClaim": map[string]string{"uri": "r" + s("role")},
				"mappings": []any{map[string]any{"idpClaim": s("claim"), "localClaim": map[string]string{"uri": "http://wso2.org/claims/" + s("uri")}}},
			},
			"roles": map[string]any{"mappings": []any{map[string]string{"idpRole": s("theirs"), "localRole": s("ours")}}},
			"federatedAuthenticators": map[string]any{"authenticators": []any{map[string]any{"properties": []any{
				map[string]string{"key": "ClientSecret", "value": "hunter2-hunter2"}, map[string]string{"key": "ClientId", "value": "c" + s("id")},
			}}}},
			"provisioning": map[string]any{"jit": map[string]any{"isEnabled": true, "scheme": s("scheme"), "attributeSyncMethod": s("sync"), "associateLocalUser": true}},
		})
		if err != nil {
			rt.Fatal(err)
		}
		document, _, err := wso2.Import(strings.NewReader(string(in)))
		if err != nil {
			return // refused, as text that is not UTF-8 is
		}
		if strings.Contains(document, "hunter2") {
			rt.Fatal("the secret is in the document")
		}
		file := filepath.Join(scratch, "usher.yaml")
		if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
			rt.Fatal(err)
		}
		_, err = config.Load(file, func(string) (string, bool) { return "value", true })
		if err != nil && (strings.Contains(err.Error(), "well-formed") || strings.Contains(err.Error(), "not a known key") || strings.Contains(err.Error(), "second document")) {
			rt.Fatalf("%v\n%s\n%s", err, in, document)
		}
	})
}
