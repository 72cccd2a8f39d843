package web_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/web"
	"pgregory.net/rapid"
)

func TestLanguage_TheApplicationsWishThenTheBrowsers(t *testing.T) {
	f := newKit(t, issuer)
	long := strings.Repeat("es,", 400)
	for _, c := range []struct{ locales, accept, want string }{
		{"", "", "en"},
		{"", "es", "es"},
		{"", "es-MX,en;q=0.5", "es"},
		{"", "fr,ar;q=0.5,en;q=0.1", "ar"},
		{"", "ar-EG", "ar"},
		{"", "en;q=0.1,es;q=0.9", "es"},
		{"", "es;q=0", "en"},
		{"", "*", "en"},
		{"", "zh-Hans", "en"},
		{"ar", "es", "ar"},
		{"fr ar es", "en", "ar"},
		{"xx-none es-419", "ar", "es"},
		{"zh", "es", "es"},
		{"!! ;; es", "ar", "es"},
		{"es\nar", "", "es"},
		{"", long, "en"},
		{long, "ar", "ar"},
		{strings.Repeat("zh ", 17) + "es", "", "en"}, // no more than 16 are looked at
		{"", "es;q=x", "en"},
		{"", "\x00\xff", "en"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", issuer, nil)
		r.Header.Set("Accept-Language", c.accept)
		if got := f.Language(web.Locales(r, c.locales)); got != c.want {
			t.Errorf("ui_locales %.20q, Accept-Language %.20q: %s", c.locales, c.accept, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		r := httptest.NewRequestWithContext(t.Context(), "GET", issuer, nil)
		r.Header.Set("Accept-Language", rapid.String().Draw(t, "header"))
		if got := f.Language(web.Locales(r, rapid.String().Draw(t, "locales"))); len(got) != 2 {
			t.Error(got)
		}
	})
}

func TestRefuse_SpeaksThePersonsLanguage(t *testing.T) {
	f := newKit(t, issuer)
	for language, want := range map[string][]string{
		"en": {`<html lang="en" dir="ltr">`, "You are not signed in", "You chose not to go on", "Return to Payroll", "Reference"},
		"es": {`<html lang="es" dir="ltr">`, "No se ha iniciado", "Usted decidió no continuar", "Volver a Payroll", "Referencia"},
		"ar": {`<html lang="ar" dir="rtl">`, "لم يتم تسجيل دخولك", "اخترتَ عدم المتابعة", "العودة إلى \u2068Payroll\u2069", "المرجع"},
	} {
		h := mux("GET /", func(w http.ResponseWriter, r *http.Request) {
			f.Refuse(w, r, usher.ReasonPromptDeclined, "", &web.Back{Name: "Payroll", URL: "https://app.test/"})
		})
		text := page(t, f.get(t, h, "GET", issuer+"/", requestIn(language)))
		for _, words := range want {
			if !strings.Contains(text, words) {
				t.Errorf("%s: no %q in %s", language, words, text)
			}
		}
		if !strings.Contains(text, "prompt.declined") {
			t.Error("the reason's word is the same in every language")
		}
	}
}

// What an error says is English; whoever reads another language is told what the
// reason says.
func TestError_SpeaksThePersonsLanguage(t *testing.T) {
	f := newKit(t, issuer)
	h := mux("GET /", func(w http.ResponseWriter, r *http.Request) {
		f.Error(w, r, usher.Fail(usher.Invalid, "op", "A sentence for people.", nil), nil)
	})
	text := page(t, f.get(t, h, "GET", issuer+"/", requestIn("es")))
	if strings.Contains(text, "sentence") || !strings.Contains(text, "La aplicación hizo una petición que no podemos usar.") {
		t.Error(text)
	}
}

// sample is a page with a message in every way that one can be shown.
var sample = fstest.MapFS{
	"templates/sample.html": {Data: []byte(`{{define "title"}}{{.T "sample.both" "a" .Page "b" 2}}{{end}}{{define "main"}}<h1>x</h1>
<p title="{{.T "sample.both" "b" 2 "a" .Page}}">{{.Strong "sample.both" "a" .Page "b" 2}}</p>{{end}}`)},
	"messages/en.yaml": {Data: []byte(`sample.both: "<{a}> & {b}"`)},
	"messages/es.yaml": {Data: []byte(`sample.both: "{b} y <{a}>"`)},
	"messages/ar.yaml": {Data: []byte(`sample.both: "{b} و<{a}>"`)},
}

func TestA030_ValuesInMessagesAreText(t *testing.T) {
	f := newKit(t, issuer, func(c *web.Config) { c.Pages = []fs.FS{sample} })
	show := func(language, value string) string {
		h := mux("GET /", func(w http.ResponseWriter, r *http.Request) { f.Page(w, r, 200, "sample", value) })
		return body(t, f.get(t, h, "GET", issuer+"/", requestIn(language)))
	}
	for _, value := range []string{`<script>alert(1)</script>`, `{{template "x"}}`, `${jndi:ldap://x}`, `=cmd()`, `'; DROP`, `" onclick="x`} {
		for _, language := range languages {
			text := show(language, value)
			if strings.Contains(text, "<script") || strings.Contains(text, `" onclick="`) {
				t.Error(text)
			}
		}
	}
	if text := show("es", "x{b}y"); !strings.Contains(text, "<strong><bdi>2</bdi></strong> y &lt;<strong><bdi>x{b}y</bdi></strong>&gt;") {
		t.Error("a value was read as a message:", text)
	}
}

// No value can turn the words around it, or get out of its place.
func TestA024_ValuesDoNotTurnTheirMessage(t *testing.T) {
	f := newKit(t, issuer, func(c *web.Config) { c.Pages = []fs.FS{sample} })
	r := httptest.NewRequestWithContext(t.Context(), "GET", issuer, nil)
	for value, want := range map[string]string{
		"ann":                        "<ann> & 2",
		"\u202egro.live":             "<gro.live> & 2",
		"\u2069\u202eann\u2067":      "<ann> & 2",
		"آن":                         "<\u2068آن\u2069> & 2",
		"\u05d0\u2069\u202e x":       "<\u2068\u05d0 x\u2069> & 2",
		"a\u200fb":                   "<\u2068a\u200fb\u2069> & 2",
		"\u00e9t\u00e9 \u65e5\u672c": "<\u00e9t\u00e9 \u65e5\u672c> & 2",
	} {
		if got := f.T(r, "sample.both", "a", value, "b", "2"); got != want {
			t.Errorf("%q: %q", value, got)
		}
	}
	r.Header.Set("Accept-Language", "ar")
	if got := f.T(r, "sample.both", "a", "ann", "b", "2"); got != "\u20682\u2069 و<\u2068ann\u2069>" {
		t.Errorf("%q", got)
	}
}

func TestT_WithoutAMessageOrAValue(t *testing.T) {
	f := newKit(t, issuer)
	r := httptest.NewRequestWithContext(t.Context(), "GET", issuer, nil)
	if got := f.T(r, "no.such"); got != "no.such" || !strings.Contains(f.log.String(), "no.such") {
		t.Error(got, f.log)
	}
	for wish, want := range map[string]string{"": "Return to x", "fr": "Return to x", "es-CL": "Volver a x", "fr es": "Volver a x", "!": "Return to x",
		strings.Repeat(" ", 2000) + "es": "Return to x"} {
		if got := f.Text(wish, "refusal.return", "name", "x"); got != want {
			t.Errorf("%q: %q", wish, got)
		}
	}
	if got := f.T(r, "refusal.return", "nam", "x", "name"); got != "Return to {name}" {
		t.Error(got)
	}
}
