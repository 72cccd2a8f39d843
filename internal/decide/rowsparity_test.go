package decide_test

import (
	"slices"
	"testing"

	"github.com/usher-id/usher"
)

// The rows of the parity catalogue that decide answers for.

func TestP001_NoAccountUnlessProvisioningIsOn(t *testing.T) {
	if (usher.Policy{}).JIT.Enabled {
		t.Error("provisioning is on by default")
	}
	shows(t, "provisioning-off-passes-through", "provisioning-off-still-signs-in-who-is-linked", "match-rules-are-not-asked-where-provisioning-is-off")
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

func TestP003_P004_FixedStore(t *testing.T) {
	shows(t, "an-account-is-made-in-the-store-of-the-policy", "a-first-sign-in-makes-an-account")
}

func TestP005_StoreFromTheUsername(t *testing.T) {
	shows(t, "the-username-chooses-the-store", "a-username-without-a-store-goes-to-primary")
}

func TestP006_UnknownStoreInTheUsername(t *testing.T) {
	shows(t, "a-username-of-an-unknown-store-denies", "a-username-of-an-unknown-store-falls-back-with-a-warning")
}

func TestP008_ReadOnlyStoreIsRefused(t *testing.T) {
	shows(t, "no-account-in-a-read-only-store", "a-read-only-store-is-left-alone", "a-username-of-a-read-only-store-denies")
}

func TestP009_SilentFirstSignIn(t *testing.T) {
	shows(t, "a-first-sign-in-makes-an-account", "a-silent-account-has-no-password")
}

func TestP010_AskedForConsent(t *testing.T) {
	shows(t, "somebody-new-is-asked-for-consent", "somebody-new-who-agrees-gets-an-account")
}

func TestP011_AskedForPasswordAndConsent(t *testing.T) {
	shows(t, "somebody-new-is-asked-for-a-password-and-consent", "somebody-new-with-a-password-gets-an-account")
}

func TestP012_AskedForEverything(t *testing.T) {
	shows(t, "somebody-new-is-asked-for-everything", "the-chosen-name-is-used", "the-name-is-not-proposed-where-the-policy-says-so", "the-proposed-name-is-the-first-that-is-free")
}

func TestP013_WhoLeavesLeavesNothing(t *testing.T) {
	shows(t, "who-declined-is-refused", "who-did-not-come-back-is-refused", "an-unheard-way-of-leaving-is-a-refusal", "leaving-counts-under-any-policy")
}

func TestP014_AskedTheFirstTimeOnly(t *testing.T) {
	shows(t, "a-returning-person-who-agreed-is-not-asked", "a-returning-person-is-asked-once")
}

func TestP017_NameThatDoesNotFitTheStore(t *testing.T) {
	shows(t, "a-name-that-does-not-fit-denies", "all-ten-names-unfit-denies", "a-proposed-name-that-does-not-fit-is-shown-with-its-fault",
		"a-chosen-name-that-does-not-fit-is-asked-for-again", "an-unfit-name-is-asked-about", "without-a-derived-name-the-person-chooses-one")
}

// A derived name is asked about without the store's own pattern; one that
// somebody chose never is.
func TestP018_PatternsSkipped(t *testing.T) {
	shows(t, "a-derived-name-need-not-fit-where-the-policy-says-so", "a-chosen-name-that-does-not-fit-is-asked-for-again")
	for _, skip := range []bool{false, true} {
		w := newcomer(usher.StringValue("1"))
		w.policy.JIT.SkipPatterns = skip
		if i := slices.IndexFunc(w.needs(), func(q usher.Question) bool { return q.Kind == usher.AskUsername }); w.needs()[i].Lax != skip {
			t.Errorf("skipPatterns: %v asks %+v", skip, w.needs()[i])
		}
		w.policy.JIT.Ask, w.answers = usher.WayUsername, usher.Answers{Policy: w.policy.Version, Username: "bee"}
		for _, q := range w.needs() {
			if q.Lax {
				t.Errorf("a chosen name is asked about as %+v", q)
			}
		}
	}
}

func TestP020_PasswordsAreNeverMadeUp(t *testing.T) {
	shows(t, "a-silent-account-has-no-password", "somebody-new-with-a-password-gets-an-account", "without-a-password-the-others-are-asked-again")
}

// The name is what mapping.username makes of any claim.
func TestP022_NameFromAClaim(t *testing.T) {
	w := newcomer(usher.StringValue("1"))
	w.identity.Username.Values = []string{"ann@contoso.test"}
	for _, answer := range []func(*world){linked(usher.FoundNone, nil, nil), seen(usher.FoundNone), named(func(int) usher.Answer {
		return usher.Answer{Found: usher.FoundNone, Canonical: "ann@contoso.test"}
	})} {
		answer(&w)
	}
	if d := w.decide(); d.Verdict != usher.VerdictCreate || d.Changes[0].Name != "ann@contoso.test" {
		t.Errorf("got %v", told(d))
	}
}

func TestP023_NameFromTheSubject(t *testing.T) {
	shows(t, "without-a-rule-the-subject-is-the-name", "a-subject-with-a-slash-chooses-no-store")
}

func TestP024_NameMadeUp(t *testing.T) {
	shows(t, "a-generated-name-is-the-id", "a-generated-name-of-an-account-that-was-begun-is-its-id")
}

// TestP025_P026_NamesAndSubjectsAreKeptWhole: no cut at the @, and no store
// out of a slash unless the policy says so, and never out of a subject's.
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
	shows(t, "a-subject-with-a-slash-chooses-no-store")
}

func TestP030_PassingAttributesAreNotKept(t *testing.T) {
	shows(t, "what-is-only-passing-is-never-kept", "what-is-only-passing-is-never-synced", "what-is-only-passing-is-enough-for-who-passes-through")
}

func TestP033_NoneChangesNothingAfterTheFirstSignIn(t *testing.T) {
	shows(t, "attributes-none", "groups-none")
}

func TestP034_TheAttributesOwnModeWins(t *testing.T) {
	shows(t, "attributes-by-their-own-modes")
}

func TestP035_BlankValueClears(t *testing.T) {
	shows(t, "attributes-override", "attributes-preserveLocal", "attributes-none")
}

func TestP036_AttributesThatAreNeverRemoved(t *testing.T) {
	shows(t, "what-is-protected-stays", "attributes-by-their-own-modes")
}

func TestP037_SyncNeverRenames(t *testing.T) { shows(t, "a-sign-in-never-renames") }

func TestP038_P039_GroupsOfTheProviderBecomeRolesAndGroups(t *testing.T) {
	shows(t, "a-first-sign-in-makes-an-account", "a-returning-person-with-everything-new")
}

func TestP041_P046_UnmappedAndUnknownGroups(t *testing.T) {
	shows(t, "a-group-that-no-map-names-grants-nothing")
}

func TestP042_MergeKeepsWhatTheProviderDropped(t *testing.T) {
	shows(t, "groups-merge", "groups-merge-of-an-empty-list")
}

func TestP043_P045_OwnIsExactlyWhatTheProviderGave(t *testing.T) {
	shows(t, "groups-own", "groups-own-of-an-empty-list", "a-membership-given-by-hand-is-left-alone")
}

func TestP044_WhatStaysIsNotTouched(t *testing.T) {
	shows(t, "nothing-to-sync-is-unchanged", "groups-own")
}

func TestP047_TwoGroupsToOneRole(t *testing.T) { shows(t, "two-groups-to-one-role") }

func TestP053_FoundByAnAddress(t *testing.T) {
	shows(t, "a-match-is-linked", "a-match-to-be-confirmed-asks-for-a-proof", "a-proven-match-is-linked", "a-match-proven-by-another-provider-is-linked", "a-value-folded-alike-is-another")
}

func TestP054_RulesInTheirOrder(t *testing.T) {
	shows(t, "the-first-rule-that-finds-someone-decides", "the-second-rule-is-asked-if-the-first-finds-nobody")
}

func TestP055_AmbiguousMatch(t *testing.T) {
	shows(t, "several-matches-in-one-store-deny", "two-matches-in-two-stores-deny")
}

func TestP058_UnverifiedAddressFindsNobody(t *testing.T) {
	shows(t, "a-match-of-an-address-nobody-vouches-for-finds-nobody", "a-match-of-an-account-with-an-unverified-address-denies", "a-match-of-a-domain-nobody-vouches-for-denies")
}

func TestP059_TheAccountIsUsedWhereItIs(t *testing.T) {
	shows(t, "a-match-in-the-second-store-is-linked")
	w := plainWorld()
	w.policy.Stores = append(w.policy.Stores, usher.StorePolicy{Toggle: usher.Toggle{Name: "CORP", Enabled: true}})
	w.policy.JIT.Sync.Attributes = usher.SyncOverride
	w.identity.Attributes = []usher.Attribute{{Name: "email", Derived: usher.Derived{Presence: usher.PresenceSet, Values: []string{"ann@contoso.test"}}}}
	linked(usher.FoundOne, &usher.Link{Store: "CORP", User: "u1"}, &usher.Account{ID: "u1", Store: "CORP", State: usher.StateActive})(&w)
	if d := w.decide(); d.Verdict != usher.VerdictUpdate || d.Store != "CORP" || len(written(d)) != 1 {
		t.Errorf("got %v", told(d))
	}
}

func TestP060_P061_AccountsThatMayNotBeUsed(t *testing.T) {
	shows(t, "a-disabled-account-denies", "a-locked-account-denies", "a-pending-account-denies", "an-expired-account-denies", "an-account-of-unheard-state-denies",
		"a-local-sign-in-to-a-disabled-account-denies")
}

func TestP064_SeveralProvidersForOnePerson(t *testing.T) {
	shows(t, "a-match-is-linked", "a-match-in-the-second-store-is-linked")
}

func TestP071_WhatHappensWhileTheStoreIsDown(t *testing.T) {
	shows(t, "who-has-no-account-passes-while-the-store-is-down", "while-the-store-is-down-nobody-passes-by-default", "an-answer-that-is-missing-for-another-cause-denies",
		"who-has-a-link-waits-for-the-store", "who-is-found-waits-for-the-store", "a-match-is-not-known-while-the-store-is-down", "a-match-that-must-never-come-in-waits-for-the-store",
		"no-match-denies-also-while-the-store-is-down", "an-application-that-needs-an-account-waits-for-the-store")
}

func TestP074_OnlyThePurposesOfThePolicyAreAsked(t *testing.T) {
	shows(t, "somebody-new-is-asked-for-consent", "nothing-is-agreed-to-that-no-purpose-lists")
}

func TestP075_MandatoryPurposeRefused(t *testing.T) {
	shows(t, "who-refuses-a-mandatory-purpose-is-asked-again", "an-answer-to-another-version-of-a-purpose-does-not-count", "a-receipt-of-a-purpose-that-became-mandatory-does-not-do")
}

func TestP076_RefusedAttributeIsNotStored(t *testing.T) {
	shows(t, "an-attribute-that-is-refused-is-not-stored", "somebody-new-who-agrees-gets-an-account", "an-attribute-that-is-refused-later-is-removed", "one-purpose-is-enough-for-an-attribute")
}

func TestP078_WhatTheApplicationRequires(t *testing.T) {
	shows(t, "what-is-missing-is-asked-for", "a-returning-person-is-asked-for-what-the-application-requires", "what-a-returning-person-gives-is-kept",
		"a-returning-person-is-asked-once", "a-local-sign-in-asks-for-what-the-application-requires", "what-is-missing-and-may-not-be-asked-for-denies")
}

func TestP079_OnlyWhatWasAskedForIsTaken(t *testing.T) {
	shows(t, "what-is-missing-and-given-is-kept", "what-the-provider-sent-is-not-taken-from-the-person", "what-a-person-types-must-fit")
}

func TestP081_ApplicationThatNeedsAnAccount(t *testing.T) {
	shows(t, "an-application-that-needs-an-account-refuses-who-passes-through", "an-application-that-needs-an-account-makes-a-newcomer-one",
		"an-application-that-requires-an-attribute-refuses-who-passes-through-without")
}
