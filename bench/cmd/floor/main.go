// Command floor is a bare broker: it does the work that no correct broker can
// leave out, and nothing else, so that its CPU per login is a measured lower
// bound. It keeps people in SQLite with the same promise as Usher (an answer
// leaves after its commit is durable). It has no rules, no decisions, no
// sessions, no records and next to no checks: never use it for anything but
// measuring.
package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/usher-id/usher/bench/internal/jws"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8000", "listen address")
	upstream := flag.String("upstream", "http://127.0.0.2:9000", "the outside provider's issuer")
	file := flag.String("file", "floor.db", "SQLite file")
	secret := flag.String("secret", "", "the application's client secret")
	redirect := flag.String("redirect", "http://127.0.0.1:5555/callback", "the application's redirect URI")
	flag.Parse()

	ctx := context.Background()
	b, err := newBroker(ctx, "http://"+*addr, *upstream)
	if err != nil {
		log.Fatal(err)
	}
	b.app = application{id: "app", secret: []byte(*secret), redirect: *redirect}
	if b.people, err = openPeople(ctx, *file); err != nil {
		log.Fatal(err)
	}
	go b.forget()
	mux := b.handler()
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	server := &http.Server{Addr: *addr, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// newBroker makes the keys and fetches those of the upstream provider, once.
func newBroker(ctx context.Context, issuer, upstream string) (*broker, error) {
	signer, err := jws.NewSigner("floor-1")
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(randomBytes(32))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: 10 * time.Second}
	keys, err := fetchKeys(ctx, client, upstream+"/jwks")
	if err != nil {
		return nil, err
	}
	return &broker{issuer: issuer, upstream: upstream, client: client, keys: keys, signer: signer, aead: aead}, nil
}

func fetchKeys(ctx context.Context, client *http.Client, address string) (jws.Keys, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	set, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", address, res.Status)
	}
	return jws.ParseKeys(set)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

func random() string { return jws.B64.EncodeToString(randomBytes(16)) }
