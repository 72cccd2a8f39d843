package credential

import (
	"context"
	"errors"
	"time"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/store"
)

// Who guesses the password of one account is kept waiting, longer each time, and
// the account's owner with them: but never longer than a quarter of an hour, and
// never on the way through a provider.
const (
	freely   = 5 // failures that cost no wait
	longest  = 15 * 60 * usher.Second
	remember = 24 * 3600 * usher.Second // after the last failure, once there is a wait
	shortly  = 3600 * usher.Second      // before: anybody can fail for any name, and each is a row
)

// wait is how long after the last of count failures nothing is tried.
func wait(count int) usher.Instant {
	if count < freely {
		return 0
	}
	return min(usher.Second<<min(count-freely, 10), longest)
}

// remembered is how long a failure is remembered that comes after count others.
func remembered(count int) usher.Instant {
	if count+1 < freely {
		return shortly
	}
	return remember
}

// errLate undoes what an attempt counted that others came before.
var errLate = errors.New("credential: others tried at the same moment")

// attempt holds a password against an account's, unless there were too many
// failures from the address, and counts one more if it is not right.
func (k *Keeper) attempt(ctx context.Context, tenant string, key ledger.Key, account found, plain, address string) (usher.Reason, error) {
	if !k.wrong.take(address, k.cfg.Now()) {
		return usher.ReasonLocalTooMany, nil
	}
	reason, err := k.try(ctx, tenant, key, account, plain)
	if err != nil || reason == "" {
		k.wrong.giveBack(address)
	}
	return reason, err
}

// try is attempt for one key. A failure is durable before it is told.
//
// Many can try at the same moment. All of them compute, and then one after the
// other counts: once there were as many failures as are free since one began, it
// is told nothing, whether its password is right or wrong.
func (k *Keeper) try(ctx context.Context, tenant string, key ledger.Key, account found, plain string) (usher.Reason, error) {
	count, last, err := k.cfg.Ledger.Failures(ctx, key)
	switch {
	case err != nil:
		return "", err
	case k.now() < last+wait(count):
		return usher.ReasonLocalTooMany, nil
	}
	right, err := k.compare(ctx, account.held, plain)
	if err != nil {
		return "", err
	}
	var anew string
	if right {
		if anew, err = k.anew(ctx, account.held, plain); err != nil {
			return "", err
		}
	}
	err = k.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
		now, err := tx.CountFailure(ctx, key, k.now()+remembered(count))
		before := now - 1
		switch {
		case err != nil:
			return err
		case before > count && before >= freely:
			return errLate
		case !right:
			return nil
		}
		if err := tx.Forgive(ctx, key); err != nil {
			return err
		}
		return renew(ctx, tx, tenant, account, anew)
	})
	switch {
	case errors.Is(err, errLate):
		return usher.ReasonLocalTooMany, nil
	case err == nil && !right:
		return usher.ReasonLocalRefused, nil
	}
	return "", err
}

// compare does the same work whether there is a hash or not, and whether it can
// be read: an account with one that can't has no password that is right.
func (k *Keeper) compare(ctx context.Context, held store.Password, plain string) (bool, error) {
	if held.Hash != "" {
		right, err := k.cfg.Hasher.Verify(ctx, held.Hash, plain)
		if usher.KindOf(err) != usher.Invalid {
			return right, err
		}
		k.cfg.Log.ErrorContext(ctx, "the password of an account can't be read; it must be set anew", "error", err)
	}
	return false, k.cfg.Hasher.Pretend(ctx, plain)
}

// anew is another hash of a right password whose hash is cheaper to guess than
// those made now; "" if there is no need, or no room at this moment.
func (k *Keeper) anew(ctx context.Context, held store.Password, plain string) (string, error) {
	if !k.cfg.Hasher.Stale(held.Hash) {
		return "", nil
	}
	phc, err := k.cfg.Hasher.Hash(ctx, plain)
	if usher.KindOf(err) == usher.Unavailable && ctx.Err() == nil {
		return "", nil
	}
	return phc, err
}

// renew puts another hash in the place of the one that was read, if that is
// still there.
func renew(ctx context.Context, tx *ledger.Tx, tenant string, account found, anew string) error {
	in, ok := tx.Store(account.ref.Store)
	if anew == "" || !ok {
		return nil
	}
	now, err := in.Password(ctx, tenant, account.ref.User)
	if err != nil || now != account.held {
		return err
	}
	now.Hash = anew
	return tx.SetPassword(ctx, tenant, account.ref.Store, account.ref.User, now)
}

// The bounds of one address, within the time that is looked at.
const (
	wrongOfAddress = 30 // wrong passwords
	codesOfAddress = 10 // codes asked for
	window         = 10 * time.Minute
)
