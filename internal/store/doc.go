// Package store is the port to the places where accounts live. [Store] is what
// the rest of the broker uses: it checks what goes in, sets deadlines and knows
// how usernames compare. A [Driver] is the thin part that differs from one kind
// of store to the next.
//
// A store knows accounts, their attributes and their groups, and its [Policy]:
// which names and passwords may be chosen. It does not know
// identity providers, links, provenance or why anything is written; that is
// the ledger's.
package store
