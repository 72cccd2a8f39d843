package config

// refusedKeys are keys, in lower case, that people bring from elsewhere or hope
// for, with the reason why they are not here. docs/security.md says more.
var refusedKeys = map[string]string{
	"domains": "say discover for whose people are sent here, admit.emailDomains for who may come in, vouchesFor for whose addresses it can prove",

	"skip_verify":        certificates,
	"skipverify":         certificates,
	"insecureskipverify": certificates,
	"insecure":           certificates,
	"tlsskipverify":      certificates,

	"associatelocaluser":             sameName,
	"associating_to_existing_user":   sameName,
	"associatingtoexistinguser":      sameName,
	"accountlookupattributemappings": "say jit.link.rules: [{ match: email, when: confirm }]",
	"trustemail":                     "say under mapping.verified when an address is verified",
	"allow_idp_login":                stillDisabled,
	"allowidplogin":                  stillDisabled,
	"skipjitforlookupfailure":        "say jit.link.noMatch: passThrough or deny",
	"isenabled":                      "say jit.enabled",
	"userstore":                      "say jit.store",
	"provisioninguserstore":          "say jit.store",
	"attributesyncmethod":            "say jit.sync.attributes: override, none or preserveLocal",
	"idpgroupsyncmethod":             "say jit.sync.groups: own, merge or none",
	"useridclaimuri":                 "say mapping.username",
	"roleclaimuri":                   "say mapping.groups",
	"removedomainfromusername":       "a username is kept whole, never cut at @ or /; remove it",
	"tenant":                         "there is one tenant in this version; remove it",
	"password":                       "no password of a person stands in the configuration; remove it",
	"client_id":                      "say clientId",
	"client_secret":                  "say clientSecret",
	"redirect_uris":                  "say redirectUris",
	"token_endpoint_auth_method":     "say clientAuth: basic, post or none",
	"id_token_signed_response_alg":   "say algorithm: ES256 or RS256",
	"subject_type":                   "say subjectType: public or pairwise",
	"jwks":                           "the keys of a provider are found by its discovery document; remove it",
	"authorizationendpoint":          "the endpoints of a provider are found by its discovery document; remove it",
	"tokenendpoint":                  "the endpoints of a provider are found by its discovery document; remove it",
}

const (
	certificates  = "certificates are always checked; add the provider's authority to the system's"
	sameName      = "a person is never linked to an account because it has the same name; remove it"
	stillDisabled = "a sign-in never passes a disabled or locked account; remove it"
)
