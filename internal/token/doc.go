// Package token makes and checks what an application is given: authorization
// codes, ID tokens (OpenID Connect Core 1.0), access tokens (RFC 9068), refresh
// tokens, and the sub by which an application knows a person. It knows no HTTP,
// no client authentication and nothing of how a person signed in.
//
// Everything an application gets from one authorization is one family in the
// ledger. A token is only as alive as its family, which ends with its account,
// with its session (unless the person allowed offline access), by revocation,
// or when a code or refresh token of it is used a second time.
package token
