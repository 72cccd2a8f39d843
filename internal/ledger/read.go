package ledger

import (
	"cmp"
	"context"
	"crypto/subtle"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

// accountColumns gives an account (a) with its memberships, provenance, grants,
// receipts and links in one row, so that a returning sign-in costs one read.
// Sorting is cheaper afterwards. The words for what a password is worth are
// usher's.
const accountColumns = `a.id, a.store, a.username, a.state, a.attributes,
	CASE WHEN a.password = '' THEN '' WHEN a.password_proven THEN 'proven' ELSE 'unproven' END,
	(SELECT json_group_array(name) FROM membership
		WHERE tenant = a.tenant AND store = a.store AND user_id = a.id),
	(SELECT json_group_array(json_object('name', attribute, 'digest', digest, 'source', json_object(
			'kind', source_kind, 'name', source_name, 'rule', rule, 'decision', decision, 'at', at)))
		FROM provenance WHERE tenant = a.tenant AND store = a.store AND user_id = a.id),
	(SELECT json_group_array(json_object('kind', kind, 'name', name, 'source', json_object(
			'kind', source_kind, 'name', source_name, 'rule', rule, 'decision', decision, 'at', at)))
		FROM granted WHERE tenant = a.tenant AND store = a.store AND user_id = a.id),
	(SELECT json_group_array(json_object('id', id, 'purpose', purpose, 'version', version, 'at', given,
			'accepted', json(iif(accepted, 'true', 'false')), 'attributes', json(attributes)))
		FROM receipt WHERE tenant = a.tenant AND store = a.store AND user_id = a.id AND replaced = 0 AND withdrawn = 0),
	(SELECT json_group_array(idp) FROM link WHERE tenant = a.tenant AND store = a.store AND user_id = a.id)`

// Linked finds who a subject is here: the link and, if it leads to an account in
// this database, the account with where everything in it came from.
func (l *Ledger) Linked(ctx context.Context, tenant, idp, subject string) (out Linked, err error) {
	err = l.View(ctx, func(tx *Tx) error {
		out, err = tx.Linked(ctx, tenant, idp, subject)
		return err
	})
	return out, err
}

// Linked is [Ledger.Linked] as this transaction sees it.
func (t *Tx) Linked(ctx context.Context, tenant, idp, subject string) (Linked, error) {
	const op = "ledger.Linked"
	out := Linked{Found: usher.FoundOne, Link: &usher.Link{}}
	var row accountRow
	err := t.QueryRowContext(ctx, `SELECT l.store, l.user_id, l.issuer, l.pending, l.created, `+accountColumns+`
		FROM link l LEFT JOIN account a ON a.tenant = l.tenant AND a.store = l.store AND a.id = l.user_id
		WHERE l.tenant = ? AND l.idp = ? AND l.subject = ?`, tenant, idp, subject).
		Scan(append([]any{&out.Link.Store, &out.Link.User, &out.Link.Issuer, &out.Link.Pending, &out.Link.At}, row.columns()...)...)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Linked{Found: usher.FoundNone}, nil
	case err != nil:
		return Linked{}, failed(op, err)
	case row.id.Valid:
		acc, err := row.account(t.l.cfg.Sealer, tenant)
		if err != nil {
			return Linked{}, usher.Fail(usher.Internal, op, "", err)
		}
		out.Account = &acc
	}
	return out, nil
}

// Account is an account of a store in this database with where everything in it
// came from, NotFound if there is none.
func (l *Ledger) Account(ctx context.Context, tenant, store string, user usher.UserID) (usher.Account, error) {
	return l.account(ctx, l.db.Read(), tenant, store, user)
}

// Account is [Ledger.Account] as this transaction sees it.
func (t *Tx) Account(ctx context.Context, tenant, store string, user usher.UserID) (usher.Account, error) {
	return t.l.account(ctx, t, tenant, store, user)
}

func (l *Ledger) account(ctx context.Context, q store.Querier, tenant, in string, user usher.UserID) (usher.Account, error) {
	const op = "ledger.Account"
	var row accountRow
	err := q.QueryRowContext(ctx, `SELECT `+accountColumns+`
		FROM account a WHERE a.tenant = ? AND a.store = ? AND a.id = ?`, tenant, in, string(user)).Scan(row.columns()...)
	if err != nil {
		return usher.Account{}, failed(op, err)
	}
	acc, err := row.account(l.cfg.Sealer, tenant)
	if err != nil {
		return usher.Account{}, usher.Fail(usher.Internal, op, "", err)
	}
	return acc, nil
}

// accountRow is what accountColumns gives; without an account its texts are null.
type accountRow struct {
	id, store, username, state, held, password    sql.NullString
	groups, provenance, granted, receipts, linked []byte // JSON
}

func (r *accountRow) columns() []any {
	return []any{&r.id, &r.store, &r.username, &r.state, &r.held, &r.password, &r.groups, &r.provenance, &r.granted, &r.receipts, &r.linked}
}

// origin is where an attribute came from, as the columns say.
type origin struct {
	Name   string
	Digest string
	Source usher.Source
}

func (r *accountRow) account(sealer Sealer, tenant string) (usher.Account, error) {
	out := usher.Account{
		ID: usher.UserID(r.id.String), Store: r.store.String, Username: r.username.String,
		State: usher.AccountState(r.state.String), Password: usher.Credential(r.password.String),
	}
	ref := usher.AccountRef{Store: out.Store, User: out.ID}
	var held []store.Attribute
	var origins []origin
	if err := errors.Join(
		json.Unmarshal([]byte(r.held.String), &held), json.Unmarshal(r.groups, &out.Groups),
		json.Unmarshal(r.provenance, &origins), json.Unmarshal(r.granted, &out.Grants),
		json.Unmarshal(r.receipts, &out.Receipts), json.Unmarshal(r.linked, &out.Links),
	); err != nil {
		return usher.Account{}, err
	}
	slices.Sort(out.Groups)
	slices.SortFunc(out.Grants, func(a, b usher.Grant) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Name, b.Name),
			strings.Compare(string(a.Source.Kind), string(b.Source.Kind)), strings.Compare(a.Source.Name, b.Source.Name))
	})
	slices.SortFunc(out.Receipts, func(a, b usher.Receipt) int { return strings.Compare(a.Purpose, b.Purpose) })
	slices.Sort(out.Links)
	out.Links = slices.Compact(out.Links)
	for _, a := range held {
		h := usher.Held{Name: a.Name, Values: a.Values, Verified: a.Verified}
		for _, o := range origins {
			if o.Name == a.Name {
				now := digest(sealer, tenant, ref, a.Name, a.Values, a.Verified)
				h.Source, h.Intact = o.Source, subtle.ConstantTimeCompare([]byte(o.Digest), []byte(now)) == 1
			}
		}
		out.Attributes = append(out.Attributes, h)
	}
	return out, nil
}

// SeenBy lists the applications that know a subject as a person without an
// account, sorted.
func (l *Ledger) SeenBy(ctx context.Context, tenant, idp, subject string) (out []string, err error) {
	err = l.View(ctx, func(tx *Tx) error {
		out, err = tx.SeenBy(ctx, tenant, idp, subject)
		return err
	})
	return out, err
}

// SeenBy is [Ledger.SeenBy] as this transaction sees it.
func (t *Tx) SeenBy(ctx context.Context, tenant, idp, subject string) ([]string, error) {
	const op = "ledger.SeenBy"
	var out []string
	err := t.QueryRowContext(ctx, `SELECT json_group_array(application ORDER BY application) FROM seen
		WHERE tenant = ? AND idp = ? AND subject = ?`, tenant, idp, subject).Scan(texts{&out})
	return out, failed(op, err)
}

// Alias is the subject by which an application knew a user before there was an
// account; found is false if it did not.
func (l *Ledger) Alias(ctx context.Context, tenant, application string, user usher.UserID) (idp, subject string, found bool, err error) {
	return alias(ctx, l.db.Read(), tenant, application, user)
}

// Alias is [Ledger.Alias] as this transaction sees it.
func (t *Tx) Alias(ctx context.Context, tenant, application string, user usher.UserID) (idp, subject string, found bool, err error) {
	return alias(ctx, t, tenant, application, user)
}

func alias(ctx context.Context, q store.Querier, tenant, application string, user usher.UserID) (idp, subject string, found bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT idp, subject FROM alias WHERE tenant = ? AND user_id = ? AND application = ?`,
		tenant, string(user), application).Scan(&idp, &subject)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", false, nil
	}
	return idp, subject, err == nil, failed("ledger.Alias", err)
}
