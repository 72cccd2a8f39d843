package flow

import (
	"embed"
	"html/template"
	"net/http"
	"unicode"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/web"
)

// Pages are the templates, words and scripts of the conversation.
//
//go:embed templates/*.html messages/*.yaml assets/*.js
var Pages embed.FS

// chooserPage lets the person choose where to sign in.
type chooserPage struct {
	Application string
	Login       id
	Choices     []choice
	Discovers   bool       // an e-mail address can choose
	Email       string     // what was typed, when it did not help
	Problem     string     // why it did not
	Local       *localForm // for a username and a password, if it stands here
	LocalLink   bool       // or on a page of its own
}

type choice struct{ Name, Display, Initial string }

// continuePage sends the browser on to the provider. It is the answer to a
// form, and our policy (form-action) also forbids a form's answer to redirect
// to another site.
type continuePage struct{ Provider, URL string }

// Next is where the browser goes by itself.
func (c continuePage) Next() string { return c.URL }

// noProviderPage tells how to add a provider.
type noProviderPage struct {
	facts       *web.Facts
	Back        *web.Back // to the application
	RedirectURI string
}

// Facts are for the partial "facts".
func (n noProviderPage) Facts() *web.Facts { return n.facts }

// Href is the address of the way back, "" if there is none.
func (n noProviderPage) Href() template.URL {
	if n.Back == nil {
		return ""
	}
	return web.Link(n.Back.URL)
}

// chooser shows the choice of a sign-in under way: GET /login?login=<id>.
func (f *Flow) chooser(w http.ResponseWriter, r *http.Request) {
	if i, l, ok := f.choosing(w, r, r.URL.Query()["login"]); ok {
		f.choose(w, r, i, l, "", "")
	}
}

// chosen goes to the provider that was chosen: GET /login/go?login=<id>&idp=<name>.
// A link may do this, for it changes nothing but where this browser is.
func (f *Flow) chosen(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	i, l, ok := f.choosing(w, r, query["login"])
	if !ok {
		return
	}
	r = web.Locales(r, l.Start.Locales)
	l.Chooser = i
	p, reason := f.provider(l.Start.Tenant, query.Get("idp"))
	if reason == "" && !l.Start.takes(p.Name) {
		reason = usher.ReasonProviderNotAllowed
	}
	if reason != "" {
		f.turnAway(w, r, l, reason)
		return
	}
	f.leave(w, r, l, p)
}

// find goes to the provider of the person's e-mail domain: POST /login/find. It
// is a form because an address must not stand in a URL of ours.
func (f *Flow) find(w http.ResponseWriter, r *http.Request) {
	form, ok := f.form(w, r)
	if !ok {
		return
	}
	i, l, ok := f.choosing(w, r, form["login"])
	if !ok {
		return
	}
	r = web.Locales(r, l.Start.Locales)
	email := form.Get("email")
	if _, ok := domainOf(email); !ok {
		f.choose(w, r, i, l, email, f.Kit.T(r, "chooser.find.malformed"))
		return
	}
	p, ok := discover(f.offered(l.Start), email)
	if !ok {
		f.choose(w, r, i, l, email, f.Kit.T(r, "chooser.find.unknown"))
		return
	}
	l.Chooser, l.Start.LoginHint = i, email
	if to, ok := f.depart(w, r, l, p); ok {
		f.Kit.Page(w, r, http.StatusOK, "continue", continuePage{display(p), to})
	}
}

// choosing finds the sign-in in which a person is choosing. If there is none it
// has answered already.
func (f *Flow) choosing(w http.ResponseWriter, r *http.Request, param []string) (id, login, bool) {
	i, l, ok := f.stateOf(w, r, param, choosing)
	if !ok {
		return "", login{}, false
	}
	spent, err := f.Ledger.Spent(r.Context(), i.key(l.Start.Tenant))
	switch {
	case err != nil:
		f.fail(w, r, l.Start, err)
	case spent:
		f.used(w, r, l.Start)
	default:
		return i, l, true
	}
	return "", login{}, false
}

// stateOf opens what the browser keeps of the sign-in that a parameter names, at
// the stage it must be. If there is none it has answered already.
func (f *Flow) stateOf(w http.ResponseWriter, r *http.Request, param []string, at stage) (id, login, bool) {
	if len(param) == 0 || param[0] == "" {
		f.Kit.Refuse(w, r, usher.ReasonStateMissing, "", nil)
		return "", login{}, false
	}
	i, ok := parseID(param[0])
	if len(param) != 1 || !ok {
		f.Kit.Refuse(w, r, usher.ReasonRequestInvalid, "", nil)
		return "", login{}, false
	}
	l, reason := f.state(r, i)
	switch {
	case reason != "":
		f.lost(w, r, i, reason)
	case l.stage() == over:
		f.used(w, r, l.Start)
	case l.stage() != at:
		f.lost(w, r, i, usher.ReasonRequestInvalid)
	default:
		return i, l, true
	}
	return "", login{}, false
}

// choose shows the choice.
func (f *Flow) choose(w http.ResponseWriter, r *http.Request, i id, l login, email, problem string) {
	r = web.Locales(r, l.Start.Locales)
	data := chooserPage{Application: applicationName(l.Start), Login: i, Email: email, Problem: problem}
	for _, p := range f.offered(l.Start) {
		name := display(p)
		data.Choices = append(data.Choices, choice{p.Name, name, initial(name)})
		data.Discovers = data.Discovers || len(p.Discover) > 0
	}
	switch local := f.hasLocal(l.Start); {
	case len(data.Choices) == 0 && !local:
		f.noWay(w, r, l.Start) // the last one was switched off in the meantime
		return
	case local && (data.Discovers || len(data.Choices) > manyChoices): // one thing to fill in at a time
		data.LocalLink = true
	case local:
		data.Local = f.localForm(i, l.Start, l.Start.LoginHint, "")
	}
	status := http.StatusOK
	if problem != "" {
		status = http.StatusUnprocessableEntity
	}
	f.Kit.Page(w, r, status, "chooser", data)
}

func (f *Flow) noProvider(w http.ResponseWriter, r *http.Request, s Start) {
	status := web.Status(usher.ReasonNoProvider.Said().Kind)
	facts := f.Kit.NewFacts(r, usher.ReasonNoProvider)
	f.Kit.Page(w, r, status, "noprovider", noProviderPage{
		facts: facts, Back: f.wayBack(r, s, facts.Reason, facts.Correlation), RedirectURI: f.redirectURI(Provider{Name: "contoso"}),
	})
}

func display(p Provider) string {
	if p.DisplayName != "" {
		return p.DisplayName
	}
	return p.Name
}

// initial is the first letter or digit of a name, for the mark beside it.
func initial(name string) string {
	for _, c := range name {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return string(unicode.ToUpper(c))
		}
	}
	return "·"
}
