package flow_test

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"net/http"
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
)

const issuer = "https://id.example.test"

// world is a flow on a real ledger, with providers, a path and an application
// that do as they are told.
type world struct {
	t           *testing.T
	mu          sync.Mutex
	now         time.Time
	file        string
	db          *ledger.DB
	ring        *key.Ring
	ledger      *ledger.Ledger
	handler     http.Handler
	flow        *flow.Flow
	kit         *web.Kit
	providers   []flow.Provider
	path        *path
	asker       *asker
	log         *syncBuffer
	start       flow.Start // what /authorize begins
	local       bool       // people may sign in with a password
	mails       bool
	hides       bool
	purposes    map[string]flow.PurposeText
	demands     store.Policy // of PRIMARY
	credentials *credential.Keeper
	house       *house   // whose path decides; nil for one that does as it is told
	secrets     []string // must be in no log line
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
	w.credentials = credential.New(credential.Config{
		Ledger: w.ledger, Hasher: password.New(password.Config{Memory: 64, Passes: 1}), Default: usher.PrimaryStore,
		Stores: func(string) []string { return []string{usher.PrimaryStore} },
		Policy: func(name string) (store.Policy, bool) { _, p, ok := w.store(name); return p, ok }, Now: w.clock,
	})
	var way flow.Path = w.path
	if w.house != nil {
		way = w.house.open()
	}
	w.flow = flow.New(flow.Config{
		Kit: w.kit, Path: way, Ledger: w.ledger, Sessions: &session.Keeper{Ledger: w.ledger, Now: w.clock},
		Asker: w.asker, Sealer: w.ring, Signer: w.ring, Providers: func(string) []flow.Provider { return w.providers },
		Local: func(string) bool { return w.local }, Mails: func(string) bool { return w.mails }, HideStates: func() bool { return w.hides },
		Stores:      func(name string) (store.Policy, bool) { _, p, ok := w.store(name); return p, ok },
		Purposes:    func(_, name string) (flow.PurposeText, bool) { p, ok := w.purposes[name]; return p, ok },
		Credentials: w.credentials,
		Log:         log, Now: w.clock,
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
	if len(request) == 0 {
		return "" // nobody asked for anything
	}
	return "https://app.test/cb?" + url.Values{"error": {"access_denied"}, "reason": {string(reason)}, "of": {correlation}, "request": {string(request)}}.Encode()
}

func (a *asker) settled() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.requests)
}
