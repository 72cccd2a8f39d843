package ledger

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

// plan is a decision's changes, gathered so that each table is written once,
// however many attributes and groups there are.
type plan struct {
	tenant, idp, subject, application string
	issuer                            string
	id                                string // of the decision
	store                             string
	user                              usher.UserID
	reason                            usher.Reason
	at                                usher.Instant
	sealer                            Sealer

	write    store.Write
	touched  bool        // the store is written
	password string      // the hash of the one that was given, if one was
	wrote    []authored  // with provenance
	granted  [][3]string // kind, name, rule
	revoked  [][2]string // kind, name
	consents []usher.Consent
	aliases  []string // applications
	seen     []string // applications
	tell     []string // events
	unlink   bool
	link     bool
	login    bool
	end      bool  // sessions and tokens
	err      error // a change that can't be
}

// ops says what each kind of change adds to the plan. What is not here is an error.
var ops = map[usher.ChangeOp]func(*plan, usher.Change){
	usher.OpCreateUser: func(p *plan, c usher.Change) {
		p.touched = true
		p.write.Create = &store.NewUser{Username: c.Name, Canonical: first(c.Values)}
	},
	usher.OpSetAttribute: func(p *plan, c usher.Change) {
		p.touched = true
		a := store.Attribute{Name: c.Name, Values: c.Values, Verified: c.Verified}
		p.write.Set = append(p.write.Set, a)
		by := usher.Source{Kind: usher.SourceIdP, Name: p.idp, Rule: c.Rule}
		if c.Source != "" && c.Source != usher.SourceIdP {
			by.Kind, by.Name = c.Source, string(p.user)
		}
		p.wrote = append(p.wrote, author(p.sealer, p.tenant, p.account(), a, by))
	},
	usher.OpClearAttribute: func(p *plan, c usher.Change) { p.touched = true; p.write.Clear = append(p.write.Clear, c.Name) },
	usher.OpJoinGroup:      func(p *plan, c usher.Change) { p.touched = true; p.write.Join = append(p.write.Join, c.Name) },
	usher.OpLeaveGroup:     func(p *plan, c usher.Change) { p.touched = true; p.write.Leave = append(p.write.Leave, c.Name) },
	usher.OpSetPassword: func(p *plan, _ usher.Change) {
		p.touched = true
		if p.password == "" {
			p.err = errors.New("there is no hash of the password that was given")
		}
		p.write.Password = &store.Password{Hash: p.password, Proven: true}
	},
	usher.OpDropPassword: func(p *plan, _ usher.Change) { p.touched = true; p.write.Password = &store.Password{} },
	usher.OpGrant: func(p *plan, c usher.Change) {
		p.granted = append(p.granted, [3]string{string(c.Grant), c.Name, c.Rule})
	},
	usher.OpRevoke: func(p *plan, c usher.Change) { p.revoked = append(p.revoked, [2]string{string(c.Grant), c.Name}) },
	usher.OpUnlink: func(p *plan, _ usher.Change) { p.unlink = true },
	usher.OpLink:   func(p *plan, _ usher.Change) { p.link = true },
	usher.OpAlias:  func(p *plan, c usher.Change) { p.aliases = append(p.aliases, c.Name) },
	usher.OpSeen:   func(p *plan, c usher.Change) { p.seen = append(p.seen, c.Name) },
	usher.OpLogin:  func(p *plan, _ usher.Change) { p.login = true },
	usher.OpConsent: func(p *plan, c usher.Change) {
		if c.Consent == nil {
			p.err = errors.New("there is no consent to keep")
			return
		}
		p.consents = append(p.consents, *c.Consent)
	},
	usher.OpEndSessions: func(p *plan, _ usher.Change) { p.end = true },
	usher.OpTell:        func(p *plan, c usher.Change) { p.tell = append(p.tell, c.Name) },
}

func first(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}

// change does what the decision says.
func (t *Tx) change(ctx context.Context, a Act) error {
	who, d, at := a.Record.Identity, a.Record.Decision, a.Record.Snapshot.At
	p := &plan{
		tenant: who.Tenant, idp: who.IdP, subject: who.Sub(), application: a.Application, issuer: who.Issuer, id: a.Record.ID,
		store: d.Store, user: d.User, reason: d.Reason, at: at, sealer: t.l.cfg.Sealer, password: a.PasswordHash,
		write: store.Write{User: d.User, At: at},
	}
	for _, c := range d.Changes {
		add, known := ops[c.Op]
		if !known {
			return usher.Fail(usher.Internal, opApply, "", errors.New("no such change: "+string(c.Op)))
		}
		add(p, c)
	}
	if _, known := t.Store(p.store); p.aboutUser() && (!known || p.user == "") {
		p.err = errors.New("only accounts in this database can be changed")
	}
	if p.err != nil {
		return usher.Fail(usher.Internal, opApply, "", p.err)
	}
	if d.Verdict == usher.VerdictCreate || d.Verdict == usher.VerdictLink {
		if err := t.endWithout(ctx, opApply, p.tenant, p.idp, p.subject); err != nil {
			return err
		}
	}
	for _, step := range []func(context.Context, *Tx) error{
		p.doStore, p.doProvenance, p.doGrants, p.doLink, p.doKnown, p.doConsent, p.doEnd, p.doTell,
	} {
		if err := step(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// aboutUser reports whether the plan needs an account.
func (p *plan) aboutUser() bool {
	return p.touched || p.link || p.login || p.end || len(p.granted)+len(p.revoked)+len(p.aliases)+len(p.consents) > 0
}

// account is the account the plan is about.
func (p *plan) account() usher.AccountRef { return usher.AccountRef{Store: p.store, User: p.user} }

// doStore writes the account. A name or id that turns out to be taken is a fact
// that moved, even if nobody thought to assume it.
func (p *plan) doStore(ctx context.Context, t *Tx) error {
	if !p.touched {
		return nil
	}
	in, _ := t.Store(p.store) // it is known, see change
	err := in.Write(ctx, p.tenant, p.write)
	if p.write.Create != nil && usher.KindOf(err) == usher.Conflict {
		return moved(usher.Assumption{Kind: usher.AssumeUsernameFree, Store: p.store, Name: p.write.Create.Canonical})
	}
	if err == nil && p.write.Password != nil {
		err = t.voidReset(ctx, opApply, p.tenant, p.account())
	}
	return usher.Wrap(opApply, err)
}

func (p *plan) doProvenance(ctx context.Context, t *Tx) error {
	return t.provenance(ctx, opApply, p.tenant, p.account(), p.id, p.at, p.wrote, p.write.Clear)
}

func (p *plan) doGrants(ctx context.Context, t *Tx) error {
	if len(p.revoked) > 0 {
		if _, err := t.exec(ctx, opApply, `DELETE FROM granted WHERE tenant = ? AND store = ? AND user_id = ?
			AND source_kind = 'idp' AND source_name = ?
			AND (kind, name) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))`,
			p.tenant, p.store, string(p.user), p.idp, rowsOf(p.revoked)); err != nil {
			return err
		}
	}
	if len(p.granted) == 0 {
		return nil
	}
	_, err := t.exec(ctx, opApply, `INSERT INTO granted
		(tenant, store, user_id, kind, name, source_kind, source_name, rule, decision, at)
		SELECT ?1, ?2, ?3, value ->> 0, value ->> 1, 'idp', ?4, value ->> 2, ?5, ?6 FROM json_each(?7) WHERE true
		ON CONFLICT DO UPDATE SET rule = excluded.rule, decision = excluded.decision, at = excluded.at`,
		p.tenant, p.store, string(p.user), p.idp, p.id, p.at, rowsOf(p.granted))
	return err
}

// doLink makes, removes or marks the link of the subject. A link that is half
// made (pending) to the same user is finished; any other in the way is a fact
// that moved.
func (p *plan) doLink(ctx context.Context, t *Tx) error {
	if p.unlink {
		if _, err := t.exec(ctx, opApply, `DELETE FROM link WHERE tenant = ? AND idp = ? AND subject = ?`,
			p.tenant, p.idp, p.subject); err != nil {
			return err
		}
	}
	switch {
	case p.link:
		n, err := t.exec(ctx, opApply, `INSERT INTO link (tenant, idp, subject, store, user_id, pending, created, last_login, issuer)
			VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?6, ?7)
			ON CONFLICT DO UPDATE SET pending = 0, last_login = excluded.last_login, issuer = excluded.issuer
			WHERE pending = 1 AND store = excluded.store AND user_id = excluded.user_id`,
			p.tenant, p.idp, p.subject, p.store, string(p.user), p.at, p.issuer)
		if err == nil && n == 0 {
			return moved(usher.Assumption{Kind: usher.AssumeLinkFree})
		}
		return err
	case p.login:
		n, err := t.exec(ctx, opApply, `UPDATE link SET last_login = ?, issuer = ? WHERE tenant = ? AND idp = ? AND subject = ?
			AND store = ? AND user_id = ?`, p.at, p.issuer, p.tenant, p.idp, p.subject, p.store, string(p.user))
		if err == nil && n == 0 {
			return moved(usher.Assumption{Kind: usher.AssumeLinkIs, Store: p.store, User: p.user})
		}
		return err
	}
	return nil
}

// Seen keeps that an application knows a subject as a person without an account,
// so that it goes on knowing them by the same sub when there is one.
func (t *Tx) Seen(ctx context.Context, tenant, idp, subject, application string) error {
	_, err := t.exec(ctx, "ledger.Seen", `INSERT INTO seen (tenant, idp, subject, application, at)
		VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, tenant, idp, subject, application, t.l.now())
	return err
}

// doKnown keeps which applications know this person by what.
func (p *plan) doKnown(ctx context.Context, t *Tx) error {
	if len(p.seen) > 0 {
		if _, err := t.exec(ctx, opApply, `INSERT INTO seen (tenant, idp, subject, application, at)
			SELECT ?1, ?2, ?3, value, ?4 FROM json_each(?5) WHERE true ON CONFLICT DO NOTHING`,
			p.tenant, p.idp, p.subject, p.at, list(p.seen)); err != nil {
			return err
		}
	}
	if len(p.aliases) == 0 {
		return nil
	}
	_, err := t.exec(ctx, opApply, `INSERT INTO alias (tenant, user_id, application, idp, subject)
		SELECT ?1, ?2, value, ?3, ?4 FROM json_each(?5) WHERE true ON CONFLICT DO NOTHING`,
		p.tenant, string(p.user), p.idp, p.subject, list(p.aliases))
	return err
}

func (p *plan) doEnd(ctx context.Context, t *Tx) error {
	if !p.end {
		return nil
	}
	return t.EndUser(ctx, p.tenant, p.user)
}

// told is the body of what is told. It holds no attribute: whoever is told asks
// for what it may know.
type told struct {
	Decision    string       `json:"decision"`
	IdP         string       `json:"idp"`
	Application string       `json:"application,omitempty"`
	Reason      usher.Reason `json:"reason"`
}

func (p *plan) doTell(ctx context.Context, t *Tx) error {
	if len(p.tell) == 0 {
		return nil
	}
	body, err := json.Marshal(told{p.id, p.idp, p.application, p.reason})
	if err != nil {
		return usher.Fail(usher.Internal, opApply, "", err)
	}
	_, err = t.exec(ctx, opApply, `INSERT INTO outbox (tenant, event, store, user_id, decision, body, created, due)
		SELECT ?1, value, ?2, ?3, ?4, ?5, ?6, ?6 FROM json_each(?7)`,
		p.tenant, p.store, string(p.user), p.id, string(body), p.at, list(p.tell))
	return err
}

// rowsOf writes rows as the JSON that json_each takes apart.
func rowsOf[T [2]string | [3]string | authored](rows []T) string {
	b, err := json.Marshal(rows)
	if err != nil {
		panic("ledger: rows of text are JSON: " + err.Error())
	}
	return string(b)
}
