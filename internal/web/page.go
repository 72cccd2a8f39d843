package web

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

	usher "github.com/usher-id/usher"
)

// refusalPage is the one page of all refusals.
const refusalPage = "refusal"

// View is what a template is executed with: the dot at its top.
type View struct {
	Base  string // goes before every path of ours
	Logo  string // the path of the theme's logo, "" if it has none
	Lang  string // the language of the page, BCP 47
	Dir   string // "ltr" or "rtl"
	Facts *Facts // what the part "facts" shows
	Next  string // where the browser goes by itself at once, if anywhere
	Page  any    // the page's own data

	tongue *tongue
	assets assets
}

// T is a message in the page's language. Pairs of a name and a value fill its
// placeholders: {{.T "ask.title" "app" .Page.App}}.
func (v View) T(key string, args ...any) (string, error) { return say(v.tongue, key, args) }

// Strong is T as HTML, with the values set off from the words around them.
func (v View) Strong(key string, args ...any) (template.HTML, error) {
	return v.tongue.strong(key, args)
}

// Asset is the path of a file in assets, with its digest. A page that uses one
// that ends in .js is sent with a policy that lets scripts of ours run.
func (v View) Asset(name string) (string, error) {
	a, ok := v.assets[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return v.Base + a.path, nil
}

// Facts are what a person can pass on to whoever runs Usher.
type Facts struct {
	Reason      usher.Reason
	Correlation string
	At          time.Time // UTC
}

// Nexter is page data that sends the browser on by itself, by a refresh: a
// form's answer may not redirect to another site under our policy.
type Nexter interface{ Next() string }

// Factual is page data that the part "facts" can be used with.
type Factual interface{ Facts() *Facts }

// Page answers with the page of that name (its file without .html) made of data.
// Nothing is sent before all of it is made; if that fails the answer is the
// refusal page for internal.error.
func (k *Kit) Page(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	p := k.pages.all[name]
	var b bytes.Buffer
	if err := p.execute(&b, k.view(r, data)); err != nil {
		ticket := k.Ticket(usher.ReasonInternal)
		k.log.ErrorContext(r.Context(), "a page could not be made",
			"correlation", ticket, "route", r.Pattern, "page", name, "err", err)
		if name != refusalPage {
			k.Refuse(w, r, usher.ReasonInternal, ticket, nil)
			return
		}
		http.Error(w, "internal.error "+ticket, http.StatusInternalServerError)
		return
	}
	h := w.Header()
	if p.scripted {
		h.Set("Content-Security-Policy", scriptPolicy)
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser is gone; nothing is left to tell it
}

// view is what a page made of data is executed with.
func (k *Kit) view(r *http.Request, data any) View {
	t := k.pages.tongues.of(r)
	v := View{Base: k.base, Lang: t.code, Dir: t.dir, Page: data, tongue: t, assets: k.pages.assets}
	for _, name := range []string{logoSVG, logoPNG} {
		if a, ok := v.assets[name]; ok {
			v.Logo = k.Path(a.path)
			break
		}
	}
	if n, ok := data.(Nexter); ok {
		v.Next = n.Next()
	}
	if f, ok := data.(Factual); ok {
		v.Facts = f.Facts()
	}
	return v
}

// page is one page, parsed and checked.
type page struct {
	whole    *template.Template // nil if there is no such page
	scripted bool               // it brings a script
}

func (p page) execute(b *bytes.Buffer, v View) error {
	if p.whole == nil {
		return errors.New("there is no such page")
	}
	return p.whole.ExecuteTemplate(b, layout, v)
}
