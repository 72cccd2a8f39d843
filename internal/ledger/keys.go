package ledger

import (
	"context"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/key"
	"github.com/usher-id/usher/internal/sqlite"
)

// Keys gives all sealed keys; it implements key.Keeper.
func (db *DB) Keys(ctx context.Context) ([]key.Stored, error) {
	const op = "ledger.Keys"
	rows, err := db.db.Read().QueryContext(ctx, `SELECT id, use, alg, created, sealed FROM sealed_key ORDER BY id`)
	if err != nil {
		return nil, failed(op, err)
	}
	defer rows.Close()
	var out []key.Stored
	for rows.Next() {
		var k key.Stored
		if err := rows.Scan(&k.ID, &k.Use, &k.Alg, &k.Created, &k.Sealed); err != nil {
			return nil, failed(op, err)
		}
		out = append(out, k)
	}
	return out, failed(op, rows.Err())
}

// AddKey keeps a sealed key; it implements key.Keeper. A key of that id, or a
// second one of the use "mac", is a Conflict.
func (db *DB) AddKey(ctx context.Context, k key.Stored) error {
	const op = "ledger.AddKey"
	return usher.Wrap(op, db.db.Commit(ctx, func(tx *sqlite.Tx) error {
		n, err := exec(ctx, tx, op, `INSERT INTO sealed_key (id, use, alg, created, sealed) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			k.ID, k.Use, k.Alg, k.Created, k.Sealed)
		if err == nil && n == 0 {
			err = usher.Fail(usher.Conflict, op, "", nil)
		}
		return err
	}))
}

// DropKey forgets a key; it implements key.Keeper. One that is not there is fine.
func (db *DB) DropKey(ctx context.Context, id string) error {
	const op = "ledger.DropKey"
	return usher.Wrap(op, db.db.Commit(ctx, func(tx *sqlite.Tx) error {
		_, err := exec(ctx, tx, op, `DELETE FROM sealed_key WHERE id = ?`, id)
		return err
	}))
}
