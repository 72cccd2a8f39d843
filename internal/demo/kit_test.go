package demo

import (
	"fmt"
	"net"
	"net/http"
	"testing"
)

// secretless takes the client secret out of a request, for a fake provider that
// can't know the secret the world has drawn.
type secretless struct{ http.Handler }

// ServeHTTP implements http.Handler.
func (s secretless) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if user, _, ok := r.BasicAuth(); ok {
		r.SetBasicAuth(user, "")
	}
	s.Handler.ServeHTTP(w, r)
}

type writer func([]byte) (int, error)

// Write implements io.Writer.
func (w writer) Write(b []byte) (int, error) { return w(b) }

// freePorts is the first of four ports in a row on which nobody listens.
func freePorts(t *testing.T) int {
	t.Helper()
	for range 100 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := ln.Addr().(*net.TCPAddr).Port
		open := []net.Listener{ln}
		for n := 1; n < 4 && port+n < 65536; n++ {
			if next, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+n)); err == nil {
				open = append(open, next)
			}
		}
		closeAll(open)
		if len(open) == 4 {
			return port
		}
	}
	t.Fatal("no four free ports in a row")
	return 0
}
