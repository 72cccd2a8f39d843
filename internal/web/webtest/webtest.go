// Package webtest is the kit for tests of pages: it reads a page as a browser
// and a screen reader would and lists what is wrong with it. It knows no page
// in particular.
package webtest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
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
	title  string
	lang   string
}

// Faults lists what is wrong with an HTML page: tags that don't nest, not
// exactly one of each landmark and heading, no language or title, a field
// without a label, an id twice, and anything that our content security policy
// or html/template would have stopped.
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
	if i := a["id"]; i != "" {
		if r.ids[i] {
			r.fault("id %q twice", i)
		}
		r.ids[i] = true
	}
	switch t.Data {
	case "html":
		r.lang = a["lang"]
	case "script", "style", "iframe", "object", "base":
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
	if strings.TrimSpace(r.title) == "" {
		r.fault("no title")
	}
	for _, f := range r.fields {
		if f == "" || !r.labels[f] {
			r.fault("the field %q has no label", f)
		}
	}
}

// policies are the headers that every answer has to carry.
var policies = map[string]string{
	"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; " +
		"base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
	"X-Frame-Options":            "DENY",
	"X-Content-Type-Options":     "nosniff",
	"Referrer-Policy":            "no-referrer",
	"Cross-Origin-Opener-Policy": "same-origin",
}

// HeaderFaults lists which of the security headers are missing or different.
func HeaderFaults(h http.Header) []string {
	var out []string
	for name, want := range policies {
		if got := h.Values(name); len(got) != 1 || got[0] != want {
			out = append(out, fmt.Sprintf("%s: %q", name, got))
		}
	}
	slices.Sort(out)
	return out
}
