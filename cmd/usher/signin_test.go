package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idptest"
)

// The main job, end to end: a stranger gets an account, comes back as the same
// person, and the story can be told.
func TestP002_P009_P014_FirstAndSecondSignIn(t *testing.T) {
	w := newWorld(t,
		upstream{name: "contoso", policy: createPolicy, people: []idptest.Person{person("s-1", "ann", "eng")}},
		upstream{name: "partner", policy: mapping, people: []idptest.Person{person("s-1", "bob")}})
	first := w.mustSignIn(t, "contoso", "s-1")
	second := w.mustSignIn(t, "contoso", "s-1")
	if first.Claims.Sub != second.Claims.Sub {
		t.Errorf("the second sign-in is %s, the first was %s", second.Claims.Sub, first.Claims.Sub)
	}
	acc, err := w.ledger.Account(t.Context(), usher.DefaultTenant, usher.PrimaryStore, usher.UserID(first.Claims.Sub))
	if err != nil {
		t.Fatal(err)
	}
	if acc.Username != "ann" || acc.Store != usher.PrimaryStore || len(acc.Groups) != 1 || acc.Groups[0] != "platform" {
		t.Errorf("the account is %+v", acc)
	}
	for _, a := range acc.Attributes {
		if a.Source.Kind != usher.SourceIdP || a.Source.Name != "contoso" || a.Source.Rule == "" || a.Source.Decision == "" || !a.Intact {
			t.Errorf("attribute %s has no whole provenance: %+v", a.Name, a.Source)
		}
	}
	reasons := rows[string](t, w, "SELECT reason FROM decision ORDER BY at")
	if want := "create.new update.unchanged"; strings.Join(reasons, " ") != want {
		t.Errorf("decided %v, want %s", reasons, want)
	}
}

// Just-in-time provisioning is off unless it is switched on, provider by
// provider: the person passes through without an account. Once an account is
// made, the application that knew them keeps the sub it saw.
func TestP001_P002_PassThroughAndTheSubThatStays(t *testing.T) {
	w := newWorld(t, upstream{name: "contoso", policy: mapping, people: []idptest.Person{person("s-1", "ann")}})
	before := w.mustSignIn(t, "contoso", "s-1")
	if n := w.count(t, "account") + w.count(t, "link"); n != 0 {
		t.Fatalf("%d rows were made although provisioning is off", n)
	}
	if again := w.mustSignIn(t, "contoso", "s-1"); again.Claims.Sub != before.Claims.Sub {
		t.Error("a person without an account has another sub at the second sign-in")
	}
	if strings.Contains(before.Claims.Sub, "s-1") {
		t.Error("the sub shows the provider's subject")
	}

	w.restart(t, func(config string) string { return config + "\njit: { enabled: true }\n" })
	after := w.mustSignIn(t, "contoso", "s-1")
	if after.Claims.Sub != before.Claims.Sub {
		t.Error("the application knows the person by another sub since there is an account")
	}
	if n := w.count(t, "account"); n != 1 {
		t.Errorf("%d accounts, want 1", n)
	}
}

// The same subject from two providers is two people.
func TestA007_SameSubjectTwoProviders(t *testing.T) {
	w := newWorld(t,
		upstream{name: "one", policy: createPolicy, people: []idptest.Person{person("same", "ann")}},
		upstream{name: "two", policy: createPolicy, people: []idptest.Person{person("same", "bob")}})
	w.providers["two"].Misbehave(idptest.Tamper{Claims: func(c map[string]any) { c["email"] = "bob@partner.test" }})
	if a, b := w.mustSignIn(t, "one", "same"), w.mustSignIn(t, "two", "same"); a.Claims.Sub == b.Claims.Sub {
		t.Error("two providers' people became one account")
	}
}

// Subjects are compared byte by byte, all the way to the database and back.
func TestA004_SubjectsAreByteExact(t *testing.T) {
	people := []idptest.Person{}
	for i, sub := range []string{"abc", "ABC", "abc ", "caf\u00e9", "cafe\u0301"} {
		people = append(people, person(sub, "user"+string(rune('a'+i))))
	}
	w := newWorld(t, upstream{name: "contoso", policy: createPolicy, people: people})
	seen := map[string]string{}
	for _, p := range people {
		as := func(c map[string]any) {
			c["sub"], c["preferred_username"], c["email"] = p.ID, p.Name, p.Name+"@contoso.test"
		}
		w.providers["contoso"].Misbehave(idptest.Tamper{Claims: as, Userinfo: as})
		tok := w.mustSignIn(t, "contoso", "abc")
		if other, ok := seen[tok.Claims.Sub]; ok {
			t.Errorf("%q is taken for %q", p.ID, other)
		}
		seen[tok.Claims.Sub] = p.ID
	}
}

// What can't be a subject is refused with its reason, and nothing is written
// but the decision.
func TestA001_A002_A003_A006_SubjectsRefused(t *testing.T) {
	w := newWorld(t, upstream{name: "contoso", policy: createPolicy, people: []idptest.Person{person("s-1", "ann", "eng")}})
	for name, c := range map[string]struct {
		sub  any
		want string
	}{
		"missing": {gone, "subject.missing"}, "null": {nil, "subject.missing"},
		"empty": {"", "subject."}, "blank": {" \t", "subject.blank"}, "control": {"\x01\x02", "subject.blank"},
		"number": {12345678901234567, "subject.not_text"}, "bool": {true, "subject.not_text"},
		"list": {[]string{"a"}, "subject.not_text"}, "object": {map[string]any{"a": 1}, "subject.not_text"},
		"256 bytes": {strings.Repeat("x", 256), "subject.too_long"}, "10 kB": {strings.Repeat("x", 10_000), "subject.too_long"},
	} {
		t.Run(name, func(t *testing.T) {
			change := func(claims map[string]any) {
				claims["sub"] = c.sub
				if c.sub == gone {
					delete(claims, "sub")
				}
			}
			w.providers["contoso"].Misbehave(idptest.Tamper{Claims: change})
			tok, p, err := w.signIn(t.Context(), "contoso", "s-1")
			if err != nil || tok.ID != "" || p.status != http.StatusForbidden || !strings.Contains(p.body, c.want) {
				t.Errorf("status %d, %v; want 403 with %s, decided %v", p.status, err, c.want, rows[string](t, w, "SELECT reason FROM decision ORDER BY at DESC LIMIT 1"))
			}
		})
	}
	for _, table := range []string{"account", "link", "membership", "granted", "provenance", "session", "code", "outbox"} {
		if n := w.count(t, table); n != 0 {
			t.Errorf("%d rows in %s after nothing but refusals", n, table)
		}
	}
}

// gone stands for a claim that is not sent at all.
const gone = "\x00gone"

// A refusal names a reason and a correlation id that explain understands, for
// decisions and for refusals at the door alike.
func TestP072_EveryRefusalCanBeExplained(t *testing.T) {
	w := newWorld(t, upstream{name: "contoso",
		policy: "admit: { emailDomains: [contoso.test], verified: true }\n" + createPolicy,
		people: []idptest.Person{{ID: "s-1", Name: "Ann", Claims: idptest.Always(map[string]any{
			"preferred_username": "ann", "email": "ann@contoso.test", "email_verified": false,
		})}}})
	_, p, err := w.signIn(t.Context(), "contoso", "s-1")
	if err != nil {
		t.Fatal(err)
	}
	ids := rows[string](t, w, "SELECT id FROM decision")
	if len(ids) != 1 || !strings.Contains(p.body, ids[0]) || !strings.Contains(p.body, "admit.refused") {
		t.Fatalf("the page does not name the decision %v\n%s", ids, p.body)
	}
	told, err := w.explain(t.Context(), w.kit, ids[0])
	if err != nil || !strings.Contains(told, "admit.refused") || strings.Contains(told, "ann@contoso.test") {
		t.Errorf("%v\n%s", err, told)
	}

	p, err = newBrowser().get(t.Context(), w.issuer+"/idp/contoso/callback?state=x&code=y")
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(p.body, "r-")
	for at >= 0 {
		id := strings.FieldsFunc(p.body[at:], func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz234567-", r) })[0]
		if told, err = w.explain(t.Context(), w.kit, id); err == nil && strings.Contains(told, "flow.state_") {
			return
		}
		next := strings.Index(p.body[at+2:], "r-")
		if next < 0 {
			break
		}
		at += 2 + next
	}
	t.Errorf("no explainable id on the page:\n%s", p.body)
}

// A sign-in begun before a restart is finished after it.
func TestF034_RestartInTheMiddle(t *testing.T) {
	w := newWorld(t, upstream{name: "contoso", policy: createPolicy, people: []idptest.Person{person("s-1", "ann")}})
	b := newBrowser()
	b.header.Set(personHeader, "s-1")
	to, a := w.authorize(url.Values{"idp_hint": {"contoso"}})
	for range 2 { // to the provider, and its answer
		p, err := b.get(t.Context(), to)
		if err != nil || p.location == "" {
			t.Fatal(p.status, err)
		}
		to = p.location
	}
	w.restart(t, func(config string) string { return config })
	p, err := b.follow(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.redeem(t.Context(), b, p, a); err != nil {
		t.Error(err)
	}
}

// An empty folder is enough to start.
func TestServeInAnEmptyFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	cfg, err := load(defaultConfig)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	s, err := start(ctx, cfg, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{databaseFile, masterFile} {
		info, err := os.Stat(filepath.Join(cfg.Server.Data, name))
		if err != nil {
			t.Error(err)
		} else if name == masterFile && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	if err := os.Remove(filepath.Join(cfg.Server.Data, masterFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := start(t.Context(), cfg, slog.New(slog.DiscardHandler), time.Now); usher.KindOf(err) != usher.Invalid {
		t.Errorf("started without the key file that its database needs: %v", err)
	}
}
