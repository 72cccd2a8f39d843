package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idptest"
)

// ready asks a server whether it should be sent people.
func ready(s *server) int {
	w := httptest.NewRecorder()
	s.readyz(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	return w.Code
}

// A server is ready while it serves, and not once it stops or its database is gone.
func TestReadiness(t *testing.T) {
	w := newWorld(t, upstream{name: "contoso", policy: createPolicy})
	if got := ready(w.server); got != http.StatusNoContent {
		t.Errorf("serving: %d", got)
	}
	w.ready.Store(false)
	if got := ready(w.server); got != http.StatusServiceUnavailable {
		t.Errorf("stopping: %d", got)
	}
	w.ready.Store(true)
	w.stop()
	w.ready.Store(true)
	if got := ready(w.server); got != http.StatusServiceUnavailable {
		t.Errorf("without its database: %d", got)
	}
}

// A sign-in that waits for its provider when the server is told to stop is
// finished before it ends.
func TestF036_StoppingFinishesWhatIsUnderWay(t *testing.T) {
	w := newWorld(t, upstream{name: "contoso", policy: createPolicy, people: []idptest.Person{person("s-1", "ann", "eng")}})
	asked, goOn := make(chan struct{}), make(chan struct{})
	w.providers["contoso"].Misbehave(idptest.Tamper{Before: func(endpoint string, _ *http.Request) {
		if endpoint == idptest.Token {
			close(asked)
			<-goOn
		}
	}})
	done := make(chan page, 1)
	b := newBrowser()
	b.header.Set(personHeader, "s-1")
	to, _ := w.authorize(url.Values{"idp_hint": {"contoso"}})
	go func() {
		p, err := b.follow(context.WithoutCancel(t.Context()), to)
		if err != nil {
			p.body = err.Error()
		}
		done <- p
	}()
	<-asked
	stopped := make(chan struct{})
	go func() { w.stop(); close(stopped) }()
	for w.ready.Load() { // until the server knows that it is to stop
		transport.CloseIdleConnections()
	}
	close(goOn)
	if p := <-done; !strings.HasPrefix(p.location, appCallback+"?code=") {
		t.Errorf("status %d, sent to %s\n%s", p.status, p.location, p.body)
	}
	<-stopped
}

// Asking for a story where there is no Usher says so and leaves nothing behind.
func TestExplainInTheWrongFolder(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	_, err := explainID(t.Context(), defaultConfig, "r-x")
	if usher.KindOf(err) != usher.Invalid || !strings.Contains(usher.Shown(err), "--config") {
		t.Errorf("got %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// What an operator gets wrong at start is told with the file and what to do.
func TestStartSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	missing := write("missing.yaml", "kind: Server\ndata: nowhere\n")
	broken := write("broken.yaml", "kind: Server\ndata: .\n")
	write(databaseFile, strings.Repeat("not a database ", 100))
	for file, want := range map[string]string{missing: "nowhere", broken: databaseFile} {
		cfg, err := load(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = openVault(t.Context(), cfg, nil, nil)
		if said := complaint(err); err == nil || !strings.Contains(said, want) || !strings.Contains(said, "backup") {
			t.Errorf("%s: said %q", file, said)
		}
	}
}
