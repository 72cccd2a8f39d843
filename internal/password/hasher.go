package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"runtime"
	"sync/atomic"

	"golang.org/x/crypto/argon2"

	"github.com/usher-id/usher"
)

// What a hash costs if the Config does not say: OWASP's choice for argon2id.
const (
	defaultMemory = 19 << 10 // KiB
	defaultPasses = 2
	defaultLanes  = 1
)

const (
	saltSize   = 16 // bytes
	keySize    = 32 // bytes
	waitingFor = 16 // how many may wait for each that is at work
)

// Config says what a hash costs and how many are made at once. The zero Config
// is for production.
type Config struct {
	Memory  uint32 // KiB; zero is 19 MiB
	Passes  uint32 // over the memory; zero is 2
	Lanes   uint8  // zero is 1
	AtOnce  int    // zero is twice the number of processors; each needs the memory
	Waiting int    // how many may wait for their turn; zero is 16 for each at once
}

// Hasher makes and checks hashes. It is safe for concurrent use: so many work at
// once, so many wait, and to more it says no.
type Hasher struct {
	cost    cost
	turns   chan struct{} // holds one for each at work
	waiting atomic.Int64
	most    int64 // that may wait
}

// New makes a Hasher.
func New(c Config) *Hasher {
	at := orElse(c.AtOnce, 2*runtime.GOMAXPROCS(0))
	return &Hasher{
		cost:  cost{orElse(c.Memory, defaultMemory), orElse(c.Passes, defaultPasses), orElse(c.Lanes, defaultLanes)},
		turns: make(chan struct{}, at), most: int64(orElse(c.Waiting, waitingFor*at)),
	}
}

func orElse[T int | uint8 | uint32](n, otherwise T) T {
	if n <= 0 {
		return otherwise
	}
	return n
}

// Hash is the hash of a password as a PHC text. A password that has no form to
// be compared in ([Prepare]) is Invalid. If too many wait, or ctx ends first, the
// error is Unavailable.
func (h *Hasher) Hash(ctx context.Context, plain string) (phc string, err error) {
	const op = "password.Hash"
	prepared, ok := Prepare(plain)
	if !ok {
		return "", usher.Fail(usher.Invalid, op, "This can't be a password.", nil)
	}
	made := hash{cost: h.cost, salt: make([]byte, saltSize), key: make([]byte, keySize)}
	_, _ = rand.Read(made.salt) // never fails (crypto/rand documents it)
	if made.key, err = h.derive(ctx, prepared, made); err != nil {
		return "", usher.Wrap(op, err)
	}
	return made.String(), nil
}

// Verify reports whether phc is the hash of a password, in a time that does not
// depend on how much of it is right. A text that is no hash of ours, or whose
// cost is beyond all bounds, is Invalid and costs nothing; other errors are as
// in Hash.
func (h *Hasher) Verify(ctx context.Context, phc, plain string) (bool, error) {
	const op = "password.Verify"
	kept, ok := parse(phc)
	if !ok {
		return false, usher.Fail(usher.Invalid, op, "", errUnreadable)
	}
	prepared, possible := Prepare(plain)
	key, err := h.derive(ctx, prepared, kept)
	if err != nil {
		return false, usher.Wrap(op, err)
	}
	return possible && subtle.ConstantTimeCompare(key, kept.key) == 1, nil
}

// Pretend does for nobody the work that Verify does for somebody. Its errors
// are those of Hash but for Invalid.
func (h *Hasher) Pretend(ctx context.Context, plain string) error {
	prepared, _ := Prepare(plain)
	_, err := h.derive(ctx, prepared, hash{cost: h.cost, salt: make([]byte, saltSize), key: make([]byte, keySize)})
	return usher.Wrap("password.Pretend", err)
}

// Stale reports whether phc is a hash that is cheaper to guess than one made
// now, so that it should be made anew from the password when that is at hand.
func (h *Hasher) Stale(phc string) bool {
	kept, ok := parse(phc)
	return ok && (kept.memory < h.cost.memory || kept.passes < h.cost.passes || len(kept.key) < keySize || len(kept.salt) < saltSize)
}

// derive makes a key as long as that of like, with its salt and cost.
func (h *Hasher) derive(ctx context.Context, prepared string, like hash) ([]byte, error) {
	if err := h.enter(ctx); err != nil {
		return nil, err
	}
	defer func() { <-h.turns }()
	return argon2.IDKey([]byte(prepared), like.salt, like.passes, like.memory, like.lanes, uint32(len(like.key))), nil //nolint:gosec // a key has at most 64 bytes
}

// enter waits for a turn, which the caller gives back.
func (h *Hasher) enter(ctx context.Context) error {
	const op = "password.enter"
	select {
	case h.turns <- struct{}{}:
		return nil
	default:
	}
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > h.most {
		return usher.Fail(usher.Unavailable, op, "Too many people are signing in just now. Please try again in a moment.", nil)
	}
	select {
	case h.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return usher.Fail(usher.Unavailable, op, "", ctx.Err())
	}
}
