package decide

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/usher-id/usher"
)

// nameFault is why the mapping came to no name: how it is told, and the reason.
type nameFault struct {
	answer string
	reason usher.Reason
}

// derivedName is what the mapping makes of the account's name. Where no rule
// was written the subject stands in for it.
func (h *hearing) derivedName() (string, nameFault) {
	u := h.identity.Username
	switch u.Presence {
	case usher.PresenceAbsent, usher.PresenceNull, usher.PresenceEmpty:
		if h.isSubjectName() {
			return h.identity.Sub(), nameFault{}
		}
		return "", nameFault{"no: the provider sent nothing to make one of", usher.ReasonUsernameMissing}
	case usher.PresenceSet:
		if len(u.Values) == 1 && u.Values[0] != "" {
			return u.Values[0], nameFault{}
		}
	}
	return "", nameFault{because("not known", u.Why), usher.ReasonUsernameFailed}
}

func (h *hearing) isSubjectName() bool {
	return h.identity.Username.Presence == usher.PresenceAbsent && h.identity.Username.Rule == ""
}

// isGenerated reports whether the account is called by its own id, and nobody
// is asked.
func (h *hearing) isGenerated() bool {
	return h.policy.JIT.Username == usher.UsernameGenerated && !h.policy.JIT.Ask.AsksUsername()
}

// hasName asks whether there is a name for a new account, or will be.
func (h *hearing) hasName() bool {
	const question = "Is there a name for the account?"
	source := h.policy.JIT.Username
	if source != usher.UsernameMapped && source != usher.UsernameGenerated {
		return h.require(false, question, "the policy says it in a word that is not known", "jit.username", usher.ReasonUsernameFailed)
	}
	_, fault := h.derivedName()
	switch {
	case h.isGenerated():
		h.step(question, "yes: its own id", "jit.username")
	case h.base != "":
		h.step(question, "yes", h.identity.Username.Rule)
	case h.policy.JIT.Ask.AsksUsername():
		h.step(question, "not yet: the person chooses one", "jit.ask")
	case fault.reason != "":
		h.step(question, fault.answer, h.identity.Username.Rule)
		return h.deny(fault.reason)
	default:
		return h.require(false, question, "there is nothing after the store's name", h.identity.Username.Rule, usher.ReasonUsernameMissing)
	}
	return true
}

// candidate is one name a new account could have. Its label tells it apart in
// the trace, where the name itself is not shown.
type candidate struct{ text, label string }

// candidates lists the names to give or to propose, in order. Only the suffix
// policy has more than one. The last is drawn from the subject, so that the same
// person always comes to the same ten names. Where people choose themselves
// there are none if nothing is proposed, or no longer.
func (h *hearing) candidates() []candidate {
	moot := h.policy.JIT.Ask.AsksUsername() && (h.policy.JIT.NoPrefill || h.answers.Username != "")
	if h.base == "" || moot || h.isGenerated() {
		return nil
	}
	out := []candidate{{h.base, "as it is"}}
	if h.policy.JIT.UsernameConflict != usher.ConflictSuffix {
		return out
	}
	for n := 2; n <= 9; n++ {
		out = append(out, candidate{h.base + strconv.Itoa(n), "with " + strconv.Itoa(n) + " at its end"})
	}
	return append(out, candidate{h.base + h.lastSuffix(), "with six letters and digits of its own at its end"})
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

// askNames is every name whose standing matters: what could be given or
// proposed, and what the person chose.
func (h *hearing) askNames() []usher.Question {
	var out []usher.Question
	asks := h.policy.JIT.Ask.AsksUsername()
	for _, c := range h.candidates() {
		out = append(out, h.askUsername(c.text, !asks))
	}
	if chosen := h.answers.Username; chosen != "" && (asks || h.mayClaim() && !h.isGenerated()) {
		out = append(out, h.askUsername(chosen, false))
	}
	return out
}

// askUsername asks who has a name. One that was derived need not fit the
// store's own pattern if the policy says so; one that a person chose must. Where
// the person may say that a taken name is theirs, whoever has it is asked for.
func (h *hearing) askUsername(name string, derived bool) usher.Question {
	return usher.Question{
		Kind: usher.AskUsername, Store: h.place.Name, Name: name, IfUnlinked: true,
		Lax: derived && h.policy.JIT.SkipPatterns, Whole: h.mayClaim(),
	}
}

// mayClaim reports whether a person is asked about a taken name, and may say
// that it is theirs.
func (h *hearing) mayClaim() bool { return h.policy.JIT.UsernameConflict == usher.ConflictAsk }

// naming is what became of a name: it is free and has a canonical form, or it
// has a problem. If it is taken, holder is the account that has it.
type naming struct {
	username, canonical string
	problem             usher.Unfit
	holder              *usher.Account
	claimed             *usher.Account // the holder, if the person says that it is them
}

// tryName finds out whether an account can have a name.
func (h *hearing) tryName(name, label, rule string, derived bool) (naming, bool) {
	question := "Can the account have this name, " + label + "?"
	switch a := h.facts.Answer(h.askUsername(name, derived)); {
	case a.Unfit != usher.Fits:
		h.step(question, because("no", a.Unfit.Said()), rule)
		return naming{username: name, problem: a.Unfit}, true
	case a.Found == usher.FoundOne || a.Found == usher.FoundSeveral:
		h.step(question, "no: somebody else has it", "jit.usernameConflict")
		out := naming{username: name, problem: usher.UnfitTaken}
		if a.Found == usher.FoundOne && a.Account != nil && a.Account.ID != "" && a.Account.ID == a.User && a.Account.Store == h.place.Name {
			out.holder = a.Account
		}
		return out, true
	case a.Found == usher.FoundNone && a.Canonical != "":
		h.step(question, "yes", rule)
		return naming{username: name, canonical: a.Canonical}, true
	default:
		return naming{}, h.unread(question, a)
	}
}

// freeName finds the first candidate that the store accepts and nobody has. If
// none is free the first stands for all, but taken tells more than unfit: with
// another name this person could have an account.
func (h *hearing) freeName() (naming, bool) {
	var first naming
	for i, c := range h.candidates() {
		n, ok := h.tryName(c.text, c.label, "mapping.username", !h.policy.JIT.Ask.AsksUsername())
		switch {
		case !ok || n.problem == usher.Fits:
			return n, ok
		case i == 0:
			first = n
		case n.problem == usher.UnfitTaken:
			first.problem = usher.UnfitTaken
		}
	}
	return first, true
}

// chooseName settles what a new account is called, or asks the person.
func (h *hearing) chooseName(user usher.UserID) (naming, bool) {
	if h.isGenerated() {
		return naming{username: string(user), canonical: string(user)}, true
	}
	if h.policy.JIT.Ask.AsksUsername() {
		if h.answers.Username != "" {
			return h.chosenName()
		}
		return h.askName(h.freeName())
	}
	n, ok := h.freeName()
	switch {
	case !ok || n.problem == usher.Fits:
		return n, ok
	case h.mayClaim() && h.answers.Username != "":
		return h.chosenName()
	case h.mayClaim():
		return h.askName(n, true)
	case n.problem == usher.UnfitTaken:
		return n, h.deny(usher.ReasonUsernameTaken)
	}
	return n, h.deny(usher.ReasonUsernameInvalid)
}

// chosenName takes the name that the person chose, if it is free.
func (h *hearing) chosenName() (naming, bool) {
	n, ok := h.tryName(h.answers.Username, "which the person chose", "jit.ask", false)
	if !ok || n.problem != usher.Fits {
		return h.askName(n, ok)
	}
	h.ask(h.promptForName(n), false)
	return n, true
}

// askName asks the person for a name, with the one there is as a proposal. Who
// says that a taken one is theirs is asked to prove it instead.
func (h *hearing) askName(n naming, ok bool) (naming, bool) {
	switch {
	case !ok:
		return n, false
	case h.answers.Claim && h.mayClaim() && n.holder != nil:
		h.step("Does the person say that the account in the way is theirs?", "yes", "jit.usernameConflict")
		n.claimed = n.holder
		return n, true
	}
	p := h.promptForName(n)
	if h.policy.JIT.NoPrefill && h.answers.Username == "" {
		p.Value = ""
	}
	h.ask(p, true)
	return n, true
}

// promptForName asks for a name. That a taken one is theirs is offered only
// where they could prove it.
func (h *hearing) promptForName(n naming) usher.Prompt {
	return usher.Prompt{
		Kind: usher.PromptUsername, Store: h.place.Name, Value: n.username, Problem: n.problem,
		Claim: h.mayClaim() && n.holder != nil && len(h.ways(*n.holder)) > 0,
	}
}
