package credential_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/password"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/storetest"
)

func TestP011_PasswordThenWorks(t *testing.T) {
	w := newWorld(t)
	ref := w.account(t, storetest.Corp, "ann", "")
	w.tries(t, "CORP/ann", right, usher.ReasonLocalRefused)
	if unfit := w.Check(tenant, storetest.Corp, "ann", right); unfit != usher.Fits {
		t.Fatal(unfit)
	}
	phc, err := w.Hash(t.Context(), right)
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, storetest.Corp, store.Write{User: ref.User, Password: &store.Password{Hash: phc, Proven: true}})
	for _, name := range []string{"CORP/ann", "corp/Ann", " Corp/ ANN "} {
		if got, reason, err := w.SignIn(t.Context(), tenant, name, right, here); got != ref || reason != "" || err != nil {
			t.Errorf("%q: %v, %q, %v", name, got, reason, err)
		}
	}
	w.tries(t, "ann", right, usher.ReasonLocalRefused) // nobody in the default store
	if reason, err := w.Prove(t.Context(), tenant, ref, right, here); reason != "" || err != nil {
		t.Errorf("prove: %q, %v", reason, err)
	}
}

func TestNames(t *testing.T) {
	w := newWorld(t)
	want := map[string]usher.AccountRef{
		"ann": w.account(t, usher.PrimaryStore, "ann", right), "a/b": w.account(t, usher.PrimaryStore, "a/b", right), "corp/ann": w.account(t, storetest.Corp, "ann", right),
		"primary/corp/ann": w.account(t, usher.PrimaryStore, "corp/ann", right), "ann@contoso.test": w.account(t, usher.PrimaryStore, "ann@contoso.test", right),
	}
	for name, ref := range map[string]usher.AccountRef{
		"PRIMARY/ann": want["ann"], "ANN": want["ann"], "\t ann\u00a0": want["ann"], "\uff41nn": want["ann"], "A/B": want["a/b"], "primary/a/b": want["a/b"],
		"CORP/ann": want["corp/ann"], "Primary/corp/Ann": want["primary/corp/ann"], "Ann@Contoso.test": want["ann@contoso.test"],
		"/ann": {}, "ann/": {}, "CORP": {}, "CORP/": {}, "CORP/a/b": {}, "": {}, " ": {}, "\xff": {}, "an n": {}, "ann%": {}, strings.Repeat("a", 600): {}, "ann" + strings.Repeat(" ", 600) + "x": {}, "\u017fann": {},
	} {
		got, reason, err := w.SignIn(t.Context(), tenant, name, right, "")
		if err != nil || got != ref || (reason == "") != (ref != usher.AccountRef{}) {
			t.Errorf("%.20q: %v, %q, %v; want %v", name, got, reason, err, ref)
		}
	}
	if _, reason, err := w.SignIn(t.Context(), "another", "ann", right, ""); reason != usher.ReasonLocalRefused || err != nil {
		t.Errorf("another tenant: %q, %v", reason, err)
	}
}

func TestA097_OneCounterForEveryWayToWriteAName(t *testing.T) {
	w := newWorld(t)
	ann, bob := w.account(t, usher.PrimaryStore, "ann", right), w.account(t, usher.PrimaryStore, "bob", right)
	corp := w.account(t, storetest.Corp, "ann", right)
	for _, name := range []string{"ann", "ANN ", "\uff41nn", "primary/Ann"} {
		w.tries(t, name, "wrong", usher.ReasonLocalRefused)
	}
	if reason, err := w.Prove(t.Context(), tenant, ann, "wrong", here); reason != usher.ReasonLocalRefused || err != nil {
		t.Errorf("prove: %q, %v", reason, err)
	}
	for _, name := range []string{"ann", "ANN", " ann", "\uff41nn", "PRIMARY/ann", "primary/ann"} {
		w.tries(t, name, right, usher.ReasonLocalTooMany)
	}
	if reason, err := w.Prove(t.Context(), tenant, ann, right, here); reason != usher.ReasonLocalTooMany || err != nil {
		t.Errorf("prove: %q, %v", reason, err)
	}
	w.Keeper = w.keeper() // a restart forgets nothing
	w.tries(t, "ann", right, usher.ReasonLocalTooMany)
	for name, ref := range map[string]usher.AccountRef{"bob": bob, "CORP/ann": corp} { // nobody else waits
		if got, reason, err := w.SignIn(t.Context(), tenant, name, right, here); got != ref || reason != "" || err != nil {
			t.Errorf("%s: %v, %q, %v", name, got, reason, err)
		}
	}
	w.Clock.Move(time.Second)
	w.tries(t, "Ann", right, "")
	w.tries(t, "ann", "wrong", failsFive...) // it was forgiven
}

// The wait grows from the last failure on, to a quarter of an hour and no more;
// whoever waits it out gets in. The way through a provider is open all the time.
func TestA097_TheWaitGrowsAndEnds(t *testing.T) {
	w := newWorld(t)
	ann := storetest.MustApply(t, w.Ledger, storetest.Ann.First(w.Clock.Instant())).Decision.User
	phc, err := w.Hash(t.Context(), right)
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, usher.PrimaryStore, store.Write{User: ann, Password: &store.Password{Hash: phc}})
	w.tries(t, "ann", "wrong", failsFive...)
	for _, seconds := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900} {
		w.Clock.Move(time.Duration(seconds)*time.Second - time.Microsecond)
		w.tries(t, "ann", right, usher.ReasonLocalTooMany)
		w.Clock.Move(time.Microsecond)
		w.tries(t, "ann", "wrong", usher.ReasonLocalRefused)
		w.Keeper = w.keeper() // for the address
	}
	storetest.MustApply(t, w.Ledger, storetest.Ann.Returning(w.Clock.Instant(), ann))
	w.Clock.Move(15 * time.Minute)
	w.tries(t, "ann", right, "")

	w.tries(t, "ann", "wrong", failsFive...)
	w.Clock.Move(24*time.Hour + time.Second)
	w.tries(t, "ann", "wrong", failsFive...) // a day later nobody remembers
}

// However many try at the same moment, they learn no more than one after the
// other would.
func TestA097_ManyAtOnce(t *testing.T) {
	w := newWorld(t)
	w.account(t, usher.PrimaryStore, "ann", right)
	var told, in atomic.Int64
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			_, reason, err := w.SignIn(t.Context(), tenant, "ann", fmt.Sprint("guess ", i), fmt.Sprintf("198.51.100.%d", i))
			switch {
			case err != nil:
				t.Error(err)
			case reason == "":
				in.Add(1)
			case reason == usher.ReasonLocalRefused:
				told.Add(1)
			}
		})
	}
	all.Wait()
	if told.Load() > 5 || in.Load() > 0 {
		t.Errorf("%d were told, %d came in", told.Load(), in.Load())
	}
	w.tries(t, "ann", right, usher.ReasonLocalTooMany)
	w.Clock.Move(time.Second) // and not more than the wait of five
	w.tries(t, "ann", right, "")
}

func TestA097_OneAddress(t *testing.T) {
	w := newWorld(t)
	w.account(t, usher.PrimaryStore, "ann", right)
	try := func(name, plain, from string, want usher.Reason) {
		t.Helper()
		if _, reason, err := w.SignIn(t.Context(), tenant, name, plain, from); reason != want || err != nil {
			t.Errorf("%s from %s: %q, %v; want %q", name, from, reason, err, want)
		}
	}
	for i := range 30 {
		try("ann", right, "2001:db8::1", "") // who is right does not count
		try(fmt.Sprint("somebody", i), "wrong", fmt.Sprintf("2001:db8::%x", i), usher.ReasonLocalRefused)
	}
	for _, from := range []string{"2001:db8::1", "2001:db8::ffff:1", "2001:db8::1%eth0"} {
		try("ann", right, from, usher.ReasonLocalTooMany)
	}
	for _, from := range []string{"2001:db8:0:1::1", here, "", "not an address"} {
		try("ann", right, from, "")
	}
	for i := range 40 { // a proxy is everybody
		try(fmt.Sprint("another", i), "wrong", "10.1.2.3", usher.ReasonLocalRefused)
	}
	try("ann", right, "10.1.2.3", "")
	for i := range 30 {
		try(fmt.Sprint("fourth", i), "wrong", here, usher.ReasonLocalRefused)
	}
	try("ann", right, "::ffff:"+here, usher.ReasonLocalTooMany)
	w.Clock.Move(20*time.Minute + time.Second)
	try("ann", right, "2001:db8::1", "")
	try("ann", right, here, "")
}

// Nobody can tell who is there: not by what is said, not by the work, not by
// what is counted.
func TestA098_KnownAndUnknownAreAlike(t *testing.T) {
	w := newWorld(t)
	w.account(t, usher.PrimaryStore, "known", right)
	w.account(t, usher.PrimaryStore, "federated", "")
	for name, state := range map[string]usher.AccountState{"disabled": usher.StateDisabled, "locked": usher.StateLocked, "pending": usher.StatePending, "expired": usher.StateExpired} {
		w.state(t, w.account(t, usher.PrimaryStore, name, right), state)
	}
	broken := w.account(t, usher.PrimaryStore, "broken", "")
	w.write(t, usher.PrimaryStore, store.Write{User: broken.User, Password: &store.Password{Hash: "$argon2id$v=19$m=4194304,t=9,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}})
	for _, name := range []string{"known", "federated", "disabled", "locked", "pending", "expired", "broken", "unknown", "CORP/unknown", "NOSTORE/known", "no name", "admin", "\xff", strings.Repeat("x", 300), strings.Repeat("y", 3000)} {
		w.Keeper = w.keeper() // for the address
		for i := range 7 {
			want, work, commits := usher.ReasonLocalRefused, int64(1), int64(1)
			if i >= 5 {
				want, work, commits = usher.ReasonLocalTooMany, 0, 0
			}
			plain := []string{"wrong", "", "\xff", strings.Repeat("w", 5000), "wrong", "wrong", right}[i]
			done, committed := w.hasher.done.Load(), w.ledger.commits.Load()
			w.tries(t, name, plain, want)
			if done, committed = w.hasher.done.Load()-done, w.ledger.commits.Load()-committed; done != work || committed != commits {
				t.Errorf("%.20q, attempt %d: %d hashes and %d commits, want %d and %d", name, i+1, done, committed, work, commits)
			}
		}
	}
	gone := usher.AccountRef{Store: usher.PrimaryStore, User: "gone"}
	for _, ref := range []usher.AccountRef{gone, {Store: "NOSTORE", User: "gone"}} {
		done := w.hasher.done.Load()
		if reason, err := w.Prove(t.Context(), tenant, ref, right, ""); reason != usher.ReasonLocalRefused || err != nil || w.hasher.done.Load()-done != 1 {
			t.Errorf("%v: %q, %v", ref, reason, err)
		}
	}
}

// Who knows the password of an account that can't be used is told so by the
// decision.
func TestInactiveAccountsAreFound(t *testing.T) {
	w := newWorld(t)
	ref := w.account(t, usher.PrimaryStore, "ann", right)
	for _, state := range []usher.AccountState{usher.StateDisabled, usher.StateLocked, usher.StatePending, usher.StateExpired} {
		w.state(t, ref, state)
		if got, reason, err := w.SignIn(t.Context(), tenant, "ann", right, here); got != ref || reason != "" || err != nil {
			t.Errorf("%s: %v, %q, %v", state, got, reason, err)
		}
	}
}

// What can't be checked lets nobody in, and is nobody's failure.
func TestFailsClosed(t *testing.T) {
	w := newWorld(t)
	ref := w.account(t, usher.PrimaryStore, "ann", right)
	away := usher.Fail(usher.Unavailable, "test", "", nil)
	w.hasher.fail = away
	for range 40 {
		for _, name := range []string{"ann", "nobody"} {
			if got, reason, err := w.SignIn(t.Context(), tenant, name, right, here); usher.KindOf(err) != usher.Unavailable || got != (usher.AccountRef{}) || reason != "" {
				t.Fatalf("no hasher: %v, %q, %v", got, reason, err)
			}
		}
	}
	w.hasher.fail = nil
	w.ledger.fail = away
	for _, plain := range []string{right, "wrong"} {
		if got, reason, err := w.SignIn(t.Context(), tenant, "ann", plain, here); usher.KindOf(err) != usher.Unavailable || got != (usher.AccountRef{}) || reason != "" {
			t.Errorf("no ledger: %v, %q, %v", got, reason, err)
		}
		if reason, err := w.Prove(t.Context(), tenant, ref, plain, here); usher.KindOf(err) != usher.Unavailable || reason != "" {
			t.Errorf("no ledger: %q, %v", reason, err)
		}
	}
	if _, _, err := w.Issue(t.Context(), tenant, ref); usher.KindOf(err) != usher.Unavailable {
		t.Errorf("issue: %v", err)
	}
	if err := w.Forgot(t.Context(), tenant, "ann", here); usher.KindOf(err) != usher.Unavailable {
		t.Errorf("forgot: %v", err)
	}
	w.ledger.fail = nil
	w.tries(t, "ann", right, "")
	if err := w.DB.Close(); err != nil {
		t.Fatal(err)
	}
	if _, reason, err := w.SignIn(t.Context(), tenant, "ann", right, here); err == nil || reason != "" {
		t.Errorf("no database: %q, %v", reason, err)
	}
	if _, reason, err := w.Reset(t.Context(), tenant, strings.Repeat("A", 43)); err == nil || reason != "" {
		t.Errorf("no database: %q, %v", reason, err)
	}
}

// A hash that is too cheap is made anew from the right password, and from it only.
func TestRehash(t *testing.T) {
	w := newWorld(t)
	ref := w.account(t, usher.PrimaryStore, "ann", right)
	before := w.held(t, ref)
	w.hasher.Hasher = password.New(password.Config{Memory: 128, Passes: 2})
	w.tries(t, "ann", "wrong", usher.ReasonLocalRefused)
	if w.held(t, ref) != before {
		t.Error("a wrong password changed it")
	}
	w.tries(t, "ann", right, "")
	after := w.held(t, ref)
	if after.Hash == before.Hash || !strings.Contains(after.Hash, "m=128,t=2") || after.Proven != before.Proven {
		t.Errorf("%v became %v", before, after)
	}
	w.tries(t, "ann", right, "")
	if w.held(t, ref) != after {
		t.Error("it was made anew twice")
	}

	// One that is set at the same moment stays.
	w.write(t, usher.PrimaryStore, store.Write{User: ref.User, Password: &before})
	another, err := w.Hash(t.Context(), "another horse")
	if err != nil {
		t.Fatal(err)
	}
	w.ledger.before = func() {
		w.write(t, usher.PrimaryStore, store.Write{User: ref.User, Password: &store.Password{Hash: another}})
	}
	w.tries(t, "ann", right, "")
	if got := w.held(t, ref); got.Hash != another || got.Proven {
		t.Errorf("it was overwritten with %v", got)
	}
}

func TestCheckAsksTheStore(t *testing.T) {
	w := newWorld(t)
	w.Stores[storetest.Corp] = store.Policy{MinPassword: 20}
	for _, c := range []struct {
		in, plain string
		want      usher.Unfit
	}{{usher.PrimaryStore, right, ""}, {storetest.Corp, right, usher.UnfitShort}, {usher.PrimaryStore, "ann.lester", usher.UnfitCompromised}, {usher.PrimaryStore, "", usher.UnfitEmpty}} {
		if got := w.Check(tenant, c.in, "ann.lester", c.plain); got != c.want {
			t.Errorf("%q in %s: %q, want %q", c.plain, c.in, got, c.want)
		}
	}
	if _, err := w.Hash(t.Context(), "\xff"); usher.KindOf(err) != usher.Invalid {
		t.Errorf("hash: %v", err)
	}
}
