package rule_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/rule"
)

// contoso is the provider of the design's example.
func contoso() rule.Source {
	return rule.Source{
		Username: `claims.preferred_username`,
		Attributes: map[string]rule.AttributeSource{
			"email":      {Value: `claims.email`},
			"givenName":  {Value: `claims.?given_name`},
			"department": {Value: `claims.?department`},
			"phone":      {Value: `claims.?phone_number`},
		},
		Groups:   `claims.?groups.optMap(g, g.filter(x, x.startsWith("eng-")))`,
		Verified: map[string]string{"email": `claims.?email_verified.orValue(false) == true`},
		Admit:    rule.Admit{EmailDomains: []string{"contoso.test"}, Verified: true, When: `issuer == "https://login.contoso.test"`},
	}
}

const ann = `{"preferred_username":"ann","email":"Ann@CONTOSO.test","email_verified":true,
	"given_name":"Ann","phone_number":null,"groups":["eng-platform","all-staff","eng-leads","eng-leads"]}`

func claims(t testing.TB, text string) usher.Value {
	t.Helper()
	var v usher.Value
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func assertion(t testing.TB, text string) usher.Assertion {
	t.Helper()
	return usher.Assertion{
		Tenant: "default", IdP: "contoso", Issuer: "https://login.contoso.test",
		Subject: usher.StringValue("sub-1"), Claims: claims(t, text),
	}
}

func compile(t testing.TB, src rule.Source) *rule.Set {
	t.Helper()
	set, err := rule.Compile(src)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// attribute maps one attribute called a.
func attribute(t testing.TB, expr string, list bool, text string) usher.Attribute {
	t.Helper()
	set := compile(t, rule.Source{Attributes: map[string]rule.AttributeSource{"a": {Value: expr, List: list}}})
	return set.Map(assertion(t, text)).Attributes[0]
}

func groups(t testing.TB, expr, text string) usher.Derived {
	t.Helper()
	return compile(t, rule.Source{Groups: expr}).Map(assertion(t, text)).Groups
}

func TestMap_TheDesignsExample(t *testing.T) {
	in := assertion(t, ann)
	in.AuthTime, in.ACR, in.AMR = 42, "mfa", []string{"pwd", "otp"}
	got := compile(t, contoso()).Map(in)
	set := func(rule string, values ...string) usher.Derived {
		return usher.Derived{Presence: usher.PresenceSet, Values: values, Rule: rule}
	}
	step := func(where, answer string) usher.Step {
		return usher.Step{Question: where, Answer: answer, Rule: where}
	}
	want := usher.Identity{
		Tenant: "default", IdP: "contoso", Issuer: "https://login.contoso.test", Subject: in.Subject,
		AuthTime: 42, ACR: "mfa", AMR: []string{"pwd", "otp"},
		Admission: usher.Admission{Admitted: true},
		Username:  set("mapping.username", "ann"),
		Attributes: []usher.Attribute{
			{Name: "department", Derived: usher.Derived{Presence: usher.PresenceAbsent, Rule: "mapping.attributes.department"}},
			{Name: "email", Verified: true, Derived: set("mapping.attributes.email", "Ann@CONTOSO.test")},
			{Name: "givenName", Derived: set("mapping.attributes.givenName", "Ann")},
			{Name: "phone", Derived: usher.Derived{Presence: usher.PresenceNull, Rule: "mapping.attributes.phone"}},
		},
		Groups: set("mapping.groups", "eng-leads", "eng-platform"),
		Trace: []usher.Step{
			step("mapping.username", "a value"),
			step("mapping.attributes.department", "absent"),
			step("mapping.attributes.email", "a value"),
			step("mapping.attributes.givenName", "a value"),
			step("mapping.attributes.phone", "null"),
			step("mapping.groups", "2 values"),
			step("mapping.verified.email", "true"),
			step("admit.emailDomains", "true"),
			step("admit.verified", "true"),
			step("admit.when", "true"),
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(usher.Value{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestMap_Presence(t *testing.T) {
	for _, c := range []struct {
		name, expr, claims string
		list               bool
		want               usher.Presence
		values             []string
		why                string
	}{
		{name: "a value", expr: `claims.x`, claims: `{"x":"v"}`, want: usher.PresenceSet, values: []string{"v"}},
		{name: "an optional value", expr: `claims.?x`, claims: `{"x":"v"}`, want: usher.PresenceSet, values: []string{"v"}},
		{name: "missing, asked plainly", expr: `claims.x`, claims: `{}`, want: usher.PresenceUnknown, why: "no such key: x"},
		{name: "missing, asked with .?", expr: `claims.?x`, claims: `{}`, want: usher.PresenceAbsent},
		{name: "missing object on the way", expr: `claims.?address.?country`, claims: `{}`, want: usher.PresenceAbsent},
		{name: "null object on the way", expr: `claims.?address.?country`, claims: `{"address":null}`, want: usher.PresenceAbsent},
		{name: "nested", expr: `claims.?address.?country`, claims: `{"address":{"country":"NZ"}}`, want: usher.PresenceSet, values: []string{"NZ"}},
		{name: "null", expr: `claims.x`, claims: `{"x":null}`, want: usher.PresenceNull},
		{name: "optional null", expr: `claims.?x`, claims: `{"x":null}`, want: usher.PresenceNull},
		{name: "empty text", expr: `claims.x`, claims: `{"x":""}`, want: usher.PresenceEmpty},
		{name: "list", expr: `claims.x`, list: true, claims: `{"x":["b","a","b"]}`, want: usher.PresenceSet, values: []string{"b", "a", "b"}},
		{name: "empty list", expr: `claims.x`, list: true, claims: `{"x":[]}`, want: usher.PresenceEmpty},
		{name: "null list", expr: `claims.?x`, list: true, claims: `{"x":null}`, want: usher.PresenceNull},
		{name: "made of two", expr: `claims.a + " " + claims.b`, claims: `{"a":"v","b":"w"}`, want: usher.PresenceSet, values: []string{"v w"}},
		{name: "first of a list", expr: `claims.x[0]`, claims: `{"x":["v"]}`, want: usher.PresenceSet, values: []string{"v"}},
		{name: "beyond the list", expr: `claims.x[3]`, claims: `{"x":["v"]}`, want: usher.PresenceUnknown, why: "a list is shorter than the rule expects"},
		{name: "computed name", expr: `claims[claims.x]`, claims: `{"x":"secret"}`, want: usher.PresenceUnknown, why: "no such key"},
		{name: "conversion", expr: `string(int(claims.x))`, claims: `{"x":"secret"}`, want: usher.PresenceUnknown, why: "a value can't be converted"},
		{name: "absent used", expr: `claims.?x.value()`, claims: `{}`, want: usher.PresenceUnknown, why: "a value that the rule needs is absent"},
		{name: "division", expr: `string(1 / claims.x)`, claims: `{"x":0}`, want: usher.PresenceUnknown, why: "the rule failed on these values"},
		{name: "default", expr: `claims.?x.orValue("none")`, claims: `{}`, want: usher.PresenceSet, values: []string{"none"}},
		{name: "first that is there", expr: `claims.?x.or(claims.?y)`, claims: `{"y":"v"}`, want: usher.PresenceSet, values: []string{"v"}},
		{name: "variables", expr: `issuer + " " + subject`, claims: `{}`, want: usher.PresenceSet, values: []string{"https://login.contoso.test sub-1"}},
		{name: "strings", expr: `claims.x.lowerAscii().replace(" ", ".").split("@")[0]`, claims: `{"x":"Ann Lee@x"}`, want: usher.PresenceSet, values: []string{"ann.lee"}},
		{name: "join", expr: `claims.x.join("+")`, claims: `{"x":["a","b"]}`, want: usher.PresenceSet, values: []string{"a+b"}},
		{name: "join nothing", expr: `claims.x.join()`, claims: `{"x":["a","b"]}`, want: usher.PresenceSet, values: []string{"ab"}},
		{name: "lookup", expr: `{"de": "Deutsch", "fr": "Français"}[?claims.x].orValue("English")`, claims: `{"x":"fr"}`, want: usher.PresenceSet, values: []string{"Français"}},
		{name: "names of an object", expr: `claims.x.map(k, k)`, list: true, claims: `{"x":{"b":1,"a":2,"c":3}}`, want: usher.PresenceSet, values: []string{"a", "b", "c"}},
		{name: "names of a written map", expr: `{"z": 1, "b": 1, "y": 1, "a": 1}.map(k, k)`, list: true, claims: `{}`, want: usher.PresenceSet, values: []string{"a", "b", "y", "z"}},
		{name: "names of a made map", expr: `{claims.x: 1, "b": 1, "y": 1, "a": 1}.map(k, k)`, list: true, claims: `{"x":"z"}`, want: usher.PresenceSet, values: []string{"a", "b", "y", "z"}},
		{name: "map with mixed names", expr: `{"a": "s", 2: "two", 1: "one", true: "t"}.map(k, string(k))`, list: true, claims: `{}`, want: usher.PresenceSet, values: []string{"true", "1", "2", "a"}},
		{name: "member of a list", expr: `claims.x in ["a", "b"] ? "yes" : "no"`, claims: `{"x":"b"}`, want: usher.PresenceSet, values: []string{"yes"}},
		{name: "pattern", expr: `claims.x.matches("^[a-z]+$") ? "yes" : "no"`, claims: `{"x":"b"}`, want: usher.PresenceSet, values: []string{"yes"}},
		{name: "pattern of a claim", expr: `claims.x.matches(claims.y) ? "yes" : "no"`, claims: `{"x":"b","y":"["}`, want: usher.PresenceUnknown, why: "the rule failed on these values"},
		{name: "sorted", expr: `claims.x.sort()`, list: true, claims: `{"x":["b","a"]}`, want: usher.PresenceSet, values: []string{"a", "b"}},
		{name: "each once", expr: `claims.x.distinct()`, list: true, claims: `{"x":["b","a","b"]}`, want: usher.PresenceSet, values: []string{"b", "a"}},
		{name: "sets", expr: `sets.contains(claims.x, ["a"]) ? "yes" : "no"`, claims: `{"x":["b","a"]}`, want: usher.PresenceSet, values: []string{"yes"}},
		{name: "flattened", expr: `claims.x.map(o, o.roles).flatten()`, list: true, claims: `{"x":[{"roles":["a","b"]},{"roles":["c"]}]}`, want: usher.PresenceSet, values: []string{"a", "b", "c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := attribute(t, c.expr, c.list, c.claims)
			want := usher.Attribute{Name: "a", Derived: usher.Derived{Presence: c.want, Values: c.values, Rule: "mapping.attributes.a", Why: c.why}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestMap_GroupsOfTheExample(t *testing.T) {
	const expr = `claims.?groups.optMap(g, g.filter(x, x.startsWith("eng-")))`
	for _, c := range []struct {
		claims string
		want   usher.Presence
		values []string
	}{
		{`{}`, usher.PresenceAbsent, nil},
		{`{"groups":[]}`, usher.PresenceEmpty, nil},
		{`{"groups":["staff"]}`, usher.PresenceEmpty, nil},
		{`{"groups":["eng-b","staff","eng-a","eng-b"]}`, usher.PresenceSet, []string{"eng-a", "eng-b"}},
		{`{"groups":null}`, usher.PresenceUnknown, nil},
		{`{"groups":"eng-a"}`, usher.PresenceUnknown, nil},
		{`{"groups":["eng-a",7]}`, usher.PresenceUnknown, nil},
	} {
		got := groups(t, expr, c.claims)
		if got.Presence != c.want || !cmp.Equal(got.Values, c.values) {
			t.Errorf("%s: %+v, want %s %q", c.claims, got, c.want, c.values)
		}
	}
}

func TestMap_AFaultIsCopiedAndNothingRuns(t *testing.T) {
	in := assertion(t, ann)
	in.Fault = usher.Fault{Reason: usher.ReasonSignature}
	got := compile(t, contoso()).Map(in)
	if got.Fault != in.Fault || got.Admission != (usher.Admission{}) || got.Attributes != nil || got.Trace != nil {
		t.Errorf("%+v", got)
	}
	if got.Username.Presence != usher.PresenceUnknown || got.Groups.Presence != usher.PresenceUnknown {
		t.Errorf("username %+v, groups %+v", got.Username, got.Groups)
	}
}

func TestMap_NothingMapped(t *testing.T) {
	got := compile(t, rule.Source{}).Map(usher.Assertion{Subject: usher.NumberValue("7")})
	want := usher.Identity{
		Subject:   usher.NumberValue("7"),
		Admission: usher.Admission{Admitted: true},
		Username:  usher.Derived{Presence: usher.PresenceAbsent},
		Groups:    usher.Derived{Presence: usher.PresenceAbsent},
		Trace:     []usher.Step{},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(usher.Value{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestMap_VerifiedFailsToUnverified(t *testing.T) {
	for _, c := range []struct {
		expr, claims string
		want         bool
		answer       string
	}{
		{`claims.?email_verified.orValue(false) == true`, `{"email":"a","email_verified":true}`, true, "true"},
		{`claims.?email_verified.orValue(false) == true`, `{"email":"a","email_verified":"true"}`, false, "false"},
		{`claims.?email_verified.orValue(false) == true`, `{"email":"a","email_verified":null}`, false, "false"},
		{`claims.?email_verified.orValue(false) == true`, `{"email":"a"}`, false, "false"},
		{`claims.email_verified`, `{"email":"a","email_verified":true}`, true, "true"},
		{`claims.email_verified`, `{"email":"a"}`, false, "false: no such key: email_verified"},
		{`claims.email_verified`, `{"email":"a","email_verified":"true"}`, false, "false: it gave a text and not true or false"},
		{`claims.email_verified`, `{"email":"a","email_verified":{}}`, false, "false: it gave an object and not true or false"},
		{`true`, `{}`, false, "true"},             // an address that is unknown is not verified
		{`true`, `{"email":""}`, false, "true"},   // nor is one that is empty
		{`true`, `{"email":null}`, false, "true"}, // or null
	} {
		set := compile(t, rule.Source{
			Attributes: map[string]rule.AttributeSource{"email": {Value: `claims.email`}},
			Verified:   map[string]string{"email": c.expr},
		})
		id := set.Map(assertion(t, c.claims))
		if got := id.Attributes[0].Verified; got != c.want || id.Trace[1].Answer != c.answer {
			t.Errorf("%s over %s: %v %q, want %v %q", c.expr, c.claims, got, id.Trace[1].Answer, c.want, c.answer)
		}
	}
}

func TestMap_IsDeterministic(t *testing.T) {
	src := contoso()
	src.Attributes["walk"] = rule.AttributeSource{Value: `claims.o.map(k, k + string(claims.o[k]))`, List: true}
	src.Attributes["made"] = rule.AttributeSource{Value: `{claims.email: 1, "q": 2, "w": 3, "e": 4, "r": 5}.map(k, k)`, List: true}
	src.Attributes["fails"] = rule.AttributeSource{Value: `claims.o.exists(k, claims[k] == "" || claims.no == "") ? "a" : "b"`}
	src.Attributes["shown"] = rule.AttributeSource{Value: `"%s".format([{"b": 1, "a": claims.email}])`}
	set := compile(t, src)
	in := assertion(t, strings.TrimSuffix(ann, "}")+`,"o":{"z":1,"y":2,"x":3,"w":4,"v":5,"u":6,"t":7}}`)
	encode := func() string {
		b, err := json.Marshal(set.Map(in))
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	first := encode()
	for range 1000 {
		if again := encode(); again != first {
			t.Fatalf("not the same:\n%s\n%s", first, again)
		}
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if encode() != first {
					t.Error("not the same beside others")
					return
				}
			}
		})
	}
	all.Wait()
}

func TestClaims(t *testing.T) {
	set := compile(t, rule.Source{
		Username: `claims.a + claims["b"]`,
		Attributes: map[string]rule.AttributeSource{
			"x": {Value: `claims.?c`}, "y": {Value: `claims[?"d"].orValue(claims.a)`}, "z": {Value: `has(claims.e) && "f" in claims ? claims[issuer] : claims.g.h`},
		},
		Groups:   `claims.i.filter(x, x != claims.j)`,
		Verified: map[string]string{"x": `.claims.k == 1`},
		Admit:    rule.Admit{When: `claims.size() > 0 && {"claims": {"no": true}}.claims.no && claims.l`},
	})
	want := []string{"a", "b", "c", "d", "e", "f", "g", "i", "j", "k", "l"}
	got := set.Claims()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	got[0] = "changed"
	if set.Claims()[0] != "a" {
		t.Error("a caller can change the set")
	}
}

func ExampleCompile() {
	set, _ := rule.Compile(rule.Source{Username: `claims.email.split("@")[0]`})
	id := set.Map(usher.Assertion{Claims: usher.ObjectValue(usher.Member{Name: "email", Value: usher.StringValue("ann@contoso.test")})})
	fmt.Println(id.Username.Values)
	// Output: [ann]
}
