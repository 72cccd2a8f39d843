package rule_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/rule"
)

// faultsOf compiles a source that must not compile.
func faultsOf(t testing.TB, src rule.Source) rule.Faults {
	t.Helper()
	set, err := rule.Compile(src)
	if set != nil || err == nil {
		t.Fatal("it compiled")
	}
	if usher.KindOf(err) != usher.Invalid || usher.Shown(err) == "" {
		t.Errorf("kind %s, shown %q", usher.KindOf(err), usher.Shown(err))
	}
	var all rule.Faults
	if !errors.As(err, &all) || len(all) == 0 {
		t.Fatalf("no faults in %v", err)
	}
	for _, f := range all {
		if !strings.HasSuffix(f.Msg, ".") || f.Where == "" {
			t.Errorf("not a sentence with a place: %v", f)
		}
	}
	return all
}

func TestCompile_FaultsOfExpressions(t *testing.T) {
	for _, c := range []struct {
		name, expr   string
		list         bool
		line, column int
		msg          string
	}{
		{"empty", "  ", false, 0, 0, "There is no expression."},
		{"broken off", "claims.email +", false, 1, 15, "Check the brackets"},
		{"second line", "claims.email +\n  nope", false, 2, 3, "There is nothing called 'nope'."},
		{"past a wide letter", `"é" + nope`, false, 1, 7, "There is nothing called 'nope'."},
		{"no such function", `shout(claims.email)`, false, 1, 6, "There is nothing called 'shout'."},
		{"wrong argument", `issuer.startsWith(1)`, false, 1, 18, "The parts don't fit together"},
		{"undefined field", `issuer.x`, false, 1, 7, "Correct the expression."},
		{"number for text", `1 + 2`, false, 1, 1, "string(...)"},
		{"list for text", `["a"]`, false, 1, 1, "Choose one item"},
		{"optional list for text", `optional.of(["a"])`, false, 1, 1, "Choose one item"},
		{"text for list", `issuer`, true, 1, 1, "into brackets"},
		{"numbers for list", `[1]`, true, 1, 1, "Change the expression."},
		{"loop over an optional", `claims.?g.map(x, x)`, true, 1, 7, "optMap"},
		{"message", `google.protobuf.StringValue{value: "x"}`, false, 1, 1, "can't make messages"},
		{"bad pattern", `issuer.matches("[") ? "a" : "b"`, false, 1, 16, "Correct the expression."},
		{"time", `string(timestamp(0))`, false, 1, 17, "without those of time"},
		{"clock of the machine", `claims.x.getHours("Local")`, false, 1, 18, "without those of time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := faultsOf(t, rule.Source{Attributes: map[string]rule.AttributeSource{"a": {Value: c.expr, List: c.list}}})[0]
			if f.Where != "mapping.attributes.a" || f.Line != c.line || f.Column != c.column || !strings.Contains(f.Msg, c.msg) {
				t.Errorf("got %v, want %d:%d ... %s", f, c.line, c.column, c.msg)
			}
		})
	}
}

func TestCompile_BooleansMustBeBooleans(t *testing.T) {
	email := map[string]rule.AttributeSource{"email": {Value: `claims.email`}}
	for expr, msg := range map[string]string{
		`claims.?email_verified`: "Say what absent means",
		`"true"`:                 "must give true or false. Change the expression.",
		`[true]`:                 "must give true or false. Change the expression.",
	} {
		all := faultsOf(t, rule.Source{Attributes: email, Verified: map[string]string{"email": expr}, Admit: rule.Admit{When: expr}})
		if len(all) != 2 || all[0].Where != "mapping.verified.email" || all[1].Where != "admit.when" {
			t.Fatalf("%s: %v", expr, all)
		}
		for _, f := range all {
			if !strings.Contains(f.Msg, msg) {
				t.Errorf("%s: %v", expr, f)
			}
		}
	}
}

func TestCompile_EveryFaultAtOnce(t *testing.T) {
	src := rule.Source{
		Username: `nope1`,
		Attributes: map[string]rule.AttributeSource{
			"a": {Value: `nope2 + nope3`}, "b": {Value: ``}, "sub": {Value: `claims.sub`}, "é": {Value: `1`}, "B": {Value: `issuer`},
		},
		Groups:   `nope4`,
		Verified: map[string]string{"a": `nope5`, "c": `true`},
		Admit:    rule.Admit{EmailDomains: []string{"*.contoso.test", "contoso.test."}, Verified: true, When: `nope6`},
	}
	var got []string
	all := faultsOf(t, src)
	for _, f := range all {
		got = append(got, f.Where)
	}
	want := []string{
		"mapping.username",
		"mapping.attributes.b", // B is also there
		"mapping.attributes.sub", "mapping.attributes", "mapping.verified",
		"mapping.attributes.a", "mapping.attributes.a", "mapping.attributes.b",
		"mapping.groups", "mapping.verified.a",
		"admit.emailDomains", "admit.verified", "admit.emailDomains", "admit.emailDomains", "admit.when",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	lines := strings.Split(all.Error(), "\n")
	if len(lines) != len(all) || !strings.HasPrefix(lines[0], "mapping.username:1:1: There is nothing called 'nope1'.") || !strings.HasPrefix(lines[1], "mapping.attributes.b: ") {
		t.Errorf("%s", all.Error())
	}
	var first *rule.Fault
	if !errors.As(all, &first) || first != all[0] {
		t.Error("errors.As does not find the faults")
	}
}

func TestCompile_AdmissionNeedsTheAddress(t *testing.T) {
	list := map[string]rule.AttributeSource{"email": {Value: `claims.emails`, List: true}}
	if f := faultsOf(t, rule.Source{Attributes: list, Admit: rule.Admit{EmailDomains: []string{"a.test"}}})[0]; !strings.Contains(f.Msg, "may hold a list") {
		t.Error(f)
	}
	for _, d := range []string{"", ".", "@a.test", "*.a.test", "a.test.", "-a.test", "a-.test", "a_b.test", "ⓒorp.test", "a..test",
		strings.Repeat("a", 64) + ".test", strings.Repeat("a.", 130) + "test"} {
		email := map[string]rule.AttributeSource{"email": {Value: `claims.email`}}
		if f := faultsOf(t, rule.Source{Attributes: email, Admit: rule.Admit{EmailDomains: []string{d}}})[0]; !strings.Contains(f.Msg, "is not a domain") {
			t.Error(f)
		}
	}
}

func TestCompile_NamesOfAttributes(t *testing.T) {
	for _, name := range []string{"", "1a", "_a", "a b", "a/b", "é", "a\x00", "a:b", strings.Repeat("a", 65), strings.Repeat("é", 100)} {
		f := faultsOf(t, rule.Source{Attributes: map[string]rule.AttributeSource{name: {Value: `issuer`}}})[0]
		if f.Where != "mapping.attributes" || !strings.Contains(f.Msg, "can't be called") || len(f.Error()) > 700 {
			t.Errorf("%q: %v", name, f)
		}
	}
	for _, name := range []string{"a", "Z9", "urn.x-y_z", strings.Repeat("a", 64), "emailVerified", "subject"} {
		compile(t, rule.Source{Attributes: map[string]rule.AttributeSource{name: {Value: `issuer`}}})
	}
	many := map[string]rule.AttributeSource{}
	for i := range 101 {
		many["a"+strings.Repeat("b", i/2)+strings.Repeat("c", i%2)] = rule.AttributeSource{Value: `issuer`}
	}
	if f := faultsOf(t, rule.Source{Attributes: many})[0]; !strings.Contains(f.Msg, "101 attributes") {
		t.Error(f)
	}
}

func refusedNames(t *testing.T, names string) {
	t.Helper()
	for _, name := range strings.Fields(names) {
		for _, spelt := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			all := faultsOf(t, rule.Source{
				Attributes: map[string]rule.AttributeSource{spelt: {Value: `claims.x`}, "fine": {Value: `claims.y`}},
				Verified:   map[string]string{spelt: `true`},
			})
			if len(all) != 1 || all[0].Where != "mapping.attributes."+spelt || !strings.Contains(all[0].Msg, "reserved") {
				t.Errorf("%s: %v", spelt, all)
			}
		}
	}
}

func TestA031_ReservedClaimsCannotBeMapped(t *testing.T) {
	refusedNames(t, "iss sub aud exp iat nbf nonce acr amr azp auth_time sid cnf jti typ client_id scope")
}

func TestA032_FieldsOfTheAccountCannotBeMapped(t *testing.T) {
	refusedNames(t, "is_admin admin disabled enabled state email_verified phone_number_verified password tenant id username groups roles verified")
}

func TestCompile_DoesNotChangeItsSource(t *testing.T) {
	src := contoso()
	src.Admit.EmailDomains = []string{"b.test", "A.test"}
	domains, names := slices.Clone(src.Admit.EmailDomains), slices.Sorted(maps.Keys(src.Attributes))
	compile(t, src)
	if !slices.Equal(src.Admit.EmailDomains, domains) || !slices.Equal(slices.Sorted(maps.Keys(src.Attributes)), names) {
		t.Error("the source was changed")
	}
}
