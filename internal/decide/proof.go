package decide

import (
	"slices"

	"github.com/usher-id/usher"
)

// proofGood is how long a proof is good.
const proofGood = 10 * 60 * usher.Second

// The ways to prove an account, as prompts name them.
const (
	wayPassword = "password"
	wayIdP      = "idp"
)

// ways is how an account can be proved: by its password, or by a sign-in of a
// provider it is linked to already. The provider at hand proves nothing: who
// comes by it has said who they are there.
func (h *hearing) ways(account usher.Account) []string {
	var out []string
	if account.Password != usher.CredentialNone {
		out = append(out, wayPassword)
	}
	for _, idp := range account.Links {
		if idp != h.identity.IdP {
			out = append(out, usher.Label(wayIdP, idp))
		}
	}
	return out
}

// isProven asks whether the person has shown to own an account, and asks them
// for it if they have not. It stands alone: before it nothing else is asked.
func (h *hearing) isProven(account usher.Account) bool {
	const question = "Has the person proved to own the account?"
	ways := h.ways(account)
	prompt := usher.Prompt{Kind: usher.PromptProve, Store: account.Store, User: account.ID, Ways: ways}
	switch proof := h.answers.Proof; {
	case len(ways) == 0:
		return h.require(false, question, "there is no way to: it has no password and no other provider", "jit.link.rules", usher.ReasonMatchUnverified)
	case proof == nil:
		h.step(question, "not yet: they are asked", "jit.link.rules")
	case h.isGood(*proof, account, ways):
		h.step(question, because("yes", string(proof.Kind)), "jit.link.rules")
		return true
	default:
		prompt.Problem = usher.UnfitWrong
		h.step(question, "no: what they showed is not for this account, or too old. They are asked again", "jit.link.rules")
	}
	h.decision.Verdict, h.decision.Reason = usher.VerdictPrompt, usher.ReasonPromptProof
	h.decision.Prompts = []usher.Prompt{prompt}
	return false
}

// isGood reports whether a proof is for exactly this account, of a kind it
// has, and given within the last ten minutes.
func (h *hearing) isGood(p usher.Proof, account usher.Account, ways []string) bool {
	now := h.facts.At
	if p.Store != account.Store || p.User != account.ID || p.At <= 0 || p.At > now || now-p.At > proofGood {
		return false
	}
	switch p.Kind {
	case usher.ProofPassword:
		return slices.Contains(ways, wayPassword)
	case usher.ProofLink:
		return slices.ContainsFunc(ways, func(w string) bool { return w != wayPassword })
	}
	return false
}

// adopt links an account that was here before. Nothing in it changes but what
// the provider may sync; what others wrote stays.
func (h *hearing) adopt(link *usher.Link, account usher.Account, reason usher.Reason) {
	known, ok := h.knownBy()
	if !ok {
		return
	}
	h.assumeNoAccount(link)
	h.assume(usher.Assumption{Kind: usher.AssumeUserActive, Store: account.Store, User: account.ID})
	h.assume(h.relied...)
	if len(h.policy.Privileged) > 0 {
		h.assumeHoldings(account) // it was not privileged, and must not be
	}
	if !h.bringUpToDate(account) {
		return
	}
	if link != nil {
		h.note(usher.Change{Op: usher.OpUnlink})
	}
	h.note(usher.Change{Op: usher.OpLink})
	h.noteAliases(known)
	h.tell("user.linked")
	if reason == usher.ReasonLinkedAuto && mustDropPassword(account) {
		h.step("Does the account keep its password?", "no: nobody has proved to be the one who set it", "jit.link.rules")
		h.write(usher.Change{Op: usher.OpDropPassword})
		h.note(usher.Change{Op: usher.OpEndSessions})
		h.tell("password.dropped")
	}
	h.admitTo(account.ID, usher.VerdictLink, reason)
}
