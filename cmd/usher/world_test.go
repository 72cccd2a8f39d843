package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/decide"
	"github.com/usher-id/usher/internal/idptest"
	"github.com/usher-id/usher/internal/storetest"
)

const personHeader = idptest.PersonHeader

// world is a whole Usher with its providers, on real sockets of this machine.
type world struct {
	*server
	issuer    string
	data      string
	providers map[string]*idptest.Provider
	logs      *logs
	stop      func() // stops the server after a last look at what it leaves
}

// logs keeps what was logged, so that a test can look for what must not be there.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// upstream is one provider of a world.
type upstream struct {
	name   string
	policy string // the jit block and whatever else the document needs, indented by nothing
	people []idptest.Person
}

// person is somebody with the usual claims, and an address of their own.
func person(id, username string, groups ...string) idptest.Person {
	claims := map[string]any{
		"sub": id, "preferred_username": username, "email": fmt.Sprintf("%x@contoso.test", id), "email_verified": true, "name": username,
	}
	if groups != nil {
		claims["groups"] = groups
	}
	return idptest.Person{ID: id, Name: username, Claims: idptest.Always(claims)}
}

const mapping = `
mapping:
  username: claims.preferred_username
  attributes: { email: claims.?email, displayName: claims.?name }
  groups: claims.?groups
  verified: { email: "claims.?email_verified.orValue(false) == true" }
`

// newWorld starts a world. It is checked for broken invariants when the test ends.
func newWorld(t *testing.T, upstreams ...upstream) *world {
	t.Helper()
	return newWorldWith(t, "", "", upstreams...)
}

// newWorldWith is newWorld with more keys in the Server document, and more documents.
func newWorldWith(t *testing.T, keys, documents string, upstreams ...upstream) *world {
	t.Helper()
	w := &world{data: t.TempDir(), providers: map[string]*idptest.Provider{}, logs: &logs{}}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.issuer = "http://" + ln.Addr().String()
	var text strings.Builder
	fmt.Fprintf(&text, "kind: Server\nissuer: %s\nlisten: %s\ndata: %s\n%s", w.issuer, ln.Addr(), w.data, keys)
	fmt.Fprintf(&text, "---\nkind: Application\nid: app\nname: Shop\nclientAuth: none\nredirectUris: [%q]\nexplain: true\n", appCallback)
	for _, u := range upstreams {
		p := idptest.New(idptest.Config{Name: u.name, ClientID: "usher", ClientSecret: "s3cret-of-" + u.name, People: u.people})
		srv := httptest.NewServer(p)
		t.Cleanup(srv.Close)
		w.providers[u.name] = p
		fmt.Fprintf(&text, "---\nkind: IdentityProvider\nname: %s\ndisplayName: %s\nprotocol: oidc\n"+
			"oidc: { issuer: %q, clientId: usher, clientSecret: s3cret-of-%s, allowPrivateNetwork: true, allowHTTP: true }\n%s",
			u.name, u.name, srv.URL, u.name, strings.TrimSpace(u.policy)+"\n")
	}
	text.WriteString(documents)
	file := filepath.Join(w.data, "usher.yaml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	w.serve(t, file, ln)
	return w
}

// serve starts the server on ln and stops it when the test ends.
func (w *world) serve(t *testing.T, file string, ln net.Listener) {
	t.Helper()
	cfg, err := config.Load(file, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(w.logs, nil))
	if w.server, err = start(t.Context(), cfg, log, time.Now); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func(s *server) { done <- s.run(ctx, ln) }(w.server)
	w.stop = sync.OnceFunc(func() {
		storetest.CheckInvariants(t, w.ledger)
		w.checkRecords(t)
		w.checkLogs(t)
		transport.CloseIdleConnections()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(w.stop)
}

// restart stops the server and starts it again at the same address with the
// configuration changed.
func (w *world) restart(t *testing.T, change func(config string) string) {
	t.Helper()
	w.stop()
	file := filepath.Join(w.data, "usher.yaml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(change(string(b))), 0o600); err != nil {
		t.Fatal(err)
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", strings.TrimPrefix(w.issuer, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	w.serve(t, file, ln)
}

// rows runs a query of one column beside the server.
func rows[T any](t *testing.T, w *world, query string, args ...any) []T {
	t.Helper()
	db := rawDB(t, "file:"+filepath.Join(w.data, databaseFile)+"?mode=ro")
	defer func() { _ = db.Close() }()
	found, err := db.QueryContext(context.WithoutCancel(t.Context()), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = found.Close() }()
	var out []T
	for found.Next() {
		var v T
		if err := found.Scan(&v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// rawDB opens a database past the ledger.
func rawDB(t *testing.T, name string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// count is the number of rows of a table.
func (w *world) count(t *testing.T, table string) int {
	t.Helper()
	return rows[int](t, w, "SELECT count(*) FROM "+table)[0]
}

// checkRecords decides every record of the world again: the same bytes must come out.
func (w *world) checkRecords(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for _, id := range rows[string](t, w, "SELECT id FROM decision") {
		rec, err := w.ledger.Explain(ctx, id)
		if err != nil {
			t.Errorf("the record %s can't be read: %v", id, err)
			continue
		}
		again := decide.Decide(rec.Policy, rec.Identity, rec.Snapshot, rec.Answers)
		if diff := cmp.Diff(text(t, rec.Decision), text(t, again)); diff != "" {
			t.Errorf("the record %s decided again (-then +now):\n%s", id, diff)
		}
	}
}

func text(t *testing.T, d usher.Decision) string {
	t.Helper()
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// checkLogs looks for what a log must never hold: tokens, secrets, addresses,
// names and the parameters of a sign-in.
func (w *world) checkLogs(t *testing.T) {
	t.Helper()
	log := w.logs.String()
	for _, secret := range []string{"s3cret-of-", "@contoso.test", "eyJ", "code=", "state=", "code_verifier", "Bearer ", "usher-session"} {
		if i := strings.Index(log, secret); i >= 0 {
			t.Errorf("the log holds %q: ...%s", secret, log[max(0, i-80):min(len(log), i+80)])
		}
	}
}
