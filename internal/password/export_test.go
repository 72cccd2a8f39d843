package password

import "testing"

// Enter takes a turn, until it is left.
func Enter(t testing.TB, h *Hasher) (leave func()) {
	t.Helper()
	if err := h.enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	return func() { <-h.turns }
}
