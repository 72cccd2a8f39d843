package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// provider is a good document; lines are added to it and its oidc block.
func provider(oidc, rest string) string {
	return "kind: IdentityProvider\nname: a\nprotocol: oidc\noidc:\n  issuer: https://a.test\n  clientId: usher\n  clientSecret: ${CONTOSO_SECRET}\n" + oidc + rest
}

// application is a good document with lines added to it.
func application(rest string) string {
	return "kind: Application\nid: w\nclientSecret: ${WIKI_SECRET}\nredirectUris: [https://w.test/cb]\n" + rest
}

// faultCases has a file and the one line it must give.
var faultCases = map[string]struct{ text, want string }{
	"no kind":                 {"name: a", `1:1: kind: is missing; add it, as in kind: IdentityProvider`},
	"kind nearly right":       {"kind: Aplication", `1:7: kind: "Aplication" is not known; did you mean Application? It is one of Server, UserStore, Purpose, IdentityProvider or Application`},
	"document is a list":      {"- a", `1:1: is a list, but a mapping is wanted; write its keys below it, indented`},
	"document is text":        {"hello", `1:1: is text, but a mapping is wanted; write its keys below it, indented`},
	"document without keys":   {"{}", `1:1: the document is empty; give it a kind, or remove it`},
	"broken YAML":             {"kind: Server\nlog: [a\n", `2:6: is not well-formed YAML: sequence end token ']' not found; check indentation, colons and quotes`},
	"anchor":                  {"kind: &k Server", `1:7: anchors (&), aliases (*) and merge keys (<<) are not supported; write the value out`},
	"merge key":               {"<<: {}\nkind: Server", `1:1: anchors (&), aliases (*) and merge keys (<<) are not supported; write the value out`},
	"tag":                     {"kind: !!str Server", `1:7: tags (!) are not supported; remove it`},
	"too deep":                {"kind: " + strings.Repeat("[", 17), `1:23: nested more than 16 deep; nothing here needs that`},
	"control character":       {"kind: Ser\x01ver", `1:10: the line holds a control character; remove it`},
	"not UTF-8":               {"# \xff\nkind: Server", `1:1: the line is not UTF-8; save the file as UTF-8`},
	"unknown key":             {application("banner: hello"), `5:1: banner: is not a known key; the keys here are accounts, algorithm, audience, clientAuth, clientSecret, enabled, explain, id, kind, name, postLogoutRedirectUris, providers, redirectUris, requires, scopes, sector, subject, subjectType, url`},
	"key nearly right":        {application("algorithmn: RS256"), `5:1: algorithmn: is not a known key; did you mean algorithm?`},
	"key in other case":       {application("URL: https://w.test"), `5:1: URL: is not a known key; did you mean url?`},
	"duplicate key":           {application("id: v"), `5:1: id: is there twice, first on line 2; remove one`},
	"duplicate key deep down": {provider("  scopes: [openid]\n  scopes: [openid]\n", ""), `9:3: oidc.scopes: is there twice, first on line 8; remove one`},
	"number for text":         {application("name: 42"), `5:7: name: is a number, but text is wanted; put it in quotes`},
	"empty value":             {application("name:"), `5:7: name: is empty, but text is wanted; give it a value, or remove the key`},
	"empty text":              {application(`name: ""`), `5:7: name: is empty; give it a value, or remove the key`},
	"text for a flag":         {application(`explain: "true"`), `5:10: explain: is text, but true or false is wanted; write it without quotes`},
	"yes for a flag":          {application("explain: yes"), `5:10: explain: is text, but true or false is wanted; write it without quotes`},
	"text for a list":         {application("scopes: openid"), `5:9: scopes: is text, but a list is wanted; write [a, b]`},
	"list for a mapping":      {provider("", "jit: []"), `8:6: jit: is a list, but a mapping is wanted; write its keys below it, indented`},
	"mapping for text":        {application("name: { a: b }"), `5:7: name: is a mapping, but text is wanted`},
	"entry twice":             {application("scopes: [email, email]"), `5:17: scopes[1]: "email" is there twice; remove one`},

	"unknown variable":   {application("audience: ${NOPE}"), `5:11: audience: ${NOPE} is not in the environment; set it, or use ${file:path}`},
	"empty variable":     {application("audience: ${EMPTY}"), `5:11: audience: ${EMPTY} is empty in the environment; give it a value`},
	"not a variable":     {application("audience: ${a-b}"), `5:11: audience: ${a-b} is not a variable name; write ${NAME} or ${file:path}`},
	"open variable":      {application("audience: ${NOPE"), `5:11: audience: has ${ without }; close it, or write $${ for the two characters themselves`},
	"file not there":     {application(`audience: "${file:nope}"`), `5:11: audience: the file "nope" of ${file:...} can't be read: there is no such file or folder; check the path (relative to the folder of this file) and the permissions`},
	"file is a folder":   {application(`audience: "${file:.}"`), `5:11: audience: the file "." of ${file:...} is not a regular file; check the path (relative to the folder of this file) and the permissions`},
	"file without name":  {application(`audience: "${file:}"`), `5:11: audience: ${file:} names no file; write ${file:path}`},
	"variable of lines":  {application("audience: ${LINES}"), `5:11: audience: holds a line break, a tab, a control character or bytes that are not UTF-8; check where the value comes from`},
	"expansion in a URL": {"kind: Application\nid: w\nclientAuth: none\nredirectUris: ['${NOPE}/cb']", `4:16: redirectUris[0]: ${NOPE} is not in the environment; set it, or use ${file:path}`},

	"issuer http":       {"kind: Server\nissuer: http://login.example.com", `2:9: issuer: is http on a host that is not this machine; use https`},
	"issuer slash":      {"kind: Server\nissuer: https://login.example.com/", `2:9: issuer: ends in a slash; remove it, for an issuer is compared byte by byte`},
	"issuer query":      {"kind: Server\nissuer: https://login.example.com?a=b", `2:9: issuer: has a query, which an issuer can't have; remove the ? and what follows`},
	"issuer fragment":   {"kind: Server\nissuer: 'https://login.example.com#a'", `2:9: issuer: has a fragment; remove the # and what follows`},
	"issuer path":       {"kind: Server\nissuer: https://example.com/login", `2:9: issuer: has a path; give Usher a host of its own, for its cookies are bound to the whole host`},
	"issuer user":       {"kind: Server\nissuer: https://a@example.com", `2:9: issuer: carries a user name; remove everything up to the @`},
	"issuer capitals":   {"kind: Server\nissuer: https://Login.example.com", `2:9: issuer: has capital letters in the host; write the host in lower case, for it is compared byte by byte`},
	"issuer relative":   {"kind: Server\nissuer: login.example.com", `2:9: issuer: is not an absolute URL; write it as https://host/path`},
	"issuer unknowable": {"kind: Server\nlisten: :8080", `1:1: issuer: is missing, and can't be told from listen: :8080; add it, as in issuer: https://login.example.com`},
	"listen":            {"kind: Server\nlisten: 127.0.0.1:99999", `2:9: listen: is not an address to listen on; write host:port, as in 127.0.0.1:8080 or :8080`},
	"log level":         {"kind: Server\nlog: { level: loud }", `2:15: log.level: "loud" is not known; use debug, info, warn or error`},

	"application without id":   {"kind: Application\nclientAuth: none\nredirectUris: [https://w.test/cb]", `1:1: id: is missing; add it, as in id: wiki`},
	"application odd id":       {"kind: Application\nid: a b\nclientAuth: none\nredirectUris: [https://w.test/cb]", `2:5: id: "a b" can't be a name here; use letters, digits and -._~, 64 at most, beginning with a letter or digit`},
	"application uuid":         {"kind: Application\nid: 0190f0a5-2b7c-7c3e-9b1f-6f2f0a1b2c3d\nclientAuth: none\nredirectUris: [https://w.test/cb]", `1:1: the client id must not be a UUID, because it could be taken for a person's sub`},
	"no secret":                {"kind: Application\nid: w\nredirectUris: [https://w.test/cb]", `1:1: clientSecret: is missing; add it, as in clientSecret: "${CLIENT_SECRET}", or set clientAuth: none for a client without one`},
	"secret of a public one":   {application("clientAuth: none"), `3:15: clientSecret: contradicts clientAuth: none; remove one of the two`},
	"short secret":             {"kind: Application\nid: w\nclientSecret: short-one\nredirectUris: [https://w.test/cb]", `3:15: clientSecret: is shorter than 16 characters, so it can be guessed; make one with: openssl rand -base64 32`},
	"no redirect":              {"kind: Application\nid: w\nclientAuth: none", `1:1: redirectUris: is missing; add it, as in redirectUris: ["https://wiki.example.com/callback"]`},
	"empty redirects":          {"kind: Application\nid: w\nclientAuth: none\nredirectUris: []", `4:15: redirectUris: is empty, so nobody could come back; add at least one address`},
	"redirect http":            {application("postLogoutRedirectUris: [http://w.test]"), `5:26: postLogoutRedirectUris[0]: is http on a host that is not this machine; use https`},
	"redirect fragment":        {application("postLogoutRedirectUris: ['https://w.test/#x']"), `5:26: postLogoutRedirectUris[0]: has a fragment; remove the # and what follows`},
	"redirect wildcard":        {application("postLogoutRedirectUris: ['https://*.w.test/']"), `5:26: postLogoutRedirectUris[0]: holds a wildcard or placeholder; write the exact URL`},
	"redirect dots":            {application("postLogoutRedirectUris: [https://w.test/a/%2E%2e/b]"), `5:26: postLogoutRedirectUris[0]: has a . or .. in the path; write the path without it`},
	"redirect script":          {application("postLogoutRedirectUris: ['javascript:alert(1)']"), `5:26: postLogoutRedirectUris[0]: is not an absolute URL; write it as https://host/path`},
	"redirect ftp":             {application("postLogoutRedirectUris: [ftp://w.test]"), `5:26: postLogoutRedirectUris[0]: has the scheme "ftp"; use https`},
	"redirect spaces":          {application("postLogoutRedirectUris: ['https://w.test/a b']"), `5:26: postLogoutRedirectUris[0]: holds a space, a backslash or a letter outside ASCII; percent-encode it`},
	"native with a secret":     {application("postLogoutRedirectUris: ['com.example.w:/cb']"), `5:26: postLogoutRedirectUris[0]: has a scheme of its own, which only an application with clientAuth: none may have; use https`},
	"sector of public":         {application("sector: w.test"), `5:9: sector: has no effect with subjectType: public; set subjectType: pairwise, or remove it`},
	"sector missing":           {"kind: Application\nid: w\nclientAuth: none\nsubjectType: pairwise\nredirectUris: [https://w.test/cb, https://v.test/cb]", `1:1: pairwise subs need one host in all redirect URIs, or a sector`},
	"redirect huge":            {application("postLogoutRedirectUris: [https://w.test/" + strings.Repeat("a", 2048) + "]"), `5:26: postLogoutRedirectUris[0]: is longer than 2048 bytes; shorten it`},
	"native with a wildcard":   {"kind: Application\nid: w\nclientAuth: none\nredirectUris: ['com.example.w:/*']", `4:16: redirectUris[0]: is not a URL that can be compared exactly; remove fragments, wildcards, spaces and dots`},
	"long name":                {application("name: " + strings.Repeat("n", 256)), `5:7: name: "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn..." is too long, or holds control characters or spaces at an end; use one line of at most 255 bytes`},
	"huge text":                {application("name: " + strings.Repeat("n", 9000)), `5:7: name: is longer than 8192 bytes; shorten it`},
	"number as a key":          {application("42: x"), `5:1: 42: is not a known key; the keys here are accounts, algorithm, audience, clientAuth, clientSecret, enabled, explain, id, kind, name, postLogoutRedirectUris, providers, redirectUris, requires, scopes, sector, subject, subjectType, url`},
	"complex key":              {application("? a\n: b"), `5:1: complex keys (?) are not supported; write key: value`},
	"directive":                {"%YAML 1.2\n---\nkind: Server", `1:1: directives (%) are not supported; remove the line`},
	"listen without a number":  {"kind: Server\nlisten: localhost:http", `2:9: listen: is not an address to listen on; write host:port, as in 127.0.0.1:8080 or :8080`},
	"subject as it was":        {application("subject: pairwise"), `5:10: subject: says whose sub it is; say subjectType: pairwise`},
	"unknown scope":            {application("scopes: [admin]"), `1:1: there is no scope admin; the scopes are openid, profile, email, phone, groups, offline_access`},
	"two of one id":            {application("---\n" + application("")), `7:5: id: "w" is taken by another application, in DIR on line 2; choose another`},
	"algorithm of application": {application("algorithm: HS256"), `5:12: algorithm: "HS256" is not known; did you mean ES256? It is one of ES256 or RS256`},
}

var providerFaultCases = map[string]struct{ text, want string }{
	"odd name":               {"kind: IdentityProvider\nname: A/b\nprotocol: oidc\noidc: { issuer: https://a.test, clientId: u, clientAuth: none }", `2:7: name: "A/b" can't be a name here; use small letters, digits and -, 64 at most, beginning with a letter or digit`},
	"two of one name":        {provider("", "---\n"+provider("", "")), `10:7: name: "a" is taken by another identity provider, in DIR on line 2; choose another`},
	"no protocol":            {"kind: IdentityProvider\nname: a\noidc: { issuer: https://a.test, clientId: u, clientAuth: none }", `1:1: protocol: is missing; add it, as in protocol: oidc`},
	"protocol later":         {"kind: IdentityProvider\nname: a\nprotocol: saml\noidc: { issuer: https://a.test, clientId: u, clientAuth: none }", `3:11: protocol: saml is not supported in this version; use protocol: oidc`},
	"issuer http":            {"kind: IdentityProvider\nname: a\nprotocol: oidc\noidc: { issuer: http://a.test, clientId: u, clientAuth: none }", `4:17: oidc.issuer: is http, so anyone on the way could read and change what is sent; use https (allowHTTP: true is for trying things out)`},
	"issuer private":         {"kind: IdentityProvider\nname: a\nprotocol: oidc\noidc: { issuer: https://10.1.2.3, clientId: u, clientAuth: none }", `4:17: oidc.issuer: is an address inside the network, which is not dialled; set allowPrivateNetwork: true if the provider lives there`},
	"issuer template":        {"kind: IdentityProvider\nname: a\nprotocol: oidc\noidc: { issuer: 'https://a.test/{tenantid}/v2.0', clientId: u, clientAuth: none }", `4:17: oidc.issuer: holds a wildcard or placeholder; write the exact URL`},
	"issuer is ours":         {"kind: Server\nissuer: https://a.test\n---\n" + provider("", ""), `5:7: name: has this server's own issuer as oidc.issuer; name the outside provider's`},
	"basic without secret":   {"kind: IdentityProvider\nname: a\nprotocol: oidc\noidc: { issuer: https://a.test, clientId: u, clientAuth: basic }", `4:7: oidc.clientSecret: is missing; add it, as in clientSecret: "${CLIENT_SECRET}", or set clientAuth: none for a client without one`},
	"placeholder":            {"kind: IdentityProvider\nname: a\nprotocol: oidc\noidc: { issuer: https://a.test, clientId: u, clientSecret: ChangeMe }", `4:60: oidc.clientSecret: is a placeholder, not a secret; use one made at random, by ${NAME} or ${file:path}`},
	"scopes without openid":  {provider("  scopes: [email]\n", ""), `8:11: oidc.scopes: lacks openid, without which no provider sends an ID token; add it`},
	"scope of two words":     {provider("  scopes: [openid email]\n", ""), `8:12: oidc.scopes[0]: "openid email" is not a scope; write one word for each entry`},
	"algorithm unknown":      {provider("  algorithms: [RS1]\n", ""), `8:16: oidc.algorithms[0]: "RS1" is not known; use RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA`},
	"algorithm none":         {provider("  algorithms: [none]\n", ""), `8:16: oidc.algorithms[0]: "none" is never accepted, for it does not prove who signed; use RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA`},
	"parameter of ours":      {provider("  authParams: { state: x }\n", ""), `8:24: oidc.authParams.state: is set for each sign-in and can't be fixed here; remove it`},
	"discover":               {provider("", "discover: ['*.test']\n"), `8:12: discover[0]: "*.test" is not a domain; write it as example.com, in lower case and without wildcard (xn-- for other scripts)`},
	"discover twice":         {provider("", "discover: [x.test]\n---\n"+strings.Replace(provider("", "discover: [x.test]\n"), "name: a", "name: b", 1)), `17:12: discover[0]: "x.test" already sends its people to a; let one of the two have it`},
	"domains":                {provider("", "domains: [x.test]\n"), `8:1: domains: is not supported: say discover for whose people are sent here, admit.emailDomains for who may come in, vouchesFor for whose addresses it can prove`},
	"skip_verify":            {provider("  skip_verify: true\n", ""), `8:3: oidc.skip_verify: is not supported: certificates are always checked; add the provider's authority to the system's`},
	"associateLocalUser":     {provider("", "jit: { associateLocalUser: true }\n"), `8:8: jit.associateLocalUser: is not supported: a person is never linked to an account because it has the same name; remove it`},
	"allow_idp_login":        {provider("", "jit: { allow_idp_login: true }\n"), `8:8: jit.allow_idp_login: is not supported: a sign-in never passes a disabled or locked account; remove it`},
	"ask unknown":            {provider("", "jit: { ask: me }\n"), `8:13: jit.ask: "me" is not known; use nothing, consent, password+consent or username+password+consent`},
	"store of no text":       {provider("", "jit: { store: 5 }\n"), `8:15: jit.store: is a number, but text is wanted; put it in quotes`},
	"group with spaces":      {provider("", "mapping: { groups: claims.groups }\njit: { sync: { groupMap: { a: [' b'] } } }\n"), `9:32: jit.sync.groupMap.a[0]: " b" is too long, or holds control characters or spaces at an end; use one line of at most 255 bytes`},
	"issuer query":           {strings.Replace(provider("", ""), "https://a.test", "https://a.test?b", 1), `5:11: oidc.issuer: has a query, which an issuer can't have; remove the ? and what follows`},
	"groups unread":          {provider("", "jit: { sync: { groups: own } }\n"), `8:24: jit.sync.groups: needs the groups of the provider, but no rule reads them; add mapping.groups, or remove this`},
	"group map unread":       {provider("", "jit: { sync: { groupMap: { a: [b] } } }\n"), `8:26: jit.sync.groupMap: needs the groups of the provider, but no rule reads them; add mapping.groups, or remove this`},
	"group grants nothing":   {provider("", "mapping: { groups: claims.groups }\njit: { sync: { groupMap: { a: [] } } }\n"), `9:31: jit.sync.groupMap.a: grants nothing; name at least one group or role, or remove the line`},
	"per attribute unmapped": {provider("", "jit: { sync: { perAttribute: { phone: none } } }\n"), `8:39: jit.sync.perAttribute.phone: is not mapped; add it to mapping.attributes, or remove it here`},
	"sync mode":              {provider("", "jit: { sync: { attributes: OVERRIDE_ALL } }\n"), `8:28: jit.sync.attributes: "OVERRIDE_ALL" is not known; use preserveLocal, override or none`},
	"verified unmapped":      {provider("", "mapping: { verified: { email: 'true' } }\n"), `8:22: mapping.verified: There is no attribute "email" to be verified. Map it under mapping.attributes, or leave this rule out.`},
	"admit domain unmapped":  {provider("", "admit: { emailDomains: [x.test] }\n"), `8:24: admit.emailDomains: The condition looks at the attribute email, which is not mapped. Map it under mapping.attributes.`},
	"admit verified":         {provider("", "admit: { verified: true }\nmapping: { attributes: { email: claims.email } }\n"), `8:20: admit.verified: The condition needs to know when the address is verified. Say so in mapping.verified.email.`},
	"rule of no text":        {provider("", "mapping: { username: [a] }\n"), `8:22: mapping.username: is a list, but text is wanted`},
	"odd attribute":          {provider("", "mapping: { attributes: { 'a b': claims.a } }\n"), `8:24: mapping.attributes: An attribute can't be called "a b". A name is a letter and then up to 63 letters, digits and _ . - (ASCII).`},
}

func TestEachFaultHasItsLine(t *testing.T) {
	for _, cases := range []map[string]struct{ text, want string }{faultCases, providerFaultCases, jitFaultCases, documentFaultCases} {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				got := faults(t, c.text)
				if len(got) == 1 {
					got[0] = fileName.ReplaceAllString(strings.TrimPrefix(got[0], "usher.yaml:"), "DIR")
				}
				if d := cmp.Diff([]string{c.want}, got); d != "" {
					t.Error(d)
				}
			})
		}
	}
}
