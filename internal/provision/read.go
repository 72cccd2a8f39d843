package provision

import (
	"context"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
)

// read answers the questions from one snapshot of the ledger. What can't be read
// is answered "not known", with the kind of failure; decide denies where it
// matters.
func (p *Path) read(ctx context.Context, tenant string, questions []usher.Question) usher.Snapshot {
	var s usher.Snapshot
	if len(questions) == 0 {
		return s
	}
	err := p.cfg.Ledger.View(ctx, func(tx *ledger.Tx) error {
		r := reader{path: p, tx: tx, tenant: tenant}
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

// reader reads on one snapshot.
type reader struct {
	path   *Path
	tx     *ledger.Tx
	tenant string
}

func (r reader) answers(ctx context.Context, questions []usher.Question) []usher.Answer {
	var out []usher.Answer
	linked := false
	read := map[string]bool{} // all names of a store are read at once
	for _, q := range questions {
		if q.IfUnlinked && linked {
			continue
		}
		switch q.Kind {
		case usher.AskLink:
			a := r.link(ctx, q)
			linked = a.Account != nil
			out = append(out, a)
		case usher.AskSeen:
			out = append(out, r.seen(ctx, q))
		case usher.AskUsername:
			if !read[q.Store] {
				out = append(out, r.names(ctx, sameStore(questions, q.Store))...)
				read[q.Store] = true
			}
		}
	}
	return out
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

func (r reader) link(ctx context.Context, q usher.Question) usher.Answer {
	l, err := r.tx.Linked(ctx, r.tenant, q.IdP, q.Subject)
	if err != nil {
		return r.path.unknown(ctx, q, err)
	}
	return usher.Answer{Question: q, Found: l.Found, Link: l.Link, Account: l.Account}
}

func (r reader) seen(ctx context.Context, q usher.Question) usher.Answer {
	apps, err := r.tx.SeenBy(ctx, r.tenant, q.IdP, q.Subject)
	if err != nil {
		return r.path.unknown(ctx, q, err)
	}
	a := usher.Answer{Question: q, Found: usher.FoundNone, Applications: apps}
	switch {
	case len(apps) == 1:
		a.Found = usher.FoundOne
	case len(apps) > 1:
		a.Found = usher.FoundSeveral
	}
	return a
}

// names answers all username questions of one store with one read.
func (r reader) names(ctx context.Context, questions []usher.Question) []usher.Answer {
	out := make([]usher.Answer, 0, len(questions))
	if questions[0].Store != usher.PrimaryStore {
		for _, q := range questions {
			out = append(out, usher.Answer{Question: q, Why: "there is no such store"})
		}
		return out
	}
	primary := r.tx.Primary()
	var ask []string
	for _, q := range questions {
		a := usher.Answer{Question: q}
		if a.Canonical, a.Unfit = primary.Fit(q.Name); a.Unfit == "" {
			ask = append(ask, a.Canonical)
		}
		out = append(out, a)
	}
	if len(ask) == 0 {
		return out
	}
	taken, err := primary.Named(ctx, r.tenant, ask)
	for i, a := range out {
		switch user, found := taken[a.Canonical]; {
		case a.Unfit != "":
		case err != nil:
			out[i] = r.path.unknown(ctx, a.Question, err)
		case found:
			out[i].Found, out[i].User = usher.FoundOne, user
		default:
			out[i].Found = usher.FoundNone
		}
	}
	return out
}

// unknown turns a failed read into an answer; the cause goes to the log, because
// the snapshot is kept and must not hold it.
func (p *Path) unknown(ctx context.Context, q usher.Question, err error) usher.Answer {
	p.cfg.Log.ErrorContext(ctx, "a fact could not be read", "question", string(q.Kind), "err", err)
	return usher.Answer{Question: q, Why: usher.KindOf(err).String()}
}
