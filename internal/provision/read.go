package provision

import (
	"context"

	usher "github.com/usher-id/usher"
)

// read answers the questions. What can't be read is answered "not known", with
// the kind of failure; decide denies where it matters.
func (p *Path) read(ctx context.Context, tenant string, questions []usher.Question) usher.Snapshot {
	var s usher.Snapshot
	linked := false
	read := map[string]bool{} // all names of a store are read at once
	for _, q := range questions {
		if q.IfUnlinked && linked {
			continue
		}
		switch q.Kind {
		case usher.AskLink:
			a := p.link(ctx, tenant, q)
			linked = a.Account != nil
			s.Answers = append(s.Answers, a)
		case usher.AskSeen:
			s.Answers = append(s.Answers, p.seen(ctx, tenant, q))
		case usher.AskUsername:
			if !read[q.Store] {
				s.Answers = append(s.Answers, p.names(ctx, tenant, sameStore(questions, q.Store))...)
				read[q.Store] = true
			}
		}
	}
	return s
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

func (p *Path) link(ctx context.Context, tenant string, q usher.Question) usher.Answer {
	l, err := p.cfg.Ledger.Linked(ctx, tenant, q.IdP, q.Subject)
	if err != nil {
		return p.unknown(ctx, q, err)
	}
	return usher.Answer{Question: q, Found: l.Found, Link: l.Link, Account: l.Account}
}

func (p *Path) seen(ctx context.Context, tenant string, q usher.Question) usher.Answer {
	apps, err := p.cfg.Ledger.SeenBy(ctx, tenant, q.IdP, q.Subject)
	if err != nil {
		return p.unknown(ctx, q, err)
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
func (p *Path) names(ctx context.Context, tenant string, questions []usher.Question) []usher.Answer {
	out := make([]usher.Answer, 0, len(questions))
	st, ok := p.cfg.Stores[questions[0].Store]
	if !ok {
		for _, q := range questions {
			out = append(out, usher.Answer{Question: q, Why: "there is no such store"})
		}
		return out
	}
	var ask []string
	for _, q := range questions {
		a := usher.Answer{Question: q}
		if a.Canonical, a.Unfit = st.Fit(q.Name); a.Unfit == "" {
			ask = append(ask, a.Canonical)
		}
		out = append(out, a)
	}
	if len(ask) == 0 {
		return out
	}
	taken, err := st.Named(ctx, tenant, ask)
	for i, a := range out {
		switch user, found := taken[a.Canonical]; {
		case a.Unfit != "":
		case err != nil:
			out[i] = p.unknown(ctx, a.Question, err)
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
