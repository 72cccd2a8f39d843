package flow

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/web"
)

// maxTries is how often the prompts of one sign-in may be answered.
const maxTries = 20

// What a person does with the prompts.
const (
	doDecline = "decline"
	doClaim   = "claim"   // the account in the way is theirs
	doUnclaim = "unclaim" // it is not, after all
)

// question is a sign-in that waits for what the person is asked.
type question struct {
	id      id
	kept    login // what this browser holds of it
	login   login // the sign-in, as it goes on
	waiting ledger.Waiting
}

// prompt is the first prompt of a kind.
func (q question) prompt(kind usher.PromptKind) (usher.Prompt, bool) {
	prompts := q.waiting.Record.Decision.Prompts
	i := slices.IndexFunc(prompts, func(p usher.Prompt) bool { return p.Kind == kind })
	if i < 0 {
		return usher.Prompt{}, false
	}
	return prompts[i], true
}

// given is what the person has answered so far. It was answered to the policy of
// that time: under another one nothing of it counts. A password is given anew
// each time.
func (q question) given() usher.Answers {
	rec := q.waiting.Record
	a := rec.Answers
	if a.Policy != rec.Policy.Version {
		a = usher.Answers{Policy: rec.Policy.Version}
	}
	a.Password = false
	a.Attributes, a.Consents = slices.Clone(a.Attributes), slices.Clone(a.Consents)
	return a
}

// ask shows the prompts of a sign-in: GET /login/ask?login=<id>. It changes
// nothing, so it can be looked at again and again.
func (f *Flow) ask(w http.ResponseWriter, r *http.Request) {
	q, ok := f.asking(w, r, r.URL.Query()["login"])
	if !ok {
		return
	}
	r = web.Locales(r, q.login.Start.Locales)
	to, err := f.handOver(r, q)
	switch {
	case err != nil:
		f.fail(w, r, q.login.Start, err)
	case to != "":
		web.Redirect(w, to)
	default:
		f.show(w, r, q, reply{answers: q.given()})
	}
}

// asking finds the sign-in whose prompts this browser may answer. If there is
// none it has answered already.
func (f *Flow) asking(w http.ResponseWriter, r *http.Request, param []string) (question, bool) {
	i, kept, ok := f.stateOf(w, r, param, asked)
	if !ok {
		return question{}, false
	}
	q, reason, err := f.waiting(r.Context(), i, kept)
	switch {
	case err != nil:
		f.fail(w, r, kept.Start, err)
	case reason == usher.ReasonStateUsed:
		f.used(w, r, kept.Start)
	case reason != "":
		f.refuse(w, r, kept.Start, reason)
	default:
		web.Note(r, q.login.Correlation)
		return q, true
	}
	return question{}, false
}

// waiting reads what is waited for; the reason says why there is nothing.
func (f *Flow) waiting(ctx context.Context, i id, kept login) (question, usher.Reason, error) {
	const op = "flow.waiting"
	tenant := kept.Start.Tenant
	if len(kept.Secret) != 32 {
		return question{}, usher.ReasonStateExpired, nil
	}
	waiting, err := f.Ledger.Waiting(ctx, tenant, ledger.HashOf([32]byte(kept.Secret)))
	if usher.KindOf(err) == usher.NotFound {
		return question{}, usher.ReasonStateUsed, nil // its time is not over, or the cookie would have told
	}
	if err != nil {
		return question{}, "", usher.Wrap(op, err)
	}
	q := question{id: i, kept: kept, waiting: waiting}
	var ok bool
	if q.login, ok = unpack(waiting.Carry); !ok {
		return question{}, usher.ReasonStateExpired, nil
	}
	if q.login.Chooser == "" {
		return q, "", nil
	}
	spent, err := f.Ledger.Spent(ctx, q.login.Chooser.key(tenant))
	if spent {
		return question{}, usher.ReasonStateUsed, usher.Wrap(op, err) // another way that was chosen there has let the person in
	}
	return q, "", usher.Wrap(op, err)
}

// answer takes what the person says to the prompts: POST /login/ask. The server
// alone decides whether it is good, and only what was asked is read.
func (f *Flow) answer(w http.ResponseWriter, r *http.Request) {
	q, form, ok := f.answering(w, r)
	if !ok {
		return
	}
	r = web.Locales(r, q.login.Start.Locales)
	switch do := form.Get("do"); {
	case do == doDecline:
		f.leaveOff(w, r, q, usher.LeftDeclined)
		return
	case q.waiting.Tries >= maxTries:
		f.leaveOff(w, r, q, usher.LeftExhausted)
		return
	}
	said := f.read(r, q, form)
	var err error
	if len(said.problems) == 0 {
		err = f.secrets(r, q, &said)
	}
	switch {
	case err != nil:
		f.fail(w, r, q.login.Start, err)
	case len(said.problems) > 0:
		f.show(w, r, q, said)
	default:
		f.goOn(w, r, q, said)
	}
}

// answering reads a form of the prompts. If it can't it has answered already.
func (f *Flow) answering(w http.ResponseWriter, r *http.Request) (question, url.Values, bool) {
	form, ok := f.form(w, r)
	if !ok {
		return question{}, nil, false
	}
	q, ok := f.asking(w, r, form["login"])
	return q, form, ok
}

// goOn decides again with what was said.
func (f *Flow) goOn(w http.ResponseWriter, r *http.Request, q question, said reply) {
	t, rec, err := f.decideAgain(r, q, said, nil)
	if err != nil {
		f.clashed(w, r, q, usher.Wrap("flow.goOn", err))
		return
	}
	if rec.Decision.Verdict != usher.VerdictPrompt {
		f.end(w, r, q.id, q.kept.ended())
	}
	f.onward(w, r, t.login.Start, f.outcome(w, r, t, rec))
}

// leaveOff ends a sign-in that the person does not go on with, or may not.
func (f *Flow) leaveOff(w http.ResponseWriter, r *http.Request, q question, left usher.Left) {
	t, rec, err := f.decideAgain(r, q, reply{answers: usher.Answers{Left: left}}, nil)
	if err != nil {
		f.clashed(w, r, q, usher.Wrap("flow.leaveOff", err))
		return
	}
	f.end(w, r, q.id, q.kept.ended())
	f.outcome(w, r, t, rec)
}

// decideAgain has it decided once more who is there, for what was said. What is
// waited for is taken away whatever comes of it, so that of two answers at once
// one counts; when all is decided its name is spent, too. also runs first in the
// same commit, if it is not nil.
func (f *Flow) decideAgain(r *http.Request, q question, said reply, also func(context.Context, *ledger.Tx) error) (*turn, usher.Record, error) {
	t := &turn{flow: f, login: q.login, asked: q.id, wait: q.waiting}
	t.login.Secret, t.login.Missed = q.kept.Secret, false
	t.wait.Tries++
	t.once = func(ctx context.Context, tx *ledger.Tx, verdict usher.Verdict) error {
		if also != nil {
			if err := also(ctx, tx); err != nil {
				return err
			}
		}
		err := tx.Resume(ctx, q.waiting.Tenant, q.waiting.Hash)
		if err == nil && verdict != usher.VerdictPrompt {
			err = f.spend(ctx, tx, q.id, q.waiting.Tenant)
		}
		return err
	}
	if err := t.look(r); err != nil {
		return nil, usher.Record{}, err
	}
	identity := q.waiting.Record.Identity
	rec, err := f.Path.SignIn(r.Context(), provision.Request{
		Identity: &identity, Answers: said.answers, PasswordHash: said.hash,
		Application: q.login.Start.Application, Correlation: q.login.Correlation,
	}, t.commit)
	return t, rec, err
}

// ended is what is left of a sign-in when all is decided.
func (l login) ended() login { return login{Start: l.Start, IdP: l.IdP, Created: l.Created} }

// clashed tells a person that nothing was decided: because another answer was
// faster, or because something broke.
func (f *Flow) clashed(w http.ResponseWriter, r *http.Request, q question, cause error) {
	if _, reason, err := f.waiting(r.Context(), q.id, q.kept); err == nil && reason == usher.ReasonStateUsed {
		f.used(w, r, q.login.Start)
		return
	}
	f.fail(w, r, q.login.Start, cause)
}

// donePage sends the browser on to the application. It is the answer to a form,
// and our policy (form-action) also forbids a form's answer to redirect to
// another site.
type donePage struct{ Application, URL string }

// Next is where the browser goes by itself.
func (d donePage) Next() string { return d.URL }

// Href is the address for the button; an app's own scheme is fine.
func (d donePage) Href() template.URL { return web.Link(d.URL) }

// onward goes on to an address, if there is one, as the answer to a form.
func (f *Flow) onward(w http.ResponseWriter, r *http.Request, s Start, to string) {
	switch {
	case to == "":
	case to[0] == '/': // ours
		web.Redirect(w, to)
	default:
		f.Kit.Page(w, r, http.StatusOK, "done", donePage{applicationName(s), to})
	}
}

// maxFields is the most fields that a form of ours may have.
const maxFields = 300

// form reads a form. If it can't it has answered already.
func (f *Flow) form(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	err := r.ParseForm()
	tooLarge := (*http.MaxBytesError)(nil)
	switch {
	case errors.As(err, &tooLarge), len(r.PostForm) > maxFields:
		f.Kit.Refuse(w, r, usher.ReasonTooMuch, "", nil)
	case err != nil:
		f.Kit.Refuse(w, r, usher.ReasonRequestInvalid, "", nil)
	default:
		return r.PostForm, true
	}
	return nil, false
}
