package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/store"
)

// RunLedger holds Apply to its contract: a fact that does not hold stops it,
// whatever else is decided, and nothing is left behind; and a unique key stops
// what no check has seen. open gives a World that holds nothing but Policy.
func RunLedger(t *testing.T, open func(testing.TB) *World) {
	for kind := range usher.Enforcements {
		for _, in := range []string{usher.PrimaryStore, Corp} {
			t.Run("MovesWhenNotSo_"+string(kind)+"_"+in, func(t *testing.T) { t.Parallel(); assumption(t, open, kind, in) })
		}
	}
	for name, c := range duplicates {
		t.Run("UniqueKeyRefuses_"+name, func(t *testing.T) { t.Parallel(); unique(t, open(t), c.table, c.column, c.value) })
	}
	for name, test := range map[string]func(*testing.T, *World){
		"UnknownAssumptionFailsClosed": unknownAssumption,
		"UnknownChangeIsAnError":       unknownChange,
		"UnassumedNameTakenIsMoved":    unassumedName,
		"UnassumedLinkTakenIsMoved":    unassumedLink,
		"DenialWritesItsRecordOnly":    denial,
		"DenialStandsOnItsFactsToo":    staleDenial,
		"FactsOfAStoreAreItsOwn":       apart,
		"QuestionIsNeverApplied":       question,
		"PasswordNeedsItsHash":         hashless,
		"ConsentNeedsItsWords":         wordless,
		"UnlinkedSubjectIsWithoutLogin": func(t *testing.T, w *World) {
			rec := Ann.Returning(w.Clock.Instant(), usher.UserID(NewID()))
			rec.Decision.Assumes = nil
			wantMoved(t, w, rec, usher.Assumption{Kind: usher.AssumeLinkIs, Store: usher.PrimaryStore, User: rec.Decision.User})
		},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, open(t)) })
	}
}

// breaking are, for each kind of fact, ways in which it is not so. Ann has
// signed in once; spoil makes the assumption false, or it is false from the start.
var breaking = map[usher.AssumptionKind][]struct {
	name  string
	spoil func(t *testing.T, w *World, ann usher.AccountRef)
	make  func(ann usher.UserID) usher.Assumption
}{
	usher.AssumeLinkFree: {{"linked", nil, func(usher.UserID) usher.Assumption { return usher.Assumption{} }}},
	usher.AssumeLinkIs: {
		{"another user", nil, func(usher.UserID) usher.Assumption { return usher.Assumption{User: usher.UserID(NewID())} }},
		{"unlinked", func(t *testing.T, w *World, _ usher.AccountRef) { w.MustExec(t, `DELETE FROM link`) }, ofUser},
		{"another store", func(t *testing.T, w *World, _ usher.AccountRef) { w.MustExec(t, `UPDATE link SET store = 'OTHER'`) }, ofUser},
	},
	usher.AssumeUsernameFree: {{"taken", nil, func(usher.UserID) usher.Assumption { return usher.Assumption{Name: Ann.Username} }}},
	usher.AssumeUserActive: {
		{"disabled", writing(store.Write{State: usher.StateDisabled, At: 2}), ofUser},
		{"locked", writing(store.Write{State: usher.StateLocked, At: 2}), ofUser},
		{"pending", writing(store.Write{State: usher.StatePending, At: 2}), ofUser},
		{"expired", writing(store.Write{State: usher.StateExpired, At: 2}), ofUser},
		{"gone", removeAccount, ofUser},
	},
	usher.AssumeUserGone: {{"still there", nil, ofUser}},
	usher.AssumeAttribute: {
		{"another value", nil, ofAttribute("email", "other@contoso.test")},
		{"one more value", nil, ofAttribute("email", "ann@contoso.test", "ann@contoso.test")},
		{"another flag", nil, ofAttribute("email", "ann@contoso.test")},
		{"another case", nil, ofAttribute("givenName", "ann")},
		{"none assumed", nil, ofAttribute("givenName")},
		{"none there", nil, ofAttribute("phone", "1")},
		{"gone", removeAccount, ofAttribute("phone")},
	},
	usher.AssumeGroups: {
		{"none assumed", nil, ofUser},
		{"one more", writing(store.Write{Join: []string{"more"}, At: 2}), ofValues("platform")},
		{"another case", nil, ofValues("Platform")},
		{"gone", removeAccount, ofUser},
	},
	usher.AssumeGrants: {
		{"none assumed", nil, ofUser},
		{"one fewer", nil, ofValues("group/platform/idp/contoso")},
		{"another source", nil, ofValues("group/platform/idp/fabrikam", "role/approver/idp/contoso")},
		{"one more", nil, ofValues("group/platform/idp/contoso", "role/approver/idp/contoso", "role/owner/idp/contoso")},
	},
	usher.AssumeUnheld: {
		{"held", nil, ofValue("ann@contoso.test")},
		{"held in another case", nil, ofValue("ANN@Contoso.test")},
		{"held since", writing(store.Write{Set: []store.Attribute{{Name: "email", Values: []string{"first@contoso.test", "New@contoso.test"}}}, At: 2}),
			ofValue("new@contoso.test")},
		{"held by somebody else", another("ann@contoso.test"), func(ann usher.UserID) usher.Assumption {
			a := ofValue("ann@contoso.test")(ann)
			a.User = ann
			return a
		}},
	},
	usher.AssumeHeldBy: {
		{"held by nobody", nil, ofAttribute("email", "other@contoso.test")},
		{"held no more", writing(store.Write{Clear: []string{"email"}, At: 2}), ofAttribute("email", "ann@contoso.test")},
		{"another value now", writing(store.Write{Set: []store.Attribute{{Name: "email", Values: []string{"new@contoso.test"}}}, At: 2}),
			ofAttribute("email", "ann@contoso.test")},
		{"held by two", another("ann@contoso.test"), ofAttribute("email", "ann@contoso.test")},
		{"held by another", nil, func(usher.UserID) usher.Assumption {
			return ofAttribute("email", "ann@contoso.test")(usher.UserID(NewID()))
		}},
		{"no value", nil, ofAttribute("email")},
		{"no address", nil, ofAttribute("email", "ann")},
		{"gone", removeAccount, ofAttribute("email", "ann@contoso.test")},
	},
}

// writing changes Ann's account.
func writing(change store.Write) func(*testing.T, *World, usher.AccountRef) {
	return func(t *testing.T, w *World, ann usher.AccountRef) {
		change.User = ann.User
		write(t, w, ann.Store, change)
	}
}

// another makes somebody else in Ann's store who holds an address.
func another(email string) func(*testing.T, *World, usher.AccountRef) {
	return func(t *testing.T, w *World, ann usher.AccountRef) {
		write(t, w, ann.Store, store.Write{User: usher.UserID(NewID()), Create: &store.NewUser{Username: "another", Canonical: "another"},
			Set: []store.Attribute{{Name: "email", Values: []string{email}}}, At: 2})
	}
}

// ofValue is about an address and nobody.
func ofValue(value string) func(usher.UserID) usher.Assumption {
	return func(usher.UserID) usher.Assumption { return usher.Assumption{Name: "email", Values: []string{value}} }
}

func ofUser(ann usher.UserID) usher.Assumption { return usher.Assumption{User: ann} }

func ofValues(values ...string) func(usher.UserID) usher.Assumption {
	return func(ann usher.UserID) usher.Assumption { return usher.Assumption{User: ann, Values: values} }
}

func ofAttribute(name string, values ...string) func(usher.UserID) usher.Assumption {
	return func(ann usher.UserID) usher.Assumption {
		return usher.Assumption{User: ann, Name: name, Values: values}
	}
}

func write(t *testing.T, w *World, in string, change store.Write) {
	t.Helper()
	if err := w.Driver(t, in).Write(t.Context(), tenant, change); err != nil {
		t.Fatal(err)
	}
}

func removeAccount(t *testing.T, w *World, ann usher.AccountRef) {
	w.MustExec(t, `DELETE FROM membership`, `DELETE FROM account WHERE id = '`+string(ann.User)+`'`)
}

// assumption applies a decision that stands on the one fact and changes nothing
// that a unique key would catch instead, so that only the check can stop it.
func assumption(t *testing.T, open func(testing.TB) *World, kind usher.AssumptionKind, in string) {
	if len(breaking[kind]) == 0 {
		t.Fatal("the kit knows no way in which this is not so")
	}
	for _, c := range breaking[kind] {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			w := open(t)
			ann := MustApply(t, w.Ledger, In(in, Ann.First(w.Clock.Instant()))).Decision.User
			if c.spoil != nil {
				c.spoil(t, w, usher.AccountRef{Store: in, User: ann})
			}
			a := c.make(ann)
			a.Kind, a.Store = kind, in
			rec := In(in, Ann.Returning(w.Clock.Instant(), ann))
			rec.Decision.Assumes = []usher.Assumption{a}
			rec.Decision.Changes = []usher.Change{{Op: usher.OpTell, Name: "never"}, {Op: usher.OpSeen, Name: "never"}}
			wantMoved(t, w, rec, a)
		})
	}
}

// wantMoved applies a record and wants it stopped by exactly this fact, without a trace.
func wantMoved(t *testing.T, w *World, rec usher.Record, want usher.Assumption) {
	t.Helper()
	before := w.Dump(t)
	err := Apply(t.Context(), w.Ledger, rec)
	moved := (*ledger.Moved)(nil)
	if !errors.As(err, &moved) || usher.KindOf(err) != usher.Conflict {
		t.Fatalf("got %v (%v), want a fact that moved", err, usher.KindOf(err))
	}
	if d := cmp.Diff(want, moved.Assumption); d != "" {
		t.Errorf("moved (-want +got):\n%s", d)
	}
	if d := cmp.Diff(before, w.Dump(t)); d != "" {
		t.Errorf("left behind:\n%s", d)
	}
}

// duplicates are rows that must not be there twice: those of a table, copied
// behind Apply's back with one column different that is not in the key.
var duplicates = map[string]struct{ table, column, value string }{
	"link":              {"link", "user_id", "'another'"},
	"account_canonical": {"account", "id", "'another'"},
	"account_id":        {"account", "canonical", "'another'"},
	"membership":        {"membership", "", ""},
	"gone":              {"gone", "", ""},
	"parted":            {"parted", "", ""},
	"provenance":        {"provenance", "source_name", "'root'"},
	"granted":           {"granted", "rule", "'another'"},
	"holds":             {"holds", "", ""},
	"receipt_id":        {"receipt", "purpose", "'another'"},
	"receipt_counts":    {"receipt", "id", "id || 'another'"},
	"decision":          {"decision", "verdict", "'deny'"},
	"policy":            {"policy", "body", "'{}'"},
	"waiting":           {"waiting", "id", "'another'"},
	"reset_account":     {"reset", "hash", "zeroblob(32)"},
	"reset_hash":        {"reset", "user_id", "'another'"},
	"failure":           {"failure", "count", "0"},
	"seen":              {"seen", "at", "0"},
	"alias":             {"alias", "subject", "'another'"},
	"session":           {"session", "user_id", "'another'"},
	"code":              {"code", "used", "0"},
	"family":            {"family", "generation", "0"},
	"spent":             {"spent", "until", "0"},
	"sealed_key":        {"sealed_key", "use", "'another'"},
	"sealed_key_mac":    {"sealed_key", "id", "'another' || use"},
}

// full is a World with something in every table but outbox, which has no key of
// its own.
func full(t *testing.T, w *World) {
	rec := Ann.Asked(w.Clock.Instant())
	rec.Decision.Changes = append(rec.Decision.Changes, usher.Change{Op: usher.OpSeen, Name: "wiki"}, usher.Change{Op: usher.OpAlias, Name: "wiki"})
	MustApply(t, w.Ledger, rec)
	MustBegin(t, w, rec)
	bob, eve := Numbered(1), Numbered(2)
	gone := MustApply(t, w.Ledger, bob.First(w.Clock.Instant())).Decision
	MustApply(t, w.Ledger, eve.First(w.Clock.Instant()))
	in := func(_ any, err error) error { return err }
	err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
		return errors.Join(
			tx.Delete(t.Context(), tenant, gone.Store, gone.User),
			tx.Unlink(t.Context(), tenant, eve.IdP, eve.Subject),
			tx.Wait(t.Context(), Numbered(3).Waiting(w.Clock.Instant())),
			tx.IssueReset(t.Context(), ledger.Reset{Hash: Hash("reset"), Tenant: tenant, Store: rec.Decision.Store, User: rec.Decision.User, Expires: 1}),
			in(tx.CountFailure(t.Context(), ledger.NewKey("password", tenant, "", "ann"), 1)),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func unique(t *testing.T, w *World, table, column, value string) {
	full(t, w)
	before := w.Dump(t)
	columns := w.columns(t, table)
	values := slices.Clone(columns)
	if i := slices.Index(columns, column); i >= 0 {
		values[i] = value
	}
	err := w.Exec(t, `INSERT INTO `+table+` (`+strings.Join(columns, ", ")+`) SELECT `+strings.Join(values, ", ")+` FROM `+table)
	if err == nil || !strings.Contains(err.Error(), "UNIQUE constraint failed") {
		t.Errorf("got %v, want a broken unique key", err)
	}
	if d := cmp.Diff(before, w.Dump(t)); d != "" {
		t.Errorf("left behind:\n%s", d)
	}
}

func unknownAssumption(t *testing.T, w *World) {
	rec := Ann.First(w.Clock.Instant())
	rec.Decision.Assumes = append(rec.Decision.Assumes, usher.Assumption{Kind: "moonIsFull", Store: usher.PrimaryStore})
	wantRefused(t, w, rec)
	rec.Decision.Assumes = []usher.Assumption{{Kind: usher.AssumeUsernameFree, Store: "ELSEWHERE", Name: "ann"}}
	wantRefused(t, w, rec)
}

func unknownChange(t *testing.T, w *World) {
	rec := Ann.First(w.Clock.Instant())
	rec.Decision.Changes = append(rec.Decision.Changes, usher.Change{Op: "sing"})
	wantRefused(t, w, rec)
	rec = Ann.First(w.Clock.Instant())
	rec.Decision.Store, rec.Decision.Assumes = "ELSEWHERE", nil
	wantRefused(t, w, rec)
	rec = Ann.First(w.Clock.Instant())
	rec.Decision.User = ""
	wantRefused(t, w, rec)
}

// apart makes somebody in one store who has the name and the address of somebody
// in the other.
func apart(t *testing.T, w *World) {
	MustApply(t, w.Ledger, Ann.Asked(w.Clock.Instant()))
	other := Ann
	other.Subject = "another subject"
	rec := MustApply(t, w.Ledger, In(Corp, other.Asked(w.Clock.Instant())))
	found := In(Corp, other.Returning(w.Clock.Instant(), rec.Decision.User))
	found.Decision.Assumes = append(found.Decision.Assumes, usher.Assumption{
		Kind: usher.AssumeHeldBy, Store: Corp, User: rec.Decision.User, Name: "email", Values: rec.Identity.Attributes[0].Values})
	MustApply(t, w.Ledger, found)
	CheckInvariants(t, w.Ledger)
}

func question(t *testing.T, w *World) {
	rec := Ann.First(w.Clock.Instant())
	rec.Decision.Verdict = usher.VerdictPrompt
	wantRefused(t, w, rec)
}

func wordless(t *testing.T, w *World) {
	rec := Ann.First(w.Clock.Instant())
	rec.Decision.Changes = append(rec.Decision.Changes, usher.Change{Op: usher.OpConsent})
	wantRefused(t, w, rec)
}

func hashless(t *testing.T, w *World) {
	before := w.Dump(t)
	err := w.Ledger.Commit(t.Context(), func(tx *ledger.Tx) error {
		return tx.Apply(t.Context(), ledger.Act{Application: "wiki", Record: Ann.Asked(w.Clock.Instant())})
	})
	if err == nil || usher.KindOf(err) != usher.Internal {
		t.Errorf("got %v (%v), want it refused", err, usher.KindOf(err))
	}
	if d := cmp.Diff(before, w.Dump(t)); d != "" {
		t.Errorf("left behind:\n%s", d)
	}
}

// wantRefused applies a record that can't be right: an error, not a fact that
// moved, which would be tried again.
func wantRefused(t *testing.T, w *World, rec usher.Record) {
	t.Helper()
	before := w.Dump(t)
	err := Apply(t.Context(), w.Ledger, rec)
	if moved := (*ledger.Moved)(nil); err == nil || errors.As(err, &moved) || usher.KindOf(err) != usher.Internal {
		t.Errorf("got %v (%v), want it refused", err, usher.KindOf(err))
	}
	if d := cmp.Diff(before, w.Dump(t)); d != "" {
		t.Errorf("left behind:\n%s", d)
	}
}

func unassumedName(t *testing.T, w *World) {
	MustApply(t, w.Ledger, Ann.First(w.Clock.Instant()))
	other := Ann
	other.Subject = "another subject"
	rec := other.First(w.Clock.Instant())
	rec.Decision.Assumes = nil
	wantMoved(t, w, rec, usher.Assumption{Kind: usher.AssumeUsernameFree, Store: usher.PrimaryStore, Name: Ann.Username})
}

func unassumedLink(t *testing.T, w *World) {
	MustApply(t, w.Ledger, Ann.First(w.Clock.Instant()))
	other := Ann
	other.Username = "another"
	rec := other.First(w.Clock.Instant())
	rec.Decision.Assumes = nil
	wantMoved(t, w, rec, usher.Assumption{Kind: usher.AssumeLinkFree})
}

func denial(t *testing.T, w *World) {
	before := w.Dump(t)
	MustApply(t, w.Ledger, Ann.Denied(w.Clock.Instant()))
	after := w.Dump(t)
	if len(after["decision"]) != 1 {
		t.Errorf("decisions: %v", after["decision"])
	}
	delete(before, "decision")
	delete(after, "decision")
	if d := cmp.Diff(before, after); d != "" {
		t.Errorf("besides its record:\n%s", d)
	}
	CheckInvariants(t, w.Ledger)
}

// staleDenial is a refusal because the name is taken, when it was this very
// person who took it a moment ago.
func staleDenial(t *testing.T, w *World) {
	MustApply(t, w.Ledger, Ann.First(w.Clock.Instant()))
	rec := Ann.Denied(w.Clock.Instant())
	rec.Decision.Changes, rec.Decision.Assumes = nil, []usher.Assumption{{Kind: usher.AssumeLinkFree}}
	wantMoved(t, w, rec, rec.Decision.Assumes[0])
}
