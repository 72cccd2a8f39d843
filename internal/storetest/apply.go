package storetest

import (
	"errors"
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
		t.Run("MovesWhenNotSo_"+string(kind), func(t *testing.T) { t.Parallel(); assumption(t, open, kind) })
	}
	for name, statement := range duplicates {
		t.Run("UniqueKeyRefuses_"+name, func(t *testing.T) { t.Parallel(); unique(t, open(t), statement) })
	}
	for name, test := range map[string]func(*testing.T, *World){
		"UnknownAssumptionFailsClosed": unknownAssumption,
		"UnknownChangeIsAnError":       unknownChange,
		"UnassumedNameTakenIsMoved":    unassumedName,
		"UnassumedLinkTakenIsMoved":    unassumedLink,
		"DenialWritesItsRecordOnly":    denial,
		"DenialStandsOnItsFactsToo":    staleDenial,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, open(t)) })
	}
}

// breaking are, for each kind of fact, ways in which it is not so. Ann has
// signed in once; spoil makes the assumption false, or it is false from the start.
var breaking = map[usher.AssumptionKind][]struct {
	name  string
	spoil func(t *testing.T, w *World, ann usher.UserID)
	make  func(ann usher.UserID) usher.Assumption
}{
	usher.AssumeLinkFree: {{"linked", nil, func(usher.UserID) usher.Assumption { return usher.Assumption{} }}},
	usher.AssumeLinkIs: {
		{"another user", nil, func(usher.UserID) usher.Assumption { return usher.Assumption{User: usher.UserID(NewID())} }},
		{"unlinked", func(t *testing.T, w *World, _ usher.UserID) { w.MustExec(t, `DELETE FROM link`) }, ofUser},
		{"another store", func(t *testing.T, w *World, _ usher.UserID) { w.MustExec(t, `UPDATE link SET store = 'OTHER'`) }, ofUser},
	},
	usher.AssumeUsernameFree: {{"taken", nil, func(usher.UserID) usher.Assumption { return usher.Assumption{Name: Ann.Username} }}},
	usher.AssumeUserActive: {
		{"disabled", func(t *testing.T, w *World, ann usher.UserID) {
			write(t, w, store.Write{User: ann, State: usher.StateDisabled, At: 2})
		}, ofUser},
		{"locked", func(t *testing.T, w *World, ann usher.UserID) {
			write(t, w, store.Write{User: ann, State: usher.StateLocked, At: 2})
		}, ofUser},
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
		{"one more", func(t *testing.T, w *World, ann usher.UserID) {
			write(t, w, store.Write{User: ann, Join: []string{"more"}, At: 2})
		}, ofValues("platform")},
		{"another case", nil, ofValues("Platform")},
		{"gone", removeAccount, ofUser},
	},
	usher.AssumeGrants: {
		{"none assumed", nil, ofUser},
		{"one fewer", nil, ofValues("group/platform/idp/contoso")},
		{"another source", nil, ofValues("group/platform/idp/fabrikam", "role/approver/idp/contoso")},
		{"one more", nil, ofValues("group/platform/idp/contoso", "role/approver/idp/contoso", "role/owner/idp/contoso")},
	},
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

func write(t *testing.T, w *World, change store.Write) {
	t.Helper()
	if err := w.Ledger.Primary().Write(t.Context(), tenant, change); err != nil {
		t.Fatal(err)
	}
}

func removeAccount(t *testing.T, w *World, ann usher.UserID) {
	w.MustExec(t, `DELETE FROM membership`, `DELETE FROM account WHERE id = '`+string(ann)+`'`)
}

// assumption applies a decision that stands on the one fact and changes nothing
// that a unique key would catch instead, so that only the check can stop it.
func assumption(t *testing.T, open func(testing.TB) *World, kind usher.AssumptionKind) {
	if len(breaking[kind]) == 0 {
		t.Fatal("the kit knows no way in which this is not so")
	}
	for _, c := range breaking[kind] {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			w := open(t)
			ann := MustApply(t, w.Ledger, Ann.First(w.Clock.Instant())).Decision.User
			if c.spoil != nil {
				c.spoil(t, w, ann)
			}
			a := c.make(ann)
			a.Kind, a.Store = kind, usher.PrimaryStore
			rec := Ann.Returning(w.Clock.Instant(), ann)
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

// duplicates are rows that must not be there twice, inserted behind Apply's back
// after Ann has signed in: each copies a row under the same key.
var duplicates = map[string]string{
	"link": `INSERT INTO link SELECT tenant, idp, subject, store, 'another', pending, created, last_login FROM link`,
	"account_canonical": `INSERT INTO account SELECT tenant, store, 'another', 'Another', canonical, state, attributes,
		created, updated FROM account`,
	"account_id": `INSERT INTO account SELECT tenant, store, id, 'Another', 'another', state, attributes, created, updated FROM account`,
	"membership": `INSERT INTO membership SELECT * FROM membership`,
	"provenance": `INSERT INTO provenance SELECT tenant, store, user_id, attribute, 'admin', 'root', rule, decision, at, digest FROM provenance`,
	"granted":    `INSERT INTO granted SELECT * FROM granted`,
	"decision":   `INSERT INTO decision SELECT id, tenant, at, 'deny', reason, idp, application, store, user_id, policy, sealed FROM decision`,
	"policy":     `INSERT INTO policy SELECT version, '{}' FROM policy`,
	"seen":       `INSERT INTO seen SELECT * FROM seen`,
	"alias":      `INSERT INTO alias SELECT tenant, user_id, application, 'another', 'another' FROM alias`,
	"session":    `INSERT INTO session SELECT tenant, hash, 'another', store, idp, subject, auth_time, acr, amr, decision, person, created, expires FROM session`,
	"code": `INSERT INTO code SELECT tenant, hash, 'another', session, family, sub, user_id, redirect_uri, challenge,
		nonce, scope, auth_time, acr, amr, decision, expires, 0 FROM code`,
	"family": `INSERT INTO family SELECT tenant, id, 'another', session, user_id, sub, scope, nonce, auth_time, acr, amr, decision,
		generation, offline, created, expires, 0 FROM family`,
	"spent":          `INSERT INTO spent SELECT key, 0 FROM spent`,
	"sealed_key":     `INSERT INTO sealed_key SELECT id, 'other', alg, created, sealed FROM sealed_key`,
	"sealed_key_mac": `INSERT INTO sealed_key SELECT 'another', use, alg, created, sealed FROM sealed_key WHERE use = 'mac'`,
}

func unique(t *testing.T, w *World, statement string) {
	rec := Ann.First(w.Clock.Instant())
	rec.Decision.Changes = append(rec.Decision.Changes, usher.Change{Op: usher.OpSeen, Name: "wiki"}, usher.Change{Op: usher.OpAlias, Name: "wiki"})
	MustApply(t, w.Ledger, rec)
	MustBegin(t, w, rec)
	before := w.Dump(t)
	err := w.Exec(t, statement)
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
