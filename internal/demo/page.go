package demo

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"

	"github.com/usher-id/usher/internal/explain"
)

//go:embed assets
var assets embed.FS

// page is what the one template shows; at most one of the fields after Policy is set.
type page struct {
	Cast    []Persona
	Policy  []providerOptions
	Options *optionsPage
	Person  *person
	Denial  *denial
	Problem string
}

// Title is the title of the page.
func (p page) Title() string {
	switch {
	case p.Options != nil:
		return "The policy"
	case p.Person != nil:
		return "You are signed in"
	case p.Denial != nil:
		return "Usher did not let you in"
	case p.Problem != "":
		return "That did not work"
	}
	return "Sign in, and see why"
}

// person is somebody who is signed in, with all that Usher said.
type person struct {
	Sub     string
	Name    string
	Account []row // userinfo
	ID      token
	Access  *token // nil if it can't be read
	Why     *explain.Story
	raw     string // the ID token, for signing out
}

// denial is a sign-in that Usher refused.
type denial struct {
	Code        string // OAuth error
	Description string // as received
	Reason      string // the reason word, if there is one
	Correlation string
	Text        string // what the word means, for the person
	Why         *explain.Story
}

// pages shows the template.
type pages struct{ tmpl *template.Template }

func newPages() *pages {
	return &pages{template.Must(template.ParseFS(assets, "assets/*.html"))}
}

func (p *pages) mount(mux *http.ServeMux) {
	for _, name := range []string{"app.css", "app.svg"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "max-age=60")
			http.ServeFileFS(w, r, assets, "assets/"+name)
		})
	}
}

func (p *pages) show(w http.ResponseWriter, status int, data page) {
	var b bytes.Buffer
	if err := p.tmpl.ExecuteTemplate(&b, "page.html", data); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader is gone
}
