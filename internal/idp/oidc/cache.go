package oidc

import (
	"context"
	"sync"
	"time"

	"github.com/usher-id/usher"
)

// How long what was fetched is kept.
const (
	fresh = time.Hour        // used without asking again
	stale = 24 * time.Hour   // used while it can't be fetched again
	pause = 10 * time.Second // between a failure and the next attempt, and between two renewals
)

// fetched is a value and when it was had. It does not change.
type fetched[T any] struct {
	value T
	at    time.Time
}

// cache keeps one document of the provider. However many sign-ins need it at
// once, one of them fetches and the others wait for it.
type cache[T any] struct {
	fetch func(context.Context) (T, usher.Fault)
	now   func() time.Time

	mu      sync.Mutex
	last    *fetched[T]   // the last that was had, or nil
	flight  chan struct{} // closed when the fetch under way ends; nil if none is
	failed  time.Time     // when the last attempt failed; zero if it did not
	fault   usher.Fault   // how it failed
	renewed time.Time     // when renew last fetched
}

// get is the value: fetched now if there is none that is fresh, an older one if
// that fails or another sign-in is just fetching.
func (c *cache[T]) get(ctx context.Context) (*fetched[T], usher.Fault) {
	c.mu.Lock()
	if c.younger(fresh) {
		defer c.mu.Unlock()
		return c.last, usher.Fault{}
	}
	switch {
	case c.flight != nil && c.younger(stale):
		c.mu.Unlock()
	case c.flight != nil || c.now().Sub(c.failed) >= pause:
		c.fly(ctx)
	default:
		c.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.younger(stale):
		return c.last, usher.Fault{}
	case c.fault != usher.Fault{}:
		return nil, c.fault
	}
	return nil, fault(usher.ReasonUpstreamUnreachable, "the sign-in was given up before the provider answered")
}

// renew is a newer value than one that did not do, if one may be fetched: there
// is at most one renewal in every pause, however many ask.
func (c *cache[T]) renew(ctx context.Context, than *fetched[T]) (*fetched[T], bool) {
	c.mu.Lock()
	now := c.now()
	switch {
	case c.last != than:
		c.mu.Unlock()
	case c.flight != nil:
		c.fly(ctx)
	case now.Sub(c.renewed) >= pause && now.Sub(c.failed) >= pause:
		c.renewed = now
		c.fly(ctx)
	default:
		c.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last, c.last != than
}

// younger reports whether there is a value of less than that age.
func (c *cache[T]) younger(age time.Duration) bool {
	return c.last != nil && c.now().Sub(c.last.at) < age
}

// fly takes part in the fetch under way, or is the one who fetches. It is called
// with the lock held and gives it back.
func (c *cache[T]) fly(ctx context.Context) {
	if flight := c.flight; flight != nil {
		c.mu.Unlock()
		select {
		case <-flight:
		case <-ctx.Done():
		}
		return
	}
	flight := make(chan struct{})
	c.flight = flight
	c.mu.Unlock()

	var value T
	failure := fault(usher.ReasonInternal, "the fetch did not come to its end")
	defer func() { // also when fetch panics: nobody waits for ever
		c.mu.Lock()
		defer c.mu.Unlock()
		if failure == (usher.Fault{}) {
			c.last, c.failed, c.fault = &fetched[T]{value, c.now()}, time.Time{}, failure
		} else {
			c.failed, c.fault = c.now(), failure
		}
		c.flight = nil
		close(flight)
	}()
	// Others wait for this too, so the one who fetches does not take it along
	// when their browser leaves. The client's own limit bounds it.
	value, failure = c.fetch(context.WithoutCancel(ctx))
}
