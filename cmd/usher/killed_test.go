package main

import (
	"context"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	crand "crypto/rand"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/idptest"
	"github.com/usher-id/usher/internal/storetest"
)

// serveEnv makes the test's binary an Usher with that configuration, so that a
// test can kill one.
const serveEnv = "USHER_TEST_SERVE"

func TestMain(m *testing.M) {
	file := os.Getenv(serveEnv)
	if file == "" {
		os.Exit(m.Run())
	}
	if err := serve(context.Background(), file, io.Discard, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// spawn starts an Usher in a process of its own and waits until it answers.
func spawn(t *testing.T, w *world) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])
	c.Env = append(os.Environ(), serveEnv+"="+filepath.Join(w.data, "usher.yaml"))
	c.Stderr = w.logs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		res, err := http.Get(w.issuer + "/readyz")
		if err == nil {
			_ = res.Body.Close()
			return c
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("it does not answer")
	return nil
}

// Usher is killed (SIGKILL) at any moment while people sign in for the first
// time, again and again. Whoever was let in has an account, whoever comes back
// finds it, and nobody has two.
func TestP073_KilledAtAnyMoment(t *testing.T) {
	const kills, people = 12, 6
	var cast []idptest.Person
	for i := range kills {
		for j := range people {
			cast = append(cast, person(fmt.Sprintf("s-%d-%d", i, j), fmt.Sprintf("ann%dx%d", i, j), "eng"))
		}
	}
	w := newWorld(t, upstream{name: "contoso", policy: createPolicy, people: cast})
	w.stop() // this one; another process takes its place
	for i := range kills {
		usher := spawn(t, w)
		var all sync.WaitGroup
		for j := range people {
			all.Go(func() { _, _, _ = w.signIn(context.WithoutCancel(t.Context()), "contoso", cast[i*people+j].ID) })
		}
		time.Sleep(anyMoment(t, 60*time.Millisecond))
		if err := usher.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = usher.Wait() // it was killed
		all.Wait()
		transport.CloseIdleConnections()
	}
	again(t, w)
	before := w.count(t, "account")
	for _, p := range cast {
		w.mustSignIn(t, "contoso", p.ID)
	}
	t.Logf("%d of %d accounts were made before a kill", before, len(cast))
	for _, table := range []string{"account", "link", "membership", "granted"} {
		if n := w.count(t, table); n != len(cast) {
			t.Errorf("%d rows in %s for %d people", n, table, len(cast))
		}
	}
	storetest.CheckInvariants(t, w.ledger)
}

// anyMoment is some time below most.
func anyMoment(t *testing.T, most time.Duration) time.Duration {
	t.Helper()
	n, err := crand.Int(crand.Reader, big.NewInt(int64(most)))
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n.Int64())
}

// again serves the world in this process.
func again(t *testing.T, w *world) {
	t.Helper()
	file := filepath.Join(w.data, "usher.yaml")
	cfg, err := config.Load(file, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", cfg.Server.Listen)
	if err != nil {
		t.Fatal(err)
	}
	w.serve(t, file, ln)
}
