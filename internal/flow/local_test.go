package flow_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/flow"
	"github.com/usher-id/usher/internal/ledger"
)

// withPassword is a house in which ada has an account with a password.
func withPassword(t *testing.T) *house {
	t.Helper()
	h := newHouse(t, usher.WayPasswordConsent, "contoso", "fabrikam")
	h.local = true
	b := h.browser()
	page := b.prompted("contoso", "ada")
	b.admitted(b.say(page, "consent.account", "yes", "password", good))
	h.asker.requests, h.asker.sessions = nil, nil
	return h
}

func TestLocal_SignsIn(t *testing.T) {
	h := withPassword(t)
	b := h.browser()
	login, page := b.choice()
	if !strings.Contains(page.body, `action="/login/local"`) || !strings.Contains(page.body, "Contoso staff") {
		t.Error(page)
	}
	before := h.rows()
	b.admitted(b.local(login, " Ada ", good))
	s := h.asker.sessions[0]
	ada, _ := h.account("ada")
	if s.User != ada.ID || s.Store != usher.PrimaryStore || s.IdP != usher.LocalIdP || s.Subject != string(ada.ID) ||
		len(s.AMR) != 1 || s.AMR[0] != "pwd" || s.AuthTime != usher.Instant(h.clock().UnixMicro()) {
		t.Errorf("%+v", s)
	}
	if got := strings.Join(grown(before, h.rows()), " "); got != "decision policy session spent" {
		t.Error(got)
	}
	b.says(b.local(login, "ada", good), http.StatusBadRequest, usher.ReasonStateUsed)
	b.says(b.get("/login/go?login="+login+"&idp=contoso"), http.StatusBadRequest, usher.ReasonStateUsed)
}

func TestLocal_NoProvidersManyProvidersAndAHint(t *testing.T) {
	h := withPassword(t)
	h.provide()
	b := h.browser()
	login, page := b.choice()
	if strings.Contains(page.body, "<nav") || !strings.Contains(page.body, `action="/login/local"`) {
		t.Error(page)
	}
	b.admitted(b.local(login, "ada", good))

	h.provide("a", "b", "c", "d", "e")
	b = h.browser()
	login, page = b.choice()
	if strings.Contains(page.body, `type="password"`) || !strings.Contains(page.body, "/login/local?login="+login) {
		t.Error(page)
	}
	if page = b.get("/login/local?login=" + login); !strings.Contains(page.body, `type="password"`) || !strings.Contains(page.body, "/login?login="+login) {
		t.Error(page)
	}
	b.admitted(b.local(login, "ada", good))

	h.provide("contoso")
	h.start.IdPHint, h.start.LoginHint = usher.LocalIdP, "ada"
	b = h.browser()
	a := b.get("/authorize")
	if !strings.HasPrefix(a.location, "/login/local?login=") {
		t.Fatal(a)
	}
	if page = b.get(a.location); !strings.Contains(page.body, `value="ada"`) {
		t.Error(page)
	}
	h.local = false
	b.says(b.get("/authorize"), http.StatusNotFound, usher.ReasonProviderUnknown)
	b.says(b.get(a.location), http.StatusNotFound, usher.ReasonProviderUnknown)
	b.says(b.local(strings.TrimPrefix(a.location, "/login/local?login="), "ada", good), http.StatusNotFound, usher.ReasonProviderUnknown)
	h.start.IdPHint = ""
	if a := b.get("/authorize"); b.where(a) != "contoso" {
		t.Error("one provider and nothing else is no choice:", a)
	}
}

func TestA098_OnePageForEveryWrongSignIn(t *testing.T) {
	h := withPassword(t)
	h.person("dora", "dora", "dora@contoso.test")
	d := h.browser()
	h.change("contoso", func(p *usher.Policy) { p.JIT.Ask, p.Purposes = usher.WaySilent, nil })
	if a := d.arrive("contoso", "dora"); a.status != http.StatusSeeOther { // has no password
		t.Fatal(a)
	}
	p := h.browser()
	h.person("gone", "gone", "gone@contoso.test")
	h.change("contoso", func(pol *usher.Policy) { pol.JIT.Ask = usher.WayPasswordConsent })
	p.admitted(p.say(p.prompted("contoso", "gone"), "password", good))
	gone, _ := h.account("gone")
	if err := h.real.SetState(t.Context(), usher.DefaultTenant, usher.AccountRef{Store: usher.PrimaryStore, User: gone.ID}, usher.StateDisabled, "test"); err != nil {
		t.Fatal(err)
	}
	before := h.rows()["decision"]
	b := h.browser()
	login, _ := b.choice()
	first := ""
	for _, c := range [][2]string{{"ada", "wrong"}, {"nobody", "wrong"}, {"dora", "wrong"}, {"gone", "wrong"}, {"", ""}, {"ada", ""}, {"", good},
		{"a\u0000", "x"}, {strings.Repeat("a", 2000), "x"}, {"ada", strings.Repeat("x", 2000)}} {
		a := b.local(login, c[0], c[1])
		body := strings.ReplaceAll(a.body, `value="`+c[0]+`"`, `value=""`)
		if len(c[0]) > 1000 || strings.Contains(c[0], "\x00") {
			body = first
		}
		if first == "" {
			first = body
		}
		if a.status != http.StatusForbidden || body != first || !strings.Contains(a.body, "The username or the password is not right.") {
			t.Errorf("%.20q: %v", c, a)
		}
	}
	if n := h.rows()["decision"]; n != before {
		t.Error("an attempt left a decision")
	}
	b.admitted(b.local(login, "ada", good)) // the sign-in goes on
	// Whoever proves it is told.
	login, _ = b.choice()
	b.says(b.local(login, "gone", good), http.StatusForbidden, usher.ReasonAccountDisabled)
}

func TestA097_OneCounterForAllFormsOfAName(t *testing.T) {
	h := withPassword(t)
	b := h.browser()
	login, _ := b.choice()
	names := []string{"ada", "ADA", " ada ", "PRIMARY/ada", "primary/Ada", "\uff41da"}
	status := 0
	for i := range 12 {
		status = b.local(login, names[i%len(names)], "wrong").status
	}
	if status != http.StatusTooManyRequests {
		t.Error(status)
	}
	if a := b.local(login, "ada", good); a.status != http.StatusTooManyRequests || !strings.Contains(a.body, "too many attempts") || b.live() {
		t.Error(a)
	}
	if a := b.arrive("contoso", "ada"); !strings.HasPrefix(a.location, "https://app.test/") {
		t.Error("locked out of the provider, too:", a)
	}
	h.pass(16 * time.Minute)
	login, _ = b.choice()
	b.admitted(b.local(login, "ada", good))
}

func TestP060_AccountStates(t *testing.T) {
	h := withPassword(t)
	ada, _ := h.account("ada")
	ref := usher.AccountRef{Store: usher.PrimaryStore, User: ada.ID}
	for state, reason := range map[usher.AccountState]usher.Reason{
		usher.StateDisabled: usher.ReasonAccountDisabled, usher.StateLocked: usher.ReasonAccountLocked,
		usher.StatePending: usher.ReasonAccountPending, usher.StateExpired: usher.ReasonAccountExpired,
	} {
		if err := h.real.SetState(t.Context(), usher.DefaultTenant, ref, state, "test"); err != nil {
			t.Fatal(err)
		}
		for _, hides := range []bool{false, true} {
			h.hides = hides
			shown := map[bool]usher.Reason{false: reason, true: usher.ReasonAccountRefused}[hides]
			b := h.browser()
			a := b.arrive("contoso", "ada")
			b.says(a, http.StatusForbidden, shown)
			login, _ := b.choice()
			l := b.local(login, "ada", good)
			b.says(l, http.StatusForbidden, shown)
			if hides && (strings.Contains(a.body+l.body, string(reason)) || strings.Contains(a.body+l.body, reason.Said().Person)) {
				t.Error("the state is shown:", a)
			}
			_, rest, _ := strings.Cut(a.body, `class="whole" dir="ltr">`)
			correlation, _, _ := strings.Cut(rest, "<")
			rec, err := h.ledger.Explain(t.Context(), correlation)
			if err != nil || rec.Decision.Reason != reason {
				t.Errorf("the record has %s, %v", rec.Decision.Reason, err)
			}
		}
	}
}

func TestChooser_OffersWhatTheApplicationAllows(t *testing.T) {
	h := withPassword(t)
	h.start.Providers = []string{"fabrikam"}
	b := h.browser()
	if a := b.get("/authorize"); b.where(a) != "fabrikam" {
		t.Error(a)
	}
	h.start.IdPHint = "contoso"
	b.says(b.get("/authorize"), http.StatusForbidden, usher.ReasonProviderNotAllowed)
	h.start.IdPHint = usher.LocalIdP
	b.says(b.get("/authorize"), http.StatusNotFound, usher.ReasonProviderUnknown)
	h.start.IdPHint, h.start.Providers = "", []string{"fabrikam", usher.LocalIdP}
	login, page := b.choice()
	if strings.Contains(page.body, "Contoso") || !strings.Contains(page.body, "Fabrikam") || !strings.Contains(page.body, `action="/login/local"`) {
		t.Error(page)
	}
	b.says(b.get("/login/go?login="+login+"&idp=contoso"), http.StatusForbidden, usher.ReasonProviderNotAllowed)
	h.start.Providers = []string{"northwind"}
	b.says(b.get("/authorize"), http.StatusForbidden, usher.ReasonProviderNotAllowed)
}

func TestSession_AnotherSignInTakesItsPlace(t *testing.T) {
	h := newHouse(t, usher.WaySilent, "contoso")
	b := h.browser()
	b.arrive("contoso", "ada")
	first := h.asker.sessions[0]
	family := ledger.Family{
		ID: "f", Tenant: usher.DefaultTenant, Application: "payroll", Session: first.Hash, User: first.User, Store: first.Store, IdP: first.IdP,
		Sub: "x", Scope: "openid", Decision: first.Decision, Created: first.Created, Expires: first.Expires,
	}
	if err := h.ledger.Commit(t.Context(), func(tx *ledger.Tx) error { return tx.BeginFamily(t.Context(), family) }); err != nil {
		t.Fatal(err)
	}
	h.person("ada", "ada", "ada@contoso.test", "phone", "+44 20 7946")
	b.arrive("contoso", "ada")
	if _, err := h.ledger.Session(t.Context(), usher.DefaultTenant, first.Hash); usher.KindOf(err) != usher.NotFound {
		t.Error("the earlier session lives on:", err)
	}
	got, err := h.ledger.Family(t.Context(), usher.DefaultTenant, "f")
	if err != nil || got.Revoked || got.Session != h.asker.sessions[1].Hash {
		t.Errorf("%+v %v", got, err)
	}
	b.arrive("contoso", "bob")
	if got, err := h.ledger.Family(t.Context(), usher.DefaultTenant, "f"); err == nil && !got.Revoked {
		t.Errorf("somebody else's sign-in left it: %+v", got)
	}
}

func TestP030_PassingAttributesStayInTheSession(t *testing.T) {
	h := newHouse(t, usher.WaySilent, "contoso")
	id := h.people["ada"]
	id.Attributes = append(id.Attributes, usher.Attribute{Name: "shift", Passing: true, Derived: usher.Derived{
		Presence: usher.PresenceSet, Values: []string{"night-shift"}, Rule: "mapping.attributes.shift"}})
	h.people["ada"] = id
	h.browser().arrive("contoso", "ada")
	s := h.asker.sessions[0]
	if len(s.Person) != 1 || s.Person[0].Name != "shift" || s.User == "" {
		t.Errorf("%+v", s)
	}
	if a, _ := h.account("ada"); held(a, "shift") != "" {
		t.Error("it is stored")
	}
}

func TestForgot_OnePageForEverybody(t *testing.T) {
	h := withPassword(t)
	b := h.browser()
	b.says(b.get("/login/forgot"), http.StatusNotFound, usher.ReasonPageNotFound)
	h.mails = true
	login, page := b.choice()
	if !strings.Contains(page.body, "/login/forgot?login="+login) {
		t.Error(page)
	}
	if page = b.get("/login/forgot?login=" + login); !strings.Contains(page.body, `action="/login/forgot"`) {
		t.Error(page)
	}
	first := ""
	for _, name := range []string{"ada", "nobody", "ada@contoso.test", "x@y.test"} {
		a := b.do("POST", "/login/forgot", url.Values{"login": {login}, "username": {name}})
		if first == "" {
			first = a.body
		}
		if a.status != http.StatusOK || a.body != first || !strings.Contains(a.body, "on its way") || !strings.Contains(a.body, "/login/local?login="+login) {
			t.Error(name, a)
		}
	}
	b.site = "cross-site"
	b.says(b.do("POST", "/login/forgot", url.Values{"username": {"ada"}}), http.StatusForbidden, usher.ReasonCrossOrigin)
}

// code issues a code for ada, as an operator does.
func (h *house) code() string {
	h.t.Helper()
	ada, _ := h.account("ada")
	code, _, err := h.credentials.Issue(h.t.Context(), usher.DefaultTenant, usher.AccountRef{Store: usher.PrimaryStore, User: ada.ID})
	if err != nil {
		h.t.Fatal(err)
	}
	h.secret(code)
	return code
}

func TestReset_SetsThePasswordOnce(t *testing.T) {
	h := withPassword(t)
	signedIn := h.browser()
	signedIn.arrive("contoso", "ada")
	b := h.browser()
	void := h.code()
	code := h.code()
	for range 3 { // looking does not use it up
		if a := b.get("/login/reset?code=" + code); a.status != http.StatusOK || !strings.Contains(a.body, `autocomplete="new-password"`) {
			t.Fatal(a)
		}
	}
	set := func(code, password string) answer {
		h.secret(password)
		return b.do("POST", "/login/reset", url.Values{"code": {code}, "password": {password}})
	}
	if a := set(code, "short"); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `href="#password"`) || strings.Contains(a.body, `value="short"`) {
		t.Error(a)
	}
	for _, wrong := range []string{"", "x", void, code[:len(code)-1], code + "A", strings.Repeat("A", 300)} {
		b.says(b.get("/login/reset?code="+wrong), http.StatusNotFound, usher.ReasonResetUnknown)
		b.says(set(wrong, good+"2"), http.StatusNotFound, usher.ReasonResetUnknown)
	}
	if a := set(code, good+"2"); a.status != http.StatusOK || !strings.Contains(a.body, "Your new password is set") {
		t.Fatal(a)
	}
	b.says(set(code, good+"3"), http.StatusNotFound, usher.ReasonResetUnknown)
	if signedIn.live() {
		t.Error("the sessions live on")
	}
	login, _ := b.choice()
	if a := b.local(login, "ada", good); a.status != http.StatusForbidden {
		t.Error("the old password:", a)
	}
	b.admitted(b.local(login, "ada", good+"2"))
}

func TestPages_InEveryLanguage(t *testing.T) {
	h := withPassword(t)
	h.mails = true
	h.purposes = map[string]flow.PurposeText{"calls": {Title: map[string]string{"de": "Anrufe"}, Description: map[string]string{"de": "Wir rufen an."}}}
	h.change("fabrikam", func(p *usher.Policy) { p.JIT.Ask = usher.WayUsername })
	for _, language := range []string{"en", "es", "ar"} {
		h.start.Locales = language + " en"
		dir := map[bool]string{true: "rtl", false: "ltr"}[language == "ar"]
		b := h.browser()
		login, page := b.choice()
		for name, a := range map[string]answer{
			"chooser": page, "local": b.get("/login/local?login=" + login), "wrong": b.local(login, "x", "y"),
			"forgot": b.get("/login/forgot?login=" + login), "ask": b.prompted("fabrikam", "bob"),
			"refused": b.get("/login/go?login=" + login + "&idp=nobody"),
		} {
			if !strings.Contains(a.body, fmt.Sprintf(`<html lang="%s" dir="%s">`, language, dir)) {
				t.Errorf("%s in %s: %v", name, language, a)
			}
		}
	}
}

func TestCheck_TellsOfPatternsOnly(t *testing.T) {
	h := withPassword(t)
	h.demands = policyOf(t, `[a-z]{3,8}`)
	h.demands.Messages = map[string]map[string]string{"username": {"": "Three to eight letters, please."}}
	h.change("fabrikam", func(p *usher.Policy) { p.JIT.Ask = usher.WayUsername })
	b := h.browser()
	page := b.prompted("fabrikam", "bob")
	check := func(field, value string) answer {
		return b.do("POST", "/login/check", url.Values{"login": {page.login()}, "field": {field}, "value": {value}})
	}
	for _, c := range [][3]string{
		{"username", "ada", `{"ok":true}`}, {"username", "grace", `{"ok":true}`}, // one of them is taken
		{"username", "x1", `{"ok":false,"message":"Three to eight letters, please."}`},
		{"password", good, `{"ok":true}`}, {"password", "short", `{"ok":false,"message":"This is too short."}`},
	} {
		if a := check(c[0], c[1]); a.status != http.StatusOK || strings.TrimSpace(a.body) != c[2] {
			t.Error(c, a)
		}
	}
	b.says(check("attribute.email", "x"), http.StatusBadRequest, usher.ReasonRequestInvalid)
	b.site = "cross-site"
	b.says(check("username", "ada"), http.StatusForbidden, usher.ReasonCrossOrigin)
	b.site = "same-origin"
	other := h.browser()
	other.says(other.do("POST", "/login/check", url.Values{"login": {page.login()}, "field": {"username"}, "value": {"x"}}), http.StatusBadRequest, usher.ReasonStateForeign)
	limited := 0
	for range 320 {
		if check("username", "ada").status == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited < 20 || limited > 60 {
		t.Error(limited)
	}
}

func TestP078_WhoSignsInHereIsAskedToo(t *testing.T) {
	h := withPassword(t)
	h.change(usher.LocalIdP, func(p *usher.Policy) {
		p.Application.Requires, p.JIT.AskFor = []string{"phone"}, []string{"phone"}
	})
	b := h.browser()
	login, _ := b.choice()
	a := b.local(login, "ada", good)
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, "/login/ask?login=") || b.live() {
		t.Fatal(a)
	}
	page := b.get(a.location)
	second := b.local(login, "ada", good) // in another tab of the same choice
	b.admitted(b.say(page, "attribute.phone", "+44 20 7946 0000"))
	b.says(b.get(second.location), http.StatusBadRequest, usher.ReasonStateUsed)
	if a, _ := h.account("ada"); held(a, "phone") != "+44 20 7946 0000" {
		t.Error(a)
	}
}

func TestA022_NobodyIsAskedWhoMayNotCome(t *testing.T) {
	h := newHouse(t, usher.WayUsername, "contoso")
	h.change("contoso", func(p *usher.Policy) { p.JIT.NoMatch = usher.NoMatchDeny })
	b := h.browser()
	b.says(b.arrive("contoso", "ada"), http.StatusForbidden, usher.ReasonNoMatch)
	if n := h.rows()["waiting"]; n != 0 || b.live() {
		t.Error(n)
	}
}
