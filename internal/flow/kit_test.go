package flow_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/credential"
	"github.com/usher-id/usher/internal/flow"
	"github.com/usher-id/usher/internal/idp"
	"github.com/usher-id/usher/internal/key"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/password"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/session"
	"github.com/usher-id/usher/internal/store"
	sqlstore "github.com/usher-id/usher/internal/store/sql"
	"github.com/usher-id/usher/internal/web"
	"github.com/usher-id/usher/internal/web/webtest"
)

const issuer = "https://id.example.test"

// world is a flow on a real ledger, with providers, a path and an application
// that do as they are told.
type world struct {
	t         *testing.T
	mu        sync.Mutex
	now       time.Time
	file      string
	db        *ledger.DB
	ring      *key.Ring
	ledger    *ledger.Ledger
	handler   http.Handler
	flow      *flow.Flow
	kit       *web.Kit
	providers []flow.Provider
	path      *path
	asker     *asker
	log       *syncBuffer
	start     flow.Start // what /authorize begins
	local     bool       // people may sign in with a password
	mails     bool
	hides     bool
	purposes  map[string]flow.PurposeText
	demands   store.Policy // of PRIMARY
	house     *house       // whose path decides; nil for one that does as it is told
	secrets   []string     // must be in no log line
}

// newWorld has the named providers; a name like "contoso:contoso.test" also
// gives it a domain to discover.
func newWorld(t *testing.T, names ...string) *world {
	t.Helper()
	w := &world{t: t, now: time.Unix(1_800_000_000, 0), asker: &asker{}, log: &syncBuffer{}}
	w.start = flow.Start{
		Tenant: usher.DefaultTenant, Application: "payroll", ApplicationName: "Payroll",
		ApplicationURL: "https://app.test/", Request: []byte("the request"),
	}
	w.provide(names...)
	var err error
	w.file = filepath.Join(t.TempDir(), "usher.db")
	if w.db, err = ledger.Open(t.Context(), w.file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
		w.readLog()
	})
	w.restart()
	return w
}

// provide makes the named providers those in force.
func (w *world) provide(names ...string) {
	w.providers = nil
	for _, name := range names {
		name, domain, _ := strings.Cut(name, ":")
		p := flow.Provider{Name: name, DisplayName: strings.ToUpper(name[:1]) + name[1:] + " staff", Enabled: true, Connector: &connector{world: w, name: name}}
		if domain != "" {
			p.Discover = []string{domain}
		}
		w.providers = append(w.providers, p)
	}
}

// restart makes everything anew but the database.
func (w *world) restart() {
	w.t.Helper()
	var err error
	w.ring, err = key.Open(w.t.Context(), key.Config{Master: key.Master{7}, Keeper: w.db, Now: w.clock, Algorithms: []string{key.ES256}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.ledger = ledger.New(w.db, ledger.Config{Stores: w.store, Sealer: w.ring, Now: w.clock})
	log := slog.New(slog.NewJSONHandler(w.log, nil))
	if w.kit, err = web.New(web.Config{Issuer: issuer, Log: log, Sealer: w.ring, Now: w.clock, Pages: []fs.FS{flow.Pages}}); err != nil {
		w.t.Fatal(err)
	}
	old := w.path
	w.path = &path{world: w, ledger: w.ledger}
	if old != nil {
		w.path.deny = old.deny
	}
	var way flow.Path = w.path
	if w.house != nil {
		way = w.house.open()
	}
	w.flow = flow.New(flow.Config{
		Kit: w.kit, Path: way, Ledger: w.ledger, Sessions: &session.Keeper{Ledger: w.ledger, Now: w.clock},
		Asker: w.asker, Sealer: w.ring, Signer: w.ring, Providers: func(string) []flow.Provider { return w.providers },
		Local: func(string) bool { return w.local }, Mails: func(string) bool { return w.mails }, HideStates: func() bool { return w.hides },
		Stores:   func(name string) (store.Policy, bool) { _, p, ok := w.store(name); return p, ok },
		Purposes: func(_, name string) (flow.PurposeText, bool) { p, ok := w.purposes[name]; return p, ok },
		Credentials: credential.New(credential.Config{
			Ledger: w.ledger, Hasher: password.New(password.Config{}), Default: usher.PrimaryStore,
			Stores: func(string) []string { return []string{usher.PrimaryStore} },
			Policy: func(name string) (store.Policy, bool) { _, p, ok := w.store(name); return p, ok }, Now: w.clock,
		}),
		Log: log, Now: w.clock,
	})
	mux := http.NewServeMux()
	w.kit.Mount(mux)
	w.flow.Mount(mux)
	mux.HandleFunc("GET /authorize", func(out http.ResponseWriter, r *http.Request) { w.flow.Begin(out, r, w.start) })
	w.handler = w.kit.Handler(mux)
}

func (w *world) store(name string) (ledger.StoreMaker, store.Policy, bool) {
	return sqlstore.Tables{Store: name}, w.demands, name == usher.PrimaryStore
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) secret(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(s) >= 8 {
		w.secrets = append(w.secrets, s)
	}
}

func (w *world) connector(name string) *connector {
	for _, p := range w.providers {
		if p.Name == name {
			return p.Connector.(*connector)
		}
	}
	w.t.Fatal("no provider", name)
	return nil
}

// readLog looks for secrets in what was logged.
func (w *world) readLog() {
	text := w.log.String()
	for _, s := range w.secrets {
		if strings.Contains(text, s) {
			w.t.Errorf("%q is in the log", s)
		}
	}
}

// syncBuffer is a log that several requests may write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// connector is a provider that believes whoever the code names.
type connector struct {
	world    *world
	name     string
	mu       sync.Mutex
	asks     []idp.Ask
	arrivals []idp.Arrival
	fail     error // of Begin
	keep     int   // bytes to keep instead of the usual
	begun    func()
	finished func()
}

func (c *connector) Begin(_ context.Context, ask idp.Ask) (idp.Departure, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begun != nil {
		c.begun()
	}
	if c.fail != nil {
		return idp.Departure{}, c.fail
	}
	c.asks = append(c.asks, ask)
	q := url.Values{"state": {ask.State}, "redirect_uri": {ask.RedirectURI}, "response_type": {"code"}}
	keep := []byte("verifier-" + c.name + "-" + ask.State)
	if c.keep > 0 {
		keep = make([]byte, c.keep)
	}
	c.world.secret(ask.State)
	c.world.secret(ask.LoginHint)
	return idp.Departure{URL: "https://" + c.name + ".test/auth?" + q.Encode(), Keep: keep}, nil
}

func (c *connector) Finish(_ context.Context, a idp.Arrival) usher.Assertion {
	c.mu.Lock()
	c.arrivals = append(c.arrivals, a)
	c.mu.Unlock()
	if c.finished != nil {
		c.finished()
	}
	out := usher.Assertion{Tenant: usher.DefaultTenant, IdP: c.name, Issuer: "https://" + c.name + ".test"}
	switch {
	case a.Params.Has("error"):
		out.Fault = usher.Fault{Reason: usher.ReasonUpstreamError}
	case string(a.Keep) != "verifier-"+c.name+"-"+a.Params.Get("state"), a.RedirectURI != issuer+"/idp/"+c.name+"/callback":
		out.Fault = usher.Fault{Reason: usher.ReasonNonce}
	default:
		out.Subject = usher.StringValue(strings.TrimPrefix(a.Params.Get("code"), "code-of-"))
		out.ACR, out.AMR = "urn:acr", []string{"pwd"}
	}
	return out
}

func (c *connector) finishes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.arrivals)
}

// path lets in whoever has no fault, without an account, unless told otherwise.
type path struct {
	world  *world
	ledger *ledger.Ledger
	deny   usher.Reason
	fail   error
	again  bool // the ground moves once
}

func (p *path) SignIn(ctx context.Context, req provision.Request, also provision.Also) (usher.Record, error) {
	if p.fail != nil {
		return usher.Record{}, p.fail
	}
	a := req.Assertion
	rec := usher.Record{ID: req.Correlation, Attempt: 1, Identity: usher.Identity{
		Tenant: a.Tenant, IdP: a.IdP, Issuer: a.Issuer, Subject: a.Subject, AuthTime: a.AuthTime, ACR: a.ACR, AMR: a.AMR,
		Attributes: []usher.Attribute{
			{Name: "email", Verified: true, Derived: usher.Derived{Presence: usher.PresenceSet, Values: []string{"p@contoso.test"}, Rule: "mapping.attributes.email"}},
			{Name: "phone", Derived: usher.Derived{Presence: usher.PresenceEmpty}},
		},
	}}
	rec.Policy.Version = "v1"
	rec.Snapshot.At = usher.Instant(p.world.clock().UnixMicro())
	rec.Decision = usher.Decision{Verdict: usher.VerdictPassThrough, Reason: usher.ReasonPassJITOff}
	if reason := max(a.Fault.Reason, p.deny); reason != "" {
		rec.Decision = usher.Decision{Reason: reason}
	}
	if err := p.ledger.SavePolicy(ctx, rec.Policy); err != nil {
		return usher.Record{}, err
	}
	if p.again {
		_ = p.ledger.Commit(ctx, func(tx *ledger.Tx) error {
			if err := also(ctx, tx, rec); err != nil {
				return err
			}
			return usher.Fail(usher.Conflict, "test.Moved", "", nil)
		})
	}
	return rec, p.ledger.Commit(ctx, func(tx *ledger.Tx) error {
		if err := tx.Apply(ctx, ledger.Act{Application: req.Application, Record: rec}); err != nil {
			return err
		}
		return also(ctx, tx, rec)
	})
}

func (p *path) Prove(context.Context, provision.Request, provision.Also) (usher.Record, error) {
	return usher.Record{}, usher.Fail(usher.Internal, "test.Prove", "", nil)
}

func (p *path) SetPassword(context.Context, string, usher.AccountRef, string, bool, func(context.Context, *ledger.Tx) error) error {
	return usher.Fail(usher.Internal, "test.SetPassword", "", nil)
}

// asker is the application's side.
type asker struct {
	mu       sync.Mutex
	requests []string
	sessions []ledger.Session
	fail     error
	panics   bool
}

func (a *asker) Settle(_ context.Context, _ *ledger.Tx, request []byte, s ledger.Session) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.panics {
		panic("settle")
	}
	a.requests = append(a.requests, string(request))
	a.sessions = append(a.sessions, s)
	return "https://app.test/cb?code=1&request=" + url.QueryEscape(string(request)), a.fail
}

func (a *asker) Refused(_ context.Context, request []byte, reason usher.Reason, correlation string) string {
	return "https://app.test/cb?" + url.Values{"error": {"access_denied"}, "reason": {string(reason)}, "of": {correlation}, "request": {string(request)}}.Encode()
}

func (a *asker) settled() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.requests)
}

// browser keeps cookies and reads pages.
type browser struct {
	*world
	cookies map[string]string
	site    string            // Sec-Fetch-Site of its forms
	headers map[string]string // that something on the way adds
}

func (w *world) browser() *browser {
	return &browser{world: w, cookies: map[string]string{}, site: "same-origin"}
}

// answer is what the browser got.
type answer struct {
	status   int
	header   http.Header
	body     string
	location string
	cookies  []*http.Cookie
}

func (b *browser) get(target string) answer { return b.do("GET", target, nil) }

func (b *browser) do(method, target string, form url.Values) answer {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, issuer, nil)
	if form != nil {
		r = httptest.NewRequestWithContext(b.t.Context(), method, issuer, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", b.site)
	}
	for name, value := range b.headers {
		r.Header.Set(name, value)
	}
	u, err := url.Parse(issuer + target)
	if err != nil {
		b.t.Fatal(err)
	}
	r.URL, r.RequestURI = u, target
	for _, name := range slices.Sorted(maps.Keys(b.cookies)) {
		r.AddCookie(&http.Cookie{Name: name, Value: b.cookies[name]})
		b.secret(b.cookies[name])
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	res := w.Result()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	a := answer{res.StatusCode, res.Header, string(body), res.Header.Get("Location"), res.Cookies()}
	for _, c := range a.cookies {
		if !strings.HasPrefix(c.Name, "__Host-usher-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.SameSite != http.SameSiteLaxMode || c.Domain != "" {
			b.t.Errorf("a cookie that is not bound to us: %v", c)
		}
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	b.read(method, a)
	return a
}

// read checks what every answer has to be.
func (b *browser) read(method string, a answer) {
	b.t.Helper()
	faults := webtest.HeaderFaults(a.header)
	if a.location == "" && method != "HEAD" {
		faults = append(faults, webtest.Faults(a.body)...)
	}
	for _, fault := range faults {
		b.t.Errorf("%s in %s", fault, a.body)
	}
}

// says checks that an answer is the refusal page for reason.
func (b *browser) says(a answer, status int, reason usher.Reason) {
	b.t.Helper()
	if a.status != status || !strings.Contains(a.body, ">"+string(reason)+"</code>") {
		b.t.Errorf("got %d %s, want %d %s", a.status, a.body, status, reason)
	}
}

// leave begins a sign-in and follows it to the provider: the state it carries.
func (b *browser) leave() string {
	b.t.Helper()
	return b.state(b.get("/authorize"))
}

// state is that of the provider's address in a redirect.
func (b *browser) state(a answer) string {
	b.t.Helper()
	u, err := url.Parse(a.location)
	if err != nil || u.Query().Get("state") == "" {
		b.t.Fatalf("not on the way to a provider: %d %q %s", a.status, a.location, a.body)
	}
	return u.Query().Get("state")
}

// choice begins a sign-in that ends at the chooser: its id and the page.
func (b *browser) choice() (string, answer) {
	b.t.Helper()
	a := b.get("/authorize")
	login, ok := strings.CutPrefix(a.location, "/login?login=")
	if !ok || a.status != http.StatusSeeOther {
		b.t.Fatalf("not on the way to the chooser: %d %q %s", a.status, a.location, a.body)
	}
	b.secret(login)
	return login, b.get(a.location)
}

// back is the address a provider sends the person to.
func back(provider, state, who string) string {
	return "/idp/" + provider + "/callback?" + url.Values{"state": {state}, "code": {"code-of-" + who}}.Encode()
}

// live reports whether the browser has a live session.
func (b *browser) live() bool {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), "GET", issuer, nil)
	if v, ok := b.cookies[session.CookieName]; ok {
		r.AddCookie(&http.Cookie{Name: session.CookieName, Value: v})
	}
	_, ok, err := (&session.Keeper{Ledger: b.ledger, Now: b.clock}).From(r)
	if err != nil {
		b.t.Fatal(err)
	}
	return ok
}

// nothing checks that nobody was let in and no provider was asked.
func (b *browser) nothing() {
	b.t.Helper()
	if n := len(b.asker.settled()); n != 0 || b.live() {
		b.t.Errorf("let in: %d times, session %v", n, b.live())
	}
	for _, p := range b.providers {
		if n := p.Connector.(*connector).finishes(); n != 0 {
			b.t.Errorf("%s was asked %d times", p.Name, n)
		}
	}
}

func (b *browser) loginCookies() []string {
	var out []string
	for name := range b.cookies {
		if strings.HasPrefix(name, "__Host-usher-login-") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (a answer) String() string { return fmt.Sprintf("%d %q %s", a.status, a.location, a.body) }
