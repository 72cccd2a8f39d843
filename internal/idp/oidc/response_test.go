package oidc

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp"
	"github.com/usher-id/usher/internal/idptest"
)

// Everything here is refused before the code is sent anywhere. That the browser
// and the state belong together is the business of whoever kept Keep.
func TestA051_MixUpIsRefusedBeforeTheTokenRequest(t *testing.T) {
	w := newWorld(t, setup{})
	other := newWorld(t, setup{})
	for name, change := range map[string]func(*idp.Arrival){
		"iss wrong":           func(a *idp.Arrival) { a.Params.Set("iss", other.server.URL) },
		"iss missing":         func(a *idp.Arrival) { a.Params.Del("iss") },
		"iss empty":           func(a *idp.Arrival) { a.Params.Set("iss", "") },
		"iss doubled":         func(a *idp.Arrival) { a.Params.Add("iss", w.server.URL) },
		"iss, then wrong":     func(a *idp.Arrival) { a.Params.Add("iss", other.server.URL) },
		"iss with a slash":    func(a *idp.Arrival) { a.Params.Set("iss", w.server.URL+"/") },
		"iss in another case": func(a *idp.Arrival) { a.Params.Set("iss", strings.ToUpper(w.server.URL)) },
		"iss wrong, on error": func(a *idp.Arrival) { a.Params = url.Values{"error": {"access_denied"}, "iss": {other.server.URL}} },
		"iss missing, on error": func(a *idp.Arrival) {
			a.Params = url.Values{"error": {"access_denied"}}
		},
		"begun with another": func(a *idp.Arrival) {
			departure, err := other.connector.Begin(t.Context(), other.ask)
			if err != nil {
				t.Fatal(err)
			}
			a.Keep = departure.Keep
		},
		"answered by another": func(a *idp.Arrival) { a.Params = other.begin(t).Params },
	} {
		t.Run(name, func(t *testing.T) {
			a := w.begin(t)
			change(&a)
			refused(t, w.connector.Finish(t.Context(), a), usher.ReasonMixUp)
		})
	}
	if n := w.provider.Hits(idptest.Token) + other.provider.Hits(idptest.Token); n != 0 {
		t.Errorf("%d token requests", n)
	}
	t.Run("without iss where none is promised", func(t *testing.T) {
		w := newWorld(t, setup{provider: func(p *idptest.Config) { p.OmitIss = true }})
		accepted(t, w.signIn(t))
		a := w.begin(t)
		a.Params.Set("iss", w.server.URL) // not promised, but right
		accepted(t, w.connector.Finish(t.Context(), a))
		a = w.begin(t)
		a.Params.Set("iss", other.server.URL)
		refused(t, w.connector.Finish(t.Context(), a), usher.ReasonMixUp)
	})
}

func TestA052_ResponsesThatAreNone(t *testing.T) {
	w := newWorld(t, setup{})
	for name, change := range map[string]func(url.Values){
		"no code":       func(v url.Values) { v.Del("code") },
		"empty code":    func(v url.Values) { v.Set("code", "") },
		"code twice":    func(v url.Values) { v.Add("code", "other") },
		"state twice":   func(v url.Values) { v.Add("state", "other") },
		"code of 1 MB":  func(v url.Values) { v.Set("code", strings.Repeat("x", 1<<20)) },
		"unknown twice": func(v url.Values) { v["x"] = []string{"1", "2"} },
	} {
		t.Run(name, func(t *testing.T) {
			a := w.begin(t)
			change(a.Params)
			refused(t, w.connector.Finish(t.Context(), a), usher.ReasonUpstreamInvalid)
		})
	}
	t.Run("nothing at all", func(t *testing.T) {
		a := w.begin(t)
		a.Params = nil
		refused(t, w.connector.Finish(t.Context(), a), usher.ReasonMixUp)
	})
	if n := w.provider.Hits(idptest.Token); n != 0 {
		t.Errorf("%d token requests", n)
	}
}

func TestA053_CodeReplayedAndErrorsWithMarkup(t *testing.T) {
	w := newWorld(t, setup{})
	a := w.begin(t)
	accepted(t, w.connector.Finish(t.Context(), a))
	again := w.connector.Finish(t.Context(), a)
	refused(t, again, usher.ReasonUpstreamRefused)
	if again.Fault.Detail != "token endpoint: invalid_grant" {
		t.Errorf("detail %q", again.Fault.Detail)
	}
	before := w.provider.Hits(idptest.Token)
	for code, want := range map[string]string{
		"access_denied":                  "access_denied",
		"login_required":                 "login_required",
		"temporarily_unavailable":        "temporarily_unavailable",
		"":                               "an error code that is not registered",
		"<script>alert(1)</script>":      "an error code that is not registered",
		"access_denied\r\nSet-Cookie: x": "an error code that is not registered",
		"Access_Denied":                  "an error code that is not registered",
	} {
		a := w.begin(t)
		a.Params.Set("error", code)
		a.Params.Set("error_description", "<img src=x onerror=alert(1)> call +1 555 0100")
		got := w.connector.Finish(t.Context(), a)
		refused(t, got, usher.ReasonUpstreamError)
		if got.Fault.Detail != want {
			t.Errorf("error=%q: detail %q, want %q", code, got.Fault.Detail, want)
		}
	}
	if n := w.provider.Hits(idptest.Token) - before; n != 0 {
		t.Errorf("%d token requests", n)
	}
}

func TestA058_Metadata(t *testing.T) {
	set := func(name string, value any) func(map[string]any) {
		return func(doc map[string]any) { doc[name] = value }
	}
	for name, c := range map[string]func(map[string]any){
		"issuer of another":         set("issuer", "http://evil.test"),
		"issuer a template":         set("issuer", "https://login.contoso.test/{tenantid}/v2.0"),
		"issuer missing":            func(doc map[string]any) { delete(doc, "issuer") },
		"issuer with a slash":       func(doc map[string]any) { doc["issuer"] = doc["issuer"].(string) + "/" },
		"issuer in capitals":        func(doc map[string]any) { doc["issuer"] = strings.ToUpper(doc["issuer"].(string)) },
		"Issuer":                    func(doc map[string]any) { doc["Issuer"] = doc["issuer"] },
		"no token endpoint":         func(doc map[string]any) { delete(doc, "token_endpoint") },
		"no authorization endpoint": func(doc map[string]any) { delete(doc, "authorization_endpoint") },
		"no keys":                   func(doc map[string]any) { delete(doc, "jwks_uri") },
		"keys in a file":            set("jwks_uri", "file:///etc/passwd"),
		"keys with a user":          set("jwks_uri", "http://user:pw@evil.test/jwks"),
		"token relative":            set("token_endpoint", "/token"),
		"token by gopher":           set("token_endpoint", "gopher://evil.test/"),
		"authorization by script":   set("authorization_endpoint", "javascript:alert(1)"),
		"userinfo a number":         set("userinfo_endpoint", 7),
		"userinfo empty":            set("userinfo_endpoint", ""),
		"larger than 1 MB":          set("x", strings.Repeat("x", 1<<20)),
		"a fragment":                set("token_endpoint", "http://idp.test/token#x"),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			a := w.begin(t)
			w.provider.Misbehave(idptest.Tamper{Discovery: c})
			w.connector = w.connect(nil)
			refused(t, w.connector.Finish(t.Context(), a), usher.ReasonUpstreamInvalid)
			if _, err := w.connector.Begin(t.Context(), w.ask); usher.KindOf(err) != usher.Unavailable || usher.Shown(err) == "" {
				t.Errorf("Begin: %v", err)
			}
			if n := w.provider.Hits(idptest.Token); n != 0 {
				t.Errorf("%d token requests", n)
			}
		})
	}
	t.Run("endpoints on http", func(t *testing.T) {
		for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"} {
			c := New(Config{Issuer: "https://idp.test", ClientID: "x"}, nil)
			doc := map[string]any{
				"issuer": "https://idp.test", "authorization_endpoint": "https://idp.test/a",
				"token_endpoint": "https://idp.test/t", "jwks_uri": "https://idp.test/k", "userinfo_endpoint": "https://idp.test/u",
			}
			if _, f := c.read(value(t, doc)); f != (usher.Fault{}) {
				t.Fatal(f)
			}
			doc[name] = "http://idp.test/x"
			if _, f := c.read(value(t, doc)); f.Reason != usher.ReasonUpstreamInvalid {
				t.Errorf("%s on http is accepted", name)
			}
		}
	})
	t.Run("endpoints on another host", func(t *testing.T) {
		w, elsewhere := newWorld(t, setup{}), newWorld(t, setup{})
		w.provider.Misbehave(idptest.Tamper{Discovery: set("jwks_uri", elsewhere.server.URL+"/jwks")})
		refused(t, w.signIn(t), usher.ReasonSignature) // its keys are asked, and are not those
		if n := elsewhere.provider.Hits(idptest.JWKS); n == 0 {
			t.Error("the other host was not asked")
		}
	})
}

func value(t testing.TB, v any) usher.Value {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := idp.DecodeClaims(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTokenAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		change func(map[string]any)
		want   usher.Reason
	}{
		"no ID token":       {func(b map[string]any) { delete(b, "id_token") }, usher.ReasonMalformed},
		"ID token a number": {func(b map[string]any) { b["id_token"] = 7 }, usher.ReasonMalformed},
		"ID token empty":    {func(b map[string]any) { b["id_token"] = "" }, usher.ReasonMalformed},
		"no access token":   {func(b map[string]any) { delete(b, "access_token") }, usher.ReasonUpstreamInvalid},
		"error with 200":    {func(b map[string]any) { b["error"] = "invalid_grant" }, usher.ReasonUpstreamRefused},
		"another token":     {func(b map[string]any) { b["access_token"] = "other" }, usher.ReasonSignature},
		"ID token of 1 MB":  {func(b map[string]any) { b["id_token"] = strings.Repeat("a", 1<<20) }, usher.ReasonUpstreamInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			w.provider.Misbehave(idptest.Tamper{TokenBody: c.change})
			refused(t, w.signIn(t), c.want)
		})
	}
}

// A browser that leaves does not take the answer of the others along.
func TestFinishIsTotalWhenTheBrowserLeaves(t *testing.T) {
	w := newWorld(t, setup{})
	a := w.begin(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	refused(t, w.connector.Finish(ctx, a), usher.ReasonUpstreamUnreachable)
	w.connector = w.connect(nil)
	refused(t, w.connector.Finish(ctx, a), usher.ReasonUpstreamUnreachable)
	accepted(t, w.connector.Finish(t.Context(), a))
}
