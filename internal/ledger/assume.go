package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

// checks says how each kind of fact is looked up. What is not here does not hold.
var checks = map[usher.AssumptionKind]func(context.Context, *facts, usher.Assumption) (bool, error){
	usher.AssumeLinkFree:     linkFree,
	usher.AssumeLinkIs:       linkIs,
	usher.AssumeUsernameFree: usernameFree,
	usher.AssumeUserActive:   userActive,
	usher.AssumeUserGone:     userGone,
	usher.AssumeAttribute:    attributeIs,
	usher.AssumeGroups:       groupsAre,
	usher.AssumeGrants:       grantsAre,
	usher.AssumeUnheld:       unheld,
	usher.AssumeHeldBy:       heldBy,
}

// check fails with Moved at the first fact that does not hold.
func (t *Tx) check(ctx context.Context, rec usher.Record) error {
	f := &facts{tx: t, tenant: rec.Identity.Tenant, idp: rec.Identity.IdP, subject: rec.Identity.Sub(),
		users: map[usher.AccountRef]*store.User{}}
	for _, a := range rec.Decision.Assumes {
		holds, known := checks[a.Kind]
		if !known {
			return usher.Fail(usher.Internal, opApply, "", errors.New("no check for assumption "+string(a.Kind)))
		}
		about := a
		about.Store = cmp.Or(a.Store, rec.Decision.Store)
		ok, err := holds(ctx, f, about)
		if err != nil {
			return usher.Wrap(opApply, err)
		}
		if !ok {
			return moved(a)
		}
	}
	return nil
}

// facts reads what assumptions are about, each thing once: nothing changes
// while they are checked.
type facts struct {
	tx                   *Tx
	tenant, idp, subject string

	link  *Linked
	users map[usher.AccountRef]*store.User // nil: there is none
}

// store is the store a fact is about. Nothing can be said of one that is not in
// this database.
func (f *facts) store(a usher.Assumption) (*store.Store, error) {
	s, ok := f.tx.Store(a.Store)
	if !ok {
		return nil, usher.Fail(usher.Internal, opApply, "", errors.New("no such store in this database: "+a.Store))
	}
	return s, nil
}

// linked is whom the subject is linked to.
func (f *facts) linked(ctx context.Context) (Linked, error) {
	if f.link != nil {
		return *f.link, nil
	}
	l := Linked{Found: usher.FoundOne, Link: &usher.Link{}}
	err := f.tx.QueryRowContext(ctx, `SELECT store, user_id FROM link WHERE tenant = ? AND idp = ? AND subject = ?`,
		f.tenant, f.idp, f.subject).Scan(&l.Link.Store, &l.Link.User)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		l = Linked{Found: usher.FoundNone}
	case err != nil:
		return Linked{}, failed(opApply, err)
	}
	f.link = &l
	return l, nil
}

// user is the account, nil if there is none.
func (f *facts) user(ctx context.Context, a usher.Assumption) (*store.User, error) {
	ref := usher.AccountRef{Store: a.Store, User: a.User}
	if u, read := f.users[ref]; read {
		return u, nil
	}
	in, err := f.store(a)
	if err != nil {
		return nil, err
	}
	u, err := in.Get(ctx, f.tenant, a.User)
	switch {
	case usher.KindOf(err) == usher.NotFound:
		f.users[ref] = nil
	case err != nil:
		return nil, err
	default:
		f.users[ref] = &u
	}
	return f.users[ref], nil
}

func linkFree(ctx context.Context, f *facts, _ usher.Assumption) (bool, error) {
	l, err := f.linked(ctx)
	return l.Found == usher.FoundNone, err
}

func linkIs(ctx context.Context, f *facts, a usher.Assumption) (bool, error) {
	l, err := f.linked(ctx)
	return l.Link != nil && l.Link.User == a.User && l.Link.Store == a.Store, err
}

func usernameFree(ctx context.Context, f *facts, a usher.Assumption) (bool, error) {
	in, err := f.store(a)
	if err != nil {
		return false, err
	}
	taken, err := in.Named(ctx, f.tenant, []string{a.Name})
	return len(taken) == 0, err
}

func userActive(ctx context.Context, f *facts, a usher.Assumption) (bool, error) {
	u, err := f.user(ctx, a)
	return u != nil && u.State == usher.StateActive, err
}

func userGone(ctx context.Context, f *facts, a usher.Assumption) (bool, error) {
	u, err := f.user(ctx, a)
	return u == nil, err
}

func attributeIs(ctx context.Context, f *facts, a usher.Assumption) (bool, error) {
	u, err := f.user(ctx, a)
	if u == nil {
		return false, err
	}
	i := slices.IndexFunc(u.Attributes, func(x store.Attribute) bool { return x.Name == a.Name })
	if i < 0 {
		return len(a.Values) == 0, nil
	}
	return slices.Equal(u.Attributes[i].Values, a.Values) && u.Attributes[i].Verified == a.Verified, nil
}

func groupsAre(ctx context.Context, f *facts, a usher.Assumption) (bool, error) {
	u, err := f.user(ctx, a)
	return u != nil && sameSet(u.Groups, a.Values), err
}

func grantsAre(ctx context.Context, f *facts, a usher.Assumption) (bool, error) {
	rows, err := f.tx.QueryContext(ctx, `SELECT kind, name, source_kind, source_name FROM granted
		WHERE tenant = ? AND store = ? AND user_id = ?`, f.tenant, a.Store, string(a.User))
	if err != nil {
		return false, failed(opApply, err)
	}
	defer rows.Close()
	var held []string
	for rows.Next() {
		var kind, name, sourceKind, sourceName string
		if err := rows.Scan(&kind, &name, &sourceKind, &sourceName); err != nil {
			return false, failed(opApply, err)
		}
		held = append(held, usher.Label(kind, name, sourceKind, sourceName))
	}
	return sameSet(held, a.Values), failed(opApply, rows.Err())
}

func unheld(ctx context.Context, f *facts, a usher.Assumption) (bool, error) {
	users, err := f.holders(ctx, a)
	return !slices.ContainsFunc(users, func(u usher.UserID) bool { return u != a.User }), err
}

func heldBy(ctx context.Context, f *facts, a usher.Assumption) (bool, error) {
	users, err := f.holders(ctx, a)
	return len(users) == 1 && users[0] == a.User, err
}

// holders is who holds a value, two of them at most. One that has no folded form
// nobody is found by.
func (f *facts) holders(ctx context.Context, a usher.Assumption) ([]usher.UserID, error) {
	in, err := f.store(a)
	if err != nil {
		return nil, err
	}
	folded, ok := usher.Fold(a.Name, first(a.Values))
	if !ok {
		return nil, nil
	}
	return in.Holders(ctx, f.tenant, a.Name, folded, 2)
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
