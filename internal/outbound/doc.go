// Package outbound is the one HTTP client for everything that leaves the
// broker: discovery documents, signing keys, token and userinfo endpoints,
// later webhooks and SCIM targets. Whatever an operator or a provider's
// document names as an address is dialled through it and nowhere else, so the
// defences against server-side request forgery and against endless answers
// stand in one place.
//
// It knows nothing of OpenID Connect, of providers or of tenants: it refuses
// addresses, schemes, redirects and sizes, and leaves the meaning of an answer
// to its caller.
package outbound
