package rule_test

import (
	"fmt"
	"strings"
	"testing"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/rule"
)

func admission(t testing.TB, a rule.Admit, text string) usher.Admission {
	t.Helper()
	return compile(t, rule.Source{
		Attributes: map[string]rule.AttributeSource{"email": {Value: `claims.?email`}},
		Verified:   map[string]string{"email": `claims.?email_verified.orValue(false) == true`},
		Admit:      a,
	}).Map(assertion(t, text)).Admission
}

func TestAdmission(t *testing.T) {
	domains := rule.Admit{EmailDomains: []string{"Contoso.TEST", "xn--bcher-kva.test", "contoso.test"}}
	verified := rule.Admit{Verified: true}
	when := rule.Admit{When: `claims.dept == "eng"`}
	all := rule.Admit{EmailDomains: domains.EmailDomains, Verified: true, When: when.When}
	for _, c := range []struct {
		name   string
		admit  rule.Admit
		claims string
		want   usher.Admission
	}{
		{"nothing asked", rule.Admit{}, `{}`, usher.Admission{Admitted: true}},
		{"domain", domains, `{"email":"a@contoso.test"}`, usher.Admission{Admitted: true}},
		{"domain in capitals", domains, `{"email":"a@CONTOSO.Test"}`, usher.Admission{Admitted: true}},
		{"other script", domains, `{"email":"a@XN--bcher-kva.test"}`, usher.Admission{Admitted: true}},
		{"other domain", domains, `{"email":"a@other.test"}`, usher.Admission{Why: "admit.emailDomains: the domain of the e-mail address is not in the list"}},
		{"no address", domains, `{}`, usher.Admission{Why: "admit.emailDomains: there is no e-mail address"}},
		{"null address", domains, `{"email":null}`, usher.Admission{Why: "admit.emailDomains: there is no e-mail address"}},
		{"empty address", domains, `{"email":""}`, usher.Admission{Why: "admit.emailDomains: there is no e-mail address"}},
		{"several addresses", domains, `{"email":["a@contoso.test"]}`, usher.Admission{Failed: true, Why: "admit.emailDomains: the e-mail address is unknown"}},
		{"verified", verified, `{"email":"a@b.test","email_verified":true}`, usher.Admission{Admitted: true}},
		{"not verified", verified, `{"email":"a@b.test"}`, usher.Admission{Why: "admit.verified: the e-mail address is not verified"}},
		{"nothing to verify", verified, `{"email_verified":true}`, usher.Admission{Why: "admit.verified: the e-mail address is not verified"}},
		{"condition", when, `{"dept":"eng"}`, usher.Admission{Admitted: true}},
		{"condition refuses", when, `{"dept":"law"}`, usher.Admission{Why: "admit.when: the condition does not hold"}},
		{"condition fails", when, `{}`, usher.Admission{Failed: true, Why: "admit.when: no such key: dept"}},
		{"condition is no boolean", rule.Admit{When: `claims.dept`}, `{"dept":"true"}`, usher.Admission{Failed: true, Why: "admit.when: it gave a text and not true or false"}},
		{"all", all, `{"email":"a@contoso.test","email_verified":true,"dept":"eng"}`, usher.Admission{Admitted: true}},
		{"the first that refuses is named", all, `{"email":"a@contoso.test"}`, usher.Admission{Why: "admit.verified: the e-mail address is not verified"}},
	} {
		if got := admission(t, c.admit, c.claims); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestA023_OnlyAddressesReadWithoutDoubtPass(t *testing.T) {
	for _, address := range []string{
		`a@evil@corp.test`, `a@corp.test.`, `a@corp.test.evil`, `"a@corp.test"@evil.test`, `"a"@corp.test`, `a@ⓒorp.test`, `a@corp.test `, ` a@corp.test`,
		`a@corp.test,b@evil.test`, `a@corp.test;b`, `a@evil.test, b@corp.test`, `<a@corp.test>`, `Ann <a@corp.test>`, `a@corp.test>`, `a@[127.0.0.1]`, `a@corp.test@`,
		`@corp.test`, `corp.test`, `a@`, `@`, `a@sub.corp.test`, `a@xcorp.test`, `a@.corp.test`, `a@corp..test`, `a..b@corp.test`, `.a@corp.test`, `a.@corp.test`,
		`a(comment)@corp.test`, `a@corp.test(comment)`, `a@corp。test`, `ａ@corp.test`, `a＠corp.test`, `а@corp.test`, `a@cоrp.test`, `a b@corp.test`, `a\@corp.test`,
		`mailto:a@corp.test`, `a%evil.test@corp.test@x`, `a@corp.test?x`, `a@corp.test/x`, `a@-corp.test`, `a@corp_.test`, strings.Repeat("a", 65) + `@corp.test`,
		`a@` + strings.Repeat("a.", 150) + `corp.test`, `a@corp.test%00`,
	} {
		got := admission(t, rule.Admit{EmailDomains: []string{"corp.test"}}, fmt.Sprintf(`{"email":%q}`, address))
		if got.Admitted || got.Why == "" || strings.Contains(got.Why, address) {
			t.Errorf("%s: %+v", address, got)
		}
	}
	for _, address := range []string{`a@corp.test`, `a@CORP.test`, `a.b+c_d-e@corp.test`, `o'neil@Corp.Test`, strings.Repeat("a", 64) + `@corp.test`} {
		if got := admission(t, rule.Admit{EmailDomains: []string{"corp.test"}}, fmt.Sprintf(`{"email":%q}`, address)); !got.Admitted {
			t.Errorf("%s: %+v", address, got)
		}
	}
}

func TestA050_VerifiedInADocumentThatWasHeldBackIsNotVerified(t *testing.T) {
	in := assertion(t, `{"email":"a@corp.test","email_verified":true}`)
	in.Incomplete = []string{"email_verified"}
	src := contoso()
	src.Admit = rule.Admit{Verified: true}
	if id := compile(t, src).Map(in); id.Attributes[1].Verified || id.Admission.Admitted {
		t.Errorf("%+v %+v", id.Attributes[1], id.Admission)
	}
}
