package op

import (
	"encoding/json"
	"net/http"
)

// metadata is the discovery document (OpenID Connect Discovery, section 3; RFC
// 8414). It states what is supported and nothing else. Nothing in it changes
// while the process runs.
func (p *Provider) metadata() []byte {
	at := func(path string) string { return p.cfg.Issuer + path }
	confidential := []string{"client_secret_basic", "client_secret_post"}
	every := append([]string{}, append(confidential, "none")...)
	b, err := json.Marshal(map[string]any{
		"issuer":                                         p.cfg.Issuer,
		"authorization_endpoint":                         at(pathAuthorize),
		"token_endpoint":                                 at(pathToken),
		"userinfo_endpoint":                              at(pathUserinfo),
		"jwks_uri":                                       at(pathJWKS),
		"introspection_endpoint":                         at(pathIntrospect),
		"revocation_endpoint":                            at(pathRevoke),
		"end_session_endpoint":                           at(pathLogout),
		"scopes_supported":                               allScopes(),
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"subject_types_supported":                        []string{SubjectPublic, SubjectPairwise},
		"id_token_signing_alg_values_supported":          p.cfg.Ring.Algorithms(),
		"token_endpoint_auth_methods_supported":          every,
		"introspection_endpoint_auth_methods_supported":  confidential,
		"revocation_endpoint_auth_methods_supported":     every,
		"code_challenge_methods_supported":               []string{"S256"},
		"prompt_values_supported":                        []string{"none", "login", "consent", "select_account"},
		"claim_types_supported":                          []string{"normal"},
		"claims_supported":                               claimNames(),
		"ui_locales_supported":                           p.cfg.Kit.Languages(),
		"claims_parameter_supported":                     false,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"require_request_uri_registration":               false,
		"authorization_response_iss_parameter_supported": true,
	})
	if err != nil {
		panic("op: " + err.Error()) // strings and booleans
	}
	return b
}

func (p *Provider) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	servePublic(w, p.discovery)
}

func (p *Provider) serveJWKS(w http.ResponseWriter, _ *http.Request) {
	servePublic(w, p.cfg.Ring.JWKS())
}

// servePublic answers with what everybody may read, from any page, and keep for
// a while: far less long than a new key is published before it signs.
func servePublic(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "public, max-age=900")
	h.Set("Access-Control-Allow-Origin", "*")
	_, _ = w.Write(body) // the reader is gone
}
