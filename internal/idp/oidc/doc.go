// Package oidc is the connector to OpenID Providers: OpenID Connect Core 1.0
// with discovery, the authorization code flow with PKCE S256 (RFC 7636) and the
// issuer in the response (RFC 9207).
//
// It believes nothing before it has verified it: the metadata before it uses an
// endpoint, the response before it sends the code, the signature before it
// reads a claim, and the claims by one table of checks. Claims are decoded
// strictly and handed on untouched: whether an address counts as verified, who
// the person is here and whether they may enter, browsers and their cookies are
// not known in this package.
package oidc
