package op_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/flow"
	"github.com/usher-id/usher/internal/key"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/op"
	"github.com/usher-id/usher/internal/session"
	"github.com/usher-id/usher/internal/token"
	"github.com/usher-id/usher/internal/web"
)

const (
	issuer   = "https://id.example.test"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636, appendix B
	secret   = "correct horse+battery/staple%"
)

const (
	ada = usher.UserID("0190a0b0-0000-7000-8000-00000000000a")
	bob = usher.UserID("0190a0b0-0000-7000-8000-00000000000b")
	eve = usher.UserID("0190a0b0-0000-7000-8000-00000000000e")
)

// world is an OpenID Provider with a real ledger and one browser. Whoever it
// sends to sign in is w.person, at once.
type world struct {
	*op.Provider
	db     *ledger.DB
	broken bool
	ledger *ledger.Ledger
	ring   *key.Ring
	tokens *token.Minter
	server http.Handler
	log    *strings.Builder

	mu        sync.Mutex
	at        time.Time
	apps      map[string]op.Application
	providers map[string]bool // whether they are on
	cookies   map[string]string
	decisions map[usher.UserID]string // that made the accounts
	person    *ledger.Session         // nil: refused with reason
	reason    usher.Reason
	started   []flow.Start
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{at: birth, log: &strings.Builder{}, cookies: map[string]string{}, decisions: map[usher.UserID]string{}}
	w.apps = maps.Clone(applications())
	w.providers = map[string]bool{"contoso": true, usher.LocalIdP: true}
	for _, a := range w.apps {
		if err := a.Validate(); err != nil {
			t.Fatal(a.ID, err)
		}
	}
	w.openLedger(t)
	log := slog.New(slog.NewTextHandler(&locked{to: w.log}, nil))
	kit, err := web.New(web.Config{Issuer: issuer, Log: log, Sealer: w.ring, Now: w.now, Pages: []fs.FS{op.Pages}})
	if err != nil {
		t.Fatal(err)
	}
	sessions := &session.Keeper{Ledger: w.ledger, Now: w.now, Allowed: w.enabled}
	w.tokens = &token.Minter{Issuer: issuer, Ring: w.ring, Ledger: w.ledger, Now: w.now}
	w.Provider = op.New(op.Config{
		Issuer: issuer, Kit: kit, Ledger: w.ledger, Ring: w.ring, Sessions: sessions, Tokens: w.tokens, Now: w.now, Log: log,
		Applications: func(tenant, id string) (op.Application, bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			a, ok := w.apps[id]
			return a, ok && tenant == a.Tenant
		},
		ProviderEnabled: w.enabled,
		Begin:           func(rw http.ResponseWriter, r *http.Request, s flow.Start) { w.begin(t, sessions, rw, r, s) },
	})
	mux := http.NewServeMux()
	w.Mount(mux)
	w.server = kit.Handler(mux)
	w.addAccount(t, ada, "ada",
		usher.Change{Op: usher.OpSetAttribute, Name: "department", Values: []string{"Engines"}},
		usher.Change{Op: usher.OpSetAttribute, Name: "displayName", Values: []string{"Ada Lovelace"}},
		usher.Change{Op: usher.OpSetAttribute, Name: "email", Values: []string{"ada@example.test"}, Verified: true},
		usher.Change{Op: usher.OpSetAttribute, Name: "givenName", Values: []string{"Ada"}},
		usher.Change{Op: usher.OpSetAttribute, Name: "phone", Values: []string{"+44 20 0000"}},
		usher.Change{Op: usher.OpJoinGroup, Name: "staff"},
		usher.Change{Op: usher.OpJoinGroup, Name: "platform"},
		usher.Change{Op: usher.OpGrant, Grant: usher.GrantRole, Name: "approver"},
	)
	w.addAccount(t, bob, "bob")
	w.as(ada)
	return w
}

// locked lets several requests log at once.
type locked struct {
	mu sync.Mutex
	to io.Writer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(b)
}

func applications() map[string]op.Application {
	hash := sha256.Sum256([]byte(secret))
	base := op.Application{
		Tenant: usher.DefaultTenant, Name: "Payroll", URL: "https://payroll.test/", Enabled: true, Auth: op.AuthBasic, SecretHash: hash,
		RedirectURIs:           []string{"https://payroll.test/cb", "https://payroll.test/other?a=b"},
		PostLogoutRedirectURIs: []string{"https://payroll.test/bye", "https://payroll.test/bye?x=y"},
		Scopes:                 []string{"openid", "profile", "email", "phone", "groups", "offline_access"},
	}
	out := map[string]op.Application{}
	add := func(id string, change func(*op.Application)) {
		a := base
		a.ID = id
		change(&a)
		out[id] = a
	}
	add("payroll", func(*op.Application) {})
	add("other", func(a *op.Application) { a.RedirectURIs = []string{"https://other.test/cb"} })
	add("post", func(a *op.Application) { a.Auth = op.AuthPost })
	add("rsa", func(a *op.Application) { a.Algorithm, a.Explain = key.RS256, true })
	add("pair", func(a *op.Application) { a.Subject = op.SubjectPairwise })
	add("modest", func(a *op.Application) { a.Scopes = []string{"openid", "email"} })
	add("default", func(a *op.Application) { a.Scopes = nil })
	add("api", func(a *op.Application) { a.RedirectURIs = []string{"https://api.test/cb"} })
	add("toapi", func(a *op.Application) { a.Audience = "api" })
	add("off", func(a *op.Application) { a.Enabled = false })
	add("spa", func(a *op.Application) { a.Auth, a.SecretHash = op.AuthNone, [32]byte{} })
	add("native", func(a *op.Application) {
		a.Auth, a.SecretHash = op.AuthNone, [32]byte{}
		a.RedirectURIs = []string{"http://127.0.0.1/cb", "http://[::1]:8080/cb", "com.example.app:/cb"}
	})
	return out
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// as says who the next one to sign in is.
func (w *world) as(user usher.UserID) {
	w.person = &ledger.Session{User: user, Store: usher.PrimaryStore, IdP: "contoso", Subject: "s-" + string(user), ACR: "urn:acr", AMR: []string{"pwd"}, Decision: w.decisions[user]}
}

// withoutAccount says that the next one to sign in passes through.
func (w *world) withoutAccount(t testing.TB, subject string, held ...usher.Held) {
	t.Helper()
	id := w.decided(t, subject, "payroll", usher.Decision{
		Verdict: usher.VerdictPassThrough, Reason: usher.ReasonPassJITOff, Changes: []usher.Change{{Op: usher.OpSeen, Name: "payroll"}},
	})
	w.person = &ledger.Session{IdP: "contoso", Subject: subject, Decision: id, Person: held}
}

// change changes what is configured.
func (w *world) change(id string, how func(*op.Application)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.apps[id]
	how(&a)
	w.apps[id] = a
}

// enabled reports whether a provider is in force.
func (w *world) enabled(tenant, idp string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return tenant == usher.DefaultTenant && w.providers[idp]
}

// provide switches a provider on or off; forget removes it.
func (w *world) provide(idp string, on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.providers[idp] = on
}

func (w *world) forget(idp string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.providers, idp)
}

// reused checks that the application gets its code without anybody being asked.
func (w *world) reused(t testing.TB, app string) {
	t.Helper()
	before := len(w.started)
	if q := w.do(get("/authorize", w.asking(app, "prompt", "none"))).to(t).Query(); q.Get("code") == "" {
		t.Errorf("%s: answered with %v", app, q)
	}
	if w.code(t, app); len(w.started) != before {
		t.Errorf("%s: the person was asked", app)
	}
}

// asksAgain checks that the session is not enough for the application: the person
// goes through the conversation, or it is told why nobody was asked.
func (w *world) asksAgain(t testing.TB, app, code string) {
	t.Helper()
	if q := w.do(get("/authorize", w.asking(app, "prompt", "none"))).to(t).Query(); q.Get("error") != code || q.Get("code") != "" {
		t.Errorf("%s: answered with %v", app, q)
	}
	before, cookies := len(w.started), maps.Clone(w.cookies)
	w.do(get("/authorize", w.asking(app)))
	if w.cookies = cookies; len(w.started) != before+1 {
		t.Errorf("%s: the person was not asked", app)
	}
}

// hashOf is the ledger's key of the session that a cookie holds.
func hashOf(t testing.TB, cookie string) [32]byte {
	t.Helper()
	id, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil || len(id) != 32 {
		t.Fatal(cookie, err)
	}
	return ledger.HashOf([32]byte(id))
}

// begin is a login conversation that is over as soon as it begins.
func (w *world) begin(t testing.TB, sessions *session.Keeper, rw http.ResponseWriter, r *http.Request, s flow.Start) {
	w.started = append(w.started, s)
	if w.person == nil {
		web.Redirect(rw, w.Refused(r.Context(), s.Request, w.reason, "r-1"))
		return
	}
	var value, location string
	err := w.ledger.Commit(r.Context(), func(tx *ledger.Tx) error {
		seen := &witness{tx: tx}
		p := *w.person
		p.AuthTime = usher.Instant(w.now().UnixMicro())
		var err error
		if value, err = sessions.Begin(r.Context(), seen, p); err != nil {
			return err
		}
		location, err = w.Settle(r.Context(), tx, s.Request, seen.session)
		return err
	})
	if err != nil {
		t.Logf("settle: %v", err)
		http.Error(rw, usher.Shown(err), http.StatusForbidden)
		return
	}
	sessions.SetCookie(rw, value)
	web.Redirect(rw, location)
}

type witness struct {
	tx      *ledger.Tx
	session ledger.Session
}

func (w *witness) BeginSession(ctx context.Context, s ledger.Session) error {
	w.session = s
	return w.tx.BeginSession(ctx, s)
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) json(t testing.TB) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(r.body), &out); err != nil {
		t.Fatalf("%d %q: %v", r.status, r.body, err)
	}
	return out
}

// error is the OAuth error of a JSON answer, "" if it is none.
func (r reply) error() string {
	var out struct{ Error string }
	_ = json.Unmarshal([]byte(r.body), &out)
	return out.Error
}

// to is where a redirect goes.
func (r reply) to(t testing.TB) *url.URL {
	t.Helper()
	u, err := url.Parse(r.header.Get("Location"))
	if err != nil || r.status != http.StatusSeeOther || u.Host == "" && u.Opaque == "" && u.Scheme == "" {
		t.Fatalf("no redirect: %d %v %s", r.status, r.header, r.body)
	}
	return u
}

// do sends a request; the browser's cookies go along and are kept.
func (w *world) do(r *http.Request) reply {
	for name, value := range w.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	out := w.send(r)
	for _, c := range (&http.Response{Header: out.header}).Cookies() {
		w.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(w.cookies, c.Name)
		}
	}
	return out
}

// send sends a request of a server, without cookies.
func (w *world) send(r *http.Request) reply {
	r.Host = "id.example.test"
	rec := httptest.NewRecorder()
	w.server.ServeHTTP(rec, r)
	return reply{rec.Code, rec.Header(), rec.Body.String()}
}

func get(path string, q url.Values) *http.Request {
	return httptest.NewRequest(http.MethodGet, path+"?"+q.Encode(), nil)
}

func post(path string, form url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// asking is a good authorization request of the application, with changes: pairs
// of name and value, where "" removes.
func (w *world) asking(app string, changes ...string) url.Values {
	q := url.Values{
		"client_id": {app}, "redirect_uri": {w.apps[app].RedirectURIs[0]}, "response_type": {"code"}, "scope": {"openid"},
		"state": {"st&te=1"}, "nonce": {"n-1"}, "code_challenge": {challenge()}, "code_challenge_method": {"S256"},
	}
	return with(q, changes...)
}

func with(q url.Values, changes ...string) url.Values {
	for i := 0; i < len(changes); i += 2 {
		if q.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			q.Del(changes[i])
		}
	}
	return q
}

// code signs in for the application and gives the code.
func (w *world) code(t testing.TB, app string, changes ...string) string {
	t.Helper()
	to := w.do(get("/authorize", w.asking(app, changes...))).to(t)
	code := to.Query().Get("code")
	if code == "" {
		t.Fatalf("no code: %s", to)
	}
	return code
}

// redeeming is a good token request for the code.
func (w *world) redeeming(app, code string, changes ...string) url.Values {
	return with(url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {w.apps[app].RedirectURIs[0]}, "code_verifier": {verifier},
	}, changes...)
}

func refreshing(token string, changes ...string) url.Values {
	return with(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}, changes...)
}

// client sends a form as the application, which proves who it is.
func (w *world) client(app, path string, form url.Values) reply {
	form = maps.Clone(form)
	a := w.apps[app]
	switch a.Auth {
	case op.AuthPost:
		with(form, "client_id", app, "client_secret", secret)
	case op.AuthNone:
		with(form, "client_id", app)
	}
	r := post(path, form)
	if a.Auth == op.AuthBasic {
		r.SetBasicAuth(url.QueryEscape(app), url.QueryEscape(secret))
	}
	return w.send(r)
}

type granted struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Scope   string
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
}

func (r reply) granted(t testing.TB) granted {
	t.Helper()
	var g granted
	if err := json.Unmarshal([]byte(r.body), &g); err != nil || r.status != http.StatusOK || g.Access == "" {
		t.Fatalf("no tokens: %d %s", r.status, r.body)
	}
	return g
}

// signIn goes all the way for the application.
func (w *world) signIn(t testing.TB, app string, changes ...string) granted {
	t.Helper()
	return w.client(app, "/token", w.redeeming(app, w.code(t, app, changes...))).granted(t)
}

func (w *world) userinfo(access string) reply {
	r := httptest.NewRequest(http.MethodGet, "/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+access)
	return w.send(r)
}

// claims reads a JWT of ours.
func claims(t testing.TB, jwt string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(jwt+"..", ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// refused checks that nothing is good any more of what was granted.
func (w *world) refused(t testing.TB, app string, g granted) {
	t.Helper()
	if r := w.userinfo(g.Access); r.status != http.StatusUnauthorized || !strings.Contains(r.header.Get("WWW-Authenticate"), "invalid_token") {
		t.Errorf("userinfo: %d %s", r.status, r.body)
	}
	if !w.apps[app].Enabled || w.apps[app].Auth == op.AuthNone {
		return
	}
	if r := w.client(app, "/introspect", url.Values{"token": {g.Access}}); r.body != `{"active":false}` {
		t.Errorf("introspection: %d %s", r.status, r.body)
	}
	if g.Refresh != "" {
		if r := w.client(app, "/token", refreshing(g.Refresh)); r.status != http.StatusBadRequest || r.error() != "invalid_grant" {
			t.Errorf("refresh: %d %s", r.status, r.body)
		}
	}
}
