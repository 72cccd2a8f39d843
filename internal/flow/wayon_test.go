package flow_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
)

const home = `href="https://app.test/"`

// conflicts is the house of confirms in which northwind's people whose name is
// taken are asked, and one whose name is.
func conflicts(t *testing.T) *house {
	t.Helper()
	h := confirms(t)
	h.change("northwind", func(p *usher.Policy) {
		p.JIT.UsernameConflict, p.JIT.Ask, p.Purposes, p.Stores = usher.ConflictAsk, usher.WaySilent, nil, []usher.StorePolicy{{Toggle: on(usher.PrimaryStore)}}
	})
	h.person("n1", "ada", "other@contoso.test")
	return h
}

func TestAsk_NameInTheWayIsShown(t *testing.T) {
	h := conflicts(t)
	b := h.browser()
	page := b.prompted("northwind", "n1")
	for _, want := range []string{`value="ada"`, "This is taken", "Yes, it is mine"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("%q is missing: %s", want, page)
		}
	}
	a := b.say(page, "username", " ")
	if a.status != http.StatusUnprocessableEntity || strings.Contains(a.body, `value="ada"`) || strings.Contains(a.body, "Yes, it is mine") {
		t.Error("a field to fill in is filled in, or asks about a name that can't be seen:", a)
	}
	h.change("northwind", func(p *usher.Policy) { p.JIT.NoPrefill = true })
	page = h.browser().prompted("northwind", "n1")
	if strings.Contains(page.body, `value="ada"`) || strings.Contains(page.body, "This is taken") || strings.Contains(page.body, "Yes, it is mine") {
		t.Error("speaks of a name that it does not show:", page)
	}
}

func TestAsk_AllThatIsWrongAtOnce(t *testing.T) {
	h := newHouse(t, usher.WayUsername, "contoso")
	h.demands = policyOf(t, `[a-z]{3,8}`)
	b := h.browser()
	page := b.prompted("contoso", "ada")
	a := b.say(page, "username", "x1", "password", "")
	last := -1
	for _, field := range []string{"username", "password", "consent.account"} {
		at := strings.Index(a.body, `href="#`+field+`"`)
		if at <= last {
			t.Errorf("%s is not told, or not in its order: %s", field, a)
		}
		last = at
	}
	if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `value="x1"`) {
		t.Error(a)
	}
	if a = b.say(page, "username", "ada", "password", ""); strings.Contains(a.body, `href="#username"`) {
		t.Error("a name that fits is complained of:", a)
	}
}

func TestProve_OnePrimaryButton(t *testing.T) {
	h := confirms(t)
	h.change("northwind", func(p *usher.Policy) {
		p.JIT.Match, p.JIT.Ask, p.Purposes = h.policies["fabrikam"].JIT.Match, usher.WaySilent, nil
	})
	b := h.browser()
	page := b.prompted("fabrikam", "countess")
	b.admitted(b.say(page, "password", good)) // now she has two links
	ada, _ := h.account("ada")
	ref := usher.AccountRef{Store: usher.PrimaryStore, User: ada.ID}
	h.person("n2", "n2", "ada@contoso.test")
	b = h.browser()
	page = b.prompted("northwind", "n2")
	if strings.Count(page.body, `class="button"`) != 1 || !strings.Contains(page.body, `class="or"`) {
		t.Error("with a password:", page)
	}
	if err := h.real.SetPassword(t.Context(), usher.DefaultTenant, ref, "", false, func(context.Context, *ledger.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	b = h.browser()
	page = b.prompted("northwind", "n2")
	if strings.Contains(page.body, `type="password"`) || strings.Count(page.body, "Show it with") != 2 {
		t.Fatal(page)
	}
	if strings.Count(page.body, `class="button"`) != 1 || strings.Contains(page.body, `class="or"`) ||
		strings.Index(page.body, `value="decline"`) < strings.LastIndex(page.body, "Show it with") {
		t.Error("without a password:", page)
	}
	b.says(b.say(page, "do", "decline"), http.StatusForbidden, usher.ReasonPromptDeclined)
}

func TestChooser_OneThingToFillIn(t *testing.T) {
	h := newHouse(t, usher.WaySilent, "contoso:contoso.test", "fabrikam")
	h.local = true
	login, page := h.browser().choice()
	if strings.Contains(page.body, `type="password"`) || !strings.Contains(page.body, `href="/login/local?login=`+login+`"`) || strings.Count(page.body, `class="button"`) != 1 {
		t.Error(page)
	}
}

func TestWayOn_ProofThatCannotGoOn(t *testing.T) {
	h := confirms(t)
	b := h.browser()
	page := b.prompted("fabrikam", "countess")
	again := `href="/login/ask?login=` + page.login() + `"`
	leads := func(a answer, status int, reason usher.Reason) {
		t.Helper()
		b.says(a, status, reason)
		if !strings.Contains(a.body, home) || !strings.Contains(a.body, again) {
			t.Error("a dead end:", a)
		}
	}
	leads(b.do("POST", "/login/prove", url.Values{"login": {page.login()}, "idp": {"nobody"}}), http.StatusBadRequest, usher.ReasonRequestInvalid)
	state := b.elsewhere(page, "contoso")
	leads(b.get(back("northwind", state, "ada")), http.StatusForbidden, usher.ReasonMixUp)
	for i, p := range h.providers {
		h.providers[i].Enabled = p.Name != "contoso"
	}
	leads(b.get(back("contoso", state, "ada")), http.StatusForbidden, usher.ReasonIdPDisabled)
	leads(b.do("POST", "/login/prove", url.Values{"login": {page.login()}, "idp": {"contoso"}}), http.StatusForbidden, usher.ReasonIdPDisabled)
	if a := b.get("/login/ask?login=" + page.login()); a.status != http.StatusOK {
		t.Error("the way back leads nowhere:", a)
	}
}

func TestWayOn_NoProviderIsLeft(t *testing.T) {
	w := newWorld(t, "contoso")
	w.providers[0].Enabled = false
	b := w.browser()
	a := b.get("/authorize")
	b.says(a, http.StatusNotFound, usher.ReasonNoProvider)
	if !strings.Contains(a.body, "Return to Payroll") {
		t.Error("a dead end:", a)
	}
}

func TestWayOn_LocalSignInSwitchedOff(t *testing.T) {
	h := withPassword(t)
	b := h.browser()
	login, _ := b.choice()
	h.local = false
	for _, a := range []answer{b.get("/login/local?login=" + login), b.local(login, "ada", good)} {
		b.says(a, http.StatusNotFound, usher.ReasonProviderUnknown)
		if !strings.Contains(a.body, `href="/login?login=`+login+`"`) {
			t.Error("a dead end:", a)
		}
	}
}

func TestWayOn_CodeThatIsNoGood(t *testing.T) {
	h := withPassword(t)
	for _, mails := range []bool{true, false} {
		h.mails = mails
		b := h.browser()
		a := b.get("/login/reset?code=" + strings.Repeat("x", 43))
		b.says(a, http.StatusNotFound, usher.ReasonResetUnknown)
		if strings.Contains(a.body, `href="/login/forgot"`) != mails {
			t.Error(mails, a)
		}
		if mails && b.get("/login/forgot").status != http.StatusOK {
			t.Error("the way on leads nowhere")
		}
	}
}

func TestWayOn_LateAnswerOfAnotherPage(t *testing.T) {
	h := handsOver(t, usher.WayUsername)
	b := h.browser()
	signed, claims := b.handed()
	h.pass(5*time.Minute + time.Second)
	a := b.bring(signed, "username", "ada")
	b.says(a, http.StatusBadRequest, usher.ReasonStateExpired)
	way := "/login/ask?login=" + claims["login"].(string)
	if !strings.Contains(a.body, `href="`+way+`"`) {
		t.Error("a dead end:", a)
	}
	if a = b.get(way); !strings.HasPrefix(a.location, "https://people.test/welcome?") {
		t.Error("not handed over anew:", a)
	}
}
