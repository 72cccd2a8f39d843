package decide

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/usher-id/usher"
)

// maxSubject is the longest subject in bytes. OpenID Connect Core 2 allows 255
// ASCII characters; a longer one is refused and never cut.
const maxSubject = 255

// isVouchedFor asks whether the connector could verify the assertion.
func (h *hearing) isVouchedFor() bool {
	fault := h.identity.Fault
	reason := fault.Reason
	if reason == "" {
		reason = usher.ReasonInternal // a fault without its word is ours
	}
	return h.require(fault == usher.Fault{}, "Does the provider vouch for this assertion?", fault.Detail, "", reason)
}

// isSwitchedOn asks whether everything the person comes through is in use, and
// whether the policy is really the one of this tenant and provider.
func (h *hearing) isSwitchedOn() bool {
	const off = "it is switched off"
	p, id := h.policy, h.identity
	return h.require(p.Tenant.Enabled && p.Tenant.Name == id.Tenant, "Is the tenant switched on?", off, "", usher.ReasonTenantDisabled) &&
		h.require(p.IdP.Enabled && p.IdP.Name == id.IdP, "Is the identity provider switched on?", off, "", usher.ReasonIdPDisabled) &&
		h.require(p.Application.Enabled, "Is the application switched on?", off, "", usher.ReasonApplicationDisabled) &&
		h.require(len(p.Application.Providers) == 0 || slices.Contains(p.Application.Providers, id.IdP),
			"Does the application allow this provider?", "it names others", "application.providers", usher.ReasonProviderNotAllowed)
}

// hasSubject asks whether the provider's name for the person can be a key. It
// is taken byte for byte: never trimmed, folded, normalised or cut.
func (h *hearing) hasSubject() bool {
	reason, why := subjectFault(h.identity.Subject)
	return h.require(reason == "", "Does the provider say who this is?", why, "", reason)
}

func subjectFault(v usher.Value) (usher.Reason, string) {
	text, isText := v.Text()
	switch {
	case v.Kind() == usher.Absent || v.Kind() == usher.Null:
		return usher.ReasonSubjectMissing, "there is no subject, or it is null"
	case !isText:
		return usher.ReasonSubjectNotText, "the subject is not text"
	case !utf8.ValidString(text):
		return usher.ReasonSubjectNotText, "the subject is not valid UTF-8"
	case strings.TrimFunc(text, invisible) == "":
		return usher.ReasonSubjectBlank, "the subject has nothing in it that can be seen"
	case len(text) > maxSubject:
		return usher.ReasonSubjectTooLong, "the subject is longer than 255 bytes"
	}
	return "", ""
}

// invisible reports whether a rune shows nothing: spaces, control characters,
// and the zero-width and direction marks of Unicode's class Cf.
func invisible(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

// isAdmitted asks whether the provider's admit condition let the person in.
func (h *hearing) isAdmitted() bool {
	const question = "Is this one of the people the provider may send?"
	a := h.identity.Admission
	if a.Failed {
		h.step(question, because("not known", a.Why), "admit")
		return h.deny(usher.ReasonAdmitFailed)
	}
	return h.require(a.Admitted, question, a.Why, "admit", usher.ReasonAdmitRefused)
}

// wentOn asks whether the person stayed when they were asked something. Who
// left is refused before anything about them is looked at, so that nothing about
// them need be kept to decide it again.
func (h *hearing) wentOn() bool {
	const question = "Did the person go on?"
	switch h.answers.Left {
	case usher.LeftNot:
		return true
	case usher.LeftAbandoned:
		return h.require(false, question, "they did not come back in time", "", usher.ReasonPromptAbandoned)
	case usher.LeftExhausted:
		return h.require(false, question, "they answered too often", "", usher.ReasonPromptExhausted)
	}
	return h.require(false, question, "they declined", "", usher.ReasonPromptDeclined)
}

// isWhole asks whether the identity says all that it must: nothing was taken
// out of it, and somebody who signs in here names their account.
func (h *hearing) isWhole() bool {
	const question = "Is everything there that was said about the person?"
	home := h.identity.Home
	switch {
	case h.identity.Redacted:
		return h.incomplete(question, "it was taken out when they left")
	case h.isLocal() && (home.Store == "" || home.User == "" || string(home.User) != h.identity.Sub()):
		return h.incomplete(question, "the account is not named, or twice and differently")
	}
	return true
}

// isUnderstood asks whether the policy's way of asking is one there is: under
// another one a person could be asked too little.
func (h *hearing) isUnderstood() bool {
	w := h.policy.JIT.Ask
	return w == usher.WaySilent || w.AsksConsent() ||
		h.require(false, "What is the person asked?", "the policy says it in a word that is not known", "jit.ask", usher.ReasonInternal)
}
