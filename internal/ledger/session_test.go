package ledger_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/storetest"
)

// commit runs fn in a commit that must work.
func commit(t *testing.T, w *storetest.World, fn func(*ledger.Tx) error) {
	t.Helper()
	if err := w.Ledger.Commit(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, what string, err error, want usher.Kind) {
	t.Helper()
	if err == nil || usher.KindOf(err) != want {
		t.Errorf("%s: got %v (%v), want %v", what, err, usher.KindOf(err), want)
	}
}

func TestSessionComesBackAsBegun(t *testing.T) {
	w := storetest.NewWorld(t)
	for _, rec := range []usher.Record{storetest.Ann.First(w.Clock.Instant()), storetest.Numbered(1).Passing(w.Clock.Instant())} {
		storetest.MustApply(t, w.Ledger, rec)
		want := storetest.MustBegin(t, w, rec)
		got, err := w.Ledger.Session(t.Context(), want.Tenant, want.Hash)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("session: %v (-want +got):\n%s", err, d)
		}
		_, err = w.Ledger.Session(t.Context(), "other", want.Hash)
		wantKind(t, "in another tenant", err, usher.NotFound)
	}
	_, err := w.Ledger.Session(t.Context(), "default", storetest.Hash("never"))
	wantKind(t, "never begun", err, usher.NotFound)
	storetest.CheckInvariants(t, w.Ledger)
}

// What is known of a person without an account can't be read from the file, nor
// moved to another session.
func TestPersonIsSealedAtRest(t *testing.T) {
	w := storetest.NewWorld(t)
	var sessions []ledger.Session
	for i := range 2 {
		rec := storetest.MustApply(t, w.Ledger, storetest.Numbered(i).Passing(w.Clock.Instant()))
		sessions = append(sessions, storetest.MustBegin(t, w, rec))
	}
	w.MustExec(t, `PRAGMA wal_checkpoint(TRUNCATE)`)
	file, err := os.ReadFile(w.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"@secret.test", "user0@contoso.test", "mapping.username"} {
		if bytes.Contains(file, []byte(secret)) {
			t.Errorf("%q can be read from the file", secret)
		}
	}
	w.MustExec(t, fmt.Sprintf(`UPDATE session SET person = (SELECT person FROM session WHERE hash = x'%x') WHERE hash = x'%x'`,
		sessions[1].Hash, sessions[0].Hash))
	_, err = w.Ledger.Session(t.Context(), "default", sessions[0].Hash)
	wantKind(t, "with another's person", err, usher.Internal)
}

// begun is a world in which Ann is signed in, with a family that needs her
// session and one that is offline.
func begun(t *testing.T) (*storetest.World, ledger.Session, map[bool]ledger.Family) {
	t.Helper()
	w := storetest.NewWorld(t)
	s := storetest.MustBegin(t, w, storetest.MustApply(t, w.Ledger, storetest.Ann.First(w.Clock.Instant())))
	commit(t, w, func(tx *ledger.Tx) error { return tx.BeginFamily(t.Context(), offline(s)) })
	return w, s, map[bool]ledger.Family{false: storetest.Family(storetest.Code(s), false), true: offline(s)}
}

// offline is a family that outlives its session.
func offline(s ledger.Session) ledger.Family {
	f := storetest.Family(storetest.Code(s), true)
	f.ID = "offline"
	return f
}

// wantAlive says whether the session, and the two families, are good.
func wantAlive(t *testing.T, w *storetest.World, s ledger.Session, families map[bool]ledger.Family, session, online, offline bool) {
	t.Helper()
	got, err := w.Ledger.Session(t.Context(), s.Tenant, s.Hash)
	if alive := err == nil && got.State == usher.StateActive; alive != session {
		t.Errorf("session: alive %v, want %v (%v)", alive, session, err)
	}
	for _, f := range families {
		want := online
		if f.Offline {
			want = offline
		}
		got, err := w.Ledger.Family(t.Context(), f.Tenant, f.ID)
		if err != nil || got.Revoked == want {
			t.Errorf("family, offline %v: revoked %v, want %v (%v)", f.Offline, got.Revoked, !want, err)
		}
		_, err = rotate(t, w, f)
		if usher.KindOf(err) == usher.NotFound == want {
			t.Errorf("family, offline %v: rotating gave %v", f.Offline, err)
		}
	}
}

// rotate moves a family on from where it is, and undoes it.
func rotate(t *testing.T, w *storetest.World, f ledger.Family) (next ledger.Family, err error) {
	t.Helper()
	err = w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
		if next, err = tx.RotateFamily(t.Context(), f.Tenant, f.ID, f.Generation); err != nil {
			return err
		}
		return usher.Fail(usher.Denied, "test", "", nil)
	})
	return next, err
}

func TestFamilyComesBackAsBegun(t *testing.T) {
	w, _, families := begun(t)
	for _, want := range families {
		got, err := w.Ledger.Family(t.Context(), want.Tenant, want.ID)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("family: %v (-want +got):\n%s", err, d)
		}
	}
	_, err := w.Ledger.Family(t.Context(), "other", "offline")
	wantKind(t, "in another tenant", err, usher.NotFound)
}

func TestLivenessFollowsEverythingItHangsOn(t *testing.T) {
	type world struct {
		*storetest.World
		s ledger.Session
	}
	set := func(state usher.AccountState) func(*testing.T, world) {
		return func(t *testing.T, w world) {
			commit(t, w.World, func(tx *ledger.Tx) error {
				return tx.SetState(t.Context(), "default", usher.PrimaryStore, w.s.User, state)
			})
		}
	}
	for name, c := range map[string]struct {
		do                       func(*testing.T, world)
		session, online, offline bool
	}{
		"nothing": {func(*testing.T, world) {}, true, true, true},
		"session ended": {func(t *testing.T, w world) {
			commit(t, w.World, func(tx *ledger.Tx) error {
				if err := tx.EndSession(t.Context(), "other", w.s.Hash); err != nil {
					return err
				}
				return tx.EndSession(t.Context(), "default", w.s.Hash)
			})
		}, false, false, true},
		"another tenant's session ended": {func(t *testing.T, w world) {
			commit(t, w.World, func(tx *ledger.Tx) error { return tx.EndSession(t.Context(), "other", w.s.Hash) })
		}, true, true, true},
		"user ended": {func(t *testing.T, w world) {
			commit(t, w.World, func(tx *ledger.Tx) error { return tx.EndUser(t.Context(), "default", w.s.User) })
		}, false, false, false},
		"another user ended": {func(t *testing.T, w world) {
			commit(t, w.World, func(tx *ledger.Tx) error { return tx.EndUser(t.Context(), "default", "another") })
		}, true, true, true},
		"disabled": {set(usher.StateDisabled), false, false, false},
		"locked":   {set(usher.StateLocked), false, false, false},
		"pending":  {set(usher.StatePending), false, false, false},
		"expired":  {set(usher.StateExpired), false, false, false},
		"disabled and enabled again": {func(t *testing.T, w world) {
			set(usher.StateDisabled)(t, w)
			set(usher.StateActive)(t, w)
		}, true, true, true},
		"account removed": {func(t *testing.T, w world) { w.MustExec(t, `DELETE FROM membership`, `DELETE FROM account`) }, false, false, false},
		"9 minutes":       {func(_ *testing.T, w world) { w.Clock.Move(9 * time.Minute) }, true, true, true},
		"10 minutes":      {func(_ *testing.T, w world) { w.Clock.Move(10 * time.Minute) }, true, false, true},
		"an hour":         {func(_ *testing.T, w world) { w.Clock.Move(time.Hour) }, false, false, true},
		"30 days":         {func(_ *testing.T, w world) { w.Clock.Move(30 * 24 * time.Hour) }, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s, families := begun(t)
			c.do(t, world{w, s})
			wantAlive(t, w, s, families, c.session, c.online, c.offline)
		})
	}
}

func TestFamilyRevoked(t *testing.T) {
	w, s, families := begun(t)
	for _, f := range families {
		commit(t, w, func(tx *ledger.Tx) error { return tx.RevokeFamily(t.Context(), f.Tenant, f.ID) })
	}
	wantAlive(t, w, s, families, true, false, false)
	for _, f := range families { // a second time is as good
		commit(t, w, func(tx *ledger.Tx) error { return tx.RevokeFamily(t.Context(), f.Tenant, f.ID) })
	}
	err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error { return tx.RevokeFamily(t.Context(), "default", "never") })
	wantKind(t, "one that never was", err, usher.NotFound)
}

func TestRotateFamilyOnlyFromWhereItIs(t *testing.T) {
	w, _, families := begun(t)
	f := families[true]
	var next ledger.Family
	commit(t, w, func(tx *ledger.Tx) (err error) {
		next, err = tx.RotateFamily(t.Context(), f.Tenant, f.ID, 0)
		return err
	})
	want := f
	want.Generation = 1
	if d := cmp.Diff(want, next); d != "" {
		t.Errorf("rotated (-want +got):\n%s", d)
	}
	for _, generation := range []int64{0, 2, -1} {
		err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
			_, err := tx.RotateFamily(t.Context(), f.Tenant, f.ID, generation)
			return err
		})
		wantKind(t, "another generation", err, usher.Conflict)
	}
	for _, id := range [][2]string{{"other", f.ID}, {"default", "never"}} {
		err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
			_, err := tx.RotateFamily(t.Context(), id[0], id[1], 1)
			return err
		})
		wantKind(t, "no such family", err, usher.NotFound)
	}
}

func TestCodeComesBackAsIssued(t *testing.T) {
	w := storetest.NewWorld(t)
	s := storetest.MustBegin(t, w, storetest.MustApply(t, w.Ledger, storetest.Ann.First(w.Clock.Instant())))
	want := storetest.Code(s)
	for _, used := range []bool{false, true, true} {
		commit(t, w, func(tx *ledger.Tx) error {
			got, err := tx.RedeemCode(t.Context(), "default", want.Hash)
			want.Used = used
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("code (-want +got):\n%s", d)
			}
			return err
		})
	}
	for _, c := range []ledger.Code{{Tenant: "other", Hash: want.Hash}, {Tenant: "default", Hash: storetest.Hash("never")}} {
		err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
			_, err := tx.RedeemCode(t.Context(), c.Tenant, c.Hash)
			return err
		})
		wantKind(t, "no such code", err, usher.NotFound)
	}
}

// A redemption that is undone leaves the code as it was.
func TestCodeStaysUnusedIfTheCommitFails(t *testing.T) {
	w := storetest.NewWorld(t)
	s := storetest.MustBegin(t, w, storetest.MustApply(t, w.Ledger, storetest.Ann.First(w.Clock.Instant())))
	denied := usher.Fail(usher.Denied, "test", "", nil)
	for range 2 {
		err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
			c, err := tx.RedeemCode(t.Context(), "default", storetest.Code(s).Hash)
			if err != nil || c.Used {
				t.Errorf("used %v, %v", c.Used, err)
			}
			return denied
		})
		wantKind(t, "the commit", err, usher.Denied)
	}
}

// TestA081_ParallelUsesOfOneThing: of 16 uses at the same moment, from two
// processes, exactly one counts.
func TestA081_ParallelUsesOfOneThing(t *testing.T) {
	const parallel = 16
	for name, use := range map[string]func(*testing.T, *ledger.Tx, ledger.Session) (bool, error){
		"code": func(t *testing.T, tx *ledger.Tx, s ledger.Session) (bool, error) {
			c, err := tx.RedeemCode(t.Context(), s.Tenant, storetest.Code(s).Hash)
			return err == nil && !c.Used, err
		},
		"refresh": func(t *testing.T, tx *ledger.Tx, _ ledger.Session) (bool, error) {
			_, err := tx.RotateFamily(t.Context(), "default", "offline", 0)
			return err == nil, ignore(err, usher.Conflict)
		},
		"spent": func(t *testing.T, tx *ledger.Tx, s ledger.Session) (bool, error) {
			err := tx.Spend(t.Context(), ledger.NewKey("state", s.Tenant, "contoso", "x"), s.Expires)
			return err == nil, ignore(err, usher.Conflict)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, s, _ := begun(t)
			worlds := []*storetest.World{w, w.Again(t)}
			counted := make([]bool, parallel)
			for _, err := range storetest.Together(parallel, func(i int) error {
				return worlds[i%2].Ledger.Commit(t.Context(), func(tx *ledger.Tx) (err error) {
					counted[i], err = use(t, tx, s)
					return err
				})
			}) {
				if err != nil {
					t.Error(err)
				}
			}
			n := 0
			for _, yes := range counted {
				if yes {
					n++
				}
			}
			if n != 1 {
				t.Errorf("it counted %d times", n)
			}
			storetest.CheckInvariants(t, w.Ledger)
		})
	}
}

func ignore(err error, kind usher.Kind) error {
	if usher.KindOf(err) == kind {
		return nil
	}
	return err
}

func TestSpendCountsOnce(t *testing.T) {
	w := storetest.NewWorld(t)
	spend := func(k ledger.Key) error {
		return w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error { return tx.Spend(t.Context(), k, w.Clock.Instant()+1) })
	}
	keys := []ledger.Key{
		ledger.NewKey("a", "b", "c", "d"), ledger.NewKey("ab", "", "c", "d"), ledger.NewKey("a", "bc", "", "d"),
		ledger.NewKey("a", "b", "cd", ""), ledger.NewKey("", "a", "b", "cd"), ledger.NewKey("A", "b", "c", "d"),
		ledger.NewKey("a\x00b", "", "c", "d"), ledger.NewKey("a", "b", "c", "d\x00"),
	}
	for i, k := range keys {
		if spent, err := w.Ledger.Spent(t.Context(), k); spent || err != nil {
			t.Errorf("key %d was spent before it was: %v", i, err)
		}
		if err := spend(k); err != nil {
			t.Errorf("key %d: %v", i, err)
		}
		wantKind(t, "a second time", spend(k), usher.Conflict)
		if spent, err := w.Ledger.Spent(t.Context(), k); !spent || err != nil {
			t.Errorf("key %d is not spent: %v", i, err)
		}
	}
	wantKind(t, "no key", spend(ledger.Key{}), usher.Internal)
}

func TestEndUserNeedsAUser(t *testing.T) {
	w, s, families := begun(t)
	err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error { return tx.EndUser(t.Context(), "default", "") })
	wantKind(t, "nobody", err, usher.Internal)
	wantAlive(t, w, s, families, true, true, true)
}

func TestSetStateOfNobody(t *testing.T) {
	w := storetest.NewWorld(t)
	for user, want := range map[usher.UserID]usher.Kind{"nobody": usher.NotFound, "": usher.Invalid} {
		err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
			return tx.SetState(t.Context(), "default", usher.PrimaryStore, user, usher.StateDisabled)
		})
		wantKind(t, string(user), err, want)
	}
	user := ann(t, w)
	err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
		return tx.SetState(t.Context(), "default", usher.PrimaryStore, user, "happy")
	})
	wantKind(t, "no such state", err, usher.Invalid)
}
