package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/rule"
)

// jit gives the policy of the provider a with a jit block.
func jit(t *testing.T, block, rest string) usher.JIT {
	t.Helper()
	c := mustLoad(t, provider("", emailRule+"jit: { enabled: true"+block+" }\n")+rest)
	return c.Providers[0].JIT
}

func TestP001_ProvisioningIsOffUnlessItIsSwitchedOn(t *testing.T) {
	if mustLoad(t, provider("", "")).Providers[0].JIT.Enabled || mustLoad(t, provider("", "jit: { ask: consent }\n")).Providers[0].JIT.Enabled {
		t.Error("is on")
	}
}

func TestP004_PRIMARYUnlessAnotherStoreIsNamed(t *testing.T) {
	if got := jit(t, "", corp).Store; got != (usher.StoreChoice{Name: usher.PrimaryStore}) {
		t.Errorf("got %+v", got)
	}
	if got := jit(t, ", store: CORP", corp).Store; got != (usher.StoreChoice{Name: "CORP"}) {
		t.Errorf("got %+v", got)
	}
}

// TestP007_OnlyStoresInUseTakeAccounts: one that does not exist or is switched off
// is refused, and only those that could be meant are offered.
func TestP007_OnlyStoresInUseTakeAccounts(t *testing.T) {
	stores := corp + "---\nkind: UserStore\nname: OLD\nenabled: false\n---\nkind: UserStore\nname: BOOK\nreadOnly: true\n"
	for store, word := range map[string]string{"NOPE": `there is no store "NOPE"; add a document of kind UserStore with that name, or use PRIMARY or CORP`, "OLD": "the store OLD is switched off"} {
		refuses(t, provider("", "jit: { store: "+store+" }\n")+stores, word)
	}
	for _, store := range []string{"PRIMARY", "CORP"} {
		if got := faults(t, provider("", "jit: { store: "+store+" }\n")+stores); got != nil {
			t.Errorf("%s: %v", store, got)
		}
	}
}

func TestP008_NoReadOnlyStoreForNewAccounts(t *testing.T) {
	readOnly := corp + "readOnly: true\n"
	refuses(t, provider("", "jit: { store: CORP }\n")+readOnly, "jit.store: the store CORP is read-only")
	refuses(t, provider("", emailRule+"jit: { store: { from: username, unknown: CORP } }\n")+readOnly, "jit.store.unknown: the store CORP is read-only")
	if got := faults(t, provider("", emailRule+"jit: { link: { rules: [{ match: email, stores: [CORP] }] } }\n")+readOnly); got != nil {
		t.Errorf("a read-only store can't be looked in: %v", got)
	}
}

func TestP021_GroupNamesAreHeldAgainstThePatternWhenSaved(t *testing.T) {
	pattern := "policy: { group: { pattern: '[a-z]+' } }\n"
	text := func(store, group string) string {
		return provider("", "mapping: { username: claims.u, attributes: { email: claims.e }, groups: claims.g }\njit: { "+store+", sync: { groupMap: { a: ["+group+"] } } }\n") + corp + pattern
	}
	for _, store := range []string{"store: CORP", "store: { from: username }", "store: { rule: claims.s, unknown: deny }", "link: { rules: [{ match: email, stores: [CORP] }] }"} {
		refuses(t, text(store, "Eng"), `the store CORP takes no group called "Eng"`)
		if got := faults(t, text(store, "eng")); got != nil {
			t.Errorf("%s: %v", store, got)
		}
	}
	if got := faults(t, text("store: PRIMARY", "Eng")); got != nil {
		t.Errorf("a store that is not touched: %v", got)
	}
}

// TestP027_TheStandardClaimsMapThemselves: one word maps what every OpenID
// provider writes alike; a rule that is written takes its place.
func TestP027_TheStandardClaimsMapThemselves(t *testing.T) {
	p := mustLoad(t, provider("", "mapping: { standard: true, attributes: { nickname: claims.?alias } }\n")).Providers[0]
	if v := p.Source.Verified; len(v) != 2 {
		t.Errorf("verified by %v", v)
	}
	claim := func(name, value string) usher.Member {
		return usher.Member{Name: name, Value: usher.StringValue(value)}
	}
	id := p.Rules.Map(usher.Assertion{
		Subject: usher.StringValue("s"),
		Claims: usher.ObjectValue(claim("name", "Ann Lee"), claim("given_name", "Ann"), claim("family_name", "Lee"), claim("email", "ann@a.test"),
			claim("phone_number", "+64 1"), claim("locale", "en"), claim("nickname", "annie"), claim("alias", "a"), claim("hair", "red"),
			usher.Member{Name: "email_verified", Value: usher.BoolValue(true)}),
	})
	got, verified := map[string]string{}, []string{}
	for _, a := range id.Attributes {
		if a.Presence == usher.PresenceSet {
			got[a.Name] = strings.Join(a.Values, "|")
		}
		if a.Verified {
			verified = append(verified, a.Name)
		}
	}
	want := map[string]string{
		"displayName": "Ann Lee", "givenName": "Ann", "familyName": "Lee", "email": "ann@a.test", "phone": "+64 1", "locale": "en", "nickname": "a",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"email"}, verified); d != "" {
		t.Error(d)
	}
	if none := mustLoad(t, provider("", "")).Providers[0].Source.Attributes; none != nil {
		t.Errorf("mapped without being told: %v", none)
	}
	own := mustLoad(t, provider("", "mapping: { standard: true, attributes: { email: claims.?mail }, verified: { email: 'false' } }\n")).Providers[0].Source
	if own.Attributes["email"] != (rule.AttributeSource{Value: "claims.?mail"}) || own.Verified["email"] != "false" {
		t.Errorf("the written rule does not count: %+v", own)
	}
}

func TestP028_AClaimOfAnotherNameIsMapped(t *testing.T) {
	p := mustLoad(t, provider("", "mapping: { attributes: { emailaddress: claims.?mail } }\n")).Providers[0]
	id := p.Rules.Map(usher.Assertion{Claims: usher.ObjectValue(usher.Member{Name: "mail", Value: usher.StringValue("ann@a.test")})})
	if a := id.Attributes; len(a) != 1 || a[0].Name != "emailaddress" || !cmp.Equal(a[0].Values, []string{"ann@a.test"}) {
		t.Errorf("got %+v", a)
	}
}

func TestP057_ThirdMatchRuleIsRefused(t *testing.T) {
	two := "{ match: email }, { match: email, local: mail }"
	if got := jit(t, ", link: { rules: ["+two+"] }", "").Match; len(got) != 2 {
		t.Errorf("got %+v", got)
	}
	refuses(t, provider("", emailRule+"jit: { link: { rules: ["+two+", { match: email, local: other }] } }\n"), "jit.link.rules[2]: is one rule too many")
}

func TestMatchRulesBeginCarefully(t *testing.T) {
	want := []usher.MatchRule{{Attribute: "email", Local: "email", Stores: []string{"CORP"}, When: usher.MatchConfirm}}
	if d := cmp.Diff(want, jit(t, ", store: CORP, link: { rules: [{ match: email }] }", corp).Match); d != "" {
		t.Error(d)
	}
}

// TestConsentHasAPurpose: a way that asks for consent without naming a purpose
// asks for the built-in one, whose attributes are the mapped and kept ones; a
// document of that name takes its place.
func TestConsentHasAPurpose(t *testing.T) {
	mapping := "mapping: { attributes: { email: claims.e, badge: { value: claims.b, pass: true } } }\njit: { ask: consent }\n"
	want := []usher.Purpose{{Name: "account", Version: 1, Mandatory: true, Attributes: []usher.PurposeAttribute{{Name: "email", Mandatory: true}}}}
	if d := cmp.Diff(want, mustLoad(t, provider("", mapping)).Policy("default", "a", "w").Purposes); d != "" {
		t.Error(d)
	}
	want[0] = usher.Purpose{Name: "account", Version: 4}
	own := "---\nkind: Purpose\nname: account\nversion: 4\ntexts: { en: { title: Yours } }\n"
	if d := cmp.Diff(want, mustLoad(t, provider("", mapping)+own).Policy("default", "a", "w").Purposes); d != "" {
		t.Error(d)
	}
}

func TestUsernameMayBeLeftOut(t *testing.T) {
	if got := faults(t, provider("", "jit: { enabled: true }\n")); got != nil {
		t.Errorf("got %v", got)
	}
}

// TestPatternsAreCheckedWhenSaved: one that can't be compiled names its place.
func TestPatternsAreCheckedWhenSaved(t *testing.T) {
	for _, what := range []string{"username", "password", "group"} {
		refuses(t, "kind: UserStore\nname: CORP\npolicy: { "+what+": { pattern: '[a-z' } }\n", "policy."+what+".pattern: can't be used: ")
	}
}
