package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/explain"
	"github.com/usher-id/usher/internal/idptest"
)

// TestRunMakesThePast runs the demo with a fake provider in Usher's place.
func TestRunMakesThePast(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out bytes.Buffer
	var disabled []usher.UserID
	port := freePorts(t)
	start := func(context.Context, string) (Broker, error) {
		fake := idptest.New(idptest.Config{People: []idptest.Person{{ID: "tomas", Name: "Tomas"}, {ID: "dana", Name: "Dana"}}})
		return Broker{
			Serve:   func(ctx context.Context, ln net.Listener) error { return serve(ctx, ln, secretless{fake}) },
			Explain: func(context.Context, string) (explain.Story, error) { return explain.Story{}, nil },
			Disable: func(_ context.Context, user usher.UserID) error {
				disabled = append(disabled, user)
				return nil
			},
		}, nil
	}
	err := Run(ctx, Options{Port: port, Out: writer(func(b []byte) (int, error) {
		defer cancel() // the guide is the last thing before waiting
		return out.Write(b)
	}), Start: start})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/options", "user code --config"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the guide lacks %s", want)
		}
	}
	if diff := cmp.Diff([]usher.UserID{"dana"}, disabled); diff != "" {
		t.Error(diff)
	}
	for _, p := range Cast() {
		if !strings.Contains(out.String(), p.Name) {
			t.Errorf("the guide does not tell of %s", p.Name)
		}
	}
}

func TestRunOnABusyPort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	port := ln.Addr().(*net.TCPAddr).Port
	err = Run(t.Context(), Options{Port: port - 1, Out: &bytes.Buffer{}})
	if usher.KindOf(err) != usher.Invalid || !strings.Contains(usher.Shown(err), "--port") {
		t.Errorf("%v", err)
	}
}

func TestRestlessIsAnotherAtEachSignIn(t *testing.T) {
	for n := 1; n < 7; n++ {
		one, next := restless(n).claims(Persona{}), restless(n+1).claims(Persona{})
		for _, claim := range []string{"groups", "phone_number"} {
			if cmp.Equal(one[claim], next[claim]) {
				t.Errorf("sign-ins %d and %d bring the same %s", n, n+1, claim)
			}
		}
	}
}

func TestRowsAreInOrderAndReadable(t *testing.T) {
	var c claims
	if err := json.Unmarshal([]byte(`{"zebra":{"a": 1},"exp":0,"groups":["a","b"],"iss":"x","empty":[]}`), &c); err != nil {
		t.Fatal(err)
	}
	want := []row{
		{"iss", "x", "who says so: Usher"},
		{"groups", "a, b", "granted here by way of the provider's groups"},
		{"exp", "0", "valid until 1970-01-01 00:00:00 UTC"},
		{"empty", "[]", ""},
		{"zebra", `{"a":1}`, ""},
	}
	if diff := cmp.Diff(want, c.rows()); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeRefusesWhatIsNoToken(t *testing.T) {
	for _, s := range []string{"", "a.b", "a.b.c", "e30.e30", "e30.bnVsbA.x.y", "!.!.!"} {
		if _, err := decode(s); err == nil {
			t.Errorf("%q was decoded", s)
		}
	}
	if tok, err := decode("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.sig"); err != nil || tok.Claims.text("sub") != "a" || tok.Head() != `{"alg":"ES256"}` {
		t.Errorf("%v %v", tok, err)
	}
}
