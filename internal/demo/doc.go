// Package demo is a small world to see Usher in: two make-believe identity
// providers with a cast of people, a sample application that shows everything it
// is told, and a guide of what to click. The application uses an ordinary OpenID
// Connect client library and knows nothing of Usher's insides but two things: how
// to ask why, and how to have another policy put in force by writing Usher's
// configuration file.
//
// The package does not start or wire Usher; whoever calls [Run] does. Nothing
// here may stand where real people sign in.
package demo
