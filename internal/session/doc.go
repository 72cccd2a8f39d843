// Package session keeps the browser sessions of people who have signed in: it
// draws their ids, carries them in one cookie and finds them again in the
// ledger. It does not know how a person signed in, nor what a session is good
// for.
//
// A session id is 32 bytes, the time and 208 random bits, that exist only in the
// browser; the ledger holds their hash. An id is drawn anew at every sign-in and never taken
// over from a request, so there is nothing to fixate.
package session
