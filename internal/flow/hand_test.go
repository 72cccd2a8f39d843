package flow_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/key"
)

const welcome = "https://people.test/welcome?from=usher"

// handsOver is a house whose newcomers are asked by a page of somebody else's.
func handsOver(t *testing.T, way usher.Way) *house {
	t.Helper()
	h := newHouse(t, way, "contoso", "fabrikam")
	h.providers[0].PromptURL = welcome
	return h
}

// handed follows ada to the other page: the hand and what it says.
func (b *browser) handed() (string, map[string]any) {
	b.t.Helper()
	a := b.arrive("contoso", "ada")
	a = b.get(a.location)
	to, err := url.Parse(a.location)
	if err != nil || a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, welcome+"&hand=") && !strings.HasPrefix(a.location, "https://people.test/welcome?") {
		b.t.Fatal("not handed over:", a)
	}
	signed := to.Query().Get("hand")
	raw, err := b.ring.Verify(signed, "usher-hand+jwt")
	if err != nil || to.Query().Get("from") != "usher" {
		b.t.Fatal(err, a)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		b.t.Fatal(err)
	}
	return signed, claims
}

// bring posts answers from the other page.
func (b *browser) bring(signed string, pairs ...string) answer {
	b.t.Helper()
	form := url.Values{"hand": {signed}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	site := b.site
	b.site = "cross-site"
	defer func() { b.site = site }()
	return b.do("POST", "/login/return", form)
}

func TestP015_AnotherPageAsks(t *testing.T) {
	h := handsOver(t, usher.WayUsername)
	h.start.Locales = "es"
	b := h.browser()
	signed, claims := b.handed()
	now := float64(h.clock().Unix())
	login := claims["login"].(string)
	if claims["jti"] == "" || len(login) == 0 || claims["waiting"] == "" {
		t.Error(claims)
	}
	for _, name := range []string{"jti", "login", "waiting"} {
		delete(claims, name)
	}
	want := map[string]any{
		"iss": issuer, "aud": welcome, "iat": now, "exp": now + 300, "return": issuer + "/login/return", "ui_locales": "es",
		"ask": map[string]any{"username": true, "purposes": []any{
			map[string]any{"name": "account", "version": 1.0, "mandatory": true, "attributes": []any{map[string]any{"name": "email", "mandatory": true}}},
			map[string]any{"name": "calls", "version": 2.0, "mandatory": false, "attributes": []any{map[string]any{"name": "phone"}}},
		}},
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Error(diff)
	}
	before := h.rows()
	a := h.browser().bring(signed, "username", "countess", "password", good, "consent.account", "yes", "attribute.role", "admin") // has none of our cookies
	if a.location != "/login/ask?login="+login || len(grown(before, h.rows())) != 1 {
		t.Fatal(a, grown(before, h.rows()))
	}
	page := b.get(a.location)
	if !strings.Contains(page.body, `value="countess"`) || !strings.Contains(page.body, `name="consent.account" value="yes" required checked`) ||
		strings.Contains(page.body, `name="consent.calls" value="yes" checked`) || !strings.Contains(page.body, `name="password"`) || strings.Contains(page.body, good) {
		t.Fatal("not what was said:", page)
	}
	if _, ok := h.account("countess"); ok || b.live() {
		t.Fatal("decided on another site's word")
	}
	b.says(b.bring(signed, "username", "eve"), http.StatusBadRequest, usher.ReasonStateUsed)
	b.admitted(b.say(page, "username", "countess", "password", good, "consent.account", "yes"))
	if _, ok := h.account("countess"); !ok {
		t.Error("no account")
	}
	b.says(b.bring(signed, "username", "eve"), http.StatusBadRequest, usher.ReasonStateUsed)
}

func TestP015_DeclinedElsewhere(t *testing.T) {
	h := handsOver(t, usher.WayConsent)
	before := h.rows()
	b := h.browser()
	signed, claims := b.handed()
	b.says(b.bring(signed, "decline", "1"), http.StatusForbidden, usher.ReasonPromptDeclined)
	h.onlyDecided(before)
	b.says(b.get("/login/ask?login="+claims["login"].(string)), http.StatusBadRequest, usher.ReasonStateUsed)
}

func TestP015_OnlyWhatCanBeHanded(t *testing.T) {
	h := handsOver(t, usher.WayPasswordConsent)
	h.change("contoso", func(p *usher.Policy) { p.Purposes = nil })
	if page := h.browser().prompted("contoso", "ada"); !strings.Contains(page.body, `name="password"`) {
		t.Error("a password is asked elsewhere:", page)
	}
	h = confirms(t)
	h.providers[1].PromptURL = welcome
	if page := h.browser().prompted("fabrikam", "countess"); !strings.Contains(page.body, "Is this account yours?") {
		t.Error("a proof is asked elsewhere:", page)
	}
}

func TestP015_A090_OnlyOurHandsCount(t *testing.T) {
	h := handsOver(t, usher.WayConsent)
	b := h.browser()
	signed, claims := b.handed()
	sign := func(typ string, change func(map[string]any)) string {
		other := map[string]any{}
		for name, v := range claims {
			other[name] = v
		}
		change(other)
		raw, err := json.Marshal(other)
		if err != nil {
			t.Fatal(err)
		}
		out, err := h.ring.Sign(key.ES256, typ, raw)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, hand := range map[string]string{
		"none": "", "not a JWS": "x", "another type": sign("JWT", func(map[string]any) {}), "changed": signed[:len(signed)-4] + "AAAA",
		"another issuer":   sign("usher-hand+jwt", func(c map[string]any) { c["iss"] = "https://evil.test" }),
		"another audience": sign("usher-hand+jwt", func(c map[string]any) { c["aud"] = "https://evil.test" }),
		"no sign-in":       sign("usher-hand+jwt", func(c map[string]any) { delete(c, "waiting") }),
	} {
		if a := b.bring(hand, "consent.account", "yes"); a.status != http.StatusBadRequest || !strings.Contains(a.body, ">request.invalid<") {
			t.Error(name, a)
		}
	}
	h.pass(5 * time.Minute)
	b.says(b.bring(signed, "consent.account", "yes"), http.StatusBadRequest, usher.ReasonStateExpired)
	// The other page did not answer, and the person comes back by themselves.
	if a := b.get("/login/ask?login=" + claims["login"].(string)); !strings.HasPrefix(a.location, "https://people.test/welcome?") {
		t.Error(a)
	}
	h.providers[0].PromptURL = ""
	if a := b.get("/login/ask?login=" + claims["login"].(string)); !strings.Contains(a.body, `name="consent.account"`) {
		t.Error(a)
	}
}
