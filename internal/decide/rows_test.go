package decide_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher"
)

// The rows of the attack catalogue that decide answers for.

func newcomer(subject usher.Value) world {
	w := plainWorld()
	w.identity.Subject = subject
	w.identity.Username = usher.Derived{Presence: usher.PresenceSet, Values: []string{"ann"}}
	return w
}

// refused checks that a world is denied with a reason and that nothing is read.
func refused(t *testing.T, w world, want usher.Reason) {
	t.Helper()
	if d := w.decide(); d.Verdict != usher.VerdictDeny || d.Reason != want || len(w.needs()) != 0 {
		t.Errorf("%s %s after %d questions, want deny %s after none", d.Verdict, d.Reason, len(w.needs()), want)
	}
}

func TestA001_SubjectWithNothingInIt(t *testing.T) {
	refused(t, newcomer(usher.Value{}), usher.ReasonSubjectMissing)
	refused(t, newcomer(usher.NullValue()), usher.ReasonSubjectMissing)
	for _, blank := range []string{"", " ", "   ", "\t\r\n", "\x00", "\x00\x1b\x7f", "\u00a0", "\u2003\u3000", "\u2028", "\u200b", "\ufeff", "\u202e\u202c", "\u0085"} {
		refused(t, newcomer(usher.StringValue(blank)), usher.ReasonSubjectBlank)
	}
	// Something in it is enough; it is not trimmed.
	for _, subject := range []string{".", " a ", "\x00a", "0", "null"} {
		if got := newcomer(usher.StringValue(subject)).needs(); len(got) == 0 || got[0].Subject != subject {
			t.Errorf("%q is looked up as %v", subject, got)
		}
	}
}

func TestA002_A003_SubjectThatIsNotText(t *testing.T) {
	for _, v := range []usher.Value{
		usher.NumberValue("12345678901234567890"), usher.NumberValue("12345678901234567891"), usher.NumberValue("0"),
		usher.BoolValue(true), usher.BoolValue(false), usher.ListValue(), usher.ListValue(usher.StringValue("a")),
		usher.ObjectValue(), usher.ObjectValue(usher.Member{Name: "sub", Value: usher.StringValue("a")}),
	} {
		refused(t, newcomer(v), usher.ReasonSubjectNotText)
	}
}

// Subjects that somebody could take for the same are looked up, and suffixed,
// as different people.
func TestA004_SubjectsAreByteExact(t *testing.T) {
	seen := map[usher.Question]string{}
	for _, subject := range []string{"abc", "ABC", "Abc", "abc ", " abc", "a\u0308", "\u00e4", "abc\x00", "ａｂｃ", "\u212a", "K"} {
		w := newcomer(usher.StringValue(subject))
		w.policy.JIT.UsernameConflict = usher.ConflictSuffix
		for _, q := range w.needs() {
			if q.Kind == usher.AskUsername && !strings.HasPrefix(q.Name, "ann") || q.Kind == usher.AskUsername && len(q.Name) < len("ann")+6 {
				continue // the names that everybody tries
			}
			if other, taken := seen[q]; taken {
				t.Errorf("%q and %q both ask %+v", subject, other, q)
			}
			seen[q] = subject
		}
	}
}

func TestA005_SubjectOfInvalidUTF8(t *testing.T) {
	for _, subject := range []string{"a\xff", "a\xfe", "\xc3\x28", "\xed\xa0\x80"} {
		refused(t, newcomer(usher.StringValue(subject)), usher.ReasonSubjectNotText)
	}
}

// The limit counts bytes, and nothing is ever cut to fit.
func TestA006_OverlongSubject(t *testing.T) {
	for _, subject := range []string{strings.Repeat("x", 256), strings.Repeat("ä", 128), strings.Repeat("x", 10_000), strings.Repeat("x", 1<<20)} {
		refused(t, newcomer(usher.StringValue(subject)), usher.ReasonSubjectTooLong)
	}
	longest := strings.Repeat("ä", 127) + "x"
	if got := newcomer(usher.StringValue(longest)).needs(); len(got) == 0 || got[0].Subject != longest {
		t.Error("255 bytes are not kept whole")
	}
}

func TestA007_SameSubjectAtTwoProvidersOrTenants(t *testing.T) {
	suffix := func(tenant, idp, subject string) string {
		w := newcomer(usher.StringValue(subject))
		w.identity.Tenant, w.policy.Tenant.Name = tenant, tenant
		w.identity.IdP, w.policy.IdP.Name = idp, idp
		w.policy.JIT.UsernameConflict = usher.ConflictSuffix
		needs := w.needs()
		if needs[0].IdP != idp {
			t.Errorf("the link is looked up at %q, want %q", needs[0].IdP, idp)
		}
		return needs[10].Name
	}
	seen := map[string]bool{}
	for _, who := range [][3]string{{"default", "contoso", "1"}, {"default", "fabrikam", "1"}, {"other", "contoso", "1"}, {"default", "contos", "o1"}, {"defaultc", "ontoso", "1"}} {
		name := suffix(who[0], who[1], who[2])
		if seen[name] || len(name) != len("ann")+6 {
			t.Errorf("%v comes to %q", who, name)
		}
		seen[name] = true
		if again := suffix(who[0], who[1], who[2]); again != name {
			t.Errorf("%v comes to %q and then %q", who, name, again)
		}
	}
	// The policy of one provider decides nothing for the people of another.
	decides(t, "the-policy-of-another-provider-denies")
}

// What the rules did not find verified is written as unverified, also over a
// value that was verified before.
func TestA010_OnlyWhatIsVerifiedIsWrittenSo(t *testing.T) {
	decides(t, "a-changed-address-loses-its-verified-flag")
	decides(t, "a-first-sign-in-makes-an-account")
}

func TestA019_P050_TakenNameLinksAndWritesNothing(t *testing.T) {
	decides(t, "a-taken-name-denies")
	decides(t, "a-taken-name-gets-a-suffix")
}

func TestA021_P065_VanishedAccountInheritsNothing(t *testing.T) {
	decides(t, "a-vanished-account-is-made-anew")
	decides(t, "a-vanished-account-never-gets-its-id-back")
}

func TestA022_P056_NobodyMatches(t *testing.T) {
	decides(t, "no-match-denies")
	decides(t, "no-match-passes-through")
}

func TestA035_GroupsHeldBackChangeNothing(t *testing.T) {
	for _, name := range []string{"groups-own-when-absent", "groups-own-when-null", "groups-own-when-unknown", "a-new-account-without-known-groups-gets-none"} {
		decides(t, name)
	}
}

func TestA036_EmptyListTakesBackOnlyWhatWasGiven(t *testing.T) {
	decides(t, "groups-own-of-an-empty-list")
}

func TestA037_TenThousandGroups(t *testing.T) {
	w := newcomer(usher.StringValue("1"))
	w.policy.JIT.Sync.Groups = usher.GroupsOwn
	w.policy.JIT.Sync.GroupMap = map[string][]string{}
	w.identity.Groups.Presence = usher.PresenceSet
	for i := range 10_000 {
		theirs := fmt.Sprintf("%0256d", i)
		w.identity.Groups.Values = append(w.identity.Groups.Values, theirs)
		w.policy.JIT.Sync.GroupMap[theirs] = []string{fmt.Sprintf("g%d", i)}
	}
	a := account(usher.StateActive)
	for i := range 10_000 { // half stay and half go
		name := fmt.Sprintf("g%d", i+5_000)
		a.Groups = append(a.Groups, name)
		a.Grants = append(a.Grants, usher.Grant{Kind: usher.GrantGroup, Name: name, Source: usher.Source{Kind: usher.SourceIdP, Name: "contoso"}})
	}
	linked(usher.FoundOne, to1, a)(&w)
	start := time.Now()
	d := w.decide()
	if took := time.Since(start); took > time.Second {
		t.Errorf("it took %v", took)
	}
	if in, out := len(changes(d, usher.OpJoinGroup)), len(changes(d, usher.OpLeaveGroup)); in != 5_000 || out != 5_000 {
		t.Errorf("%d joined and %d left", in, out)
	}
}

func TestA040_P031_P032_AbsentClaimIsKeptOrClearedByPolicy(t *testing.T) {
	decides(t, "attributes-override")
	decides(t, "attributes-preserveLocal")
}

// More than one account of a name is still a name that is taken.
func TestNameOfSeveralIsTaken(t *testing.T) {
	w := newcomer(usher.StringValue("1"))
	linked(usher.FoundNone, nil, nil)(&w)
	named(func(int) usher.Answer { return usher.Answer{Found: usher.FoundSeveral, Canonical: "ann"} })(&w)
	if d := w.decide(); d.Reason != usher.ReasonUsernameTaken {
		t.Errorf("got %s", d.Reason)
	}
}

// The rows of the parity catalogue that decide answers for.

func TestP001_NoAccountUnlessProvisioningIsOn(t *testing.T) {
	if (usher.Policy{}).JIT.Enabled {
		t.Error("provisioning is on by default")
	}
	decides(t, "provisioning-off-passes-through")
	decides(t, "provisioning-off-still-signs-in-who-is-linked")
}

func TestP002_ProvisioningIsSetForEachProvider(t *testing.T) {
	var verdicts []usher.Verdict
	for idp, enabled := range map[string]bool{"contoso": true, "fabrikam": false} {
		w := newcomer(usher.StringValue("1"))
		w.identity.IdP, w.policy.IdP.Name, w.policy.JIT.Enabled = idp, idp, enabled
		for _, answer := range []func(*world){linked(usher.FoundNone, nil, nil), seen(usher.FoundNone), named(free)} {
			answer(&w)
		}
		verdicts = append(verdicts, w.decide().Verdict)
	}
	slices.Sort(verdicts)
	if !slices.Equal(verdicts, []usher.Verdict{usher.VerdictPassThrough, usher.VerdictCreate}) {
		t.Errorf("got %v", verdicts)
	}
}

func TestP008_ReadOnlyStoreIsRefused(t *testing.T) {
	decides(t, "no-account-in-a-read-only-store")
	decides(t, "a-read-only-store-is-left-alone")
}

func TestP009_SilentFirstSignIn(t *testing.T) {
	decides(t, "a-first-sign-in-makes-an-account")
}

func TestP017_NameThatDoesNotFitTheStore(t *testing.T) {
	decides(t, "a-name-that-does-not-fit-denies")
	decides(t, "all-ten-names-unfit-denies")
}

// TestP025_P026_NamesAndSubjectsAreKeptWhole: no cut at the @, and no store
// out of a slash.
func TestP025_P026_NamesAndSubjectsAreKeptWhole(t *testing.T) {
	for _, whole := range []string{"alice@evil.test", "PARTNERS/bob", `PARTNERS\bob`} {
		w := newcomer(usher.StringValue(whole))
		w.identity.Username.Values = []string{whole}
		for _, q := range w.needs() {
			if q.Kind == usher.AskUsername && (q.Name != whole || q.Store != usher.PrimaryStore) || q.Kind == usher.AskLink && q.Subject != whole {
				t.Errorf("%q is asked as %+v", whole, q)
			}
		}
	}
}

func TestP033_NoneChangesNothingAfterTheFirstSignIn(t *testing.T) {
	decides(t, "attributes-none")
	decides(t, "groups-none")
}

func TestP035_BlankValueClears(t *testing.T) {
	for _, name := range []string{"attributes-override", "attributes-preserveLocal", "attributes-none"} {
		decides(t, name)
	}
}

func TestP036_AttributesThatAreNeverRemoved(t *testing.T) {
	decides(t, "attributes-by-their-own-modes")
}

func TestP037_SyncNeverRenames(t *testing.T) { decides(t, "a-sign-in-never-renames") }

func TestP038_P039_GroupsOfTheProviderBecomeRolesAndGroups(t *testing.T) {
	decides(t, "a-first-sign-in-makes-an-account")
	decides(t, "a-returning-person-with-everything-new")
}

func TestP041_P046_UnmappedAndUnknownGroups(t *testing.T) {
	decides(t, "a-group-that-no-map-names-grants-nothing")
}

func TestP042_MergeKeepsWhatTheProviderDropped(t *testing.T) {
	decides(t, "groups-merge")
	decides(t, "groups-merge-of-an-empty-list")
}

func TestP043_P045_OwnIsExactlyWhatTheProviderGave(t *testing.T) {
	decides(t, "groups-own")
	decides(t, "groups-own-of-an-empty-list")
	decides(t, "a-membership-given-by-hand-is-left-alone")
}

func TestP044_WhatStaysIsNotTouched(t *testing.T) {
	decides(t, "nothing-to-sync-is-unchanged")
	decides(t, "groups-own")
}

func TestP047_TwoGroupsToOneRole(t *testing.T) { decides(t, "two-groups-to-one-role") }

func TestP060_P061_AccountsThatMayNotBeUsed(t *testing.T) {
	for _, name := range []string{"a-disabled-account-denies", "a-locked-account-denies", "a-pending-account-denies", "an-expired-account-denies", "an-account-of-unheard-state-denies"} {
		decides(t, name)
	}
}
