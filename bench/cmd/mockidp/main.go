// Command mockidp is the outside identity provider of the load tests. It keeps
// no state: the authorization code and the access token carry what the later
// steps need, so that one process costs next to nothing and knows any number of
// people. It approves everybody at once and must never face a network.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/usher-id/usher/bench/internal/jws"
)

const lifetime = 10 * time.Minute // of the tokens; a code lives a tenth of it

// provider is the whole of the mock.
type provider struct {
	issuer string
	groups []string
	signer *jws.Signer
}

// grant is what an authorization code says.
type grant struct {
	Subject   string
	Nonce     string
	Client    string
	Challenge string
	Expires   int64
}

func main() {
	addr := flag.String("addr", "127.0.0.2:9000", "listen address; another host than the broker's, so that cookies stay apart")
	groups := flag.Int("groups", 5, "groups in the claims: group-0, group-1, ...")
	flag.Parse()
	signer, err := jws.NewSigner("mock-1")
	if err != nil {
		log.Fatal(err)
	}
	p := &provider{issuer: "http://" + *addr, signer: signer}
	for i := range *groups {
		p.groups = append(p.groups, fmt.Sprintf("group-%d", i))
	}
	server := &http.Server{Addr: *addr, Handler: p.handler(), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func (p *provider) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /jwks", p.jwks)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	return mux
}

func (p *provider) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"issuer":                 p.issuer,
		"authorization_endpoint": p.issuer + "/authorize",
		"token_endpoint":         p.issuer + "/token",
		"userinfo_endpoint":      p.issuer + "/userinfo",
		"jwks_uri":               p.issuer + "/jwks",

		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
		"scopes_supported":                      []string{"openid", "profile", "email", "groups"},
		"id_token_signing_alg_values_supported": []string{"ES256"},
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
	})
}

func (p *provider) jwks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	_, _ = w.Write(p.signer.JWKS())
}

// authorize signs the person in whom the header X-Mock-Sub names, as a browser
// that is signed in already would be.
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	subject := r.Header.Get("X-Mock-Sub")
	if err != nil || back.Host == "" || subject == "" {
		http.Error(w, "redirect_uri and X-Mock-Sub are needed", http.StatusBadRequest)
		return
	}
	code, err := json.Marshal(grant{
		Subject: subject, Nonce: q.Get("nonce"), Client: q.Get("client_id"), Challenge: q.Get("code_challenge"),
		Expires: time.Now().Add(lifetime / 10).Unix(),
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	out := back.Query()
	out.Set("code", jws.B64.EncodeToString(code))
	out.Set("state", q.Get("state"))
	back.RawQuery = out.Encode()
	w.Header().Set("Location", back.String())
	w.WriteHeader(http.StatusFound)
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	client, ok := clientOf(r)
	var g grant
	code, err := jws.B64.DecodeString(r.PostFormValue("code"))
	if !ok || err != nil || json.Unmarshal(code, &g) != nil || !g.fits(client, r.PostFormValue("code_verifier")) {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	now := time.Now()
	claims := p.claims(g.Subject)
	claims["iss"], claims["aud"], claims["nonce"] = p.issuer, client, g.Nonce
	claims["iat"], claims["auth_time"], claims["exp"] = now.Unix(), now.Unix(), now.Add(lifetime).Unix()
	idToken, err := p.signer.Sign(claims)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"access_token": jws.B64.EncodeToString([]byte(g.Subject)), "token_type": "Bearer",
		"expires_in": int(lifetime.Seconds()), "id_token": idToken,
	})
}

// clientOf is the client that authenticated, by whatever secret.
func clientOf(r *http.Request) (string, bool) {
	id, _, basic := r.BasicAuth()
	if !basic {
		id = r.PostFormValue("client_id")
	}
	id, err := url.QueryUnescape(id)
	return id, err == nil && id != ""
}

// fits reports whether the grant is alive, for this client and this verifier.
func (g grant) fits(client, verifier string) bool {
	if g.Client != client || time.Now().Unix() > g.Expires {
		return false
	}
	digest := sha256.Sum256([]byte(verifier))
	return g.Challenge == "" || g.Challenge == jws.B64.EncodeToString(digest[:])
}

func (p *provider) userinfo(w http.ResponseWriter, r *http.Request) {
	subject, err := jws.B64.DecodeString(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	answer(w, http.StatusOK, p.claims(string(subject)))
}

func (p *provider) claims(subject string) map[string]any {
	return map[string]any{
		"sub": subject, "preferred_username": subject, "email": subject + "@example.test", "email_verified": true,
		"name": "Person " + subject, "given_name": "Person", "family_name": subject,
		"department": "load", "groups": p.groups,
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
