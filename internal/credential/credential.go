package credential

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"strings"
	"time"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/store"
)

// Ledger is the part of the ledger that is used; *ledger.Ledger is one.
type Ledger interface {
	Commit(ctx context.Context, fn func(*ledger.Tx) error) error
	View(ctx context.Context, fn func(*ledger.Tx) error) error
	Failures(ctx context.Context, k ledger.Key) (count int, last usher.Instant, err error)
	Reset(ctx context.Context, tenant string, hash [32]byte) (ledger.Reset, error)
}

// Hasher makes and checks the hashes of passwords; *password.Hasher is one.
type Hasher interface {
	Hash(ctx context.Context, plain string) (phc string, err error)
	Verify(ctx context.Context, phc, plain string) (bool, error)
	Pretend(ctx context.Context, plain string) error
	Stale(phc string) bool
}

// Config is what a Keeper needs.
type Config struct {
	Ledger  Ledger
	Hasher  Hasher
	Default string                                 // the store of a name without one
	Stores  func(tenant string) []string           // the names of the user stores
	Policy  func(name string) (store.Policy, bool) // what a store demands of names and passwords
	Log     *slog.Logger                           // nil says nothing
	Now     func() time.Time
}

// Keeper checks passwords and codes. It is safe for concurrent use; the one thing
// it holds is what single addresses did of late.
type Keeper struct {
	cfg    Config
	wrong  addresses // passwords
	forgot addresses // codes asked for
}

// New makes a Keeper.
func New(c Config) *Keeper {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Keeper{cfg: c, wrong: addresses{limit: wrongOfAddress}, forgot: addresses{limit: codesOfAddress}}
}

// maxName bounds the name that is looked at, in bytes.
const maxName = 512

// named is an account as somebody names it.
type named struct {
	store     string
	text      string // without the store, as it was written
	canonical string // "" if nobody can be called that
}

// named reads "STORE/name", with the store in any case, or a name in the default
// store. What stands before a slash and is no store belongs to the name.
// However a name is written, it becomes one name, with one counter.
func (k *Keeper) named(tenant, text string) named {
	text = strings.TrimSpace(text)
	n := named{store: k.cfg.Default, text: text[:min(len(text), maxName)]}
	if before, after, cut := strings.Cut(n.text, "/"); cut {
		for _, s := range k.cfg.Stores(tenant) {
			if len(s) == len(before) && strings.EqualFold(s, before) { // names of stores are ASCII
				n.store, n.text = s, strings.TrimSpace(after)
			}
		}
	}
	if len(text) <= maxName {
		n.canonical, _ = k.store(n.store).Canonical(n.text)
	}
	return n
}

// store is the rules of a store, without what is in it.
func (k *Keeper) store(name string) *store.Store {
	policy, _ := k.cfg.Policy(name)
	return store.New(name, policy, nil)
}

// key is what is counted of n. Names that nobody can have are counted like any
// other; and no part of a name is kept, for it can be a password that was
// written into the wrong field.
func (n named) key(kind, tenant string) ledger.Key {
	name := n.canonical
	if name == "" {
		name = "\x00" + strings.ToLower(n.text)
	}
	sum := sha256.Sum256([]byte(name))
	return ledger.NewKey(kind, tenant, n.store, string(sum[:]))
}

// The kinds of keys.
const (
	kindPassword = "password"
	kindForgot   = "forgot"
)

// found is an account, and what is kept of its password. The zero found is
// nobody, who has no password.
type found struct {
	ref  usher.AccountRef
	user store.User
	held store.Password
}

// SignIn is the account whose name and password these are, in whatever state it
// is; address is where the person is, "" if that is not known. The reason says
// why there is none: [usher.ReasonLocalRefused] or [usher.ReasonLocalTooMany],
// never which of the two was wrong.
func (k *Keeper) SignIn(ctx context.Context, tenant, username, plain, address string) (usher.AccountRef, usher.Reason, error) {
	const op = "credential.SignIn"
	n := k.named(tenant, username)
	account, err := k.byName(ctx, tenant, n)
	if err != nil {
		return usher.AccountRef{}, "", usher.Wrap(op, err)
	}
	reason, err := k.attempt(ctx, tenant, n.key(kindPassword, tenant), account, plain, address)
	if err != nil || reason != "" {
		return usher.AccountRef{}, reason, usher.Wrap(op, err)
	}
	return account.ref, "", nil
}

// Prove tells whether a password is that of an account: the reason is "" or as in
// SignIn, and what is wrong counts with what was wrong there.
func (k *Keeper) Prove(ctx context.Context, tenant string, ref usher.AccountRef, plain, address string) (usher.Reason, error) {
	const op = "credential.Prove"
	account, err := k.byRef(ctx, tenant, ref)
	if err != nil {
		return "", usher.Wrap(op, err)
	}
	n := named{store: ref.Store, text: string(ref.User), canonical: account.user.Canonical}
	reason, err := k.attempt(ctx, tenant, n.key(kindPassword, tenant), account, plain, address)
	return reason, usher.Wrap(op, err)
}

// byName finds the account of that name; nobody if there is none.
func (k *Keeper) byName(ctx context.Context, tenant string, n named) (out found, err error) {
	if n.canonical == "" {
		return found{}, nil
	}
	err = k.cfg.Ledger.View(ctx, func(tx *ledger.Tx) error {
		in, ok := tx.Store(n.store)
		if !ok {
			return nil
		}
		ids, err := in.Named(ctx, tenant, []string{n.canonical})
		if id, ok := ids[n.canonical]; err == nil && ok {
			out, err = read(ctx, in, tenant, id)
		}
		return err
	})
	return out, err
}

// byRef finds an account; nobody if it is gone.
func (k *Keeper) byRef(ctx context.Context, tenant string, ref usher.AccountRef) (out found, err error) {
	err = k.cfg.Ledger.View(ctx, func(tx *ledger.Tx) error {
		in, ok := tx.Store(ref.Store)
		if !ok {
			return nil
		}
		var err error
		if out, err = read(ctx, in, tenant, ref.User); usher.KindOf(err) == usher.NotFound {
			return nil
		}
		return err
	})
	return out, err
}

func read(ctx context.Context, in *store.Store, tenant string, id usher.UserID) (found, error) {
	user, err := in.Get(ctx, tenant, id)
	if err != nil {
		return found{}, err
	}
	held, err := in.Password(ctx, tenant, id)
	if err != nil {
		return found{}, err
	}
	return found{ref: usher.AccountRef{Store: in.Name(), User: id}, user: user, held: held}, nil
}

// Check tells what is wrong with a password for an account of that name in a
// store.
func (k *Keeper) Check(_, in, username, plain string) usher.Unfit {
	return k.store(in).FitPassword(plain, username)
}

// Hash is what is kept of a password, as a PHC text.
func (k *Keeper) Hash(ctx context.Context, plain string) (string, error) {
	phc, err := k.cfg.Hasher.Hash(ctx, plain)
	return phc, usher.Wrap("credential.Hash", err)
}

func (k *Keeper) now() usher.Instant { return usher.Instant(k.cfg.Now().UnixMicro()) }
