package demo

import (
	"context"
	"net/http"
	"strings"

	usher "github.com/usher-id/usher"
)

// optionsPage is the page that changes the policy.
type optionsPage struct {
	Done      string // what has just been done, "" if nothing
	Providers []providerOptions
}

// providerOptions is one provider's part of it.
type providerOptions struct {
	Name, Display string
	Choices       []offered
	YAML          string // the policy in force
}

// offered is a choice with what was picked.
type offered struct {
	choice
	Picked option
}

// done is what the page says after a change, by the word in its address.
var done = map[string]string{
	"switched": "The policy is in force: Usher has read its configuration again.",
	"afresh":   "Every account is gone, and only Tomas and Dana of Contoso have been here before.",
}

// inForce is the policy of every provider, as the pages show it.
func inForce(p Policy) ([]providerOptions, error) {
	var out []providerOptions
	for _, c := range choices() {
		if len(out) == 0 || out[len(out)-1].Name != c.Provider {
			yaml, err := p.jit(c.Provider)
			if err != nil {
				return nil, err
			}
			out = append(out, providerOptions{Name: c.Provider, Display: display(c.Provider), YAML: strings.TrimSpace(yaml)})
		}
		last := &out[len(out)-1]
		last.Choices = append(last.Choices, offered{c, p.picked(c)})
	}
	return out, nil
}

// options is the page.
func (a *App) options(w http.ResponseWriter, r *http.Request) {
	providers, err := inForce(a.cfg.House.Policy())
	if err != nil {
		a.fail(w, http.StatusInternalServerError, "The policy can't be shown.")
		return
	}
	a.pages.show(w, http.StatusOK, page{Options: &optionsPage{done[r.FormValue("done")], providers}})
}

// maxForm bounds what is posted: a handful of short words.
const maxForm = 8 << 10

// choose brings what was picked in force.
func (a *App) choose(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		a.fail(w, http.StatusBadRequest, "That form can't be read.")
		return
	}
	next := a.cfg.House.Policy().with(r.PostForm.Get)
	a.change(w, r, "switched", func(ctx context.Context) error { return a.cfg.House.Switch(ctx, next) })
}

// afresh begins the demo anew.
func (a *App) afresh(w http.ResponseWriter, r *http.Request) {
	a.change(w, r, "afresh", func(ctx context.Context) error {
		a.sessions.clear()
		return a.cfg.House.Afresh(ctx)
	})
}

// change does something with Usher that must not stop half-way because the
// browser went away.
func (a *App) change(w http.ResponseWriter, r *http.Request, word string, do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), changeTime)
	defer cancel()
	if err := do(ctx); err != nil {
		said := usher.Shown(err)
		if said == "" {
			said = "See the terminal." // where Usher logs
		}
		a.fail(w, http.StatusInternalServerError, "Usher did not take that. "+said)
		return
	}
	http.Redirect(w, r, "/options?done="+word, http.StatusSeeOther)
}
