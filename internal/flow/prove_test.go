package flow_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/session"
)

// confirms is a house in which ada has an account by contoso, with a password,
// and fabrikam's people who have her address must prove that it is theirs.
func confirms(t *testing.T) *house {
	t.Helper()
	h := newHouse(t, usher.WayPasswordConsent, "contoso", "fabrikam", "northwind")
	b := h.browser()
	b.admitted(b.say(b.prompted("contoso", "ada"), "consent.account", "yes", "password", good))
	h.change("fabrikam", func(p *usher.Policy) {
		p.JIT.Match = []usher.MatchRule{{Attribute: "email", Local: "email", Stores: []string{usher.PrimaryStore}, When: usher.MatchConfirm}}
		p.JIT.Ask, p.Purposes = usher.WaySilent, nil
	})
	h.person("countess", "countess", "ada@contoso.test")
	h.asker.requests = nil
	return h
}

// links are the providers that ada's account is linked to.
func (h *house) links(username string) []string {
	h.t.Helper()
	a, ok := h.account(username)
	if !ok {
		h.t.Fatal("there is no", username)
	}
	return a.Links
}

// linked reports whether fabrikam's countess has come to ada's account.
func (h *house) linked() bool { return len(h.links("ada")) > 1 }

// elsewhere goes to a provider for a proof: the state it carries.
func (b *browser) elsewhere(page answer, idp string) string {
	b.t.Helper()
	a := b.do("POST", "/login/prove", url.Values{"login": {page.login()}, "idp": {idp}})
	_, rest, _ := strings.Cut(a.body, `content="0; url=`)
	to, _, _ := strings.Cut(rest, `"`)
	a.location = strings.ReplaceAll(to, "&amp;", "&")
	return b.state(a)
}

func TestA098_ProvePageTellsNothingOfTheAccount(t *testing.T) {
	h := confirms(t)
	page := h.browser().prompted("fabrikam", "countess")
	for _, secret := range []string{"ada@", ">ada<", "\"ada\"", "PRIMARY", "phone"} {
		if strings.Contains(page.body, secret) {
			t.Errorf("%q is on the page: %s", secret, page)
		}
	}
	if !strings.Contains(page.body, `type="password"`) || !strings.Contains(page.body, "Show it with Contoso staff") || strings.Contains(page.body, "Northwind") {
		t.Error(page)
	}
}

func TestProve_ByPassword(t *testing.T) {
	h := confirms(t)
	b := h.browser()
	page := b.prompted("fabrikam", "countess")
	for _, wrong := range []string{"", good + "!"} {
		a := b.say(page, "password", wrong)
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `href="#password"`) || h.linked() || b.live() {
			t.Errorf("%q: %v", wrong, a)
		}
	}
	b.admitted(b.say(page, "password", good))
	if !h.linked() {
		t.Error(h.links("ada"))
	}
}

func TestA097_ProofsAreCountedWithSignIns(t *testing.T) {
	h := confirms(t)
	h.local = true
	b := h.browser()
	page := b.prompted("fabrikam", "countess")
	for range 8 {
		b.say(page, "password", good+"!")
	}
	if a := b.say(page, "password", good); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, "too many attempts") || h.linked() {
		t.Error(a)
	}
	login, _ := b.choice()
	if a := b.local(login, "ada", good); a.status != http.StatusTooManyRequests || b.live() {
		t.Error(a)
	}
	if a := b.arrive("contoso", "ada"); !strings.HasPrefix(a.location, "https://app.test/") {
		t.Error("locked out of the provider, too:", a)
	}
}

func TestA017_ProofByAProviderAndThenByForm(t *testing.T) {
	h := confirms(t)
	b := h.browser()
	page := b.prompted("fabrikam", "countess")
	state := b.elsewhere(page, "contoso")
	if asks := h.connector("contoso").asks; asks[len(asks)-1].Prompt != "login" {
		t.Error("whoever is signed in there proves it")
	}
	a := b.get(back("contoso", state, "ada"))
	if a.location != "/login/ask?login="+page.login() || b.live() || h.linked() {
		t.Fatal("coming back did more than prove:", a)
	}
	page = b.get(a.location)
	if h.linked() || !strings.Contains(page.body, "You have shown that the account is yours") || strings.Contains(page.body, `type="password"`) {
		t.Fatal("a GET linked it:", page)
	}
	b.says(b.get(back("contoso", state, "ada")), http.StatusBadRequest, usher.ReasonStateUsed)
	b.site = "cross-site"
	b.says(b.say(page), http.StatusForbidden, usher.ReasonCrossOrigin)
	b.says(b.do("POST", "/login/prove", url.Values{"login": {page.login()}, "idp": {"contoso"}}), http.StatusForbidden, usher.ReasonCrossOrigin)
	if h.linked() {
		t.Fatal("linked by another site's form")
	}
	b.site = "same-origin"
	b.admitted(b.say(page))
	if !h.linked() || h.asker.sessions[len(h.asker.sessions)-1].User == "" {
		t.Error(h.links("ada"))
	}
}

func TestA015_ProofOfSomebodyElse(t *testing.T) {
	h := confirms(t)
	other := h.browser()
	other.admitted(other.say(other.prompted("contoso", "bob"), "consent.account", "yes", "password", good))
	for _, who := range []string{"bob", "nobody", "eve"} {
		b := h.browser()
		page := b.prompted("fabrikam", "countess")
		a := b.get(back("contoso", b.elsewhere(page, "contoso"), who))
		page = b.get(a.location)
		if !strings.Contains(page.body, "That was not right") || strings.Contains(page.body, "You have shown") || b.live() {
			t.Error(who, page)
		}
		if a := b.say(page); a.status != http.StatusUnprocessableEntity || h.linked() {
			t.Error(who, a)
		}
	}
	if _, ok := h.account("eve"); ok {
		t.Error("a proof made an account")
	}
}

func TestA015_ProofOfAnotherProvider(t *testing.T) {
	h := confirms(t)
	b := h.browser()
	page := b.prompted("fabrikam", "countess")
	for _, idp := range []string{"northwind", "fabrikam", "", "nobody", "../contoso", "password"} {
		a := b.do("POST", "/login/prove", url.Values{"login": {page.login()}, "idp": {idp}})
		b.says(a, http.StatusBadRequest, usher.ReasonRequestInvalid)
	}
	state := b.elsewhere(page, "contoso")
	b.says(b.get(back("northwind", state, "ada")), http.StatusForbidden, usher.ReasonMixUp)
	if h.linked() {
		t.Error("linked")
	}
}

func TestA015_ProofInAnotherBrowser(t *testing.T) {
	h := confirms(t)
	b, thief := h.browser(), h.browser()
	page := b.prompted("fabrikam", "countess")
	state := b.elsewhere(page, "contoso")
	thief.says(thief.get(back("contoso", state, "ada")), http.StatusBadRequest, usher.ReasonStateForeign)
	// Even with the cookie of the way there, that of what waits is missing.
	for _, name := range b.loginCookies() {
		if !strings.HasSuffix(name, page.login()[:12]) {
			thief.cookies[name] = b.cookies[name]
		}
	}
	thief.says(thief.get(back("contoso", state, "ada")), http.StatusBadRequest, usher.ReasonStateForeign)
	thief.says(thief.get("/login/ask?login="+page.login()), http.StatusBadRequest, usher.ReasonStateForeign)
	thief.says(thief.say(page, "password", good), http.StatusBadRequest, usher.ReasonStateForeign)
	if h.linked() || thief.live() {
		t.Error("linked")
	}
	// The proof of one browser is worth nothing for what waits in another.
	mine := thief.prompted("fabrikam", "countess")
	a := b.get(back("contoso", state, "ada"))
	if page = b.get(a.location); !strings.Contains(page.body, "You have shown") {
		t.Error(page)
	}
	if again := thief.get("/login/ask?login=" + mine.login()); strings.Contains(again.body, "You have shown") {
		t.Error(again)
	}
	if a := thief.say(mine); a.status != http.StatusUnprocessableEntity || h.linked() {
		t.Error(a)
	}
}

func TestA015_ProofTwiceAndForSomebodyElse(t *testing.T) {
	h := confirms(t)
	h.person("mallory", "mallory", "ada@contoso.test")
	b := h.browser()
	page := b.prompted("fabrikam", "countess")
	second := b.prompted("fabrikam", "mallory") // another subject, in the same browser
	a := b.get(back("contoso", b.elsewhere(page, "contoso"), "ada"))
	b.admitted(b.say(b.get(a.location)))
	b.says(b.say(page), http.StatusBadRequest, usher.ReasonStateUsed)
	if again := b.get("/login/ask?login=" + second.login()); strings.Contains(again.body, "You have shown") {
		t.Error(again)
	}
	if a := b.say(second); a.status != http.StatusUnprocessableEntity {
		t.Error("the proof of one subject served another:", a)
	}
}

func TestA015_ProofAfterExpiry(t *testing.T) {
	h := confirms(t)
	b := h.browser()
	page := b.prompted("fabrikam", "countess")
	h.pass(5 * time.Minute)
	state := b.elsewhere(page, "contoso")
	h.pass(5 * time.Minute)
	b.says(b.get(back("contoso", state, "ada")), http.StatusBadRequest, usher.ReasonStateExpired)
	b = h.browser()
	page = b.prompted("fabrikam", "countess")
	a := b.get(back("contoso", b.elsewhere(page, "contoso"), "ada"))
	page = b.get(a.location)
	h.pass(10 * time.Minute)
	b.says(b.say(page), http.StatusBadRequest, usher.ReasonStateExpired)
	if h.linked() || b.live() {
		t.Error("linked")
	}
}

func TestA015_ProofAfterAnotherPolicy(t *testing.T) {
	h := confirms(t)
	b := h.browser()
	page := b.prompted("fabrikam", "countess")
	a := b.get(back("contoso", b.elsewhere(page, "contoso"), "ada"))
	h.change("fabrikam", func(p *usher.Policy) { p.JIT.Match[0].When = usher.MatchNever })
	b.says(b.say(b.get(a.location)), http.StatusForbidden, usher.ReasonMatchNever)
	if h.linked() {
		t.Error("linked")
	}
}

func TestA013_AccountSwitchedOffWhileItIsProved(t *testing.T) {
	h := confirms(t)
	b := h.browser()
	page := b.prompted("fabrikam", "countess")
	ada, _ := h.account("ada")
	ref := usher.AccountRef{Store: usher.PrimaryStore, User: ada.ID}
	if err := h.real.SetState(t.Context(), usher.DefaultTenant, ref, usher.StateDisabled, "test"); err != nil {
		t.Fatal(err)
	}
	a := b.say(page, "password", good)
	b.says(a, http.StatusForbidden, usher.ReasonMatchUnusable)
	if a, _ := h.account("ada"); a.State != usher.StateDisabled || h.linked() {
		t.Error(a)
	}
}

func TestProve_UsernameInTheWay(t *testing.T) {
	h := confirms(t)
	h.change("northwind", func(p *usher.Policy) {
		p.JIT.UsernameConflict, p.JIT.Ask, p.Purposes, p.Stores = usher.ConflictAsk, usher.WaySilent, nil, []usher.StorePolicy{{Toggle: on(usher.PrimaryStore)}}
	})
	h.person("n1", "ada", "other@contoso.test")
	b := h.browser()
	page := b.prompted("northwind", "n1")
	if !strings.Contains(page.body, "Yes, it is mine") || !strings.Contains(page.body, `name="username"`) {
		t.Fatal(page)
	}
	page = b.again(page, "do", "claim")
	if !strings.Contains(page.body, "Is this account yours?") {
		t.Fatal(page)
	}
	page = b.again(page, "do", "unclaim")
	if !strings.Contains(page.body, `name="username"`) {
		t.Fatal("no way back:", page)
	}
	other := h.browser()
	o := other.prompted("northwind", "n1")
	other.admitted(other.say(o, "username", "ada-n"))
	h.person("n2", "ada", "third@contoso.test")
	b = h.browser()
	page = b.again(b.prompted("northwind", "n2"), "do", "claim")
	b.admitted(b.say(page, "password", good))
	if got := h.links("ada"); len(got) != 2 {
		t.Error(got)
	}
}

func TestA094_PromptsInTabs(t *testing.T) {
	h := newHouse(t, usher.WayConsent, "contoso")
	b := h.browser()
	h.start.Request = []byte("one")
	one := b.prompted("contoso", "ada")
	h.start.Request = []byte("two")
	two := b.prompted("contoso", "bob")
	for range 3 { // reload, and the back button
		if a := b.get("/login/ask?login=" + one.login()); a.body != one.body {
			t.Error("another page after a reload:", a)
		}
	}
	a := b.say(two, "consent.account", "yes")
	if !strings.Contains(a.body, "request=two") {
		t.Error(a)
	}
	a = b.say(one, "consent.account", "yes")
	if !strings.Contains(a.body, "request=one") {
		t.Error(a)
	}
	a = b.get("/login/ask?login=" + one.login())
	b.says(a, http.StatusBadRequest, usher.ReasonStateUsed)
	if !strings.Contains(a.body, "You are already signed in") || !strings.Contains(a.body, `href="https://app.test/"`) {
		t.Error(a)
	}
	for name := range b.cookies {
		if strings.HasPrefix(name, "__Host-usher-login-") {
			delete(b.cookies, name)
		}
	}
	b.says(b.get("/login/ask?login="+one.login()), http.StatusBadRequest, usher.ReasonStateUsed)
}

func TestA094_PromptsAnsweredTwiceAtOnce(t *testing.T) {
	h := newHouse(t, usher.WayConsent, "contoso")
	for range 5 {
		h.asker.requests = nil
		first := h.browser()
		page := first.prompted("contoso", "ada")
		const tabs = 4
		answers := make(chan answer, tabs)
		var start sync.WaitGroup
		start.Add(tabs)
		for range tabs {
			tab := h.browser()
			for name, value := range first.cookies {
				tab.cookies[name] = value
			}
			go func() {
				start.Done()
				start.Wait()
				answers <- tab.say(page, "consent.account", "yes")
			}()
		}
		admitted := 0
		for range tabs {
			if a := <-answers; a.status == http.StatusOK {
				admitted++
			} else {
				first.says(a, http.StatusBadRequest, usher.ReasonStateUsed)
			}
		}
		if admitted != 1 || len(h.asker.settled()) != 1 {
			t.Fatalf("%d tabs let in, %d settled", admitted, len(h.asker.settled()))
		}
		a, _ := h.account("ada")
		if err := h.real.Delete(t.Context(), usher.DefaultTenant, usher.AccountRef{Store: usher.PrimaryStore, User: a.ID}, "test"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestA091_EveryByteOfTheWaitingCookieCounts(t *testing.T) {
	h := newHouse(t, usher.WayConsent, "contoso")
	h.start.ApplicationURL = ""
	b := h.browser()
	page := b.prompted("contoso", "ada")
	name := b.loginCookies()[0]
	value := b.cookies[name]
	for i := range value {
		b.cookies[name] = value[:i] + flip(value[i]) + value[i+1:]
		if a := b.get("/login/ask?login=" + page.login()); a.status != http.StatusBadRequest {
			t.Fatal(a)
		}
	}
	b.cookies[name] = value
	b.admitted(b.say(page, "consent.account", "yes"))
	if _, ok := b.cookies[session.CookieName]; !ok {
		t.Error("no session")
	}
}

func TestF034_AnotherNodeTakesTheAnswer(t *testing.T) {
	h := newHouse(t, usher.WayUsername, "contoso")
	b := h.browser()
	page := b.prompted("contoso", "ada")
	h.restart()
	page = b.again(page, "username", "root", "password", good, "consent.account", "yes")
	h.restart()
	b.admitted(b.say(page, "username", "ada", "password", good, "consent.account", "yes"))
}
