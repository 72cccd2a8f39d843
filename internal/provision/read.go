package provision

import (
	"context"
	"slices"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/store"
)

// read answers the questions, all on one snapshot: a link and a name read one
// after the other could tell of a moment that never was. One that can't be
// answered is "not known", never "none".
func (p *Path) read(ctx context.Context, tenant string, questions []usher.Question) usher.Snapshot {
	var s usher.Snapshot
	if len(questions) == 0 {
		return s
	}
	fits := p.fit(questions)
	err := p.cfg.Ledger.View(ctx, func(tx *ledger.Tx) error {
		r := reader{path: p, tx: tx, tenant: tenant, fits: fits}
		s.Answers = r.answers(ctx, questions)
		return nil
	})
	if err != nil {
		s.Answers = nil
		for _, q := range questions {
			s.Answers = append(s.Answers, p.unknown(ctx, q, err))
		}
	}
	return s
}

// fit finds out which names a store accepts, before the ledger is looked at, if
// that may take long: everybody waits for who looks.
func (p *Path) fit(questions []usher.Question) map[usher.Question]usher.Answer {
	out := map[usher.Question]usher.Answer{}
	for _, q := range questions {
		if q.Kind != usher.AskUsername {
			continue
		}
		in, ok := p.cfg.Ledger.Store(q.Store)
		if ok && in.FitsSlowly() {
			out[q] = fitted(in, q)
		}
	}
	return out
}

// fitted is the part of an answer that the name alone gives.
func fitted(in *store.Store, q usher.Question) usher.Answer {
	a := usher.Answer{Question: q}
	if q.Lax {
		a.Canonical, a.Unfit = in.FitLax(q.Name)
	} else {
		a.Canonical, a.Unfit = in.Fit(q.Name)
	}
	return a
}

// reader answers questions within one look at the ledger.
type reader struct {
	path   *Path
	tx     *ledger.Tx
	tenant string
	linked *usher.Account // that the link leads to, once AskLink was answered
	fits   map[usher.Question]usher.Answer
}

// answers answers the questions in order. What is marked so is not read once
// the link has led to an account, or has not.
func (r *reader) answers(ctx context.Context, questions []usher.Question) []usher.Answer {
	var out []usher.Answer
	read := map[string]bool{} // all names of a store are read at once
	for _, q := range questions {
		if q.IfUnlinked && r.linked != nil || q.IfLinked && !r.matters(q) {
			continue
		}
		switch q.Kind {
		case usher.AskLink:
			a := r.link(ctx, q)
			r.linked = a.Account
			out = append(out, a)
		case usher.AskSeen:
			out = append(out, r.seen(ctx, q))
		case usher.AskUsername:
			if !read[q.Store] {
				out = append(out, r.names(ctx, sameStore(questions, q.Store))...)
				read[q.Store] = true
			}
		case usher.AskHolders:
			out = append(out, r.holders(ctx, q))
		case usher.AskAccount:
			out = append(out, r.account(ctx, q))
		}
	}
	return out
}

// matters reports whether it matters who else holds a value: there is a linked
// account, and it does not hold the value itself.
func (r *reader) matters(q usher.Question) bool {
	if r.linked == nil {
		return false
	}
	return !slices.ContainsFunc(r.linked.Attributes, func(h usher.Held) bool {
		return h.Name == q.Name && slices.ContainsFunc(h.Values, func(v string) bool {
			folded, ok := usher.Fold(q.Name, v)
			return ok && folded == q.Value
		})
	})
}

func sameStore(questions []usher.Question, name string) []usher.Question {
	var out []usher.Question
	for _, q := range questions {
		if q.Kind == usher.AskUsername && q.Store == name {
			out = append(out, q)
		}
	}
	return out
}

func (r *reader) link(ctx context.Context, q usher.Question) usher.Answer {
	l, err := r.tx.Linked(ctx, r.tenant, q.IdP, q.Subject)
	if err != nil {
		return r.path.unknown(ctx, q, err)
	}
	return usher.Answer{Question: q, Found: l.Found, Link: l.Link, Account: l.Account}
}

func (r *reader) seen(ctx context.Context, q usher.Question) usher.Answer {
	apps, err := r.tx.SeenBy(ctx, r.tenant, q.IdP, q.Subject)
	if err != nil {
		return r.path.unknown(ctx, q, err)
	}
	return usher.Answer{Question: q, Found: found(len(apps)), Applications: apps}
}

func found(n int) usher.Finding {
	switch n {
	case 0:
		return usher.FoundNone
	case 1:
		return usher.FoundOne
	}
	return usher.FoundSeveral
}

// names answers who is called what, all names of one store at once.
func (r *reader) names(ctx context.Context, questions []usher.Question) []usher.Answer {
	out := make([]usher.Answer, 0, len(questions))
	in, ok := r.tx.Store(questions[0].Store)
	if !ok {
		for _, q := range questions {
			out = append(out, noStore(q))
		}
		return out
	}
	var ask []string
	for _, q := range questions {
		a, known := r.fits[q]
		if !known {
			a = fitted(in, q)
		}
		if a.Unfit == usher.Fits {
			ask = append(ask, a.Canonical)
		}
		out = append(out, a)
	}
	if len(ask) == 0 {
		return out
	}
	taken, err := in.Named(ctx, r.tenant, ask)
	for i, a := range out {
		switch user, isTaken := taken[a.Canonical]; {
		case a.Unfit != usher.Fits:
		case err != nil:
			out[i] = r.path.unknown(ctx, a.Question, err)
		case !isTaken:
			out[i].Found = usher.FoundNone
		default:
			out[i].Found, out[i].User = usher.FoundOne, user
			if a.Question.Whole {
				out[i] = r.whole(ctx, out[i])
			}
		}
	}
	return out
}

// whole adds the account to an answer that names its user.
func (r *reader) whole(ctx context.Context, a usher.Answer) usher.Answer {
	account, err := r.tx.Account(ctx, r.tenant, a.Question.Store, a.User)
	if err != nil {
		return r.path.unknown(ctx, a.Question, err)
	}
	a.Account = &account
	return a
}

// fewHolders is as many as need be told apart: none, one, several, and the
// account itself beside them.
const fewHolders = 3

// holders answers who holds a value. Of a linked account it is who else.
func (r *reader) holders(ctx context.Context, q usher.Question) usher.Answer {
	name := q.Store
	if q.IfLinked {
		name = r.linked.Store
	}
	in, ok := r.tx.Store(name)
	if !ok {
		return noStore(q)
	}
	ids, err := in.Holders(ctx, r.tenant, q.Name, q.Value, fewHolders)
	if err != nil {
		return r.path.unknown(ctx, q, err)
	}
	if q.IfLinked {
		ids = slices.DeleteFunc(ids, func(id usher.UserID) bool { return id == r.linked.ID })
	}
	a := usher.Answer{Question: q, Found: found(len(ids))}
	if len(ids) != 1 {
		return a
	}
	account, err := r.tx.Account(ctx, r.tenant, name, ids[0])
	if err != nil {
		return r.path.unknown(ctx, q, err)
	}
	a.User, a.Account = account.ID, &account
	return a
}

func (r *reader) account(ctx context.Context, q usher.Question) usher.Answer {
	account, err := r.tx.Account(ctx, r.tenant, q.Store, q.User)
	switch {
	case usher.KindOf(err) == usher.NotFound && err != nil:
		return usher.Answer{Question: q, Found: usher.FoundNone}
	case err != nil:
		return r.path.unknown(ctx, q, err)
	}
	return usher.Answer{Question: q, Found: usher.FoundOne, User: account.ID, Account: &account}
}

func noStore(q usher.Question) usher.Answer {
	return usher.Answer{Question: q, Why: "there is no such store"}
}

// unknown is the answer to a question that could not be read. Its kind is told;
// the cause may hold anything and goes to the log only.
func (p *Path) unknown(ctx context.Context, q usher.Question, err error) usher.Answer {
	p.cfg.Log.ErrorContext(ctx, "a fact could not be read", "question", string(q.Kind), "err", err)
	kind := usher.KindOf(err)
	return usher.Answer{Question: q, Why: kind.String(), Down: kind == usher.Unavailable}
}
