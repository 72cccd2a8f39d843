package token_test

import (
	"errors"
	"testing"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/token"
)

func (w *world) sub(t testing.TB, c token.Client, s ledger.Session) string {
	t.Helper()
	out, err := w.Sub(t.Context(), w.shelf, c, s)
	if err != nil || out == "" {
		t.Fatalf("%q, %v", out, err)
	}
	return out
}

func TestSub(t *testing.T) {
	w := newWorld(t)
	passing, elsewhere := who, who
	passing.User, elsewhere.User, elsewhere.IdP = "", "", "fabrikam"
	second := app
	second.ID = "second"
	pairA, pairB, pairB2 := app, app, app
	pairA.Pairwise, pairA.Sector = true, "a.test"
	pairB.Pairwise, pairB.Sector, pairB.ID = true, "b.test", "b"
	pairB2.Pairwise, pairB2.Sector, pairB2.ID = true, "b.test", "b2"

	if got := w.sub(t, app, who); got != string(who.User) {
		t.Errorf("a public sub is the account's id, got %s", got)
	}
	same := func(what string, want bool, a, b string) {
		t.Helper()
		if (a == b) != want {
			t.Errorf("%s: same %v", what, a == b)
		}
	}
	same("pairwise and public", false, w.sub(t, pairA, who), w.sub(t, app, who))
	same("two sectors", false, w.sub(t, pairA, who), w.sub(t, pairB, who))
	same("two applications of one sector", true, w.sub(t, pairB, who), w.sub(t, pairB2, who))
	same("without an account, two applications", true, w.sub(t, app, passing), w.sub(t, second, passing))
	same("without an account, two providers", false, w.sub(t, app, passing), w.sub(t, app, elsewhere))
	same("without an account, two sectors", false, w.sub(t, pairA, passing), w.sub(t, pairB, passing))
	same("with and without an account", false, w.sub(t, app, passing), w.sub(t, app, who))

	federated, fedPair, local := app, pairA, who
	federated.Federated, fedPair.Federated, local.IdP = true, true, usher.LocalIdP
	same("federated, with and without an account", true, w.sub(t, federated, who), w.sub(t, app, passing))
	same("federated and pairwise, with and without an account", true, w.sub(t, fedPair, who), w.sub(t, pairA, passing))
	same("federated, by a password of ours", true, w.sub(t, federated, local), w.sub(t, app, local))
}

// An application that knew a person before there was an account goes on knowing
// them by the same sub; no other application is concerned.
func TestSubIsKeptWhenAnAccountIsMade(t *testing.T) {
	passing := who
	passing.User = ""
	for _, pairwise := range []bool{false, true} {
		w := newWorld(t)
		c, other := app, app
		c.Pairwise, c.Sector = pairwise, "a.test"
		other.ID = "other"
		before := w.sub(t, c, passing)
		w.shelf.aliases[usher.Label(c.Tenant, c.ID, string(who.User))] = [2]string{passing.IdP, passing.Subject}
		// The account may meanwhile be reached through another provider.
		now := who
		now.IdP, now.Subject = "fabrikam", "other-subject"
		if after := w.sub(t, c, now); after != before {
			t.Errorf("pairwise %v: the sub changed from %s to %s", pairwise, before, after)
		}
		if w.sub(t, other, now) != string(who.User) {
			t.Error("the alias reaches another application")
		}
	}
}

func TestSubFailsClosed(t *testing.T) {
	w := newWorld(t)
	if s, err := w.Sub(t.Context(), w.shelf, app, ledger.Session{}); s != "" || err == nil {
		t.Errorf("nobody has the sub %q", s)
	}
	w.shelf.fail = usher.Fail(usher.Unavailable, "shelf", "", errors.New("disk"))
	if s, err := w.Sub(t.Context(), w.shelf, app, who); s != "" || usher.KindOf(err) != usher.Unavailable {
		t.Errorf("%q, %v", s, err)
	}
}
