package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/decide"
)

// newcomer is what is decided about somebody who was never here, by what is
// written: the rules map the claims, and every store is empty.
func newcomer(t *testing.T, text, idp string, claims ...usher.Member) usher.Decision {
	t.Helper()
	c := mustLoad(t, text+"---\n"+application(""))
	p, ok := c.Provider("default", idp)
	if !ok {
		t.Fatalf("no provider %s", idp)
	}
	policy := c.Policy("default", idp, "w")
	id := p.Rules.Map(usher.Assertion{
		Tenant: "default", IdP: idp, Issuer: p.OIDC.Issuer, Subject: usher.StringValue("s-1"), Claims: usher.ObjectValue(claims...),
	})
	facts := usher.Snapshot{At: 1, Reserved: "0190f0a5-2b7c-7c3e-9b1f-6f2f0a1b2c3d"}
	for _, q := range decide.Needs(policy, id, usher.Answers{}) {
		a := usher.Answer{Question: q, Found: usher.FoundNone}
		if q.Kind == usher.AskUsername {
			a.Canonical = strings.ToLower(q.Name)
		}
		facts.Answers = append(facts.Answers, a)
	}
	return decide.Decide(policy, id, facts, usher.Answers{})
}

func claim(name string, values ...string) usher.Member {
	if len(values) == 1 {
		return usher.Member{Name: name, Value: usher.StringValue(values[0])}
	}
	var list []usher.Value
	for _, v := range values {
		list = append(list, usher.StringValue(v))
	}
	return usher.Member{Name: name, Value: usher.ListValue(list...)}
}

// done is the names of the changes of one kind, as "group platform" for grants.
func done(d usher.Decision, op usher.ChangeOp) []string {
	var out []string
	for _, c := range d.Changes {
		if c.Op == op {
			out = append(out, strings.TrimSpace(string(c.Grant)+" "+c.Name))
		}
	}
	slices.Sort(out)
	return out
}

func TestP002_ProvisioningIsEachProvidersOwn(t *testing.T) {
	text := provider("", "jit: { enabled: true }\n---\n") + strings.Replace(provider("", ""), "name: a", "name: b", 1)
	if d := newcomer(t, text, "a"); d.Verdict != usher.VerdictCreate {
		t.Errorf("a: %s %s", d.Verdict, d.Reason)
	}
	if d := newcomer(t, text, "b"); d.Verdict != usher.VerdictPassThrough || d.User != "" {
		t.Errorf("b: %s %s", d.Verdict, d.Reason)
	}
}

func TestP003_TheAccountIsMadeInTheStoreThatIsWritten(t *testing.T) {
	for store, rest := range map[string]string{"PRIMARY": "", "CORP": ", store: CORP"} {
		d := newcomer(t, provider("", "jit: { enabled: true"+rest+" }\n")+corp, "a")
		if d.Verdict != usher.VerdictCreate || d.Store != store {
			t.Errorf("%s: %s %s in %s", store, d.Verdict, d.Reason, d.Store)
		}
		for _, a := range d.Assumes {
			if a.Store != "" && a.Store != store {
				t.Errorf("%s: it stands on %+v", store, a)
			}
		}
	}
}

func TestP005_TheUsernameChoosesTheStore(t *testing.T) {
	text := provider("", "mapping: { username: claims.u }\njit: { enabled: true, store: { from: username } }\n") + corp
	for name, want := range map[string][2]string{"CORP/bob": {"CORP", "bob"}, "corp/bob": {"CORP", "bob"}, "bob": {"PRIMARY", "bob"}} {
		d := newcomer(t, text, "a", claim("u", name))
		if d.Verdict != usher.VerdictCreate || d.Store != want[0] || !cmp.Equal(done(d, usher.OpCreateUser), []string{want[1]}) {
			t.Errorf("%s: %s %s, %q in %s", name, d.Verdict, d.Reason, done(d, usher.OpCreateUser), d.Store)
		}
	}
}

func TestP006_AnUnknownStoreIsRefusedOrFallsBack(t *testing.T) {
	text := func(unknown string) string {
		return provider("", "mapping: { username: claims.u }\njit: { enabled: true, store: { from: username"+unknown+" } }\n")
	}
	for _, unknown := range []string{"", ", unknown: deny"} {
		if d := newcomer(t, text(unknown), "a", claim("u", "NOPE/bob")); d.Verdict != usher.VerdictDeny {
			t.Errorf("%q: %s %s in %s", unknown, d.Verdict, d.Reason, d.Store)
		}
	}
	d := newcomer(t, text(", unknown: PRIMARY"), "a", claim("u", "NOPE/bob"))
	if d.Verdict != usher.VerdictCreate || d.Store != "PRIMARY" || !slices.Contains(done(d, usher.OpTell), "store.fallback") {
		t.Errorf("falling back: %s %s in %s, told %q", d.Verdict, d.Reason, d.Store, done(d, usher.OpTell))
	}
}

func TestP022_TheUsernameIsTheClaimThatIsWritten(t *testing.T) {
	d := newcomer(t, provider("", "mapping: { username: claims.email }\njit: { enabled: true }\n"), "a", claim("email", "ann@a.test"), claim("sub", "s-1"))
	if got := done(d, usher.OpCreateUser); !cmp.Equal(got, []string{"ann@a.test"}) {
		t.Errorf("%s %s: %q", d.Verdict, d.Reason, got)
	}
}

func TestP023_WithoutAClaimTheSubjectIsTheUsername(t *testing.T) {
	d := newcomer(t, provider("", "jit: { enabled: true }\n"), "a", claim("email", "ann@a.test"))
	if got := done(d, usher.OpCreateUser); !cmp.Equal(got, []string{"s-1"}) {
		t.Errorf("%s %s: %q", d.Verdict, d.Reason, got)
	}
}

// TestP030_WhatPassesIsNotKept: the identity holds a passing attribute, and no
// change stores it.
func TestP030_WhatPassesIsNotKept(t *testing.T) {
	text := provider("", "mapping: { attributes: { badge: { value: claims.?badge, pass: true }, email: claims.?email } }\njit: { enabled: true }\n")
	d := newcomer(t, text, "a", claim("badge", "7"), claim("email", "ann@a.test"))
	if got := done(d, usher.OpSetAttribute); d.Verdict != usher.VerdictCreate || !cmp.Equal(got, []string{"email"}) {
		t.Errorf("%s %s: %q", d.Verdict, d.Reason, got)
	}
}

// mapped is a provider whose groups are mapped.
func mapped(maps string) string {
	return provider("", "mapping: { groups: claims.?groups }\njit: { enabled: true, sync: { "+maps+" } }\n")
}

func TestP038_RolesAreGivenByTheMap(t *testing.T) {
	d := newcomer(t, mapped("roleMap: { leads: [approver] }"), "a", claim("groups", "leads", "staff"))
	if got := done(d, usher.OpGrant); !cmp.Equal(got, []string{"role approver"}) || done(d, usher.OpJoinGroup) != nil {
		t.Errorf("%s %s: %q", d.Verdict, d.Reason, got)
	}
}

func TestP039_AGroupOfTheProviderGivesARole(t *testing.T) {
	d := newcomer(t, mapped("groupMap: { eng: [platform] }, roleMap: { eng: [deployer] }"), "a", claim("groups", "eng", "sales"))
	if got := done(d, usher.OpGrant); !cmp.Equal(got, []string{"group platform", "role deployer"}) {
		t.Errorf("%s %s: %q", d.Verdict, d.Reason, got)
	}
}

func TestP041_AGroupOfTheSameNameIsNotGivenUnlessItIsMapped(t *testing.T) {
	d := newcomer(t, mapped("groupMap: { eng: [platform] }, roleMap: { leads: [approver] }"), "a", claim("groups", "platform", "approver", "eng"))
	if got := done(d, usher.OpGrant); !cmp.Equal(got, []string{"group platform"}) {
		t.Errorf("%s %s: %q", d.Verdict, d.Reason, got)
	}
	if d = newcomer(t, mapped("groupMap: { eng: [platform] }"), "a", claim("groups", "platform", "other")); done(d, usher.OpGrant) != nil {
		t.Errorf("given without a map: %q", done(d, usher.OpGrant))
	}
}

func TestP046_AnUnknownRoleIsSkipped(t *testing.T) {
	d := newcomer(t, mapped("roleMap: { leads: [approver] }"), "a", claim("groups", "nobody-knows", "leads"))
	if got := done(d, usher.OpGrant); d.Verdict != usher.VerdictCreate || !cmp.Equal(got, []string{"role approver"}) {
		t.Errorf("%s %s: %q", d.Verdict, d.Reason, got)
	}
}

func TestP047_TwoGroupsForOneRoleGiveItOnce(t *testing.T) {
	d := newcomer(t, mapped("roleMap: { leads: [approver], heads: [approver] }"), "a", claim("groups", "leads", "heads"))
	if got := done(d, usher.OpGrant); d.Verdict != usher.VerdictCreate || !cmp.Equal(got, []string{"role approver"}) {
		t.Errorf("%s %s: %q", d.Verdict, d.Reason, got)
	}
}
