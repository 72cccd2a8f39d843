package ledger

import (
	"context"
	"errors"

	"github.com/usher-id/usher"
)

const opApply = "ledger.Apply"

// foulKept is how long a refusal is kept that anybody can cause: one of an
// assertion nobody vouched for. Whoever sends enough of them would else fill the
// disk.
const foulKept = 30 * 24 * 3600 * usher.Second

// Apply makes a decision so: it checks that every fact the decision stands on
// still holds, does the changes, and keeps the record. If a fact does not hold
// any more the error is [Moved] and nothing is done. A decision that does not
// let the person in changes nothing; only its record is kept. But a refusal too
// can stand on facts, and is none if they have moved. One that asks first is
// never applied.
//
// Who gets an account ceases to be somebody without one: the sessions they had
// as such end, and the tokens that live on without a session are worthless.
//
// The record's policy must have been saved ([Ledger.SavePolicy]). A second
// record of the same id is a Conflict.
func (t *Tx) Apply(ctx context.Context, a Act) error {
	if a.Record.Decision.Verdict == usher.VerdictPrompt {
		return usher.Fail(usher.Internal, opApply, "", errors.New("a question can't be applied"))
	}
	if err := t.check(ctx, a.Record); err != nil {
		return err
	}
	if a.Record.Decision.Verdict.Admits() {
		if err := t.change(ctx, a); err != nil {
			return err
		}
	}
	return t.keep(ctx, a.Application, a.Record)
}

// keep writes the decision's row with the sealed record.
func (t *Tx) keep(ctx context.Context, application string, rec usher.Record) error {
	tenant := rec.Identity.Tenant
	sealed, err := t.l.seal("record", rec, recordAAD(tenant, rec.ID))
	if err != nil {
		return usher.Wrap(opApply, err)
	}
	d := rec.Decision
	var until any // null
	if !d.Verdict.Admits() && rec.Identity.Fault != (usher.Fault{}) {
		until = rec.Snapshot.At + foulKept
	}
	n, err := t.exec(ctx, opApply, `INSERT INTO decision
		(id, tenant, at, verdict, reason, idp, application, store, user_id, policy, sealed, until)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		rec.ID, tenant, rec.Snapshot.At, d.Verdict.String(), string(d.Reason), rec.Identity.IdP, application,
		d.Store, string(d.User), rec.Policy.Version, sealed, until)
	if err == nil && n == 0 {
		err = usher.Fail(usher.Conflict, opApply, "This sign-in was decided already.", nil)
	}
	return err
}

// recordAAD binds a sealed record to its row. An id holds no slash.
func recordAAD(tenant, id string) []byte { return []byte(tenant + "/" + id) }

// moved says that a fact does not hold.
func moved(a usher.Assumption) error {
	return usher.Fail(usher.Conflict, opApply, "", &Moved{a})
}
