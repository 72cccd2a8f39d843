package ledger

import (
	"context"

	"github.com/usher-id/usher"
)

const (
	sweepRows = 500 // rows of one commit, so that nobody waits long behind one
	codeKept  = 3600 * usher.Second
	toldKept  = 30 * 24 * 3600 * usher.Second
)

// sweeps removes what has expired: ?1 is now, ?2 the most rows. A code is
// remembered for codeKept, because a late second use of it is a theft to notice,
// and what was told for toldKept. Of the decisions only those go that carry an
// end, see foulKept. A sign-in that waits is ended by its decision, not here.
var sweeps = []struct {
	text string
	kept usher.Instant
}{
	{oldest("code", "expires"), codeKept},
	{oldest("spent", "until"), 0},
	{oldest("session", "expires"), 0},
	{indexed("family", "rowid", "expires"), 0},
	{indexed("decision", "rowid", "until"), 0},
	{indexed("outbox", "id", "delivered"), toldKept},
	{indexed("failure", "key", "until"), 0},
	{indexed("reset", "hash", "expires"), 0},
}

// indexed removes expired rows of a table that has an index of their end.
func indexed(table, key, expires string) string {
	return "DELETE FROM " + table + " WHERE " + key + " IN (SELECT " + key + " FROM " + table +
		" WHERE " + expires + " < ?1 ORDER BY " + expires + " LIMIT ?2)"
}

// oldest removes expired rows from the front of a table whose rows all live
// equally long, so that the order of their making is that of their end and no
// index is needed. A row that lives longer than those behind it holds them up.
func oldest(table, expires string) string {
	return "DELETE FROM " + table + " WHERE rowid IN (SELECT rowid FROM " + table + " ORDER BY rowid LIMIT ?2) AND " + expires + " < ?1"
}

// Sweep removes expired codes, spent keys, sessions, families, reset codes and
// failures, events told long ago, and refusals that anybody could cause, a
// bounded number with each commit.
func (l *Ledger) Sweep(ctx context.Context) error {
	const op = "ledger.Sweep"
	now := l.now()
	for _, s := range sweeps {
		for n := int64(sweepRows); n == sweepRows; {
			if err := l.Commit(ctx, func(tx *Tx) (err error) {
				n, err = tx.exec(ctx, op, s.text, now-s.kept, sweepRows)
				return err
			}); err != nil {
				return usher.Wrap(op, err)
			}
		}
	}
	return nil
}
