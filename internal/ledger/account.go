package ledger

import (
	"cmp"
	"context"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

// write changes an account in its store, NotFound if there is no such store or
// no such account.
func (t *Tx) write(ctx context.Context, op, tenant, in string, w store.Write) error {
	at, ok := t.Store(in)
	if !ok {
		return usher.Fail(usher.NotFound, op, "There is no such user store.", nil)
	}
	w.At = t.l.now()
	return usher.Wrap(op, at.Write(ctx, tenant, w))
}

// SetState changes whether an account may be used; NotFound if there is none.
// Its sessions and families are worth nothing at once while it is not active.
func (t *Tx) SetState(ctx context.Context, tenant, in string, user usher.UserID, state usher.AccountState) error {
	return t.write(ctx, "ledger.SetState", tenant, in, store.Write{User: user, State: state})
}

// SetPassword gives an account another password, or none if p has no hash;
// NotFound if there is no such account. A code for another one is void.
func (t *Tx) SetPassword(ctx context.Context, tenant, in string, user usher.UserID, p store.Password) error {
	const op = "ledger.SetPassword"
	if err := t.write(ctx, op, tenant, in, store.Write{User: user, Password: &p}); err != nil {
		return err
	}
	return t.voidReset(ctx, op, tenant, usher.AccountRef{Store: in, User: user})
}

// SetAttributes writes attributes of an account and removes others, and notes
// who did; NotFound if there is no such account.
func (t *Tx) SetAttributes(ctx context.Context, tenant string, ref usher.AccountRef, by usher.Source, set []store.Attribute, remove []string) error {
	const op = "ledger.SetAttributes"
	if err := t.write(ctx, op, tenant, ref.Store, store.Write{User: ref.User, Set: set, Clear: remove}); err != nil {
		return err
	}
	wrote := make([]authored, 0, len(set))
	for _, a := range set {
		wrote = append(wrote, author(t.l.cfg.Sealer, tenant, ref, a, by))
	}
	return t.provenance(ctx, op, tenant, ref, by.Decision, cmp.Or(by.At, t.l.now()), wrote, remove)
}

// Links is every link of an account, sorted by provider and subject.
func (l *Ledger) Links(ctx context.Context, tenant, store string, user usher.UserID) ([]LinkOf, error) {
	return links(ctx, l.db.Read(), tenant, store, user)
}

// Links is [Ledger.Links] as this transaction sees it.
func (t *Tx) Links(ctx context.Context, tenant, store string, user usher.UserID) ([]LinkOf, error) {
	return links(ctx, t, tenant, store, user)
}

func links(ctx context.Context, q store.Querier, tenant, in string, user usher.UserID) ([]LinkOf, error) {
	const op = "ledger.Links"
	var out []LinkOf
	err := each(ctx, q, `SELECT idp, subject, issuer, pending, created FROM link
		WHERE tenant = ? AND store = ? AND user_id = ? ORDER BY idp, subject`, func(row scan) error {
		l := LinkOf{Link: usher.Link{Store: in, User: user}}
		err := row(&l.IdP, &l.Subject, &l.Issuer, &l.Pending, &l.At)
		out = append(out, l)
		return err
	}, tenant, in, string(user))
	return out, failed(op, err)
}

// Unlink takes a subject's link away, NotFound if there is none. The account's
// sessions end and its tokens are worthless: nobody knows any more which of them
// the subject is behind.
func (t *Tx) Unlink(ctx context.Context, tenant, idp, subject string) error {
	const op = "ledger.Unlink"
	var store string
	var user usher.UserID
	if err := t.QueryRowContext(ctx, `DELETE FROM link WHERE tenant = ? AND idp = ? AND subject = ? RETURNING store, user_id`,
		tenant, idp, subject).Scan(&store, &user); err != nil {
		return failed(op, err)
	}
	if _, err := t.exec(ctx, op, `INSERT INTO parted (tenant, store, user_id)
		SELECT tenant, store, id FROM account WHERE tenant = ? AND store = ? AND id = ? ON CONFLICT DO NOTHING`,
		tenant, store, string(user)); err != nil {
		return err
	}
	return usher.Wrap(op, t.EndUser(ctx, tenant, user))
}

// Delete removes an account of a store in this database and everything that is
// kept about it: its links, what applications met its subjects, its receipts,
// its sessions; its tokens are worthless. NotFound if there is none. Decisions
// stay, and that there was such an account.
func (t *Tx) Delete(ctx context.Context, tenant, store string, user usher.UserID) error {
	const op = "ledger.Delete"
	if err := t.EndUser(ctx, tenant, user); err != nil {
		return usher.Wrap(op, err)
	}
	for _, text := range []string{
		`DELETE FROM seen WHERE tenant = ?1 AND (idp, subject) IN
			(SELECT idp, subject FROM link WHERE tenant = ?1 AND store = ?2 AND user_id = ?3)`,
		`DELETE FROM link WHERE tenant = ?1 AND store = ?2 AND user_id = ?3`,
		`DELETE FROM membership WHERE tenant = ?1 AND store = ?2 AND user_id = ?3`,
	} {
		if _, err := t.exec(ctx, op, text, tenant, store, string(user)); err != nil {
			return err
		}
	}
	// The trigger account_gone removes the rest.
	n, err := t.exec(ctx, op, `DELETE FROM account WHERE tenant = ? AND store = ? AND id = ?`, tenant, store, string(user))
	if err == nil && n == 0 {
		err = usher.Fail(usher.NotFound, op, "There is no such user.", nil)
	}
	return err
}

// RenameIdP carries the links of a provider and everything it wrote over to
// another name. If that name has links already the error is Conflict. What
// applications knew its people by before they had accounts was made of the old
// name and stays, or else they would not know them again.
func (t *Tx) RenameIdP(ctx context.Context, tenant, from, to string) error {
	const op = "ledger.RenameIdP"
	if to == "" || to == usher.LocalIdP || from == usher.LocalIdP {
		return usher.Fail(usher.Invalid, op, "No provider can have that name.", nil)
	}
	var taken bool
	if err := t.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM link WHERE tenant = ? AND idp = ?)`, tenant, to).Scan(&taken); err != nil {
		return failed(op, err)
	}
	if taken || from == to {
		return usher.Fail(usher.Conflict, op, "There are people linked to a provider of that name already.", nil)
	}
	for _, text := range []string{
		`UPDATE link SET idp = ?3 WHERE tenant = ?1 AND idp = ?2`,
		`UPDATE provenance SET source_name = ?3 WHERE tenant = ?1 AND source_kind = 'idp' AND source_name = ?2`,
		`UPDATE OR REPLACE granted SET source_name = ?3 WHERE tenant = ?1 AND source_kind = 'idp' AND source_name = ?2`,
		`UPDATE OR REPLACE seen SET idp = ?3 WHERE tenant = ?1 AND idp = ?2`,
		`UPDATE session SET idp = ?3 WHERE tenant = ?1 AND idp = ?2`,
		`UPDATE code SET idp = ?3 WHERE tenant = ?1 AND idp = ?2`,
		`UPDATE family SET idp = ?3 WHERE tenant = ?1 AND idp = ?2`,
	} {
		if _, err := t.exec(ctx, op, text, tenant, from, to); err != nil {
			return err
		}
	}
	return nil
}

// ForgetIdP removes the links of a provider that is no more, with everybody's
// sessions and tokens that began there, and gives their number. If users says
// so, accounts that had no other way in are removed too, and counted.
func (t *Tx) ForgetIdP(ctx context.Context, tenant, idp string, users bool) (links, removed int64, err error) {
	const op = "ledger.ForgetIdP"
	var alone []usher.AccountRef
	if users {
		if alone, err = t.onlyBy(ctx, tenant, idp); err != nil {
			return 0, 0, err
		}
	}
	err = t.QueryRowContext(ctx, `SELECT count(*) FROM link WHERE tenant = ? AND idp = ?`, tenant, idp).Scan(&links)
	if err != nil {
		return 0, 0, failed(op, err)
	}
	for _, ref := range alone {
		if err := t.Delete(ctx, tenant, ref.Store, ref.User); err != nil {
			return 0, 0, usher.Wrap(op, err)
		}
	}
	for _, text := range []string{
		`INSERT INTO parted (tenant, store, user_id)
			SELECT a.tenant, a.store, a.id FROM link l JOIN account a ON a.tenant = l.tenant AND a.store = l.store AND a.id = l.user_id
			WHERE l.tenant = ?1 AND l.idp = ?2 ON CONFLICT DO NOTHING`,
		`DELETE FROM link WHERE tenant = ?1 AND idp = ?2`,
		`DELETE FROM seen WHERE tenant = ?1 AND idp = ?2`,
		`DELETE FROM session WHERE tenant = ?1 AND idp = ?2`,
		`UPDATE family SET revoked = 1 WHERE tenant = ?1 AND idp = ?2 AND revoked = 0`,
	} {
		if _, err := t.exec(ctx, op, text, tenant, idp); err != nil {
			return 0, 0, err
		}
	}
	return links, int64(len(alone)), nil
}

// onlyBy lists the accounts that have links to this provider, to no other, and
// no password.
func (t *Tx) onlyBy(ctx context.Context, tenant, idp string) ([]usher.AccountRef, error) {
	var out []usher.AccountRef
	err := each(ctx, t, `SELECT DISTINCT a.store, a.id FROM link l
		JOIN account a ON a.tenant = l.tenant AND a.store = l.store AND a.id = l.user_id
		WHERE l.tenant = ?1 AND l.idp = ?2 AND a.password = '' AND NOT EXISTS (SELECT 1 FROM link o
			WHERE o.tenant = ?1 AND o.store = l.store AND o.user_id = l.user_id AND o.idp <> ?2)`,
		func(row scan) error {
			var ref usher.AccountRef
			err := row(&ref.Store, &ref.User)
			out = append(out, ref)
			return err
		}, tenant, idp)
	return out, failed("ledger.ForgetIdP", err)
}
