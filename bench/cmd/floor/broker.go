package main

import (
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/usher-id/usher/bench/internal/jws"
)

const (
	stateLifetime = 5 * time.Minute
	codeLifetime  = time.Minute
	tokenLifetime = 10 * time.Minute
	cookieName    = "s"
)

// broker is the whole of the floor.
type broker struct {
	issuer   string
	upstream string
	app      application
	client   *http.Client
	keys     jws.Keys // the upstream provider's
	signer   *jws.Signer
	aead     cipher.AEAD
	people   *people
	used     sync.Map // code id -> when it expires, Unix seconds
}

// application is the one relying party.
type application struct {
	id       string
	secret   []byte
	redirect string
}

// pending is what the browser keeps for us while it is at the provider.
type pending struct {
	State, Nonce, Challenge                   string // the application's
	UpstreamState, UpstreamNonce, UpstreamKey string // ours
	Expires                                   int64
}

// code is what our authorization code says.
type code struct {
	ID, Nonce, Challenge string
	User                 int64
	Name, Email          string
	Groups               []string
	Expires              int64
}

// assertion is what the upstream provider says of the person.
type assertion struct {
	Iss, Sub, Aud, Nonce string
	Exp                  int64
	Email, Name          string
	Username             string `json:"preferred_username"`
	Groups               []string
}

func (b *broker) handler() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", b.discovery)
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(b.signer.JWKS()) })
	mux.HandleFunc("GET /authorize", b.authorize)
	mux.HandleFunc("GET /callback", b.callback)
	mux.HandleFunc("POST /token", b.token)
	return mux
}

func (b *broker) discovery(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(map[string]string{
		"issuer": b.issuer, "authorization_endpoint": b.issuer + "/authorize",
		"token_endpoint": b.issuer + "/token", "jwks_uri": b.issuer + "/jwks",
	})
}

func (b *broker) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != b.app.id || q.Get("redirect_uri") != b.app.redirect || q.Get("response_type") != "code" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	p := pending{
		State: q.Get("state"), Nonce: q.Get("nonce"), Challenge: q.Get("code_challenge"),
		UpstreamState: random(), UpstreamNonce: random(), UpstreamKey: random() + random(),
		Expires: time.Now().Add(stateLifetime).Unix(),
	}
	h := w.Header()
	h.Set("Set-Cookie", cookieName+"="+b.seal(&p)+"; Path=/callback; HttpOnly; SameSite=Lax")
	h.Set("Location", b.upstream+"/authorize?response_type=code&client_id=floor&scope=openid+profile+email+groups"+
		"&redirect_uri="+url.QueryEscape(b.issuer+"/callback")+"&state="+p.UpstreamState+"&nonce="+p.UpstreamNonce+
		"&code_challenge_method=S256&code_challenge="+challenge(p.UpstreamKey))
	w.WriteHeader(http.StatusFound)
}

func (b *broker) callback(w http.ResponseWriter, r *http.Request) {
	var p pending
	q := r.URL.Query()
	cookie, err := r.Cookie(cookieName)
	if err != nil || b.open(cookie.Value, &p) != nil || p.UpstreamState != q.Get("state") || p.Expires < time.Now().Unix() {
		http.Error(w, "bad state", http.StatusBadRequest)
		return
	}
	a, err := b.redeem(r, q.Get("code"), p)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	user, err := b.people.login(a)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	c := b.seal(&code{
		ID: random(), Nonce: p.Nonce, Challenge: p.Challenge, User: user, Name: a.Name, Email: a.Email, Groups: a.Groups,
		Expires: time.Now().Add(codeLifetime).Unix(),
	})
	h := w.Header()
	h.Set("Set-Cookie", cookieName+"=; Path=/callback; Max-Age=0")
	h.Set("Location", b.app.redirect+"?code="+c+"&state="+url.QueryEscape(p.State))
	w.WriteHeader(http.StatusFound)
}

// redeem turns the provider's code into what it asserts, verified.
func (b *broker) redeem(r *http.Request, code string, p pending) (assertion, error) {
	form := "grant_type=authorization_code&code=" + url.QueryEscape(code) +
		"&redirect_uri=" + url.QueryEscape(b.issuer+"/callback") + "&code_verifier=" + p.UpstreamKey
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, b.upstream+"/token", strings.NewReader(form))
	if err != nil {
		return assertion{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("floor", "secret")
	res, err := b.client.Do(req) //nolint:gosec // the address is a flag
	if err != nil {
		return assertion{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return assertion{}, err
	}
	var tokens struct {
		ID string `json:"id_token"`
	}
	if err := json.Unmarshal(body, &tokens); err != nil {
		return assertion{}, err
	}
	payload, err := b.keys.Verify(tokens.ID)
	if err != nil {
		return assertion{}, err
	}
	var a assertion
	if err := json.Unmarshal(payload, &a); err != nil {
		return assertion{}, err
	}
	if a.Nonce != p.UpstreamNonce || a.Aud != "floor" || a.Iss != b.upstream || a.Exp < time.Now().Unix() {
		return assertion{}, errors.New("the ID token is not for us")
	}
	return a, nil
}

func (b *broker) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	var c code
	switch now := time.Now().Unix(); {
	case id != b.app.id || subtle.ConstantTimeCompare([]byte(secret), b.app.secret) != 1,
		b.open(r.PostFormValue("code"), &c) != nil || c.Expires < now,
		r.PostFormValue("redirect_uri") != b.app.redirect,
		challenge(r.PostFormValue("code_verifier")) != c.Challenge:
		http.Error(w, "invalid_grant", http.StatusBadRequest)
		return
	}
	if _, again := b.used.LoadOrStore(c.ID, c.Expires); again {
		http.Error(w, "invalid_grant", http.StatusBadRequest)
		return
	}
	now, sub := time.Now(), strconv.FormatInt(c.User, 10)
	idToken, err := b.signer.Sign(map[string]any{
		"iss": b.issuer, "sub": sub, "aud": b.app.id, "nonce": c.Nonce, "iat": now.Unix(), "exp": now.Add(tokenLifetime).Unix(),
		"name": c.Name, "email": c.Email, "groups": c.Groups,
	})
	accessToken, err2 := b.signer.Sign(map[string]any{
		"iss": b.issuer, "sub": sub, "aud": "api", "client_id": b.app.id, "jti": random(), "scope": "openid",
		"iat": now.Unix(), "exp": now.Add(tokenLifetime).Unix(),
	})
	if err := errors.Join(err, err2); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": accessToken, "id_token": idToken, "token_type": "Bearer", "expires_in": int(tokenLifetime.Seconds()),
	})
}

// forget drops used codes that have expired, for ever.
func (b *broker) forget() {
	for range time.Tick(codeLifetime) {
		now := time.Now().Unix()
		b.used.Range(func(id, expires any) bool {
			if expires.(int64) < now {
				b.used.Delete(id)
			}
			return true
		})
	}
}

func challenge(verifier string) string {
	digest := sha256.Sum256([]byte(verifier))
	return jws.B64.EncodeToString(digest[:])
}

func (b *broker) seal(v any) string {
	plain, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("floor: %T can't be sealed: %v", v, err)) // only our own types come here
	}
	nonce := randomBytes(b.aead.NonceSize())
	return jws.B64.EncodeToString(b.aead.Seal(nonce, nonce, plain, nil))
}

func (b *broker) open(sealed string, into any) error {
	raw, err := jws.B64.DecodeString(sealed)
	n := b.aead.NonceSize()
	if err != nil || len(raw) < n {
		return errors.New("not sealed by us")
	}
	plain, err := b.aead.Open(nil, raw[:n], raw[n:], nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, into)
}
