package ledger_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/storetest"
)

// again begins another session for somebody who signs in again.
func again(t *testing.T, w *storetest.World, rec usher.Record) ledger.Session {
	t.Helper()
	w.Clock.Move(time.Second)
	s := storetest.Session(storetest.MustApply(t, w.Ledger, rec))
	commit(t, w, func(tx *ledger.Tx) error { return tx.BeginSession(t.Context(), s) })
	return s
}

func move(t *testing.T, w *storetest.World, tenant string, from, to [32]byte) {
	t.Helper()
	commit(t, w, func(tx *ledger.Tx) error { return tx.MoveSession(t.Context(), tenant, from, to) })
}

func alive(t *testing.T, w *storetest.World, family string) bool {
	t.Helper()
	return !must(w.Ledger.Family(t.Context(), "default", family))(t).Revoked
}

// Who signs in again keeps what applications hold: their tokens, and the code
// another tab is just about to bring.
func TestWhatHangsOnASessionMovesToTheNext(t *testing.T) {
	w, s, families := begun(t)
	pending := storetest.Code(s)
	pending.Hash, pending.Family = storetest.Hash("pending"), "pending"
	commit(t, w, func(tx *ledger.Tx) error { return tx.IssueCode(t.Context(), pending) })
	next := again(t, w, storetest.Ann.Returning(w.Clock.Instant(), s.User))

	unchanged := w.Dump(t)
	move(t, w, "other", s.Hash, next.Hash)
	move(t, w, "default", s.Hash, s.Hash)
	if d := cmp.Diff(unchanged, w.Dump(t)); d != "" {
		t.Errorf("in another tenant, or onto itself:\n%s", d)
	}
	move(t, w, "default", s.Hash, next.Hash)
	_, err := w.Ledger.Session(t.Context(), "default", s.Hash)
	wantKind(t, "the old session", err, usher.NotFound)
	wantAlive(t, w, next, families, true, true, true)
	for _, f := range families {
		if got := must(w.Ledger.Family(t.Context(), "default", f.ID))(t); got.Session != next.Hash {
			t.Errorf("the family %s hangs on something else", f.ID)
		}
	}
	commit(t, w, func(tx *ledger.Tx) error {
		c, err := tx.RedeemCode(t.Context(), "default", pending.Hash)
		if c.Session != next.Hash {
			t.Error("the code hangs on something else")
		}
		return err
	})
	// And they end with it.
	commit(t, w, func(tx *ledger.Tx) error { return tx.EndSession(t.Context(), "default", next.Hash) })
	wantAlive(t, w, next, families, false, false, true)
	storetest.CheckInvariants(t, w.Ledger)
}

// Nothing comes to life again, and nothing goes over to somebody else.
func TestNothingMovesToSomebodyElse(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*testing.T, *storetest.World, ledger.Session)
		to    func(*testing.T, *storetest.World, ledger.Session) [32]byte
	}{
		"another account": {nil, func(t *testing.T, w *storetest.World, _ ledger.Session) [32]byte {
			return again(t, w, storetest.Numbered(1).First(w.Clock.Instant())).Hash
		}},
		"nobody's account": {nil, func(t *testing.T, w *storetest.World, _ ledger.Session) [32]byte {
			return again(t, w, storetest.Numbered(1).Passing(w.Clock.Instant())).Hash
		}},
		"no session": {nil, func(*testing.T, *storetest.World, ledger.Session) [32]byte { return storetest.Hash("never") }},
		"from one that ended": {func(t *testing.T, w *storetest.World, s ledger.Session) {
			commit(t, w, func(tx *ledger.Tx) error { return tx.EndSession(t.Context(), "default", s.Hash) })
		}, nil},
		"from one that expired": {func(_ *testing.T, w *storetest.World, _ ledger.Session) { w.Clock.Move(time.Hour) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w, s, _ := begun(t)
			if c.spoil != nil {
				c.spoil(t, w, s)
			}
			if c.to == nil {
				c.to = func(t *testing.T, w *storetest.World, s ledger.Session) [32]byte {
					return again(t, w, storetest.Ann.Returning(w.Clock.Instant(), s.User)).Hash
				}
			}
			move(t, w, "default", s.Hash, c.to(t, w, s))
			_, err := w.Ledger.Session(t.Context(), "default", s.Hash)
			wantKind(t, "the old session", err, usher.NotFound)
			if alive(t, w, storetest.Code(s).Family) {
				t.Error("its tokens live on")
			}
			storetest.CheckInvariants(t, w.Ledger)
		})
	}
}

// The session of somebody without an account moves to another one of that
// subject, and to no other subject.
func TestSessionWithoutAnAccountMoves(t *testing.T) {
	for _, same := range []bool{true, false} {
		w := storetest.NewWorld(t)
		s := storetest.MustBegin(t, w, storetest.MustApply(t, w.Ledger, storetest.Ann.Passing(w.Clock.Instant())))
		p := storetest.Ann
		if !same {
			p.Subject = "another"
		}
		move(t, w, "default", s.Hash, again(t, w, p.Passing(w.Clock.Instant())).Hash)
		if got := alive(t, w, storetest.Code(s).Family); got != same {
			t.Errorf("same subject %v: the tokens live %v", same, got)
		}
	}
}

// Who gets an account is nobody without one any more. What they had as such
// would else outlive even the disabling of the account.
func TestAccountEndsWhatWasWithoutOne(t *testing.T) {
	user := usher.UserID("")
	for name, arrive := range map[string]func(w *storetest.World) usher.Record{
		"created": func(w *storetest.World) usher.Record { return storetest.Ann.First(w.Clock.Instant()) },
		"linked": func(w *storetest.World) usher.Record {
			return storetest.Ann.Linking(w.Clock.Instant(), user, "user1@contoso.test")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := storetest.NewWorld(t)
			user = storetest.MustApply(t, w.Ledger, storetest.Numbered(1).First(w.Clock.Instant())).Decision.User
			people := map[string]storetest.Person{"mine": storetest.Ann, "another subject": storetest.Numbered(2)}
			for _, change := range []func(*storetest.Person){
				func(p *storetest.Person) { p.IdP = "fabrikam" }, func(p *storetest.Person) { p.Tenant = "other" },
			} {
				p := storetest.Ann
				change(&p)
				people[p.IdP+" "+p.Tenant] = p
			}
			sessions := map[string]ledger.Session{}
			for name, p := range people {
				s := storetest.MustBegin(t, w, storetest.MustApply(t, w.Ledger, p.Passing(w.Clock.Instant())))
				commit(t, w, func(tx *ledger.Tx) error { return tx.BeginFamily(t.Context(), named(offline(s), name)) })
				sessions[name] = s
			}
			// The session may be over before the account is made; the tokens are not.
			gone := storetest.MustBegin(t, w, storetest.MustApply(t, w.Ledger, storetest.Ann.Passing(w.Clock.Instant())))
			commit(t, w, func(tx *ledger.Tx) error {
				if err := tx.BeginFamily(t.Context(), named(offline(gone), "gone")); err != nil {
					return err
				}
				return tx.EndSession(t.Context(), "default", gone.Hash)
			})
			if f := must(w.Ledger.Family(t.Context(), "default", "gone"))(t); f.Revoked {
				t.Fatal("tokens did not outlive their session")
			}

			now := arrive(w)
			storetest.MustApply(t, w.Ledger, now)
			storetest.CheckInvariants(t, w.Ledger)
			mine := storetest.MustBegin(t, w, now)
			if got := must(w.Ledger.Session(t.Context(), "default", mine.Hash))(t); got.State != usher.StateActive {
				t.Errorf("the new session is %+v", got)
			}
			for name, s := range sessions {
				_, err := w.Ledger.Session(t.Context(), s.Tenant, s.Hash)
				f := must(w.Ledger.Family(t.Context(), s.Tenant, name))(t)
				if ended := err != nil; ended != (name == "mine") || f.Revoked != ended {
					t.Errorf("%s: ended %v, revoked %v", name, ended, f.Revoked)
				}
			}
			if f := must(w.Ledger.Family(t.Context(), "default", "gone"))(t); !f.Revoked {
				t.Error("the tokens of the session that was over live on")
			}
		})
	}
}
