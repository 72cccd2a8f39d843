package provision

import (
	"context"
	"encoding/json"
	"slices"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/store"
)

// act runs fn, and tells of it in the same commit. fn gives the account it was
// about. What is told says who did it and, for a link, by which provider; nothing
// of the account.
func (p *Path) act(ctx context.Context, op, tenant string, event told, fn func(tx *ledger.Tx) (usher.AccountRef, error)) error {
	return usher.Wrap(op, p.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
		ref, err := fn(tx)
		if err != nil {
			return err
		}
		body, err := json.Marshal(event)
		if err != nil {
			return usher.Fail(usher.Internal, op, "", err)
		}
		return tx.Tell(ctx, ledger.Event{Tenant: tenant, Name: event.name, Store: ref.Store, User: ref.User, Body: body})
	}))
}

// told is an event, and what it says.
type told struct {
	name  string
	Actor string `json:"actor,omitempty"`
	IdP   string `json:"idp,omitempty"`
}

// SetState changes whether an account may be used, NotFound if there is none.
// Its sessions and tokens end with it, so that it must be used anew even if it
// is active again at once.
func (p *Path) SetState(ctx context.Context, tenant string, ref usher.AccountRef, state usher.AccountState, actor string) error {
	return p.act(ctx, "provision.SetState", tenant, told{name: "state.changed", Actor: actor}, func(tx *ledger.Tx) (usher.AccountRef, error) {
		if err := tx.SetState(ctx, tenant, ref.Store, ref.User, state); err != nil {
			return ref, err
		}
		return ref, tx.EndUser(ctx, tenant, ref.User)
	})
}

// SetPassword gives an account another password, by its hash (a PHC text), and
// ends its sessions and tokens. Proven says that the person set it, and not
// somebody for them. also runs in the same commit: it takes the code that allows
// this, or nothing.
func (p *Path) SetPassword(ctx context.Context, tenant string, ref usher.AccountRef, hash string, proven bool, also func(ctx context.Context, tx *ledger.Tx) error) error {
	return p.act(ctx, "provision.SetPassword", tenant, told{name: "password.changed"}, func(tx *ledger.Tx) (usher.AccountRef, error) {
		if err := also(ctx, tx); err != nil {
			return ref, err
		}
		if err := tx.SetPassword(ctx, tenant, ref.Store, ref.User, store.Password{Hash: hash, Proven: proven}); err != nil {
			return ref, err
		}
		return ref, tx.EndUser(ctx, tenant, ref.User)
	})
}

// Unlink takes away the link of a provider's subject, NotFound if there is none,
// and ends the account's sessions and tokens. The last way in is not taken
// unless last says that it may be.
func (p *Path) Unlink(ctx context.Context, tenant, idp, subject, actor string, last bool) error {
	return p.act(ctx, "provision.Unlink", tenant, told{name: "link.removed", Actor: actor, IdP: idp}, func(tx *ledger.Tx) (usher.AccountRef, error) {
		l, err := tx.Linked(ctx, tenant, idp, subject)
		if err != nil {
			return usher.AccountRef{}, err
		}
		if l.Link == nil {
			return usher.AccountRef{}, usher.Fail(usher.NotFound, "provision.Unlink", "There is no such link.", nil)
		}
		ref := usher.AccountRef{Store: l.Link.Store, User: l.Link.User}
		if !last && l.Account != nil && l.Account.Password == usher.CredentialNone {
			ways, err := tx.Links(ctx, tenant, ref.Store, ref.User)
			if err != nil {
				return ref, err
			}
			if len(ways) < 2 {
				return ref, usher.Fail(usher.Conflict, "provision.Unlink", "This is the only way into the account. Add another one first, or say that it may go.", nil)
			}
		}
		if err := tx.Unlink(ctx, tenant, idp, subject); err != nil {
			return ref, err
		}
		return ref, tx.EndUser(ctx, tenant, ref.User)
	})
}

// Withdraw takes back what a person agreed to, by the receipt's id, NotFound if
// there is none. Attributes that nothing else the person agreed to is about are
// removed, unless an operator wrote them.
func (p *Path) Withdraw(ctx context.Context, tenant, receipt, actor string) error {
	return p.act(ctx, "provision.Withdraw", tenant, told{name: "consent.withdrawn", Actor: actor}, func(tx *ledger.Tx) (usher.AccountRef, error) {
		r, err := tx.Withdraw(ctx, tenant, receipt)
		if err != nil {
			return usher.AccountRef{}, err
		}
		ref := usher.AccountRef{Store: r.Store, User: r.User}
		account, err := tx.Account(ctx, tenant, r.Store, r.User)
		if err != nil {
			return ref, err
		}
		gone := unjustified(account, r.Consent)
		if len(gone) == 0 {
			return ref, nil
		}
		return ref, tx.SetAttributes(ctx, tenant, ref, usher.Source{Kind: usher.SourceUser, Name: string(ref.User), At: p.now()}, nil, gone)
	})
}

// unjustified lists the attributes that nothing but the consent c is about.
// Receipts of the account are those that still count.
func unjustified(account usher.Account, c usher.Consent) []string {
	var out []string
	for _, name := range c.Attributes {
		held := slices.ContainsFunc(account.Attributes, func(h usher.Held) bool {
			return h.Name == name && h.Source.Kind != usher.SourceAdmin
		})
		agreed := slices.ContainsFunc(account.Receipts, func(r usher.Receipt) bool {
			return r.Accepted && r.Purpose != c.Purpose && slices.Contains(r.Attributes, name)
		})
		if held && !agreed {
			out = append(out, name)
		}
	}
	return out
}

// Edit changes attributes of an account by an operator's hand, NotFound if there
// is none. What an operator wrote no sign-in overwrites. What a provider wrote
// can't be edited if its policy locks it.
func (p *Path) Edit(ctx context.Context, tenant string, ref usher.AccountRef, actor string, set []store.Attribute, remove []string) error {
	return p.act(ctx, "provision.Edit", tenant, told{name: "user.updated", Actor: actor}, func(tx *ledger.Tx) (usher.AccountRef, error) {
		account, err := tx.Account(ctx, tenant, ref.Store, ref.User)
		if err != nil {
			return ref, err
		}
		names := slices.Clone(remove)
		for _, a := range set {
			names = append(names, a.Name)
		}
		if err := p.editable(tenant, account, names); err != nil {
			return ref, err
		}
		return ref, tx.SetAttributes(ctx, tenant, ref, usher.Source{Kind: usher.SourceAdmin, Name: actor, At: p.now()}, set, remove)
	})
}

// editable refuses attributes that a provider wrote and keeps to itself.
func (p *Path) editable(tenant string, account usher.Account, names []string) error {
	for _, h := range account.Attributes {
		if h.Source.Kind != usher.SourceIdP || !slices.Contains(names, h.Name) {
			continue
		}
		if policy, _ := p.cfg.Policies(tenant, h.Source.Name, ""); policy.JIT.Sync.Lock {
			return usher.Fail(usher.Denied, "provision.Edit",
				"The attribute "+h.Name+" is kept by the provider "+h.Source.Name+", whose policy locks it (sync.lock). Change it there.", nil)
		}
	}
	return nil
}

// Delete removes an account and everything that is kept about it, NotFound if
// there is none. Whoever was linked to it comes as somebody new.
func (p *Path) Delete(ctx context.Context, tenant string, ref usher.AccountRef, actor string) error {
	return p.act(ctx, "provision.Delete", tenant, told{name: "user.deleted", Actor: actor}, func(tx *ledger.Tx) (usher.AccountRef, error) {
		return ref, tx.Delete(ctx, tenant, ref.Store, ref.User)
	})
}

// Rename carries a provider's links and everything it wrote over to another
// name; Conflict if that name has links of its own.
func (p *Path) Rename(ctx context.Context, tenant, from, to string) error {
	return usher.Wrap("provision.Rename", p.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
		return tx.RenameIdP(ctx, tenant, from, to)
	}))
}

// Forget removes the links of a provider that is no more and, if users says so,
// the accounts that had no other way in. It gives the numbers of both.
func (p *Path) Forget(ctx context.Context, tenant, idp string, users bool) (links, removed int64, err error) {
	err = p.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) (err error) {
		links, removed, err = tx.ForgetIdP(ctx, tenant, idp, users)
		return err
	})
	return links, removed, usher.Wrap("provision.Forget", err)
}
