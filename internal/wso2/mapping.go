package wso2

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp/oidc"
	"github.com/usher-id/usher/internal/rule"
)

// request writes what is asked of the provider.
func (i *importer) request(scopes, query string) yaml.MapSlice {
	var out yaml.MapSlice
	params, err := url.ParseQuery(query)
	if err != nil {
		i.add("", "commonAuthQueryParams", "not carried over: it is no query")
	}
	words := strings.FieldsFunc(scopes+" "+params.Get("scope"), func(c rune) bool { return c == ' ' || c == ',' || c == '+' })
	slices.Sort(words)
	if words = slices.Compact(words); len(words) > 0 {
		if !slices.Contains(words, "openid") {
			words = append([]string{"openid"}, words...)
		}
		out = append(out, yaml.MapItem{Key: "scopes", Value: words})
	}
	more := yaml.MapSlice{}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		switch {
		case name == "scope":
		case oidc.Reserved(name), strings.ContainsAny(params.Get(name), "${}"):
			i.add("", "commonAuthQueryParams", "not carried over: "+name+", which is set for each sign-in")
		default:
			more = append(more, yaml.MapItem{Key: name, Value: params.Get(name)})
		}
	}
	if len(more) > 0 {
		out = append(out, yaml.MapItem{Key: "authParams", Value: more})
	}
	return out
}

// mappings reads which claim becomes which attribute.
func (i *importer) mappings() {
	rows := i.in.Get("claims").Get("mappings").List()
	if len(rows) == 0 {
		i.standard = true
		i.add("P027", "claims.mappings", "none: the standard claims map themselves (mapping.standard: true)")
	}
	for _, row := range rows {
		claim, uri := text(row, "idpClaim"), text(row, "localClaim", "uri")
		name := attributeOf(uri)
		why := rule.Misnamed(name)
		switch {
		case claim == "" || uri == "":
		case slices.Contains(usernameClaims, uri), slices.Contains(groupClaims, uri):
			// they say what userIdClaim and roleClaim mean
		case uri == emailVerified:
			i.verified = claim
		case strings.HasPrefix(uri, dialect+"identity/"), why != "":
			i.add("P079", "claims.mappings", "not carried over: "+claim+" to "+uri+", which is a fact that no provider decides here, or no name for an attribute")
		case i.claimOf(name) != "":
			i.add("P028", "claims.mappings", "not carried over: "+claim+" to "+uri+", for "+i.claimOf(name)+" is mapped to the same attribute")
		default:
			i.attributes = append(i.attributes, attribute{name, claim})
		}
	}
}

// claimOf is the claim that an attribute is mapped from.
func (i *importer) claimOf(name string) string {
	for _, a := range i.attributes {
		if a.name == name {
			return a.claim
		}
	}
	if c, ok := standardClaim(uriOf(name)); ok && i.standard {
		return c
	}
	return ""
}

// mapsClaim is the attribute that a claim becomes.
func (i *importer) mapsClaim(claim string) string {
	for _, a := range i.attributes {
		if a.claim == claim {
			return a.name
		}
	}
	for _, l := range local {
		if i.standard && l.claim == claim {
			return l.attribute
		}
	}
	return ""
}

// claim finds the claim that WSO2 names by its own claim, by the provider's, or
// by one of the dialect that it would map itself.
func (i *importer) claim(uri string) (string, bool) {
	for _, row := range i.in.Get("claims").Get("mappings").List() {
		if text(row, "localClaim", "uri") == uri && text(row, "idpClaim") != "" {
			return text(row, "idpClaim"), true
		}
	}
	if c, ok := standardClaim(uri); ok {
		return c, true
	}
	return uri, uri != "" && !strings.HasPrefix(uri, dialect)
}

// username is the expression of mapping.username, "" for the subject.
func (i *importer) username() string {
	uri := text(i.in, "claims", "userIdClaim", "uri")
	if c, ok := i.claim(uri); ok {
		return reading(c)
	}
	if uri != "" {
		i.add("P023", "claims.userIdClaim", uri+" is mapped from no claim, so the provider's subject is the username")
	}
	return ""
}

// groups is the expression of mapping.groups, "" if nothing says which claim
// holds them.
func (i *importer) groups() string {
	for _, uri := range append([]string{text(i.in, "claims", "roleClaim", "uri")}, groupClaims...) {
		c, ok := i.claim(uri)
		switch {
		case ok && uri != "":
			return reading(c)
		case uri == dialect+"groups" && len(i.in.Get("roles").Get("mappings").List()) > 0:
			i.add("P038", "claims.roleClaim", "missing, but roles are mapped: the claim groups is read")
			return reading("groups")
		}
	}
	return ""
}

// mapping writes the mapping block.
func (i *importer) mapping() yaml.MapSlice {
	var out yaml.MapSlice
	if i.standard {
		out = append(out, yaml.MapItem{Key: "standard", Value: true})
	}
	username := i.username()
	if username == "" && i.asInUsername() {
		username = "subject"
	}
	if username != "" {
		out = append(out, yaml.MapItem{Key: "username", Value: username})
	}
	var attributes yaml.MapSlice
	for _, a := range i.attributes {
		attributes = append(attributes, yaml.MapItem{Key: a.name, Value: reading(a.claim)})
	}
	if len(attributes) > 0 {
		out = append(out, yaml.MapItem{Key: "attributes", Value: attributes})
	}
	if groups := i.groups(); groups != "" {
		out = append(out, yaml.MapItem{Key: "groups", Value: groups})
	}
	if v := i.emailVerified(); v != "" {
		out = append(out, yaml.MapItem{Key: "verified", Value: yaml.MapSlice{{Key: usher.AttributeEmail, Value: v}}})
	}
	return out
}

// emailVerified is the expression of mapping.verified.email, "" if no address is
// mapped or the standard claims say it.
func (i *importer) emailVerified() string {
	if i.standard || i.claimOf(usher.AttributeEmail) == "" {
		return ""
	}
	return reading(cmp.Or(i.verified, "email_verified")) + ".orValue(false) == true"
}
