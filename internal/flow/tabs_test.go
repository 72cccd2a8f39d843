package flow_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	usher "github.com/usher-id/usher"
)

func TestA094_ReloadAndBackButton(t *testing.T) {
	w := newWorld(t, "contoso")
	b := w.browser()
	target := back("contoso", b.leave(), "ada")
	b.get(target)
	cookie := b.loginCookies()
	a := b.get(target)
	b.says(a, http.StatusBadRequest, usher.ReasonStateUsed)
	if !strings.Contains(a.body, "You are already signed in") || !strings.Contains(a.body, `href="https://app.test/"`) {
		t.Error(a)
	}
	if len(cookie) != 1 || len(b.cookies[cookie[0]]) > 400 {
		t.Error("more than the way back is left in the cookie:", cookie)
	}
	for _, name := range cookie { // ten minutes later
		delete(b.cookies, name)
	}
	b.says(b.get(target), http.StatusBadRequest, usher.ReasonStateUsed)
	if n := len(w.asker.settled()); n != 1 || !b.live() {
		t.Errorf("settled %d times", n)
	}
	signedOut := w.browser()
	a = signedOut.get(target)
	signedOut.says(a, http.StatusBadRequest, usher.ReasonStateUsed)
	if strings.Contains(a.body, "already signed in") {
		t.Error("says so to somebody who is not:", a)
	}
}

func TestA094_NoCookieIsLeftWhenNoHomeIsKnown(t *testing.T) {
	w := newWorld(t, "contoso")
	w.start.ApplicationURL = ""
	for _, deny := range []usher.Reason{"", usher.ReasonAdmitRefused} {
		w.path.deny = deny
		b := w.browser()
		b.get(back("contoso", b.leave(), "ada"))
		if left := b.loginCookies(); len(left) != 0 {
			t.Error(left)
		}
	}
}

func TestA094_TwoTabsWithTwoFlows(t *testing.T) {
	w := newWorld(t, "contoso", "fabrikam")
	b := w.browser()
	leave := func(request, idp string) string {
		w.start.Request, w.start.IdPHint = []byte(request), idp
		return b.leave()
	}
	one, two := leave("one", "contoso"), leave("two", "fabrikam")
	b.says(b.get(back("contoso", two, "ada")), http.StatusForbidden, usher.ReasonMixUp)
	for _, c := range []struct{ idp, state, request string }{{"fabrikam", two, "two"}, {"contoso", one, "one"}} {
		if a := b.get(back(c.idp, c.state, "ada")); a.location != "https://app.test/cb?code=1&request="+c.request {
			t.Error(a)
		}
	}
}

func TestA094_TwoTabsOfOneFlowAtOnce(t *testing.T) {
	w := newWorld(t, "contoso")
	for range 10 {
		w.asker.requests = nil
		first := w.browser()
		target := back("contoso", first.leave(), "ada")
		const tabs = 4
		var in sync.WaitGroup
		in.Add(tabs)
		w.connector("contoso").finished = func() { in.Done(); in.Wait() } // all are past the check
		answers := make(chan answer, tabs)
		for range tabs {
			tab := w.browser()
			for name, value := range first.cookies {
				tab.cookies[name] = value
			}
			go func() { answers <- tab.get(target) }()
		}
		admitted := 0
		for range tabs {
			switch a := <-answers; {
			case a.status == http.StatusSeeOther:
				admitted++
			default:
				first.says(a, http.StatusBadRequest, usher.ReasonStateUsed)
			}
		}
		if admitted != 1 || len(w.asker.settled()) != 1 {
			t.Fatalf("%d tabs let in, %d settled", admitted, len(w.asker.settled()))
		}
	}
}

func TestChooser_Shows(t *testing.T) {
	w := newWorld(t, "contoso:contoso.test", "fabrikam", "northwind")
	w.providers[1].DisplayName = `<b>"Fabrikam" & 'sons'`
	w.providers[2].Enabled = false
	b := w.browser()
	login, a := b.choice()
	if a.status != http.StatusOK || !strings.Contains(a.body, "Payroll") || !strings.Contains(a.body, "Contoso staff") {
		t.Error(a)
	}
	if strings.Contains(a.body, "<b>") || strings.Contains(strings.ToLower(a.body), "northwind") {
		t.Error(a)
	}
	if !strings.Contains(a.body, `href="/login/go?login=`+login+`&amp;idp=fabrikam"`) || !strings.Contains(a.body, `type="email"`) {
		t.Error(a)
	}
	plain := newWorld(t, "contoso", "fabrikam")
	if _, a := plain.browser().choice(); strings.Contains(a.body, "<form") {
		t.Error("asks for an address that can't help:", a)
	}
}

func TestChooser_LeadsToTheProvider(t *testing.T) {
	w := newWorld(t, "contoso", "fabrikam")
	w.start.Prompt = "select_account"
	b := w.browser()
	login, _ := b.choice()
	state := b.state(b.get("/login/go?login=" + login + "&idp=fabrikam"))
	if got := w.connector("fabrikam").asks[0].Prompt; got != "select_account" {
		t.Error("prompt", got)
	}
	if a := b.get(back("fabrikam", state, "ada")); a.location != "https://app.test/cb?code=1&request=the+request" || !b.live() {
		t.Error(a)
	}
	for _, target := range []string{"/login?login=" + login, "/login/go?login=" + login + "&idp=contoso"} {
		a := b.get(target)
		b.says(a, http.StatusBadRequest, usher.ReasonStateUsed)
		if !strings.Contains(a.body, `href="https://app.test/"`) {
			t.Error(a)
		}
	}
}

func TestChooser_Refuses(t *testing.T) {
	w := newWorld(t, "contoso:contoso.test", "fabrikam")
	b, stranger := w.browser(), w.browser()
	login, _ := b.choice()
	gone := b.state(b.get("/login/go?login=" + login + "&idp=contoso"))
	w.providers = append(w.providers[:1:1], w.providers[1])
	for _, c := range []struct {
		b      *browser
		target string
		status int
		reason usher.Reason
	}{
		{b, "/login", 400, usher.ReasonStateMissing},
		{b, "/login?login=", 400, usher.ReasonStateMissing},
		{b, "/login?login=x", 400, usher.ReasonRequestInvalid},
		{b, "/login?login=" + login + "&login=" + login, 400, usher.ReasonRequestInvalid},
		{b, "/login?login=" + gone, 400, usher.ReasonRequestInvalid},
		{b, back("contoso", login, "ada"), 400, usher.ReasonRequestInvalid},
		{b, "/login/go?login=" + login, 404, usher.ReasonProviderUnknown},
		{b, "/login/go?login=" + login + "&idp=northwind", 404, usher.ReasonProviderUnknown},
		{b, "/login/go?idp=contoso", 400, usher.ReasonStateMissing},
		{stranger, "/login?login=" + login, 400, usher.ReasonStateForeign},
		{stranger, "/login/go?login=" + login + "&idp=contoso", 400, usher.ReasonStateForeign},
	} {
		c.b.says(c.b.get(c.target), c.status, c.reason)
	}
	if a := b.do("HEAD", "/login/go?login="+login+"&idp=contoso", nil); a.status != http.StatusMethodNotAllowed {
		t.Error(a)
	}
	w.providers[1].Enabled = false
	a := b.get("/login/go?login=" + login + "&idp=fabrikam")
	b.says(a, 403, usher.ReasonIdPDisabled)
	if !strings.Contains(a.body, "Sign in another way") {
		t.Error(a)
	}
	w.providers[0].Enabled = false
	b.says(b.get("/login?login="+login), 404, usher.ReasonNoProvider)
	b.nothing()
}

func TestChooser_WhoWasRefusedMayChooseAgainOnce(t *testing.T) {
	w := newWorld(t, "contoso", "fabrikam")
	b := w.browser()
	login, _ := b.choice()
	first := b.state(b.get("/login/go?login=" + login + "&idp=contoso"))
	second := b.state(b.get("/login/go?login=" + login + "&idp=fabrikam"))
	third := b.state(b.get("/login/go?login=" + login + "&idp=fabrikam"))
	w.path.deny = usher.ReasonNoMatch
	a := b.get(back("contoso", first, "ada"))
	b.says(a, http.StatusForbidden, usher.ReasonNoMatch)
	if !strings.Contains(a.body, `href="/login?login=`+login+`"`) {
		t.Error("can't choose again:", a)
	}
	w.path.deny = ""
	if a := b.get(back("fabrikam", second, "ada")); a.status != http.StatusSeeOther || !b.live() {
		t.Error(a)
	}
	// A second tab of the same choice is the same flow: it is over.
	b.says(b.get(back("fabrikam", third, "ada")), http.StatusBadRequest, usher.ReasonStateUsed)
	if n := len(w.asker.settled()); n != 1 {
		t.Errorf("settled %d times", n)
	}
}

func TestFind_LeadsOnWithoutARedirect(t *testing.T) {
	w := newWorld(t, "contoso:contoso.test", "fabrikam")
	b := w.browser()
	login, _ := b.choice()
	a := b.do("POST", "/login/find", url.Values{"login": {login}, "email": {"ada@CONTOSO.test"}})
	ask := w.connector("contoso").asks[0]
	if a.status != http.StatusOK || a.location != "" || ask.LoginHint != "ada@CONTOSO.test" {
		t.Error(a, ask)
	}
	address := "https://contoso.test/auth?redirect_uri=https%3A%2F%2Fid.example.test%2Fidp%2Fcontoso%2Fcallback&amp;response_type=code&amp;state=" + ask.State
	if !strings.Contains(a.body, `<meta http-equiv="refresh" content="0; url=`+address+`">`) || !strings.Contains(a.body, `href="`+address+`"`) {
		t.Error(a)
	}
	if strings.Contains(a.body, "ada@") {
		t.Error("the address is in a URL")
	}
	if a := b.get(back("contoso", ask.State, "ada")); a.status != http.StatusSeeOther {
		t.Error(a)
	}
}

func TestFind_HelpsWhenItCant(t *testing.T) {
	w := newWorld(t, "contoso:contoso.test", "fabrikam")
	b := w.browser()
	login, _ := b.choice()
	for email, want := range map[string]string{
		"ada@nobody.test":                    "No sign-in provider takes addresses of this domain",
		"ada":                                "does not look like an e-mail address",
		"":                                   "does not look like an e-mail address",
		`"><script>alert(1)</script>@x.test`: "No sign-in provider takes addresses of this domain",
		strings.Repeat("a", 300) + "@contoso.test": "does not look like an e-mail address",
	} {
		a := b.do("POST", "/login/find", url.Values{"login": {login}, "email": {email}})
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, want) || strings.Contains(a.body, "<script>") {
			t.Errorf("%q: %v", email, a)
		}
		b.secret(email)
	}
	b.says(b.do("POST", "/login/find", url.Values{"login": {login}, "x": {strings.Repeat("y", 65<<10)}}), http.StatusTooManyRequests, usher.ReasonTooMuch)
	b.says(b.do("POST", "/login/find", url.Values{"email": {"ada@contoso.test"}}), http.StatusBadRequest, usher.ReasonStateMissing)
	if a := b.get("/login/find"); a.status != http.StatusMethodNotAllowed {
		t.Error(a)
	}
}

func TestFind_RefusesForeignForms(t *testing.T) {
	w := newWorld(t, "contoso:contoso.test", "fabrikam")
	b := w.browser()
	login, _ := b.choice()
	b.site = "cross-site"
	a := b.do("POST", "/login/find", url.Values{"login": {login}, "email": {"ada@contoso.test"}})
	b.says(a, http.StatusForbidden, usher.ReasonCrossOrigin)
	if len(w.connector("contoso").asks) != 0 {
		t.Error("it went on")
	}
}

func TestA093_SessionOfAnotherTenant(t *testing.T) {
	w := newWorld(t, "contoso")
	b := w.browser()
	target := back("contoso", b.leave(), "ada")
	b.get(target)
	if _, err := w.ledger.Session(t.Context(), "other", w.asker.sessions[0].Hash); usher.KindOf(err) != usher.NotFound {
		t.Error("a session of one tenant is one of another:", err)
	}
}

func TestA096_LinksComeFromTheIssuer(t *testing.T) {
	w := newWorld(t, "contoso")
	b := w.browser()
	b.headers = map[string]string{"X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "http", "Forwarded": "host=evil.test", "X-Forwarded-Prefix": "/evil"}
	b.leave()
	if got := w.connector("contoso").asks[0].RedirectURI; got != issuer+"/idp/contoso/callback" {
		t.Error(got)
	}
}
