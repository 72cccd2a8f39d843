package flow_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/session"
)

func TestCallback_LetsIn(t *testing.T) {
	w := newWorld(t, "contoso")
	b := w.browser()
	state := b.leave()
	a := b.get(back("contoso", state, "ada"))
	if a.status != http.StatusSeeOther || a.location != "https://app.test/cb?code=1&request=the+request" || a.body != "" {
		t.Fatal(a)
	}
	if !b.live() {
		t.Error("no session")
	}
	got := w.asker.sessions[0]
	now := usher.Instant(w.clock().UnixMicro())
	want := ledger.Session{
		Hash: got.Hash, Tenant: "default", IdP: "contoso", Subject: "ada", AuthTime: now, ACR: "urn:acr", AMR: []string{"pwd"},
		Decision: got.Decision, Created: now, Expires: now + usher.Instant(session.DefaultLifetime.Microseconds()),
		Person: []usher.Held{{Name: "email", Values: []string{"p@contoso.test"}, Verified: true, Intact: true, Source: usher.Source{
			Kind: usher.SourceIdP, Name: "contoso", Rule: "mapping.attributes.email", Decision: got.Decision, At: now,
		}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Hash == [32]byte{} || len(got.Decision) != 36 || got.Decision[14] != '7' {
		t.Errorf("hash %x, decision %q", got.Hash[:4], got.Decision)
	}
	if log := w.log.String(); strings.Count(log, got.Decision) < 2 || strings.Contains(log, "p@contoso.test") || strings.Contains(log, "ada") {
		t.Error(log)
	}
}

func TestCallback_DeniedSaysWhyAndShowsTheWayBack(t *testing.T) {
	w := newWorld(t, "contoso")
	w.path.deny = usher.ReasonAdmitRefused
	b := w.browser()
	a := b.get(back("contoso", b.leave(), "ada"))
	b.says(a, http.StatusForbidden, usher.ReasonAdmitRefused)
	if b.live() || len(w.asker.settled()) != 0 {
		t.Error("let in")
	}
	_, rest, _ := strings.Cut(a.body, `class="whole" dir="ltr">`)
	correlation, _, _ := strings.Cut(rest, "<")
	want := "https://app.test/cb?error=access_denied&amp;of=" + correlation + "&amp;reason=admit.refused&amp;request=the&#43;request"
	if len(correlation) != 36 || !strings.Contains(a.body, want) || !strings.Contains(a.body, "Return to Payroll") {
		t.Error(a)
	}
}

func TestA051_CodeOfOneProviderAtAnother(t *testing.T) {
	w := newWorld(t, "contoso", "fabrikam")
	w.start.IdPHint = "contoso"
	b := w.browser()
	state := b.leave()
	for _, name := range []string{"fabrikam", "northwind", "Contoso", "contoso%2F", "%63ontoso%00"} {
		a := b.get(back(name, state, "mallory"))
		b.says(a, http.StatusForbidden, usher.ReasonMixUp)
	}
	b.nothing()
	if a := b.get(back("contoso", state, "ada")); a.status != http.StatusSeeOther {
		t.Error("the sign-in itself is lost:", a)
	}
}

func TestA052_States(t *testing.T) {
	w := newWorld(t, "contoso")
	b := w.browser()
	state := b.leave()
	q := "/idp/contoso/callback?code=code-of-ada&state="
	for name, c := range map[string]struct {
		target string
		status int
		reason usher.Reason
	}{
		"missing":          {"/idp/contoso/callback?code=code-of-ada", 400, usher.ReasonStateMissing},
		"empty":            {q, 400, usher.ReasonStateMissing},
		"doubled":          {q + state + "&state=" + state, 400, usher.ReasonRequestInvalid},
		"doubled, empty":   {q + state + "&state=", 400, usher.ReasonRequestInvalid},
		"too long":         {q + strings.Repeat("a", 201), 400, usher.ReasonRequestInvalid},
		"1 MB":             {q + strings.Repeat("a", 1<<20), 400, usher.ReasonRequestInvalid},
		"just not ours":    {q + strings.Repeat("a", 200), 400, usher.ReasonStateForeign},
		"longer than ours": {q + state + "A", 400, usher.ReasonStateForeign},
		"bad escape":       {q + state + "&x=%zz", 400, usher.ReasonRequestInvalid},
		"many parameters":  {q + state + strings.Repeat("&x=y", 40), 400, usher.ReasonRequestInvalid},
		"HTML":             {q + "%3Cscript%3Ealert(1)%3C/script%3E", 400, usher.ReasonStateForeign},
	} {
		a := b.get(c.target)
		b.says(a, c.status, c.reason)
		if len(a.body) > 8<<10 || strings.Contains(a.body, "alert") {
			t.Errorf("%s: it is repeated", name)
		}
	}
	b.nothing()
	if a := b.get(back("contoso", state, "ada")); a.status != http.StatusSeeOther {
		t.Error("the sign-in itself is lost:", a)
	}
}

func TestA052_StateOfAnotherBrowser(t *testing.T) {
	w := newWorld(t, "contoso")
	mine, yours := w.browser(), w.browser()
	state := mine.leave()
	yours.says(yours.get(back("contoso", state, "mallory")), http.StatusBadRequest, usher.ReasonStateForeign)
	other := yours.leave()
	yours.says(yours.get(back("contoso", state, "mallory")), http.StatusBadRequest, usher.ReasonStateForeign)
	// Their cookie under the name of mine opens nothing either.
	yours.cookies[mine.loginCookies()[0]] = yours.cookies[yours.loginCookies()[0]]
	yours.says(yours.get(back("contoso", state, "mallory")), http.StatusBadRequest, usher.ReasonStateExpired)
	yours.nothing()
	for b, s := range map[*browser]string{mine: state, yours: other} {
		if a := b.get(back("contoso", s, "ada")); a.status != http.StatusSeeOther {
			t.Error(a)
		}
	}
}

func TestA052_StateExpired(t *testing.T) {
	w := newWorld(t, "contoso")
	kept, dropped := w.browser(), w.browser()
	state, gone := kept.leave(), dropped.leave()
	clear(dropped.cookies) // as a browser does after ten minutes
	w.pass(10 * time.Minute)
	kept.says(kept.get(back("contoso", state, "ada")), http.StatusBadRequest, usher.ReasonStateExpired)
	dropped.says(dropped.get(back("contoso", gone, "ada")), http.StatusBadRequest, usher.ReasonStateExpired)
	kept.nothing()
	state = kept.leave()
	w.pass(10*time.Minute - time.Second)
	if a := kept.get(back("contoso", state, "ada")); a.status != http.StatusSeeOther {
		t.Error("expired too early:", a)
	}
	state = kept.leave()
	w.pass(-5 * time.Minute)
	kept.says(kept.get(back("contoso", state, "ada")), http.StatusBadRequest, usher.ReasonStateExpired)
}

func TestA052_StateOfAnotherTenant(t *testing.T) {
	w := newWorld(t, "contoso")
	w.start.Tenant = "other"
	b := w.browser()
	b.says(b.get(back("contoso", b.leave(), "ada")), http.StatusBadRequest, usher.ReasonStateExpired)
	b.nothing()
}

func TestA052_StateReused(t *testing.T) {
	w := newWorld(t, "contoso")
	b := w.browser()
	state := b.leave()
	cookie := b.loginCookies()[0]
	value := b.cookies[cookie]
	b.get(back("contoso", state, "ada"))
	b.cookies[cookie] = value // kept by somebody
	for _, who := range []string{"ada", "mallory"} {
		b.says(b.get(back("contoso", state, who)), http.StatusBadRequest, usher.ReasonStateUsed)
	}
	w.pass(time.Minute)
	stranger := w.browser()
	stranger.cookies[cookie] = value
	stranger.says(stranger.get(back("contoso", state, "mallory")), http.StatusBadRequest, usher.ReasonStateUsed)
	if n := w.connector("contoso").finishes(); n != 1 || len(w.asker.settled()) != 1 || stranger.live() {
		t.Errorf("the provider was asked %d times", n)
	}
}

func TestA052_NothingIsStoredForTheAsking(t *testing.T) {
	w := newWorld(t, "contoso")
	w.path.ledger = nil // whoever would commit panics
	b := w.browser()
	for range 100 {
		b.leave()
	}
	for range 100 {
		b.says(b.get(back("contoso", strings.Repeat("A", 27), "ada")), http.StatusBadRequest, usher.ReasonStateExpired)
	}
	b.nothing()
}

func TestA053_ErrorsOfAProviderAreNotRepeated(t *testing.T) {
	w := newWorld(t, "contoso")
	b := w.browser()
	state := b.leave()
	a := b.get("/idp/contoso/callback?" + url.Values{
		"state": {state}, "error": {"<script>alert(1)</script>"}, "error_description": {"<img src=x onerror=alert(2)>"}, "error_uri": {"javascript:alert(3)"},
	}.Encode())
	b.says(a, http.StatusForbidden, usher.ReasonUpstreamError)
	for _, sent := range []string{"alert", "onerror", "javascript:"} {
		if strings.Contains(a.body, sent) || strings.Contains(w.log.String(), sent) {
			t.Errorf("%q is repeated: %s", sent, a.body)
		}
	}
	if b.live() {
		t.Error("let in")
	}
	// The refusal was recorded and counts once.
	b.says(b.get(back("contoso", state, "ada")), http.StatusBadRequest, usher.ReasonStateUsed)
	if b.live() || len(w.asker.settled()) != 0 {
		t.Error("let in afterwards")
	}
}

func TestA053_CodeReplayed(t *testing.T) {
	w := newWorld(t, "contoso")
	b := w.browser()
	first := back("contoso", b.leave(), "ada")
	if a := b.get(first); a.status != http.StatusSeeOther {
		t.Fatal(a)
	}
	b.says(b.get(first), http.StatusBadRequest, usher.ReasonStateUsed)
	if n := w.connector("contoso").finishes(); n != 1 {
		t.Errorf("the code was redeemed %d times", n)
	}
}

func TestA091_EveryByteOfStateAndCookieCounts(t *testing.T) {
	w := newWorld(t, "contoso")
	b := w.browser()
	state := b.leave()
	name := b.loginCookies()[0]
	value := b.cookies[name]
	refused := func(what string, a answer) {
		t.Helper()
		if a.status != http.StatusBadRequest {
			t.Errorf("%s: %v", what, a)
		}
	}
	for i := range state {
		refused("state", b.get(back("contoso", state[:i]+flip(state[i])+state[i+1:], "ada")))
		refused("state cut", b.get(back("contoso", state[:i], "ada")))
	}
	for i := range value {
		b.cookies[name] = value[:i] + flip(value[i]) + value[i+1:]
		refused("cookie", b.get(back("contoso", state, "ada")))
		b.cookies[name] = value[:i]
		refused("cookie cut", b.get(back("contoso", state, "ada")))
	}
	b.cookies[name] = value + "A"
	refused("cookie longer", b.get(back("contoso", state, "ada")))
	b.nothing()
	b.cookies[name] = value
	if a := b.get(back("contoso", state, "ada")); a.status != http.StatusSeeOther {
		t.Error("the true one:", a)
	}
}

// flip is another character of base64url.
func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func TestA092_EverySignInHasANewSession(t *testing.T) {
	w := newWorld(t, "contoso")
	b := w.browser()
	b.cookies[session.CookieName] = strings.Repeat("A", 43) // preset by somebody
	b.cookies["usher-session"] = "by a subdomain"
	seen := map[string]bool{b.cookies[session.CookieName]: true}
	for _, who := range []string{"ada", "ada", "bob"} {
		if a := b.get(back("contoso", b.leave(), who)); a.status != http.StatusSeeOther {
			t.Fatal(a)
		}
		if v := b.cookies[session.CookieName]; seen[v] || !b.live() {
			t.Error("not a new session")
		}
		seen[b.cookies[session.CookieName]] = true
	}
	live := func(i int) bool {
		_, err := w.ledger.Session(t.Context(), "default", w.asker.sessions[i].Hash)
		return err == nil
	}
	// Every sign-in ends the session it takes the place of, whoever it was.
	if live(0) || live(1) || !live(2) {
		t.Error(live(0), live(1), live(2))
	}
}

func TestI7_ProviderSwitchedOffMeanwhile(t *testing.T) {
	w := newWorld(t, "contoso")
	b := w.browser()
	target := back("contoso", b.leave(), "ada")
	w.providers[0].Enabled = false
	b.says(b.get(target), http.StatusForbidden, usher.ReasonIdPDisabled)
	b.nothing()
}

func TestF054_ProviderRemovedMeanwhile(t *testing.T) {
	w := newWorld(t, "contoso")
	b := w.browser()
	target := back("contoso", b.leave(), "ada")
	w.providers = nil
	b.says(b.get(target), http.StatusNotFound, usher.ReasonProviderUnknown)
	b.nothing()
}

func TestF034_AnotherNodeFinishes(t *testing.T) {
	w := newWorld(t, "contoso", "fabrikam")
	b := w.browser()
	login, _ := b.choice()
	w.restart()
	state := b.state(b.get("/login/go?login=" + login + "&idp=contoso"))
	w.restart()
	target := back("contoso", state, "ada")
	if a := b.get(target); a.status != http.StatusSeeOther || !b.live() {
		t.Fatal(a)
	}
	w.restart()
	b.says(b.get(target), http.StatusBadRequest, usher.ReasonStateUsed)
	if !b.live() {
		t.Error("the session did not live on")
	}
}

func TestF060_PanicLeavesNothing(t *testing.T) {
	for name, panics := range map[string]func(w *world, on bool){
		"in a connector": func(w *world, on bool) {
			w.connector("contoso").finished = func() {
				if on {
					panic("in a connector")
				}
			}
		},
		"in the commit": func(w *world, on bool) { w.asker.panics = on },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "contoso")
			b := w.browser()
			target := back("contoso", b.leave(), "ada")
			panics(w, true)
			a := b.get(target)
			b.says(a, http.StatusInternalServerError, usher.ReasonInternal)
			if b.live() || len(a.cookies) != 0 {
				t.Error("let in")
			}
			panics(w, false)
			if a := b.get(target); a.status != http.StatusSeeOther || !b.live() {
				t.Error("the sign-in can't go on after it:", a)
			}
		})
	}
}

func TestCallback_FailureWritesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		fail   func(*world)
		mend   func(*world)
		status int
	}{
		"the path": {func(w *world) { w.path.fail = usher.Fail(usher.Unavailable, "x", "", errors.New("disk full")) }, func(w *world) { w.path.fail = nil }, 503},
		"the asker": {func(w *world) { w.asker.fail = errors.New("no code for you") },
			func(w *world) { w.asker.fail = nil; w.asker.requests = nil }, 500},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "contoso")
			b := w.browser()
			target := back("contoso", b.leave(), "ada")
			c.fail(w)
			a := b.get(target)
			if a.status != c.status || len(a.cookies) != 0 || b.live() || strings.Contains(a.body, "disk full") || !strings.Contains(a.body, "Return to Payroll") {
				t.Error(a)
			}
			c.mend(w)
			if a := b.get(target); a.status != http.StatusSeeOther || !b.live() {
				t.Error("nothing was written, and yet it counts:", a)
			}
		})
	}
}

func TestCallback_CommitTriedAgain(t *testing.T) {
	w := newWorld(t, "contoso")
	w.path.again = true
	b := w.browser()
	if a := b.get(back("contoso", b.leave(), "ada")); a.status != http.StatusSeeOther || !b.live() {
		t.Error(a)
	}
}

func TestCallback_OnlyGET(t *testing.T) {
	w := newWorld(t, "contoso")
	b := w.browser()
	state := b.leave()
	for _, method := range []string{"POST", "HEAD", "PUT"} {
		a := b.do(method, back("contoso", state, "ada"), nil)
		if a.status != http.StatusMethodNotAllowed || !strings.Contains(a.header.Get("Allow"), "GET") {
			t.Errorf("%s: %v", method, a)
		}
	}
	b.nothing()
	if a := b.get(back("contoso", state, "ada")); a.status != http.StatusSeeOther {
		t.Error("it was used up:", a)
	}
}
