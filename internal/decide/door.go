package decide

import (
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
		h.require(p.Application.Enabled, "Is the application switched on?", off, "", usher.ReasonApplicationDisabled)
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
