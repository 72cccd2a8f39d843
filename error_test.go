package usher_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/usher-id/usher"
)

func TestWrapKeepsKindAndMessage(t *testing.T) {
	cause := usher.Fail(usher.Conflict, "store.Write", "The name is taken.", io.ErrUnexpectedEOF)
	err := fmt.Errorf("while saving: %w", usher.Wrap("ledger.Apply", cause))
	if got := usher.KindOf(err); got != usher.Conflict {
		t.Errorf("kind %v", got)
	}
	if got := usher.Shown(err); got != "The name is taken." {
		t.Errorf("shown %q", got)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
	if got, want := err.Error(), "while saving: ledger.Apply: store.Write: The name is taken.: unexpected EOF"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWrapOfNilStaysNil(t *testing.T) {
	if err := usher.Wrap("x.Y", nil); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestUnclassifiedFailureIsOurs(t *testing.T) {
	if got := usher.KindOf(io.EOF); got != usher.Internal {
		t.Errorf("kind %v", got)
	}
	if got := usher.Shown(io.EOF); got != "" {
		t.Errorf("an error from elsewhere must not be shown, got %q", got)
	}
	if got := usher.KindOf(usher.Wrap("x.Y", io.EOF)); got != usher.Internal {
		t.Errorf("kind %v", got)
	}
}

func TestShownNeverTellsTheCause(t *testing.T) {
	err := usher.Fail(usher.Internal, "x.Y", "", errors.New("password=hunter2"))
	if got := usher.Shown(err); got != "" {
		t.Errorf("shown %q", got)
	}
}

func TestEveryKindHasAName(t *testing.T) {
	seen := map[string]bool{}
	for i, k := range usher.Kinds {
		if int(k) != i || k.String() == "unknown" || seen[k.String()] {
			t.Errorf("kind %d is %q", i, k)
		}
		seen[k.String()] = true
	}
	if got := usher.Kind(len(usher.Kinds)).String(); got != "unknown" {
		t.Errorf("a kind beyond the last is %q; Kinds is not complete", got)
	}
}

func TestVerdictsZeroDenies(t *testing.T) {
	var v usher.Verdict
	if v.String() != "deny" || v.Admits() || usher.Verdict(99).String() != "deny" || usher.Verdict(99).Admits() {
		t.Error("the zero verdict, and one that does not exist, must deny")
	}
	for _, v := range []usher.Verdict{usher.VerdictDeny, usher.VerdictPrompt, usher.VerdictPassThrough, usher.VerdictCreate, usher.VerdictLink, usher.VerdictUpdate} {
		text, _ := v.MarshalText()
		var back usher.Verdict
		if err := back.UnmarshalText(text); err != nil || back != v {
			t.Errorf("%s came back as %s, %v", v, back, err)
		}
		if want := v >= usher.VerdictPassThrough; v.Admits() != want {
			t.Errorf("%s admits: %v", v, v.Admits())
		}
	}
	if err := new(usher.Verdict).UnmarshalText([]byte("allow")); err == nil {
		t.Error("an unknown verdict was read")
	}
}
