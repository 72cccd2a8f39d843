package web_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/web"
)

// themed is the page for a path that is not there, in a language, under a theme,
// and its style sheet.
func themed(t *testing.T, theme fs.FS, language string) (text, style string) {
	t.Helper()
	f := newKit(t, issuer, func(c *web.Config) { c.Theme = theme })
	m := mux("GET /x", ok)
	f.Mount(m)
	text = page(t, f.get(t, m, "GET", issuer+"/none", requestIn(language)))
	return text, body(t, f.get(t, m, "GET", issuer+between(text, `rel="stylesheet" href="`), nil))
}

// between is what stands after mark, to the next quote.
func between(text, mark string) string {
	out, _, _ := strings.Cut(strings.SplitN(text, mark, 2)[1], `"`)
	return out
}

// withoutFacts is a page without what differs from time to time.
func withoutFacts(text string) string {
	before, _, _ := strings.Cut(text, `<dl class="facts">`)
	return before
}

func TestTheme_ChangesFileByFileAndMessageByMessage(t *testing.T) {
	plain, sheet := themed(t, nil, "")
	same, _ := themed(t, fstest.MapFS{"README.md": {Data: []byte("x")}, "templates/.DS_Store": {}}, "")
	if withoutFacts(plain) != withoutFacts(same) {
		t.Error("an empty theme changes something")
	}

	text, _ := themed(t, files("messages/en.yaml", "brand.name: Contoso\nreason.request.not_found: Gone."), "")
	if !strings.Contains(text, "<span>Contoso</span>") || !strings.Contains(text, "· Contoso</title>") || !strings.Contains(text, "Gone.") ||
		!strings.Contains(text, "Nothing to be found here") {
		t.Error(text)
	}
	text, _ = themed(t, files("messages/en.yaml", "brand.name: Contoso"), "es")
	if !strings.Contains(text, "<span>Usher</span>") {
		t.Error("the theme's English is in Spanish:", text)
	}

	// A theme's text may do with less; the other languages keep theirs.
	themed(t, files("messages/en.yaml", "refusal.return: Back"), "")

	text, _ = themed(t, files("templates/_foot.html", `{{define "foot"}}<p>{{.T "theme.imprint" "year" 2027}}</p>{{end}}`,
		"messages/en.yaml", `theme.imprint: "Contoso {year}"`), "ar")
	if !strings.Contains(text, "Contoso \u20682027\u2069") || !strings.Contains(text, `dir="rtl"`) {
		t.Error(text)
	}
	text, _ = themed(t, files("templates/refusal.html", `{{define "title"}}t{{end}}{{define "main"}}<h1>Ours</h1>{{end}}`), "")
	if !strings.Contains(text, "<h1>Ours</h1>") {
		t.Error(text)
	}

	if _, style := themed(t, files("assets/style.css", "p{}"), ""); style != "p{}" {
		t.Error(style)
	}
	if _, style := themed(t, files("assets/theme.css", "p{}"), ""); style != sheet+"\np{}" {
		t.Error("the theme's sheet does not go after ours")
	}
	text, _ = themed(t, files("assets/logo.png", "x"), "")
	if !strings.Contains(text, `<img class="logo" src="/assets/logo-`) || strings.Contains(text, `class="mark"`) {
		t.Error(text)
	}
	if icon, _ := themed(t, files("assets/icon.svg", "<svg/>"), ""); between(icon, `rel="icon" href="`) == between(plain, `rel="icon" href="`) {
		t.Error("the icon is the same")
	}
}

// A theme may bring a language if it brings it whole; without the reasons' texts
// those are in English.
func TestTheme_AddsALanguage(t *testing.T) {
	var whole strings.Builder
	for key := range messages(t, "messages/en.yaml") {
		whole.WriteString(key + ": «" + key + "»\n")
	}
	text, _ := themed(t, files("messages/he.yaml", whole.String()), "he")
	if !strings.Contains(text, `<html lang="he" dir="rtl">`) || !strings.Contains(text, "«refusal.missing»") || !strings.Contains(text, "There is no such page.") {
		t.Error(text)
	}
}

func TestTheme_RefusesWhatWouldDoNothingOrBreak(t *testing.T) {
	for _, c := range []struct {
		theme fstest.MapFS
		words string
	}{
		{files("templates/refusal.html", `{{define "title"}}`), "refusal.html"},
		{files("templates/refusal.html", `{{define "title"}}t{{end}}`+`{{define "main"}}{{.T "x.none"}}{{end}}`), "templates/refusal.html x.none"},
		{files("templates/_layout.html", ``), "layout"},
		{files("templates/refusal2.html", ``), "theme templates/refusal2.html no such page"},
		{files("messages/en.yaml", `refusal.retrun: x`), "theme messages/en.yaml refusal.retrun no such message"},
		{files("messages/en.yaml", `refusal.return: "To {nam}"`), "messages/en.yaml refusal.return {nam}"},
		{files("messages/es.yaml", `refusal.return: "A {nam}"`), "messages/es.yaml refusal.return {nam}"},
		{files("messages/es.yaml", `theme.x: x`), "messages/es.yaml theme.x English"},
		{files("messages/fr.yaml", `brand.name: x`), "messages/fr.yaml missing"},
		{files("messages/en.yaml", `[`), "theme messages/en.yaml"},
		{files("assets/ask.js", `x`), "theme assets/ask.js"},
		{files("assets/font.svg", `x`), "theme assets/font.svg"},
		{files("assets/style.css", strings.Repeat("x", 256<<10+1)), "theme assets/style.css larger"},
		{files("assets/sub/style.css", "x"), "theme assets/sub"},
	} {
		_, err := web.New(web.Config{Issuer: issuer, Theme: c.theme})
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
	many := fstest.MapFS{}
	for i := range 201 {
		many["messages/x"+strings.Repeat("a", i)+".yaml"] = &fstest.MapFile{}
	}
	for _, theme := range []fs.FS{many, os.DirFS(t.TempDir() + "/none")} {
		if _, err := web.New(web.Config{Issuer: issuer, Theme: theme}); usher.KindOf(err) != usher.Invalid {
			t.Error(err)
		}
	}
}
