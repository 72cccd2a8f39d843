// Package webtest is the kit for tests of pages: it reads a page as a browser
// and a screen reader would and lists what is wrong with it. It knows no page
// in particular.
package webtest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// void are the elements that have no end tag (HTML, 13.1.2).
var void = []string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}

// reader collects what is wrong with a page.
type reader struct {
	faults []string
	open   []string
	count  map[string]int
	ids    map[string]bool
	labels map[string]bool // for=
	fields []string        // ids of the fields that need a label
	named  []string        // ids that something refers to
	title  string
	lang   string
	dir    string
}

// Faults lists what is wrong with an HTML page: tags that don't nest, not
// exactly one of each landmark and heading, no language, direction or title, a
// field without a label, an id twice or referred to and not there, a message
// with its placeholders, and anything that our content security policy or
// html/template would have stopped.
func Faults(page string) []string {
	r := &reader{count: map[string]int{}, ids: map[string]bool{}, labels: map[string]bool{}}
	if !strings.HasPrefix(page, "<!doctype html>\n") {
		r.fault("does not begin with a doctype")
	}
	z := html.NewTokenizer(strings.NewReader(page))
	for z.Next() != html.ErrorToken {
		r.token(z.Token())
	}
	if !errors.Is(z.Err(), io.EOF) {
		r.fault("%v", z.Err())
	}
	r.whole()
	return r.faults
}

func (r *reader) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

func (r *reader) token(t html.Token) {
	switch t.Type {
	case html.StartTagToken, html.SelfClosingTagToken:
		r.element(t)
		if t.Type == html.StartTagToken && !slices.Contains(void, t.Data) {
			r.open = append(r.open, t.Data)
		}
	case html.EndTagToken:
		if n := len(r.open); n == 0 || r.open[n-1] != t.Data {
			r.fault("</%s> closes %v", t.Data, r.open)
		} else {
			r.open = r.open[:n-1]
		}
	case html.TextToken:
		if n := len(r.open); n > 0 && r.open[n-1] == "title" {
			r.title += t.Data
		}
		r.text(t.Data)
	}
}

func (r *reader) element(t html.Token) {
	r.count[t.Data]++
	a := map[string]string{}
	for _, at := range t.Attr {
		a[at.Key] = at.Val
		switch {
		case strings.HasPrefix(at.Key, "on"), at.Key == "style":
			r.fault("<%s %s> would not work under our policy", t.Data, at.Key)
		case strings.Contains(at.Val, "ZgotmplZ"), strings.HasPrefix(at.Val, "javascript:"):
			r.fault("<%s %s=%q>", t.Data, at.Key, at.Val)
		}
	}
	r.names(a)
	switch t.Data {
	case "html":
		r.lang, r.dir = a["lang"], a["dir"]
	case "script":
		r.script(a)
	case "style", "iframe", "object", "base":
		r.fault("<%s> has no place in our pages", t.Data)
	case "label":
		r.labels[a["for"]] = true
	case "input", "select", "textarea":
		if a["type"] != "hidden" {
			r.fields = append(r.fields, a["id"])
		}
	case "a":
		if a["href"] == "" {
			r.fault("a link without an address")
		}
	case "img":
		if _, ok := a["alt"]; !ok {
			r.fault("an image without alt")
		}
	}
}

// names keeps the ids that an element has and refers to.
func (r *reader) names(a map[string]string) {
	if i := a["id"]; i != "" {
		if r.ids[i] {
			r.fault("id %q twice", i)
		}
		r.ids[i] = true
	}
	r.named = append(r.named, strings.Fields(a["aria-describedby"]+" "+a["aria-labelledby"]+" "+a["aria-errormessage"])...)
	if id, ok := strings.CutPrefix(a["href"], "#"); ok {
		r.named = append(r.named, id)
	}
}

func (r *reader) script(a map[string]string) {
	if _, deferred := a["defer"]; !deferred || !strings.HasPrefix(a["src"], "/") || strings.HasPrefix(a["src"], "//") {
		r.fault("<script src=%q> would not run under our policy, or hold the page up", a["src"])
	}
}

// placeholder is one that a message still has.
var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// text checks what stands between tags, but for samples of code and scripts.
func (r *reader) text(text string) {
	if slices.Contains(r.open, "code") {
		return
	}
	if slices.Contains(r.open, "script") {
		if text != "" {
			r.fault("a script that stands in the page")
		}
		return
	}
	if placeholder.MatchString(text) {
		r.fault("a placeholder without a value: %q", text)
	}
}

func (r *reader) whole() {
	if len(r.open) > 0 {
		r.fault("left open: %v", r.open)
	}
	for _, one := range []string{"html", "head", "body", "title", "header", "main", "footer", "h1"} {
		if r.count[one] != 1 {
			r.fault("%d times <%s>", r.count[one], one)
		}
	}
	if r.lang == "" {
		r.fault("no language")
	}
	if r.dir != "ltr" && r.dir != "rtl" {
		r.fault("no direction")
	}
	for _, id := range r.named {
		if !r.ids[id] {
			r.fault("no id %q, which something refers to", id)
		}
	}
	if strings.TrimSpace(r.title) == "" {
		r.fault("no title")
	}
	for _, f := range r.fields {
		if f == "" || !r.labels[f] {
			r.fault("the field %q has no label", f)
		}
	}
}

// The policy of every answer, and what is added to that of a page with a script.
const (
	policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; " +
		"base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
	scripts = "; script-src 'self'; connect-src 'self'"
)

// HeaderFaults lists which of the security headers are missing or different.
func HeaderFaults(h http.Header) []string { return headerFaults(h, policy) }

// ScriptHeaderFaults is HeaderFaults for a page that brings a script of ours.
func ScriptHeaderFaults(h http.Header) []string { return headerFaults(h, policy+scripts) }

func headerFaults(h http.Header, policy string) []string {
	var out []string
	for name, want := range map[string]string{
		"Content-Security-Policy":    policy,
		"X-Frame-Options":            "DENY",
		"X-Content-Type-Options":     "nosniff",
		"Referrer-Policy":            "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin",
	} {
		if got := h.Values(name); len(got) != 1 || got[0] != want {
			out = append(out, fmt.Sprintf("%s: %q", name, got))
		}
	}
	slices.Sort(out)
	return out
}
