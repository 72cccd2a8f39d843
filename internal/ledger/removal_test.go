package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/storetest"
)

// settled is somebody who has everything there is to have: an account that was
// asked about, a second provider, a session, tokens that outlive it, an
// application that knew them before, a reset code.
func settled(t *testing.T, w *storetest.World, p storetest.Person) (rec usher.Record, s ledger.Session) {
	t.Helper()
	storetest.MustApply(t, w.Ledger, p.Passing(w.Clock.Instant()))
	rec = p.Asked(w.Clock.Instant())
	rec.Decision.Changes = append(rec.Decision.Changes, usher.Change{Op: usher.OpAlias, Name: "wiki"})
	storetest.MustApply(t, w.Ledger, rec)
	other := p
	other.IdP = "fabrikam"
	link := other.Linking(w.Clock.Instant(), rec.Decision.User, rec.Identity.Attributes[0].Values[0])
	link.Decision.Changes = link.Decision.Changes[1:] // the password is proven
	storetest.MustApply(t, w.Ledger, link)
	s = storetest.MustBegin(t, w, rec)
	commit(t, w, func(tx *ledger.Tx) error {
		if err := tx.BeginFamily(t.Context(), named(offline(s), "offline "+p.Username)); err != nil {
			return err
		}
		return tx.IssueReset(t.Context(), ledger.Reset{Hash: storetest.Hash(p.Username), Tenant: p.Tenant, Store: rec.Decision.Store,
			User: rec.Decision.User, Expires: w.Clock.Instant() + 60*usher.Second})
	})
	return rec, s
}

func named(f ledger.Family, id string) ledger.Family {
	f.ID = id
	return f
}

// tablesOf is where a text stands.
func tablesOf(t *testing.T, w *storetest.World, text string) (out []string) {
	t.Helper()
	for table, rows := range w.Dump(t) {
		if strings.Contains(strings.Join(rows, "\n"), "'"+text+"'") {
			out = append(out, table)
		}
	}
	slices.Sort(out)
	return out
}

// Whoever was removed and comes again is somebody new, even by the same name:
// nothing of the old account is theirs, and nobody else has lost anything.
func TestA021_P065_DeletedComesAgainAsSomebodyNew(t *testing.T) {
	w := storetest.NewWorld(t)
	rec, s := settled(t, w, storetest.Ann)
	bob, bobs := settled(t, w, storetest.Numbered(1))
	neighbour := account(t, w, refOf(bob))
	old := rec.Decision.User

	commit(t, w, func(tx *ledger.Tx) error { return tx.Delete(t.Context(), "default", rec.Decision.Store, old) })
	storetest.CheckInvariants(t, w.Ledger)
	// What was decided stays, and that there was such an account; tokens are
	// remembered until they expire, so that nobody takes them for good.
	if d := cmp.Diff([]string{"code", "decision", "family", "gone", "outbox"}, tablesOf(t, w, string(old))); d != "" {
		t.Errorf("the old account stands in (-want +got):\n%s", d)
	}
	if got := tablesOf(t, w, storetest.Ann.Subject); got != nil {
		t.Errorf("the subject stands in %v", got)
	}
	for _, id := range []string{storetest.Code(s).Family, "offline ann"} {
		if !must(w.Ledger.Family(t.Context(), "default", id))(t).Revoked {
			t.Errorf("the tokens of %s live on", id)
		}
	}
	_, err := w.Ledger.Session(t.Context(), "default", s.Hash)
	wantKind(t, "the session", err, usher.NotFound)
	_, err = w.Ledger.Account(t.Context(), "default", rec.Decision.Store, old)
	wantKind(t, "the account", err, usher.NotFound)
	_, err = w.Ledger.Reset(t.Context(), "default", storetest.Hash("ann"))
	wantKind(t, "the code", err, usher.NotFound)
	err = w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error { return tx.Delete(t.Context(), "default", rec.Decision.Store, old) })
	wantKind(t, "again", err, usher.NotFound)

	if got := linked(t, w, storetest.Ann); got.Found != usher.FoundNone {
		t.Fatalf("they are known: %+v", got)
	}
	if seen := must(w.Ledger.SeenBy(t.Context(), "default", "contoso", storetest.Ann.Subject))(t); seen != nil {
		t.Errorf("seen by %v", seen)
	}
	anew := storetest.Ann.First(w.Clock.Instant())
	anew.Decision.Changes = []usher.Change{anew.Decision.Changes[0], {Op: usher.OpLink}}
	storetest.MustApply(t, w.Ledger, anew)
	got := linked(t, w, storetest.Ann).Account
	if got.ID == old || got.Username != "ann" || len(got.Attributes)+len(got.Groups)+len(got.Grants)+len(got.Receipts) > 0 ||
		got.Password != usher.CredentialNone || !slices.Equal(got.Links, []string{"contoso"}) {
		t.Errorf("the new account is %+v", got)
	}
	if _, _, found, err := w.Ledger.Alias(t.Context(), "default", "wiki", got.ID); found || err != nil {
		t.Errorf("an application takes them for who they were: %v, %v", found, err)
	}

	if d := cmp.Diff(neighbour, account(t, w, refOf(bob))); d != "" {
		t.Errorf("the neighbour:\n%s", d)
	}
	if f := must(w.Ledger.Family(t.Context(), "default", storetest.Code(bobs).Family))(t); f.Revoked {
		t.Error("the neighbour's tokens are worthless")
	}
	storetest.CheckInvariants(t, w.Ledger)
}

func TestUnlinkEndsWhatTheLinkOpened(t *testing.T) {
	w := storetest.NewWorld(t)
	rec, s := settled(t, w, storetest.Ann)
	bob, bobs := settled(t, w, storetest.Numbered(1))
	unlink := func(tenant, idp, subject string) error {
		return w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error { return tx.Unlink(t.Context(), tenant, idp, subject) })
	}
	before := w.Dump(t)
	for _, no := range [][3]string{{"default", "contoso", "x"}, {"default", "initech", storetest.Ann.Subject}, {"other", "contoso", storetest.Ann.Subject}} {
		wantKind(t, fmt.Sprint(no), unlink(no[0], no[1], no[2]), usher.NotFound)
	}
	if d := cmp.Diff(before, w.Dump(t)); d != "" {
		t.Errorf("left behind:\n%s", d)
	}
	for _, idp := range []string{"contoso", "fabrikam"} { // one after the other: the account ends with no link at all
		if err := unlink("default", idp, storetest.Ann.Subject); err != nil {
			t.Fatal(err)
		}
		storetest.CheckInvariants(t, w.Ledger)
	}
	if got := account(t, w, refOf(rec)); len(got.Links) != 0 || len(got.Attributes) != 3 {
		t.Errorf("the account is %+v", got)
	}
	_, err := w.Ledger.Session(t.Context(), "default", s.Hash)
	wantKind(t, "the session", err, usher.NotFound)
	if !must(w.Ledger.Family(t.Context(), "default", "offline ann"))(t).Revoked {
		t.Error("tokens live on")
	}
	if got := must(w.Ledger.Session(t.Context(), "default", bobs.Hash))(t); got.User != bob.Decision.User {
		t.Errorf("the neighbour's session is %+v", got)
	}
}

func TestP066_ProviderIsForgotten(t *testing.T) {
	for _, users := range []bool{false, true} {
		t.Run(fmt.Sprint("users_", users), func(t *testing.T) {
			w := storetest.NewWorld(t)
			both, s := settled(t, w, storetest.Ann) // linked to fabrikam too, and with a password
			var only []usher.Record
			for i := range 3 {
				p := storetest.Numbered(i)
				only = append(only, storetest.MustApply(t, w.Ledger, storetest.In([]string{usher.PrimaryStore, storetest.Corp}[i%2], p.First(w.Clock.Instant()))))
			}
			withPassword := storetest.MustApply(t, w.Ledger, storetest.Numbered(8).Asked(w.Clock.Instant()))
			elsewhere := storetest.Numbered(9)
			elsewhere.IdP = "fabrikam"
			storetest.MustApply(t, w.Ledger, elsewhere.First(w.Clock.Instant()))
			tenant := storetest.Numbered(0)
			tenant.Tenant = "other"
			storetest.MustApply(t, w.Ledger, tenant.First(w.Clock.Instant()))
			passing := storetest.MustBegin(t, w, storetest.MustApply(t, w.Ledger, storetest.Numbered(7).Passing(w.Clock.Instant())))
			commit(t, w, func(tx *ledger.Tx) error { return tx.BeginFamily(t.Context(), named(offline(passing), "passing")) })

			var links, removed int64
			commit(t, w, func(tx *ledger.Tx) (err error) {
				links, removed, err = tx.ForgetIdP(t.Context(), "default", "contoso", users)
				return err
			})
			want := int64(0)
			if users {
				want = 3
			}
			if links != 5 || removed != want {
				t.Errorf("%d links and %d accounts, want 5 and %d", links, removed, want)
			}
			storetest.CheckInvariants(t, w.Ledger)
			for _, rec := range only {
				if _, err := w.Ledger.Account(t.Context(), "default", rec.Decision.Store, rec.Decision.User); (err != nil) != users {
					t.Errorf("who had no other way in: %v", err)
				}
			}
			for _, rec := range []usher.Record{both, withPassword} {
				if got := account(t, w, refOf(rec)); slices.Contains(got.Links, "contoso") || len(got.Attributes) != 3 {
					t.Errorf("who had: %+v", got)
				}
			}
			for _, p := range []storetest.Person{storetest.Ann, storetest.Numbered(0), storetest.Numbered(8)} {
				if got := linked(t, w, p); got.Found != usher.FoundNone {
					t.Errorf("%s is linked: %+v", p.Username, got)
				}
			}
			for _, p := range []storetest.Person{elsewhere, tenant} {
				if got := linked(t, w, p); got.Account == nil {
					t.Errorf("%+v is not linked any more", p)
				}
			}
			for _, hash := range [][32]byte{s.Hash, passing.Hash} {
				_, err := w.Ledger.Session(t.Context(), "default", hash)
				wantKind(t, "a session", err, usher.NotFound)
			}
			for _, id := range []string{"offline ann", "passing", storetest.Code(s).Family} {
				if !must(w.Ledger.Family(t.Context(), "default", id))(t).Revoked {
					t.Errorf("the tokens of %s live on", id)
				}
			}
		})
	}
}

func TestP067_ProviderIsRenamed(t *testing.T) {
	w := storetest.NewWorld(t)
	rec, s := settled(t, w, storetest.Ann)
	other := storetest.Ann
	other.Tenant = "other"
	storetest.MustApply(t, w.Ledger, other.First(w.Clock.Instant()))
	rename := func(from, to string) error {
		return w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error { return tx.RenameIdP(t.Context(), "default", from, to) })
	}
	before := w.Dump(t)
	for to, want := range map[string]usher.Kind{"fabrikam": usher.Conflict, "contoso": usher.Conflict, usher.LocalIdP: usher.Invalid, "": usher.Invalid} {
		wantKind(t, to, rename("contoso", to), want)
	}
	wantKind(t, "of passwords", rename(usher.LocalIdP, "north"), usher.Invalid)
	if d := cmp.Diff(before, w.Dump(t)); d != "" {
		t.Errorf("left behind:\n%s", d)
	}
	was := account(t, w, refOf(rec))
	if err := rename("contoso", "north"); err != nil {
		t.Fatal(err)
	}
	storetest.CheckInvariants(t, w.Ledger)
	renamed := storetest.Ann
	renamed.IdP = "north"
	got := linked(t, w, renamed)
	if got.Account == nil || got.Account.ID != rec.Decision.User {
		t.Fatalf("under the new name: %+v", got)
	}
	for i, h := range was.Attributes {
		if h.Source.Kind == usher.SourceIdP {
			was.Attributes[i].Source.Name = "north"
		}
	}
	for i := range was.Grants {
		was.Grants[i].Source.Name = "north"
	}
	was.Links = []string{"fabrikam", "north"}
	if d := cmp.Diff(was, *got.Account); d != "" {
		t.Errorf("the account (-want +got):\n%s", d)
	}
	if got := linked(t, w, storetest.Ann); got.Found != usher.FoundNone {
		t.Errorf("under the old name: %+v", got)
	}
	if got := linked(t, w, other); got.Account == nil {
		t.Error("in another tenant nobody is linked any more")
	}
	if got := must(w.Ledger.Session(t.Context(), "default", s.Hash))(t); got.IdP != "north" {
		t.Errorf("the session is by %s", got.IdP)
	}
	for _, id := range []string{storetest.Code(s).Family, "offline ann"} {
		if f := must(w.Ledger.Family(t.Context(), "default", id))(t); f.IdP != "north" || f.Revoked {
			t.Errorf("the family %s is %+v", id, f)
		}
	}
	// Applications go on knowing them by what was made of the old name.
	idp, subject, found, err := w.Ledger.Alias(t.Context(), "default", "wiki", rec.Decision.User)
	if idp != "contoso" || subject != storetest.Ann.Subject || !found || err != nil {
		t.Errorf("known as %s of %s, %v, %v", subject, idp, found, err)
	}
	if seen := must(w.Ledger.SeenBy(t.Context(), "default", "north", storetest.Ann.Subject))(t); !slices.Equal(seen, []string{"wiki"}) {
		t.Errorf("seen by %v", seen)
	}
	// And a sync goes on where it was.
	rec = renamed.Synced(w.Clock.Instant(), rec.Decision.User)
	storetest.MustApply(t, w.Ledger, rec)
	storetest.CheckInvariants(t, w.Ledger)
}
