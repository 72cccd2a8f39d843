package ledger_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/storetest"
)

func bytesOf(t interface{ Fatal(...any) }, rec usher.Record) string {
	b, err := json.Marshal(struct {
		usher.Record
		P usher.Policy
	}{rec, rec.Policy})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A record read again is the record that was kept, to the byte: else deciding
// it again could come to something else.
func TestExplainGivesBackTheVeryRecord(t *testing.T) {
	w := storetest.NewWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		rec := anyRecord(rt)
		if err := storetest.Apply(t.Context(), w.Ledger, rec); err != nil {
			rt.Fatal(err)
		}
		got, err := w.Ledger.Explain(t.Context(), rec.ID)
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(bytesOf(rt, rec), bytesOf(rt, got)); d != "" {
			rt.Fatalf("-kept +read:\n%s", d)
		}
	})
	storetest.CheckInvariants(t, w.Ledger)
}

// anyRecord is a refusal, so that it can be applied whatever it says.
func anyRecord(t *rapid.T) usher.Record {
	texts := rapid.SliceOfN(rapid.String(), 0, 3)
	presence := rapid.SampledFrom([]usher.Presence{usher.PresenceAbsent, usher.PresenceNull, usher.PresenceEmpty, usher.PresenceSet, usher.PresenceUnknown})
	derived := rapid.Custom(func(t *rapid.T) usher.Derived {
		return usher.Derived{Presence: presence.Draw(t, "presence"), Values: texts.Draw(t, "values"), Rule: rapid.String().Draw(t, "rule"), Why: rapid.String().Draw(t, "why")}
	})
	subject := rapid.SampledFrom([]usher.Value{{}, usher.NullValue(), usher.BoolValue(true), usher.NumberValue("12345678901234567890"), usher.NumberValue("1.10"),
		usher.StringValue(""), usher.StringValue("\u2028<&>\x00\ufffd"), usher.ListValue(), usher.ObjectValue(usher.Member{Name: "a", Value: usher.NullValue()})})
	answer := rapid.Custom(func(t *rapid.T) usher.Answer {
		a := usher.Answer{Question: usher.Question{Kind: usher.AskLink, Subject: rapid.String().Draw(t, "subject"), IfUnlinked: rapid.Bool().Draw(t, "if")},
			Found: rapid.SampledFrom([]usher.Finding{"", usher.FoundNone, usher.FoundOne}).Draw(t, "found"), Applications: texts.Draw(t, "apps")}
		if rapid.Bool().Draw(t, "account") {
			a.Link = &usher.Link{User: "u", At: usher.Instant(rapid.Int64().Draw(t, "at"))}
			a.Account = &usher.Account{ID: "u", Groups: texts.Draw(t, "groups"),
				Attributes: []usher.Held{{Name: "n", Values: texts.Draw(t, "held"), Intact: true}, {Name: "o", Source: usher.Source{Kind: usher.SourceIdP, At: 1}}},
				Grants:     []usher.Grant{{Kind: usher.GrantRole, Name: "r"}}}
		}
		return a
	})
	rec := usher.Record{ID: storetest.NewID(), Attempt: rapid.IntRange(1, 16).Draw(t, "attempt"), Policy: storetest.Policy}
	rec.Identity = usher.Identity{Tenant: "default", IdP: rapid.String().Draw(t, "idp"), Subject: subject.Draw(t, "subject"), AMR: texts.Draw(t, "amr"),
		Fault: usher.Fault{Detail: rapid.String().Draw(t, "detail")}, Username: derived.Draw(t, "username"), Groups: derived.Draw(t, "groups"),
		Attributes: []usher.Attribute{{Name: "a", Derived: derived.Draw(t, "attribute")}}}
	rec.Snapshot = usher.Snapshot{At: usher.Instant(rapid.Int64().Draw(t, "at")), Answers: rapid.SliceOfN(answer, 0, 3).Draw(t, "answers")}
	rec.Decision = usher.Decision{Reason: usher.ReasonNoMatch, Trace: []usher.Step{{Question: rapid.String().Draw(t, "q")}},
		Changes: []usher.Change{{Op: usher.OpSetAttribute, Values: texts.Draw(t, "change")}}}
	return rec
}

func TestExplainOfNothing(t *testing.T) {
	w := storetest.NewWorld(t)
	for _, id := range []string{"", storetest.NewID(), "%"} {
		_, err := w.Ledger.Explain(t.Context(), id)
		wantKind(t, id, err, usher.NotFound)
	}
}

// A sealed record belongs to its row: it can't be passed off as another's.
func TestRecordsCantBeSwapped(t *testing.T) {
	w := storetest.NewWorld(t)
	a := storetest.MustApply(t, w.Ledger, storetest.Numbered(1).Passing(w.Clock.Instant()))
	b := storetest.MustApply(t, w.Ledger, storetest.Numbered(2).Passing(w.Clock.Instant()))
	w.MustExec(t, `UPDATE decision SET sealed = (SELECT sealed FROM decision WHERE id = '`+b.ID+`') WHERE id = '`+a.ID+`'`)
	_, err := w.Ledger.Explain(t.Context(), a.ID)
	wantKind(t, "swapped", err, usher.Internal)
	if _, err := w.Ledger.Explain(t.Context(), b.ID); err != nil {
		t.Error(err)
	}
}

func TestRecordIsKeptOnce(t *testing.T) {
	w := storetest.NewWorld(t)
	rec := storetest.MustApply(t, w.Ledger, storetest.Ann.Passing(w.Clock.Instant()))
	again := storetest.Ann.Denied(w.Clock.Instant())
	again.ID, again.Decision.Assumes = rec.ID, nil
	wantKind(t, "a second decision", storetest.Apply(t.Context(), w.Ledger, again), usher.Conflict)
	if got, err := w.Ledger.Explain(t.Context(), rec.ID); err != nil || got.Decision.Verdict != usher.VerdictPassThrough {
		t.Errorf("got %v, %v", got.Decision.Verdict, err)
	}
}

func TestRecordNeedsItsPolicy(t *testing.T) {
	w := storetest.NewWorld(t)
	rec := storetest.Ann.First(w.Clock.Instant())
	rec.Policy.Version = "sha256:1111"
	before := w.Dump(t)
	wantKind(t, "a policy nobody saved", storetest.Apply(t.Context(), w.Ledger, rec), usher.Internal)
	if d := cmp.Diff(before, w.Dump(t)); d != "" {
		t.Errorf("left behind:\n%s", d)
	}
	for range 2 {
		if err := w.Ledger.SavePolicy(t.Context(), rec.Policy); err != nil {
			t.Fatal(err)
		}
	}
	storetest.MustApply(t, w.Ledger, rec)
	if got, err := w.Ledger.Explain(t.Context(), rec.ID); err != nil || !cmp.Equal(got.Policy, rec.Policy) {
		t.Errorf("policy %+v, %v", got.Policy, err)
	}
}
