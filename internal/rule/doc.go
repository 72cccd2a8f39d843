// Package rule makes an [usher.Identity] of an [usher.Assertion]: it compiles
// the mapping rules of an identity provider once, when the configuration is
// loaded, and runs them at every sign-in.
//
// Rules are CEL expressions over three variables: claims (what the provider
// sent), issuer and subject. They are type-checked when they are compiled and
// bounded in cost, size and nesting when they run. A rule that fails never
// fails the sign-in by itself: its outcome is "unknown" with a reason, an
// unverified attribute, or an admission that is refused.
//
// The package is pure. It knows no clock, no randomness, no I/O and no context,
// and CEL's time functions are left out, so that the same assertion always
// gives the same identity. It does not know users, stores, links or policies;
// what an identity may do is decided in package decide.
package rule
