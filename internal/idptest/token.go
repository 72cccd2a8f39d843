package idptest

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// lifetime of tokens, in seconds.
const lifetime = 300

// token is the token endpoint (RFC 6749, section 3.2).
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_request"})
		return
	}
	client, ok := p.authenticate(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", "Basic")
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	form := r.PostForm
	if form.Get("grant_type") != "authorization_code" {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type"})
		return
	}
	p.mu.Lock()
	g, ok := p.codes.take(form.Get("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	if !ok || g.client != client || g.redirectURI != form.Get("redirect_uri") ||
		g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	access := rand.Text()
	p.mu.Lock()
	p.access.put(access, g)
	p.mu.Unlock()
	id, err := p.idToken(p.issuer(r), g, access)
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, map[string]any{"error": "server_error"})
		return
	}
	body := map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": lifetime, "scope": g.scope, "id_token": id,
	}
	if change := p.misbehaviour().TokenBody; change != nil {
		change(body)
	}
	writeJSON(w, http.StatusOK, body)
}

// authenticate is the client that calls: by client_secret_basic,
// client_secret_post or, without a secret, by its name alone.
func (p *Provider) authenticate(r *http.Request) (client string, ok bool) {
	client, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, password, basic := r.BasicAuth(); basic {
		var err1, err2 error
		client, err1 = url.QueryUnescape(user)
		secret, err2 = url.QueryUnescape(password)
		if err1 != nil || err2 != nil || r.PostForm.Has("client_secret") {
			return "", false
		}
	}
	if p.cfg.ClientID != "" && client != p.cfg.ClientID {
		return "", false
	}
	return client, client != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(p.cfg.ClientSecret)) == 1
}

func (p *Provider) idToken(issuer string, g grant, access string) (string, error) {
	now := p.cfg.Now().Unix()
	keys := p.signers()
	key := keys[len(keys)-1]
	claims := map[string]any{}
	if !p.cfg.Lean {
		maps.Copy(claims, g.claims)
	}
	maps.Copy(claims, map[string]any{
		"iss": issuer, "sub": g.subject, "aud": g.client, "iat": now, "exp": now + lifetime, "auth_time": g.at,
		"at_hash": key.hash(access),
	})
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	header := map[string]any{"alg": key.alg, "kid": key.id, "typ": "JWT"}
	tamper := p.misbehaviour()
	if tamper.Claims != nil {
		tamper.Claims(claims)
	}
	if tamper.Header != nil {
		tamper.Header(header)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	if tamper.Payload != nil {
		payload = tamper.Payload(payload)
	}
	sign := key.sign
	if tamper.Sign != nil {
		sign = func(input []byte) ([]byte, error) { return tamper.Sign(input), nil }
	}
	token, err := compact(header, payload, sign)
	if err == nil && tamper.IDToken != nil {
		token = tamper.IDToken(token)
	}
	return token, err
}

// userinfo is the userinfo endpoint (OpenID Connect Core 1.0, section 5.3).
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.mu.Lock()
	g, known := p.access.entries[token]
	p.mu.Unlock()
	if !ok || !known || p.cfg.Now().Unix() > g.at+lifetime {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	claims := maps.Clone(g.claims)
	claims["sub"] = g.subject
	if change := p.misbehaviour().Userinfo; change != nil {
		change(claims)
	}
	writeJSON(w, http.StatusOK, claims)
}
