package ledger

import (
	"context"
	"encoding/json"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

// BeginSession records a session.
func (t *Tx) BeginSession(ctx context.Context, s Session) error {
	const op = "ledger.BeginSession"
	var person any // null
	if len(s.Person) > 0 {
		plain, err := json.Marshal(s.Person)
		if err != nil {
			return usher.Fail(usher.Internal, op, "", err)
		}
		if person, err = t.l.cfg.Sealer.Seal("session", plain, sessionAAD(s.Tenant, s.Hash)); err != nil {
			return usher.Wrap(op, err)
		}
	}
	_, err := t.exec(ctx, op, `INSERT INTO session
		(tenant, hash, user_id, store, idp, subject, auth_time, acr, amr, decision, person, created, expires)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		s.Tenant, s.Hash[:], string(s.User), s.Store, s.IdP, s.Subject, s.AuthTime, s.ACR, list(s.AMR), s.Decision,
		person, s.Created, s.Expires)
	return err
}

// EndSession ends a session, and with it every family that is not offline. One
// that is not there is ended already.
func (t *Tx) EndSession(ctx context.Context, tenant string, hash [32]byte) error {
	_, err := t.exec(ctx, "ledger.EndSession", `DELETE FROM session WHERE tenant = ? AND hash = ?`, tenant, hash[:])
	return err
}

// EndUser ends all sessions of a user and revokes all families.
func (t *Tx) EndUser(ctx context.Context, tenant string, user usher.UserID) error {
	const op = "ledger.EndUser"
	if user == "" {
		return usher.Fail(usher.Internal, op, "", nil)
	}
	for _, text := range []string{ // the conditions let the partial indexes be used; a family that is not offline ends with its session
		`DELETE FROM session WHERE tenant = ? AND user_id = ? AND user_id <> ''`,
		`UPDATE family SET revoked = 1 WHERE tenant = ? AND user_id = ? AND user_id <> '' AND offline = 1 AND revoked = 0`,
	} {
		if _, err := t.exec(ctx, op, text, tenant, string(user)); err != nil {
			return err
		}
	}
	return nil
}

// MoveSession has everything that hangs on one session of a person, token
// families and codes not used yet, hang on another one of theirs, and ends the
// first. Nothing moves if it has ended already, or if the two are not the same
// person's: who has got an account since is another one to every application.
func (t *Tx) MoveSession(ctx context.Context, tenant string, from, to [32]byte) error {
	const op = "ledger.MoveSession"
	if from == to {
		return nil
	}
	var same bool
	if err := t.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM session f JOIN session s ON s.tenant = f.tenant
		AND s.user_id = f.user_id AND s.store = f.store AND (f.user_id <> '' OR s.idp = f.idp AND s.subject = f.subject)
		WHERE f.tenant = ?1 AND f.hash = ?2 AND s.hash = ?3 AND f.expires > ?4)`, tenant, from[:], to[:], t.l.now()).Scan(&same); err != nil {
		return failed(op, err)
	}
	if same {
		for _, text := range []string{
			`UPDATE family SET session = ?3 WHERE tenant = ?1 AND session = ?2`,
			`UPDATE code SET session = ?3 WHERE tenant = ?1 AND session = ?2 AND used = 0`,
		} {
			if _, err := t.exec(ctx, op, text, tenant, from[:], to[:]); err != nil {
				return err
			}
		}
	}
	return usher.Wrap(op, t.EndSession(ctx, tenant, from))
}

// endWithout ends the sessions that a subject has without an account, and
// revokes their offline families.
func (t *Tx) endWithout(ctx context.Context, op, tenant, idp, subject string) error {
	for _, text := range []string{ // the conditions let the partial indexes be used
		`DELETE FROM session WHERE tenant = ? AND idp = ? AND subject = ? AND user_id = ''`,
		`UPDATE family SET revoked = 1 WHERE tenant = ? AND idp = ? AND subject = ? AND user_id = '' AND offline = 1 AND revoked = 0`,
	} {
		if _, err := t.exec(ctx, op, text, tenant, idp, subject); err != nil {
			return err
		}
	}
	return nil
}

// Session is the session of that hash, NotFound if there is none, or it has
// ended or expired. State is that of its account at this moment.
func (l *Ledger) Session(ctx context.Context, tenant string, id [32]byte) (Session, error) {
	return l.session(ctx, l.db.Read(), tenant, id)
}

// Session is [Ledger.Session] as this transaction sees it.
func (t *Tx) Session(ctx context.Context, tenant string, id [32]byte) (Session, error) {
	return t.l.session(ctx, t, tenant, id)
}

func (l *Ledger) session(ctx context.Context, q store.Querier, tenant string, id [32]byte) (Session, error) {
	const op = "ledger.Session"
	s := Session{Tenant: tenant, Hash: id}
	var person []byte
	err := q.QueryRowContext(ctx, `SELECT s.user_id, s.store, s.idp, s.subject, s.auth_time, s.acr, s.amr, s.decision,
		s.person, s.created, s.expires, coalesce(a.state, '')
		FROM session s LEFT JOIN account a ON a.tenant = s.tenant AND a.store = s.store AND a.id = s.user_id
		WHERE s.tenant = ? AND s.hash = ? AND s.expires > ?`, tenant, id[:], l.now()).
		Scan(&s.User, &s.Store, &s.IdP, &s.Subject, &s.AuthTime, &s.ACR, texts{&s.AMR}, &s.Decision,
			&person, &s.Created, &s.Expires, &s.State)
	if err != nil {
		return Session{}, failed(op, err)
	}
	if person != nil {
		plain, err := l.cfg.Sealer.Open("session", person, sessionAAD(tenant, id))
		if err == nil {
			err = json.Unmarshal(plain, &s.Person)
		}
		if err != nil {
			return Session{}, usher.Fail(usher.Internal, op, "", err)
		}
	}
	return s, nil
}

// sessionAAD binds what is sealed to its row.
func sessionAAD(tenant string, id [32]byte) []byte { return append([]byte(tenant+"/"), id[:]...) }
