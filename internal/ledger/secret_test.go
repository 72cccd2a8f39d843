package ledger

import (
	"bytes"
	"testing"
	"time"
)

func TestSecretsAreInOrderAndTheirHashesTellNothingElse(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	a, b := NewSecret(at), NewSecret(at.Add(time.Millisecond))
	if bytes.Compare(a[:6], b[:6]) >= 0 {
		t.Error("a later secret does not come later")
	}
	if a == NewSecret(at) {
		t.Error("two secrets of one moment are the same")
	}
	h := HashOf(a)
	if !bytes.Equal(h[:6], a[:6]) || bytes.Equal(h[6:], a[6:]) {
		t.Error("a hash holds more of the secret than its time, or less")
	}
	for i := range a {
		other := a
		other[i] ^= 1
		if bytes.Equal(tail(HashOf(other)), tail(h)) {
			t.Errorf("byte %d does not count", i)
		}
	}
}

func tail(h [32]byte) []byte { return h[6:] }
