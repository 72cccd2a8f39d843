package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/explain"
)

// AppConfig is what the sample application needs.
type AppConfig struct {
	URL          string // where it is, without a slash at the end
	Issuer       string // Usher's
	ClientID     string
	ClientSecret string
	Cast         []Persona
	// Explain tells the decision behind a correlation id. No real application
	// has it: it is how the demo shows why.
	Explain func(ctx context.Context, id string) (explain.Story, error)
	House   *Control // changes Usher's policy, which no real application may either
	Now     func() time.Time
}

// App is the sample application: an ordinary OpenID Connect client that keeps
// its sessions in memory and shows everything it was given.
type App struct {
	cfg      AppConfig
	http     *http.Client
	sessions *sessions
	mux      *http.ServeMux
	pages    *pages

	mu    sync.Mutex
	usher *relation // nil until Usher has answered once
}

// relation is what the application learns from Usher's discovery document.
type relation struct {
	provider   *oidc.Provider
	verifier   *oidc.IDTokenVerifier
	oauth      oauth2.Config
	endSession string
}

const (
	callTime   = 10 * time.Second // bounds every call to Usher
	changeTime = 20 * time.Second // and every change of its policy
)

// NewApp makes the application. It calls nobody before somebody signs in.
func NewApp(cfg AppConfig) *App {
	a := &App{
		cfg: cfg, http: &http.Client{Timeout: callTime},
		sessions: newSessions(cfg.Now), mux: http.NewServeMux(), pages: newPages(),
	}
	guard := http.NewCrossOriginProtection()
	a.mux.HandleFunc("GET /{$}", a.home)
	a.mux.HandleFunc("GET /login", a.login)
	a.mux.HandleFunc("GET /callback", a.callback)
	a.mux.HandleFunc("GET /options", a.options)
	for path, post := range map[string]http.HandlerFunc{"/logout": a.logout, "/options": a.choose, "/afresh": a.afresh} {
		a.mux.Handle("POST "+path, guard.Handler(post))
	}
	a.pages.mount(a.mux)
	return a
}

// ServeHTTP serves the application's pages.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	// A form may end at Usher and come back, and browsers hold that against form-action.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "+
		"form-action 'self' "+a.cfg.Issuer)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	a.mux.ServeHTTP(w, r)
}

// relate gives what discovery says, and asks for it again as long as it failed.
func (a *App) relate(ctx context.Context) (*relation, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.usher != nil {
		return a.usher, nil
	}
	provider, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), a.http), a.cfg.Issuer)
	if err != nil {
		return nil, err
	}
	var more struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, err
	}
	a.usher = &relation{
		provider: provider, endSession: more.EndSession,
		verifier: provider.Verifier(&oidc.Config{ClientID: a.cfg.ClientID, Now: a.cfg.Now, SupportedSigningAlgs: []string{oidc.ES256}}),
		oauth: oauth2.Config{
			ClientID: a.cfg.ClientID, ClientSecret: a.cfg.ClientSecret, Endpoint: provider.Endpoint(),
			RedirectURL: a.cfg.URL + "/callback", Scopes: []string{oidc.ScopeOpenID, "profile", "email", "phone", "groups"},
		},
	}
	return a.usher, nil
}

// home is the one page: signed out, or signed in with everything there is to see.
func (a *App) home(w http.ResponseWriter, r *http.Request) {
	s := a.sessions.of(r)
	if s == nil || s.person == nil {
		providers, err := inForce(a.cfg.House.Policy())
		if err != nil {
			a.fail(w, http.StatusInternalServerError, "The policy can't be shown.")
			return
		}
		a.pages.show(w, http.StatusOK, page{Cast: a.cfg.Cast, Policy: providers})
		return
	}
	a.pages.show(w, http.StatusOK, page{Person: s.person})
}

// login sends the browser to Usher. What an application may know of its people
// is handed on: where they sign in, their address, their languages.
func (a *App) login(w http.ResponseWriter, r *http.Request) {
	usherIs, err := a.relate(r.Context())
	if err != nil {
		a.fail(w, http.StatusServiceUnavailable, "Usher does not answer. Is it running?")
		return
	}
	l := pending{nonce: rand.Text(), verifier: oauth2.GenerateVerifier()}
	state := rand.Text()
	a.sessions.begin(w, r, state, l)
	options := []oauth2.AuthCodeOption{oidc.Nonce(l.nonce), oauth2.S256ChallengeOption(l.verifier)}
	for ours, theirs := range map[string]string{"idp": "idp_hint", "login_hint": "login_hint", "prompt": "prompt", "ui_locales": "ui_locales"} {
		if v := r.FormValue(ours); v != "" {
			options = append(options, oauth2.SetAuthURLParam(theirs, v))
		}
	}
	http.Redirect(w, r, usherIs.oauth.AuthCodeURL(state, options...), http.StatusSeeOther)
}

// callback is where Usher sends the browser back to.
func (a *App) callback(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	l, ours := a.sessions.end(r, q.Get("state"))
	switch {
	case !ours:
		if s := a.sessions.of(r); s != nil && s.person != nil { // reload, or back
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		a.fail(w, http.StatusBadRequest, "This sign-in is finished already, or was not started in this browser.")
	case q.Get("error") != "":
		a.denied(w, r)
	default:
		person, err := a.redeem(r.Context(), q, l)
		if err != nil {
			a.fail(w, http.StatusBadGateway, "The sign-in could not be completed: "+err.Error())
			return
		}
		a.sessions.signIn(w, r, person)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// redeem turns the code into tokens, checks them, and asks who that is.
func (a *App) redeem(ctx context.Context, q url.Values, l pending) (*person, error) {
	usherIs, err := a.relate(ctx)
	if err != nil {
		return nil, err
	}
	if q.Get("iss") != a.cfg.Issuer { // RFC 9207
		return nil, errors.New("the answer is not Usher's")
	}
	ctx = oidc.ClientContext(ctx, a.http)
	tokens, err := usherIs.oauth.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(l.verifier))
	if err != nil {
		return nil, err
	}
	raw, _ := tokens.Extra("id_token").(string)
	idToken, err := usherIs.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	if idToken.Nonce != l.nonce {
		return nil, errors.New("the ID token is not for this sign-in")
	}
	if err := idToken.VerifyAccessToken(tokens.AccessToken); err != nil {
		return nil, err
	}
	info, err := usherIs.provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return nil, err
	}
	if info.Subject != idToken.Subject { // OpenID Connect Core 5.3.4
		return nil, errors.New("userinfo speaks of somebody else")
	}
	return a.describe(ctx, raw, tokens.AccessToken, info)
}

// describe gathers what the page shows.
func (a *App) describe(ctx context.Context, idToken, accessToken string, info *oidc.UserInfo) (*person, error) {
	var about claims
	if err := info.Claims(&about); err != nil {
		return nil, err
	}
	id, err := decode(idToken)
	if err != nil {
		return nil, err
	}
	p := &person{Sub: info.Subject, Name: about.text("name"), ID: id, Account: about.rows(), raw: idToken}
	if access, err := decode(accessToken); err == nil { // an application need not be able to read it
		p.Access = &access
	}
	if p.Name == "" {
		p.Name = about.text("preferred_username")
	}
	p.Why = a.why(ctx, id.Claims.text("usher_decision"))
	return p, nil
}

// why is the story of a decision, nil if it can't be told.
func (a *App) why(ctx context.Context, decision string) *explain.Story {
	if decision == "" {
		return nil
	}
	story, err := a.cfg.Explain(ctx, decision)
	if err != nil {
		return nil // the page does without: it has the correlation id
	}
	return &story
}

// denied is the page for a sign-in that Usher refused. Usher sends the reason
// word and the correlation id in error_description.
func (a *App) denied(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	word, correlation, _ := strings.Cut(q.Get("error_description"), "; correlation id ")
	d := &denial{Code: q.Get("error"), Description: q.Get("error_description")}
	if said := usher.Reason(word).Said(); said.Do != "" && correlation != "" {
		d.Reason, d.Correlation, d.Text, d.Why = word, correlation, said.Person, a.why(r.Context(), correlation)
	}
	a.pages.show(w, http.StatusOK, page{Denial: d})
}

// logout forgets the person here and asks Usher to do the same (OpenID Connect
// RP-Initiated Logout).
func (a *App) logout(w http.ResponseWriter, r *http.Request) {
	s := a.sessions.of(r)
	a.sessions.drop(w, r)
	usherIs, err := a.relate(r.Context())
	if err != nil || s == nil || s.person == nil || usherIs.endSession == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	q := url.Values{"id_token_hint": {s.person.raw}, "post_logout_redirect_uri": {a.cfg.URL + "/"}, "client_id": {a.cfg.ClientID}}
	http.Redirect(w, r, usherIs.endSession+"?"+q.Encode(), http.StatusSeeOther)
}

func (a *App) fail(w http.ResponseWriter, status int, text string) {
	a.pages.show(w, status, page{Problem: text})
}
