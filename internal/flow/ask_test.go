package flow_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/flow"
	"github.com/usher-id/usher/internal/store"
)

const good = "correct horse battery"

func TestP010_P014_ConsentOnOnePageAndOnce(t *testing.T) {
	h := newHouse(t, usher.WayConsent, "contoso")
	h.purposes = map[string]flow.PurposeText{
		"account": {Title: map[string]string{"en": "Your account", "es": "Su cuenta"}, PolicyURL: "https://policy.test/"},
		"calls":   {Title: map[string]string{"en": "Calls"}, Description: map[string]string{"en": "We may call you."}},
	}
	b := h.browser()
	page := b.prompted("contoso", "ada")
	if diff := cmp.Diff([]string{"consent.account", "consent.calls", "consent.calls.phone"}, page.fields()); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"Your account", "ada@contoso.test", "We may call you.", `href="https://policy.test/"`, "Payroll"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("%q is not on the page: %s", want, page)
		}
	}
	if _, ok := h.account("ada"); ok || b.live() {
		t.Fatal("there is an account before she agreed")
	}
	b.admitted(b.say(page, "consent.account", "yes"))
	a, ok := h.account("ada")
	if !ok || held(a, "email") != "ada@contoso.test" {
		t.Fatal(a)
	}
	if got := b.arrive("contoso", "ada"); !strings.HasPrefix(got.location, "https://app.test/cb?code=1") {
		t.Error("asked a second time:", got)
	}
}

func TestP077_ReceiptSaysWhatWasShown(t *testing.T) {
	h := newHouse(t, usher.WayConsent, "contoso")
	h.purposes = map[string]flow.PurposeText{"account": {Title: map[string]string{"en": "A", "es": "B"}, PolicyURL: "https://policy.test/"}}
	h.start.Locales = "es en"
	b := h.browser()
	page := b.prompted("contoso", "ada")
	if !strings.Contains(page.body, `lang="es"`) || !strings.Contains(page.body, "Un paso más") {
		t.Error(page)
	}
	b.admitted(b.say(page, "consent.account", "yes"))
	a, _ := h.account("ada")
	got, err := h.ledger.Receipts(t.Context(), usher.DefaultTenant, usher.PrimaryStore, a.ID)
	if err != nil || len(got) == 0 {
		t.Fatal(got, err)
	}
	i := slices.IndexFunc(got, func(r ledgerReceipt) bool { return r.Consent.Purpose == "account" })
	want := usher.Consent{Purpose: "account", Version: 1, Accepted: true, Attributes: []string{"email"}, Language: "es", PolicyURL: "https://policy.test/"}
	if i < 0 {
		t.Fatal(got)
	}
	if diff := cmp.Diff(want, got[i].Consent); diff != "" || got[i].Application != "payroll" || got[i].Given == 0 {
		t.Error(diff, got[i])
	}
}

func TestP011_PasswordIsSetAndWorksHere(t *testing.T) {
	h := newHouse(t, usher.WayPasswordConsent, "contoso", "fabrikam")
	h.local = true
	b := h.browser()
	page := b.prompted("contoso", "ada")
	if !slices.Contains(page.fields(), "password") || slices.Contains(page.fields(), "username") || strings.Contains(page.body, good) {
		t.Error(page)
	}
	for _, wrong := range []string{"", "short"} {
		a := b.say(page, "consent.account", "yes", "consent.calls", "yes", "password", wrong)
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `href="#password"`) || !strings.Contains(a.body, `name="consent.calls" value="yes" checked`) {
			t.Errorf("%q: %v", wrong, a)
		}
	}
	b.admitted(b.say(page, "consent.account", "yes", "password", good))
	other := h.browser()
	login, _ := other.choice()
	if a := other.local(login, "ada", good+"!"); a.status != http.StatusForbidden || other.live() {
		t.Error(a)
	}
	other.admitted(other.local(login, "ADA", good))
}

func TestP012_UsernamePasswordConsent(t *testing.T) {
	h := newHouse(t, usher.WayUsername, "contoso")
	b := h.browser()
	page := b.prompted("contoso", "ada")
	if diff := cmp.Diff([]string{"username", "password", "consent.account", "consent.calls", "consent.calls.phone"}, page.fields()); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(page.body, `value="ada"`) {
		t.Error("it is not proposed:", page)
	}
	b.admitted(b.say(page, "consent.account", "yes", "password", good, "username", "  Countess "))
	if a, ok := h.account("countess"); !ok || a.Username != "Countess" {
		t.Error(a)
	}
	h.change("contoso", func(p *usher.Policy) { p.JIT.NoPrefill = true })
	if page := h.browser().prompted("contoso", "bob"); strings.Contains(page.body, `value="bob"`) {
		t.Error("it is proposed:", page)
	}
}

func TestP012_TakenUsernameIsAskedForAgain(t *testing.T) {
	h := newHouse(t, usher.WayUsername, "contoso")
	first := h.browser()
	first.admitted(first.say(first.prompted("contoso", "ada"), "consent.account", "yes", "password", good, "username", "ada"))
	b := h.browser()
	page := b.prompted("contoso", "bob")
	page = b.again(page, "consent.account", "yes", "consent.calls", "yes", "password", good, "username", "ADA")
	if !strings.Contains(page.body, "This is taken") || !strings.Contains(page.body, `href="#username"`) || strings.Contains(page.body, "ada@contoso.test") {
		t.Error(page)
	}
	if !strings.Contains(page.body, `name="consent.calls" value="yes" checked`) || strings.Contains(page.body, good) {
		t.Error("the answers are lost, or the password is not:", page)
	}
	if !slices.Contains(page.fields(), "password") {
		t.Error("no way to give the password again")
	}
	b.admitted(b.say(page, "consent.account", "yes", "password", good, "username", "bob"))
}

func TestP013_DeclineLeavesNothing(t *testing.T) {
	h := newHouse(t, usher.WayUsername, "contoso")
	before := h.rows()
	b := h.browser()
	page := b.prompted("contoso", "ada")
	page = b.again(page, "username", "root", "password", good, "consent.account", "yes", "consent.calls", "yes")
	a := b.say(page, "do", "decline", "username", "ada")
	b.says(a, http.StatusForbidden, usher.ReasonPromptDeclined)
	if !strings.Contains(a.body, "Return to Payroll") || b.live() {
		t.Error(a)
	}
	h.onlyDecided(before)
	b.says(b.get("/login/ask?login="+page.login()), http.StatusBadRequest, usher.ReasonStateUsed)
	b.says(b.say(page, "consent.account", "yes"), http.StatusBadRequest, usher.ReasonStateUsed)
}

func TestP013_AbandonLeavesNothing(t *testing.T) {
	h := newHouse(t, usher.WayConsent, "contoso")
	before := h.rows()
	b := h.browser()
	page := b.prompted("contoso", "ada")
	h.pass(10*time.Minute + time.Second)
	if err := h.real.Expire(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.onlyDecided(before)
	b.says(b.get("/login/ask?login="+page.login()), http.StatusBadRequest, usher.ReasonStateExpired)
	b.says(b.say(page, "consent.account", "yes"), http.StatusBadRequest, usher.ReasonStateExpired)
	if b.live() {
		t.Error("let in")
	}
}

// onlyDecided checks that a decision and what counts once is all there is more,
// and that it holds nothing of ada.
func (h *house) onlyDecided(before map[string]int) {
	h.t.Helper()
	if diff := cmp.Diff([]string{"decision", "policy", "spent"}, grown(before, h.rows())); diff != "" {
		h.t.Error(diff)
	}
}

func TestP016_PromptsWorkWithoutLocalSignIn(t *testing.T) {
	h := newHouse(t, usher.WayUsername, "contoso")
	h.local = false
	b := h.browser()
	b.admitted(b.say(b.prompted("contoso", "ada"), "username", "ada", "password", good, "consent.account", "yes"))
}

func TestP074_P075_P076_ConsentIsEnforcedHere(t *testing.T) {
	h := newHouse(t, usher.WayConsent, "contoso")
	h.person("ada", "ada", "ada@contoso.test", "nickname", "Countess", "phone", "+442071234567")
	b := h.browser()
	page := b.prompted("contoso", "ada")
	if strings.Contains(page.body, "Countess") || slices.Contains(page.fields(), "consent.account.nickname") {
		t.Error("asks about what no purpose is about:", page)
	}
	a := b.say(page, "consent.calls", "yes", "consent.calls.phone", "yes")
	if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `href="#consent.account"`) || b.live() {
		t.Error(a)
	}
	if _, ok := h.account("ada"); ok {
		t.Error("an account was made")
	}
	b.admitted(b.say(page, "consent.account", "yes", "consent.calls", "yes"))
	if a, _ := h.account("ada"); held(a, "phone") != "" || held(a, "email") == "" {
		t.Error("a refused attribute is stored:", a)
	}
}

func TestP078_WhatAnApplicationRequiresIsAskedOnce(t *testing.T) {
	h := newHouse(t, usher.WaySilent, "contoso")
	h.change("contoso", func(p *usher.Policy) {
		p.Application.Requires, p.JIT.AskFor = []string{"email", "phone"}, []string{"phone"}
	})
	b := h.browser()
	page := b.prompted("contoso", "ada")
	if diff := cmp.Diff([]string{"attribute.phone"}, page.fields()); diff != "" || !strings.Contains(page.body, `type="tel"`) {
		t.Error(diff, page)
	}
	for _, wrong := range []string{"", "   ", strings.Repeat("1", 1001), "+44\x00", "\xff"} {
		if a := b.say(page, "attribute.phone", wrong); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `href="#attribute.phone"`) {
			t.Errorf("%q: %v", wrong, a)
		}
	}
	b.admitted(b.say(page, "attribute.phone", " +44 20 "))
	if a, _ := h.account("ada"); held(a, "phone") != "+44 20" {
		t.Error(a)
	}
	if a := b.arrive("contoso", "ada"); !strings.HasPrefix(a.location, "https://app.test/") {
		t.Error("asked a second time:", a)
	}
}

func TestP079_OnlyWhatWasAskedIsHeard(t *testing.T) {
	h := newHouse(t, usher.WayConsent, "contoso")
	b := h.browser()
	page := b.prompted("contoso", "ada")
	b.admitted(b.say(page, "consent.account", "yes", "username", "root", "password", good, "attribute.accountLocked", "false", "attribute.phone", "+1",
		"attribute.email", "root@contoso.test", "consent.calls.email", "yes", "consent.account.role", "yes", "consent.spy", "yes", "role", "admin", "store", "CORP", "user", "x", "claim", "1"))
	a, ok := h.account("ada")
	if !ok || a.Username != "ada" || held(a, "email") != "ada@contoso.test" || len(a.Attributes) != 1 || len(a.Grants) != 0 || a.Password != usher.CredentialNone {
		t.Errorf("%+v", a)
	}
	for _, r := range a.Receipts {
		if r.Purpose == "spy" || slices.Contains(r.Attributes, "role") || r.Purpose == "calls" && len(r.Attributes) > 0 {
			t.Errorf("%+v", r)
		}
	}
}

func TestP017_P019_TheServerDecides(t *testing.T) {
	h := newHouse(t, usher.WayUsername, "contoso")
	h.demands = policyOf(t, `[a-z]{3,8}`)
	h.demands.Messages = map[string]map[string]string{"username": {"": "Three to eight letters, please."}}
	b := h.browser()
	page := b.prompted("contoso", "ada")
	page = b.again(page, "username", "x1", "password", good, "consent.account", "yes")
	if !strings.Contains(page.body, "Three to eight letters, please.") {
		t.Error(page)
	}
	b.admitted(b.say(page, "username", "ada", "password", good, "consent.account", "yes"))
}

func TestAsk_TooManyTries(t *testing.T) {
	h := newHouse(t, usher.WayUsername, "contoso")
	before := h.rows()
	b := h.browser()
	page := b.prompted("contoso", "ada")
	for range 20 {
		page = b.again(page, "username", "root", "password", good, "consent.account", "yes")
	}
	a := b.say(page, "username", "ada", "password", good, "consent.account", "yes")
	b.says(a, http.StatusForbidden, usher.ReasonPromptExhausted)
	h.onlyDecided(before)
}

func TestAsk_OneSignInAtATime(t *testing.T) {
	h := newHouse(t, usher.WayConsent, "contoso")
	b := h.browser()
	page := b.prompted("contoso", "ada")
	if a := b.do("HEAD", "/login/ask?login="+page.login(), nil); a.status != http.StatusMethodNotAllowed {
		t.Error(a)
	}
	b.says(b.get("/login/ask"), http.StatusBadRequest, usher.ReasonStateMissing)
	b.says(b.get("/login/ask?login=x"), http.StatusBadRequest, usher.ReasonRequestInvalid)
	b.says(b.get("/login/ask?login="+page.login()+"&login="+page.login()), http.StatusBadRequest, usher.ReasonRequestInvalid)
	b.says(b.get("/login?login="+page.login()), http.StatusBadRequest, usher.ReasonRequestInvalid)
	b.says(b.get(back("contoso", page.login(), "ada")), http.StatusBadRequest, usher.ReasonRequestInvalid)
	form := url.Values{"login": {page.login()}, "consent.account": {"yes"}}
	for i := range 301 {
		form.Set("x"+strings.Repeat("x", i), "")
	}
	b.says(b.do("POST", "/login/ask", form), http.StatusTooManyRequests, usher.ReasonTooMuch)
}

func policyOf(t *testing.T, username string) store.Policy {
	t.Helper()
	p, err := compile(username)
	if err != nil {
		t.Fatal(err)
	}
	return store.Policy{Username: p}
}
