// Package idp is the port to outside identity providers: what a connector can
// do, and the strict reading of the claims it receives.
//
// A connector sends a person to the provider and verifies what comes back. It
// reports and never maps: which claim is a username, who the person is here and
// whether they may enter is not known on this side of the port, nor are
// browsers, cookies and stores.
package idp

import (
	"context"
	"net/url"
	"time"

	"github.com/usher-id/usher"
)

// Connector speaks one protocol with one registered provider.
type Connector interface {
	// Begin makes the address to send the browser to. It fails with kind
	// Unavailable when the provider can't be reached.
	Begin(ctx context.Context, ask Ask) (Departure, error)

	// Finish makes an assertion of what the browser brought back. It is total:
	// what can't be verified is the assertion's Fault, never an error.
	Finish(ctx context.Context, arrival Arrival) usher.Assertion
}

// Ask is what a sign-in asks of the provider.
type Ask struct {
	RedirectURI string // where the browser comes back: one address per provider
	State       string // opaque; comes back in Arrival.Params
	LoginHint   string // whom the provider might expect
	Prompt      string // OpenID Connect's prompt, passed on as it is
	MaxAge      *int64 // seconds since the person last proved who they are, at most; nil for any
}

// Departure is how the browser leaves.
type Departure struct {
	URL  string
	Keep []byte // at most MaxKeep bytes for Arrival.Keep; holds secrets, so the caller seals it
}

// MaxKeep is the most bytes a connector may ask to have kept: they travel in a
// cookie.
const MaxKeep = 512

// Arrival is what came back.
type Arrival struct {
	RedirectURI string     // as in Ask
	Params      url.Values // of the authorization response, unchecked
	Keep        []byte     // as in Departure, for this very browser
	MaxAge      *int64     // as in Ask
	Now         time.Time  // the time to verify at
}
