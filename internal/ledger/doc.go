// Package ledger keeps the broker's own durable facts in one SQLite database:
// links, provenance, grants, decisions with everything they were made from, the
// outbox, sessions, codes, token families, what has been spent, and sealed keys.
// The accounts of PRIMARY live in the same database, so that a sign-in is one
// commit.
//
// A decision is applied only if every fact it stands on still holds in the same
// transaction ([Tx.Apply]). Concurrent commits share one transaction and one
// sync to the disk ([Ledger.Commit]), and nobody is answered before it.
//
// The ledger does not decide anything, and it does not know what tokens and
// cookies look like: it draws bearer secrets ([NewSecret]) and keeps their hashes.
package ledger
