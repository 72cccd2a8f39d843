package rule_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/rule"
)

// everything is rules of every kind over the claims that FuzzMap makes up.
func everything() rule.Source {
	src := contoso()
	for name, value := range map[string]string{
		"first": `claims.?groups[?0].orValue(claims.?email.orValue(""))`, "any": `claims.x`, "index": `claims[claims.x]`,
		"text": `string(claims.x)`, "plus": `claims.x + claims.y`, "part": `claims.x.split("@")[1].lowerAscii()`, "deep": `claims.?x.?y.?z`,
		"match": `claims.x.matches("^[a-z]+$") ? claims.y : claims.x`, "order": `claims.x < claims.y ? "a" : "b"`, "format": `"%s".format([claims])`,
	} {
		src.Attributes[name] = rule.AttributeSource{Value: value}
	}
	for name, value := range map[string]string{
		"list": `claims.x`, "keys": `claims.map(k, k)`, "values": `claims.map(k, claims[k])`, "sorted": `claims.x.sort()`, "once": `claims.x.distinct()`,
		"twice": `claims.x + claims.x`, "flat": `claims.x.flatten()`, "same": `claims.x == claims.y ? [] : claims.x`,
	} {
		src.Attributes[name] = rule.AttributeSource{Value: value, List: true}
	}
	src.Verified["any"] = `claims.y`
	return src
}

// FuzzMap: whatever is claimed, Map gives the same identity twice, and nothing
// in it is unfit for what comes after.
func FuzzMap(f *testing.F) {
	for _, seed := range []string{
		ann, `{}`, `null`, `[]`, `{"x":1e400,"y":-0}`, `{"x":["a",["b"],{"c":null}],"y":{"z":"q"}}`, `{"x":"a@b","y":"` + "\\u0000\\u2028" + `"}`,
		`{"x":12345678901234567891,"y":0.1}`, `{"groups":"eng-a","email":{"a":"b"},"email_verified":1}`, `{"x":{"y":{"z":"deep"}}}`, `{"x":"x"}`,
	} {
		f.Add(seed, "sub", "groups")
	}
	set := compile(f, everything())
	f.Fuzz(func(t *testing.T, text, subject, held string) {
		var v usher.Value
		if json.Unmarshal([]byte(text), &v) != nil {
			v = usher.ObjectValue(usher.Member{Name: "x", Value: usher.StringValue(text)})
		}
		in := usher.Assertion{Claims: v, Subject: usher.StringValue(subject), Issuer: text, Incomplete: []string{held}}
		once, again := encoded(t, set.Map(in)), encoded(t, set.Map(in))
		if once != again {
			t.Fatalf("not the same:\n%s\n%s", once, again)
		}
		in.Incomplete = nil
		checkIdentity(t, set.Map(in))
	})
}

func encoded(t *testing.T, id usher.Identity) string {
	t.Helper()
	b, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func checkIdentity(t *testing.T, id usher.Identity) {
	t.Helper()
	all := []usher.Derived{id.Username, id.Groups}
	for _, a := range id.Attributes {
		all = append(all, a.Derived)
		if a.Verified && a.Presence != usher.PresenceSet {
			t.Errorf("verified without a value: %+v", a)
		}
	}
	for _, d := range all {
		if (d.Presence == usher.PresenceSet) != (len(d.Values) > 0) || (d.Presence == usher.PresenceUnknown) != (d.Why != "") {
			t.Errorf("it contradicts itself: %+v", d)
		}
		for _, v := range d.Values {
			if v == "" || len(v) > 4<<10 || strings.ContainsAny(v, "\x00\r\n\x1b\u2028\ufeff") {
				t.Errorf("unfit value %q", v)
			}
		}
	}
	if id.Admission.Admitted == (id.Admission.Why != "") {
		t.Errorf("%+v", id.Admission)
	}
}

// FuzzCompile: whatever is written, Compile ends soon, and what compiles runs.
func FuzzCompile(f *testing.F) {
	for _, expr := range hostile() {
		if len(expr) < 10<<10 {
			f.Add(expr)
		}
	}
	f.Add(`claims.?groups.optMap(g, g.filter(x, x.startsWith("eng-")))`)
	f.Add(`{claims.x: 1}.map(k, k + "y").join(",")`)
	in := usher.Assertion{Claims: claims(f, ann)}
	f.Fuzz(func(t *testing.T, expr string) {
		start := time.Now()
		for _, list := range []bool{false, true} {
			set, err := rule.Compile(rule.Source{Attributes: map[string]rule.AttributeSource{"a": {Value: expr, List: list}}})
			if (set == nil) == (err == nil) {
				t.Fatal("neither compiled nor refused")
			}
			if err == nil {
				checkIdentity(t, set.Map(in))
			}
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func BenchmarkMap(b *testing.B) {
	set := compile(b, contoso())
	in := assertion(b, ann)
	b.ReportAllocs()
	for b.Loop() {
		if !set.Map(in).Admission.Admitted {
			b.Fatal("refused")
		}
	}
}

func BenchmarkMapThousandGroups(b *testing.B) {
	list, _ := json.Marshal(strings.Fields(strings.Repeat("eng-platform staff ", 500)))
	set := compile(b, rule.Source{Groups: contoso().Groups})
	in := assertion(b, `{"groups":`+string(list)+`}`)
	b.ReportAllocs()
	for b.Loop() {
		set.Map(in)
	}
}

func BenchmarkCompile(b *testing.B) {
	src := contoso()
	b.ReportAllocs()
	for b.Loop() {
		compile(b, src)
	}
}
