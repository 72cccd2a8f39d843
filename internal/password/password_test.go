package password_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/password"
)

// cheap is a Hasher for tests that make many.
func cheap() *password.Hasher { return password.New(password.Config{Memory: 64, Passes: 1}) }

func hash(t testing.TB, h *password.Hasher, plain string) string {
	t.Helper()
	phc, err := h.Hash(t.Context(), plain)
	if err != nil {
		t.Fatal(err)
	}
	return phc
}

func TestRightAndWrong(t *testing.T) {
	h := password.New(password.Config{})
	phc := hash(t, h, "correct horse")
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(phc, "horse") {
		t.Errorf("written as %s", phc)
	}
	if again := hash(t, h, "correct horse"); again == phc {
		t.Error("two hashes of one password are one")
	}
	for plain, want := range map[string]bool{
		"correct horse": true, "correct\u00a0horse": true, "correct  horse": false, "Correct horse": false, "correct hors": false,
		"correct horse ": false, "": false, "\xff": false, "correct horse\x00": false, strings.Repeat("x", 5000): false,
	} {
		if ok, err := h.Verify(t.Context(), phc, plain); err != nil || ok != want {
			t.Errorf("%.20q is %v (%v), want %v", plain, ok, err, want)
		}
	}
	if err := h.Pretend(t.Context(), "correct horse"); err != nil {
		t.Error(err)
	}
}

// The reference implementation's own vector (argon2 -id), so that hashes made
// elsewhere are read.
func TestHashMadeElsewhere(t *testing.T) {
	const phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for plain, want := range map[string]bool{"password": true, "Password": false} {
		if ok, err := cheap().Verify(t.Context(), phc, plain); err != nil || ok != want {
			t.Errorf("%q is %v (%v), want %v", plain, ok, err, want)
		}
	}
}

// However it is composed, a password is one (RFC 8265, section 4); no two that
// differ otherwise are.
func TestPrepare(t *testing.T) {
	for plain, want := range map[string]string{
		"cafe\u0301 cre\u0300me": "caf\u00e9 cr\u00e8me", "a\u3000b": "a b", " a ": " a ", "Ann": "Ann", "\uff21": "\uff21", "\u03a0\u00df\u5bc6": "\u03a0\u00df\u5bc6",
		"": "", "\xff": "", "a\x00b": "", "a\tb": "", "a\nb": "", strings.Repeat("x", 4097): "", strings.Repeat("x", 4096): strings.Repeat("x", 4096),
	} {
		if got, ok := password.Prepare(plain); got != want || ok != (want != "") {
			t.Errorf("%.20q is %.20q (%v), want %.20q", plain, got, ok, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.String().Draw(t, "plain")
		if once, ok := password.Prepare(plain); ok {
			if twice, ok := password.Prepare(once); !ok || twice != once {
				t.Errorf("%q is %q, which is %q", plain, once, twice)
			}
		}
	})
}

// A hash asks for the memory and time it is checked with, so only what is within
// bounds is done; and every hash has one text.
func TestBadHashesAreRefused(t *testing.T) {
	h := cheap()
	good := hash(t, h, "correct horse")
	change := func(old, now string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not in %s", old, good)
		}
		return strings.Replace(good, old, now, 1)
	}
	parts := strings.Split(good, "$")
	for name, phc := range map[string]string{
		"nothing": "", "plain": "correct horse", "bcrypt": "$2y$10$abcdefghijklmnopqrstuuJ7Z1dyXcD5VqUSVVyKpJtYmCKpsNLzi", "another kind": change("argon2id", "argon2i"),
		"another version": change("v=19", "v=16"), "no version": change("v=19$", ""), "much memory": change("m=64", "m=4194304"), "no memory": change("m=64", "m=0"),
		"memory beyond numbers": change("m=64", "m=99999999999"), "many passes": change("t=1", "t=100000"), "no pass": change("t=1", "t=0"),
		"no lane": change("p=1", "p=0"), "many lanes": change("p=1", "p=255"), "lanes beyond a byte": change("p=1", "p=257"), "lanes without memory": change("p=1", "p=16"),
		"no parameter": change("m=64,t=1,p=1", ""), "another order": change("m=64,t=1", "t=1,m=64"), "one more": change("p=1", "p=1,x=1"), "negative": change("t=1", "t=-1"),
		"leading zero": change("t=1", "t=01"), "sign": change("t=1", "t=+1"), "space": good + " ", "padding": good + "=", "no key": strings.Join(parts[:5], "$"),
		"short key": strings.Join(parts[:5], "$") + "$AAAA", "short salt": strings.Join(parts[:4], "$") + "$AAAA$" + parts[5],
		"long key": good + strings.Repeat("A", 64), "one more part": good + "$", "not base64": change(parts[5], "!"+parts[5][1:]), "very long": good + strings.Repeat("A", 1<<20),
	} {
		ok, err := h.Verify(t.Context(), phc, "correct horse")
		if ok || usher.KindOf(err) != usher.Invalid {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
		if err != nil && phc != "" && strings.Contains(err.Error(), phc) {
			t.Errorf("%s: it is repeated in %v", name, err)
		}
		if h.Stale(phc) {
			t.Errorf("%s: it can be made anew", name)
		}
	}
}

func TestStale(t *testing.T) {
	now := password.New(password.Config{Memory: 128, Passes: 2})
	for _, c := range []struct {
		made password.Config
		want bool
	}{
		{password.Config{Memory: 128, Passes: 2}, false}, {password.Config{Memory: 256, Passes: 3}, false}, {password.Config{Memory: 128, Passes: 2, Lanes: 2}, false},
		{password.Config{Memory: 64, Passes: 2}, true}, {password.Config{Memory: 256, Passes: 1}, true},
	} {
		if got := now.Stale(hash(t, password.New(c.made), "correct horse")); got != c.want {
			t.Errorf("%+v: %v", c.made, got)
		}
	}
}

func TestHashOfNoPassword(t *testing.T) {
	for _, plain := range []string{"", "\xff", "a\x00b", strings.Repeat("x", 5000)} {
		if _, err := cheap().Hash(t.Context(), plain); usher.KindOf(err) != usher.Invalid || usher.Shown(err) == "" {
			t.Errorf("%.10q: %v", plain, err)
		}
	}
}

// So many work, so many wait, and nobody waits longer than they want to.
func TestOnlySoManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := password.New(password.Config{Memory: 64, Passes: 1, AtOnce: 2, Waiting: 3})
		leave := []func(){password.Enter(t, h), password.Enter(t, h)}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		kinds := make([]error, 3)
		for i := range kinds {
			all.Go(func() {
				in := t.Context()
				if i == 0 {
					in = ctx
				}
				kinds[i] = h.Pretend(in, "x")
			})
		}
		synctest.Wait() // three wait
		if err := h.Pretend(t.Context(), "x"); usher.KindOf(err) != usher.Unavailable || usher.Shown(err) == "" {
			t.Errorf("the fourth: %v", err)
		}
		cancel()
		synctest.Wait()
		if _, err := h.Verify(ctx, hashed, "x"); usher.KindOf(err) != usher.Unavailable {
			t.Errorf("one that does not wait: %v", err)
		}
		for _, f := range leave {
			f()
		}
		all.Wait()
		if usher.KindOf(kinds[0]) != usher.Unavailable || kinds[1] != nil || kinds[2] != nil {
			t.Errorf("those that waited: %v", kinds)
		}
	})
}

const hashed = "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestCommon(t *testing.T) {
	for plain, want := range map[string]bool{
		"password": true, "PassWord1": true, "Qwertyuiop": true, "iloveyou": true, "aaaaaaaa": true, "\u0436\u0436\u0436\u0436\u0436\u0436\u0436\u0436": true, "12345678": true, "87654321": true,
		"abcdefghijk": true, "ABCDEFGH": true, "password\npassword1": true, "x": true,
		"acegikmo": false, "passwor": false, "assword1": false, "correct horse": false, "12345679": false, "aaaaaaab": false, "password\u0301": false,
	} {
		if got := password.IsCommon(plain); got != want {
			t.Errorf("%q: %v", plain, got)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	h := password.New(password.Config{})
	phc := hash(b, h, "correct horse")
	for b.Loop() {
		if ok, err := h.Verify(b.Context(), phc, "correct horse"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
