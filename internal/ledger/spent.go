package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"github.com/usher-id/usher"
)

// Key names one thing that counts only once. Make it with NewKey; the zero Key
// names nothing.
type Key struct {
	digest [32]byte
	made   bool
}

const keyName = 6 // bytes of the name in front of a key's digest

// NewKey is the key of a thing by its kind, tenant, scope (a provider or an
// application, for one) and name. Each part enters with its length, so that no
// two lists of parts give one key. The name's first bytes stand in front: names
// of one moment, which begin alike, lie near each other on the disk.
func NewKey(kind, tenant, scope, name string) Key {
	var b []byte
	for _, part := range []string{kind, tenant, scope, name} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(b)
	copy(sum[keyName:], sum[:len(sum)-keyName])
	clear(sum[:keyName])
	copy(sum[:keyName], name)
	return Key{sum, true}
}

// Spend makes k count. If it did already the error is Conflict. It may be
// forgotten after until.
func (t *Tx) Spend(ctx context.Context, k Key, until usher.Instant) error {
	const op = "ledger.Spend"
	if !k.made {
		return usher.Fail(usher.Internal, op, "", nil)
	}
	n, err := t.exec(ctx, op, `INSERT INTO spent (key, until) VALUES (?, ?) ON CONFLICT DO NOTHING`, k.digest[:], until)
	if err == nil && n == 0 {
		err = usher.Fail(usher.Conflict, op, "This counts only once.", nil)
	}
	return err
}

// Spent reports whether k has counted.
func (l *Ledger) Spent(ctx context.Context, k Key) (bool, error) {
	var spent bool
	err := l.View(ctx, func(tx *Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM spent WHERE key = ?)`, k.digest[:]).Scan(&spent)
		return failed("ledger.Spent", err)
	})
	return spent, err
}
