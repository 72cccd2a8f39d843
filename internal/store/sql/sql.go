package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

// Tables are the accounts of one store.
type Tables struct {
	Store string // the store's name, part of every key
}

// On is a driver that reads and writes through q. One Write takes several
// statements, so q must be a transaction if the driver is to write.
func (t Tables) On(q store.Querier) store.Driver { return &driver{t.Store, q} }

type driver struct {
	store string
	q     store.Querier
}

const columns = `a.id, a.username, a.canonical, a.state, a.attributes, a.created, a.updated,
	(SELECT json_group_array(m.name) FROM membership m
		WHERE m.tenant = a.tenant AND m.store = a.store AND m.user_id = a.id)`

type scanner interface{ Scan(dest ...any) error }

func read(row scanner) (store.User, error) {
	var u store.User
	var attributes, groups []byte
	if err := row.Scan(&u.ID, &u.Username, &u.Canonical, &u.State, &attributes, &u.Created, &u.Updated, &groups); err != nil {
		return store.User{}, err
	}
	err := errors.Join(json.Unmarshal(attributes, &u.Attributes), json.Unmarshal(groups, &u.Groups))
	slices.Sort(u.Groups)
	return u, err
}

// Get implements store.Driver.
func (d *driver) Get(ctx context.Context, tenant string, id usher.UserID) (store.User, error) {
	u, err := read(d.q.QueryRowContext(ctx, `SELECT `+columns+` FROM account a WHERE a.tenant = ? AND a.store = ? AND a.id = ?`,
		tenant, d.store, string(id)))
	return u, failed("sqlstore.Get", err)
}

// Named implements store.Driver.
func (d *driver) Named(ctx context.Context, tenant string, canonical []string) (map[string]usher.UserID, error) {
	const op = "sqlstore.Named"
	names, err := json.Marshal(canonical)
	if err != nil {
		return nil, failed(op, err)
	}
	rows, err := d.q.QueryContext(ctx, `SELECT a.canonical, a.id FROM json_each(?3) AS asked
		CROSS JOIN account a ON a.tenant = ?1 AND a.store = ?2 AND a.canonical = asked.value`, tenant, d.store, string(names))
	if err != nil {
		return nil, failed(op, err)
	}
	defer rows.Close()
	found := map[string]usher.UserID{}
	for rows.Next() {
		var name string
		var id usher.UserID
		if err := rows.Scan(&name, &id); err != nil {
			return nil, failed(op, err)
		}
		found[name] = id
	}
	return found, failed(op, rows.Err())
}

// List implements store.Driver.
func (d *driver) List(ctx context.Context, tenant, after string, limit int) ([]store.User, error) {
	const op = "sqlstore.List"
	rows, err := d.q.QueryContext(ctx, `SELECT `+columns+` FROM account a WHERE a.tenant = ? AND a.store = ? AND a.id > ?
		ORDER BY a.id LIMIT ?`, tenant, d.store, after, limit)
	if err != nil {
		return nil, failed(op, err)
	}
	defer rows.Close()
	var out []store.User
	for rows.Next() {
		u, err := read(rows)
		if err != nil {
			return nil, failed(op, err)
		}
		out = append(out, u)
	}
	return out, failed(op, rows.Err())
}

// Write implements store.Driver. If it fails, the transaction it runs in must
// be undone.
func (d *driver) Write(ctx context.Context, tenant string, w store.Write) error {
	var err error
	if w.Create != nil {
		err = d.create(ctx, tenant, w)
	} else {
		err = d.update(ctx, tenant, w)
	}
	if err == nil {
		err = d.leave(ctx, tenant, w)
	}
	if err == nil {
		err = d.join(ctx, tenant, w)
	}
	return failed("sqlstore.Write", err)
}

func (d *driver) create(ctx context.Context, tenant string, w store.Write) error {
	attributes, err := apply(nil, w)
	if err != nil {
		return err
	}
	var password store.Password
	if w.Password != nil {
		password = *w.Password
	}
	n, err := d.exec(ctx, `INSERT INTO account (tenant, store, id, username, canonical, state, attributes, created, updated,
		password, password_proven) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10) ON CONFLICT DO NOTHING`,
		tenant, d.store, string(w.User), w.Create.Username, w.Create.Canonical, string(cmp.Or(w.State, usher.StateActive)), attributes, w.At,
		password.Hash, password.Proven && password.Hash != "")
	if err == nil && n == 0 {
		err = usher.Fail(usher.Conflict, "sqlstore.create", "This username is taken.", nil)
	}
	if err == nil {
		err = d.hold(ctx, tenant, w)
	}
	return err
}

func (d *driver) update(ctx context.Context, tenant string, w store.Write) error {
	const where = ` WHERE tenant = ?1 AND store = ?2 AND id = ?3`
	key := []any{tenant, d.store, string(w.User)}
	if len(w.Set)+len(w.Clear) > 0 {
		var held []byte
		if err := d.q.QueryRowContext(ctx, `SELECT attributes FROM account`+where, key...).Scan(&held); err != nil {
			return err
		}
		attributes, err := apply(held, w)
		if err != nil {
			return err
		}
		if _, err := d.exec(ctx, `UPDATE account SET attributes = ?4`+where, append(key, attributes)...); err != nil {
			return err
		}
		if err := d.release(ctx, tenant, w); err != nil {
			return err
		}
		if err := d.hold(ctx, tenant, w); err != nil {
			return err
		}
	}
	if p := w.Password; p != nil {
		if _, err := d.exec(ctx, `UPDATE account SET password = ?4, password_proven = ?5`+where,
			append(key, p.Hash, p.Proven && p.Hash != "")...); err != nil {
			return err
		}
	}
	n, err := d.exec(ctx, `UPDATE account SET updated = ?4, state = coalesce(nullif(?5, ''), state)`+where,
		append(key, w.At, string(w.State))...)
	if err == nil && n == 0 {
		err = sql.ErrNoRows
	}
	return err
}

func (d *driver) leave(ctx context.Context, tenant string, w store.Write) error {
	if len(w.Leave) == 0 {
		return nil
	}
	names, err := json.Marshal(w.Leave)
	if err == nil {
		_, err = d.exec(ctx, `DELETE FROM membership WHERE tenant = ? AND store = ? AND user_id = ?
			AND name IN (SELECT value FROM json_each(?))`, tenant, d.store, string(w.User), string(names))
	}
	return err
}

func (d *driver) join(ctx context.Context, tenant string, w store.Write) error {
	if len(w.Join) == 0 {
		return nil
	}
	names, err := json.Marshal(w.Join)
	if err == nil {
		_, err = d.exec(ctx, `INSERT INTO membership (tenant, store, user_id, name)
			SELECT ?1, ?2, ?3, value FROM json_each(?4) WHERE true ON CONFLICT DO NOTHING`,
			tenant, d.store, string(w.User), string(names))
	}
	return err
}

func (d *driver) exec(ctx context.Context, query string, args ...any) (int64, error) {
	r, err := d.q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// apply gives the attributes as they are after the write, as the column holds them.
func apply(held []byte, w store.Write) (string, error) {
	var now []store.Attribute
	if len(held) > 0 {
		if err := json.Unmarshal(held, &now); err != nil {
			return "", err
		}
	}
	replaced := func(a store.Attribute) bool {
		return slices.Contains(w.Clear, a.Name) ||
			slices.ContainsFunc(w.Set, func(s store.Attribute) bool { return s.Name == a.Name })
	}
	now = slices.DeleteFunc(now, replaced)
	for _, a := range w.Set {
		a.Values = append([]string{}, a.Values...) // no values are an empty list, not null
		now = append(now, a)
	}
	slices.SortFunc(now, func(a, b store.Attribute) int { return strings.Compare(a.Name, b.Name) })
	if now == nil {
		now = []store.Attribute{}
	}
	b, err := json.Marshal(now)
	return string(b), err
}

// failed classifies an error: no row is NotFound, one of ours stays what it is,
// and anything else means that the database could not be asked.
func failed(op string, err error) error {
	var known *usher.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return usher.Wrap(op, err)
	case errors.Is(err, sql.ErrNoRows):
		return usher.Fail(usher.NotFound, op, "There is no such user.", nil)
	}
	return usher.Fail(usher.Unavailable, op, "", err)
}
