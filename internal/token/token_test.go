package token_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/key"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/token"
)

const issuer = "https://id.example.test"

// shelf is a ledger that holds keys, families and aliases and nothing else.
type shelf struct {
	mu       sync.Mutex
	keys     []key.Stored
	families map[string]ledger.Family
	aliases  map[string][2]string // application/user -> idp, subject
	fail     error
}

func (s *shelf) Keys(context.Context) ([]key.Stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys), nil
}

func (s *shelf) AddKey(_ context.Context, k key.Stored) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, k)
	return nil
}

func (s *shelf) DropKey(context.Context, string) error { return nil }

func (s *shelf) Family(_ context.Context, tenant, id string) (ledger.Family, error) {
	f, ok := s.families[id]
	switch {
	case s.fail != nil:
		return ledger.Family{}, s.fail
	case !ok || f.Tenant != tenant:
		return ledger.Family{}, usher.Fail(usher.NotFound, "shelf.Family", "", nil)
	}
	return f, nil
}

func (s *shelf) Alias(_ context.Context, tenant, application string, user usher.UserID) (string, string, bool, error) {
	a, ok := s.aliases[usher.Label(tenant, application, string(user))]
	return a[0], a[1], ok, s.fail
}

type world struct {
	*token.Minter
	shelf *shelf
	ring  *key.Ring
	at    time.Time
}

var birth = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// keys are made once for all worlds, because RSA keys take their time.
var keys = sync.OnceValues(func() ([]key.Stored, error) {
	s := &shelf{}
	_, err := key.Open(context.Background(), key.Config{Master: key.Master{1}, Keeper: s, Now: func() time.Time { return birth }})
	return s.keys, err
})

func newWorld(t testing.TB) *world {
	t.Helper()
	made, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{at: birth}
	w.shelf = &shelf{keys: slices.Clone(made), families: map[string]ledger.Family{}, aliases: map[string][2]string{}}
	now := func() time.Time { return w.at }
	w.ring, err = key.Open(t.Context(), key.Config{Master: key.Master{1}, Keeper: w.shelf, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	w.Minter = &token.Minter{Issuer: issuer, Ring: w.ring, Ledger: w.shelf, Now: now}
	return w
}

var (
	app = token.Client{Tenant: usher.DefaultTenant, ID: "payroll"}
	who = ledger.Session{Tenant: usher.DefaultTenant, IdP: "contoso", Subject: "s-1", User: "0190a0b0-0000-7000-8000-000000000001"}
)

func (w *world) family(t testing.TB, offline bool) ledger.Family {
	t.Helper()
	_, code := w.NewCode(ledger.Code{
		Tenant: usher.DefaultTenant, Application: app.ID, Session: [32]byte{7}, Sub: "sub-1", User: who.User, Scope: "openid email",
		AuthTime: usher.Instant(w.at.UnixMicro()) - 5*usher.Second, ACR: "urn:acr", AMR: []string{"pwd", "otp"}, Decision: "d-1",
	})
	f := w.NewFamily(code, offline)
	w.shelf.families[f.ID] = f
	return f
}

// read gives the header and claims of a JWT without checking it.
func read(t testing.TB, jwt string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	for i, into := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

func TestTokensSayWhatTheStandardsAsk(t *testing.T) {
	w := newWorld(t)
	f := w.family(t, false)
	access, life, err := w.Access(app, f, "openid")
	if err != nil || life != 600 {
		t.Fatal(life, err)
	}
	header, claims := read(t, access)
	now := float64(w.at.Unix())
	if header["typ"] != "at+jwt" || header["alg"] != "ES256" || header["kid"] == nil {
		t.Errorf("header %v", header)
	}
	want := map[string]any{
		"iss": issuer, "sub": "sub-1", "aud": issuer, "client_id": "payroll", "exp": now + 600, "iat": now,
		"jti": f.ID + ".0", "scope": "openid", "auth_time": now - 5, "acr": "urn:acr",
	}
	if d := cmp.Diff(want, claims); d != "" {
		t.Error(d)
	}

	explaining := app
	explaining.Explain, explaining.Algorithm = true, key.RS256
	id, err := w.ID(explaining, f, "n-1", access)
	if err != nil {
		t.Fatal(err)
	}
	header, claims = read(t, id)
	if header["typ"] != "JWT" || header["alg"] != "RS256" {
		t.Errorf("header %v", header)
	}
	want = map[string]any{
		"iss": issuer, "sub": "sub-1", "aud": "payroll", "exp": now + 600, "iat": now, "auth_time": now - 5, "nonce": "n-1",
		"acr": "urn:acr", "amr": []any{"pwd", "otp"}, "at_hash": claims["at_hash"], "sid": w.SID(app, f.Session), "usher_decision": "d-1",
	}
	if d := cmp.Diff(want, claims); d != "" {
		t.Error(d)
	}
}

// The example of OpenID Connect Core, appendix A.3.
func TestAtHash(t *testing.T) {
	w := newWorld(t)
	id, err := w.ID(app, w.family(t, false), "", "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y")
	if err != nil {
		t.Fatal(err)
	}
	if _, claims := read(t, id); claims["at_hash"] != "77QmUPtjPfzWtF2AnpK9RQ" {
		t.Errorf("at_hash %v", claims["at_hash"])
	}
}

func TestSIDNamesASessionToOneApplication(t *testing.T) {
	w := newWorld(t)
	other := token.Client{Tenant: app.Tenant, ID: "other"}
	a := w.SID(app, [32]byte{1})
	if a != w.SID(app, [32]byte{1}) {
		t.Error("a session has two names")
	}
	if a == w.SID(app, [32]byte{2}) || a == w.SID(other, [32]byte{1}) {
		t.Error("a name is used twice")
	}
}

func TestA090_KindsOfTokenAreApart(t *testing.T) {
	w := newWorld(t)
	f := w.family(t, true)
	access, _, err1 := w.Access(app, f, f.Scope)
	id, err2 := w.ID(app, f, "", access)
	refresh, err3 := w.Refresh(f.Tenant, f.ID, 0)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	// Signed by us, of the right type, and still not one of ours.
	foreign, err := w.ring.Sign(key.ES256, "JWT", []byte(`{"iss":"https://evil.test","aud":"payroll","sub":"x","sid":"y"}`))
	if err != nil {
		t.Fatal(err)
	}
	logout, err := w.ring.Sign(key.ES256, "logout+jwt", []byte(`{"iss":"`+issuer+`","aud":"payroll","sub":"sub-1","sid":"y"}`))
	if err != nil {
		t.Fatal(err)
	}
	for what, raw := range map[string]string{"access": access, "refresh": refresh, "foreign": foreign, "logout": logout, "nothing": "", "dots": strings.Repeat(".", 1<<20)} {
		if _, err := w.ReadHint(raw); usher.KindOf(err) != usher.Invalid {
			t.Errorf("%s token as id_token_hint: %v", what, err)
		}
	}
	for what, raw := range map[string]string{"id": id, "refresh": refresh, "foreign": foreign, "logout": logout, "nothing": ""} {
		if _, _, err := w.VerifyAccess(t.Context(), f.Tenant, raw); usher.KindOf(err) != usher.Invalid {
			t.Errorf("%s token as access token: %v", what, err)
		}
	}
	for what, raw := range map[string]string{"id": id, "access": access, "nothing": ""} {
		if _, _, err := w.ReadRefresh(f.Tenant, raw); usher.KindOf(err) != usher.Invalid {
			t.Errorf("%s token as refresh token: %v", what, err)
		}
	}
	w.at = w.at.Add(24 * time.Hour)
	if h, err := w.ReadHint(id); err != nil || h != (token.Hint{Client: "payroll", Sub: "sub-1", SID: w.SID(app, f.Session)}) {
		t.Errorf("an expired ID token must do as a hint: %+v, %v", h, err)
	}
}

func TestAccessTokenIsAsAliveAsItsFamily(t *testing.T) {
	for name, c := range map[string]struct {
		break_ func(*world, *ledger.Family)
		want   usher.Kind
	}{
		"revoked":       {func(_ *world, f *ledger.Family) { f.Revoked = true }, usher.Invalid},
		"family over":   {func(w *world, f *ledger.Family) { f.Expires = usher.Instant(w.at.UnixMicro()) }, usher.Invalid},
		"other client":  {func(_ *world, f *ledger.Family) { f.Application = "other" }, usher.Invalid},
		"other person":  {func(_ *world, f *ledger.Family) { f.Sub = "other" }, usher.Invalid},
		"other tenant":  {func(_ *world, f *ledger.Family) { f.Tenant = "other" }, usher.Invalid},
		"expired":       {func(w *world, f *ledger.Family) { f.Expires *= 2; w.at = w.at.Add(10 * time.Minute) }, usher.Invalid},
		"ledger broken": {func(w *world, _ *ledger.Family) { w.shelf.fail = usher.Fail(usher.Unavailable, "shelf", "", nil) }, usher.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			f := w.family(t, false)
			access, _, err := w.Access(app, f, f.Scope)
			if err != nil {
				t.Fatal(err)
			}
			if _, got, err := w.VerifyAccess(t.Context(), f.Tenant, access); err != nil || got.ID != f.ID {
				t.Fatal("a good token is refused:", err)
			}
			c.break_(w, &f)
			w.shelf.families[f.ID] = f
			if _, _, err := w.VerifyAccess(t.Context(), usher.DefaultTenant, access); err == nil || usher.KindOf(err) != c.want {
				t.Fatalf("got %v, want kind %v", err, c.want)
			}
		})
	}
}

func TestLifetimes(t *testing.T) {
	w := newWorld(t)
	w.Lifetimes = token.Lifetimes{Code: time.Second, ID: 2 * time.Second, Access: 3 * time.Second, Offline: 4 * time.Second}
	now := usher.Instant(w.at.UnixMicro())
	_, code := w.NewCode(ledger.Code{})
	if got := code.Expires - now; got != usher.Second {
		t.Errorf("code: %d", got)
	}
	if got := w.NewFamily(code, false).Expires - now; got != 3*usher.Second {
		t.Errorf("family: %d", got)
	}
	f := w.NewFamily(code, true)
	if got := f.Expires - now; got != 4*usher.Second {
		t.Errorf("offline family: %d", got)
	}
	f.Expires = now + 2*usher.Second
	if _, life, err := w.Access(app, f, ""); err != nil || life != 2 {
		t.Errorf("an access token outlives its family: %d s, %v", life, err)
	}
}
