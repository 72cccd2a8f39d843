package decide

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/usher-id/usher"
)

// hasName asks whether the mapping came to a name for a new account.
func (h *hearing) hasName() bool {
	const question = "Is there a name for the account?"
	u := h.identity.Username
	switch u.Presence {
	case usher.PresenceAbsent, usher.PresenceNull, usher.PresenceEmpty:
		return h.require(false, question, "the provider sent nothing to make one of", u.Rule, usher.ReasonUsernameMissing)
	case usher.PresenceSet:
		if len(u.Values) == 1 && u.Values[0] != "" {
			return h.require(true, question, "", u.Rule, "")
		}
	}
	h.step(question, because("not known", u.Why), u.Rule)
	return h.deny(usher.ReasonUsernameFailed)
}

// candidate is one name a new account could have. Its label tells it apart in
// the trace, where the name itself is not shown.
type candidate struct{ text, label string }

// candidates lists the names to try, in order. Only the suffix policy has more
// than one. The last is drawn from the subject, so that the same person always
// comes to the same ten names.
func (h *hearing) candidates() []candidate {
	base := h.identity.Username.Values[0]
	out := []candidate{{base, "as it is"}}
	if h.policy.JIT.UsernameConflict != usher.ConflictSuffix {
		return out
	}
	for n := 2; n <= 9; n++ {
		out = append(out, candidate{base + strconv.Itoa(n), "with " + strconv.Itoa(n) + " at its end"})
	}
	return append(out, candidate{base + h.lastSuffix(), "with six letters and digits of its own at its end"})
}

// lastSuffix is six base32 characters (RFC 4648, in lower case) of SHA-256 over
// tenant, provider and subject, each after its length in eight bytes.
func (h *hearing) lastSuffix() string {
	var b []byte
	for _, part := range []string{h.identity.Tenant, h.identity.IdP, h.identity.Sub()} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(b)
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:6])
}

// freeName finds the first candidate that the store accepts and nobody has.
func (h *hearing) freeName() (canonical, username string, ok bool) {
	taken := false
	for _, c := range h.candidates() {
		question := "Can the account have this name, " + c.label + "?"
		switch a := h.facts.Answer(h.askUsername(c.text)); {
		case a.Unfit != "":
			h.step(question, because("no", a.Unfit), "mapping.username")
		case a.Found == usher.FoundOne || a.Found == usher.FoundSeveral:
			taken = true
			h.step(question, "no: somebody else has it", "jit.usernameConflict")
		case a.Found == usher.FoundNone && a.Canonical != "":
			h.step(question, "yes", "mapping.username")
			return a.Canonical, c.text, true
		default:
			return "", "", h.incomplete(question, a.Why)
		}
	}
	if taken {
		return "", "", h.deny(usher.ReasonUsernameTaken)
	}
	return "", "", h.deny(usher.ReasonUsernameInvalid)
}
