// Package op is the OpenID Provider: what an application sees of Usher. It reads
// authorization requests, answers them with codes, redeems codes and refresh
// tokens, and serves userinfo, introspection, revocation, logout, discovery and
// keys (RFC 6749, 6750, 7009, 7636, 7662, 8252, 9068, 9207, 9700; OpenID
// Connect Core, Discovery and RP-Initiated Logout 1.0).
//
// It does not know how a person is signed in: it hands a request to the login
// conversation and gets a session back ([Provider.Settle]) or a reason word
// ([Provider.Refused]). What it does not support it refuses by name.
//
// Nothing it gave outlives what it stands on: codes, tokens and sessions are held
// against the account, the provider and the application as they are now, at
// every use.
//
// Where later parts belong: a pushed request (RFC 9126) is one more way to
// find the parameters that authorize reads; private_key_jwt is one
// more case of authenticate; DPoP and mutual TLS bind a family, in token;
// form_post is one more way to give an answer; the device grant is one more
// case of the token endpoint; back-channel logout goes through the outbox with
// the sid of ID tokens.
package op
