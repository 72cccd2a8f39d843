package flow_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/flow"
	"pgregory.net/rapid"
)

// where tells which way Begin sent the browser.
func (b *browser) where(a answer) string {
	switch {
	case strings.HasPrefix(a.location, "/login?login="):
		return "chooser"
	case strings.Contains(a.location, ".test/auth?"):
		return strings.TrimSuffix(strings.SplitN(strings.TrimPrefix(a.location, "https://"), "/", 2)[0], ".test")
	}
	return "page"
}

func TestBegin_ChoosesTheProvider(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		providers []string
		start     flow.Start
		disabled  string
		want      string
	}{
		"the only one":                        {[]string{"contoso"}, flow.Start{}, "", "contoso"},
		"the only one enabled":                {[]string{"contoso", "fabrikam"}, flow.Start{}, "contoso", "fabrikam"},
		"none":                                {nil, flow.Start{}, "", "page"},
		"none enabled":                        {[]string{"contoso"}, flow.Start{}, "contoso", "page"},
		"two":                                 {[]string{"contoso", "fabrikam"}, flow.Start{}, "", "chooser"},
		"hint":                                {[]string{"contoso", "fabrikam"}, flow.Start{IdPHint: "fabrikam"}, "", "fabrikam"},
		"hint before domain":                  {[]string{"contoso:c.test", "fabrikam"}, flow.Start{IdPHint: "fabrikam", LoginHint: "a@c.test"}, "", "fabrikam"},
		"hint and select_account":             {[]string{"contoso", "fabrikam"}, flow.Start{IdPHint: "fabrikam", Prompt: "select_account"}, "", "fabrikam"},
		"hint of nobody":                      {[]string{"contoso", "fabrikam"}, flow.Start{IdPHint: "northwind"}, "", "page"},
		"hint of nobody, one there":           {[]string{"contoso"}, flow.Start{IdPHint: "Contoso"}, "", "page"},
		"hint of one switched off":            {[]string{"contoso", "fabrikam"}, flow.Start{IdPHint: "contoso"}, "contoso", "page"},
		"domain":                              {[]string{"contoso:c.test", "fabrikam:f.test"}, flow.Start{LoginHint: "a@f.test"}, "", "fabrikam"},
		"domain in capitals":                  {[]string{"contoso:C.test", "fabrikam"}, flow.Start{LoginHint: "a@c.TEST"}, "", "contoso"},
		"domain of nobody":                    {[]string{"contoso:c.test", "fabrikam"}, flow.Start{LoginHint: "a@x.test"}, "", "chooser"},
		"domain of two":                       {[]string{"contoso:c.test", "fabrikam:c.test"}, flow.Start{LoginHint: "a@c.test"}, "", "chooser"},
		"domain of one switched off":          {[]string{"contoso:c.test", "fabrikam", "northwind"}, flow.Start{LoginHint: "a@c.test"}, "contoso", "chooser"},
		"domain below":                        {[]string{"contoso:c.test", "fabrikam"}, flow.Start{LoginHint: "a@sub.c.test"}, "", "chooser"},
		"domain above":                        {[]string{"contoso:c.test", "fabrikam"}, flow.Start{LoginHint: "a@test"}, "", "chooser"},
		"domain with a dot":                   {[]string{"contoso:c.test", "fabrikam"}, flow.Start{LoginHint: "a@c.test."}, "", "chooser"},
		"domain with a Kelvin sign":           {[]string{"contoso:k.test", "fabrikam"}, flow.Start{LoginHint: "a@\u212a.test"}, "", "chooser"},
		"two domains":                         {[]string{"contoso:c.test", "fabrikam"}, flow.Start{LoginHint: "\"a@x.test\"@c.test"}, "", "chooser"},
		"display name":                        {[]string{"contoso:c.test", "fabrikam"}, flow.Start{LoginHint: "A <a@c.test>"}, "", "chooser"},
		"line feed":                           {[]string{"contoso:c.test", "fabrikam"}, flow.Start{LoginHint: "a\n@c.test"}, "", "chooser"},
		"nobody at the domain":                {[]string{"contoso:c.test", "fabrikam"}, flow.Start{LoginHint: "@c.test"}, "", "chooser"},
		"an account number":                   {[]string{"contoso:c.test", "fabrikam"}, flow.Start{LoginHint: "4711"}, "", "chooser"},
		"select_account":                      {[]string{"contoso:c.test", "fabrikam"}, flow.Start{LoginHint: "a@c.test", Prompt: "login select_account"}, "", "chooser"},
		"select_account, one there":           {[]string{"contoso"}, flow.Start{Prompt: "select_account"}, "", "contoso"},
		"a prompt that only resembles it":     {[]string{"contoso:c.test", "fabrikam"}, flow.Start{LoginHint: "a@c.test", Prompt: "select_accounts"}, "", "contoso"},
		"a hint that is too long is no hint":  {[]string{"contoso:c.test", "fabrikam"}, flow.Start{LoginHint: strings.Repeat("a", 400) + "@c.test"}, "", "chooser"},
		"an address that is too long, of 254": {[]string{"contoso:c.test", "fabrikam"}, flow.Start{LoginHint: strings.Repeat("a", 250) + "@c.test"}, "", "chooser"},
	} {
		t.Run(name, func(t *testing.T) {
			w.provide(c.providers...)
			c.start.Tenant, c.start.Application, c.start.Request = usher.DefaultTenant, "payroll", []byte("x")
			w.start = c.start
			for i := range w.providers {
				w.providers[i].Enabled = w.providers[i].Name != c.disabled
			}
			b := w.browser()
			a := b.get("/authorize")
			if got := b.where(a); got != c.want {
				t.Fatalf("sent to %s, want %s: %v", got, c.want, a)
			}
			if c.want == "page" && len(b.cookies) != 0 {
				t.Error("a refusal left a cookie")
			}
			if c.want == "page" && c.start.IdPHint != "" {
				b.says(a, http.StatusNotFound, usher.ReasonProviderUnknown)
				if !strings.Contains(a.body, "Return to payroll") {
					t.Error("no way back to the application")
				}
			}
			if c.want == "page" && c.start.IdPHint == "" {
				b.says(a, http.StatusNotFound, usher.ReasonNoProvider)
				if !strings.Contains(a.body, "kind: IdentityProvider") || !strings.Contains(a.body, issuer+"/idp/contoso/callback") {
					t.Error("does not tell how to add a provider")
				}
			}
		})
	}
}

func TestBegin_PassesOnWhatWasAsked(t *testing.T) {
	w := newWorld(t, "contoso")
	age := int64(0)
	w.start.Prompt, w.start.LoginHint, w.start.MaxAge = "login select_account", "ada@contoso.test", &age
	b := w.browser()
	state := b.leave()
	ask := w.connector("contoso").asks[0]
	if ask.Prompt != "login select_account" || ask.LoginHint != "ada@contoso.test" || ask.MaxAge == nil || *ask.MaxAge != 0 ||
		ask.RedirectURI != issuer+"/idp/contoso/callback" || len(ask.State) < 22 {
		t.Errorf("%+v", ask)
	}
	if a := b.get(back("contoso", state, "ada")); a.status != http.StatusSeeOther {
		t.Fatal(a)
	}
	if got := w.connector("contoso").arrivals[0]; got.MaxAge == nil || *got.MaxAge != 0 || !got.Now.Equal(w.clock()) {
		t.Errorf("%+v", got)
	}
}

func TestBegin_TellsWhyItCantLeave(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		status int
		reason usher.Reason
	}{
		"the provider is away": {func(w *world) {
			w.connector("contoso").fail = usher.Fail(usher.Unavailable, "oidc.Begin", "", errors.New("dial 10.0.0.1: refused"))
		}, 503, usher.ReasonUpstreamUnreachable},
		"the connector breaks":     {func(w *world) { w.connector("contoso").fail = errors.New("boom 10.0.0.1") }, 500, usher.ReasonInternal},
		"the connector wants much": {func(w *world) { w.connector("contoso").keep = 513 }, 500, usher.ReasonInternal},
		"the request is too large": {func(w *world) { w.start.Request = make([]byte, flow.MaxRequest+1) }, 429, usher.ReasonTooMuch},
		"the cookie would not carry": {func(w *world) {
			w.start.Request, w.start.ApplicationName = make([]byte, flow.MaxRequest), strings.Repeat("n", 1500)
		}, 429, usher.ReasonTooMuch},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "contoso")
			c.change(w)
			b := w.browser()
			a := b.get("/authorize")
			b.says(a, c.status, c.reason)
			if len(b.cookies) != 0 || strings.Contains(a.body, "10.0.0.1") {
				t.Error(a)
			}
			if !strings.Contains(a.body, "Return to ") {
				t.Error("no way back to the application:", a)
			}
		})
	}
}

func TestBegin_LargestThatFits(t *testing.T) {
	w := newWorld(t, "contoso")
	w.start.Request = make([]byte, flow.MaxRequest)
	w.start.LoginHint = strings.Repeat("h", 200)
	w.start.ApplicationURL = "https://app.test/" + strings.Repeat("a", 60)
	w.connector("contoso").keep = 512
	b := w.browser()
	a := b.get("/authorize")
	b.state(a)
	for _, c := range a.cookies {
		if n := len(c.Name) + len(c.Value); n > 3800 {
			t.Errorf("%d bytes", n)
		}
		if c.MaxAge != 600 {
			t.Error("max age", c.MaxAge)
		}
	}
}

func TestBegin_KeepsOnlyTheLatestCookies(t *testing.T) {
	w := newWorld(t, "contoso")
	b := w.browser()
	b.cookies["__Host-usher-login-rubbish"] = "x"
	b.cookies["__Host-usher-session-like"] = "stays"
	var states []string
	for range 12 {
		states = append(states, b.leave())
		w.pass(time.Second)
	}
	if n := len(b.loginCookies()); n != 8 {
		t.Errorf("%d login cookies: %v", n, b.loginCookies())
	}
	if b.cookies["__Host-usher-session-like"] != "stays" {
		t.Error("another cookie was removed")
	}
	for i, state := range states {
		a := b.get(back("contoso", state, "ada"))
		if i < 4 {
			b.says(a, http.StatusBadRequest, usher.ReasonStateForeign)
		} else if a.status != http.StatusSeeOther {
			t.Errorf("%d: %v", i, a)
		}
	}
	big := newWorld(t, "contoso")
	big.start.Request = make([]byte, flow.MaxRequest)
	b = big.browser()
	for range 12 {
		b.leave()
		big.pass(time.Second)
	}
	total := 0
	for _, name := range b.loginCookies() {
		total += len(name) + len(b.cookies[name])
	}
	if total > 16<<10 || total < 8<<10 {
		t.Errorf("%d bytes of cookies", total)
	}
}

// Whatever an application asks for comes back to it, and goes to the provider
// and nowhere else.
func TestBegin_RoundTrip(t *testing.T) {
	w := newWorld(t, "contoso")
	rapid.Check(t, func(t *rapid.T) {
		w.start = flow.Start{
			Tenant: usher.DefaultTenant, Application: rapid.StringN(0, 40, 80).Draw(t, "application"),
			ApplicationName: rapid.StringN(0, 40, 80).Draw(t, "name"), Request: rapid.SliceOfN(rapid.Byte(), 0, flow.MaxRequest).Draw(t, "request"),
			LoginHint: rapid.StringN(0, 60, 120).Draw(t, "hint"), Prompt: rapid.SampledFrom([]string{"", "login", "consent"}).Draw(t, "prompt"),
		}
		if rapid.Bool().Draw(t, "aged") {
			age := rapid.Int64().Draw(t, "age")
			w.start.MaxAge = &age
		}
		b := w.browser()
		state := b.leave()
		w.secrets = nil // a drawn hint may be any word of the log
		a := b.get(back("contoso", state, "ada"))
		c := w.connector("contoso")
		ask, arrival := c.asks[len(c.asks)-1], c.arrivals[len(c.arrivals)-1]
		got := w.asker.requests[len(w.asker.requests)-1]
		if got != string(w.start.Request) || a.location != "https://app.test/cb?code=1&request="+url.QueryEscape(got) {
			t.Fatalf("%q", got)
		}
		if ask.LoginHint != w.start.LoginHint || ask.Prompt != w.start.Prompt || (arrival.MaxAge == nil) != (w.start.MaxAge == nil) {
			t.Fatalf("%+v", ask)
		}
		if arrival.MaxAge != nil && (*arrival.MaxAge != *w.start.MaxAge || *ask.MaxAge != *arrival.MaxAge) {
			t.Fatal("max age")
		}
	})
}
