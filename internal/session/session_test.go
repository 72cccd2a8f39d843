package session_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/session"
)

// shelf is a ledger that holds sessions and nothing else.
type shelf struct {
	sessions map[[32]byte]ledger.Session
	fail     error
}

func (s *shelf) BeginSession(_ context.Context, x ledger.Session) error {
	if s.fail != nil {
		return s.fail
	}
	s.sessions[x.Hash] = x
	return nil
}

func (s *shelf) Session(_ context.Context, tenant string, hash [32]byte) (ledger.Session, error) {
	if s.fail != nil {
		return ledger.Session{}, s.fail
	}
	x, ok := s.sessions[hash]
	if !ok || x.Tenant != tenant {
		return ledger.Session{}, usher.Fail(usher.NotFound, "shelf.Session", "", nil)
	}
	return x, nil
}

var began = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func keeper() (*session.Keeper, *shelf) {
	s := &shelf{sessions: map[[32]byte]ledger.Session{}}
	return &session.Keeper{Ledger: s, Now: func() time.Time { return began }}, s
}

func carrying(values ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, v := range values {
		r.AddCookie(&http.Cookie{Name: session.CookieName, Value: v})
	}
	return r
}

func begin(t *testing.T, k *session.Keeper, s *shelf, x ledger.Session) string {
	t.Helper()
	v, err := k.Begin(t.Context(), s, x)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestBeginAndFrom(t *testing.T) {
	k, s := keeper()
	value := begin(t, k, s, ledger.Session{IdP: "contoso", Subject: "1"})
	got, ok, err := k.From(carrying(value))
	if err != nil || !ok {
		t.Fatal("a session just begun is not found:", err)
	}
	if got.Subject != "1" || got.Tenant != usher.DefaultTenant {
		t.Errorf("got %+v", got)
	}
	if life := got.Expires - got.Created; life != 12*3600*usher.Second {
		t.Errorf("a session lasts %d µs", life)
	}
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(raw) != 32 {
		t.Fatalf("the cookie holds %d bytes, %v", len(raw), err)
	}
	if got.Hash != ledger.HashOf([32]byte(raw)) || bytes.Contains(got.Hash[:], raw[6:12]) {
		t.Error("the ledger holds something else than the hash of the id")
	}
}

// A cookie that was there before the sign-in never becomes a session, and every
// sign-in of one person has an id of its own.
func TestA092_EverySignInHasANewID(t *testing.T) {
	k, s := keeper()
	preset := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	// An attacker's hash in the session handed over counts for nothing either.
	first := begin(t, k, s, ledger.Session{Subject: "1", Hash: sha256.Sum256(make([]byte, 32))})
	second := begin(t, k, s, ledger.Session{Subject: "1"})
	if first == second || first == preset || second == preset {
		t.Fatal("an id was used twice")
	}
	if _, ok, err := k.From(carrying(preset)); ok || err != nil {
		t.Fatal("a preset cookie became a session:", err)
	}
}

// A second cookie of that name was smuggled in; nobody can tell which is ours.
func TestA092_TwoCookiesAreNone(t *testing.T) {
	k, s := keeper()
	mine := begin(t, k, s, ledger.Session{Subject: "1"})
	other := begin(t, k, s, ledger.Session{Subject: "2"})
	for _, r := range []*http.Request{carrying(mine, other), carrying(other, mine), carrying(mine, mine)} {
		if _, ok, err := k.From(r); ok || err != nil {
			t.Fatalf("two cookies gave a session: %v, %v", ok, err)
		}
	}
}

func TestA092_CookieFlags(t *testing.T) {
	k, _ := keeper()
	for _, set := range []func(http.ResponseWriter){
		func(w http.ResponseWriter) { k.SetCookie(w, "x") },
		k.ClearCookie,
	} {
		w := httptest.NewRecorder()
		set(w)
		c := w.Result().Cookies()[0]
		if c.Name != "__Host-usher-session" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("got %s", c)
		}
	}
	w := httptest.NewRecorder()
	k.ClearCookie(w)
	if c := w.Result().Cookies()[0]; c.MaxAge >= 0 || c.Value != "" {
		t.Errorf("the cookie is not cleared: %s", c)
	}
}

func TestA091_ChangedCookieIsNoSession(t *testing.T) {
	k, s := keeper()
	value := begin(t, k, s, ledger.Session{Subject: "1"})
	try := func(what, v string) {
		t.Helper()
		if _, ok, err := k.From(carrying(v)); ok || err != nil {
			t.Errorf("%s: %v, %v", what, ok, err)
		}
	}
	for i := range value {
		try("truncated", value[:i])
		for bit := range 7 {
			b := []byte(value)
			b[i] ^= 1 << bit
			if c := b[i]; c == '"' || c < ' ' || c == ';' || c == '\\' || c == ',' || c > '~' {
				continue // net/http would not send it
			}
			try("flipped", string(b))
		}
	}
	try("longer", value+"A")
	try("padded", value+"=")
	try("twice", value+value)
	try("huge", strings.Repeat("A", 1<<16))
}

// The cookie of one tenant opens nothing at another.
func TestA093_CookieOfAnotherTenant(t *testing.T) {
	k, s := keeper()
	value := begin(t, k, s, ledger.Session{Subject: "1"})
	other := &session.Keeper{Ledger: s, Now: k.Now, Tenant: "other"}
	if _, ok, err := other.From(carrying(value)); ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
}

func TestAccountThatMayNotBeUsedHasNoSession(t *testing.T) {
	for _, state := range []usher.AccountState{usher.StateDisabled, usher.StateLocked, usher.StatePending, usher.StateExpired, ""} {
		k, s := keeper()
		value := begin(t, k, s, ledger.Session{User: "u", State: state})
		if _, ok, err := k.From(carrying(value)); ok || err != nil {
			t.Errorf("%q: %v, %v", state, ok, err)
		}
	}
	k, s := keeper()
	value := begin(t, k, s, ledger.Session{User: "u", State: usher.StateActive})
	if _, ok, err := k.From(carrying(value)); !ok || err != nil {
		t.Errorf("active: %v, %v", ok, err)
	}
}

// Who came by a provider that is switched off or gone has no session, with or
// without an account; nor have those who gave a password, once that is no way in.
func TestProviderSwitchedOffHasNoSessions(t *testing.T) {
	k, s := keeper()
	var asked []string
	k.Allowed = func(tenant, idp string) bool {
		asked = append(asked, usher.Label(tenant, idp))
		return idp == "contoso"
	}
	for idp, want := range map[string]bool{"contoso": true, "fabrikam": false, usher.LocalIdP: false, "": false} {
		for _, x := range []ledger.Session{{IdP: idp, Subject: "1"}, {IdP: idp, User: "u", State: usher.StateActive}} {
			asked = nil
			if _, ok, err := k.From(carrying(begin(t, k, s, x))); ok != want || err != nil || len(asked) != 1 || asked[0] != "default/"+idp {
				t.Errorf("%q: %v, %v; asked %v", idp, ok, err, asked)
			}
		}
	}
	if _, ok, err := k.From(carrying()); ok || err != nil {
		t.Errorf("without a cookie: %v, %v", ok, err)
	}
}

// "I don't know" must never look like "signed out": an application told
// login_required would sign its person out.
func TestLedgerFailureIsAnError(t *testing.T) {
	k, s := keeper()
	value := begin(t, k, s, ledger.Session{Subject: "1"})
	s.fail = usher.Fail(usher.Unavailable, "shelf", "", errors.New("disk"))
	if _, ok, err := k.From(carrying(value)); ok || usher.KindOf(err) != usher.Unavailable {
		t.Errorf("From: %v, %v", ok, err)
	}
	if v, err := k.Begin(t.Context(), s, ledger.Session{}); v != "" || usher.KindOf(err) != usher.Unavailable {
		t.Errorf("Begin: %q, %v", v, err)
	}
	if _, ok, err := k.From(carrying()); ok || err != nil {
		t.Errorf("without a cookie the ledger need not be asked: %v, %v", ok, err)
	}
}

func FuzzCookie(f *testing.F) {
	f.Add(base64.RawURLEncoding.EncodeToString(make([]byte, 32)))
	f.Add("")
	f.Add("AAAA\r\nAAAA")
	f.Fuzz(func(t *testing.T, value string) {
		k, s := keeper()
		mine := begin(t, k, s, ledger.Session{Subject: "1"})
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", session.CookieName+"="+value)
		_, ok, err := k.From(r)
		if err != nil || ok && value != mine && strings.Trim(value, "\" \t") != mine {
			t.Fatalf("%q: %v, %v", value, ok, err)
		}
	})
}
