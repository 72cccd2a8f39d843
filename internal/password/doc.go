// Package password makes and checks the hashes of passwords: argon2id (RFC 9106)
// written as PHC texts, at one cost for everybody and a bounded number at a
// time. It also says in which form passwords are compared, and which of them
// everybody tries first.
//
// It does not know whose a password is, what a store demands of one, or how
// often a wrong one was given.
package password
