package ledger_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/storetest"
)

func account(t *testing.T, w *storetest.World, ref usher.AccountRef) usher.Account {
	t.Helper()
	return must(w.Ledger.Account(t.Context(), usher.DefaultTenant, ref.Store, ref.User))(t)
}

func refOf(rec usher.Record) usher.AccountRef {
	return usher.AccountRef{Store: rec.Decision.Store, User: rec.Decision.User}
}

// Two stores have a bob each, and neither knows of the other.
func TestP005_TwoStoresHaveABobEach(t *testing.T) {
	w := storetest.NewWorld(t)
	here, there := storetest.Ann, storetest.Ann
	there.Subject = "another subject"
	one := storetest.MustApply(t, w.Ledger, here.Asked(w.Clock.Instant()))
	two := storetest.MustApply(t, w.Ledger, storetest.In(storetest.Corp, there.Asked(w.Clock.Instant())))
	for p, rec := range map[storetest.Person]usher.Record{here: one, there: two} {
		got := linked(t, w, p)
		if got.Link.Store != rec.Decision.Store || got.Account == nil || got.Account.ID != rec.Decision.User || got.Account.Store != rec.Decision.Store {
			t.Errorf("linked: %+v, %+v", got.Link, got.Account)
		}
		if d := cmp.Diff(*got.Account, account(t, w, refOf(rec))); d != "" {
			t.Errorf("read alone:\n%s", d)
		}
		for _, h := range got.Account.Attributes {
			if !h.Intact {
				t.Errorf("%s of %s is not intact", h.Name, got.Account.Store)
			}
		}
	}
	_, err := w.Ledger.Account(t.Context(), usher.DefaultTenant, storetest.Corp, one.Decision.User)
	wantKind(t, "in the other store", err, usher.NotFound)

	// What is done to one is not done to the other.
	s1, s2 := storetest.MustBegin(t, w, one), storetest.MustBegin(t, w, two)
	commit(t, w, func(tx *ledger.Tx) error {
		return tx.SetState(t.Context(), "default", storetest.Corp, two.Decision.User, usher.StateLocked)
	})
	for s, want := range map[*ledger.Session]usher.AccountState{&s1: usher.StateActive, &s2: usher.StateLocked} {
		got := must(w.Ledger.Session(t.Context(), "default", s.Hash))(t)
		f := must(w.Ledger.Family(t.Context(), "default", storetest.Code(*s).Family))(t)
		if got.State != want || f.Revoked == (want == usher.StateActive) {
			t.Errorf("%s: %s, tokens revoked %v", got.Store, got.State, f.Revoked)
		}
	}
	storetest.CheckInvariants(t, w.Ledger)
}

func TestStoreThatIsNotHere(t *testing.T) {
	w := storetest.NewWorld(t)
	if _, ok := w.Ledger.Driver("ELSEWHERE"); ok {
		t.Error("there is a driver for it")
	}
	err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
		if _, ok := tx.Store("ELSEWHERE"); ok {
			t.Error("it is there")
		}
		return tx.SetState(t.Context(), "default", "ELSEWHERE", "u", usher.StateActive)
	})
	wantKind(t, "a change", err, usher.NotFound)
}

// What the person gave and agreed to is in the account the moment it is made,
// and tells that it was they who gave it.
func TestAskedPersonHasWhatTheyGave(t *testing.T) {
	w := storetest.NewWorld(t)
	rec := storetest.MustApply(t, w.Ledger, storetest.Ann.Asked(w.Clock.Instant()))
	got := account(t, w, refOf(rec))
	i := slices.IndexFunc(got.Attributes, func(h usher.Held) bool { return h.Name == "phone" })
	want := usher.Held{Name: "phone", Values: []string{"+48 1"}, Intact: true, Source: usher.Source{
		Kind: usher.SourceUser, Name: string(rec.Decision.User), Rule: "jit.askFor", Decision: rec.ID, At: rec.Snapshot.At}}
	if d := cmp.Diff(want, got.Attributes[i]); d != "" {
		t.Errorf("phone (-want +got):\n%s", d)
	}
	if got.Password != usher.CredentialProven {
		t.Errorf("the password is %q", got.Password)
	}
	p := must(w.Driver(t, usher.PrimaryStore).Password(t.Context(), "default", rec.Decision.User))(t)
	if p != (store.Password{Hash: storetest.PasswordHash, Proven: true}) {
		t.Errorf("kept: %+v", p)
	}
	receipts := []usher.Receipt{
		{Purpose: "account", Version: 1, Accepted: true, Attributes: []string{"email", "phone"}, At: rec.Snapshot.At},
		{Purpose: "news", Version: 2, At: rec.Snapshot.At},
	}
	if d := cmp.Diff(receipts, got.Receipts, cmpopts.IgnoreFields(usher.Receipt{}, "ID"), cmpopts.EquateEmpty()); d != "" {
		t.Errorf("receipts (-want +got):\n%s", d)
	}
	kept := must(w.Ledger.Explain(t.Context(), rec.ID))(t)
	if strings.Contains(bytesOf(t, kept), "argon2") {
		t.Error("the record holds the hash")
	}
	storetest.CheckInvariants(t, w.Ledger)
}

func TestReceiptsAreReplacedAndWithdrawn(t *testing.T) {
	w := storetest.NewWorld(t)
	first := storetest.MustApply(t, w.Ledger, storetest.Ann.Asked(w.Clock.Instant()))
	ref := refOf(first)
	all := func() []ledger.Receipt {
		t.Helper()
		return must(w.Ledger.Receipts(t.Context(), "default", ref.Store, ref.User))(t)
	}
	got := all()
	if len(got) != 2 || got[0].Consent.Purpose != "news" || got[0].ID == got[1].ID {
		t.Fatalf("receipts: %+v", got)
	}
	want := ledger.Receipt{
		Tenant: "default", Store: ref.Store, User: ref.User, Subject: storetest.Ann.Subject, IdP: "contoso", Application: "wiki",
		Consent: first.Answers.Consents[0], Decision: first.ID, Given: first.Snapshot.At,
	}
	if d := cmp.Diff(want, got[1], cmpopts.IgnoreFields(ledger.Receipt{}, "ID")); d != "" {
		t.Errorf("receipt (-want +got):\n%s", d)
	}
	old := got[1]

	w.Clock.Move(time.Hour)
	again := storetest.Ann.Returning(w.Clock.Instant(), ref.User)
	again.Decision.Changes = append(again.Decision.Changes, usher.Change{Op: usher.OpConsent, Consent: &usher.Consent{
		Purpose: "account", Version: 2, Accepted: true, Attributes: []string{"email"}}})
	storetest.MustApply(t, w.Ledger, again)
	if now := account(t, w, ref).Receipts; len(now) != 2 || now[0].Version != 2 || now[1].Purpose != "news" {
		t.Errorf("what counts: %+v", now)
	}
	if got = all(); len(got) != 3 || got[0].Consent.Version != 2 || got[0].Replaced || !got[2].Replaced {
		t.Errorf("all: %+v", got)
	}

	withdraw := func(tenant, id string) (r ledger.Receipt, err error) {
		err = w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
			r, err = tx.Withdraw(t.Context(), tenant, id)
			return err
		})
		return r, err
	}
	for what, x := range map[string][2]string{"replaced": {"default", old.ID}, "of another tenant": {"other", got[0].ID}, "never": {"default", "x"}} {
		_, err := withdraw(x[0], x[1])
		wantKind(t, what, err, usher.NotFound)
	}
	w.Clock.Move(time.Hour)
	gone, err := withdraw("default", got[0].ID)
	got[0].Withdrawn = w.Clock.Instant()
	if d := cmp.Diff(got[0], gone); d != "" || err != nil {
		t.Errorf("withdrawn: %v (-want +got):\n%s", err, d)
	}
	_, err = withdraw("default", got[0].ID)
	wantKind(t, "withdrawn again", err, usher.NotFound)
	// The one it had replaced does not come to count again.
	if now := account(t, w, ref).Receipts; len(now) != 1 || now[0].Purpose != "news" {
		t.Errorf("what counts: %+v", now)
	}
	if d := cmp.Diff(got, all()); d != "" {
		t.Errorf("all:\n%s", d)
	}
	storetest.CheckInvariants(t, w.Ledger)
}

func TestSetAttributesTellsWhoDid(t *testing.T) {
	w := storetest.NewWorld(t)
	rec := storetest.MustApply(t, w.Ledger, storetest.Ann.Asked(w.Clock.Instant()))
	ref := refOf(rec)
	w.Clock.Move(time.Hour)
	by := usher.Source{Kind: usher.SourceAdmin, Name: "operator", At: w.Clock.Instant()}
	set := []store.Attribute{{Name: "email", Values: []string{"Ann@Fabrikam.test"}}, {Name: "desk", Values: []string{"4"}, Verified: true}}
	commit(t, w, func(tx *ledger.Tx) error {
		return tx.SetAttributes(t.Context(), "default", ref, by, set, []string{"givenName", "never"})
	})
	phone := account(t, w, ref).Attributes[2]
	if d := cmp.Diff([]usher.Held{
		{Name: "desk", Values: []string{"4"}, Verified: true, Source: by, Intact: true},
		{Name: "email", Values: []string{"Ann@Fabrikam.test"}, Source: by, Intact: true},
		phone,
	}, account(t, w, ref).Attributes); d != "" || phone.Source.Kind != usher.SourceUser {
		t.Errorf("attributes:\n%s", d)
	}
	if n := len(w.Dump(t)["provenance"]); n != 3 {
		t.Errorf("provenance of %d attributes", n)
	}
	if ids := must(w.Driver(t, ref.Store).Holders(t.Context(), "default", "email", "ann@fabrikam.test", 2))(t); !slices.Equal(ids, []usher.UserID{ref.User}) {
		t.Errorf("the new address is held by %v", ids)
	}
	storetest.CheckInvariants(t, w.Ledger)

	before := w.Dump(t)
	for what, ref := range map[string]usher.AccountRef{"nobody": {Store: ref.Store, User: "x"}, "another store": {Store: storetest.Corp, User: ref.User}} {
		for how, change := range map[string]func(*ledger.Tx) error{
			"attributes": func(tx *ledger.Tx) error { return tx.SetAttributes(t.Context(), "default", ref, by, set, nil) },
			"password": func(tx *ledger.Tx) error {
				return tx.SetPassword(t.Context(), "default", ref.Store, ref.User, store.Password{Hash: storetest.PasswordHash})
			},
			"state": func(tx *ledger.Tx) error {
				return tx.SetState(t.Context(), "default", ref.Store, ref.User, usher.StateLocked)
			},
			"delete": func(tx *ledger.Tx) error { return tx.Delete(t.Context(), "default", ref.Store, ref.User) },
			"in another tenant": func(tx *ledger.Tx) error {
				return tx.SetState(t.Context(), "other", usher.PrimaryStore, rec.Decision.User, usher.StateLocked)
			},
		} {
			wantKind(t, what+" "+how, w.Ledger.Commit(t.Context(), change), usher.NotFound)
		}
	}
	if d := cmp.Diff(before, w.Dump(t)); d != "" {
		t.Errorf("left behind:\n%s", d)
	}
}

func TestSetPassword(t *testing.T) {
	w := storetest.NewWorld(t)
	ref := refOf(storetest.MustApply(t, w.Ledger, storetest.Ann.First(w.Clock.Instant())))
	for _, c := range []struct {
		set  store.Password
		want usher.Credential
	}{
		{store.Password{Hash: storetest.PasswordHash}, usher.CredentialUnproven},
		{store.Password{Hash: storetest.PasswordHash, Proven: true}, usher.CredentialProven},
		{store.Password{}, usher.CredentialNone},
	} {
		code := ledger.Reset{Hash: storetest.Hash("code"), Tenant: "default", Store: ref.Store, User: ref.User, Expires: w.Clock.Instant() + 1}
		commit(t, w, func(tx *ledger.Tx) error { return tx.IssueReset(t.Context(), code) })
		commit(t, w, func(tx *ledger.Tx) error { return tx.SetPassword(t.Context(), "default", ref.Store, ref.User, c.set) })
		_, err := w.Ledger.Reset(t.Context(), "default", code.Hash)
		wantKind(t, "a code for another password", err, usher.NotFound)
		if got := account(t, w, ref).Password; got != c.want {
			t.Errorf("it is %q, want %q", got, c.want)
		}
	}
}

// One account is linked to several providers; each link stands for itself.
func TestP064_LinksToManyProviders(t *testing.T) {
	w := storetest.NewWorld(t)
	user := ann(t, w)
	want := []ledger.LinkOf{{IdP: "contoso", Subject: storetest.Ann.Subject}}
	for _, idp := range []string{"fabrikam", "initech"} {
		w.Clock.Move(time.Minute)
		p := storetest.Person{Tenant: "default", IdP: idp, Subject: "1", Username: "x"}
		storetest.MustApply(t, w.Ledger, p.Linking(w.Clock.Instant(), user, "ann@contoso.test"))
		if got := linked(t, w, p); got.Account == nil || got.Account.ID != user {
			t.Errorf("%s leads to %+v", idp, got)
		}
		want = append(want, ledger.LinkOf{IdP: idp, Subject: "1"})
	}
	got := must(w.Ledger.Links(t.Context(), "default", usher.PrimaryStore, user))(t)
	for i := range want {
		want[i].Link = usher.Link{Store: usher.PrimaryStore, User: user, Issuer: "https://" + want[i].IdP + ".test",
			At: usher.Instant(storetest.Began.Add(time.Duration(i) * time.Minute).UnixMicro())}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("links (-want +got):\n%s", d)
	}
	if got := linked(t, w, storetest.Ann).Account.Links; !slices.Equal(got, []string{"contoso", "fabrikam", "initech"}) {
		t.Errorf("the account tells of %v", got)
	}
	storetest.CheckInvariants(t, w.Ledger)
}

// Somebody who is linked can't be linked to another account, whatever was
// decided; the link they have stays as it was.
func TestA016_LinkedSubjectIsNotLinkedAgain(t *testing.T) {
	w := storetest.NewWorld(t)
	ann(t, w)
	bob := storetest.MustApply(t, w.Ledger, storetest.Numbered(1).First(w.Clock.Instant())).Decision.User
	before := w.Dump(t)
	for _, assumes := range []bool{true, false} {
		rec := storetest.Ann.Linking(w.Clock.Instant(), bob, "user1@contoso.test")
		if !assumes { // even if nobody thought of it
			rec.Decision.Assumes = nil
		}
		moved := (*ledger.Moved)(nil)
		if err := storetest.Apply(t.Context(), w.Ledger, rec); !errors.As(err, &moved) || moved.Assumption.Kind != usher.AssumeLinkFree {
			t.Errorf("got %v", err)
		}
	}
	if d := cmp.Diff(before, w.Dump(t)); d != "" {
		t.Errorf("left behind:\n%s", d)
	}
}

// Linking somebody who was found drops a password nobody proved, and whatever it
// opened.
func TestLinkingDropsWhatWasNotProved(t *testing.T) {
	w := storetest.NewWorld(t)
	rec := storetest.MustApply(t, w.Ledger, storetest.Numbered(1).Asked(w.Clock.Instant()))
	s := storetest.MustBegin(t, w, rec)
	commit(t, w, func(tx *ledger.Tx) error {
		if err := tx.IssueReset(t.Context(), ledger.Reset{Hash: storetest.Hash("code"), Tenant: "default", Store: rec.Decision.Store,
			User: rec.Decision.User, Expires: w.Clock.Instant() + 1}); err != nil {
			return err
		}
		return tx.BeginFamily(t.Context(), offline(s))
	})
	storetest.MustApply(t, w.Ledger, storetest.Ann.Linking(w.Clock.Instant(), rec.Decision.User, "user1@contoso.test"))
	if got := account(t, w, refOf(rec)).Password; got != usher.CredentialNone {
		t.Errorf("the password is %q", got)
	}
	_, err := w.Ledger.Session(t.Context(), "default", s.Hash)
	wantKind(t, "the session", err, usher.NotFound)
	_, err = w.Ledger.Reset(t.Context(), "default", storetest.Hash("code"))
	wantKind(t, "a code for another password", err, usher.NotFound)
	for _, id := range []string{storetest.Code(s).Family, "offline"} {
		if !must(w.Ledger.Family(t.Context(), "default", id))(t).Revoked {
			t.Errorf("the tokens of %s live on", id)
		}
	}
	storetest.CheckInvariants(t, w.Ledger)
}

// An address that became somebody's between reading and applying is not taken
// from them, nor given to two.
func TestA039_AddressOfSomebodyElseIsNotTaken(t *testing.T) {
	w := storetest.NewWorld(t)
	user := ann(t, w)
	sync := storetest.Ann.Synced(w.Clock.Instant(), user)
	unheld := usher.Assumption{Kind: usher.AssumeUnheld, Store: usher.PrimaryStore, User: user, Name: "email", Values: []string{"New@contoso.test"}}
	sync.Decision.Assumes = append(sync.Decision.Assumes, unheld)
	other := storetest.Numbered(1).First(w.Clock.Instant())
	other.Decision.Changes[1].Values = []string{"new@Contoso.test"}
	storetest.MustApply(t, w.Ledger, other)
	before := w.Dump(t)
	moved := (*ledger.Moved)(nil)
	if err := storetest.Apply(t.Context(), w.Ledger, sync); !errors.As(err, &moved) || !cmp.Equal(moved.Assumption, unheld) {
		t.Errorf("got %v", err)
	}
	if d := cmp.Diff(before, w.Dump(t)); d != "" {
		t.Errorf("left behind:\n%s", d)
	}
}

// Of many who assert one address at once, one gets it.
func TestParallelFirstSignInsOfOneAddress(t *testing.T) {
	w := storetest.NewWorld(t)
	worlds := []*storetest.World{w, w.Again(t)}
	won := 0
	for _, err := range storetest.Together(16, func(i int) error {
		rec := storetest.Numbered(i).Asked(w.Clock.Instant())
		rec.Decision.Changes[1].Values = []string{"All@contoso.test"}
		for j, a := range rec.Decision.Assumes {
			if a.Kind == usher.AssumeUnheld {
				rec.Decision.Assumes[j].Values = []string{"all@contoso.test"}
			}
		}
		return storetest.Apply(t.Context(), worlds[i%2].Ledger, rec)
	}) {
		moved := (*ledger.Moved)(nil)
		switch {
		case err == nil:
			won++
		case !errors.As(err, &moved) || moved.Assumption.Kind != usher.AssumeUnheld:
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
	storetest.CheckInvariants(t, w.Ledger)
}
