// Package provision is the path every change to an account takes: map the
// assertion, read what the decision needs, decide, apply it in one commit, and
// begin again if the ground moved in between. It is the only sequencer. It does
// not know how an assertion arrived, what is asked of the decision afterwards,
// or why a decision comes out as it does.
package provision

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/decide"
	"github.com/usher-id/usher/internal/ledger"
)

// attempts bounds how often a sign-in decides again because another one was
// faster. Racing for one username under the suffix policy needs at most one
// attempt per candidate, and there are ten.
const attempts = 16

// Mapper makes an identity of an assertion; *rule.Set is one.
type Mapper interface {
	Map(a usher.Assertion) usher.Identity
}

// Policies finds the policy and the mapping rules in force for a provider and
// an application. An unknown pair has no mapper and a policy that denies.
type Policies func(tenant, idp, application string) (usher.Policy, Mapper)

// Config is what a Path needs.
type Config struct {
	Ledger   *ledger.Ledger
	Policies Policies
	Log      *slog.Logger
	Now      func() time.Time
}

// Path is the way from an assertion to a durable decision. It is safe for
// concurrent use.
type Path struct {
	cfg   Config
	saved sync.Map // policy versions the ledger holds
}

// New makes a Path.
func New(cfg Config) *Path { return &Path{cfg: cfg} }

// Request is one sign-in to decide.
type Request struct {
	Assertion   usher.Assertion
	Application string
	Correlation string // becomes the record's id
}

// Also is work done in the decision's own commit, whatever the verdict: it sees
// the record and the transaction, and its error undoes both.
type Also func(ctx context.Context, tx *ledger.Tx, rec usher.Record) error

// SignIn decides who the assertion is and makes it so, exactly once. A refusal
// is a record with the verdict Deny, not an error; an error means that nothing
// was written. When SignIn returns a record, it is durable.
func (p *Path) SignIn(ctx context.Context, req Request, also Also) (usher.Record, error) {
	const op = "provision.SignIn"
	policy, mapper := p.cfg.Policies(req.Assertion.Tenant, req.Assertion.IdP, req.Application)
	identity := mapped(mapper, req.Assertion)
	if err := p.keep(ctx, policy); err != nil {
		return usher.Record{}, usher.Wrap(op, err)
	}
	reserved, err := uuid.NewV7()
	if err != nil {
		return usher.Record{}, usher.Wrap(op, err)
	}
	for attempt := 1; attempt <= attempts; attempt++ {
		rec := usher.Record{ID: req.Correlation, Attempt: attempt, Policy: policy, Identity: identity}
		rec.Snapshot = p.read(ctx, identity.Tenant, decide.Needs(policy, identity, rec.Answers))
		rec.Snapshot.At = usher.Instant(p.cfg.Now().UnixMicro())
		rec.Snapshot.Reserved = usher.UserID(reserved.String())
		rec.Decision = decide.Decide(policy, identity, rec.Snapshot, rec.Answers)
		err = p.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
			if err := tx.Apply(ctx, req.Application, rec); err != nil {
				return err
			}
			return also(ctx, tx, rec)
		})
		if moved := (*ledger.Moved)(nil); errors.As(err, &moved) {
			continue // somebody was faster: read and decide again, which costs nothing
		}
		return rec, usher.Wrap(op, err)
	}
	return usher.Record{}, usher.Fail(usher.Unavailable, op, "Too many sign-ins wanted the same thing at once. Please try again.", err)
}

// mapped is the identity; without rules for the provider nothing but the
// provider's name is carried on, and the policy denies.
func mapped(m Mapper, a usher.Assertion) usher.Identity {
	if m == nil {
		return usher.Identity{Tenant: a.Tenant, IdP: a.IdP, Issuer: a.Issuer, Subject: a.Subject, Fault: a.Fault}
	}
	return m.Map(a)
}

// keep makes sure the ledger holds the policy a record will refer to.
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

// SetState changes whether an account may be used, and ends all its sessions
// and tokens in the same commit.
func (p *Path) SetState(ctx context.Context, tenant string, user usher.UserID, state usher.AccountState) error {
	return usher.Wrap("provision.SetState", p.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
		if err := tx.SetState(ctx, tenant, user, state); err != nil {
			return err
		}
		return tx.EndUser(ctx, tenant, user)
	}))
}
