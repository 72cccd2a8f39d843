package oidc

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp"
	"github.com/usher-id/usher/internal/idptest"
	"github.com/usher-id/usher/internal/outbound"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	clientID    = "usher"
	secret      = "s3cret/+: é"
	redirectURI = "https://usher.test/idp/contoso/callback"
)

// clock is a clock that stands until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// world is one provider and one connector to it.
type world struct {
	*clock
	provider  *idptest.Provider
	server    *httptest.Server
	connector *Connector
	client    *http.Client
	ask       idp.Ask
}

// setup changes a world before it stands.
type setup struct {
	provider  func(*idptest.Config)
	connector func(*Config)
}

func newWorld(t testing.TB, s setup) *world {
	t.Helper()
	w := &world{clock: newClock()}
	p := idptest.Config{
		Name: "Contoso", ClientID: clientID, ClientSecret: secret, RedirectURIs: []string{redirectURI}, Now: w.now,
		People: []idptest.Person{{ID: "ada", Name: "Ada Byron", Claims: idptest.Always(map[string]any{
			"email": "ada@contoso.test", "email_verified": true, "groups": []string{"eng-leads", "eng-platform"},
		})}},
	}
	if s.provider != nil {
		s.provider(&p)
	}
	w.provider = idptest.New(p)
	w.server = httptest.NewServer(w.provider)
	w.client = outbound.New(outbound.Options{AllowPrivate: true, AllowHTTP: true})
	t.Cleanup(func() {
		w.client.CloseIdleConnections()
		http.DefaultClient.CloseIdleConnections()
		w.server.Close()
	})
	w.connector = w.connect(s.connector)
	w.ask = idp.Ask{RedirectURI: redirectURI, State: "st&te"}
	return w
}

// connect makes another connector to the same provider.
func (w *world) connect(change func(*Config)) *Connector {
	c := Config{
		Tenant: usher.DefaultTenant, Name: "contoso", Issuer: w.server.URL,
		ClientID: clientID, ClientSecret: secret, AllowHTTP: true, Now: w.now,
	}
	if change != nil {
		change(&c)
	}
	return New(c, w.client)
}

// begin sends a person to the provider and brings back what it said.
func (w *world) begin(t testing.TB) idp.Arrival {
	t.Helper()
	departure, err := w.connector.Begin(context.Background(), w.ask)
	if err != nil {
		t.Fatal(err)
	}
	back, err := w.provider.SignIn(context.Background(), http.DefaultClient, departure.URL, "ada")
	if err != nil {
		t.Fatal(err)
	}
	return idp.Arrival{
		RedirectURI: w.ask.RedirectURI, Params: back.Query(), Keep: departure.Keep, MaxAge: w.ask.MaxAge, Now: w.now(),
	}
}

// signIn is a whole sign-in.
func (w *world) signIn(t testing.TB) usher.Assertion {
	t.Helper()
	return w.connector.Finish(context.Background(), w.begin(t))
}

// accepted checks that an assertion has no fault.
func accepted(t testing.TB, a usher.Assertion) {
	t.Helper()
	if a.Fault != (usher.Fault{}) {
		t.Errorf("refused: %s (%s)", a.Fault.Reason, a.Fault.Detail)
	}
}

// refused checks that an assertion has that fault and says nothing about anyone.
func refused(t testing.TB, a usher.Assertion, want usher.Reason) {
	t.Helper()
	switch {
	case a.Fault.Reason != want:
		t.Errorf("fault %q (%s), want %q", a.Fault.Reason, a.Fault.Detail, want)
	case a.Fault.Detail == "":
		t.Errorf("fault %q without a detail", want)
	case a.Claims.Kind() != usher.Absent, a.Issuer != "", a.AuthTime != 0, a.ACR != "", a.AMR != nil:
		t.Errorf("a refused assertion with content: %+v", a)
	case a.Subject.Kind() != usher.Absent && want != usher.ReasonSubjectNotText:
		t.Errorf("a refused assertion with a subject")
	}
}

func param(t testing.TB, address, name string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get(name)
}
