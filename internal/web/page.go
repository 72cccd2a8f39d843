package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	usher "github.com/usher-id/usher"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// layout is what every page has around it; refusalPage is the one page of all
// refusals. Both are parsed once and never changed.
var (
	layout      = template.Must(template.ParseFS(templateFiles, "templates/layout.html"))
	refusalPage = Template(mustRead("templates/refusal.html"))
)

// Template makes a page of its source, which defines "title" (the words of the
// browser's tab) and "main" (the page's content, with the one h1). Both see the
// data given to [Kit.Page] as .Page, and [View]'s other fields. It is meant for
// package variables: a source that does not parse panics.
func Template(source string) *template.Template {
	return template.Must(template.Must(layout.Clone()).Parse(source))
}

// View is what a template is executed with.
type View struct {
	Base  string // goes before every path of ours
	Style string // the path of the style sheet
	Icon  string // the path of the icon
	Facts *Facts // what the partial "facts" shows
	Next  string // where the browser goes by itself at once, if anywhere
	Page  any    // the page's own data
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

// Factual is page data that the partial "facts" can be used with.
type Factual interface{ Facts() *Facts }

// Page answers with the page t made of data. Nothing is sent before all of it
// is made; if that fails the answer is the refusal page for internal.error.
func (k *Kit) Page(w http.ResponseWriter, r *http.Request, status int, t *template.Template, data any) {
	v := View{Base: k.base, Style: k.Path(k.assets.style), Icon: k.Path(k.assets.icon), Page: data}
	if n, ok := data.(Nexter); ok {
		v.Next = n.Next()
	}
	if f, ok := data.(Factual); ok {
		v.Facts = f.Facts()
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout", v); err != nil {
		ticket := k.Ticket(usher.ReasonInternal)
		k.log.ErrorContext(r.Context(), "a page could not be made", "correlation", ticket, "route", r.Pattern, "err", err)
		if t != refusalPage {
			k.Refuse(w, r, usher.ReasonInternal, ticket, nil)
			return
		}
		http.Error(w, "internal.error "+ticket, http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser is gone; nothing is left to tell it
}

// asset is a file of ours that pages use. Its path holds a digest of its
// content, so that it can be kept for ever.
type asset struct {
	path, mime string
	content    []byte
}

// ServeHTTP sends the file.
func (a asset) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.mime)
	h.Set("Content-Length", strconv.Itoa(len(a.content)))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(a.content)
}

type assets struct {
	style, icon string
	all         []asset
}

func loadAssets() assets {
	style, icon := loadAsset("style.css", "text/css; charset=utf-8"), loadAsset("icon.svg", "image/svg+xml")
	return assets{style: style.path, icon: icon.path, all: []asset{style, icon}}
}

func loadAsset(name, mime string) asset {
	content, err := assetFiles.ReadFile("assets/" + name)
	if err != nil {
		panic("web: " + err.Error()) // it is part of the binary
	}
	digest := sha256.Sum256(content)
	ext := path.Ext(name)
	return asset{"/assets/" + strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(digest[:6]) + ext, mime, content}
}

func mustRead(name string) string {
	b, err := templateFiles.ReadFile(name)
	if err != nil {
		panic("web: " + err.Error()) // it is part of the binary
	}
	return string(b)
}
