package rule_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/rule"
	"pgregory.net/rapid"
)

func TestP070_TheSubjectIsTheConfiguredClaim(t *testing.T) {
	set := compile(t, rule.Source{Subject: `claims.?oid`, Username: `subject`})
	for text, want := range map[string]usher.Value{
		`{"oid":"o-1"}`:       usher.StringValue("o-1"),
		`{"oid":" O-1 "}`:     usher.StringValue(" O-1 "),
		`{}`:                  {},
		`{"oid":null}`:        {},
		`{"oid":""}`:          {},
		`{"oid":7}`:           {},
		`{"oid":["o-1"]}`:     {},
		`{"oid":"a\u0000b"}`:  {},
		`{"sub":"another-1"}`: {},
	} {
		id := set.Map(assertion(t, text))
		if d := cmp.Diff(want, id.Subject, cmp.AllowUnexported(usher.Value{})); d != "" {
			t.Errorf("%s: %s", text, d)
		}
		if id.Trace[0].Rule != "mapping.subject" {
			t.Errorf("%s: the trace begins with %+v", text, id.Trace[0])
		}
		if got := id.Username.Values; !cmp.Equal(got, []string{"sub-1"}) {
			t.Errorf("subject is %q to the other rules", got)
		}
	}
	held := assertion(t, `{"oid":"o-1"}`)
	held.Incomplete = []string{"oid"}
	if id := set.Map(held); id.Subject.Kind() != usher.Absent {
		t.Errorf("a claim that was held back names %+v", id.Subject)
	}
	if id := compile(t, rule.Source{}).Map(held); id.Subject.Kind() != usher.String {
		t.Errorf("without a rule the subject is %+v", id.Subject)
	}
	if got := set.Claims(); !cmp.Equal(got, []string{"oid"}) {
		t.Errorf("reads %q", got)
	}
}

func TestMap_TheStoreIsARulesOutcome(t *testing.T) {
	set := compile(t, rule.Source{Store: `claims.?company == optional.of("corp") ? "CORP" : claims.fallback`})
	for text, want := range map[string]usher.Derived{
		`{"company":"corp"}`:   {Presence: usher.PresenceSet, Values: []string{"CORP"}, Rule: "jit.store.rule"},
		`{"fallback":"OTHER"}`: {Presence: usher.PresenceSet, Values: []string{"OTHER"}, Rule: "jit.store.rule"},
		`{"fallback":null}`:    {Presence: usher.PresenceNull, Rule: "jit.store.rule"},
		`{}`:                   {Presence: usher.PresenceUnknown, Rule: "jit.store.rule", Why: "no such key: fallback"},
	} {
		if d := cmp.Diff(want, set.Map(assertion(t, text)).Store); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
	if got := compile(t, rule.Source{}).Map(assertion(t, `{}`)).Store; got.Presence != "" {
		t.Errorf("without a rule: %+v", got)
	}
}

func TestP040_TextIsSplitAtTheSeparator(t *testing.T) {
	set := compile(t, rule.Source{
		Groups: `claims.?g`, Separator: ",",
		Attributes: map[string]rule.AttributeSource{"a": {Value: `claims.?a`, List: true, Separator: "; "}},
	})
	for _, c := range []struct {
		claims string
		want   usher.Presence
		groups []string
	}{
		{`{"g":"a,b"}`, usher.PresenceSet, []string{"a", "b"}},
		{`{"g":" b , a ,, a,"}`, usher.PresenceSet, []string{"a", "b"}},
		{`{"g":"a;b"}`, usher.PresenceSet, []string{"a;b"}},
		{`{"g":["a,b","c"]}`, usher.PresenceSet, []string{"a,b", "c"}},
		{`{"g":""}`, usher.PresenceEmpty, nil},
		{`{"g":" , "}`, usher.PresenceEmpty, nil},
		{`{"g":[]}`, usher.PresenceEmpty, nil},
		{`{"g":null}`, usher.PresenceNull, nil},
		{`{}`, usher.PresenceAbsent, nil},
		{`{"g":7}`, usher.PresenceUnknown, nil},
		{`{"g":"a,b\u0000"}`, usher.PresenceUnknown, nil},
		{`{"g":"` + strings.Repeat("a,", 8_000) + `"}`, usher.PresenceSet, []string{"a"}},
	} {
		if got := set.Map(assertion(t, c.claims)).Groups; got.Presence != c.want || !cmp.Equal(got.Values, c.groups) {
			t.Errorf("%.40s: %+v, want %s %q", c.claims, got, c.want, c.groups)
		}
	}
	for text, want := range map[string][]string{`{"a":"x; y;z ; y"}`: {"x", "y;z", "y"}, `{"a":["x; y"]}`: {"x; y"}} {
		if got := set.Map(assertion(t, text)).Attributes[0].Values; !cmp.Equal(got, want) {
			t.Errorf("%s: %q", text, got)
		}
	}
	many := attributeSplit(t, strings.Repeat("v,", 65))
	if many.Presence != usher.PresenceUnknown || many.Why != "there are too many values" {
		t.Errorf("65 values: %+v", many)
	}
	if d := compile(t, rule.Source{Groups: `claims.?g`}).Map(assertion(t, `{"g":"a,b"}`)).Groups; d.Presence != usher.PresenceUnknown {
		t.Errorf("without a separator: %+v", d)
	}
}

// attributeSplit maps one attribute that is split at commas.
func attributeSplit(t testing.TB, text string) usher.Attribute {
	t.Helper()
	set := compile(t, rule.Source{Attributes: map[string]rule.AttributeSource{"a": {Value: `claims.x`, List: true, Separator: ","}}})
	b, _ := json.Marshal(map[string]string{"x": text})
	return set.Map(assertion(t, string(b))).Attributes[0]
}

// TestSplitLosesNothing: what is split and joined again is what was there, but
// for spaces and empty parts.
func TestSplitLosesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		parts := rapid.SliceOfN(rapid.StringMatching(`[a-z;](?:[a-z; ]{0,4}[a-z;])?`), 1, 20).Draw(rt, "parts")
		space := rapid.SampledFrom([]string{"", " ", " ,", ", "}).Draw(rt, "between")
		got := attributeSplit(t, strings.Join(parts, space+","+space))
		if !cmp.Equal(got.Values, parts) {
			rt.Fatalf("%q of %q", got.Values, parts)
		}
	})
}

func TestCompile_FaultsOfSeparators(t *testing.T) {
	for separator, where := range map[string]string{"123456789": "can't be used", "\n": "can't be used", " ": "can't be used", "\u2028": "can't be used"} {
		all := faultsOf(t, rule.Source{
			Groups: `claims.g`, Separator: separator,
			Attributes: map[string]rule.AttributeSource{"a": {Value: `claims.a`, List: true, Separator: separator}},
		})
		if len(all) != 2 || !strings.Contains(all[0].Msg, where) || all[0].Where != "mapping.attributes.a" || all[1].Where != "jit.sync.separator" {
			t.Errorf("%q: %v", separator, all)
		}
	}
	f := faultsOf(t, rule.Source{Attributes: map[string]rule.AttributeSource{"a": {Value: `claims.a`, Separator: ","}}})
	if len(f) != 1 || !strings.Contains(f[0].Msg, "makes several values") {
		t.Error(f)
	}
	for expr, ok := range map[string]bool{`issuer`: true, `[issuer]`: true, `claims.?x`: true, `optional.of(issuer)`: true, `1`: false, `[1]`: false} {
		_, err := rule.Compile(rule.Source{Groups: expr, Separator: ","})
		if (err == nil) != ok {
			t.Errorf("%s: %v", expr, err)
		}
	}
}

func TestMap_PassingAttributesAreMarked(t *testing.T) {
	set := compile(t, rule.Source{Attributes: map[string]rule.AttributeSource{"badge": {Value: `claims.b`, Pass: true}, "email": {Value: `claims.e`}}})
	a := set.Map(assertion(t, `{"b":"7","e":"a@b.test"}`)).Attributes
	if !a[0].Passing || a[0].Values[0] != "7" || a[1].Passing {
		t.Errorf("%+v", a)
	}
}

func TestP029_ClaimsThatNoRuleReadsAreNotThere(t *testing.T) {
	id := compile(t, contoso()).Map(assertion(t, strings.TrimSuffix(ann, "}")+`,"shoe_size":"forty-one","o":{"p":["forty-one"]}}`))
	b, err := json.Marshal(id)
	if err != nil || strings.Contains(string(b), "forty-one") || strings.Contains(string(b), "shoe_size") {
		t.Errorf("%s %v", b, err)
	}
	if !id.Admission.Admitted || id.Username.Presence != usher.PresenceSet {
		t.Errorf("%+v", id)
	}
}

func TestP096_OnlyListedDomainsComeIn(t *testing.T) {
	listed := rule.Admit{EmailDomains: []string{"Contoso.test", "partner.test"}}
	for text, want := range map[string]bool{
		`{"email":"a@contoso.test"}`: true, `{"email":"a@CONTOSO.TEST"}`: true, `{"email":"a@Partner.Test"}`: true,
		`{"email":"a@sub.contoso.test"}`: false, `{"email":"a@other.test"}`: false, `{"email":"a@"}`: false, `{"email":"contoso.test"}`: false,
		`{"email":null}`: false, `{"email":""}`: false, `{}`: false,
	} {
		if got := admission(t, listed, text); got.Admitted != want || got.Failed {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestMisnamed(t *testing.T) {
	for _, name := range []string{"email", "givenName", "a.b-c_d9"} {
		if why := rule.Misnamed(name); why != "" {
			t.Errorf("%s: %s", name, why)
		}
	}
	for name, word := range map[string]string{"": "can't be called", "9a": "can't be called", "Roles": "reserved", "sub": "reserved"} {
		if why := rule.Misnamed(name); !strings.Contains(why, word) {
			t.Errorf("%q: %q", name, why)
		}
	}
}
