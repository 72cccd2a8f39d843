package wso2

import (
	"io"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp"
)

// maxBytes bounds what Import reads.
const maxBytes = 1 << 20

// Import reads an identity provider of WSO2 (or its block provisioning.jit
// alone) from JSON and writes it as a document of kind IdentityProvider. What
// could not be carried over is in the notes, and in comments above the document.
// Input that is larger than 1 MB, not strict JSON, or something else is Invalid.
func Import(r io.Reader) (document string, changed []Note, err error) {
	const op = "wso2.Import"
	raw, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return "", nil, usher.Fail(usher.Unavailable, op, "the identity provider can't be read", err)
	}
	in, err := idp.DecodeClaims(raw)
	if err != nil {
		return "", nil, usher.Fail(usher.Invalid, op, ofDocument.Replace(usher.Shown(err)), nil)
	}
	if in, err = whole(in); err != nil {
		return "", nil, usher.Wrap(op, err)
	}
	i := &importer{}
	i.in = i.legible(in, "")
	text, err := yaml.MarshalWithOptions(i.document(), yaml.IndentSequence(true))
	if err != nil {
		return "", nil, usher.Fail(usher.Internal, op, "", err)
	}
	var b strings.Builder
	b.WriteString("# From WSO2 Identity Server. Register the redirect URI ISSUER/idp/" + i.name() + "/callback at the provider.\n")
	for _, n := range i.notes {
		b.WriteString("# " + n.String() + "\n")
	}
	b.Write(text)
	return b.String(), i.notes, nil
}

// legible is v without the texts that are more than one line or hold what no line
// does: no name, claim or address is such a text. What is not read anyway is left
// out without a word.
func (i *importer) legible(v usher.Value, path string) usher.Value {
	switch v.Kind() {
	case usher.String:
		s, _ := v.Text()
		if !strings.ContainsFunc(s, breaks) {
			return v
		}
		if !strings.HasSuffix(path, "description") && !strings.HasSuffix(path, "certificate") {
			i.add("", strings.TrimPrefix(path, "."), "has control characters or more than one line, and is left out")
		}
		return usher.Value{}
	case usher.List:
		var items []usher.Value
		for _, item := range v.List() {
			items = append(items, i.legible(item, path))
		}
		return usher.ListValue(items...)
	case usher.Object:
		var members []usher.Member
		for _, m := range v.Members() {
			if kept := i.legible(m.Value, path+"."+m.Name); kept.Kind() != usher.Absent {
				members = append(members, usher.Member{Name: m.Name, Value: kept})
			}
		}
		return usher.ObjectValue(members...)
	}
	return v
}

// ofDocument tells of the document what the strict reader tells of claims.
var ofDocument = strings.NewReplacer(
	"the claims are", "the document is", "the claims end", "the document ends", "the claims hold", "the document holds", "the claims", "the document",
)

// whole is an identity provider, also of its jit block alone.
func whole(in usher.Value) (usher.Value, error) {
	has := func(name string) bool { return in.Get(name).Kind() != usher.Absent }
	switch {
	case has("identityProviders"):
		return in, usher.Fail(usher.Invalid, "wso2.whole", "the document lists identity providers; get one of them by its id, and import that", nil)
	case has("identityProviderName"), has("justInTimeProvisioningConfig"):
		return in, usher.Fail(usher.Invalid, "wso2.whole", "the document is a file export; get it by /api/server/v1/identity-providers/{id} instead", nil)
	case has("isEnabled") && !has("name") && (has("scheme") || has("userstore") || has("attributeSyncMethod")):
		return object("name", usher.StringValue("wso2"), "provisioning", object("jit", in)), nil
	case !has("name"):
		return in, usher.Fail(usher.Invalid, "wso2.whole", "the document is no identity provider of WSO2: it has no name", nil)
	}
	return in, nil
}

func object(pairs ...any) usher.Value {
	var out []usher.Member
	for i := 0; i+1 < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		value, _ := pairs[i+1].(usher.Value)
		out = append(out, usher.Member{Name: name, Value: value})
	}
	return usher.ObjectValue(out...)
}

// importer writes one document.
type importer struct {
	in usher.Value
	notes
	attributes []attribute
	verified   string // the claim that says whether the address is verified
	standard   bool
}

// attribute is one mapped attribute.
type attribute struct{ name, claim string }

// text is a text of the document, "" if there is none.
func text(v usher.Value, path ...string) string {
	for _, name := range path {
		v = v.Get(name)
	}
	s, _ := v.Text()
	return s
}

// flag is true or false, or def if neither is written.
func flag(v usher.Value, def bool) bool {
	if b, ok := v.Bool(); ok {
		return b
	}
	return def
}

func (i *importer) document() yaml.MapSlice {
	i.unsafe(i.in, "")
	i.mappings()
	jit := i.jit(i.in.Get("provisioning").Get("jit"))
	out := yaml.MapSlice{{Key: "kind", Value: "IdentityProvider"}, {Key: "name", Value: i.name()}}
	if display := strings.TrimSpace(line(text(i.in, "name"))); display != i.name() {
		out = append(out, yaml.MapItem{Key: "displayName", Value: display})
	}
	if !flag(i.in.Get("isEnabled"), true) {
		out = append(out, yaml.MapItem{Key: "enabled", Value: false})
	}
	out = append(out, yaml.MapItem{Key: "protocol", Value: "oidc"}, yaml.MapItem{Key: "oidc", Value: i.oidc()})
	if mapping := i.mapping(); len(mapping) > 0 {
		out = append(out, yaml.MapItem{Key: "mapping", Value: mapping})
	}
	i.leftOut()
	return append(out, yaml.MapItem{Key: "jit", Value: jit})
}

// name is the provider's name here: small letters, digits and hyphens.
func (i *importer) name() string {
	var b strings.Builder
	for _, c := range strings.ToLower(text(i.in, "name")) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	name := strings.TrimRight(b.String()[:min(b.Len(), 60)], "-")
	switch name {
	case "":
		return "imported"
	case usher.LocalIdP:
		return "imported-local"
	}
	return name
}

// variable is a variable of the environment for what is not written.
func (i *importer) variable(what string) string {
	return "${" + strings.ToUpper(strings.ReplaceAll("idp-"+i.name(), "-", "_")) + "_" + what + "}"
}

// unsafe looks for switches that are refused here, wherever they stand.
func (i *importer) unsafe(v usher.Value, path string) {
	for _, item := range v.List() {
		i.unsafe(item, path)
		if key, on := text(item, "key"), text(item, "value"); strings.EqualFold(on, "true") {
			i.refuse(key, join(path, key))
		}
	}
	for _, m := range v.Members() {
		at := join(path, m.Name)
		if on, _ := m.Value.Bool(); on {
			i.refuse(m.Name, at)
		}
		i.unsafe(m.Value, at)
	}
}

func join(path, step string) string { return strings.TrimPrefix(path+"."+step, ".") }

// refuse notes a switch that is not carried over.
func (i *importer) refuse(key, path string) {
	switch strings.ToLower(strings.NewReplacer("_", "", ".", "", "-", "").Replace(key)) {
	case "associatingtoexistinguser", "jitprovisioningassociatingtoexistinguser":
		i.add("P051", path, "refused: nobody is linked to an account because it has the same name; usernameConflict: ask lets people prove that it is theirs")
	case "allowidplogin", "allowassociatedlocalaccountlogin", "allowlockedaccountlogin":
		i.add("P062", path, "refused: a sign-in never passes a disabled or locked account")
	case "enableusernamesplit", "removedomainfromusername":
		i.add("P025", path, "refused: a username is kept whole")
	}
}

// leftOut notes what has no place in the document.
func (i *importer) leftOut() {
	if c := i.in.Get("provisioning").Get("outboundConnectors").Get("connectors").List(); len(c) > 0 {
		i.add("P087", "provisioning.outboundConnectors", "not carried over: accounts are not provisioned further in this version")
	}
	if c := i.in.Get("claims").Get("provisioningClaims").List(); len(c) > 0 {
		i.add("P087", "claims.provisioningClaims", "not carried over: they are about provisioning further")
	}
	if c := i.in.Get("certificate"); text(c, "jwksUri") != "" || len(c.Get("certificates").List()) > 0 {
		i.add("", "certificate", "not carried over: the keys of a provider are found by its discovery document")
	}
	if a := i.in.Get("association"); flag(a.Get("isEnabled"), false) {
		i.add("P070", "association", "not carried over: the link is made for the provider's subject; mapping.subject chooses another claim")
	}
	if flag(i.in.Get("isFederationHub"), false) {
		i.add("", "isFederationHub", "not carried over: it has no meaning here")
	}
}

// oidc writes how to talk to the provider.
func (i *importer) oidc() yaml.MapSlice {
	name, p := i.authenticator()
	get := func(keys ...string) string {
		for _, k := range keys {
			if v := strings.TrimSpace(p[strings.ToLower(k)]); v != "" {
				return v
			}
		}
		return ""
	}
	issuer := literal(text(i.in, "idpIssuerName"))
	if issuer == "" && strings.HasPrefix(name, "GoogleOIDC") {
		issuer = "https://accounts.google.com"
	}
	if issuer == "" {
		issuer = i.variable("ISSUER")
		i.add("", "idpIssuerName", "missing: set "+issuer+" to the issuer, exactly as the provider's discovery document writes it")
	}
	id := literal(get("ClientId", "client_id"))
	if id == "" {
		id = i.variable("CLIENT_ID")
		i.add("", "federatedAuthenticators", "no client id (the list of authenticators has none; get .../federated-authenticators/{id} for it): set "+id)
	}
	secret := i.variable("CLIENT_SECRET")
	i.add("", "federatedAuthenticators", "the client secret is never written: set "+secret)
	out := yaml.MapSlice{{Key: "issuer", Value: issuer}, {Key: "clientId", Value: id}, {Key: "clientSecret", Value: secret}}
	switch strings.ToLower(get("IsBasicAuthEnabled")) {
	case "true":
		out = append(out, yaml.MapItem{Key: "clientAuth", Value: "basic"})
	case "false":
		out = append(out, yaml.MapItem{Key: "clientAuth", Value: "post"})
	}
	return append(out, i.request(get("Scopes", "scope"), get("commonAuthQueryParams", "AdditionalQueryParameters"))...)
}

// literal is a text that stands for itself in a setting that is expanded.
func literal(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "${", "$${") }

// authenticator is the provider's default authenticator: its name and its
// properties by their keys in small letters.
func (i *importer) authenticator() (string, map[string]string) {
	f := i.in.Get("federatedAuthenticators")
	all := f.Get("authenticators").List()
	at := slices.IndexFunc(all, func(a usher.Value) bool { return text(a, "authenticatorId") == text(f, "defaultAuthenticatorId") })
	if at < 0 {
		if len(all) == 0 {
			return "", nil
		}
		at = 0
	}
	name := text(all[at], "name")
	if name != "" && !strings.Contains(name, "OpenIDConnect") && !strings.Contains(name, "OIDC") {
		i.add("", "federatedAuthenticators", "it speaks by "+name+", which is not supported in this version; the document is written for an OpenID provider")
	}
	if len(all) > 1 {
		i.add("", "federatedAuthenticators", "only the default authenticator is carried over")
	}
	out := map[string]string{}
	for _, p := range all[at].Get("properties").List() {
		out[strings.ToLower(text(p, "key"))] = text(p, "value")
	}
	return name, out
}
