package web_test

import (
	"io/fs"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/web"
	"github.com/usher-id/usher/internal/web/webtest"
)

// files is a folder of pages, by path.
func files(of ...string) fstest.MapFS {
	out := fstest.MapFS{}
	for i := 0; i < len(of); i += 2 {
		out[of[i]] = &fstest.MapFile{Data: []byte(of[i+1])}
	}
	return out
}

// with is a page whose main part holds source.
func with(source string) fstest.MapFS {
	return files("templates/x.html", `{{define "title"}}t{{end}}{{define "main"}}<h1>h</h1>`+source+`{{end}}`,
		"messages/en.yaml", "x.a: a\nx.n: \"{n}\"", "messages/es.yaml", "x.a: b\nx.n: \"{n}\"", "messages/ar.yaml", "x.a: c\nx.n: \"{n}\"",
		"assets/x.js", "1", "assets/y.svg", "<svg/>")
}

func and(m fstest.MapFS, of ...string) fstest.MapFS {
	out := maps.Clone(m)
	maps.Copy(out, files(of...))
	return out
}

// What a page says wrongly is said at the start, with its file and its key.
func TestNew_RefusesPagesThatWouldNotWork(t *testing.T) {
	for _, c := range []struct {
		pages fstest.MapFS
		words string // in order
	}{
		{with(`{{.T "x.none"}}`), "templates/x.html x.none no such message"},
		{with(`{{with .Page}}{{if .A}}{{$.T "x.none"}}{{end}}{{end}}`), "x.none"},
		{with(`{{range .Page}}{{else}}{{$.Strong "x.none"}}{{end}}`), "x.none"},
		{with(`{{template "title" .T "x.none"}}`), "x.none"},
		{with(`{{printf "%s" (.T "x.none")}}`), "x.none"},
		{with(`{{.T "x.n"}}`), "x.n {n}"},
		{with(`{{.T "x.n" "m" 1}}`), "x.n {n}"},
		{with(`{{.T "x.n" "n" 1 "n"}}`), "x.n a value is missing"},
		{with(`{{.T "x.n" .Page 1}}`), "x.n written out"},
		{with(`{{.T .Page}}`), ".T .Page written out"},
		{with(`{{.T}}`), ".T needs its name"},
		{with(`{{"x.a" | .T}}`), ".T needs its name"},
		{with(`{{.T (printf "none.%s" .Page)}}`), "none. prefix"},
		{with(`{{.T (printf "x%s" .Page)}}`), "prefix"},
		{with(`{{.T (print "x." .Page)}}`), "prefix"},
		{with(`{{.Asset "none.js"}}`), "none.js no such asset"},
		{with(`{{.Asset .Page}}`), "written out"},
		{with(`{{if}}`), "x.html"},
		{with(`{{template "none"}}`), "x.html none"},
		{with(`<a href="{{if .Page}}"{{end}}>`), "x.html"},
		{and(with(""), "templates/y.html", `{{define "title"}}t{{end}}`), "templates/y.html main"},
		{and(with(""), "templates/refusal.html", ""), "templates/refusal.html two packages"},
		{and(with(""), "assets/style.css", ""), "assets/style.css two packages"},
		{and(with(""), "templates/_y.html", `{{`), "_y.html"},
		{and(with(""), "templates/y.txt", ``), "templates/y.txt no place"},
		{and(with(""), "messages/en.json", `{}`), "messages/en.json no place"},
		{and(with(""), "assets/y.exe", ``), "assets/y.exe no place"},
		{and(with(""), "assets/y.css", strings.Repeat(" ", 256<<10+1)), "assets/y.css larger"},
		{and(with(""), "messages/en.yaml", "x.a: {b: c}"), "messages/en.yaml"},
		{and(with(""), "messages/en.yaml", "x.a: a\nx.a: b"), "messages/en.yaml"},
		{and(with(""), "messages/en.yaml", "x.a: a\nx.n: \"{n}\"\nbrand.name: b"), "messages/en.yaml brand.name two packages"},
		{and(with(""), "messages/es.yaml", "x.a: a"), "messages/es.yaml x.n missing"},
		{and(with(""), "messages/es.yaml", "x.a: ' '\nx.n: x"), "messages/es.yaml x.a empty"},
		{and(with(""), "messages/es.yaml", "x.a: a\nx.n: n\nx.b: b"), "messages/es.yaml x.b English"},
		{and(with(""), "messages/es.yaml", "x.a: a\nx.n: n\nreason.none: b"), "messages/es.yaml reason.none English"},
		{and(with(""), "messages/es.yaml", "x.a: a\nx.n: '{m}'"), "messages/es.yaml x.n {m}"},
		{and(with(""), "messages/es.yaml", "x.a: a\nx.n: '{n'"), "messages/es.yaml x.n {"},
		{and(with(""), "messages/es.yaml", "x.a: a\nx.n: 'n}'"), "messages/es.yaml x.n }"},
		{and(with(""), "messages/es.yaml", "x.a: a\nx.n: '{N}'"), "messages/es.yaml x.n {"},
		{and(with(""), "messages/es.yaml", "x.a: a\nx.n: '{}'"), "messages/es.yaml x.n {"},
		{and(with(""), "messages/fr.yaml", "x.a: a\nx.n: '{n}'"), "messages/fr.yaml missing"},
		{and(with(""), "messages/english.yaml", "x.a: a"), "messages/english.yaml not a language"},
		{and(with(""), "messages/EN.yaml", "x.a: a"), "messages/EN.yaml not a language"},
	} {
		_, err := web.New(web.Config{Issuer: issuer, Pages: []fs.FS{c.pages}})
		if usher.KindOf(err) != usher.Invalid {
			t.Errorf("%s: %v", c.words, err)
			continue
		}
		for _, word := range strings.Fields(c.words) {
			if !strings.Contains(usher.Shown(err), word) {
				t.Errorf("%q is not in %q", word, usher.Shown(err))
			}
		}
	}
	if _, err := web.New(web.Config{Issuer: issuer, Pages: []fs.FS{and(with(`{{$.T (printf "x.%s" .Page)}}`), "templates/.x.html.swp", "{{")}}); err != nil {
		t.Error(err)
	}
}

// Only a page that brings a script of ours lets one run, and nobody frames it.
func TestA095_APageWithAScriptIsAsStrictOtherwise(t *testing.T) {
	f := newKit(t, issuer+"/usher", func(c *web.Config) {
		c.Pages = []fs.FS{and(with(`<script src="{{.Asset "x.js"}}" defer></script>`),
			"templates/plain.html", `{{define "title"}}t{{end}}{{define "main"}}<h1>h</h1><img alt="" src="{{.Asset "y.svg"}}">{{end}}`)}
	})
	m := mux("GET /x", func(w http.ResponseWriter, r *http.Request) { f.Page(w, r, 200, "x", nil) })
	m.HandleFunc("GET /plain", func(w http.ResponseWriter, r *http.Request) { f.Page(w, r, 200, "plain", nil) })
	f.Mount(m)
	res := f.get(t, m, "GET", issuer+"/usher/x", nil)
	text := body(t, res)
	for _, fault := range append(webtest.Faults(text), webtest.ScriptHeaderFaults(res.Header)...) {
		t.Error(fault)
	}
	src, _, _ := strings.Cut(strings.SplitN(text, `<script src="`, 2)[1], `"`)
	script := f.get(t, m, "GET", issuer+src, nil)
	if !strings.HasPrefix(src, "/usher/assets/x-") || body(t, script) != "1" || script.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Error(src, script.StatusCode, script.Header)
	}
	page(t, f.get(t, m, "GET", issuer+"/usher/plain", nil))
}
