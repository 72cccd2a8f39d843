package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
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

// person is somebody with the usual claims.
func person(id, username string, groups ...string) idptest.Person {
	claims := map[string]any{
		"sub": id, "preferred_username": username, "email": username + "@contoso.test", "email_verified": true, "name": username,
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
	w := &world{data: t.TempDir(), providers: map[string]*idptest.Provider{}, logs: &logs{}}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.issuer = "http://" + ln.Addr().String()
	var text strings.Builder
	fmt.Fprintf(&text, "kind: Server\nissuer: %s\nlisten: %s\ndata: %s\n", w.issuer, ln.Addr(), w.data)
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
	go func() { done <- w.run(ctx, ln) }()
	t.Cleanup(func() {
		storetest.CheckInvariants(t, w.ledger)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// count is the number of rows of a table.
func (w *world) count(t *testing.T, table string) int {
	t.Helper()
	var n int
	if err := w.db.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func ok(p page) bool { return p.status == http.StatusSeeOther || p.status == http.StatusFound }
