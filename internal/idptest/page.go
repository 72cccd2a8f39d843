package idptest

import (
	_ "embed"
	"html/template"
	"net/http"
	"strings"
	"unicode/utf8"
)

//go:embed page.html
var pageText string

//go:embed style.css
var styleText []byte

var pages = template.Must(template.New("page").Funcs(template.FuncMap{"initials": initials}).Parse(pageText))

// page asks who signs in.
func (p *Provider) page(w http.ResponseWriter, r *http.Request) {
	secure(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pages.Execute(w, map[string]any{
		"Provider": p.cfg.Name, "People": p.cfg.People, "Prefix": p.prefix,
		// The request goes along, so that nothing has to be kept here.
		"Action": p.prefix + "/authorize?" + r.Form.Encode(),
	})
}

// refusePage tells the person, because there is no address to send them to.
func refusePage(w http.ResponseWriter, why string) {
	secure(w)
	http.Error(w, why, http.StatusBadRequest)
}

func secure(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=3600")
	_, _ = w.Write(styleText)
}

// initials is the first letters of a name, two at most.
func initials(name string) string {
	var out strings.Builder
	for i, word := range strings.Fields(name) {
		if i < 2 {
			first, _ := utf8.DecodeRuneInString(word)
			out.WriteRune(first)
		}
	}
	return out.String()
}
