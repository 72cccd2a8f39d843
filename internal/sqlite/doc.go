// Package sqlite is a SQLite database with one writer: commits of the same moment
// share one transaction and one sync to the disk, and nobody is answered before
// it. It does not know what is kept in it; the schema is its user's.
package sqlite
