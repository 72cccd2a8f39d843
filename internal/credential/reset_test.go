package credential_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/storetest"
)

// set takes a code and sets a password, in one commit.
func (w *world) set(t testing.TB, code, plain string) error {
	t.Helper()
	reset, reason, err := w.Reset(t.Context(), tenant, code)
	if err != nil || reason != "" {
		return usher.Fail(usher.NotFound, "test", string(reason), err)
	}
	phc, err := w.Hash(t.Context(), plain)
	if err != nil {
		t.Fatal(err)
	}
	return w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
		if err := reset.Take(t.Context(), tx); err != nil {
			return err
		}
		return tx.SetPassword(t.Context(), tenant, reset.Ref.Store, reset.Ref.User, store.Password{Hash: phc, Proven: true})
	})
}

func (w *world) issue(t testing.TB, ref usher.AccountRef) string {
	t.Helper()
	code, expires, err := w.Issue(t.Context(), tenant, ref)
	if err != nil || expires != w.Clock.Instant()+30*60*usher.Second || url.QueryEscape(code) != code || len(code) != 43 {
		t.Fatalf("%q until %d: %v", code, expires, err)
	}
	return code
}

func TestCodesAreGoodOnce(t *testing.T) {
	w := newWorld(t)
	ref := w.account(t, storetest.Corp, "ann", "")
	w.tries(t, "CORP/ann", right, failsFive...)
	code := w.issue(t, ref)
	for range 2 { // looking does not use it
		if r, reason, err := w.Reset(t.Context(), tenant, code); r.Ref != ref || r.Username != "ann" || reason != "" || err != nil {
			t.Errorf("%+v, %q, %v", r, reason, err)
		}
	}
	r, _, err := w.Reset(t.Context(), tenant, code)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.set(t, code, right); err != nil {
		t.Fatal(err)
	}
	w.tries(t, "CORP/ann", right, "") // and what was wrong before is forgiven
	if err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error { return r.Take(t.Context(), tx) }); usher.KindOf(err) != usher.NotFound {
		t.Errorf("taken twice: %v", err)
	}
	if err := w.set(t, code, "another horse"); usher.KindOf(err) != usher.NotFound {
		t.Errorf("used twice: %v", err)
	}
	w.tries(t, "CORP/ann", right, "")
	storetest.CheckInvariants(t, w.Ledger)
}

func TestCodesThatAreNoGood(t *testing.T) {
	w := newWorld(t)
	ref := w.account(t, usher.PrimaryStore, "ann", right)
	void := w.issue(t, ref)
	current := w.issue(t, ref)
	unknown := func(name, in, code string) {
		t.Helper()
		if r, reason, err := w.Reset(t.Context(), in, code); r.Take != nil || r.Ref != (usher.AccountRef{}) || reason != usher.ReasonResetUnknown || err != nil {
			t.Errorf("%s: %+v, %q, %v", name, r, reason, err)
		}
	}
	unknown("an earlier one", tenant, void)
	unknown("another tenant's", "another", current)
	for _, code := range []string{"", " ", "A", strings.Repeat("A", 43), strings.Repeat("A", 42), strings.Repeat("A", 44), current + "=", " " + current, current[:42] + "!", strings.ToUpper(current), current + current, strings.Repeat("A", 1<<20), "\xff"} {
		unknown(fmt.Sprintf("%.50q", code), tenant, code)
	}
	w.Clock.Move(30*time.Minute - time.Microsecond)
	if _, reason, err := w.Reset(t.Context(), tenant, current); reason != "" || err != nil {
		t.Errorf("just in time: %q, %v", reason, err)
	}
	w.Clock.Move(time.Microsecond)
	unknown("too late", tenant, current)
	late := w.issue(t, ref)
	if err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error { return tx.Delete(t.Context(), tenant, ref.Store, ref.User) }); err != nil {
		t.Fatal(err)
	}
	unknown("nobody's", tenant, late)
	for _, ref := range []usher.AccountRef{ref, {Store: "NOSTORE", User: "x"}, {}} {
		if code, _, err := w.Issue(t.Context(), tenant, ref); usher.KindOf(err) != usher.NotFound || code != "" {
			t.Errorf("for %v: %q, %v", ref, code, err)
		}
	}
}

// forgot asks for a code and gives what is queued of it.
func (w *world) asks(t testing.TB, name, from string) []ledger.Event {
	t.Helper()
	last := int64(0)
	for _, e := range w.queued(t) {
		last = e.ID
	}
	if err := w.Forgot(t.Context(), tenant, name, from); err != nil {
		t.Fatalf("%q: %v", name, err)
	}
	return slices.DeleteFunc(w.queued(t), func(e ledger.Event) bool { return e.ID <= last })
}

func (w *world) queued(t testing.TB) []ledger.Event {
	t.Helper()
	events, err := w.Ledger.Undelivered(context.WithoutCancel(t.Context()), 1000)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func TestForgotten(t *testing.T) {
	w := newWorld(t)
	ann := w.account(t, usher.PrimaryStore, "ann", right, email("ann@contoso.test", true))
	corp := w.account(t, storetest.Corp, "ann", right, email("Ann@Contoso.test", true))
	w.account(t, usher.PrimaryStore, "bob", right, email("bob@contoso.test", false))
	w.account(t, usher.PrimaryStore, "eve", right)
	w.state(t, w.account(t, usher.PrimaryStore, "dan", right, email("dan@contoso.test", true)), usher.StateDisabled)
	named := w.account(t, usher.PrimaryStore, "fay@contoso.test", right, email("fay@fabrikam.test", true))
	w.account(t, usher.PrimaryStore, "mallory", right, email("fay@contoso.test", true))
	for name, want := range map[string][]usher.AccountRef{
		"ann": {ann}, "PRIMARY/Ann": {ann}, "CORP/ann": {corp}, " ANN@contoso.TEST ": {ann, corp}, "fay@contoso.test": {named}, "fay@fabrikam.test": {named},
		"bob": nil, "bob@contoso.test": nil, "eve": nil, "dan": nil, "dan@contoso.test": nil, "nobody": nil, "nobody@contoso.test": nil, "": nil, "\xff": nil, "ann%": nil, strings.Repeat("x", 3000): nil, "ann@contoso.test.": nil,
	} {
		w.Keeper = w.keeper() // for the address
		committed := w.ledger.commits.Load()
		events := w.asks(t, name, here)
		if committed = w.ledger.commits.Load() - committed; committed != 1 {
			t.Errorf("%.20q: %d commits", name, committed)
		}
		var got []usher.AccountRef
		for _, e := range events {
			got = append(got, usher.AccountRef{Store: e.Store, User: e.User})
			r, reason, err := w.Reset(t.Context(), tenant, string(e.Secret))
			if e.Name != "password.reset" || e.Tenant != tenant || strings.Contains(string(e.Body), string(e.Secret)) || r.Ref != got[len(got)-1] || reason != "" || err != nil {
				t.Errorf("%q: %+v for %v, %q, %v", name, e.Name, r.Ref, reason, err)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%.20q: sent to %v, want %v", name, got, want)
		}
	}
}

// Codes are not sent as often as somebody likes; nobody is told.
func TestForgottenTooOften(t *testing.T) {
	w := newWorld(t)
	w.account(t, usher.PrimaryStore, "ann", right, email("ann@contoso.test", true))
	w.account(t, usher.PrimaryStore, "bob", right, email("bob@contoso.test", true))
	counts := func(name, from string, want int) {
		t.Helper()
		if got := len(w.asks(t, name, from)); got != want {
			t.Errorf("%s from %s: %d codes, want %d", name, from, got, want)
		}
	}
	for i, name := range []string{"ann", "ANN", " primary/ann", "ann", "\uff41nn", "ann"} {
		counts(name, "", map[bool]int{true: 1}[i < 3])
	}
	w.Clock.Move(30 * time.Minute) // asking goes on, and does not keep the owner out
	counts("ann", "", 0)
	w.Clock.Move(30*time.Minute + time.Second)
	counts("ann", "", 1)

	for i := range 10 {
		counts(fmt.Sprint("nobody", i), here, 0)
	}
	counts("bob", here, 0)
	counts("bob", "203.0.113.8", 1)
	w.Clock.Move(20*time.Minute + time.Second)
	counts("bob", here, 1)
}
