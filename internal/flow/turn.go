package flow

import (
	"context"
	"net/http"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/web"
)

// turn is one decision within a conversation with all that must be as durable
// as that. Its commit may be tried several times; the last one counts.
type turn struct {
	flow   *Flow
	login  login           // the sign-in, as it goes on
	asked  id              // its name while the person is asked
	wait   ledger.Waiting  // what is kept meanwhile, but for the decision
	before *ledger.Session // the one this browser has, if any

	// once makes whatever led to the decision count once.
	once func(ctx context.Context, tx *ledger.Tx, verdict usher.Verdict) error

	cookie   string // of the session that begins
	location string // where the application wants the person
}

// newTurn is a turn of a sign-in about which nothing is waited for yet.
func (f *Flow) newTurn(r *http.Request, l login) (*turn, error) {
	now := f.Now()
	secret := ledger.NewSecret(now)
	at := usher.Instant(now.UnixMicro())
	t := &turn{flow: f, login: l, asked: f.newID()}
	t.login.Secret, t.login.Keep, t.login.Created = secret[:], nil, at
	t.wait = ledger.Waiting{
		Application: l.Start.Application, Tenant: l.Start.Tenant, Hash: ledger.HashOf(secret),
		Created: at, Expires: t.login.until(),
	}
	return t, t.look(r)
}

// look finds the session that the browser has.
func (t *turn) look(r *http.Request) error {
	before, live, err := t.flow.Sessions.From(r)
	if live {
		t.before = &before
	}
	return usher.Wrap("flow.look", err)
}

// commit is what happens within the decision's commit: what led to it counts
// whatever the verdict; for a person who is asked first it is kept what is
// waited for; for one who is let in a new session begins and the application
// gets its answer.
func (t *turn) commit(ctx context.Context, tx *ledger.Tx, rec usher.Record) error {
	const op = "flow.commit"
	t.cookie, t.location = "", ""
	verdict := rec.Decision.Verdict
	err := t.once(ctx, tx, verdict)
	switch {
	case err != nil:
	case verdict == usher.VerdictPrompt:
		err = tx.Wait(ctx, t.waits(rec))
	case verdict.Admits():
		err = t.admit(ctx, tx, rec)
	}
	return usher.Wrap(op, err)
}

// waits is what is kept of a sign-in while the person is asked; its secret is not
// part of it.
func (t *turn) waits(rec usher.Record) ledger.Waiting {
	w, l := t.wait, t.login
	l.Secret = nil
	w.Record, w.Carry = rec, l.pack()
	return w
}

// admit begins a session and settles with the application. The session that it
// takes the place of ends; what hangs on it goes on with the new one if it is
// the same person's.
func (t *turn) admit(ctx context.Context, tx *ledger.Tx, rec usher.Record) error {
	if t.login.Chooser != "" { // whoever was refused may choose again; whoever was let in has chosen
		if err := t.flow.spend(ctx, tx, t.login.Chooser, t.login.Start.Tenant); err != nil {
			return err
		}
	}
	begun := &witness{tx: tx}
	var err error
	if t.cookie, err = t.flow.Sessions.Begin(ctx, begun, sessionOf(rec, t.wait.Created)); err != nil {
		return err
	}
	switch b := t.before; {
	case b == nil:
	case samePerson(*b, begun.session):
		err = tx.MoveSession(ctx, b.Tenant, b.Hash, begun.session.Hash)
	default:
		err = tx.EndSession(ctx, b.Tenant, b.Hash)
	}
	if err != nil {
		return err
	}
	t.location, err = t.flow.Asker.Settle(ctx, tx, t.login.Start.Request, begun.session)
	return err
}

// spend makes i count once, for longer than any state can name it.
func (f *Flow) spend(ctx context.Context, tx *ledger.Tx, i id, tenant string) error {
	return tx.Spend(ctx, i.key(tenant), f.instant()+2*usher.Instant(lifetime.Microseconds()))
}

// outcome sets what the browser keeps after a decision, and gives the address to
// go on to; "" if the person was not let in, and has been told why.
func (f *Flow) outcome(w http.ResponseWriter, r *http.Request, t *turn, rec usher.Record) string {
	l := t.login
	f.tell(r, l, rec)
	switch {
	case rec.Decision.Verdict == usher.VerdictPrompt:
		kept := login{Start: home(l.Start), IdP: l.IdP, Created: l.Created, Secret: l.Secret}
		if err := f.keep(w, r, t.asked, kept); err != nil {
			f.fail(w, r, l.Start, usher.Wrap("flow.outcome", err))
			return ""
		}
		return f.Kit.Path(askPath + "?login=" + string(t.asked))
	case !rec.Decision.Verdict.Admits():
		f.denied(w, r, l, rec)
		return ""
	}
	if l.Chooser != "" {
		f.end(w, r, l.Chooser, login{Start: l.Start, Created: l.Created})
	}
	f.Sessions.SetCookie(w, t.cookie)
	return t.location
}

// denied tells a person that they were not let in, and why.
func (f *Flow) denied(w http.ResponseWriter, r *http.Request, l login, rec usher.Record) {
	f.refuseWith(w, r, l.Start, web.Refusal{
		Reason: rec.Decision.Reason, Status: http.StatusForbidden, Correlation: rec.ID, Again: f.again(r, l),
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
	if s.ApplicationURL != "" && f.keep(w, r, i, login{Start: home(s), IdP: l.IdP, Created: l.Created}) == nil {
		return
	}
	web.ClearCookie(w, i.cookie())
}

// home is what pages need of a sign-in that does not go on from here.
func home(s Start) Start {
	return Start{
		Tenant: s.Tenant, Application: s.Application, ApplicationName: s.ApplicationName, ApplicationURL: s.ApplicationURL,
		Locales: s.Locales,
	}
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

// sessionOf is the session of a person who was let in, having come at that time.
func sessionOf(rec usher.Record, came usher.Instant) ledger.Session {
	who := rec.Identity
	s := ledger.Session{
		Tenant: who.Tenant, User: rec.Decision.User, Store: rec.Decision.Store,
		IdP: who.IdP, Subject: who.Sub(),
		AuthTime: who.AuthTime, ACR: who.ACR, AMR: who.AMR, Decision: rec.ID,
	}
	if s.AuthTime == 0 {
		s.AuthTime = came // the provider did not say, but it did so just then
	}
	s.Person = person(rec)
	return s
}

// person is what a session itself knows: of a person without an account all
// that the mapping rules made, for there is no account to read it from, and of
// anybody else what no account ever holds.
func person(rec usher.Record) []usher.Held {
	var out []usher.Held
	for _, a := range rec.Identity.Attributes {
		if a.Presence != usher.PresenceSet || !a.Passing && rec.Decision.User != "" {
			continue
		}
		out = append(out, usher.Held{
			Name: a.Name, Values: a.Values, Verified: a.Verified, Intact: true,
			Source: usher.Source{Kind: usher.SourceIdP, Name: rec.Identity.IdP, Rule: a.Rule, Decision: rec.ID, At: rec.Snapshot.At},
		})
	}
	return out
}

// samePerson reports whether two sessions are one person's.
func samePerson(a, b ledger.Session) bool {
	if a.User != "" || b.User != "" {
		return a.User == b.User
	}
	return a.IdP == b.IdP && a.Subject == b.Subject
}
