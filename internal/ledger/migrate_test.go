package ledger_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/storetest"
)

// before is a database as the first migration left it: somebody with an account,
// somebody without, and refusals of both kinds.
var before = []string{
	`INSERT INTO policy VALUES ('v1', '{}')`,
	`INSERT INTO account VALUES ('default', 'PRIMARY', 'u1', 'Ann', 'ann', 'active',
		'[{"name":"email","values":["Ann@Contoso.test","x"]},{"name":"city","values":["KRAKÓW","",' || json_quote(printf('%.321c', 'x')) || ']},{"name":"none","values":[]}]', 1, 1)`,
	`INSERT INTO account VALUES ('default', 'PRIMARY', 'u2', 'bob', 'bob', 'active', '[{"name":"email","values":["ann@contoso.test"]}]', 1, 1)`,
	`INSERT INTO membership VALUES ('default', 'PRIMARY', 'u1', 'platform')`,
	`INSERT INTO link VALUES ('default', 'contoso', '1', 'PRIMARY', 'u1', 0, 5, 6), ('default', 'fabrikam', '1', 'PRIMARY', 'u2', 0, 5, 6)`,
	`INSERT INTO decision VALUES ('d1', 'default', 7, 'create', 'create.new', 'contoso', 'wiki', 'PRIMARY', 'u1', 'v1', x'00'),
		('d2', 'default', 7, 'create', 'create.new', 'fabrikam', 'wiki', 'PRIMARY', 'u2', 'v1', x'00'),
		('d3', 'default', 7, 'passThrough', 'pass.no_match', 'contoso', 'wiki', '', '', 'v1', x'00'),
		('d4', 'default', 7, 'deny', 'assertion.signature', 'contoso', 'wiki', '', '', 'v1', x'00'),
		('d5', 'default', 7, 'deny', 'match.none', 'contoso', 'wiki', '', '', 'v1', x'00')`,
	`INSERT INTO outbox VALUES (1, 'default', 'user.created', 'PRIMARY', 'u1', 'd1', '{}', 7, NULL)`,
	`INSERT INTO session VALUES ('default', $a, 'u1', 'PRIMARY', 'contoso', '1', 7, '', '[]', 'd1', NULL, 7, 9e15),
		('default', $b, '', '', 'contoso', '2', 7, '', '[]', 'd3', NULL, 7, 9e15)`,
	`INSERT INTO code VALUES ('default', $a, 'wiki', $a, 'f1', 'u1', 'u1', 'https://wiki.test/cb', '', '', 'openid', 7, '', '[]', 'd1', 9e15, 0)`,
	`INSERT INTO family VALUES ('default', 'f1', 'wiki', $a, 'u1', 'u1', 'openid', '', 7, '', '[]', 'd1', 0, 0, 7, 9e15, 0),
		('default', 'f2', 'wiki', $b, '', 'p', 'openid', '', 7, '', '[]', 'd3', 0, 1, 7, 9e15, 0),
		('default', 'f3', 'wiki', $a, 'u1', 'u1', 'openid', '', 7, '', '[]', 'no longer there', 0, 1, 7, 9e15, 0)`,
}

// first makes a database by the first migration alone, with rows in it.
func first(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "usher.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("migrations"), goose.WithDisableGlobalRegistry(true))
	if err == nil {
		_, err = p.UpTo(t.Context(), 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range before {
		s = strings.NewReplacer("$a", "unhex('"+strings.Repeat("aa", 32)+"')", "$b", "unhex('"+strings.Repeat("bb", 32)+"')", "9e15", "9000000000000000").Replace(s)
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return path
}

func TestDatabaseOfTheFirstSchemaIsBroughtUpToDate(t *testing.T) {
	w := (&storetest.World{Path: first(t), Clock: storetest.NewClock(), Stores: map[string]store.Policy{usher.PrimaryStore: {}}}).Again(t)
	ctx, l := t.Context(), w.Ledger
	a, b := [32]byte([]byte(strings.Repeat("\xaa", 32))), [32]byte([]byte(strings.Repeat("\xbb", 32)))

	f := must(l.Family(ctx, "default", "f1"))(t)
	if f.Store != usher.PrimaryStore || f.IdP != "contoso" || f.Session != a || f.Revoked {
		t.Errorf("the family of an account is %+v", f)
	}
	if f := must(l.Family(ctx, "default", "f2"))(t); f.Store != "" || f.IdP != "contoso" || f.Revoked {
		t.Errorf("the family without one is %+v", f)
	}
	if f := must(l.Family(ctx, "default", "f3"))(t); f.Store != usher.PrimaryStore || f.IdP != "" || f.Revoked {
		t.Errorf("the family without its decision is %+v", f)
	}
	commit(t, w, func(tx *ledger.Tx) error {
		c, err := tx.RedeemCode(ctx, "default", a)
		if c.Store != usher.PrimaryStore || c.IdP != "contoso" || c.User != "u1" {
			t.Errorf("the code is %+v", c)
		}
		return err
	})
	got := must(l.Linked(ctx, "default", "contoso", "1"))(t)
	if got.Link.Issuer != "" || got.Account == nil || got.Account.Password != usher.CredentialNone || !slices.Equal(got.Account.Links, []string{"contoso"}) {
		t.Errorf("linked: %+v, %+v", got.Link, got.Account)
	}

	d, _ := l.Driver(usher.PrimaryStore)
	for value, want := range map[[2]string][]usher.UserID{
		{"email", "ann@contoso.test"}: {"u1", "u2"}, {"email", "Ann@Contoso.test"}: nil, {"city", "krakÓw"}: {"u1"}, {"city", ""}: nil,
		{"city", strings.Repeat("x", 321)}: nil, {"none", ""}: nil,
	} {
		if ids := must(d.Holders(ctx, "default", value[0], value[1], 5))(t); !cmp.Equal(ids, want) {
			t.Errorf("%v is held by %v, want %v", value, ids, want)
		}
	}
	if p := must(d.Password(ctx, "default", "u1"))(t); p != (store.Password{}) {
		t.Errorf("the password is %+v", p)
	}
	if e := must(l.Undelivered(ctx, 10))(t); len(e) != 1 || e[0].Name != "user.created" || e[0].Tries != 0 || e[0].Secret != nil {
		t.Errorf("undelivered: %+v", e)
	}
	broken := must(l.Invariants(ctx))(t)
	if broken = slices.DeleteFunc(broken, func(s string) bool { return strings.HasPrefix(s, "a record can't be opened: ") }); len(broken) > 0 {
		t.Errorf("broken: %v", broken)
	}

	// The old refusal that anybody could cause is old enough to go, and it alone.
	if err := l.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if n := len(w.Dump(t)["decision"]); n != 4 {
		t.Errorf("%d decisions are left, want 4", n)
	}
	// Somebody without an account gets one, and what they had as such ends.
	rec := storetest.Person{Tenant: "default", IdP: "contoso", Subject: "2", Username: "eve"}.First(w.Clock.Instant())
	rec.Policy.Version = "v1"
	storetest.MustApply(t, l, rec)
	_, err := l.Session(ctx, "default", b)
	wantKind(t, "the session without an account", err, usher.NotFound)
	if f := must(l.Family(ctx, "default", "f2"))(t); !f.Revoked {
		t.Error("its family lives on")
	}
	w.MustExec(t, `PRAGMA foreign_keys = ON`, `DELETE FROM account WHERE id = 'u1'`)
	if ids := must(d.Holders(ctx, "default", "email", "ann@contoso.test", 5))(t); !cmp.Equal(ids, []usher.UserID{"u2"}) {
		t.Errorf("without Ann it is held by %v", ids)
	}
}
