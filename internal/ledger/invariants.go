package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

// there is every account that exists or existed. An account that was removed
// behind the ledger's back may leave links and sessions: they lead nowhere, and
// the next sign-in or their expiry removes them.
const there = `(SELECT tenant, store, id FROM account UNION SELECT tenant, store, user_id FROM gone)`

// admitting are the verdicts that let a person in.
const admitting = `('passThrough', 'create', 'link', 'update')`

// missing is a query for the rows of a table that belong to no account that is
// there. They tell the account's id.
func missing(table string) string {
	return `SELECT user_id FROM ` + table + ` WHERE (tenant, store, user_id) NOT IN (SELECT tenant, store, id FROM account)`
}

// never is a query for the rows of a table that belong to an account that never was.
func never(table string) string {
	return `SELECT user_id FROM ` + table + ` WHERE user_id <> '' AND (tenant, store, user_id) NOT IN ` + there
}

// invariants are what must never be found, each with the query that finds it by
// name. None of it can come about through this package; the queries are here to
// prove it, in tests and after an accident.
var invariants = []struct{ broken, query string }{
	{"a link leads to no account",
		`SELECT idp || '/' || user_id FROM link WHERE pending = 0 AND (tenant, store, user_id) NOT IN ` + there},
	{"a link was made by no decision",
		`SELECT idp || '/' || user_id FROM link WHERE (tenant, user_id) NOT IN
		(SELECT tenant, user_id FROM decision WHERE verdict IN ('create', 'link'))`},
	{"a subject has more than one link",
		`SELECT idp || '/' || user_id FROM link GROUP BY tenant, idp, subject HAVING count(*) > 1`},
	{"a username is taken twice",
		`SELECT id FROM account GROUP BY tenant, store, canonical HAVING count(*) > 1`},
	{"an account made at sign-in has no link",
		`SELECT id FROM account WHERE (tenant, id) IN (SELECT tenant, user_id FROM decision WHERE verdict = 'create')
		AND (tenant, store, id) NOT IN (SELECT tenant, store, user_id FROM link)
		AND (tenant, store, id) NOT IN (SELECT tenant, store, user_id FROM parted)`},
	{"a decision that let someone in names an account that never was",
		`SELECT id FROM decision WHERE verdict IN ` + admitting + ` AND user_id <> '' AND (tenant, store, user_id) NOT IN ` + there},
	{"a decision has no policy",
		`SELECT id FROM decision WHERE policy NOT IN (SELECT version FROM policy)`},
	{"a membership belongs to no account", missing("membership")},
	{"provenance belongs to no account", missing("provenance")},
	{"provenance names a decision that never was",
		`SELECT user_id FROM provenance WHERE (source_kind = 'idp' OR decision <> '') AND decision NOT IN (SELECT id FROM decision)`},
	{"a grant belongs to no account", missing("granted")},
	{"a grant names a decision that never was",
		`SELECT user_id FROM granted WHERE source_kind = 'idp' AND decision NOT IN (SELECT id FROM decision)`},
	{"a group is granted to someone who is not in it",
		`SELECT user_id FROM granted WHERE kind = 'group' AND (tenant, store, user_id, name) NOT IN
		(SELECT tenant, store, user_id, name FROM membership)`},
	{"an alias belongs to no account",
		`SELECT user_id FROM alias WHERE (tenant, user_id) NOT IN (SELECT tenant, id FROM account)`},
	{"a value is held by no account", missing("holds")},
	{"a receipt belongs to no account", missing("receipt")},
	{"a receipt names a decision that never was",
		`SELECT user_id FROM receipt WHERE decision NOT IN (SELECT id FROM decision)`},
	{"two receipts for one purpose count",
		`SELECT user_id FROM receipt WHERE replaced = 0 AND withdrawn = 0 GROUP BY tenant, store, user_id, purpose HAVING count(*) > 1`},
	{"a reset code belongs to no account", missing("reset")},
	{"a lost link is noted of no account", missing("parted")},
	{"the outbox tells of a decision that never was",
		`SELECT decision FROM outbox WHERE decision <> '' AND decision NOT IN (SELECT id FROM decision)`},
	{"a secret is kept after it was told",
		`SELECT CAST(id AS TEXT) FROM outbox WHERE delivered IS NOT NULL AND secret IS NOT NULL`},
	{"a session has no decision that let someone in",
		`SELECT decision FROM session WHERE (tenant, decision) NOT IN
		(SELECT tenant, id FROM decision WHERE verdict IN ` + admitting + `)`},
	{"a session belongs to an account that never was", never("session")},
	{"a session belongs to an account without its link",
		`SELECT user_id FROM session WHERE user_id <> '' AND idp <> '` + usher.LocalIdP + `'
		AND (tenant, store, user_id) IN (SELECT tenant, store, id FROM account)
		AND (tenant, idp, subject, user_id) NOT IN (SELECT tenant, idp, subject, user_id FROM link)`},
	{"a session without an account belongs to somebody who has one",
		`SELECT decision FROM session WHERE user_id = '' AND (tenant, idp, subject) IN ` + linkedNow},
	{"a token family without an account belongs to somebody who has one",
		`SELECT id FROM family WHERE user_id = '' AND offline = 1 AND revoked = 0 AND (tenant, idp, subject) IN ` + linkedNow},
	{"a code belongs to an account that never was", never("code")},
	{"a token family belongs to an account that never was", never("family")},
}

// linkedNow is every subject whose link leads to an account that is there.
const linkedNow = `(SELECT l.tenant, l.idp, l.subject FROM link l JOIN account a
	ON a.tenant = l.tenant AND a.store = l.store AND a.id = l.user_id)`

// Invariants checks everything that must always hold and says in words what
// does not, with the ids concerned and no subject or value. It reads the whole
// database and opens every record.
func (l *Ledger) Invariants(ctx context.Context) ([]string, error) {
	const op = "ledger.Invariants"
	var broken []string
	for _, i := range invariants {
		err := l.each(ctx, i.query, func(row scan) error {
			var id string
			err := row(&id)
			broken = append(broken, i.broken+": "+id)
			return err
		})
		if err != nil {
			return nil, failed(op, fmt.Errorf("%s: %w", i.broken, err))
		}
	}
	for _, check := range []func(context.Context) ([]string, error){l.recordsHold, l.waitingHolds, l.valuesHold} {
		more, err := check(ctx)
		if err != nil {
			return nil, failed(op, err)
		}
		broken = append(broken, more...)
	}
	return broken, nil
}

// recordsHold opens every record.
func (l *Ledger) recordsHold(ctx context.Context) (broken []string, err error) {
	err = l.each(ctx, `SELECT id, tenant, verdict, reason, user_id, sealed FROM decision`, func(row scan) error {
		var id, tenant, verdict, reason, user string
		var sealed []byte
		if err := row(&id, &tenant, &verdict, &reason, &user, &sealed); err != nil {
			return err
		}
		switch rec, err := l.unseal("record", sealed, recordAAD(tenant, id)); {
		case err != nil:
			broken = append(broken, "a record can't be opened: "+id)
		case rec.ID != id || rec.Decision.Verdict.String() != verdict ||
			rec.Decision.Reason != usher.Reason(reason) || rec.Decision.User != usher.UserID(user):
			broken = append(broken, "a decision's row does not say what its record says: "+id)
		case rec.Identity.Redacted && tells(rec):
			broken = append(broken, "a record of somebody who left tells who it was: "+id)
		}
		return nil
	})
	return broken, err
}

// tells reports whether a record holds a value of the person's.
func tells(rec usher.Record) bool {
	id, a := rec.Identity, rec.Answers
	values := slices.Concat(id.Username.Values, id.Groups.Values, id.Store.Values)
	for _, x := range id.Attributes {
		values = append(values, x.Values...)
	}
	read := slices.ContainsFunc(rec.Snapshot.Answers, func(x usher.Answer) bool { return x.Account != nil || x.Link != nil })
	return len(values) > 0 || read || a.Username != "" || len(a.Attributes) > 0
}

// waitingHolds opens everything that waits.
func (l *Ledger) waitingHolds(ctx context.Context) (broken []string, err error) {
	err = l.each(ctx, `SELECT id, tenant, hash, sealed FROM waiting`, func(row scan) error {
		var id, tenant string
		var h [32]byte
		var sealed []byte
		if err := row(&id, &tenant, hash{&h}, &sealed); err != nil {
			return err
		}
		switch rec, err := l.unseal("waiting", sealed, waitingAAD(tenant, h)); {
		case err != nil || rec.ID != id:
			broken = append(broken, "a waiting record can't be opened: "+id)
		case rec.Decision.Verdict != usher.VerdictPrompt:
			broken = append(broken, "somebody waits who was not asked: "+id)
		}
		return nil
	})
	return broken, err
}

// valuesHold compares what accounts are found by with what they hold. What was
// there before the index may be found by more than usher.Fold gives, never by
// less, and never by what it does not hold.
func (l *Ledger) valuesHold(ctx context.Context) (broken []string, err error) {
	must, may := map[[5]string]bool{}, map[[5]string]bool{}
	err = l.each(ctx, `SELECT tenant, store, id, attributes FROM account`, func(row scan) error {
		var tenant, in, id string
		var text []byte
		if err := row(&tenant, &in, &id, &text); err != nil {
			return err
		}
		var held []store.Attribute
		if err := json.Unmarshal(text, &held); err != nil {
			return err
		}
		for _, a := range held {
			for _, v := range a.Values {
				if folded, ok := usher.Fold(a.Name, v); ok {
					must[[5]string{tenant, in, id, a.Name, folded}] = true
				}
				if folded, ok := usher.Fold("", v); ok {
					may[[5]string{tenant, in, id, a.Name, folded}] = true
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = l.each(ctx, `SELECT tenant, store, user_id, attribute, folded FROM holds`, func(row scan) error {
		var k [5]string
		if err := row(&k[0], &k[1], &k[2], &k[3], &k[4]); err != nil {
			return err
		}
		if !may[k] {
			broken = append(broken, "an account is found by a value it does not hold: "+k[2])
		}
		delete(must, k)
		return nil
	})
	for k := range must {
		broken = append(broken, "an account is not found by a value it holds: "+k[2])
	}
	return broken, err
}

type scan = func(dest ...any) error

// each calls fn for every row of a query of what is committed.
func (l *Ledger) each(ctx context.Context, query string, fn func(scan) error, args ...any) error {
	return each(ctx, l.db.Read(), query, fn, args...)
}

func each(ctx context.Context, q store.Querier, query string, fn func(scan) error, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
