package flow

import (
	"context"
	"net/http"
	"net/url"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/web"
)

const (
	maxState  = 200 // bytes of a state that is looked at at all
	maxParams = 32  // parameters of a provider's answer
)

// callback is where a person comes back from a provider: GET
// /idp/{name}/callback. Nothing is asked of the provider before it is certain
// that this browser was sent there, by us, lately, and has not been back yet.
func (f *Flow) callback(w http.ResponseWriter, r *http.Request) {
	params, i, reason := answer(r)
	if reason != "" {
		f.Kit.Refuse(w, r, reason, "", nil)
		return
	}
	l, reason := f.state(r, i)
	r = web.Locales(r, l.Start.Locales)
	if at := l.stage(); reason == "" && at != away && at != over {
		reason = usher.ReasonRequestInvalid // nobody was sent anywhere with this one
	}
	if reason != "" {
		f.lost(w, r, i, reason)
		return
	}
	if l.stage() == over {
		f.used(w, r, l.Start)
		return
	}
	if r.PathValue("name") != l.IdP {
		f.turnAway(w, r, l, usher.ReasonMixUp)
		return
	}
	p, reason := f.provider(l.Start.Tenant, l.IdP)
	if reason != "" {
		f.turnAway(w, r, l, reason)
		return
	}
	spent, err := f.over(r, i, l)
	switch {
	case err != nil:
		f.fail(w, r, l.Start, err)
	case spent:
		f.used(w, r, l.Start)
	default:
		web.Note(r, l.Correlation)
		f.arrive(w, r, arrival{id: i, login: l, provider: p, params: params})
	}
}

// over reports whether the sign-in has been decided, or another one that was
// chosen on the same page has let the person in.
func (f *Flow) over(r *http.Request, i id, l login) (bool, error) {
	spent, err := f.Ledger.Spent(r.Context(), i.key(l.Start.Tenant))
	if err == nil && !spent && l.Chooser != "" {
		spent, err = f.Ledger.Spent(r.Context(), l.Chooser.key(l.Start.Tenant))
	}
	return spent, usher.Wrap("flow.over", err)
}

// answer reads the parameters of a provider's answer and the one state among them.
func answer(r *http.Request) (url.Values, id, usher.Reason) {
	params, err := url.ParseQuery(r.URL.RawQuery)
	count := 0
	for _, values := range params {
		count += len(values)
	}
	state := params["state"]
	switch {
	case err != nil, count > maxParams, len(state) > 1:
		return nil, "", usher.ReasonRequestInvalid
	case len(state) == 0, state[0] == "":
		return nil, "", usher.ReasonStateMissing
	case len(state[0]) > maxState:
		return nil, "", usher.ReasonRequestInvalid
	}
	i, ok := parseID(state[0])
	if !ok {
		return nil, "", usher.ReasonStateForeign // we did not make it
	}
	return params, i, ""
}

// lost tells a person that the browser has nothing to go on with: the sign-in
// was begun elsewhere, too long ago, or is over already.
func (f *Flow) lost(w http.ResponseWriter, r *http.Request, i id, reason usher.Reason) {
	spent, err := f.Ledger.Spent(r.Context(), i.key(tenant(r)))
	switch {
	case err != nil:
		f.Kit.Error(w, r, usher.Wrap("flow.lost", err), nil)
	case spent:
		f.used(w, r, Start{})
	case reason == usher.ReasonStateForeign:
		f.Kit.RefuseWith(w, r, web.Refusal{Reason: reason, Text: f.Kit.T(r, "flow.foreign")})
	default:
		f.Kit.Refuse(w, r, reason, "", nil)
	}
}

// used tells a person that the sign-in is over: after a reload, the back
// button, or in a second tab.
func (f *Flow) used(w http.ResponseWriter, r *http.Request, s Start) {
	r = web.Locales(r, s.Locales)
	_, live, err := f.Sessions.From(r)
	if err != nil {
		f.Kit.Error(w, r, usher.Wrap("flow.used", err), back(s, s.ApplicationURL))
		return
	}
	page := web.Refusal{Reason: usher.ReasonStateUsed, Back: back(s, s.ApplicationURL)}
	if live {
		page.Title, page.Text = f.Kit.T(r, "flow.signed.title"), f.Kit.T(r, "flow.signed.text")
	}
	f.Kit.RefuseWith(w, r, page)
}

// arrival is a person who came back as they should have.
type arrival struct {
	id       id
	login    login
	provider Provider
	params   url.Values
}

// arrive has the assertion made, and decided or taken as a proof, and answers.
func (f *Flow) arrive(w http.ResponseWriter, r *http.Request, a arrival) {
	if a.login.Proves != "" {
		f.proved(w, r, a)
		return
	}
	t, err := f.newTurn(r, a.login)
	if err != nil {
		f.fail(w, r, a.login.Start, err)
		return
	}
	t.once = func(ctx context.Context, tx *ledger.Tx, _ usher.Verdict) error {
		return f.spend(ctx, tx, a.id, a.login.Start.Tenant)
	}
	rec, err := f.Path.SignIn(r.Context(), provision.Request{
		Assertion: f.finish(r, a), Application: a.login.Start.Application, Correlation: a.login.Correlation,
	}, t.commit)
	if err != nil {
		f.broken(w, r, a, usher.Wrap("flow.arrive", err))
		return
	}
	f.end(w, r, a.id, a.login)
	if to := f.outcome(w, r, t, rec); to != "" {
		web.Redirect(w, to)
	}
}

// finish has the connector make the assertion.
func (f *Flow) finish(r *http.Request, a arrival) usher.Assertion {
	return a.provider.Connector.Finish(r.Context(), idp.Arrival{
		RedirectURI: f.redirectURI(a.provider), Params: a.params, Keep: a.login.Keep,
		MaxAge: a.login.Start.MaxAge, Now: f.Now(),
	})
}

// broken tells a person that nothing was decided: because another tab was
// faster, or because something broke. Whatever clashed in the commit first, the
// spent sign-in tells which.
func (f *Flow) broken(w http.ResponseWriter, r *http.Request, a arrival, cause error) {
	if spent, err := f.over(r, a.id, a.login); err == nil && spent {
		f.used(w, r, a.login.Start)
		return
	}
	page := f.Kit.Failure(r, "", cause)
	page.Again = f.again(r, a.login)
	f.refuseWith(w, r, a.login.Start, page)
}
