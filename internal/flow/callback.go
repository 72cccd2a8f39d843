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
	if reason == "" && l.IdP == "" {
		reason = usher.ReasonRequestInvalid // nobody was sent anywhere with this one
	}
	if reason != "" {
		f.lost(w, r, i, reason)
		return
	}
	if l.Correlation == "" { // the way back is all that is left of it
		f.used(w, r, l.Start)
		return
	}
	if r.PathValue("name") != l.IdP {
		f.refuse(w, r, l.Start, usher.ReasonMixUp)
		return
	}
	p, reason := f.provider(l.Start.Tenant, l.IdP)
	if reason != "" {
		f.refuse(w, r, l.Start, reason)
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
		f.Kit.RefuseWith(w, r, web.Refusal{Reason: reason, Text: "It was started in another browser, " +
			"it has expired, or this browser keeps no cookies. Please go back to the application and start again."})
	default:
		f.Kit.Refuse(w, r, reason, "", nil)
	}
}

// used tells a person that the sign-in is over: after a reload, the back
// button, or in a second tab.
func (f *Flow) used(w http.ResponseWriter, r *http.Request, s Start) {
	_, live, err := f.Sessions.From(r)
	if err != nil {
		f.Kit.Error(w, r, usher.Wrap("flow.used", err), nil)
		return
	}
	page := web.Refusal{Reason: usher.ReasonStateUsed, Back: back(s, s.ApplicationURL)}
	if live {
		page.Title = "You are already signed in"
		page.Text = "This sign-in is finished and counts once. There is nothing left to do here."
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

// arrive has the assertion made and decided, and answers.
func (f *Flow) arrive(w http.ResponseWriter, r *http.Request, a arrival) {
	before, live, err := f.Sessions.From(r)
	if err != nil {
		f.fail(w, r, a.login.Start, err)
		return
	}
	assertion := a.provider.Connector.Finish(r.Context(), idp.Arrival{
		RedirectURI: f.redirectURI(a.provider), Params: a.params, Keep: a.login.Keep,
		MaxAge: a.login.Start.MaxAge, Now: f.Now(),
	})
	e := &entry{flow: f, arrival: a}
	if live {
		e.before = &before
	}
	rec, err := f.Path.SignIn(r.Context(), provision.Request{
		Assertion: assertion, Application: a.login.Start.Application, Correlation: a.login.Correlation,
	}, e.commit)
	switch {
	case err != nil:
		f.broken(w, r, a, usher.Wrap("flow.arrive", err))
	case !rec.Decision.Verdict.Admits():
		f.end(w, r, a.id, a.login)
		f.denied(w, r, a.login, rec)
	default:
		f.end(w, r, a.id, a.login)
		if a.login.Chooser != "" {
			f.end(w, r, a.login.Chooser, login{Start: a.login.Start, Created: a.login.Created})
		}
		f.Sessions.SetCookie(w, e.cookie)
		f.tell(r, a.login, rec)
		web.Redirect(w, e.location)
	}
}

// broken tells a person that nothing was decided: because another tab was
// faster, or because something broke. Whatever clashed in the commit first, the
// spent sign-in tells which.
func (f *Flow) broken(w http.ResponseWriter, r *http.Request, a arrival, cause error) {
	if spent, err := f.over(r, a.id, a.login); err == nil && spent {
		f.used(w, r, a.login.Start)
		return
	}
	f.fail(w, r, a.login.Start, cause)
}

// denied tells a person that they were not let in, and why.
func (f *Flow) denied(w http.ResponseWriter, r *http.Request, l login, rec usher.Record) {
	f.tell(r, l, rec)
	f.refuseWith(w, r, l.Start, web.Refusal{
		Reason: rec.Decision.Reason, Status: http.StatusForbidden, Correlation: rec.ID, Again: f.again(l.Chooser),
	})
}

// tell writes a decision's line in the log.
func (f *Flow) tell(r *http.Request, l login, rec usher.Record) {
	f.Log.InfoContext(r.Context(), "decided", "correlation", rec.ID, "tenant", l.Start.Tenant, "idp", l.IdP,
		"application", l.Start.Application, "verdict", rec.Decision.Verdict.String(), "reason", string(rec.Decision.Reason), "attempt", rec.Attempt)
}

// end takes the cookie of a sign-in that is over. If it is known where the
// application is at home, that much is left for as long as the cookie would
// have stayed, so that the back button ends at a page that shows the way there.
func (f *Flow) end(w http.ResponseWriter, r *http.Request, i id, l login) {
	s := l.Start
	if s.ApplicationURL != "" {
		home := Start{Tenant: s.Tenant, Application: s.Application, ApplicationName: s.ApplicationName, ApplicationURL: s.ApplicationURL}
		if f.keep(w, r, i, login{Start: home, IdP: l.IdP, Created: l.Created}) == nil {
			return
		}
	}
	web.ClearCookie(w, i.cookie())
}

// entry is what happens within a decision's commit. The commit may be tried
// several times; the last one counts.
type entry struct {
	flow    *Flow
	arrival arrival
	before  *ledger.Session // the one this browser has, if any

	cookie   string
	location string
}

// commit spends the sign-in whatever the verdict, and for a person who is let
// in begins a new session and settles with the application.
func (e *entry) commit(ctx context.Context, tx *ledger.Tx, rec usher.Record) error {
	const op = "flow.commit"
	e.cookie, e.location = "", ""
	l := e.arrival.login
	if err := e.spend(ctx, tx, e.arrival.id); err != nil {
		return usher.Wrap(op, err)
	}
	if !rec.Decision.Verdict.Admits() {
		return nil
	}
	if l.Chooser != "" { // whoever was refused may choose again; whoever was let in has chosen
		if err := e.spend(ctx, tx, l.Chooser); err != nil {
			return usher.Wrap(op, err)
		}
	}
	s := sessionOf(rec)
	if e.before != nil && !samePerson(*e.before, s) {
		if err := tx.EndSession(ctx, e.before.Tenant, e.before.Hash); err != nil {
			return usher.Wrap(op, err)
		}
	}
	begun := &witness{tx: tx}
	var err error
	if e.cookie, err = e.flow.Sessions.Begin(ctx, begun, s); err != nil {
		return usher.Wrap(op, err)
	}
	e.location, err = e.flow.Asker.Settle(ctx, tx, l.Start.Request, begun.session)
	return usher.Wrap(op, err)
}

// spend makes i count once, for longer than any state can name it.
func (e *entry) spend(ctx context.Context, tx *ledger.Tx, i id) error {
	return tx.Spend(ctx, i.key(e.arrival.login.Start.Tenant), e.flow.instant()+2*usher.Instant(lifetime.Microseconds()))
}

// witness sees the session as it is recorded.
type witness struct {
	tx      *ledger.Tx
	session ledger.Session
}

// BeginSession records s.
func (w *witness) BeginSession(ctx context.Context, s ledger.Session) error {
	w.session = s
	return w.tx.BeginSession(ctx, s)
}

// sessionOf is the session of a person who was let in.
func sessionOf(rec usher.Record) ledger.Session {
	who := rec.Identity
	s := ledger.Session{
		Tenant: who.Tenant, User: rec.Decision.User, Store: rec.Decision.Store,
		IdP: who.IdP, Subject: who.Sub(),
		AuthTime: who.AuthTime, ACR: who.ACR, AMR: who.AMR, Decision: rec.ID,
	}
	if s.AuthTime == 0 {
		s.AuthTime = rec.Snapshot.At // the provider did not say, but it did so just now
	}
	if s.User == "" {
		s.Person = person(rec)
	}
	return s
}

// person is what is known of a person without an account: what the mapping
// rules made, for there is no account to read it from.
func person(rec usher.Record) []usher.Held {
	var out []usher.Held
	for _, a := range rec.Identity.Attributes {
		if a.Presence != usher.PresenceSet {
			continue
		}
		out = append(out, usher.Held{
			Name: a.Name, Values: a.Values, Verified: a.Verified, Intact: true,
			Source: usher.Source{Kind: usher.SourceIdP, Name: rec.Identity.IdP, Rule: a.Rule, Decision: rec.ID, At: rec.Snapshot.At},
		})
	}
	return out
}

// samePerson reports whether two sessions are one person's: then the older one
// goes on, for other applications' tokens hang on it.
func samePerson(a, b ledger.Session) bool {
	if a.User != "" && b.User != "" {
		return a.User == b.User
	}
	return a.IdP == b.IdP && a.Subject == b.Subject
}
