// Package provision is the path every change of an account takes: an assertion
// is mapped, facts are read, it is decided what they mean, and the decision is
// applied in one commit. If a fact moved between reading and applying, facts are
// read and it is decided again. What operators and people themselves do to an
// account (its state, its password, its links, what it agreed to) goes the same
// way into the ledger, with its notice in the same commit.
//
// It is the only package that puts these steps in order, and it knows nothing of
// HTTP, protocols or configuration files.
package provision

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/decide"
	"github.com/usher-id/usher/internal/ledger"
)

// attempts is how often a sign-in is decided before it is given up. A fact moves
// at most once for each sign-in that ran in the same batch of the ledger's
// writer, and each of them moves only what it creates.
const attempts = 16

// Mapper makes an identity of an assertion; *rule.Set is one.
type Mapper interface {
	Map(a usher.Assertion) usher.Identity
}

// Policies finds the policy in force when a person comes from a provider to an
// application, and the provider's rules: nil if there is no such provider, which
// the policy then denies.
type Policies func(tenant, idp, application string) (usher.Policy, Mapper)

// Config is what a Path needs.
type Config struct {
	Ledger   *ledger.Ledger
	Policies Policies
	Log      *slog.Logger
	Now      func() time.Time
}

// Path is the path from an assertion to an account. It is safe for concurrent
// use and holds no state but what the ledger already keeps.
type Path struct {
	cfg   Config
	saved sync.Map // policy versions the ledger holds
}

// New makes a Path.
func New(cfg Config) *Path { return &Path{cfg: cfg} }

// Request is one arrival to be decided.
type Request struct {
	Assertion    usher.Assertion
	Identity     *usher.Identity // instead of the assertion, if it was mapped before: somebody who was asked, or signs in by a password
	Answers      usher.Answers
	PasswordHash string // of the password given with the answers, as a PHC text; no record holds it
	Application  string
	Correlation  string // becomes the record's id
}

// Also is run in the same commit as the decision it is given, for whatever must
// be as durable as that: a session begun, a code issued, what was asked. It may
// run several times; only the last time counts.
type Also func(ctx context.Context, tx *ledger.Tx, rec usher.Record) error

// SignIn decides who an assertion is and makes it so. A refusal is a record
// like any other, and not an error. A verdict of Prompt is not applied and
// leaves no record: it is for also to keep what is waited for. If the person
// left (Answers.Left) the record knows nothing of who it was.
func (p *Path) SignIn(ctx context.Context, req Request, also Also) (usher.Record, error) {
	policy, identity := p.prepare(req)
	rec, err := p.decide(ctx, req, policy, identity, also)
	return rec, usher.Wrap("provision.SignIn", err)
}

// Prove decides whose account an assertion opens, as a proof for another
// sign-in: the verdict is Update, or it is none. Nothing but the link's last use
// changes, whatever the provider's policy says of others.
func (p *Path) Prove(ctx context.Context, req Request, also Also) (usher.Record, error) {
	policy, identity := p.prepare(req)
	policy.Version += ";prove"
	policy.JIT = usher.JIT{Relink: policy.JIT.Relink}
	policy.Purposes = nil
	policy.Application.Requires, policy.Application.Providers = nil, nil
	policy.Application.NeedsAccount = true // somebody without one proves nothing
	rec, err := p.decide(ctx, req, policy, identity, also)
	return rec, usher.Wrap("provision.Prove", err)
}

// prepare finds the policy and maps the assertion.
func (p *Path) prepare(req Request) (usher.Policy, usher.Identity) {
	tenant, idp := req.Assertion.Tenant, req.Assertion.IdP
	if req.Identity != nil {
		tenant, idp = req.Identity.Tenant, req.Identity.IdP
	}
	policy, mapper := p.cfg.Policies(tenant, idp, req.Application)
	switch {
	case req.Answers.Left != usher.LeftNot && req.Identity != nil:
		return policy, redacted(*req.Identity)
	case req.Identity != nil:
		return policy, *req.Identity
	}
	return policy, mapped(mapper, req.Assertion)
}

// decide decides and applies, again and again while the ground moves.
func (p *Path) decide(ctx context.Context, req Request, policy usher.Policy, identity usher.Identity, also Also) (usher.Record, error) {
	if err := p.keep(ctx, policy); err != nil {
		return usher.Record{}, err
	}
	reserved, err := uuid.NewV7()
	if err != nil {
		return usher.Record{}, err
	}
	answers := req.Answers
	if answers.Left != usher.LeftNot {
		answers = usher.Answers{Left: answers.Left}
	}
	for attempt := 1; attempt <= attempts; attempt++ {
		rec := usher.Record{ID: req.Correlation, Attempt: attempt, Policy: policy, Identity: identity, Answers: answers}
		rec.Snapshot = p.read(ctx, identity.Tenant, decide.Needs(policy, identity, answers))
		rec.Snapshot.At = p.now()
		rec.Snapshot.Reserved = usher.UserID(reserved.String())
		rec.Decision = decide.Decide(policy, identity, rec.Snapshot, answers)
		err = p.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
			if rec.Decision.Verdict != usher.VerdictPrompt {
				if err := tx.Apply(ctx, ledger.Act{Application: req.Application, Record: rec, PasswordHash: req.PasswordHash}); err != nil {
					return err
				}
			}
			return also(ctx, tx, rec)
		})
		if moved := (*ledger.Moved)(nil); errors.As(err, &moved) {
			continue // somebody was faster: read and decide again, which costs nothing
		}
		return rec, err
	}
	return usher.Record{}, usher.Fail(usher.Unavailable, "provision.decide", "Too many sign-ins wanted the same thing at once. Please try again.", err)
}

// mapped is the identity of an assertion. Without rules there is no provider;
// the identity knows nothing, and the policy denies it.
func mapped(m Mapper, a usher.Assertion) usher.Identity {
	if m == nil {
		return usher.Identity{Tenant: a.Tenant, IdP: a.IdP, Issuer: a.Issuer, Subject: a.Subject, Fault: a.Fault}
	}
	return m.Map(a)
}

// redacted is what is kept of somebody who left: that a sign-in was begun, by
// which provider and which rules, and nothing of who it was.
func redacted(id usher.Identity) usher.Identity {
	out := usher.Identity{
		Tenant: id.Tenant, IdP: id.IdP, Issuer: id.Issuer, Subject: usher.StringValue("redacted"), Redacted: true,
		Admission: id.Admission, Trace: id.Trace,
		Username: withoutValues(id.Username), Groups: withoutValues(id.Groups), Store: withoutValues(id.Store),
		Attributes: slices.Clone(id.Attributes),
	}
	for i, a := range out.Attributes {
		out.Attributes[i].Derived = withoutValues(a.Derived)
	}
	return out
}

func withoutValues(d usher.Derived) usher.Derived {
	d.Values = nil
	return d
}

// keep saves the policy in the ledger the first time it is used.
func (p *Path) keep(ctx context.Context, policy usher.Policy) error {
	if _, ok := p.saved.Load(policy.Version); ok {
		return nil
	}
	if err := p.cfg.Ledger.SavePolicy(ctx, policy); err != nil {
		return err
	}
	p.saved.Store(policy.Version, true)
	return nil
}

func (p *Path) now() usher.Instant { return usher.Instant(p.cfg.Now().UnixMicro()) }

// abandonedAtOnce is how many abandoned sign-ins are ended in one round.
const abandonedAtOnce = 100

// Expire ends the sign-ins of people who were asked and did not come back in
// time: a record that knows nothing of who it was takes the place of what was
// waited for.
func (p *Path) Expire(ctx context.Context) error {
	const op = "provision.Expire"
	for {
		left, err := p.cfg.Ledger.Abandoned(ctx, abandonedAtOnce)
		if err != nil || len(left) == 0 {
			return usher.Wrap(op, err)
		}
		for _, w := range left {
			if w.Err != nil {
				p.cfg.Log.ErrorContext(ctx, "a sign-in that waited can't be read and is dropped", "err", w.Err)
				if err := p.drop(ctx, w); err != nil {
					return usher.Wrap(op, err)
				}
				continue
			}
			_, err := p.SignIn(ctx, Request{
				Identity: &w.Record.Identity, Answers: usher.Answers{Left: usher.LeftAbandoned},
				Application: w.Application, Correlation: w.Record.ID,
			}, func(ctx context.Context, tx *ledger.Tx, _ usher.Record) error {
				return tx.Resume(ctx, w.Tenant, w.Hash)
			})
			if err != nil && usher.KindOf(err) == usher.Conflict { // it was answered just now, or has its record
				err = p.drop(ctx, w)
			}
			if err != nil {
				return usher.Wrap(op, err)
			}
		}
	}
}

// drop forgets what was waited for, if it is still there.
func (p *Path) drop(ctx context.Context, w ledger.Waiting) error {
	err := p.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error { return tx.Resume(ctx, w.Tenant, w.Hash) })
	if usher.KindOf(err) == usher.Conflict {
		return nil
	}
	return err
}
