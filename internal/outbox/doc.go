// Package outbox delivers what the ledger recorded to be told. Today that is mail
// to people about their own account: links made and removed, passwords changed
// and dropped, and the link to set a new one. It does not know why something is
// told, who decided it, nor what any page looks like.
//
// What is told is written in the same commit as the fact, so nothing is told
// that did not happen and nothing that happened is forgotten. It is delivered
// at least once: a try is put down before it is made, and a letter has the same
// Message-ID at every try, so that a mail server can drop the second copy after
// a crash or a broken connection.
//
// Where later parts belong: webhooks and provisioned targets are other readers
// of the same events, each with a mark of its own in the ledger.
package outbox
