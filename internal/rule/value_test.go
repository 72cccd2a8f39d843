package rule_test

import (
	"reflect"
	"strings"
	"testing"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/rule"
)

func TestObjectsAreMaps(t *testing.T) {
	big := strings.Repeat("a", 16<<10+1)
	text := `{"o":{"b":1,"a":{"x":[1,2.5,"s",null,true]}},"same":{"a":{"x":[1,2.5,"s",null,true]},"b":1},"e":{},"k":"b","n":7,"big":"` + big + `","bigs":["` + big + `","a"]}`
	for expr, want := range map[string]string{
		`claims.o == claims.same`:                                        "true",
		`claims.o == {"a": {"x": [1, 2.5, "s", null, true]}, "b": 1}`:    "true",
		`{"a": {"x": [1, 2.5, "s", null, true]}, "b": 1} == claims.o`:    "true",
		`claims.o == {"a": 1, "b": 1}`:                                   "false",
		`claims.o == {"b": 1, "c": claims.o.a}`:                          "false",
		`claims.o == {"b": 1}`:                                           "false",
		`claims.o == claims.n`:                                           "false",
		`claims.o != claims.e`:                                           "true",
		`claims.e == {}`:                                                 "true",
		`"a" in claims.o`:                                                "true",
		`"c" in claims.o`:                                                "false",
		`claims.k in claims.o`:                                           "true",
		`claims.n in claims.o`:                                           "not of the kind",
		`claims.o[claims.n] == 1`:                                        "not of the kind",
		`claims.o[claims.k] == 1`:                                        "true",
		`claims.o[?claims.n].hasValue()`:                                 "not of the kind",
		`claims.o.?c.hasValue()`:                                         "false",
		`size(claims.o) == 2`:                                            "true",
		`type(claims.o) == map`:                                          "true",
		`type(claims.o) == type({})`:                                     "true",
		`type(claims.o.a.x) == list`:                                     "true",
		`optional.ofNonZeroValue(claims.e).hasValue()`:                   "false",
		`optional.ofNonZeroValue(claims.o).hasValue()`:                   "true",
		`dyn(claims.o) == dyn(claims.same)`:                              "true",
		`[claims.o] == [claims.same]`:                                    "true",
		`claims.o in [claims.e, claims.same]`:                            "true",
		`claims.o.exists(k, claims.o[k] == 1)`:                           "true",
		`claims.o.all(k, claims.o[k] == 1)`:                              "false",
		`claims.o.map(k, claims.o).size() == 2`:                          "true",
		`"%s".format([claims.e]) == "{}"`:                                "true",
		`claims.big == "a"`:                                              "too large",
		`has(claims.big)`:                                                "too large",
		`"big" in claims`:                                                "too large",
		`claims.bigs[1] == "a"`:                                          "true",
		`claims.bigs[0] == "a"`:                                          "too large",
		`claims.bigs.exists(b, b == "a")`:                                "true",
		`claims.bigs.all(b, b == "a")`:                                   "too large",
		`string(b"aaaa") + "a" == "aaaaa"`:                               "true",
		`(bytes(claims.k) + bytes(claims.k)).size() == 2`:                "true",
		`cel.bind(a, claims.bigs[1], a + a) == "aa"`:                     "true",
		`claims.bigs.filter(b, false).map(b, claims.o.a.x[3]) == []`:     "true",
		`{"x": claims.o, "y": claims.o}.map(k, k) == ["x", "y"]`:         "true",
		`{"z": {"y": 1, "x": 2}}.z.map(k, k) == ["x", "y"]`:              "true",
		`claims.o.b == 1 && claims.o.a.x == [1, 2.5, "s", null, true]`:   "true",
		`[1, 1/0][0] == 1`:                                               "failed",
		`[[1/0]] == []`:                                                  "failed",
		`claims.k.replace("b", "c", 1) == "c" && [1].distinct() == [1]`:  "true",
		`["a"].join(claims.k) == "a" && claims.k.matches(claims.k)`:      "true",
		`sets.intersects(claims.o.a.x, [1]) && sets.equivalent([1],[1])`: "true",
	} {
		got := compile(t, rule.Source{Admit: rule.Admit{When: expr}}).Map(assertion(t, text)).Admission
		switch want {
		case "true", "false":
			if got.Admitted != (want == "true") || got.Failed {
				t.Errorf("%s: %+v, want %s", expr, got, want)
			}
		default:
			if got.Admitted || !got.Failed || !strings.Contains(got.Why, want) {
				t.Errorf("%s: %+v, want a failure: %s", expr, got, want)
			}
		}
	}
}

func TestErrorsReadTogether(t *testing.T) {
	f := &rule.Fault{Where: "mapping.username", Line: 2, Column: 3, Msg: "Do this."}
	if got := f.Error(); got != "mapping.username:2:3: Do this." {
		t.Error(got)
	}
	if got := (rule.Faults{f}).Unwrap(); !reflect.DeepEqual(got, []error{f}) {
		t.Error(got)
	}
}

func TestMap_ClaimsThatAreNoObjectHoldNothing(t *testing.T) {
	set := compile(t, rule.Source{Username: `claims.?x`, Groups: `claims.map(k, k)`})
	for _, v := range []usher.Value{{}, usher.NullValue(), usher.StringValue("x"), usher.ListValue(usher.StringValue("x"))} {
		id := set.Map(usher.Assertion{Claims: v})
		if id.Username.Presence != usher.PresenceAbsent || id.Groups.Presence != usher.PresenceEmpty {
			t.Errorf("%v: %+v %+v", v.Kind(), id.Username, id.Groups)
		}
	}
}
