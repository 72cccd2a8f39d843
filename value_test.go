package usher_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/usher-id/usher"
)

func TestValueKindsStayApart(t *testing.T) {
	values := map[string]usher.Value{
		"absent":  {},
		"null":    usher.NullValue(),
		"boolean": usher.BoolValue(false),
		"number":  usher.NumberValue("0"),
		"text":    usher.StringValue(""),
		"list":    usher.ListValue(),
		"object":  usher.ObjectValue(),
	}
	for name, v := range values {
		if got := v.Kind().String(); got != name {
			t.Errorf("%s is %s", name, got)
		}
		_, isText := v.Text()
		_, isNumber := v.Literal()
		_, isBool := v.Bool()
		for kind, is := range map[string]bool{"text": isText, "number": isNumber, "boolean": isBool} {
			if is != (kind == name) {
				t.Errorf("%s reads as %s: %v", name, kind, is)
			}
		}
		if v.IsZero() != (name == "absent") {
			t.Errorf("%s is zero: %v", name, v.IsZero())
		}
	}
}

// TestNumbersKeepEveryDigit: two subjects that differ in the last of twenty
// digits must never become one.
func TestNumbersKeepEveryDigit(t *testing.T) {
	for _, literal := range []string{"12345678901234567890", "12345678901234567891", "1.10", "1e400", "-0"} {
		b, err := json.Marshal(usher.NumberValue(literal))
		if err != nil || string(b) != literal {
			t.Errorf("%s was written as %s, %v", literal, b, err)
		}
		var back usher.Value
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if got, ok := back.Literal(); !ok || got != literal {
			t.Errorf("%s came back as %q", literal, got)
		}
	}
}

func TestObjectMembersAreSortedAndFound(t *testing.T) {
	v := usher.ObjectValue(
		usher.Member{Name: "b", Value: usher.NullValue()},
		usher.Member{Name: "a", Value: usher.StringValue("x")},
	)
	if got, _ := v.Get("a").Text(); got != "x" {
		t.Errorf("a is %q", got)
	}
	if v.Get("b").Kind() != usher.Null || v.Get("c").Kind() != usher.Absent {
		t.Error("null and absent are confused")
	}
	if b, _ := json.Marshal(v); string(b) != `{"a":"x","b":null}` {
		t.Errorf("written as %s", b)
	}
}

func TestWithLeavesTheOriginalAlone(t *testing.T) {
	v := usher.ObjectValue(usher.Member{Name: "a", Value: usher.StringValue("x")})
	set := v.With("b", usher.BoolValue(true)).With("a", usher.StringValue("y"))
	if got, _ := set.Get("a").Text(); got != "y" || len(set.Members()) != 2 {
		t.Errorf("with gave %v", set.Members())
	}
	if got := set.With("a", usher.Value{}); got.Get("a").Kind() != usher.Absent || len(got.Members()) != 1 {
		t.Errorf("an absent value must remove the member, got %v", got.Members())
	}
	if got, _ := v.Get("a").Text(); got != "x" || len(v.Members()) != 1 {
		t.Errorf("the original changed to %v", v.Members())
	}
}

func TestValueRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue(3).Draw(t, "value")
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var back usher.Value
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		again, err := json.Marshal(back)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(b), string(again)); d != "" {
			t.Fatal(d)
		}
	})
}

func anyValue(depth int) *rapid.Generator[usher.Value] {
	leaf := rapid.OneOf(
		rapid.Just(usher.NullValue()),
		rapid.Map(rapid.Bool(), usher.BoolValue),
		rapid.Map(rapid.StringMatching(`-?[1-9][0-9]{0,30}(\.[0-9]{1,5})?`), usher.NumberValue),
		rapid.Map(rapid.String(), usher.StringValue),
	)
	if depth == 0 {
		return leaf
	}
	inner := anyValue(depth - 1)
	return rapid.OneOf(leaf,
		rapid.Map(rapid.SliceOfN(inner, 0, 4), func(vs []usher.Value) usher.Value { return usher.ListValue(vs...) }),
		rapid.Map(rapid.MapOfN(rapid.StringMatching(`[a-z]{1,4}`), inner, 0, 4), func(m map[string]usher.Value) usher.Value {
			var members []usher.Member
			for name, v := range m {
				members = append(members, usher.Member{Name: name, Value: v})
			}
			return usher.ObjectValue(members...)
		}),
	)
}

func TestSnapshotAnswersAreNotKnownUntilRead(t *testing.T) {
	q := usher.Question{Kind: usher.AskLink, IdP: "a", Subject: "s"}
	s := usher.Snapshot{Answers: []usher.Answer{{Question: q, Found: usher.FoundNone}}}
	if got := s.Answer(q).Found; got != usher.FoundNone {
		t.Errorf("got %q", got)
	}
	q.Subject = "t"
	if got := s.Answer(q); got.Found != usher.FoundUnknown || got.Why == "" {
		t.Errorf("a question that was not asked is answered %+v", got)
	}
}
