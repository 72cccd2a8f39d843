// Package credential knows whether a name and a password belong together, keeps
// those who guess waiting, and issues the codes with which people set a new
// password. Unknown names, wrong passwords and accounts without one cost the same
// and are told alike.
//
// It does not decide who may come in: an account that is disabled is found like
// any other, and refused by the decision. It knows nothing of pages, nor how a
// code reaches a person.
package credential
