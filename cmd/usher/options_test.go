package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idptest"
	"github.com/usher-id/usher/internal/store"
)

const passphrase = "correct horse battery"

// Provisioning is off by default, and set for each provider.
func TestP001_P002_ProvisioningOfEachProvider(t *testing.T) {
	w := newWorld(t,
		upstream{name: "one", policy: mapping, people: []idptest.Person{person("s-1", "ann")}},
		upstream{name: "two", policy: jit(""), people: []idptest.Person{person("s-2", "bob")}})
	w.mustSignIn(t, "one", "s-1")
	if n := w.count(t, "account"); n != 0 {
		t.Errorf("%d accounts though it is off", n)
	}
	w.mustSignIn(t, "two", "s-2")
	if got := w.inStore(t, "PRIMARY"); got != "[bob]" {
		t.Errorf("the accounts are %s", got)
	}
}

// Accounts are made where the policy says: PRIMARY if it says nothing, one that
// is named, or the one before the slash of the username.
func TestP003_P004_P005_P006_StoreOfNewAccounts(t *testing.T) {
	people := []idptest.Person{person("s-1", "corp/ann"), person("s-2", "bob"), person("s-3", "NOPE/eve")}
	w := newWorldWith(t, "", corp,
		upstream{name: "fixed", policy: jit("store: CORP"), people: []idptest.Person{person("s-4", "dan")}},
		upstream{name: "name", policy: jit("store: { from: username, unknown: PRIMARY }"), people: people},
		upstream{name: "strict", policy: jit("store: { from: username }"), people: []idptest.Person{person("s-5", "NOPE/fay")}})
	w.mustSignIn(t, "fixed", "s-4")
	for _, p := range people {
		w.mustSignIn(t, "name", p.ID)
	}
	if got := w.inStore(t, "CORP"); got != "[ann dan]" {
		t.Errorf("CORP has %s", got)
	}
	if got := w.inStore(t, "PRIMARY"); got != "[NOPE/eve bob]" {
		t.Errorf("PRIMARY has %s", got)
	}
	if told := rows[int](t, w, "SELECT count(*) FROM outbox WHERE event = 'store.fallback'")[0]; told != 1 {
		t.Errorf("the fallback was told %d times", told)
	}
	if _, p, err := w.signIn(t.Context(), "strict", "s-5"); err != nil || !strings.Contains(p.body, "store.unknown") {
		t.Errorf("an unknown store: status %d, %v", p.status, err)
	}
	w.mustSignIn(t, "fixed", "s-4") // and found again in its own store
	if got := w.inStore(t, "CORP"); got != "[ann dan]" {
		t.Errorf("CORP has %s after a second sign-in", got)
	}
}

// An update goes to the store of the linked account, whatever the policy says by now.
func TestP059_UpdateGoesToTheLinkedStore(t *testing.T) {
	name := "Ann"
	p := person("s-1", "ann")
	claims := p.Claims
	p.Claims = func(n int) map[string]any { c := claims(n); c["name"] = name; return c }
	w := newWorldWith(t, "", corp, upstream{name: "contoso", policy: jit("store: CORP, sync: { attributes: override }"), people: []idptest.Person{p}})
	first := w.mustSignIn(t, "contoso", "s-1")
	w.restart(t, func(config string) string { return strings.Replace(config, "store: CORP", "store: PRIMARY", 1) })
	name = "Ann Moved"
	if again := w.mustSignIn(t, "contoso", "s-1"); again.Claims.Sub != first.Claims.Sub {
		t.Error("somebody else was found")
	}
	held := rows[string](t, w, "SELECT attributes FROM account WHERE store = 'CORP'")
	if len(held) != 1 || !strings.Contains(held[0], "Ann Moved") || w.count(t, "account") != 1 {
		t.Errorf("CORP holds %v", held)
	}
}

// The four ways of asking: what is asked, that nothing is there before the answer,
// and that nobody is asked twice.
func TestP009_P010_P011_P012_P014_P016_FourWays(t *testing.T) {
	for way, c := range map[string]struct {
		fields []string
		answer url.Values
		name   string
	}{
		"nothing":                   {name: "ann"},
		"consent":                   {[]string{"consent"}, url.Values{"consent.account": {"yes"}}, "ann"},
		"password+consent":          {[]string{"consent", "password"}, url.Values{"consent.account": {"yes"}, "password": {passphrase}}, "ann"},
		"username+password+consent": {[]string{"consent", "password", "username"}, url.Values{"consent.account": {"yes"}, "password": {passphrase}, "username": {"ann.chosen"}}, "ann.chosen"},
	} {
		t.Run(way, func(t *testing.T) {
			w := newWorldWith(t, "localSignIn: true\n", "", upstream{name: "contoso", policy: jit("ask: " + way), people: []idptest.Person{person("s-1", "ann")}})
			if c.fields != nil {
				b, p, a := w.asks(t, "contoso", "s-1")
				for _, f := range []string{"consent", "password", "username"} {
					has := strings.Contains(p.body, `name="`+f)
					if want := strings.Contains(strings.Join(c.fields, " "), f); has != want {
						t.Errorf("%s is asked: %v", f, has)
					}
				}
				if n := w.count(t, "account") + w.count(t, "link") + w.count(t, "decision"); n != 0 {
					t.Errorf("%d rows before the answer", n)
				}
				w.finish(t, b, p, a, c.answer)
			}
			w.mustSignIn(t, "contoso", "s-1") // without a page between
			if got := w.inStore(t, "PRIMARY"); got != "["+c.name+"]" {
				t.Errorf("the account is %s", got)
			}
			if strings.Contains(way, "password") {
				if tok, p := w.here(t, c.name, passphrase); tok.ID == "" {
					t.Errorf("the password does not work here: %d", p.status)
				}
				if tok, p := w.here(t, c.name, "another horse"); tok.ID != "" || !strings.Contains(p.body, "not right") {
					t.Errorf("a wrong password: status %d", p.status)
				}
			}
		})
	}
}

// Whoever says no, or does not come back, leaves no row but the decision, and
// that knows nothing of who it was.
func TestP013_DeclinedAndAbandoned(t *testing.T) {
	w := newWorldWith(t, "", "", upstream{name: "contoso", policy: jit("ask: consent"), people: []idptest.Person{person("s-1", "ann"), person("s-2", "bob")}})
	b, p, _ := w.asks(t, "contoso", "s-1")
	if next := w.answer(t, b, p, url.Values{"do": {"decline"}}); !strings.Contains(next.body, "prompt.declined") {
		t.Errorf("declined: status %d\n%s", next.status, next.body)
	}
	w.asks(t, "contoso", "s-2")
	story, err := w.explain(t.Context(), w.kit, rows[string](t, w, "SELECT id FROM waiting")[0])
	if err != nil || !strings.Contains(story, "was asked first") || !strings.Contains(story, `consent to the purpose "account"`) {
		t.Errorf("whoever waits is explained as %q, %v", story, err)
	}
	for _, table := range []string{"account", "link", "granted", "provenance", "receipt", "session", "outbox", "holds"} {
		if n := w.count(t, table); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
	for _, id := range rows[string](t, w, "SELECT id FROM decision") {
		rec, err := w.ledger.Explain(t.Context(), id)
		if err != nil || rec.Decision.Reason != usher.ReasonPromptDeclined {
			t.Errorf("%s is %s, %v", id, rec.Decision.Reason, err)
		}
		if s := text(t, rec.Decision) + "|" + rec.Identity.Sub(); strings.Contains(s, "s-1") || len(rec.Identity.Username.Values) > 0 {
			t.Errorf("the record knows who it was: %s", s)
		}
	}
}

// Another purpose version asks again, a refused optional attribute is not kept,
// and taking a consent back removes what it alone justified.
func TestP075_P076_P077_Consent(t *testing.T) {
	purpose := "---\nkind: Purpose\nname: account\nversion: 1\nmandatory: true\nattributes: [ { name: email, mandatory: true }, { name: displayName } ]\n" +
		"texts: { en: { title: Your account, description: To know you again. } }\npolicyUrl: https://example.com/privacy\n"
	w := newWorldWith(t, "", purpose, upstream{name: "contoso", policy: jit("ask: consent, purposes: [account]"), people: []idptest.Person{person("s-1", "ann")}})
	b, p, a := w.asks(t, "contoso", "s-1")
	if next := w.answer(t, b, p, url.Values{}); next.location != "" || w.count(t, "account") != 0 {
		t.Fatal("a mandatory purpose was refused and an account was made")
	}
	tok := w.finish(t, b, p, a, url.Values{"consent.account": {"yes"}})
	held := rows[string](t, w, "SELECT attributes FROM account")[0]
	if !strings.Contains(held, "email") || strings.Contains(held, "displayName") {
		t.Errorf("the account holds %s", held)
	}
	ref := usher.AccountRef{Store: "PRIMARY", User: usher.UserID(tok.Claims.Sub)}
	receipts, err := w.ledger.Receipts(t.Context(), "default", ref.Store, ref.User)
	if err != nil || len(receipts) != 1 {
		t.Fatalf("%d receipts, %v", len(receipts), err)
	}
	r := receipts[0]
	if c := r.Consent; c.Purpose != "account" || c.Version != 1 || !c.Accepted || c.Language != "en" || c.PolicyURL != "https://example.com/privacy" ||
		r.Given == 0 || r.Decision == "" || r.IdP != "contoso" || r.Application != "app" || r.User != ref.User {
		t.Errorf("the receipt is %+v", r)
	}
	w.mustSignIn(t, "contoso", "s-1")
	w.restart(t, func(config string) string { return strings.Replace(config, "version: 1", "version: 2", 1) })
	b, p, a = w.asks(t, "contoso", "s-1")
	w.finish(t, b, p, a, url.Values{"consent.account": {"yes"}, "consent.account.displayName": {"yes"}})
	if held := rows[string](t, w, "SELECT attributes FROM account")[0]; !strings.Contains(held, "displayName") {
		t.Errorf("agreed to, and not kept: %s", held)
	}
	receipts, err = w.ledger.Receipts(t.Context(), "default", ref.Store, ref.User)
	if err != nil || len(receipts) != 2 {
		t.Fatalf("%d receipts, %v", len(receipts), err)
	}
	if err := w.path.Withdraw(t.Context(), "default", receipts[0].ID, "test"); err != nil {
		t.Fatal(err)
	}
	if held := rows[string](t, w, "SELECT attributes FROM account")[0]; held != "[]" {
		t.Errorf("withdrawn, and still kept: %s", held)
	}
}

// A silently made account has no password, and no password policy is in its way.
func TestP020_NoPasswordNoPasswordPolicy(t *testing.T) {
	policy := "---\nkind: UserStore\nname: PRIMARY\npolicy: { password: { pattern: '^never$', message: never } }\n"
	w := newWorldWith(t, "localSignIn: true\n", policy, upstream{name: "contoso", policy: jit(""), people: []idptest.Person{person("s-1", "ann")}},
		upstream{name: "asking", policy: jit("ask: password+consent"), people: []idptest.Person{person("s-2", "bob")}})
	w.mustSignIn(t, "contoso", "s-1")
	if tok, _ := w.here(t, "ann", ""); tok.ID != "" {
		t.Error("an account without a password is open")
	}
	b, p, _ := w.asks(t, "asking", "s-2")
	if next := w.answer(t, b, p, url.Values{"consent.account": {"yes"}, "password": {passphrase}}); !strings.Contains(next.body, "never") || w.inStore(t, "PRIMARY") != "[ann]" {
		t.Errorf("a typed password is not checked: %d", next.status)
	}
}

// A name that is made up is the account's own id.
func TestP024_OpaqueUsername(t *testing.T) {
	w := newWorld(t, upstream{name: "contoso", policy: jit("username: generated"), people: []idptest.Person{person("s-1", "ann")}})
	tok := w.mustSignIn(t, "contoso", "s-1")
	if got := w.inStore(t, "PRIMARY"); got != "["+tok.Claims.Sub+"]" {
		t.Errorf("the account of %s is called %s", tok.Claims.Sub, got)
	}
}

// Whoever is called like the administrator is nobody special, and gets no such name.
func TestP048_A020_NameOfTheAdministrator(t *testing.T) {
	w := newWorldWith(t, "privileged: { roles: [admin] }\n", "", upstream{name: "contoso", policy: jit("usernameConflict: suffix"), people: []idptest.Person{person("s-1", "Admin")}})
	tok := w.mustSignIn(t, "contoso", "s-1")
	acc, err := w.ledger.Account(t.Context(), "default", "PRIMARY", usher.UserID(tok.Claims.Sub))
	if err != nil || acc.Username == "Admin" || len(acc.Grants) > 0 {
		t.Errorf("the account is %s with %v, %v", acc.Username, acc.Grants, err)
	}
}

// Names that differ in case are one name, unless the store keeps case.
func TestP101_UsernamesAndCase(t *testing.T) {
	people := []idptest.Person{person("s-1", "Bob"), person("s-2", "bob")}
	w := newWorldWith(t, "", "---\nkind: UserStore\nname: EXACT\npolicy: { username: { keepCase: true } }\n",
		upstream{name: "folded", policy: jit(""), people: people},
		upstream{name: "exact", policy: jit("store: EXACT"), people: people})
	w.mustSignIn(t, "folded", "s-1")
	if _, p, err := w.signIn(t.Context(), "folded", "s-2"); err != nil || !strings.Contains(p.body, "create.username_taken") {
		t.Errorf("bob beside Bob: status %d, %v", p.status, err)
	}
	w.mustSignIn(t, "exact", "s-1")
	w.mustSignIn(t, "exact", "s-2")
	if got := w.inStore(t, "EXACT"); got != "[Bob bob]" {
		t.Errorf("EXACT has %s", got)
	}
}

// Every decision tells who, from where, by which rule, and what changed; and
// every value of an account where it came from.
func TestP104_P105_EveryChangeAndItsSource(t *testing.T) {
	w := newWorld(t, upstream{name: "contoso", policy: createPolicy, people: []idptest.Person{person("s-1", "ann", "eng")}})
	tok := w.mustSignIn(t, "contoso", "s-1")
	id := rows[string](t, w, "SELECT id FROM decision")[0]
	story, err := w.explain(t.Context(), w.kit, id)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"contoso", "create.new", tok.Claims.Sub, `made the account "ann"`, `wrote the attribute "email" (mapping.attributes.email)`, `added to the group "platform"`, "linked"} {
		if !strings.Contains(story, want) {
			t.Errorf("the story does not tell %q:\n%s", want, story)
		}
	}
	var out bytes.Buffer
	d := &desk{vault: w.vault, cfg: w.cfg, path: w.path, out: &out}
	ref, err := d.find(t.Context(), "ann")
	if err == nil {
		err = d.show(t.Context(), ref, nil)
	}
	if err == nil {
		err = d.list(t.Context(), "PRIMARY")
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"PRIMARY/ann", "mapping.attributes.email", "contoso", "jit.sync.groupMap", "s-1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not shown:\n%s", want, out.String())
		}
	}
}

// What a provider wrote is edited by nobody else, if its policy locks it.
func TestP106_LockedAttributes(t *testing.T) {
	w := newWorld(t, upstream{name: "contoso", policy: jit("sync: { lock: true }"), people: []idptest.Person{person("s-1", "ann")}},
		upstream{name: "open", policy: jit(""), people: []idptest.Person{person("s-2", "bob")}})
	for idp, want := range map[string]usher.Kind{"contoso": usher.Denied, "open": usher.Internal} {
		id := map[string]string{"contoso": "s-1", "open": "s-2"}[idp]
		ref := usher.AccountRef{Store: "PRIMARY", User: usher.UserID(w.mustSignIn(t, idp, id).Claims.Sub)}
		err := w.path.Edit(t.Context(), "default", ref, "test", []store.Attribute{{Name: "displayName", Values: []string{"Edited"}}}, nil)
		if (err != nil) != (want == usher.Denied) || err != nil && usher.KindOf(err) != want {
			t.Errorf("%s: %v", idp, err)
		}
		if err := w.path.Edit(t.Context(), "default", ref, "test", []store.Attribute{{Name: "nickname", Values: []string{"A"}}}, nil); err != nil {
			t.Errorf("%s: an attribute of nobody's: %v", idp, err)
		}
	}
}

// A picture is an address for the application; nobody here fetches it.
func TestA042_PictureIsNotFetched(t *testing.T) {
	var hits atomic.Int32
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer inside.Close()
	p := person("s-1", "ann")
	claims := p.Claims
	for _, address := range []string{"http://169.254.169.254/", inside.URL + "/x.png"} {
		p.Claims = func(n int) map[string]any { c := claims(n); c["picture"] = address; return c }
		w := newWorld(t, upstream{name: "contoso", policy: strings.Replace(jit(""), "displayName: claims.?name", "picture: claims.?picture", 1), people: []idptest.Person{p}})
		w.mustSignIn(t, "contoso", "s-1")
		if held := rows[string](t, w, "SELECT attributes FROM account")[0]; !strings.Contains(held, address) {
			t.Errorf("%s is not kept as text: %s", address, held)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("it was fetched %d times", n)
	}
}

// A locked, disabled, pending or expired account is refused with its own word,
// or with one for all where states are hidden; and nothing changes the state.
func TestP060_P061_AccountStates(t *testing.T) {
	for _, hide := range []bool{false, true} {
		keys := ""
		if hide {
			keys = "hideStates: true\n"
		}
		w := newWorldWith(t, keys, "", upstream{name: "contoso", policy: jit(""), people: []idptest.Person{person("s-1", "ann")}})
		ref := usher.AccountRef{Store: "PRIMARY", User: usher.UserID(w.mustSignIn(t, "contoso", "s-1").Claims.Sub)}
		for _, state := range []usher.AccountState{usher.StateLocked, usher.StateDisabled, usher.StatePending, usher.StateExpired} {
			if err := w.path.SetState(context.WithoutCancel(t.Context()), "default", ref, state, "test"); err != nil {
				t.Fatal(err)
			}
			want := "account." + string(state)
			if hide {
				want = "account.refused"
			}
			_, p, err := w.signIn(t.Context(), "contoso", "s-1")
			if err != nil || p.status != http.StatusForbidden || !strings.Contains(p.body, want) {
				t.Errorf("hidden %v, %s: status %d, %v", hide, state, p.status, err)
			}
			if got := rows[string](t, w, "SELECT reason FROM decision ORDER BY id DESC LIMIT 1")[0]; got != "account."+string(state) {
				t.Errorf("decided %s", got)
			}
			if got := rows[string](t, w, "SELECT state FROM account")[0]; got != string(state) {
				t.Errorf("the state is %s, was %s", got, state)
			}
		}
	}
}
