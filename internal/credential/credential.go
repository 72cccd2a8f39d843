package credential

import (
	"context"
	"strings"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/password"
	"github.com/usher-id/usher/internal/store"
)

// Ledger is the part of the ledger that is used; *ledger.Ledger is one.
type Ledger interface {
	Commit(ctx context.Context, fn func(*ledger.Tx) error) error
	View(ctx context.Context, fn func(*ledger.Tx) error) error
	Failures(ctx context.Context, k ledger.Key) (count int, last usher.Instant, err error)
	Reset(ctx context.Context, tenant string, hash [32]byte) (ledger.Reset, error)
}

// Config is what a Keeper needs.
type Config struct {
	Ledger  Ledger
	Hasher  *password.Hasher
	Default string                                 // the store of a name without one
	Stores  func(tenant string) []string           // the names of the user stores
	Policy  func(name string) (store.Policy, bool) // what a store demands of passwords
	Now     func() time.Time
}

// Keeper checks passwords and codes. It is safe for concurrent use; the one thing
// it holds is how often single addresses were wrong of late.
type Keeper struct {
	cfg       Config
	addresses addresses
}

// New makes a Keeper.
func New(c Config) *Keeper { return &Keeper{cfg: c} }

// Bounds of what is looked at, in bytes.
const (
	maxName = 512
	maxCode = 128
)

// named is an account as somebody names it.
type named struct {
	store, canonical string
	text             string // as written, for names that can't be anyone's
}

// name reads "STORE/name", with the store in any case, or a name in the default
// store. However a name is written, it is one name, with one counter.
func (k *Keeper) name(tenant, text string) named {
	text = strings.TrimSpace(text)
	if len(text) > maxName {
		text = text[:maxName]
	}
	n := named{store: k.cfg.Default, text: text}
	if before, after, cut := strings.Cut(text, "/"); cut {
		for _, s := range k.cfg.Stores(tenant) {
			if strings.EqualFold(s, before) {
				n.store, n.text = s, after
			}
		}
	}
	policy, _ := k.cfg.Policy(n.store)
	n.canonical, _ = store.New(n.store, policy, nil).Canonical(n.text)
	return n
}

// key is what failures to sign in as n are counted by. Names that nobody can
// have are counted too.
func (n named) key(kind, tenant string) ledger.Key {
	if n.canonical != "" {
		return ledger.NewKey(kind, tenant, n.store, n.canonical)
	}
	return ledger.NewKey(kind, tenant, n.store, "\x00"+strings.ToLower(n.text))
}

// SignIn is the account whose name and password these are; address is where the
// person is. The reason says why there is none: [usher.ReasonLocalRefused] or
// [usher.ReasonLocalTooMany], and never which of the two was wrong.
func (k *Keeper) SignIn(ctx context.Context, tenant, username, plain, address string) (usher.AccountRef, usher.Reason, error) {
	const op = "credential.SignIn"
	n := k.name(tenant, username)
	var ref usher.AccountRef
	reason, err := k.guarded(ctx, n.key("password", tenant), address, func() (bool, error) {
		var held store.Password
		var err error
		if ref, held, err = k.find(ctx, tenant, n); err != nil {
			return false, err
		}
		return k.right(ctx, tenant, ref, held, plain)
	})
	if err != nil || reason != "" {
		return usher.AccountRef{}, reason, usher.Wrap(op, err)
	}
	return ref, "", nil
}

// Prove tells whether a password is that of an account. It counts with the
// failures to sign in to it.
func (k *Keeper) Prove(ctx context.Context, tenant string, ref usher.AccountRef, plain, address string) (usher.Reason, error) {
	const op = "credential.Prove"
	var held store.Password
	var user store.User
	err := k.cfg.Ledger.View(ctx, func(tx *ledger.Tx) (err error) {
		in, ok := tx.Store(ref.Store)
		if !ok {
			return usher.Fail(usher.NotFound, op, "There is no such account.", nil)
		}
		if user, err = in.Get(ctx, tenant, ref.User); err != nil {
			return err
		}
		held, err = in.Password(ctx, tenant, ref.User)
		return err
	})
	if err != nil {
		return "", usher.Wrap(op, err)
	}
	n := named{store: ref.Store, canonical: user.Canonical}
	reason, err := k.guarded(ctx, n.key("password", tenant), address, func() (bool, error) {
		return k.right(ctx, tenant, ref, held, plain)
	})
	return reason, usher.Wrap(op, err)
}

// find is the account of that name and what is kept of its password; both are
// zero if there is none.
func (k *Keeper) find(ctx context.Context, tenant string, n named) (ref usher.AccountRef, held store.Password, err error) {
	if n.canonical == "" {
		return ref, held, nil
	}
	err = k.cfg.Ledger.View(ctx, func(tx *ledger.Tx) error {
		in, ok := tx.Store(n.store)
		if !ok {
			return nil
		}
		found, err := in.Named(ctx, tenant, []string{n.canonical})
		if err != nil {
			return err
		}
		id, ok := found[n.canonical]
		if !ok {
			return nil
		}
		ref = usher.AccountRef{Store: n.store, User: id}
		held, err = in.Password(ctx, tenant, id)
		return err
	})
	return ref, held, err
}

// right reports whether a password is the one that is held, at one cost whoever
// it is. One that was hashed too cheaply is hashed again.
func (k *Keeper) right(ctx context.Context, tenant string, ref usher.AccountRef, held store.Password, plain string) (bool, error) {
	if held.Hash == "" {
		return false, k.cfg.Hasher.Pretend(ctx, plain)
	}
	yes, err := k.cfg.Hasher.Verify(ctx, held.Hash, plain)
	if err != nil || !yes || !k.cfg.Hasher.Stale(held.Hash) {
		return yes, err
	}
	again, err := k.cfg.Hasher.Hash(ctx, plain)
	if err != nil {
		return false, err
	}
	return true, k.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
		return tx.SetPassword(ctx, tenant, ref.Store, ref.User, store.Password{Hash: again, Proven: held.Proven})
	})
}

// Check tells what is wrong with a password for an account of that name in a
// store.
func (k *Keeper) Check(_, in, username, plain string) usher.Unfit {
	policy, _ := k.cfg.Policy(in)
	return store.New(in, policy, nil).FitPassword(plain, username)
}

// Hash is what is kept of a password, as a PHC text.
func (k *Keeper) Hash(ctx context.Context, plain string) (string, error) {
	phc, err := k.cfg.Hasher.Hash(ctx, plain)
	return phc, usher.Wrap("credential.Hash", err)
}

func (k *Keeper) now() usher.Instant { return usher.Instant(k.cfg.Now().UnixMicro()) }
