package ledger_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/storetest"
)

func linked(t *testing.T, w *storetest.World, p storetest.Person) ledger.Linked {
	t.Helper()
	l, err := w.Ledger.Linked(t.Context(), p.Tenant, p.IdP, p.Subject)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestFirstSignInMakesAnAccountThatTellsWhereItCameFrom(t *testing.T) {
	w := storetest.NewWorld(t)
	if got := linked(t, w, storetest.Ann); got.Found != usher.FoundNone || got.Link != nil || got.Account != nil {
		t.Fatalf("before anyone came: %+v", got)
	}
	rec := storetest.MustApply(t, w.Ledger, storetest.Ann.First(w.Clock.Instant()))
	at, user := rec.Snapshot.At, rec.Decision.User
	by := func(rule string) usher.Source {
		return usher.Source{Kind: usher.SourceIdP, Name: "contoso", Rule: rule, Decision: rec.ID, At: at}
	}
	want := ledger.Linked{
		Found: usher.FoundOne,
		Link:  &usher.Link{Store: usher.PrimaryStore, User: user, Issuer: "https://contoso.test", At: at},
		Account: &usher.Account{
			ID: user, Store: usher.PrimaryStore, Username: "ann", State: usher.StateActive,
			Attributes: []usher.Held{
				{Name: "email", Values: []string{"ann@contoso.test"}, Verified: true, Source: by("mapping.attributes.email"), Intact: true},
				{Name: "givenName", Values: []string{"Ann"}, Source: by("mapping.attributes.givenName"), Intact: true},
			},
			Groups: []string{"platform"},
			Grants: []usher.Grant{
				{Kind: usher.GrantGroup, Name: "platform", Source: by("jit.sync.groupMap")},
				{Kind: usher.GrantRole, Name: "approver", Source: by("jit.sync.roleMap")},
			},
			Links: []string{"contoso"},
		},
	}
	got := linked(t, w, storetest.Ann)
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("linked (-want +got):\n%s", d)
	}
	acc, err := w.Ledger.Account(t.Context(), usher.DefaultTenant, usher.PrimaryStore, user)
	if d := cmp.Diff(*want.Account, acc, cmpopts.EquateEmpty()); d != "" || err != nil {
		t.Errorf("account: %v (-want +got):\n%s", err, d)
	}
	storetest.CheckInvariants(t, w.Ledger)
}

func TestSyncChangesWhatTheDecisionSays(t *testing.T) {
	w := storetest.NewWorld(t)
	user := ann(t, w)
	rec := storetest.MustApply(t, w.Ledger, storetest.Ann.Synced(w.Clock.Instant()+1, user))
	acc := linked(t, w, storetest.Ann).Account
	by := usher.Source{Kind: usher.SourceIdP, Name: "contoso", Rule: "mapping.attributes.email", Decision: rec.ID, At: rec.Snapshot.At}
	want := []usher.Held{{Name: "email", Values: []string{"new@contoso.test"}, Source: by, Intact: true}}
	if d := cmp.Diff(want, acc.Attributes); d != "" {
		t.Errorf("attributes (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"leads"}, acc.Groups); d != "" {
		t.Errorf("groups (-want +got):\n%s", d)
	}
	if len(acc.Grants) != 1 || acc.Grants[0].Name != "leads" {
		t.Errorf("grants: %+v", acc.Grants)
	}
	if p := w.Dump(t)["provenance"]; len(p) != 1 {
		t.Errorf("provenance: %v", p)
	}
	storetest.CheckInvariants(t, w.Ledger)
}

// Whatever is changed of an attribute behind the provider's back makes it foreign.
func TestChangedAttributeIsNotIntact(t *testing.T) {
	email := store.Attribute{Name: "email", Values: []string{"ann@contoso.test"}, Verified: true}
	for name, change := range map[string]func(a *store.Attribute){
		"same":       func(*store.Attribute) {},
		"value":      func(a *store.Attribute) { a.Values = []string{"ann@contoso.tesT"} },
		"more":       func(a *store.Attribute) { a.Values = append(a.Values, "x") },
		"split":      func(a *store.Attribute) { a.Values = []string{"ann@", "contoso.test"} },
		"none":       func(a *store.Attribute) { a.Values = nil },
		"unverified": func(a *store.Attribute) { a.Verified = false },
	} {
		t.Run(name, func(t *testing.T) {
			w := storetest.NewWorld(t)
			user := ann(t, w)
			changed := email
			change(&changed)
			if err := w.Driver(t, usher.PrimaryStore).Write(t.Context(), usher.DefaultTenant,
				store.Write{User: user, Set: []store.Attribute{changed}, At: 2}); err != nil {
				t.Fatal(err)
			}
			held := linked(t, w, storetest.Ann).Account.Attributes
			if held[0].Intact != (name == "same") || held[0].Source.Name != "contoso" || !held[1].Intact {
				t.Errorf("got %+v", held)
			}
		})
	}
}

// A digest is no good for another user, so a row that is copied proves nothing.
func TestProvenanceOfAnotherUserIsNotIntact(t *testing.T) {
	w := storetest.NewWorld(t)
	ann(t, w)
	bob := storetest.Person{Tenant: "default", IdP: "contoso", Subject: "bob", Username: "bob"}
	storetest.MustApply(t, w.Ledger, bob.First(1))
	const anns = ` (SELECT id FROM account WHERE canonical = 'ann')`
	w.MustExec(t, `UPDATE account SET attributes = (SELECT attributes FROM account WHERE canonical = 'ann')`,
		`UPDATE provenance SET digest = (SELECT digest FROM provenance p WHERE p.attribute = provenance.attribute AND p.user_id = `+anns+`)`)
	for _, h := range linked(t, w, bob).Account.Attributes {
		if h.Intact || h.Source.Name != "contoso" {
			t.Errorf("%s is taken for intact: %+v", h.Name, h)
		}
	}
}

func TestAttributeOfUnknownSource(t *testing.T) {
	w := storetest.NewWorld(t)
	user := ann(t, w)
	if err := w.Driver(t, usher.PrimaryStore).Write(t.Context(), usher.DefaultTenant,
		store.Write{User: user, Set: []store.Attribute{{Name: "desk", Values: []string{"4"}}}, At: 2}); err != nil {
		t.Fatal(err)
	}
	want := usher.Held{Name: "desk", Values: []string{"4"}}
	if got := linked(t, w, storetest.Ann).Account.Attributes[0]; !cmp.Equal(want, got) {
		t.Errorf("got %+v", got)
	}
}

// TestA004_SubjectsAreByteExact: subjects that look alike are different people.
func TestA004_SubjectsAreByteExact(t *testing.T) {
	w := storetest.NewWorld(t)
	users := map[usher.UserID]string{}
	for i, subject := range []string{"abc", "ABC", "abc ", " abc", "abc\x00", "caf\u00e9", "cafe\u0301", "\u212a", "k", "K", "%", "abc%", "_bc", "1", "1.0", "01"} {
		p := storetest.Numbered(i)
		p.Subject = subject
		if got := linked(t, w, p); got.Found != usher.FoundNone {
			t.Errorf("%q is taken for %q", subject, users[got.Link.User])
			continue
		}
		user := storetest.MustApply(t, w.Ledger, p.First(w.Clock.Instant())).Decision.User
		users[user] = subject
		if got := linked(t, w, p); got.Found != usher.FoundOne || got.Link.User != user {
			t.Errorf("%q leads to %+v", subject, got)
		}
	}
	storetest.CheckInvariants(t, w.Ledger)
}

// TestA006_LongSubjectsAreNotCut: decide refuses them, and should one come this
// far, two that differ in the last byte are two.
func TestA006_LongSubjectsAreNotCut(t *testing.T) {
	w := storetest.NewWorld(t)
	for i, size := range []int{255, 256, 10 << 10, 1 << 20} {
		a, b := storetest.Numbered(2*i), storetest.Numbered(2*i+1)
		a.Subject, b.Subject = strings.Repeat("x", size), strings.Repeat("x", size-1)+"y"
		storetest.MustApply(t, w.Ledger, a.First(w.Clock.Instant()))
		if got := linked(t, w, b); got.Found != usher.FoundNone {
			t.Errorf("%d bytes: another subject was found", size)
		}
		if got := linked(t, w, a); got.Found != usher.FoundOne {
			t.Errorf("%d bytes: not found again", size)
		}
	}
}

// TestA007_P102_SameSubjectElsewhereIsAnotherUser: in another tenant or from another provider.
func TestA007_P102_SameSubjectElsewhereIsAnotherUser(t *testing.T) {
	w := storetest.NewWorld(t)
	people := []storetest.Person{
		{Tenant: "default", IdP: "contoso", Subject: "1", Username: "a"},
		{Tenant: "default", IdP: "fabrikam", Subject: "1", Username: "b"},
		{Tenant: "other", IdP: "contoso", Subject: "1", Username: "a"},
		{Tenant: "othe", IdP: "rcontoso", Subject: "1", Username: "a"},
	}
	users := map[usher.UserID]bool{}
	for _, p := range people {
		if got := linked(t, w, p); got.Found != usher.FoundNone {
			t.Errorf("%+v is known already", p)
		}
		users[storetest.MustApply(t, w.Ledger, p.First(w.Clock.Instant())).Decision.User] = true
	}
	for _, p := range people {
		delete(users, linked(t, w, p).Link.User)
	}
	if len(users) != 0 {
		t.Errorf("nobody leads to %v", users)
	}
	storetest.CheckInvariants(t, w.Ledger)
}

func TestVanishedAccountIsFollowedByOneThatInheritsNothing(t *testing.T) {
	w := storetest.NewWorld(t)
	old := storetest.Ann.First(w.Clock.Instant())
	old.Decision.Changes = append(old.Decision.Changes, usher.Change{Op: usher.OpAlias, Name: "chat"})
	storetest.MustApply(t, w.Ledger, old)
	session := storetest.MustBegin(t, w, old)
	w.MustExec(t, `PRAGMA foreign_keys = ON`, `DELETE FROM account`)
	storetest.CheckInvariants(t, w.Ledger)

	got := linked(t, w, storetest.Ann)
	if got.Found != usher.FoundOne || got.Link == nil || got.Account != nil {
		t.Fatalf("a link that leads nowhere is %+v", got)
	}
	if s, err := w.Ledger.Session(t.Context(), "default", session.Hash); err != nil || s.State != "" {
		t.Errorf("the session's account is %q, %v", s.State, err)
	}
	rec := storetest.MustApply(t, w.Ledger, storetest.Ann.Anew(w.Clock.Instant()+1, old.Decision.User))
	if got := linked(t, w, storetest.Ann); got.Link.User != rec.Decision.User || got.Account.Grants[0].Source.Decision != rec.ID {
		t.Errorf("got %+v", got)
	}
	dump := w.Dump(t)
	for _, table := range []string{"provenance", "granted", "membership", "alias", "account", "link"} {
		if strings.Contains(strings.Join(dump[table], "\n"), string(old.Decision.User)) {
			t.Errorf("%s still holds the old user", table)
		}
	}
	storetest.CheckInvariants(t, w.Ledger)
}

func TestSeenAndAlias(t *testing.T) {
	w := storetest.NewWorld(t)
	seen := func() []string {
		t.Helper()
		apps, err := w.Ledger.SeenBy(t.Context(), "default", "contoso", storetest.Ann.Subject)
		if err != nil {
			t.Fatal(err)
		}
		return apps
	}
	if got := seen(); got != nil {
		t.Errorf("seen by %v", got)
	}
	for _, app := range []string{"wiki", "chat", "wiki"} {
		rec := storetest.Ann.Passing(w.Clock.Instant())
		rec.Decision.Changes[0].Name = app
		storetest.MustApply(t, w.Ledger, rec)
	}
	if got := seen(); !cmp.Equal(got, []string{"chat", "wiki"}) {
		t.Errorf("seen by %v", got)
	}
	rec := storetest.Ann.First(w.Clock.Instant())
	rec.Decision.Changes = append(rec.Decision.Changes, usher.Change{Op: usher.OpAlias, Name: "wiki"}, usher.Change{Op: usher.OpAlias, Name: "chat"})
	err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
		if err := tx.Apply(t.Context(), storetest.Act(rec)); err != nil {
			return err
		}
		if _, _, found, err := tx.Alias(t.Context(), "default", "wiki", rec.Decision.User); err != nil || !found {
			t.Errorf("in the same transaction: %v, %v", found, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	idp, subject, found, err := w.Ledger.Alias(t.Context(), "default", "wiki", rec.Decision.User)
	if idp != "contoso" || subject != storetest.Ann.Subject || !found || err != nil {
		t.Errorf("alias is %q %q, %v, %v", idp, subject, found, err)
	}
	if _, _, found, err := w.Ledger.Alias(t.Context(), "default", "mail", rec.Decision.User); found || err != nil {
		t.Errorf("an application that never saw the subject: %v, %v", found, err)
	}
	storetest.CheckInvariants(t, w.Ledger)
}

// A link that a crash left half made is finished by the next sign-in.
func TestPendingLinkIsFinished(t *testing.T) {
	w := storetest.NewWorld(t)
	user := ann(t, w)
	w.MustExec(t, `UPDATE link SET pending = 1`)
	if got := linked(t, w, storetest.Ann); !got.Link.Pending {
		t.Fatalf("got %+v", got.Link)
	}
	rec := storetest.Ann.Returning(w.Clock.Instant(), user)
	rec.Decision.Changes = []usher.Change{{Op: usher.OpLink}}
	storetest.MustApply(t, w.Ledger, rec)
	if got := linked(t, w, storetest.Ann); got.Link.Pending || got.Link.User != user {
		t.Errorf("got %+v", got.Link)
	}
	other := storetest.Ann.Returning(w.Clock.Instant(), usher.UserID(storetest.NewID()))
	other.Decision.Assumes, other.Decision.Changes = nil, rec.Decision.Changes
	if moved := (*ledger.Moved)(nil); !errors.As(storetest.Apply(t.Context(), w.Ledger, other), &moved) {
		t.Error("a link was taken over")
	}
}

func TestReadsFailRatherThanFindNothing(t *testing.T) {
	w := storetest.NewWorld(t)
	ann(t, w)
	if err := w.DB.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, l := t.Context(), w.Ledger
	_, linkedErr := l.Linked(ctx, "default", "contoso", "x")
	_, seenErr := l.SeenBy(ctx, "default", "contoso", "x")
	_, _, _, aliasErr := l.Alias(ctx, "default", "wiki", "x")
	_, accountErr := l.Account(ctx, "default", "PRIMARY", "x")
	_, sessionErr := l.Session(ctx, "default", storetest.Hash("x"))
	_, spentErr := l.Spent(ctx, ledger.NewKey("a", "b", "c", "d"))
	_, familyErr := l.Family(ctx, "default", "x")
	_, explainErr := l.Explain(ctx, "x")
	_, invariantsErr := l.Invariants(ctx)
	_, keysErr := w.DB.Keys(ctx)
	_, waitingErr := l.Waiting(ctx, "default", storetest.Hash("x"))
	_, abandonedErr := l.Abandoned(ctx, 1)
	_, _, recordErr := l.WaitingRecord(ctx, "x")
	_, resetErr := l.Reset(ctx, "default", storetest.Hash("x"))
	_, _, failuresErr := l.Failures(ctx, ledger.NewKey("a", "b", "c", "d"))
	_, receiptsErr := l.Receipts(ctx, "default", "PRIMARY", "x")
	_, eventsErr := l.Undelivered(ctx, 1)
	_, linksErr := l.Links(ctx, "default", "PRIMARY", "x")
	for what, err := range map[string]error{"linked": linkedErr, "seen": seenErr, "alias": aliasErr, "account": accountErr,
		"session": sessionErr, "spent": spentErr, "family": familyErr, "explain": explainErr, "invariants": invariantsErr,
		"keys": keysErr, "waiting": waitingErr, "abandoned": abandonedErr, "waiting record": recordErr, "reset": resetErr,
		"failures": failuresErr, "receipts": receiptsErr, "events": eventsErr, "links": linksErr, "sweep": l.Sweep(ctx), "policy": l.SavePolicy(ctx, usher.Policy{})} {
		if usher.KindOf(err) != usher.Unavailable || err == nil {
			t.Errorf("%s: %v (%v)", what, err, usher.KindOf(err))
		}
	}
}
