// Package sqlstore keeps the accounts of a user store in SQL tables: account
// and membership. It brings no connection and no schema of its own; PRIMARY's
// tables belong to the ledger's database, so that an account and what the ledger
// knows of it are one commit.
package sqlstore
