package usher

// Reason is the one stable word for why something was decided or refused. Docs,
// log, console, API and tests share it. Words are added, never changed.
type Reason string

// Why a person was let in.
const (
	ReasonCreated        Reason = "create.new"
	ReasonUpdated        Reason = "update.changed"
	ReasonUnchanged      Reason = "update.unchanged"
	ReasonPassJITOff     Reason = "pass.jit_off"
	ReasonPassNoMatch    Reason = "pass.no_match"
	ReasonVanishedAnew   Reason = "create.after_vanished"
	ReasonResumedPending Reason = "create.resumed"
	ReasonLinkedAuto     Reason = "link.matched"
	ReasonLinkedProven   Reason = "link.proven"
	ReasonPassStoreDown  Reason = "pass.store_unavailable"
	ReasonLocal          Reason = "local.signed_in"
)

// Why the person is asked before anything is decided.
const (
	ReasonPromptDetails Reason = "prompt.details" // username, password, attributes or consent
	ReasonPromptProof   Reason = "prompt.proof"   // there is an account already: is it theirs?
)

// Why decide refuses.
const (
	ReasonTenantDisabled      Reason = "tenant.disabled"
	ReasonIdPDisabled         Reason = "idp.disabled"
	ReasonApplicationDisabled Reason = "application.disabled"
	ReasonStoreDisabled       Reason = "store.disabled"
	ReasonStoreReadOnly       Reason = "store.read_only"
	ReasonSubjectMissing      Reason = "subject.missing"
	ReasonSubjectNotText      Reason = "subject.not_text"
	ReasonSubjectBlank        Reason = "subject.blank"
	ReasonSubjectTooLong      Reason = "subject.too_long"
	ReasonAdmitRefused        Reason = "admit.refused"
	ReasonAdmitFailed         Reason = "admit.failed"
	ReasonAccountDisabled     Reason = "account.disabled"
	ReasonAccountLocked       Reason = "account.locked"
	ReasonAccountPending      Reason = "account.pending"
	ReasonAccountExpired      Reason = "account.expired"
	ReasonAccountRefused      Reason = "account.refused" // shown instead of the four above where the server hides states
	ReasonIssuerChanged       Reason = "link.issuer_changed"
	ReasonSnapshotIncomplete  Reason = "snapshot.incomplete"
	ReasonLinkAmbiguous       Reason = "link.ambiguous"
	ReasonNoMatch             Reason = "match.none"
	ReasonUsernameMissing     Reason = "create.username_missing"
	ReasonUsernameFailed      Reason = "create.username_failed"
	ReasonUsernameInvalid     Reason = "create.username_invalid"
	ReasonUsernameTaken       Reason = "create.username_taken"
	ReasonAttributeTaken      Reason = "create.attribute_taken"
	ReasonAttributeMissing    Reason = "attribute.missing"
	ReasonStoreUnknown        Reason = "store.unknown"
	ReasonStoreFailed         Reason = "store.rule_failed"
	ReasonMatchAmbiguous      Reason = "match.ambiguous"
	ReasonMatchNever          Reason = "match.never"
	ReasonMatchUnverified     Reason = "match.unverified"
	ReasonMatchUnusable       Reason = "match.unusable"
	ReasonMatchPrivileged     Reason = "match.privileged"
	ReasonProviderNotAllowed  Reason = "application.provider_not_allowed"
	ReasonNeedsAccount        Reason = "application.needs_account"
	ReasonPromptDeclined      Reason = "prompt.declined"
	ReasonPromptAbandoned     Reason = "prompt.abandoned"
	ReasonPromptExhausted     Reason = "prompt.too_many"
)

// Why a local sign-in is refused ([Fault]).
const (
	ReasonLocalRefused Reason = "local.refused"  // the name or the password is wrong; never says which
	ReasonLocalTooMany Reason = "local.too_many" // too many wrong passwords for this name, or from this address
	ReasonResetUnknown Reason = "local.code_unknown"
)

// Why a connector could not vouch for an assertion ([Fault]).
const (
	ReasonUpstreamError       Reason = "upstream.error"       // the provider answered with error=
	ReasonUpstreamUnreachable Reason = "upstream.unreachable" // no answer, or none in time
	ReasonUpstreamRefused     Reason = "upstream.refused"     // the token endpoint refused the code
	ReasonUpstreamInvalid     Reason = "upstream.invalid"     // an answer that can't be understood
	ReasonUpstreamKeys        Reason = "upstream.keys"        // its signing keys could not be had
	ReasonMalformed           Reason = "assertion.malformed"
	ReasonTooLarge            Reason = "assertion.too_large"
	ReasonSignature           Reason = "assertion.signature"
	ReasonAlgorithm           Reason = "assertion.algorithm"
	ReasonIssuer              Reason = "assertion.issuer"
	ReasonAudience            Reason = "assertion.audience"
	ReasonExpired             Reason = "assertion.expired"
	ReasonNotYetValid         Reason = "assertion.not_yet_valid"
	ReasonNonce               Reason = "assertion.nonce"
	ReasonAuthTime            Reason = "assertion.auth_time"
	ReasonUserinfoSubject     Reason = "assertion.userinfo_subject"
	ReasonUserinfo            Reason = "assertion.userinfo"
	ReasonMixUp               Reason = "assertion.mix_up"
)

// Why the conversation could not go on. These are refused before there is an
// assertion to decide on.
const (
	ReasonStateMissing     Reason = "flow.state_missing"
	ReasonStateForeign     Reason = "flow.state_foreign"
	ReasonStateExpired     Reason = "flow.state_expired"
	ReasonStateUsed        Reason = "flow.state_used"
	ReasonProviderUnknown  Reason = "flow.provider_unknown"
	ReasonNoProvider       Reason = "flow.no_provider"
	ReasonRequestInvalid   Reason = "request.invalid"
	ReasonClientUnknown    Reason = "request.client_unknown"
	ReasonRedirectMismatch Reason = "request.redirect_mismatch"
	ReasonPageNotFound     Reason = "request.not_found"
	ReasonTooMuch          Reason = "request.too_large"
	ReasonCrossOrigin      Reason = "request.cross_origin"
	ReasonBusy             Reason = "busy.try_again"
	ReasonInternal         Reason = "internal.error"
)

// ReasonText is what is said about a reason: to the person, and to whoever runs
// Usher. Neither ever holds a claim value.
type ReasonText struct {
	Reason Reason
	Kind   Kind   // chooses the status of the page or the OAuth error
	Person string // for the sign-in page: what happened and what to do
	Do     string // for the operator: what it means and what to look at
}

// Said is the text for r; an unknown word gets the text of internal.error.
func (r Reason) Said() ReasonText {
	for _, t := range Reasons {
		if t.Reason == r {
			return t
		}
	}
	t := ReasonText{Reason: r, Person: "Something went wrong on our side. Please try again.", Do: "This word has no text."}
	return t
}
