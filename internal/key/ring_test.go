package key_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/key"
	"pgregory.net/rapid"
)

// shelf keeps keys in memory.
type shelf struct {
	mu   sync.Mutex
	keys []key.Stored
	fail error
}

func (s *shelf) Keys(context.Context) ([]key.Stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys), s.fail
}

func (s *shelf) AddKey(_ context.Context, k key.Stored) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, k)
	return s.fail
}

func (s *shelf) DropKey(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = slices.DeleteFunc(s.keys, func(k key.Stored) bool { return k.ID == id })
	return s.fail
}

type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func open(t *testing.T, s *shelf, c *clock) *key.Ring {
	t.Helper()
	r, err := key.Open(t.Context(), key.Config{Master: key.Master{1}, Keeper: s, Now: c.now, Algorithms: []string{key.ES256}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func kids(t *testing.T, r *key.Ring) []string {
	t.Helper()
	var set struct{ Keys []struct{ Kid, D string } }
	if err := json.Unmarshal(r.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, k := range set.Keys {
		if k.D != "" {
			t.Fatal("a private key is published")
		}
		out = append(out, k.Kid)
	}
	return out
}

func kidOf(t *testing.T, token string) string {
	t.Helper()
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		t.Fatal(err)
	}
	var h struct{ Kid string }
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatal(err)
	}
	return h.Kid
}

func sign(t *testing.T, r *key.Ring) string {
	t.Helper()
	tok, err := r.Sign(key.ES256, "JWT", []byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// A signing key is published before it signs and stays published after it has
// been replaced, and a token signed just before the change still verifies.
func TestRotationOverlaps(t *testing.T) {
	s, c := &shelf{}, &clock{time.Unix(1_800_000_000, 0)}
	r := open(t, s, c)
	first := kidOf(t, sign(t, r))
	old := sign(t, r)

	c.at = c.at.Add(89*24*time.Hour + time.Minute)
	if err := r.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(kids(t, r)); n != 2 {
		t.Fatalf("%d keys published while the next one waits, want 2", n)
	}
	if got := kidOf(t, sign(t, r)); got != first {
		t.Fatal("the new key signs before it was published for the lead time")
	}

	c.at = c.at.Add(24 * time.Hour)
	if err := r.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := kidOf(t, sign(t, r)); got == first {
		t.Fatal("the old key still signs")
	}
	if _, err := r.Verify(old, "JWT"); err != nil {
		t.Fatal("a token of the replaced key no longer verifies:", err)
	}

	c.at = c.at.Add(8 * 24 * time.Hour)
	if err := r.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(kids(t, r), first) {
		t.Fatal("the old key is never retired")
	}
	if _, err := r.Verify(old, "JWT"); usher.KindOf(err) != usher.Invalid {
		t.Fatal("a token of a retired key verifies")
	}
}

func TestSealSurvivesRestartAndRotation(t *testing.T) {
	s, c := &shelf{}, &clock{time.Unix(1_800_000_000, 0)}
	r := open(t, s, c)
	sealed, err := r.Seal("record", []byte("secret"), []byte("row 1"))
	if err != nil {
		t.Fatal(err)
	}
	mac := r.MAC("sub", "a", "b")
	c.at = c.at.Add(200 * 24 * time.Hour)
	r = open(t, s, c)
	got, err := r.Open("record", sealed, []byte("row 1"))
	if err != nil || string(got) != "secret" {
		t.Fatalf("%q, %v", got, err)
	}
	if !bytes.Equal(mac, r.MAC("sub", "a", "b")) {
		t.Fatal("a pseudonym changed")
	}
}

// Sealed data opens only as what it was sealed as, and no byte of it may change.
func TestA091_SealedDataIsAuthenticated(t *testing.T) {
	r := open(t, &shelf{}, &clock{time.Unix(1_800_000_000, 0)})
	sealed, err := r.Seal("login", []byte("state"), []byte("id"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := r.Open("login", bad, []byte("id")); usher.KindOf(err) != usher.Invalid {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
		if _, err := r.Open("login", sealed[:i], []byte("id")); usher.KindOf(err) != usher.Invalid {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	if _, err := r.Open("record", sealed, []byte("id")); err == nil {
		t.Fatal("opened for another purpose")
	}
	if _, err := r.Open("login", sealed, []byte("other")); err == nil {
		t.Fatal("opened for another row")
	}
}

func TestA090_TokenTypesAreApart(t *testing.T) {
	r := open(t, &shelf{}, &clock{time.Unix(1_800_000_000, 0)})
	tok := sign(t, r)
	if _, err := r.Verify(tok, "JWT"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Verify(tok, "at+jwt"); usher.KindOf(err) != usher.Invalid {
		t.Fatal("an ID token passes for an access token")
	}
	parts := strings.Split(tok, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
	if _, err := r.Verify(none, "JWT"); usher.KindOf(err) != usher.Invalid {
		t.Fatal("alg none passes")
	}
}

func TestMACPartsDoNotRunTogether(t *testing.T) {
	r := open(t, &shelf{}, &clock{time.Unix(1_800_000_000, 0)})
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.String(), 0, 4).Draw(t, "a")
		b := rapid.SliceOfN(rapid.String(), 0, 4).Draw(t, "b")
		if same := bytes.Equal(r.MAC("p", a...), r.MAC("p", b...)); same != slices.Equal(a, b) {
			t.Fatalf("%q and %q: same MAC %v", a, b, same)
		}
	})
	if bytes.Equal(r.MAC("p", "x"), r.MAC("q", "x")) {
		t.Fatal("purposes share a key")
	}
}

func TestMasterFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.key")
	if _, err := key.LoadMaster(path, false); usher.KindOf(err) != usher.Invalid || !strings.Contains(usher.Shown(err), "backup") {
		t.Fatalf("a missing key file with keys in the database: %v", err)
	}
	m, err := key.LoadMaster(path, true)
	if err != nil {
		t.Fatal(err)
	}
	again, err := key.LoadMaster(path, true)
	if err != nil || again != m {
		t.Fatal("the key file was not kept", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := key.LoadMaster(path, false); !strings.Contains(usher.Shown(err), "chmod 600") {
		t.Fatalf("a key file open to others: %v", err)
	}
	if _, err := key.ParseMaster("c2hvcnQ="); usher.KindOf(err) != usher.Invalid {
		t.Fatal("a short master key is accepted")
	}
}

func TestWrongMasterRefused(t *testing.T) {
	s := &shelf{}
	open(t, s, &clock{time.Unix(1_800_000_000, 0)})
	_, err := key.Open(t.Context(), key.Config{Master: key.Master{2}, Keeper: s, Algorithms: []string{key.ES256}})
	if usher.KindOf(err) != usher.Invalid || usher.Shown(err) == "" {
		t.Fatalf("got %v", err)
	}
}

func TestKeeperFailureIsAnError(t *testing.T) {
	_, err := key.Open(t.Context(), key.Config{Master: key.Master{1}, Keeper: &shelf{fail: errors.New("disk")}})
	if err == nil {
		t.Fatal("opened without keys")
	}
}

func BenchmarkSignES256(b *testing.B) {
	r, err := key.Open(b.Context(), key.Config{Master: key.Master{1}, Keeper: &shelf{}, Algorithms: []string{key.ES256}})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := r.Sign(key.ES256, "JWT", []byte(`{"sub":"x"}`)); err != nil {
			b.Fatal(err)
		}
	}
}
