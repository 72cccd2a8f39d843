// Package ledger keeps the broker's own durable facts in one SQLite database:
// links, provenance, grants, consent receipts, decisions with everything they
// were made from, sign-ins that wait for an answer, the outbox, sessions, codes,
// token families, what has been spent, and sealed keys. The accounts of PRIMARY,
// and of any other store that is kept here, live in the same database, so that a
// sign-in is one commit.
//
// A decision is applied only if every fact it stands on still holds in the same
// transaction ([Tx.Apply]). Concurrent commits share one transaction and one
// sync to the disk ([Ledger.Commit]), and nobody is answered before it.
//
// The ledger does not decide anything, and it does not know what tokens and
// cookies look like: it draws bearer secrets ([NewSecret]) and keeps their hashes.
package ledger
