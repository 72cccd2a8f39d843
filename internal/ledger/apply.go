package ledger

import (
	"context"
	"encoding/json"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

const opApply = "ledger.Apply"

// Apply makes a decision so: it checks that every fact the decision stands on
// still holds, does the changes, and keeps the record. If a fact does not hold
// any more the error is [Moved] and nothing is done. A decision that does not
// let the person in changes nothing; only its record is kept. But a refusal too
// can stand on facts, and is none if they have moved. application is the one
// the person was on the way to.
//
// The record's policy must have been saved ([Ledger.SavePolicy]). A second
// record of the same id is a Conflict.
func (t *Tx) Apply(ctx context.Context, application string, rec usher.Record) error {
	if err := t.check(ctx, rec); err != nil {
		return err
	}
	if rec.Decision.Verdict.Admits() {
		if err := t.change(ctx, application, rec); err != nil {
			return err
		}
	}
	return t.keep(ctx, application, rec)
}

// keep writes the decision's row with the sealed record.
func (t *Tx) keep(ctx context.Context, application string, rec usher.Record) error {
	plain, err := json.Marshal(rec)
	if err != nil {
		return usher.Fail(usher.Internal, opApply, "", err)
	}
	packed, err := pack(plain)
	if err != nil {
		return usher.Fail(usher.Internal, opApply, "", err)
	}
	tenant := rec.Identity.Tenant
	sealed, err := t.l.cfg.Sealer.Seal("record", packed, recordAAD(tenant, rec.ID))
	if err != nil {
		return usher.Wrap(opApply, err)
	}
	d := rec.Decision
	n, err := t.exec(ctx, opApply, `INSERT INTO decision
		(id, tenant, at, verdict, reason, idp, application, store, user_id, policy, sealed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		rec.ID, tenant, rec.Snapshot.At, d.Verdict.String(), string(d.Reason), rec.Identity.IdP, application,
		d.Store, string(d.User), rec.Policy.Version, sealed)
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

// Primary is PRIMARY in this transaction, behind the same checks as everywhere.
func (t *Tx) Primary() *store.Store {
	return store.New(usher.PrimaryStore, t.l.cfg.Primary.On(t))
}
