package wso2

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher"
)

// Words of the block provisioning.jit.
const (
	asInUsername   = "As in username"
	overrideAll    = "OVERRIDE_ALL"
	preserveLocal  = "PRESERVE_LOCAL"
	keepNone       = "NONE"
	mergeExisting  = "MERGE_WITH_EXISTING"
	schemeSilently = "PROVISION_SILENTLY"
)

// schemes are the ways of asking, by WSO2's word.
var schemes = map[string]usher.Way{
	schemeSilently:                     usher.WaySilent,
	"PROMPT_CONSENT":                   usher.WayConsent,
	"PROMPT_PASSWORD_CONSENT":          usher.WayPasswordConsent,
	"PROMPT_USERNAME_PASSWORD_CONSENT": usher.WayUsername,
}

// syncs are the modes of attributes, by WSO2's word.
var syncs = map[string]usher.SyncMode{
	overrideAll: usher.SyncOverride, preserveLocal: usher.SyncPreserveLocal, keepNone: usher.SyncNone,
}

// groupSyncs are the modes of groups, by WSO2's word.
var groupSyncs = map[string]usher.GroupSync{overrideAll: usher.GroupsOwn, mergeExisting: usher.GroupsMerge}

// wordFor is the word that stands for a meaning.
func wordFor[M comparable](words map[string]M, meaning M) (string, bool) {
	for word, m := range words {
		if m == meaning {
			return word, true
		}
	}
	return "", false
}

// dialect is where WSO2's own claims live.
const dialect = "http://wso2.org/claims/"

// local are the claims of WSO2's dialect that are attributes with another name
// here, with the OpenID claim that means the same.
var local = []struct{ uri, attribute, claim string }{
	{dialect + "emailaddress", usher.AttributeEmail, "email"},
	{dialect + "givenname", "givenName", "given_name"},
	{dialect + "lastname", "familyName", "family_name"},
	{dialect + "displayName", "displayName", "name"},
	{dialect + "fullname", "displayName", "name"},
	{dialect + "middleName", "middleName", "middle_name"},
	{dialect + "nickname", "nickname", "nickname"},
	{dialect + "mobile", "phone", "phone_number"},
	{dialect + "photourl", "picture", "picture"},
	{dialect + "local", "locale", "locale"},
	{dialect + "timeZone", "zoneinfo", "zoneinfo"},
}

// Claims of WSO2's dialect that are no attributes here.
var (
	usernameClaims = []string{dialect + "username", dialect + "userid"}
	groupClaims    = []string{dialect + "groups", dialect + "roles", dialect + "role"}
	emailVerified  = dialect + "identity/emailVerified"
)

// attributeOf is the attribute that a claim of WSO2's dialect is here: the one
// that means the same, or its last part.
func attributeOf(uri string) string {
	for _, l := range local {
		if l.uri == uri {
			return l.attribute
		}
	}
	return uri[strings.LastIndexAny(uri, "/:#")+1:]
}

// uriOf is the claim of WSO2's dialect that an attribute is there.
func uriOf(attribute string) string {
	for _, l := range local {
		if l.attribute == attribute {
			return l.uri
		}
	}
	return dialect + attribute
}

// standardClaim is the OpenID claim that means what a claim of the dialect does.
func standardClaim(uri string) (string, bool) {
	for _, l := range local {
		if l.uri == uri {
			return l.claim, true
		}
	}
	return "", false
}

var (
	word     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	selected = regexp.MustCompile(`^claims\.\??([A-Za-z_][A-Za-z0-9_]*)$`)
	indexed  = regexp.MustCompile(`^claims\[\??("(?:[^"\\]|\\.)*")\]$`)
)

// celWords can't stand after a dot in CEL.
var celWords = []string{"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while"}

// reading is the expression that reads a claim which may be absent.
func reading(claim string) string {
	if word.MatchString(claim) && !slices.Contains(celWords, claim) {
		return "claims.?" + claim
	}
	return "claims[?" + strconv.QuoteToASCII(claim) + "]"
}

// claimRead is the claim that an expression reads, if it does nothing else.
func claimRead(expression string) (string, bool) {
	if m := selected.FindStringSubmatch(expression); m != nil {
		return m[1], true
	}
	if m := indexed.FindStringSubmatch(expression); m != nil {
		claim, err := strconv.Unquote(m[1])
		return claim, err == nil
	}
	return "", false
}
