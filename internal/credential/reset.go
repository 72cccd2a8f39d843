package credential

import (
	"context"
	"encoding/base64"
	"slices"
	"time"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
)

const (
	lifetime    = 30 * time.Minute    // of a code
	codesOfName = 3                   // codes asked for by one name within the hour
	hour        = 3600 * usher.Second // after the last of them
	mostLetters = 5                   // accounts that one address gets codes for at once
	eventReset  = "password.reset"
)

var encoding = base64.RawURLEncoding.Strict()

// Reset is what a code is good for.
type Reset struct {
	Ref      usher.AccountRef
	Username string

	// Take uses the code up, within the commit that sets the password, and
	// forgives what was wrong before. Of many one succeeds; for the others, and
	// for one that is too old, it is NotFound.
	Take func(ctx context.Context, tx *ledger.Tx) error
}

// Issue makes a code with which an account gets another password, once, until
// it expires; it can stand in a URL. An earlier one is void. NotFound if there is
// no such account.
func (k *Keeper) Issue(ctx context.Context, tenant string, ref usher.AccountRef) (code string, expires usher.Instant, err error) {
	code, reset := k.draw(tenant, ref)
	err = k.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
		if _, err := tx.Account(ctx, tenant, ref.Store, ref.User); err != nil {
			return err
		}
		return tx.IssueReset(ctx, reset)
	})
	if err != nil {
		return "", 0, usher.Wrap("credential.Issue", err)
	}
	return code, reset.Expires, nil
}

// draw makes a code and what the ledger knows of it.
func (k *Keeper) draw(tenant string, ref usher.AccountRef) (code string, r ledger.Reset) {
	at := k.cfg.Now()
	secret := ledger.NewSecret(at)
	return encoding.EncodeToString(secret[:]), ledger.Reset{
		Hash: ledger.HashOf(secret), Tenant: tenant, Store: ref.Store, User: ref.User, Expires: usher.Instant(at.Add(lifetime).UnixMicro()),
	}
}

// Reset looks at a code without using it. The reason is "" or
// [usher.ReasonResetUnknown].
func (k *Keeper) Reset(ctx context.Context, tenant, code string) (Reset, usher.Reason, error) {
	const op = "credential.Reset"
	hash, ok := hashOf(code)
	if !ok {
		return Reset{}, usher.ReasonResetUnknown, nil
	}
	r, err := k.cfg.Ledger.Reset(ctx, tenant, hash)
	switch {
	case usher.KindOf(err) == usher.NotFound:
		return Reset{}, usher.ReasonResetUnknown, nil
	case err != nil:
		return Reset{}, "", usher.Wrap(op, err)
	}
	account, err := k.byRef(ctx, tenant, usher.AccountRef{Store: r.Store, User: r.User})
	switch {
	case err != nil:
		return Reset{}, "", usher.Wrap(op, err)
	case account.ref == usher.AccountRef{}:
		return Reset{}, usher.ReasonResetUnknown, nil
	}
	n := named{store: r.Store, canonical: account.user.Canonical}
	return Reset{Ref: account.ref, Username: account.user.Username, Take: func(ctx context.Context, tx *ledger.Tx) error {
		if _, err := tx.TakeReset(ctx, tenant, hash); err != nil {
			return usher.Wrap("credential.Take", err)
		}
		return usher.Wrap("credential.Take", tx.Forgive(ctx, n.key(kindPassword, tenant)))
	}}, "", nil
}

// hashOf is what the ledger knows of a code; false if it can't be one.
func hashOf(code string) ([32]byte, bool) {
	if len(code) > encoding.EncodedLen(len([32]byte{})) {
		return [32]byte{}, false
	}
	b, err := encoding.DecodeString(code)
	if err != nil || len(b) != len([32]byte{}) {
		return [32]byte{}, false
	}
	return ledger.HashOf([32]byte(b)), true
}

// Forgot queues a code for whoever has that username or e-mail address, if it is
// an account in use with a verified address to send it to. It tells nobody
// whether there is one, nor whether one was asked for too often; and the work is
// the same.
func (k *Keeper) Forgot(ctx context.Context, tenant, username, address string) error {
	const op = "credential.Forgot"
	n := k.named(tenant, username)
	if !k.forgot.take(address, k.cfg.Now()) {
		return nil
	}
	key := n.key(kindForgot, tenant)
	count, _, err := k.cfg.Ledger.Failures(ctx, key)
	if err != nil || count >= codesOfName {
		return usher.Wrap(op, err)
	}
	return usher.Wrap(op, k.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
		count, err := tx.CountFailure(ctx, key, k.now()+hour)
		if err != nil || count > codesOfName {
			return err
		}
		refs, err := k.called(ctx, tx, tenant, n)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			if err := k.send(ctx, tx, tenant, ref); err != nil {
				return err
			}
		}
		return nil
	}))
}

// called lists the accounts that somebody can mean by a name: the one that has
// it, or else those with that address.
func (k *Keeper) called(ctx context.Context, tx *ledger.Tx, tenant string, n named) ([]usher.AccountRef, error) {
	if in, ok := tx.Store(n.store); ok && n.canonical != "" {
		ids, err := in.Named(ctx, tenant, []string{n.canonical})
		if id, ok := ids[n.canonical]; err != nil || ok {
			return []usher.AccountRef{{Store: n.store, User: id}}, err
		}
	}
	folded, ok := usher.Fold(usher.AttributeEmail, n.text)
	if !ok {
		return nil, nil
	}
	var out []usher.AccountRef
	for _, name := range k.cfg.Stores(tenant) {
		in, ok := tx.Store(name)
		if !ok || len(out) >= mostLetters {
			continue
		}
		ids, err := in.Holders(ctx, tenant, usher.AttributeEmail, folded, mostLetters-len(out))
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			out = append(out, usher.AccountRef{Store: name, User: id})
		}
	}
	return out, nil
}

// send issues a code and queues it, if there is a way to send it. It is sent to
// the address of the account, whatever was asked for.
func (k *Keeper) send(ctx context.Context, tx *ledger.Tx, tenant string, ref usher.AccountRef) error {
	account, err := tx.Account(ctx, tenant, ref.Store, ref.User)
	if err != nil {
		return err
	}
	reachable := slices.ContainsFunc(account.Attributes, func(h usher.Held) bool {
		return h.Name == usher.AttributeEmail && h.Verified && len(h.Values) > 0
	})
	// Who never had a password has forgotten none: one would be a way in that
	// stays open when the provider they come by shuts.
	if !reachable || account.State != usher.StateActive || account.Password == usher.CredentialNone {
		return nil
	}
	code, reset := k.draw(tenant, ref)
	if err := tx.IssueReset(ctx, reset); err != nil {
		return err
	}
	return tx.Tell(ctx, ledger.Event{Tenant: tenant, Name: eventReset, Store: ref.Store, User: ref.User, Body: []byte(`{}`), Secret: []byte(code)})
}
