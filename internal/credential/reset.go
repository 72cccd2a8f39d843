package credential

import (
	"context"
	"encoding/base64"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
)

// lifetime is how long a code is good for.
const lifetime = 30 * time.Minute

// forgotten is how many codes can be asked for by one name within an hour.
const (
	forgotten = 3
	hour      = 3600 * usher.Second
)

var text64 = base64.RawURLEncoding.Strict()

// Reset is what a code is good for.
type Reset struct {
	Ref      usher.AccountRef
	Username string

	// Take uses the code up, within the commit that sets the password. Of many
	// one succeeds; for the others, and for one that is too old, it is NotFound.
	Take func(ctx context.Context, tx *ledger.Tx) error
}

// Issue makes a code with which the person sets a new password, once. It can
// stand in a URL. An earlier one is void.
func (k *Keeper) Issue(ctx context.Context, tenant string, ref usher.AccountRef) (code string, until usher.Instant, err error) {
	err = k.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
		code, until, err = k.issue(ctx, tx, tenant, ref)
		return err
	})
	return code, until, usher.Wrap("credential.Issue", err)
}

func (k *Keeper) issue(ctx context.Context, tx *ledger.Tx, tenant string, ref usher.AccountRef) (string, usher.Instant, error) {
	at := k.cfg.Now()
	secret := ledger.NewSecret(at)
	until := usher.Instant(at.Add(lifetime).UnixMicro())
	err := tx.IssueReset(ctx, ledger.Reset{Hash: ledger.HashOf(secret), Tenant: tenant, Store: ref.Store, User: ref.User, Expires: until})
	return text64.EncodeToString(secret[:]), until, err
}

// Reset looks at a code without using it.
func (k *Keeper) Reset(ctx context.Context, tenant, code string) (Reset, usher.Reason, error) {
	const op = "credential.Reset"
	hash, ok := decode(code)
	if !ok {
		return Reset{}, usher.ReasonResetUnknown, nil
	}
	r, err := k.cfg.Ledger.Reset(ctx, tenant, hash)
	switch {
	case err != nil && usher.KindOf(err) == usher.NotFound:
		return Reset{}, usher.ReasonResetUnknown, nil
	case err != nil:
		return Reset{}, "", usher.Wrap(op, err)
	}
	out := Reset{Ref: usher.AccountRef{Store: r.Store, User: r.User}, Take: func(ctx context.Context, tx *ledger.Tx) error {
		_, err := tx.TakeReset(ctx, tenant, hash)
		return err
	}}
	err = k.cfg.Ledger.View(ctx, func(tx *ledger.Tx) error {
		account, err := tx.Account(ctx, tenant, r.Store, r.User)
		out.Username = account.Username
		return err
	})
	if err != nil && usher.KindOf(err) == usher.NotFound {
		return Reset{}, usher.ReasonResetUnknown, nil
	}
	return out, "", usher.Wrap(op, err)
}

func decode(code string) ([32]byte, bool) {
	if len(code) > maxCode {
		return [32]byte{}, false
	}
	b, err := text64.DecodeString(code)
	if err != nil || len(b) != len(ledger.NewSecret(time.Time{})) {
		return [32]byte{}, false
	}
	return ledger.HashOf([32]byte(b)), true
}

// Forgot queues a code for whoever has that username or address, if there is
// somebody, in use and with a verified address to send it to. It tells nobody
// whether there is, and the work is the same.
func (k *Keeper) Forgot(ctx context.Context, tenant, username, address string) error {
	const op = "credential.Forgot"
	n := k.name(tenant, username)
	if k.addresses.tired(address, k.cfg.Now()) {
		return nil
	}
	k.addresses.failed(address, k.cfg.Now())
	return usher.Wrap(op, k.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
		count, err := tx.CountFailure(ctx, n.key("forgot", tenant), k.now()+hour)
		if err != nil {
			return err
		}
		ref, found, err := k.reachable(ctx, tx, tenant, n)
		if err != nil || !found || count > forgotten {
			return err
		}
		code, _, err := k.issue(ctx, tx, tenant, ref)
		if err != nil {
			return err
		}
		return tx.Tell(ctx, ledger.Event{Tenant: tenant, Name: "password.reset", Store: ref.Store, User: ref.User, Secret: []byte(code)})
	}))
}

// reachable is the one account of that name or address that a code can be sent to.
func (k *Keeper) reachable(ctx context.Context, tx *ledger.Tx, tenant string, n named) (usher.AccountRef, bool, error) {
	var found []usher.AccountRef
	if in, ok := tx.Store(n.store); ok && n.canonical != "" {
		ids, err := in.Named(ctx, tenant, []string{n.canonical})
		if err != nil {
			return usher.AccountRef{}, false, err
		}
		if id, ok := ids[n.canonical]; ok {
			found = append(found, usher.AccountRef{Store: n.store, User: id})
		}
	}
	if folded, ok := usher.Fold(usher.AttributeEmail, n.text); ok && len(found) == 0 {
		for _, name := range k.cfg.Stores(tenant) {
			in, ok := tx.Store(name)
			if !ok {
				continue
			}
			ids, err := in.Holders(ctx, tenant, usher.AttributeEmail, folded, 2)
			if err != nil {
				return usher.AccountRef{}, false, err
			}
			for _, id := range ids {
				found = append(found, usher.AccountRef{Store: name, User: id})
			}
		}
	}
	if len(found) != 1 {
		return usher.AccountRef{}, false, nil
	}
	account, err := tx.Account(ctx, tenant, found[0].Store, found[0].User)
	if err != nil {
		return usher.AccountRef{}, false, err
	}
	return found[0], account.State == usher.StateActive && hasAddress(account), nil
}

func hasAddress(a usher.Account) bool {
	for _, h := range a.Attributes {
		if h.Name == usher.AttributeEmail && h.Verified && len(h.Values) > 0 {
			return true
		}
	}
	return false
}
