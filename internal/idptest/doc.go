// Package idptest is a fake OpenID Provider for tests and for the demo: the
// people are given, anyone may sign in as any of them, and no password is asked.
// It speaks the protocol as a well-kept provider does (discovery, keys, code with
// PKCE S256, client authentication, userinfo, the issuer in the response), and
// through [Tamper] as badly as a test wants.
//
// It knows nothing of the broker and imports none of it. It keeps everything in
// memory and must never stand where real people sign in.
package idptest
