package flow

import (
	"context"
	"net/http"
	"slices"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/web"
)

// prove sends a person to a provider that can prove that an account is theirs:
// POST /login/prove. They sign in there anew; who happens to be signed in proves
// nothing.
func (f *Flow) prove(w http.ResponseWriter, r *http.Request) {
	q, form, ok := f.answering(w, r)
	if !ok {
		return
	}
	r = web.Locales(r, q.login.Start.Locales)
	l := login{Start: home(q.login.Start), Proves: q.id}
	l.Start.Prompt = "login"
	name := form.Get("idp")
	prompt, ok := q.prompt(usher.PromptProve)
	if !ok || !slices.Contains(prompt.Ways, wayIdP+name) {
		f.turnAway(w, r, l, usher.ReasonRequestInvalid)
		return
	}
	p, reason := f.provider(q.waiting.Tenant, name)
	if reason != "" {
		f.turnAway(w, r, l, reason)
		return
	}
	if to, ok := f.depart(w, r, l, p); ok {
		f.Kit.Page(w, r, http.StatusOK, "continue", continuePage{display(p), to})
	}
}

// proved takes what a provider says as a proof for the sign-in that waits for
// it, if this browser is the one that waits. It lets nobody in and links
// nothing: the person goes back to the prompts and says that they want it.
func (f *Flow) proved(w http.ResponseWriter, r *http.Request, a arrival) {
	i := a.login.Proves
	kept, reason := f.state(r, i)
	if reason == "" && kept.stage() != asked {
		reason = usher.ReasonStateUsed
	}
	var q question
	var err error
	if reason == "" {
		q, reason, err = f.waiting(r.Context(), i, kept)
	}
	switch {
	case err != nil:
		f.fail(w, r, a.login.Start, err)
		return
	case reason == usher.ReasonStateUsed:
		f.used(w, r, a.login.Start)
		return
	case reason != "":
		f.refuse(w, r, a.login.Start, reason)
		return
	}
	rec, err := f.Path.Prove(r.Context(), provision.Request{
		Assertion: f.finish(r, a), Application: a.login.Start.Application, Correlation: a.login.Correlation,
	}, func(ctx context.Context, tx *ledger.Tx, rec usher.Record) error {
		if err := f.spend(ctx, tx, a.id, a.login.Start.Tenant); err != nil {
			return err
		}
		return f.keepProof(ctx, tx, q, rec)
	})
	if err != nil {
		f.broken(w, r, a, usher.Wrap("flow.proved", err))
		return
	}
	f.tell(r, a.login, rec)
	f.end(w, r, a.id, a.login)
	web.Redirect(w, f.Kit.Path(askPath+"?login="+string(i)))
}

// keepProof adds to what is waited for that the person has proved to own the
// account they were asked about, or that they have not.
func (f *Flow) keepProof(ctx context.Context, tx *ledger.Tx, q question, rec usher.Record) error {
	wanted, ok := q.prompt(usher.PromptProve)
	if err := tx.Resume(ctx, q.waiting.Tenant, q.waiting.Hash); err != nil {
		return err
	}
	w, l := q.waiting, q.login
	w.Tries++
	l.Missed = true
	d := rec.Decision
	if ok && d.Verdict == usher.VerdictUpdate && d.User == wanted.User && d.Store == wanted.Store &&
		slices.Contains(wanted.Ways, wayIdP+rec.Identity.IdP) {
		l.Missed = false
		w.Record.Answers = q.given()
		w.Record.Answers.Proof = &usher.Proof{Kind: usher.ProofLink, Store: d.Store, User: d.User, At: rec.Snapshot.At}
	}
	w.Carry = l.pack()
	return tx.Wait(ctx, w)
}
