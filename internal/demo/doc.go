// Package demo is a small world to see Usher in: two make-believe identity
// providers with a cast of people, a sample application that shows everything it
// is told, and a guide of what to click. The application uses an ordinary OpenID
// Connect client library and knows nothing of Usher's insides but one thing: how
// to ask why.
//
// The package does not start or wire Usher; whoever calls [Run] does. Nothing
// here may stand where real people sign in.
package demo
