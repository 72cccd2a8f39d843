package sqlstore

import (
	"context"
	"encoding/json"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

// The table holds lists, for every value of an attribute, the form by which its
// account is found (usher.Fold). It changes with the attributes, in one Write.

// Holders implements store.Driver.
func (d *driver) Holders(ctx context.Context, tenant, attribute, folded string, limit int) ([]usher.UserID, error) {
	const op = "sqlstore.Holders"
	rows, err := d.q.QueryContext(ctx, `SELECT user_id FROM holds WHERE tenant = ? AND store = ? AND attribute = ? AND folded = ?
		ORDER BY user_id LIMIT ?`, tenant, d.store, attribute, folded, limit)
	if err != nil {
		return nil, failed(op, err)
	}
	defer rows.Close()
	var out []usher.UserID
	for rows.Next() {
		var id usher.UserID
		if err := rows.Scan(&id); err != nil {
			return nil, failed(op, err)
		}
		out = append(out, id)
	}
	return out, failed(op, rows.Err())
}

// Password implements store.Driver.
func (d *driver) Password(ctx context.Context, tenant string, id usher.UserID) (store.Password, error) {
	var p store.Password
	err := d.q.QueryRowContext(ctx, `SELECT password, password_proven FROM account WHERE tenant = ? AND store = ? AND id = ?`,
		tenant, d.store, string(id)).Scan(&p.Hash, &p.Proven)
	return p, failed("sqlstore.Password", err)
}

// release takes out the values of the attributes that are written or removed.
func (d *driver) release(ctx context.Context, tenant string, w store.Write) error {
	names := append([]string{}, w.Clear...)
	for _, a := range w.Set {
		names = append(names, a.Name)
	}
	text, err := json.Marshal(names)
	if err == nil {
		_, err = d.exec(ctx, `DELETE FROM holds WHERE tenant = ? AND store = ? AND user_id = ?
			AND attribute IN (SELECT value FROM json_each(?))`, tenant, d.store, string(w.User), string(text))
	}
	return err
}

// hold puts in the values of the attributes that are written.
func (d *driver) hold(ctx context.Context, tenant string, w store.Write) error {
	var values [][2]string
	for _, a := range w.Set {
		for _, v := range a.Values {
			if folded, ok := usher.Fold(a.Name, v); ok {
				values = append(values, [2]string{a.Name, folded})
			}
		}
	}
	if len(values) == 0 {
		return nil
	}
	text, err := json.Marshal(values)
	if err == nil {
		_, err = d.exec(ctx, `INSERT INTO holds (tenant, store, user_id, attribute, folded)
			SELECT ?1, ?2, ?3, value ->> 0, value ->> 1 FROM json_each(?4) WHERE true ON CONFLICT DO NOTHING`,
			tenant, d.store, string(w.User), string(text))
	}
	return err
}
