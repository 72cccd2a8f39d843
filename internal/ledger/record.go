package ledger

import (
	"context"
	"encoding/json"

	"github.com/usher-id/usher"
)

// SavePolicy keeps a policy under its version, which is a digest of what it
// says. Saving it again is fine.
func (l *Ledger) SavePolicy(ctx context.Context, p usher.Policy) error {
	const op = "ledger.SavePolicy"
	body, err := json.Marshal(p)
	if err != nil {
		return usher.Fail(usher.Internal, op, "", err)
	}
	return usher.Wrap(op, l.Commit(ctx, func(tx *Tx) error {
		_, err := tx.exec(ctx, op, `INSERT INTO policy (version, body) VALUES (?, ?) ON CONFLICT DO NOTHING`, p.Version, string(body))
		return err
	}))
}

// Explain gives the record of a decision by its correlation id, with the policy
// it was made under, NotFound if there is none. Deciding it again gives the
// same decision.
func (l *Ledger) Explain(ctx context.Context, id string) (usher.Record, error) {
	const op = "ledger.Explain"
	var tenant string
	var sealed, body []byte
	err := l.db.Read().QueryRowContext(ctx, `SELECT d.tenant, d.sealed, p.body FROM decision d JOIN policy p ON p.version = d.policy
		WHERE d.id = ?`, id).Scan(&tenant, &sealed, &body)
	if err != nil {
		return usher.Record{}, failed(op, err)
	}
	rec, err := l.unseal("record", sealed, recordAAD(tenant, id))
	if err != nil {
		return usher.Record{}, usher.Fail(usher.Internal, op, "", err)
	}
	if err := json.Unmarshal(body, &rec.Policy); err != nil {
		return usher.Record{}, usher.Fail(usher.Internal, op, "", err)
	}
	return rec, nil
}

// seal packs a record and seals it.
func (l *Ledger) seal(purpose string, rec usher.Record, aad []byte) ([]byte, error) {
	const op = "ledger.seal"
	plain, err := json.Marshal(rec)
	if err != nil {
		return nil, usher.Fail(usher.Internal, op, "", err)
	}
	packed, err := pack(plain)
	if err != nil {
		return nil, usher.Fail(usher.Internal, op, "", err)
	}
	sealed, err := l.cfg.Sealer.Seal(purpose, packed, aad)
	return sealed, usher.Wrap(op, err)
}

// unseal is the record that seal sealed, without its policy.
func (l *Ledger) unseal(purpose string, sealed, aad []byte) (usher.Record, error) {
	var rec usher.Record
	packed, err := l.cfg.Sealer.Open(purpose, sealed, aad)
	if err != nil {
		return rec, err
	}
	plain, err := unpack(packed)
	if err != nil {
		return rec, err
	}
	return rec, json.Unmarshal(plain, &rec)
}
