// Package sqlstore keeps the accounts of user stores in SQL tables: account,
// membership and holds, with the store's name in every key. It brings no
// connection and no schema of its own; the tables belong to the ledger's
// database, so that an account and what the ledger knows of it are one commit.
package sqlstore
