package ledger

import (
	"context"
	"encoding/base64"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

// authored is an attribute with who wrote it: its name, the rule, the keyed
// digest, the source's kind and the source's name.
type authored [5]string

// author ties an attribute of an account to who wrote it.
func author(s Sealer, tenant string, ref usher.AccountRef, a store.Attribute, by usher.Source) authored {
	return authored{a.Name, by.Rule, digest(s, tenant, ref, a.Name, a.Values, a.Verified), string(by.Kind), by.Name}
}

// digest is the keyed digest that ties an attribute to who wrote it.
func digest(s Sealer, tenant string, ref usher.AccountRef, name string, values []string, verified bool) string {
	flag := "-"
	if verified {
		flag = "verified"
	}
	sum := s.MAC("provenance", append([]string{tenant, ref.Store, string(ref.User), name, flag}, values...)...)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// provenance keeps who wrote attributes of an account, by which decision (none
// is "") and when, and forgets who wrote those that were removed.
func (t *Tx) provenance(ctx context.Context, op, tenant string, ref usher.AccountRef, decision string, at usher.Instant, wrote []authored, removed []string) error {
	if len(removed) > 0 {
		if _, err := t.exec(ctx, op, `DELETE FROM provenance WHERE tenant = ? AND store = ? AND user_id = ?
			AND attribute IN (SELECT value FROM json_each(?))`, tenant, ref.Store, string(ref.User), list(removed)); err != nil {
			return err
		}
	}
	if len(wrote) == 0 {
		return nil
	}
	_, err := t.exec(ctx, op, `INSERT INTO provenance
		(tenant, store, user_id, attribute, source_kind, source_name, rule, decision, at, digest)
		SELECT ?1, ?2, ?3, value ->> 0, value ->> 3, value ->> 4, value ->> 1, ?4, ?5, value ->> 2 FROM json_each(?6) WHERE true
		ON CONFLICT DO UPDATE SET source_kind = excluded.source_kind, source_name = excluded.source_name,
		rule = excluded.rule, decision = excluded.decision, at = excluded.at, digest = excluded.digest`,
		tenant, ref.Store, string(ref.User), decision, at, rowsOf(wrote))
	return err
}
