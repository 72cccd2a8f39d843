package key

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	usher "github.com/usher-id/usher"
)

// Use is what a stored key is for.
type Use = string

// The uses.
const (
	UseSign Use = "sign" // tokens; rotated
	UseSeal Use = "seal" // what is stored or carried by a browser; rotated, old ones kept for reading
	UseMAC  Use = "mac"  // pseudonyms and digests; never rotated, part of every backup
)

// Stored is a key as it is kept: its secret sealed under the master key.
type Stored struct {
	ID      string
	Use     Use
	Alg     string // ES256, RS256, A256GCM or HS256
	Created usher.Instant
	Sealed  []byte
}

// Keeper keeps sealed keys.
type Keeper interface {
	Keys(ctx context.Context) ([]Stored, error)
	AddKey(ctx context.Context, k Stored) error
	DropKey(ctx context.Context, id string) error
}

// Config is what a Ring needs. Zero durations take the defaults.
type Config struct {
	Master     Master
	Keeper     Keeper
	Now        func() time.Time
	Algorithms []string // signing algorithms to keep a key for; default ES256 and RS256

	RotateEvery time.Duration // a signing key is replaced at this age; default 90 days
	Lead        time.Duration // a new key is published this long before it signs; default 24 h
	Keep        time.Duration // a replaced key is published this much longer; default 7 days
}

// Ring holds the keys in memory. It is safe for concurrent use.
type Ring struct {
	cfg  Config
	now  atomic.Pointer[keys] // what is in force
	seal sync.Map             // sealerName -> cipher.AEAD, derived from the keys in force
	mac  sync.Map             // purpose -> derived MAC key
	mu   sync.Mutex           // one rotation at a time
}

// keys is one immutable view of all keys.
type keys struct {
	signing map[string][]signKey // by algorithm, oldest first
	active  map[string]signKey   // by algorithm: the one that signs
	seals   map[string][]byte    // by id
	sealID  string               // the one that seals
	mac     []byte
	jwks    []byte
}

// Open reads the keys and makes those that are missing.
func Open(ctx context.Context, cfg Config) (*Ring, error) {
	if cfg.Algorithms == nil {
		cfg.Algorithms = []string{ES256, RS256}
	}
	for _, d := range []struct {
		field *time.Duration
		def   time.Duration
	}{{&cfg.RotateEvery, 90 * 24 * time.Hour}, {&cfg.Lead, 24 * time.Hour}, {&cfg.Keep, 7 * 24 * time.Hour}} {
		if *d.field == 0 {
			*d.field = d.def
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	r := &Ring{cfg: cfg}
	return r, usher.Wrap("key.Open", r.Rotate(ctx))
}

// Rotate makes the keys that are missing or due, drops signing keys that nothing
// can need any more, and puts the result in force. It is idempotent.
func (r *Ring) Rotate(ctx context.Context) error {
	const op = "key.Rotate"
	r.mu.Lock()
	defer r.mu.Unlock()
	stored, err := r.cfg.Keeper.Keys(ctx)
	if err != nil {
		return usher.Wrap(op, err)
	}
	now := usher.Instant(r.cfg.Now().UnixMicro())
	for _, want := range r.due(stored, now) {
		k, err := r.make(want.use, want.alg, now)
		if err != nil {
			return usher.Wrap(op, err)
		}
		// Another process may have made it in the meantime: theirs is as good as ours.
		if err := r.cfg.Keeper.AddKey(ctx, k); err != nil && usher.KindOf(err) != usher.Conflict {
			return usher.Wrap(op, err)
		}
	}
	if stored, err = r.cfg.Keeper.Keys(ctx); err != nil {
		return usher.Wrap(op, err)
	}
	for _, old := range r.outdated(stored, now) {
		if err := r.cfg.Keeper.DropKey(ctx, old.ID); err != nil {
			return usher.Wrap(op, err)
		}
		stored = slices.DeleteFunc(stored, func(k Stored) bool { return k.ID == old.ID })
	}
	view, err := r.view(stored, now)
	if err != nil {
		return usher.Wrap(op, err)
	}
	r.now.Store(view)
	r.seal.Clear()
	return nil
}

// Run rotates when due until ctx ends. A failed attempt is reported and tried again.
func (r *Ring) Run(ctx context.Context, report func(error)) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := r.Rotate(ctx); err != nil && ctx.Err() == nil {
				report(err)
			}
		}
	}
}

type wanted struct{ use, alg string }

// due lists the keys to make now.
func (r *Ring) due(stored []Stored, now usher.Instant) []wanted {
	var out []wanted
	newest := func(use, alg string) (usher.Instant, bool) {
		var at usher.Instant
		found := false
		for _, k := range stored {
			if k.Use == use && k.Alg == alg {
				at, found = max(at, k.Created), true
			}
		}
		return at, found
	}
	if _, ok := newest(UseMAC, hs256); !ok {
		out = append(out, wanted{UseMAC, hs256})
	}
	if at, ok := newest(UseSeal, a256gcm); !ok || now >= at+micros(r.cfg.RotateEvery) {
		out = append(out, wanted{UseSeal, a256gcm})
	}
	for _, alg := range r.cfg.Algorithms {
		// The next key is made early enough to be published for Lead before the old one's time is up.
		if at, ok := newest(UseSign, alg); !ok || now >= at+micros(r.cfg.RotateEvery-r.cfg.Lead) {
			out = append(out, wanted{UseSign, alg})
		}
	}
	return out
}

// outdated lists the signing keys whose successor has signed for longer than Keep.
func (r *Ring) outdated(stored []Stored, now usher.Instant) []Stored {
	var out []Stored
	for _, k := range stored {
		if k.Use != UseSign {
			continue
		}
		for _, next := range stored {
			if next.Use == UseSign && next.Alg == k.Alg && next.Created > k.Created &&
				now >= next.Created+micros(r.cfg.Lead)+micros(r.cfg.Keep) {
				out = append(out, k)
				break
			}
		}
	}
	return out
}

func (r *Ring) view(stored []Stored, now usher.Instant) (*keys, error) {
	stored = slices.Clone(stored)
	slices.SortFunc(stored, func(a, b Stored) int {
		if a.Created != b.Created {
			return int(min(max(a.Created-b.Created, -1), 1))
		}
		return strings.Compare(a.ID, b.ID)
	})
	v := &keys{signing: map[string][]signKey{}, active: map[string]signKey{}, seals: map[string][]byte{}}
	for _, k := range stored {
		secret, err := openStored(r.cfg.Master, k)
		if err != nil {
			return nil, err
		}
		switch k.Use {
		case UseMAC:
			if v.mac == nil { // the oldest is the one: it must never change
				v.mac = secret
			}
		case UseSeal:
			v.seals[k.ID], v.sealID = secret, k.ID
		case UseSign:
			sk, err := parseSignKey(k, secret)
			if err != nil {
				return nil, err
			}
			// The first key of an algorithm signs at once; a later one after Lead.
			if len(v.signing[k.Alg]) == 0 || now >= k.Created+micros(r.cfg.Lead) {
				v.active[k.Alg] = sk
			}
			v.signing[k.Alg] = append(v.signing[k.Alg], sk)
		}
	}
	var err error
	v.jwks, err = publish(v.signing, r.cfg.Algorithms)
	return v, err
}

// make draws a new key.
func (r *Ring) make(use Use, alg string, now usher.Instant) (Stored, error) {
	var id [8]byte
	_, _ = rand.Read(id[:])
	k := Stored{ID: hexID(id[:]), Use: use, Alg: alg, Created: now}
	secret, err := draw(alg)
	if err != nil {
		return Stored{}, err
	}
	k.Sealed, err = sealStored(r.cfg.Master, k, secret)
	return k, err
}

func micros(d time.Duration) usher.Instant { return usher.Instant(d.Microseconds()) }
