package ledger

import (
	"context"
	"fmt"

	"github.com/usher-id/usher"
)

// there is every account that exists or existed. An account that was removed may
// leave links and sessions behind: they lead nowhere, and the next sign-in or
// their expiry removes them.
const there = `(SELECT tenant, store, id FROM account UNION SELECT tenant, store, user_id FROM gone)`

// admitting are the verdicts that let a person in.
const admitting = `('passThrough', 'create', 'link', 'update')`

// invariants are what must never be found, each with the query that finds it by
// name. None of it can come about through this package; the queries are here to
// prove it, in tests and after an accident.
var invariants = []struct{ broken, query string }{
	{"a link leads to no account",
		`SELECT idp || '/' || user_id FROM link WHERE pending = 0 AND store = 'PRIMARY' AND (tenant, store, user_id) NOT IN ` + there},
	{"a link was made by no decision",
		`SELECT idp || '/' || user_id FROM link WHERE (tenant, user_id) NOT IN
		(SELECT tenant, user_id FROM decision WHERE verdict IN ('create', 'link'))`},
	{"a subject has more than one link",
		`SELECT idp || '/' || user_id FROM link GROUP BY tenant, idp, subject HAVING count(*) > 1`},
	{"a username is taken twice",
		`SELECT id FROM account GROUP BY tenant, store, canonical HAVING count(*) > 1`},
	{"an account made at sign-in has no link",
		`SELECT id FROM account WHERE (tenant, id) IN (SELECT tenant, user_id FROM decision WHERE verdict = 'create')
		AND (tenant, store, id) NOT IN (SELECT tenant, store, user_id FROM link)`},
	{"a decision that let someone in names an account that never was",
		`SELECT id FROM decision WHERE verdict IN ` + admitting + ` AND user_id <> '' AND store = 'PRIMARY'
		AND (tenant, store, user_id) NOT IN ` + there},
	{"a decision has no policy",
		`SELECT id FROM decision WHERE policy NOT IN (SELECT version FROM policy)`},
	{"a membership belongs to no account",
		`SELECT user_id FROM membership WHERE (tenant, store, user_id) NOT IN (SELECT tenant, store, id FROM account)`},
	{"provenance belongs to no account",
		`SELECT user_id FROM provenance WHERE store = 'PRIMARY' AND (tenant, store, user_id) NOT IN (SELECT tenant, store, id FROM account)`},
	{"provenance names a decision that never was",
		`SELECT user_id FROM provenance WHERE source_kind = 'idp' AND decision NOT IN (SELECT id FROM decision)`},
	{"a grant belongs to no account",
		`SELECT user_id FROM granted WHERE store = 'PRIMARY' AND (tenant, store, user_id) NOT IN (SELECT tenant, store, id FROM account)`},
	{"a grant names a decision that never was",
		`SELECT user_id FROM granted WHERE source_kind = 'idp' AND decision NOT IN (SELECT id FROM decision)`},
	{"a group is granted to someone who is not in it",
		`SELECT user_id FROM granted WHERE kind = 'group' AND store = 'PRIMARY' AND (tenant, store, user_id, name) NOT IN
		(SELECT tenant, store, user_id, name FROM membership)`},
	{"an alias belongs to no account",
		`SELECT user_id FROM alias WHERE (tenant, user_id) NOT IN (SELECT tenant, id FROM account)`},
	{"the outbox tells of a decision that never was",
		`SELECT decision FROM outbox WHERE decision NOT IN (SELECT id FROM decision)`},
	{"a session has no decision that let someone in",
		`SELECT decision FROM session WHERE (tenant, decision) NOT IN
		(SELECT tenant, id FROM decision WHERE verdict IN ` + admitting + `)`},
	{"a session belongs to an account that never was",
		`SELECT user_id FROM session WHERE user_id <> '' AND store = 'PRIMARY' AND (tenant, store, user_id) NOT IN ` + there},
	{"a session belongs to an account without its link",
		`SELECT user_id FROM session WHERE user_id <> '' AND (tenant, store, user_id) IN (SELECT tenant, store, id FROM account)
		AND (tenant, idp, subject, user_id) NOT IN (SELECT tenant, idp, subject, user_id FROM link)`},
	{"a code belongs to an account that never was",
		`SELECT user_id FROM code WHERE user_id <> '' AND (tenant, 'PRIMARY', user_id) NOT IN ` + there},
	{"a token family belongs to an account that never was",
		`SELECT user_id FROM family WHERE user_id <> '' AND (tenant, 'PRIMARY', user_id) NOT IN ` + there},
}

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
	err := l.each(ctx, `SELECT id, tenant, verdict, reason, user_id, sealed FROM decision`, func(row scan) error {
		var id, tenant, verdict, reason, user string
		var sealed []byte
		if err := row(&id, &tenant, &verdict, &reason, &user, &sealed); err != nil {
			return err
		}
		switch rec, err := l.unseal(tenant, id, sealed); {
		case err != nil:
			broken = append(broken, "a record can't be opened: "+id)
		case rec.ID != id || rec.Decision.Verdict.String() != verdict ||
			rec.Decision.Reason != usher.Reason(reason) || rec.Decision.User != usher.UserID(user):
			broken = append(broken, "a decision's row does not say what its record says: "+id)
		}
		return nil
	})
	return broken, failed(op, err)
}

type scan = func(dest ...any) error

// each calls fn for every row of a query.
func (l *Ledger) each(ctx context.Context, query string, fn func(scan) error) error {
	rows, err := l.db.read.QueryContext(ctx, query)
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
