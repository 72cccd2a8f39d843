package decide_test

import (
	"fmt"
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

// shows decides worlds by their names.
func shows(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		t.Run(name, func(t *testing.T) { decides(t, name) })
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

func TestA009_SameAddressByAnotherProvider(t *testing.T) {
	shows(t, "the-same-address-by-another-provider-links-nobody", "a-match-to-be-confirmed-asks-for-a-proof")
}

// What the rules did not find verified is written as unverified, also over a
// value that was verified before, and finds nobody.
func TestA010_OnlyWhatIsVerifiedIsWrittenSo(t *testing.T) {
	shows(t, "a-changed-address-loses-its-verified-flag", "a-first-sign-in-makes-an-account", "a-match-of-an-address-nobody-vouches-for-finds-nobody")
}

func TestA011_AccountWhoseOwnAddressIsNotVerified(t *testing.T) {
	shows(t, "a-match-of-an-account-with-an-unverified-address-denies", "a-match-drops-a-password-that-nobody-proved",
		"a-match-with-an-unproven-password-in-a-read-only-store-denies")
}

func TestA012_TwoAccountsMatch(t *testing.T) {
	shows(t, "two-matches-in-two-stores-deny", "several-matches-in-one-store-deny")
}

func TestA013_MatchOfAnAccountThatMayNotBeUsed(t *testing.T) {
	shows(t, "a-match-of-a-disabled-account-denies", "a-match-of-a-locked-account-denies", "a-match-of-an-expired-account-denies", "who-claims-a-disabled-account-is-refused")
}

func TestA014_MatchOfAPrivilegedAccount(t *testing.T) {
	shows(t, "a-match-of-a-privileged-role-denies", "a-match-of-a-privileged-group-denies", "who-claims-a-privileged-account-is-refused")
}

// A proof is for one account, for ten minutes, under one policy, of a kind the
// account has. That it is good in one browser and once is kept at the edge.
func TestA015_ProofOfSomethingElse(t *testing.T) {
	shows(t, "a-proven-match-is-linked", "a-proof-of-another-account-is-none", "a-proof-of-an-account-in-another-store-is-none", "an-old-proof-is-none",
		"a-proof-from-the-future-is-none", "a-proof-of-a-kind-the-account-does-not-have-is-none", "a-proof-of-an-unheard-kind-is-none", "a-proof-under-another-policy-is-none")
}

func TestA016_SubjectThatIsLinkedAlready(t *testing.T) {
	shows(t, "a-match-of-somebody-who-is-linked-is-not-looked-for")
}

func TestA019_P050_TakenNameLinksAndWritesNothing(t *testing.T) {
	shows(t, "a-taken-name-denies", "a-taken-name-gets-a-suffix", "a-taken-name-is-asked-about", "a-chosen-name-that-is-taken-is-asked-for-again",
		"who-claims-the-account-in-the-way-is-asked-for-a-proof")
}

func TestA020_NamesThatNobodyGets(t *testing.T) {
	shows(t, "a-reserved-name-is-given-to-nobody", "a-name-that-looks-like-an-id-is-given-to-nobody", "who-claims-a-privileged-account-is-refused")
}

func TestA021_P065_VanishedAccountInheritsNothing(t *testing.T) {
	shows(t, "a-vanished-account-is-made-anew", "a-vanished-account-never-gets-its-id-back", "a-match-after-a-vanished-account-is-linked")
}

func TestA022_P056_NobodyMatches(t *testing.T) {
	shows(t, "no-match-denies", "no-match-passes-through", "no-match-denies-whom-no-rule-finds", "no-match-passes-through-if-nobody-has-the-value")
}

// An address is linked without a proof only if its domain, strictly read and
// folded in ASCII alone, is one that the provider vouches for.
func TestA023_DisguisedDomainsAreNotVouchedFor(t *testing.T) {
	for address, linked := range map[string]bool{
		"a@corp.test": true, "a@CORP.test": true, "a@evil@corp.test": false, "a@corp.test.": false, "a@corp.test.evil": false, "a@evil.corp.test": false,
		`"a@corp.test"@evil.test`: false, "a@ⓒorp.test": false, "a@corp.test ": false, "a@\u212aorp.test": false, "a@[corp.test]": false, "a@corp.test\x00": false,
	} {
		w := matchWorld()
		w.policy.JIT.VouchesFor, w.policy.JIT.Match[0].When = []string{"corp.test"}, usher.MatchAuto
		w.identity.Attributes[0].Values = []string{address}
		known(&w, address)
		if d := w.decide(); (d.Verdict == usher.VerdictLink) != linked {
			t.Errorf("%q: %v", address, told(d))
		}
	}
}

// known answers everything: one account has the address, verified.
func known(w *world, address string) {
	linked(usher.FoundNone, nil, nil)(w)
	seen(usher.FoundNone)(w)
	named(free)(w)
	found(one(theirs(func(a *usher.Account) { a.Attributes[0].Values = []string{address} })))(w)
}

func TestA033_PrivilegedGrantNeedsPermission(t *testing.T) {
	shows(t, "a-privileged-role-is-not-granted", "a-privileged-role-is-granted-with-permission", "a-new-account-does-not-begin-privileged",
		"a-privileged-role-without-permission-any-more-is-taken-back")
}

func TestA035_GroupsHeldBackChangeNothing(t *testing.T) {
	shows(t, "groups-own-when-absent", "groups-own-when-null", "groups-own-when-unknown", "a-new-account-without-known-groups-gets-none")
}

func TestA036_EmptyListTakesBackOnlyWhatWasGiven(t *testing.T) {
	shows(t, "groups-own-of-an-empty-list")
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

func TestA039_AddressOfSomebodyElse(t *testing.T) {
	shows(t, "a-changed-address-of-somebody-else-is-not-taken-over", "a-changed-address-of-nobody-is-taken-over",
		"a-changed-address-is-left-if-it-is-not-known-who-has-it", "a-matched-account-does-not-take-over-what-somebody-else-has")
}

func TestA040_P031_P032_AbsentClaimIsKeptOrClearedByPolicy(t *testing.T) {
	shows(t, "attributes-override", "attributes-preserveLocal", "a-required-attribute-is-not-removed")
}

// Who claims the account in the way is sent to prove that one, and none that
// came with the answer by mistake.
func TestClaimIsOfTheAccountThatHasTheName(t *testing.T) {
	w := newcomer(usher.StringValue("1"))
	w.policy.JIT.UsernameConflict = usher.ConflictAsk
	w.answers = usher.Answers{Policy: w.policy.Version, Claim: true}
	linked(usher.FoundNone, nil, nil)(&w)
	named(func(int) usher.Answer {
		a := one(theirs(func(a *usher.Account) { a.Password = usher.CredentialProven }))
		a.User = "u8"
		return a
	})(&w)
	seen(usher.FoundNone)(&w)
	if d := w.decide(); d.Reason != usher.ReasonPromptDetails || d.Prompts[0].Claim {
		t.Errorf("got %v", told(d))
	}
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
