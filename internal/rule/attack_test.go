package rule_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/rule"
)

func TestA002_NoDigitIsLost(t *testing.T) {
	for _, c := range []struct{ number, want string }{
		{"12345678901234567890", "12345678901234567890"},
		{"12345678901234567891", "12345678901234567891"},
		{"9223372036854775807", "9223372036854775807"},
		{"-9223372036854775808", "-9223372036854775808"},
		{"9223372036854775808", "9223372036854775808"},
		{"-9223372036854775809", "-9223372036854775809"},
		{"9007199254740993", "9007199254740993"},
		{"1.5", "1.5"},
		{"-1.50", "-1.5"},
		{"1e3", "1000"},
		{"1.0", "1"},
		{"0.0", "0"},
		{"0.1234567890123456789", "0.1234567890123456789"},
		{"9007199254740993.0", "9007199254740993.0"},
		{"1e400", "1e400"},
		{"-1e400", "-1e400"},
		{"1e-400", "1e-400"},
		{"1e99999999999999999999", "1e99999999999999999999"},
		{"1e-99999999999999999999", "1e-99999999999999999999"},
		{"0e-99999999999999999999", "0e-99999999999999999999"},
	} {
		got := attribute(t, `string(claims.n)`, false, `{"n":`+c.number+`}`)
		if got.Presence != usher.PresenceSet || got.Values[0] != c.want {
			t.Errorf("%s: %+v, want %s", c.number, got, c.want)
		}
	}
}

func TestA002_ASubjectThatIsNotTextIsNotReadAsOne(t *testing.T) {
	set := compile(t, rule.Source{Username: `"x" + subject`})
	for _, v := range []usher.Value{{}, usher.NullValue(), usher.NumberValue("12345678901234567890"), usher.BoolValue(true), usher.ListValue()} {
		id := set.Map(usher.Assertion{Subject: v})
		if id.Username.Values[0] != "x" || id.Subject.Kind() != v.Kind() {
			t.Errorf("%v: %+v", v.Kind(), id)
		}
	}
}

func TestA026_TypesAreNotConverted(t *testing.T) {
	for _, c := range []struct {
		claim string
		list  bool
		why   string
	}{
		{`"a"`, true, "it gave a text and not a list of text"},
		{`["a"]`, false, "it gave a list and not a text"},
		{`[["a"]]`, true, "the list holds a list and not only text"},
		{`["a",null]`, true, "the list holds null and not only text"},
		{`["a",1]`, true, "the list holds a number and not only text"},
		{`["a",true]`, true, "the list holds true or false and not only text"},
		{`["a",{}]`, true, "the list holds an object and not only text"},
		{`["a",""]`, true, "the list holds an empty text"},
		{`{"a":"b"}`, true, "it gave an object and not a list of text"},
		{`{"a":"b"}`, false, "it gave an object and not a text"},
		{`7`, false, "it gave a number and not a text"},
		{`1.5`, false, "it gave a number and not a text"},
		{`false`, false, "it gave true or false and not a text"},
	} {
		got := attribute(t, `claims.x`, c.list, `{"x":`+c.claim+`}`)
		if got.Presence != usher.PresenceUnknown || got.Why != c.why || got.Values != nil {
			t.Errorf("%s: %+v, want %s", c.claim, got, c.why)
		}
		if g := groups(t, `claims.x`, `{"x":`+c.claim+`}`); c.list && (g.Presence != usher.PresenceUnknown || g.Why != c.why) {
			t.Errorf("groups %s: %+v, want %s", c.claim, g, c.why)
		}
	}
	for expr, why := range map[string]string{
		`dyn(b"a")`:                             "it gave something else and not a text",
		`dyn(optional.of(optional.of("a")))`:    "it gave an optional value and not a text",
		`dyn(claims.x + 1)`:                     "a value is not of the kind that the rule works on",
		`claims.x < 1 ? "a" : "b"`:              "a value is not of the kind that the rule works on",
		`claims.x.exists(y, true) ? "a" : "b"`:  "a value is not of the kind that the rule works on",
		`claims.x.join() == "a" ? "a" : "b"`:    "a value is not of the kind that the rule works on",
		`claims.x.distinct() == [] ? "a" : "b"`: "a value is not of the kind that the rule works on",
	} {
		if got := attribute(t, expr, false, `{"x":"a"}`); got.Presence != usher.PresenceUnknown || got.Why != why {
			t.Errorf("%s: %+v, want %s", expr, got, why)
		}
	}
}

func TestA026_ValuesAreBounded(t *testing.T) {
	list := func(n int) string {
		b, _ := json.Marshal(strings.Fields(strings.Repeat("v ", n)))
		return `{"x":` + string(b) + `}`
	}
	text := func(n int) string { return `{"x":"` + strings.Repeat("v", n) + `"}` }
	for _, c := range []struct {
		claims string
		list   bool
		want   usher.Presence
	}{
		{text(4 << 10), false, usher.PresenceSet},
		{text(4<<10 + 1), false, usher.PresenceUnknown},
		{text(16<<10 + 1), false, usher.PresenceUnknown},
		{`{"x":["` + strings.Repeat("v", 5000) + `"]}`, true, usher.PresenceUnknown},
		{`{"x":["` + strings.Repeat("v", 20000) + `"]}`, true, usher.PresenceUnknown},
		{list(64), true, usher.PresenceSet},
		{list(65), true, usher.PresenceUnknown},
	} {
		if got := attribute(t, `claims.x`, c.list, c.claims); got.Presence != c.want {
			t.Errorf("%.20s... (%d bytes): %s %s", c.claims, len(c.claims), got.Presence, got.Why)
		}
	}
	for n, want := range map[int]usher.Presence{10_000: usher.PresenceSet, 10_001: usher.PresenceUnknown} {
		if got := groups(t, `claims.?x.optMap(g, g.filter(y, y.startsWith("v")))`, list(n)); got.Presence != want {
			t.Errorf("%d groups: %s %s", n, got.Presence, got.Why)
		}
	}
}

func TestA029_ControlCharactersAreRefused(t *testing.T) {
	bad := []string{"\x00", "\r", "\n", "\t", "\x1b", "\x7f", "\u0085", "\u009b", "\u2028", "\u2029", "\ufeff", "\x80", "\xed\xa0\x80"}
	for _, ch := range bad {
		for _, s := range []string{ch, "a" + ch, ch + "a", "a" + ch + "b"} {
			in := usher.Assertion{Claims: usher.ObjectValue(
				usher.Member{Name: "x", Value: usher.StringValue(s)},
				usher.Member{Name: "l", Value: usher.ListValue(usher.StringValue("fine"), usher.StringValue(s))},
			)}
			id := compile(t, rule.Source{
				Username:   `claims.x`,
				Attributes: map[string]rule.AttributeSource{"a": {Value: `claims.x`}, "b": {Value: `claims.l`, List: true}},
				Groups:     `claims.l`,
			}).Map(in)
			for _, d := range []usher.Derived{id.Username, id.Attributes[0].Derived, id.Attributes[1].Derived, id.Groups} {
				if d.Presence != usher.PresenceUnknown || d.Values != nil || d.Why == "" {
					t.Errorf("%q: %+v", s, d)
				}
			}
			encoded, _ := json.Marshal(id)
			if strings.Contains(string(encoded), "fine") {
				t.Errorf("%q: a part of the list was kept: %s", s, encoded)
			}
		}
	}
	for _, s := range []string{"Zoë", "李", "علی‌رضا", "O'Neil", " a ", "👩‍💻"} {
		if got := attribute(t, `claims.x`, false, fmt.Sprintf(`{"x":%q}`, s)); got.Presence != usher.PresenceSet || got.Values[0] != s {
			t.Errorf("%q: %+v", s, got)
		}
	}
}

func TestA030_HostileTextIsData(t *testing.T) {
	for _, s := range []string{`<script>alert(1)</script>`, `{{template}}`, `${jndi:ldap://x}`, `=cmd()`, `'; DROP TABLE users; --`, `claims.email`, `" + claims.x + "`, `%s%n`, `\u0000`} {
		v := usher.ObjectValue(usher.Member{Name: "x", Value: usher.StringValue(s)})
		id := compile(t, rule.Source{Username: `claims.x`, Groups: `[claims.x]`}).Map(usher.Assertion{Claims: v})
		if id.Username.Presence != usher.PresenceSet || id.Username.Values[0] != s || id.Groups.Values[0] != s {
			t.Errorf("%s: %+v", s, id)
		}
		for _, step := range id.Trace {
			if strings.Contains(step.Answer, s) {
				t.Errorf("the trace holds %s", s)
			}
		}
	}
}

func TestTraceAndReasonsHoldNoClaimValues(t *testing.T) {
	const secret = "s3cret-value"
	text := `{"x":"` + secret + `","l":["` + secret + `"],"o":{"` + secret + `":"` + secret + `"},"email":"` + secret + `@` + secret + `"}`
	for _, expr := range []string{
		`claims[claims.x]`, `claims.o[claims.x + "y"]`, `string(int(claims.x))`, `string(bool(claims.x))`, `string(double(claims.x))`,
		`claims.l[int(claims.x)]`, `claims.x.substring(99)`, `claims.x.charAt(-1)`, `claims.x.format([1])`, `"%d".format([claims.x])`,
		`claims.x.matches("(" + claims.x) ? "" : ""`, `claims.x + 1`, `{claims.x: 1, claims.x: 2}.map(k, k)[0]`, `claims.l`, `claims.o`,
		`optional.of(claims.x).optMap(v, claims[v])`, `claims.l.map(v, claims[v])[0]`, `claims[claims]`, `claims.l[claims.x]`, `claims.x.split(1)`,
	} {
		set, err := rule.Compile(rule.Source{
			Username:   expr,
			Attributes: map[string]rule.AttributeSource{"a": {Value: expr}, "email": {Value: `claims.email`}},
			Verified:   map[string]string{"email": `claims[claims.x]`},
			Admit:      rule.Admit{When: `claims[claims.x] == true`, EmailDomains: []string{"a.test"}, Verified: true},
		})
		if err != nil {
			continue // refused when it is loaded, which is better still
		}
		id := set.Map(assertion(t, text))
		for _, s := range append([]string{id.Admission.Why, id.Username.Why, id.Attributes[0].Why}, fmt.Sprint(id.Trace)) {
			if strings.Contains(s, secret) {
				t.Errorf("%s: %s", expr, s)
			}
		}
	}
}

func TestA035_AClaimHeldBackIsUnknown(t *testing.T) {
	src := rule.Source{
		Username: `claims.preferred_username`,
		Attributes: map[string]rule.AttributeSource{
			"email": {Value: `claims.email`},
			"named": {Value: `claims[claims.email]`},
			"whole": {Value: `claims.exists(k, k == "groups") ? "a" : "b"`},
			"has":   {Value: `has(claims.groups) ? "a" : "b"`},
			"in":    {Value: `"groups" in claims ? "a" : "b"`},
		},
		Groups:   `claims.?groups.orValue([])`,
		Verified: map[string]string{"email": `claims.?groups.hasValue() || true`},
		Admit:    rule.Admit{When: `claims.?groups.hasValue() || true`},
	}
	in := assertion(t, `{"preferred_username":"ann","email":"a@a.test","groups":["eng"]}`)
	in.Incomplete = []string{"address", "groups"}
	id := compile(t, src).Map(in)
	if id.Groups.Presence != usher.PresenceUnknown || id.Groups.Why != "the provider held the claim groups back" {
		t.Errorf("groups %+v", id.Groups)
	}
	if id.Username.Presence != usher.PresenceSet || id.Attributes[0].Presence != usher.PresenceSet || id.Attributes[0].Verified {
		t.Errorf("username %+v, email %+v", id.Username, id.Attributes[0])
	}
	for _, a := range id.Attributes[1:] {
		if a.Presence != usher.PresenceUnknown || !strings.Contains(a.Why, "held the claim") {
			t.Errorf("%+v", a)
		}
	}
	if id.Admission.Admitted || !id.Admission.Failed || id.Admission.Why != "admit.when: the provider held the claim groups back" {
		t.Errorf("%+v", id.Admission)
	}
	in.Incomplete = nil
	if id = compile(t, src).Map(in); id.Groups.Presence != usher.PresenceSet || !id.Attributes[0].Verified || !id.Admission.Admitted {
		t.Errorf("with nothing held back: %+v", id)
	}
}

// hostile is expressions that are endless, exponential or huge.
func hostile() []string {
	chain := func(start, step string) string { return start + strings.Repeat(step, 60) + ` == [] ? "a" : "b"` }
	binds := func(first, next string) string {
		expr := "a9 == a9"
		for i := 9; i > 0; i-- {
			expr = fmt.Sprintf("cel.bind(a%d, %s, %s)", i, strings.ReplaceAll(next, "$", fmt.Sprintf("a%d", i-1)), expr)
		}
		return "cel.bind(a0, " + first + ", " + expr + `) ? "a" : "b"`
	}
	return []string{
		`"a".matches("` + strings.Repeat("(a|b)*", 2<<20) + `") ? "a" : "b"`,
		`"a".matches("` + strings.Repeat("(a|b)*", 600) + `") ? "a" : "b"`,
		`claims.t.matches("((((a{10}){10}){10}){10})*b") ? "a" : "b"`,
		`claims.t.matches("(a|aa|aaa|a*)*b") ? "a" : "b"`,
		`claims.t.matches(claims.t) ? "a" : "b"`,
		`claims.t.matches(claims.p) ? "a" : "b"`,
		`claims.l.all(x, claims.t.matches(x + "(a|aa)*b") || true) ? "a" : "b"`,
		`claims.l.exists(a, claims.l.exists(b, claims.l.exists(c, a + b + c == ""))) ? "a" : "b"`,
		`claims.l.map(a, claims.l.map(b, claims.l.map(c, c))) == [] ? "a" : "b"`,
		`lists.range(1000).map(a, lists.range(1000).map(b, lists.range(1000).map(c, "x"))) == [] ? "a" : "b"`,
		`lists.range(9223372036854775807) == [] ? "a" : "b"`,
		`lists.range(claims.n) == [] ? "a" : "b"`,
		`claims.t.replace("", claims.t)`, `claims.t.replace("a", claims.t)`, `claims.t.replace("a", claims.t, 99999)`,
		`claims.l.join(claims.t)`, `claims.l.map(x, claims.t).join()`, `claims.t.indexOf(claims.t + "b") == 0 ? "a" : "b"`,
		`claims.t.lastIndexOf(claims.t + "b") == 0 ? "a" : "b"`, `claims.l.map(x, claims.t.split("")).flatten() == [] ? "a" : "b"`,
		`claims.l.distinct() == [] ? "a" : "b"`, `sets.contains(claims.l, claims.l) ? "a" : "b"`, `sets.equivalent(claims.l, claims.l.reverse()) ? "a" : "b"`,
		`sets.intersects(claims.l, claims.l.map(x, x + "y")) ? "a" : "b"`, `claims.l.sortBy(x, x + claims.t) == [] ? "a" : "b"`,
		`claims.l.map(x, claims.l) == claims.l.map(x, claims.l) ? "a" : "b"`, `claims.l.map(x, claims).exists(c, c == claims) ? "a" : "b"`,
		`"%s%s%s".format([claims.l, claims.l, claims.t])`, `"%.999999999f".format([claims.n])`, `claims.p.format([claims.t, claims.t, claims.t])`,
		chain(`["a"]`, `.map(x, x + x)`), chain(`[["a"]]`, `.map(x, x + x)`), chain(`[dyn("a")]`, `.map(x, [x, x])`),
		chain(`["a"]`, `.map(x, {x: x})`), chain(`["a"]`, `.map(x, optional.of(x))`), chain(`[[1]]`, `.map(x, {1: x, 2: x})`),
		binds(`"aaaaaaaa"`, `$ + $ + $ + $ + $ + $ + $ + $`), binds(`claims.l`, `$ + $ + $ + $`), binds(`claims.l`, `[$, $, $, $, $, $]`),
		binds(`"a"`, `{$: $}`), binds(`"a"`, `{"x": $, "y": $, "z": $, "u": $, "v": $}`), binds(`"a"`, `optional.of([$, $])`),
		`optional.of("a")` + strings.Repeat(`.optMap(x, x + x)`, 60), `optional.of("a")` + strings.Repeat(`.optFlatMap(x, optional.of(x + x))`, 9),
		strings.Repeat("(", 2000) + "1" + strings.Repeat(")", 2000), strings.Repeat("[", 4000), strings.Repeat("{1:", 1000) + "1" + strings.Repeat("}", 1000),
		strings.Repeat("!", 4000) + "true", strings.Repeat("-", 4000) + "1", strings.Repeat("true?", 550) + "1" + strings.Repeat(":1", 550),
		"1" + strings.Repeat("+1", 2000), "claims" + strings.Repeat(".a", 2000), "claims" + strings.Repeat(".?a", 1300), `"a"` + strings.Repeat(`+claims.t`, 400),
		"[" + strings.Repeat("claims.l,", 400) + `1].flatten() == [] ? "a" : "b"`, strings.Repeat("a.b(", 1000), strings.Repeat("\\", 4000), strings.Repeat("`", 4000),
		"\x00", "\xff\xfe", strings.Repeat("\u202e", 1300), "", "//", `b"` + strings.Repeat(`\x00`, 1000) + `"`,
	}
}

func TestA038_HostileExpressionsEndSoon(t *testing.T) {
	many := make([]usher.Value, 15_000)
	for i := range many {
		many[i] = usher.StringValue(fmt.Sprintf("eng-group-%05d", i))
	}
	in := usher.Assertion{Claims: usher.ObjectValue(
		usher.Member{Name: "t", Value: usher.StringValue(strings.Repeat("a", 16<<10))},
		usher.Member{Name: "p", Value: usher.StringValue("((((a{10}){10}){10}){10})*b%s%s%s")},
		usher.Member{Name: "n", Value: usher.NumberValue("9223372036854775807")},
		usher.Member{Name: "l", Value: usher.ListValue(many...)},
	)}
	const soon = 5 * time.Second // far above the second it may take, for slow machines and -race
	for _, expr := range hostile() {
		start := time.Now()
		set, err := rule.Compile(rule.Source{Attributes: map[string]rule.AttributeSource{"a": {Value: expr}}})
		if err == nil {
			set.Map(in)
		}
		if took := time.Since(start); took > soon {
			t.Errorf("%.60s (%d bytes) took %v (compiled: %v)", expr, len(expr), took, err == nil)
		} else if took > soon/20 {
			t.Logf("%.60s took %v", expr, took)
		}
	}
}

func TestA038_LimitsAreFaultsWhenLoaded(t *testing.T) {
	for expr, msg := range map[string]string{
		`"` + strings.Repeat("a", 10<<20) + `"`:                                                 "may have 4096",
		`"a".matches("` + strings.Repeat("(a|b)*", 500) + `") ? "a" : "b"`:                      "too large",
		`["a"]` + strings.Repeat(".map(x, x)", 11) + `[0]`:                                      "Too many loops",
		`["a"]` + strings.Repeat(".map(x, x)", 6) + `[0]`:                                       "nesting limit",
		`[` + strings.Repeat("{},", 17) + `1] == [] ? "a" : "b"`:                                "17 maps",
		strings.Repeat("(", 300) + `"a"` + strings.Repeat(")", 300):                             "recursion limit",
		`["a"` + strings.Repeat(`,""`, 1300) + `][0]`:                                           "too large",
		`[1,2,3,4,5,6,7,8,9,10` + strings.Repeat(",1", 90) + `].all(a, true) ? "a" : "b"`:       "",
		`[["` + strings.Repeat("a", 3900) + `"]].all(a, true) ? "a" : "b"`:                      "",
		`{"k": [{"k": google.protobuf.Value{null_value: 0}}]}.k == [] ? issuer.trim() : issuer`: "can't make messages",
	} {
		_, err := rule.Compile(rule.Source{Username: expr})
		if (err != nil) != (msg != "") || err != nil && !strings.Contains(err.Error(), msg) {
			t.Errorf("%.60s: %v, want %q", expr, err, msg)
		}
	}
}

func TestA038_TheWholeSetHasOneBudget(t *testing.T) {
	src := rule.Source{Username: `claims.x`, Attributes: map[string]rule.AttributeSource{}}
	for i := range 100 {
		src.Attributes[fmt.Sprintf("a%03d", i)] = rule.AttributeSource{Value: `claims.l.exists(a, claims.l.exists(b, a + b == "")) ? "a" : "b"`}
	}
	list, _ := json.Marshal(strings.Fields(strings.Repeat("group ", 2000)))
	start := time.Now()
	id := compile(t, src).Map(assertion(t, `{"x":"ann","l":`+string(list)+`}`))
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if id.Username.Presence != usher.PresenceSet {
		t.Errorf("%+v", id.Username)
	}
	for _, a := range id.Attributes {
		if a.Presence != usher.PresenceUnknown || a.Why != "the rules are too expensive" {
			t.Fatalf("%+v", a)
		}
	}
}
