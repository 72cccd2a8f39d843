package op_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/op"
	"github.com/usher-id/usher/internal/session"
)

// endpoints are all places where something that was given counts for something.
func endpoints(w *world, g granted, code string) map[string]func() reply {
	return map[string]func() reply{
		"code":             func() reply { return w.client("payroll", "/token", w.redeeming("payroll", code)) },
		"userinfo":         func() reply { return w.userinfo(g.Access) },
		"introspection":    func() reply { return w.client("payroll", "/introspect", url.Values{"token": {g.Access}}) },
		"of refresh token": func() reply { return w.client("payroll", "/introspect", url.Values{"token": {g.Refresh}}) },
		"refresh":          func() reply { return w.client("payroll", "/token", refreshing(g.Refresh)) },
		"session":          func() reply { return w.do(get("/authorize", w.asking("payroll", "prompt", "none"))) },
	}
}

// good reports whether an endpoint gave what it was asked for.
func good(t *testing.T, r reply) bool {
	t.Helper()
	if r.status == http.StatusSeeOther {
		return r.to(t).Query().Get("code") != ""
	}
	return r.status == http.StatusOK && r.body != `{"active":false}`
}

// Whatever a person stood on is taken away: from that moment nothing counts at
// any endpoint. Nothing passes between the change and the question.
func TestA084_NothingOutlivesWhatItStandsOn(t *testing.T) {
	state := func(s usher.AccountState) func(testing.TB, *world) {
		return func(t testing.TB, w *world) { w.setState(t, ada, s) }
	}
	application := func(change func(*op.Application)) func(testing.TB, *world) {
		return func(_ testing.TB, w *world) { w.change("payroll", change) }
	}
	for name, change := range map[string]func(testing.TB, *world){
		"nothing":              nil,
		"provider off":         func(_ testing.TB, w *world) { w.provide("contoso", false) },
		"provider removed":     func(_ testing.TB, w *world) { w.forget("contoso") },
		"account disabled":     state(usher.StateDisabled),
		"account locked":       state(usher.StateLocked),
		"account pending":      state(usher.StatePending),
		"account expired":      state(usher.StateExpired),
		"application off":      application(func(a *op.Application) { a.Enabled = false }),
		"provider not allowed": application(func(a *op.Application) { a.Providers = []string{"local"} }),
	} {
		for _, endpoint := range slices.Sorted(maps.Keys(endpoints(nil, granted{}, ""))) {
			w := newWorld(t)
			g := w.signIn(t, "payroll", "scope", offline)
			ask := endpoints(w, g, w.code(t, "payroll"))[endpoint]
			if change != nil {
				change(t, w)
			}
			if r := ask(); good(t, r) != (change == nil) {
				t.Errorf("%s, %s: %d %s %s", name, endpoint, r.status, r.header.Get("Location"), r.body)
			}
		}
	}
}

// A person without an account has no place in an application that has come to
// need one.
func TestP081_TokensWithoutAnAccountEnd(t *testing.T) {
	w := newWorld(t)
	w.withoutAccount(t, "s-9")
	g := w.signIn(t, "payroll", "scope", offline)
	w.change("payroll", func(a *op.Application) { a.NeedsAccount = true })
	w.refused(t, "payroll", g)
}

// The session of a person without an account does not open an application that
// needs one: they go through the conversation, which decides.
func TestP081_SessionWithoutAnAccountIsNotEnough(t *testing.T) {
	w := newWorld(t)
	w.withoutAccount(t, "s-9")
	w.signIn(t, "payroll")
	w.change("other", func(a *op.Application) { a.NeedsAccount = true })
	w.asksAgain(t, "other", "login_required")
	w.person, w.reason = nil, usher.ReasonNeedsAccount
	if q := w.do(get("/authorize", w.asking("other"))).to(t).Query(); q.Get("error") != "access_denied" {
		t.Errorf("answered with %v", q)
	}
}

func TestSessionOfAProviderThatIsNotAllowed(t *testing.T) {
	w := newWorld(t)
	w.signIn(t, "payroll")
	w.change("other", func(a *op.Application) { a.Providers = []string{"fabrikam", "local"} })
	w.asksAgain(t, "other", "login_required")
	if got := w.started[len(w.started)-1].Providers; !slices.Equal(got, []string{"fabrikam", "local"}) {
		t.Errorf("the conversation may use %v", got)
	}
	w.change("other", func(a *op.Application) { a.Providers = append(a.Providers, "contoso") })
	w.reused(t, "other")
}

// What an application requires and the account does not have is asked for once:
// from then on the session is enough, here and everywhere.
func TestP078_RequiredAttributesAreAskedOnce(t *testing.T) {
	w := newWorld(t)
	w.signIn(t, "payroll")
	for _, app := range []string{"other", "rsa"} {
		w.change(app, func(a *op.Application) { a.Requires = []string{"email", "nickname"} })
	}
	w.asksAgain(t, "other", "interaction_required")
	w.setAttribute(t, ada, "nickname", "Countess")
	w.reused(t, "other")
	w.reused(t, "rsa")
	w.setAttribute(t, ada, "nickname", "")
	w.asksAgain(t, "rsa", "interaction_required")
}

// The same without an account, of what the provider said.
func TestP078_RequiredAttributesWithoutAnAccount(t *testing.T) {
	w := newWorld(t)
	w.withoutAccount(t, "s-9", usher.Held{Name: "email", Values: []string{"x@example.test"}})
	w.signIn(t, "payroll")
	w.change("other", func(a *op.Application) { a.Requires = []string{"email"} })
	w.reused(t, "other")
	w.change("other", func(a *op.Application) { a.Requires = []string{"email", "phone"} })
	w.asksAgain(t, "other", "interaction_required")
}

// The sub is that of the account; or, if the application wants it so, that of
// the provider's subject, which is the one the person had before there was an
// account.
func TestP080_SubjectOfTheAccountOrOfTheProvider(t *testing.T) {
	w := newWorld(t)
	for _, app := range []string{"other", "pair"} {
		w.change(app, func(a *op.Application) { a.FederatedSubject = true })
	}
	w.withoutAccount(t, "s-9")
	before := claims(t, w.signIn(t, "other").ID)["sub"]
	w.decided(t, "s-9", "payroll", usher.Decision{
		Verdict: usher.VerdictLink, Reason: usher.ReasonLinkedAuto, User: ada, Store: usher.PrimaryStore, Changes: []usher.Change{{Op: usher.OpLink}},
	})
	w.as(ada)
	w.person.Subject = "s-9"
	if sub := claims(t, w.signIn(t, "payroll").ID)["sub"]; sub != string(ada) {
		t.Errorf("the account's sub is %v", sub)
	}
	g := w.signIn(t, "other", "scope", "openid profile groups")
	about := w.userinfo(g.Access).json(t)
	if sub := claims(t, g.ID)["sub"]; sub != before || about["sub"] != before || about["preferred_username"] != "ada" || about["roles"] == nil {
		t.Errorf("%v became %v, userinfo %v", before, sub, about)
	}
	if sub := claims(t, w.signIn(t, "pair").ID)["sub"]; sub == before || sub == string(ada) {
		t.Errorf("the pairwise sub is %v", sub)
	}
	w.cookies = map[string]string{}
	w.person.IdP, w.person.Subject = usher.LocalIdP, string(ada)
	if sub := claims(t, w.signIn(t, "other").ID)["sub"]; sub != string(ada) {
		t.Errorf("after a sign-in by password it is %v", sub)
	}
}

// Attributes that are only passed on reach the application and stay in no account.
// They never take the place of what the account has.
func TestP030_PassedOnAndNotKept(t *testing.T) {
	w := newWorld(t)
	w.person.Person = []usher.Held{
		{Name: "email", Values: []string{"mallory@evil.test"}},
		{Name: "nickname", Values: []string{"Countess"}},
	}
	g := w.signIn(t, "payroll", "scope", "openid profile email")
	want := map[string]any{
		"sub": string(ada), "name": "Ada Lovelace", "given_name": "Ada", "preferred_username": "ada",
		"nickname": "Countess", "email": "ada@example.test", "email_verified": true,
	}
	if d := cmp.Diff(want, w.userinfo(g.Access).json(t)); d != "" {
		t.Error(d)
	}
	want = map[string]any{"sub": string(ada), "email": "ada@example.test", "email_verified": true}
	if d := cmp.Diff(want, w.userinfo(w.signIn(t, "modest", "scope", "openid email profile").Access).json(t)); d != "" {
		t.Errorf("without the scope: %s", d)
	}
	acc, err := w.ledger.Account(t.Context(), usher.DefaultTenant, usher.PrimaryStore, ada)
	if err != nil || slices.ContainsFunc(acc.Attributes, func(h usher.Held) bool { return h.Name == "nickname" }) {
		t.Errorf("the account has %v, %v", acc.Attributes, err)
	}
}

// What is known of an account is read in its own store.
func TestClaimsOfAnAccountInAnotherStore(t *testing.T) {
	w := newWorld(t)
	w.addAccountIn(t, corp, eve, "ada", usher.Change{Op: usher.OpSetAttribute, Name: "email", Values: []string{"eve@corp.test"}})
	w.as(eve)
	w.person.Store = corp
	g := w.signIn(t, "payroll", "scope", "openid email profile")
	want := map[string]any{"sub": string(eve), "preferred_username": "ada", "email": "eve@corp.test", "email_verified": false}
	if d := cmp.Diff(want, w.userinfo(g.Access).json(t)); d != "" {
		t.Error(d)
	}
	w.change("other", func(a *op.Application) { a.Requires = []string{"email"} })
	w.reused(t, "other")
}

// A sign-in by a password of ours says so, whoever began the session.
func TestPasswordIsTheMethod(t *testing.T) {
	w := newWorld(t)
	w.person.IdP, w.person.Subject, w.person.AMR = usher.LocalIdP, string(ada), nil
	if amr := claims(t, w.signIn(t, "payroll").ID)["amr"]; cmp.Diff(amr, []any{"pwd"}) != "" {
		t.Errorf("amr %v", amr)
	}
	w.cookies = map[string]string{}
	w.as(ada)
	w.person.AMR = nil
	if amr, ok := claims(t, w.signIn(t, "payroll").ID)["amr"]; ok {
		t.Errorf("a provider that said nothing has amr %v", amr)
	}
}

// Tokens go on when the session they hang on becomes another one.
func TestTokensOfAMovedSession(t *testing.T) {
	w := newWorld(t)
	g := w.signIn(t, "payroll", "scope", offline)
	first := w.cookies[session.CookieName]
	w.signIn(t, "payroll", "prompt", "login")
	from, to := hashOf(t, first), hashOf(t, w.cookies[session.CookieName])
	if err := w.ledger.Commit(t.Context(), func(tx *ledger.Tx) error { return tx.MoveSession(t.Context(), usher.DefaultTenant, from, to) }); err != nil {
		t.Fatal(err)
	}
	if r := w.userinfo(g.Access); r.status != http.StatusOK {
		t.Errorf("userinfo: %d %s", r.status, r.body)
	}
	g = w.client("payroll", "/token", refreshing(g.Refresh)).granted(t)
	w.provide("contoso", false)
	w.refused(t, "payroll", g)
}

// An access token that is meant for somebody else does not open userinfo: whom
// it is shown to could read there who the person is.
func TestUserinfoIsForTokensOfTheIssuer(t *testing.T) {
	w := newWorld(t)
	g := w.signIn(t, "toapi")
	if r := w.userinfo(g.Access); r.status != http.StatusUnauthorized || r.error() != "invalid_token" {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// The languages that the application asks for go to the conversation, and a wish
// that nobody reads is no error.
func TestLocalesGoAlong(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("a", 101)
	for asked, want := range map[string]string{"ar es": "ar es", "": "", "tlh": "tlh", long: ""} {
		w.code(t, "payroll", "ui_locales", asked, "prompt", "login")
		if got := w.started[len(w.started)-1].Locales; got != want {
			t.Errorf("%q became %q", asked, got)
		}
	}
}
