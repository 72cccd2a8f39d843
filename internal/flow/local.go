package flow

import (
	"context"
	"net"
	"net/http"
	"slices"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/credential"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/web"
)

// Credentials checks passwords and codes, and counts those that are wrong;
// *credential.Keeper is one. A refusal is a reason and not an error.
type Credentials interface {
	// SignIn is the account whose name and password these are.
	SignIn(ctx context.Context, tenant, username, password, address string) (usher.AccountRef, usher.Reason, error)
	// Prove checks that a password is that of an account.
	Prove(ctx context.Context, tenant string, ref usher.AccountRef, password, address string) (usher.Reason, error)
	// Check tells whether a password may be set in a store for an account of that name.
	Check(tenant, store, username, password string) usher.Unfit
	// Hash is what is kept of a password, as a PHC text.
	Hash(ctx context.Context, password string) (string, error)
	// Forgot sends a code for a new password to whoever has that name or address, if it can.
	Forgot(ctx context.Context, tenant, username, address string) error
	// Reset is the account that a code is for, and how to take the code.
	Reset(ctx context.Context, tenant, code string) (credential.Reset, usher.Reason, error)
}

// manyChoices is as many providers as are shown beside the fields for a password.
const manyChoices = 4

// localForm is the fields for a username and a password.
type localForm struct {
	Login    id
	Username string
	Problem  string
	Forgot   bool
}

// localPage is these fields alone.
type localPage struct {
	Application string
	Local       *localForm
	Others      bool // there are other ways to sign in
}

// hasLocal reports whether people may sign in with a password of ours on their
// way to the application.
func (f *Flow) hasLocal(s Start) bool {
	return f.Local != nil && f.Local(s.Tenant) && s.takes(usher.LocalIdP)
}

func (f *Flow) localForm(i id, s Start, username, problem string) *localForm {
	return &localForm{Login: i, Username: username, Problem: problem, Forgot: f.mails(s.Tenant)}
}

// local shows the fields for a username and a password: GET /login/local?login=<id>.
func (f *Flow) local(w http.ResponseWriter, r *http.Request) {
	i, l, ok := f.choosing(w, r, r.URL.Query()["login"])
	if !ok {
		return
	}
	r = web.Locales(r, l.Start.Locales)
	if !f.hasLocal(l.Start) {
		f.turnAway(w, r, login{Start: l.Start, Chooser: i}, usher.ReasonProviderUnknown)
		return
	}
	f.showLocal(w, r, http.StatusOK, i, l, l.Start.LoginHint, "")
}

func (f *Flow) showLocal(w http.ResponseWriter, r *http.Request, status int, i id, l login, username, problem string) {
	f.Kit.Page(w, r, status, "local", localPage{
		Application: applicationName(l.Start), Local: f.localForm(i, l.Start, username, problem), Others: len(f.offered(l.Start)) > 0,
	})
}

// signIn takes a username and a password: POST /login/local. Wrong ones change
// nothing but a count, and the answer never says which was wrong.
func (f *Flow) signIn(w http.ResponseWriter, r *http.Request) {
	form, ok := f.form(w, r)
	if !ok {
		return
	}
	i, l, ok := f.choosing(w, r, form["login"])
	if !ok {
		return
	}
	r = web.Locales(r, l.Start.Locales)
	if !f.hasLocal(l.Start) {
		f.turnAway(w, r, login{Start: l.Start, Chooser: i}, usher.ReasonProviderUnknown)
		return
	}
	username, password := form.Get(fieldUsername), form.Get(fieldPassword)
	reason := usher.ReasonLocalRefused
	var ref usher.AccountRef
	var err error
	if username != "" && password != "" && len(username) <= maxValue && len(password) <= maxValue {
		ref, reason, err = f.Credentials.SignIn(r.Context(), l.Start.Tenant, username, password, address(r))
	}
	switch {
	case err != nil:
		f.fail(w, r, l.Start, err)
	case reason != "":
		f.Log.InfoContext(r.Context(), "password refused", "tenant", l.Start.Tenant, "application", l.Start.Application, "reason", string(reason))
		f.showLocal(w, r, web.Status(reason.Said().Kind), i, l, username, f.person(r, reason))
	default:
		f.enter(w, r, i, l, ref)
	}
}

// person is what a reason's text tells the person.
func (f *Flow) person(r *http.Request, reason usher.Reason) string {
	return f.Kit.T(r, "reason."+string(reason))
}

// enter decides on somebody who gave the password of an account.
func (f *Flow) enter(w http.ResponseWriter, r *http.Request, i id, l login, ref usher.AccountRef) {
	const op = "flow.enter"
	correlation, err := newCorrelation()
	if err != nil {
		f.fail(w, r, l.Start, usher.Wrap(op, err))
		return
	}
	web.Note(r, correlation)
	l.IdP, l.Correlation, l.Chooser = usher.LocalIdP, correlation, i
	t, err := f.newTurn(r, l)
	if err != nil {
		f.fail(w, r, l.Start, err)
		return
	}
	t.once = func(context.Context, *ledger.Tx, usher.Verdict) error { return nil } // the choice is spent when they are let in
	rec, err := f.Path.SignIn(r.Context(), provision.Request{
		Identity: &usher.Identity{
			Tenant: l.Start.Tenant, IdP: usher.LocalIdP, Issuer: f.Kit.URL(""), Subject: usher.StringValue(string(ref.User)),
			Home: ref, Admission: usher.Admission{Admitted: true}, AuthTime: f.instant(), AMR: []string{"pwd"},
			Username: usher.Derived{Presence: usher.PresenceAbsent}, Groups: usher.Derived{Presence: usher.PresenceAbsent},
		},
		Application: l.Start.Application, Correlation: correlation,
	}, t.commit)
	if err != nil {
		f.broken(w, r, arrival{id: i, login: l}, usher.Wrap(op, err))
		return
	}
	f.onward(w, r, l.Start, f.outcome(w, r, t, rec))
}

// secrets hashes a password that is to be set, and checks one that is to prove
// an account: what costs something, once all else is well.
func (f *Flow) secrets(r *http.Request, q question, said *reply) error {
	const op = "flow.secrets"
	ctx := r.Context()
	if p, ok := q.prompt(usher.PromptProve); ok && said.password != "" && slices.Contains(p.Ways, wayPassword) {
		ref := usher.AccountRef{Store: p.Store, User: p.User}
		reason, err := f.Credentials.Prove(ctx, q.waiting.Tenant, ref, said.password, address(r))
		switch {
		case err != nil:
			return usher.Wrap(op, err)
		case reason == usher.ReasonLocalTooMany:
			said.wrong(fieldPassword, f.person(r, reason))
		case reason != "":
			said.wrong(fieldPassword, f.unfit(r, usher.UnfitWrong))
		default:
			said.answers.Proof = &usher.Proof{Kind: usher.ProofPassword, Store: ref.Store, User: ref.User, At: f.instant()}
		}
		return nil
	}
	if _, ok := q.prompt(usher.PromptPassword); !ok || said.answers.Claim {
		return nil
	}
	hash, err := f.Credentials.Hash(ctx, said.password)
	said.answers.Password, said.hash = err == nil, hash
	return usher.Wrap(op, err)
}

// nameOf is what a new account may come to be called.
func nameOf(q question, said reply) string {
	if said.answers.Username != "" {
		return said.answers.Username
	}
	if who := q.waiting.Record.Identity.Username; who.Presence == usher.PresenceSet && len(who.Values) > 0 {
		return who.Values[0]
	}
	return ""
}

// address is where a request comes from. Behind a proxy it is the proxy's.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
