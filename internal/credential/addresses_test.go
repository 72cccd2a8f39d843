package credential

import (
	"fmt"
	"testing"
	"time"
)

// Many addresses make the memory no larger, and what is given back is not kept.
func TestAddressesAreBounded(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	a := &addresses{limit: 2}
	for i := range 50_000 {
		from := fmt.Sprintf("198.%d.%d.%d", i/60_000, i/250, i%250)
		if !a.take(from, at) {
			t.Fatalf("%s is refused", from)
		}
	}
	if n := len(a.now) + len(a.before); n > 2*mostAddresses {
		t.Errorf("%d are kept", n)
	}
	b := &addresses{limit: 2}
	for range 1000 {
		if !b.take("198.51.100.1", at) {
			t.Fatal("refused")
		}
		b.giveBack("198.51.100.1")
	}
	b.giveBack("198.51.100.1")
	b.giveBack("198.51.100.2")
	b.giveBack("")
	if len(b.now)+len(b.before) > 0 {
		t.Errorf("kept %v, %v", b.now, b.before)
	}
}

// What is given back after the window has turned is taken from the older one.
func TestAddressesTurn(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	a := &addresses{limit: 2}
	takes := func(want bool) {
		t.Helper()
		if got := a.take("198.51.100.1", at); got != want {
			t.Errorf("after %v: %v", at.Unix()-1_800_000_000, got)
		}
	}
	takes(true)
	takes(true)
	takes(false)
	at = at.Add(window)
	takes(false)
	a.giveBack("198.51.100.1")
	takes(true)
	takes(false)
	at = at.Add(window) // the first one is forgotten
	takes(true)
	at = at.Add(2 * window)
	takes(true)
	takes(true)
	takes(false)
}
