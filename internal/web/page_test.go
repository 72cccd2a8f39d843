package web_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/web"
	"github.com/usher-id/usher/internal/web/webtest"
	"pgregory.net/rapid"
)

func TestStatus_IsTotal(t *testing.T) {
	want := map[usher.Kind]int{
		usher.Internal: 500, usher.Invalid: 400, usher.NotFound: 404, usher.Conflict: 409,
		usher.Denied: 403, usher.Unavailable: 503, usher.Exhausted: 429,
	}
	if len(want) != len(usher.Kinds) {
		t.Fatal("a kind has no status")
	}
	f := newKit(t, issuer)
	for _, kind := range usher.Kinds {
		if got := web.Status(kind); got != want[kind] {
			t.Errorf("%v: %d", kind, got)
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "GET", issuer, nil)
		f.Error(w, r, usher.Fail(kind, "op", "A sentence for people.", errors.New("cause")), nil)
		if w.Code != want[kind] || !strings.Contains(w.Body.String(), "A sentence for people.") || strings.Contains(w.Body.String(), "cause") {
			t.Errorf("%v: %d %s", kind, w.Code, w.Body)
		}
	}
	if web.Status(usher.Kind(200)) != 500 {
		t.Error("an unknown kind is not ours")
	}
}

// Every reason's page is in order, with or without ways on.
func TestRefuse_EveryReason(t *testing.T) {
	f := newKit(t, issuer)
	for _, said := range append(usher.Reasons, usher.ReasonText{Reason: "no.such_word"}) {
		for _, back := range []*web.Back{nil, {Name: "A & <b>B</b>", URL: "https://app.test/cb?error=access_denied&state=%22x%22"}} {
			reason := said.Reason
			h := mux("GET /", func(w http.ResponseWriter, r *http.Request) { f.Refuse(w, r, reason, "the-correlation", back) })
			res := f.get(t, h, "GET", issuer+"/", nil)
			text := page(t, res)
			if res.StatusCode != web.Status(reason.Said().Kind) || !strings.Contains(text, string(reason)) || !strings.Contains(text, "the-correlation") {
				t.Errorf("%s: %d %s", reason, res.StatusCode, text)
			}
			if linked := strings.Contains(text, `href="https://app.test/cb?error=access_denied&amp;state=%22x%22"`); linked != (back != nil) {
				t.Errorf("%s: the way back: %s", reason, text)
			}
			if strings.Contains(text, "<b>") {
				t.Error("the application's name is not escaped")
			}
		}
	}
}

func TestRefuse_WithoutADecisionGivesATicket(t *testing.T) {
	f := newKit(t, issuer)
	h := mux("GET /", func(w http.ResponseWriter, r *http.Request) { f.Refuse(w, r, usher.ReasonStateForeign, "", nil) })
	text := page(t, f.get(t, h, "GET", issuer+"/", nil))
	line := f.lines(t)[0]
	ticket, _ := line["correlation"].(string)
	if reason, _, valid := f.ReadTicket(ticket); !valid || reason != usher.ReasonStateForeign || line["reason"] != string(reason) {
		t.Error(line)
	}
	if !strings.Contains(text, ticket) {
		t.Error("the page has another one")
	}
}

func TestLink_OnlyWhereSomebodyIsAtHome(t *testing.T) {
	for address, linked := range map[string]bool{
		"https://app.test/cb": true, "http://127.0.0.1:4000/cb": true, "com.example.app:/cb?x=1": true, "com.example.app://cb": true,
		"": false, "javascript:alert(1)": false, "JaVaScRiPt:alert(1)": false, "data:text/html,x": false, "vbscript:x": false,
		"file:///etc/passwd": false, "blob:https://x": false, "//evil.test/x": false, "/x": false, "https:evil.test": false, ":": false,
		" javascript:alert(1)": false, "myapp://cb": false,
	} {
		if got := web.Link(address) != ""; got != linked {
			t.Errorf("%q: %v", address, got)
		}
	}
}

func TestPage_FailsWhole(t *testing.T) {
	f := newKit(t, issuer, func(c *web.Config) {
		c.Pages = []fs.FS{fstest.MapFS{
			"templates/broken.html": {Data: []byte(`{{define "title"}}t{{end}}{{define "main"}}begun{{.Page.None}}{{end}}`)},
			"templates/key.html":    {Data: []byte(`{{define "title"}}t{{end}}{{define "main"}}begun{{.T (printf "reason.%s" .Page)}}{{end}}`)},
		}}
	})
	for _, name := range []string{"broken", "key", "no such page"} {
		h := mux("GET /", func(w http.ResponseWriter, r *http.Request) { f.Page(w, r, 200, name, struct{}{}) })
		res := f.get(t, h, "GET", issuer+"/", nil)
		if text := page(t, res); res.StatusCode != 500 || strings.Contains(text, "begun") || !strings.Contains(text, "internal.error") {
			t.Error(name, res.StatusCode, text)
		}
	}
}

func TestAssets_AreSmallAndKept(t *testing.T) {
	f := newKit(t, issuer)
	m := http.NewServeMux()
	f.Mount(m)
	text := page(t, f.get(t, m, "GET", issuer+"/none", nil))
	for _, mark := range []string{`rel="stylesheet" href="`, `rel="icon" href="`} {
		path, _, _ := strings.Cut(strings.SplitN(text, mark, 2)[1], `"`)
		res := f.get(t, m, "GET", issuer+path, nil)
		if n := len(body(t, res)); res.StatusCode != 200 || n == 0 || n > 14<<10 {
			t.Errorf("%s: %d, %d bytes", path, res.StatusCode, n)
		}
		if !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Error(path, res.Header)
		}
	}
}

func TestTicket_SaysWhyAndWhen(t *testing.T) {
	f := newKit(t, issuer)
	seen := map[string]bool{}
	for _, said := range usher.Reasons {
		ticket := f.Ticket(said.Reason)
		reason, at, valid := f.ReadTicket(ticket)
		if !valid || reason != said.Reason || at != usher.Instant(f.now.UnixMicro()) {
			t.Errorf("%s: %s %d %v", ticket, reason, at, valid)
		}
		if len(ticket) > 40 || !strings.HasPrefix(ticket, "r-") || seen[ticket] || f.Ticket(said.Reason) == ticket {
			t.Errorf("%q", ticket)
		}
		seen[ticket] = true
	}
	if _, _, valid := f.ReadTicket(f.Ticket("no.such_word")); valid {
		t.Error("a word that does not exist was read")
	}
}

func TestA091_TicketsCantBeMade(t *testing.T) {
	f := newKit(t, issuer)
	ticket := f.Ticket(usher.ReasonBusy)
	for i := range ticket {
		for _, c := range "abz27A-" {
			if forged := ticket[:i] + string(c) + ticket[i+1:]; forged != ticket {
				if _, _, valid := f.ReadTicket(forged); valid {
					t.Errorf("%q passes for %q", forged, ticket)
				}
			}
		}
		if _, _, valid := f.ReadTicket(ticket[:i]); valid {
			t.Errorf("%q passes", ticket[:i])
		}
	}
	other, err := web.New(web.Config{Issuer: issuer, Sealer: macs("another key"), Now: func() time.Time { return f.now }})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, valid := other.ReadTicket(ticket); valid {
		t.Error("a ticket of another key passes")
	}
	rapid.Check(t, func(t *rapid.T) {
		if _, _, valid := f.ReadTicket(rapid.String().Draw(t, "ticket")); valid {
			t.Error("passes")
		}
	})
}

func TestA092_CookiesAreBoundToTheHost(t *testing.T) {
	w := httptest.NewRecorder()
	web.SetCookie(w, "x", "v", 10*time.Minute)
	web.ClearCookie(w, "y")
	cookies := w.Result().Cookies()
	for _, c := range cookies {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Error(c)
		}
	}
	if cookies[0].MaxAge != 600 || cookies[0].Value != "v" || cookies[1].MaxAge != -1 || cookies[1].Value != "" {
		t.Error(cookies)
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	r.Header.Set("Cookie", "x=subdomain; __Host-x=1; __Host-twice=1; __Host-twice=2; __Host-p-a=3; __Host-p-b=4; __Host-p-b=5; __Host-p-=6; __Host-empty=")
	if v, ok := web.Cookie(r, "x"); !ok || v != "1" {
		t.Error(v, ok)
	}
	for _, name := range []string{"twice", "none", "empty"} {
		if v, ok := web.Cookie(r, name); ok {
			t.Error(name, v)
		}
	}
	if got := web.CookiesBelow(r, "p-"); len(got) != 1 || got["a"] != "3" {
		t.Error(got)
	}
}

// The kit that reads pages has to see what is wrong with one.
func TestFaults_AreSeen(t *testing.T) {
	whole := "<!doctype html>\n<html lang=en dir=ltr><head><title>t</title></head><body><header></header><main><h1>x</h1>%</main><footer></footer></body></html>"
	if faults := webtest.Faults(strings.Replace(whole, "%", "", 1)); len(faults) != 0 {
		t.Fatal(faults)
	}
	for _, bad := range []string{
		"<p>", "</p>", "<h1></h1>", "<script></script>", `<script src="https://x.test/x.js" defer></script>`, `<script src="/x.js"></script>`,
		`<script src="/x.js" defer>x</script>`, "{app}", `<p aria-describedby="none"></p>`, `<a href="#none">x</a>`, `<p onclick="x"></p>`, `<p style="x"></p>`, `<a href="#ZgotmplZ">x</a>`, "<a>x</a>",
		`<input id="a">`, "<input>", `<p id="a"></p><p id="a"></p>`, `<img src="x">`, "<main></main>",
	} {
		if faults := webtest.Faults(strings.Replace(whole, "%", bad, 1)); len(faults) == 0 {
			t.Errorf("%s passes", bad)
		}
	}
}
