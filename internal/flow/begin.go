package flow

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp"
	"github.com/usher-id/usher/internal/web"
)

const (
	maxHint    = 320 // bytes of a login hint: an e-mail address and some
	maxEmail   = 254 // bytes of an address (RFC 5321, 4.5.3.1.3)
	maxLocales = 100 // bytes of the languages that travel along
)

// Begin begins a sign-in: it sends the browser to the provider that the request
// names, or the only one there is, or to the page that lets the person choose.
// It stores nothing.
func (f *Flow) Begin(w http.ResponseWriter, r *http.Request, s Start) {
	if len(s.Locales) > maxLocales {
		s.Locales = "" // it is only a wish
	}
	r = web.Locales(r, s.Locales)
	if len(s.LoginHint) > maxHint {
		s.LoginHint = "" // it is only a hint
	}
	if len(s.Request) > MaxRequest {
		f.refuse(w, r, s, usher.ReasonTooMuch)
		return
	}
	switch {
	case s.IdPHint == usher.LocalIdP && f.hasLocal(s):
		f.offer(w, r, s, localPath)
		return
	case s.IdPHint != "":
		p, reason := f.provider(s.Tenant, s.IdPHint)
		switch {
		case reason != "":
			f.refuse(w, r, s, usher.ReasonProviderUnknown)
		case !s.takes(p.Name):
			f.refuse(w, r, s, usher.ReasonProviderNotAllowed)
		default:
			f.leave(w, r, login{Start: s}, p)
		}
		return
	}
	providers, local := f.offered(s), f.hasLocal(s)
	if len(providers) == 0 && !local {
		f.noWay(w, r, s)
		return
	}
	if p, ok := direct(providers, s, local); ok {
		f.leave(w, r, login{Start: s}, p)
		return
	}
	f.offer(w, r, s, chooserPath)
}

// offer begins a choice and sends the browser to the page for it.
func (f *Flow) offer(w http.ResponseWriter, r *http.Request, s Start, page string) {
	i := f.newID()
	if err := f.keep(w, r, i, login{Start: s, Created: f.instant()}); err != nil {
		f.fail(w, r, s, err)
		return
	}
	web.Redirect(w, f.Kit.Path(page+"?login="+string(i)))
}

// takes reports whether the application takes people from a provider.
func (s Start) takes(idp string) bool {
	return len(s.Providers) == 0 || slices.Contains(s.Providers, idp)
}

// offered lists the providers that people can use now on their way to the
// application.
func (f *Flow) offered(s Start) []Provider {
	return slices.DeleteFunc(f.enabled(s.Tenant), func(p Provider) bool { return !s.takes(p.Name) })
}

// noWay tells a person that there is no way to sign in: none at all, or none
// that the application takes people from.
func (f *Flow) noWay(w http.ResponseWriter, r *http.Request, s Start) {
	if len(f.enabled(s.Tenant)) > 0 {
		f.refuse(w, r, s, usher.ReasonProviderNotAllowed)
		return
	}
	f.noProvider(w, r, s)
}

// direct is the provider to go to without asking.
func direct(providers []Provider, s Start, local bool) (Provider, bool) {
	if len(providers) == 1 && !local {
		return providers[0], true // who wants to select an account does so there: the prompt goes along
	}
	if slices.Contains(strings.Fields(s.Prompt), "select_account") {
		return Provider{}, false
	}
	return discover(providers, s.LoginHint)
}

// discover is home realm discovery: the one provider whose domains include that
// of the address.
func discover(providers []Provider, address string) (Provider, bool) {
	domain, ok := domainOf(address)
	if !ok {
		return Provider{}, false
	}
	found := slices.DeleteFunc(slices.Clone(providers), func(p Provider) bool {
		return !slices.ContainsFunc(p.Discover, func(d string) bool { return lower(d) == domain })
	})
	if len(found) != 1 {
		return Provider{}, false // nobody's, or not for us to tell whose
	}
	return found[0], true
}

// domainOf is the domain of an e-mail address in ASCII lower case. Nothing else
// is folded or trimmed, so that no two readers can see two domains in it.
func domainOf(address string) (string, bool) {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || local == "" || domain == "" || len(address) > maxEmail || strings.Contains(domain, "@") {
		return "", false
	}
	if strings.ContainsFunc(address, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return "", false
	}
	return lower(domain), true
}

func lower(s string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, s)
}

// newCorrelation is what a decision will be called.
func newCorrelation() (string, error) {
	id, err := uuid.NewV7()
	return id.String(), err
}

// leave sends the browser to the provider.
func (f *Flow) leave(w http.ResponseWriter, r *http.Request, l login, p Provider) {
	if to, ok := f.depart(w, r, l, p); ok {
		web.Redirect(w, to)
	}
}

// depart prepares the way to the provider: a state of its own, kept in the
// browser, and the address to go to. If it can't it has answered already.
func (f *Flow) depart(w http.ResponseWriter, r *http.Request, l login, p Provider) (string, bool) {
	const op = "flow.depart"
	i := f.newID()
	away, err := p.Connector.Begin(r.Context(), idp.Ask{
		RedirectURI: f.redirectURI(p), State: string(i),
		LoginHint: l.Start.LoginHint, Prompt: l.Start.Prompt, MaxAge: l.Start.MaxAge,
	})
	if err != nil {
		reason := usher.Reason("")
		if usher.KindOf(err) == usher.Unavailable {
			reason = usher.ReasonUpstreamUnreachable
		}
		page := f.Kit.Failure(r, reason, usher.Wrap(op, err))
		page.Again = f.again(r, l)
		f.refuseWith(w, r, l.Start, page)
		return "", false
	}
	l.IdP, l.Keep, l.Created = p.Name, away.Keep, f.instant()
	if l.Correlation, err = newCorrelation(); err == nil && len(away.Keep) > idp.MaxKeep {
		err = usher.Fail(usher.Internal, op, "", nil)
	}
	if err == nil {
		err = f.keep(w, r, i, l)
	}
	if err != nil {
		f.fail(w, r, l.Start, usher.Wrap(op, err))
		return "", false
	}
	web.Note(r, l.Correlation)
	return away.URL, true
}

// again is the way back to the choice, or to the prompts that wait for a proof;
// nil if there was neither.
func (f *Flow) again(r *http.Request, l login) *web.Back {
	switch {
	case l.Proves != "":
		return &web.Back{Name: f.Kit.T(r, "flow.back"), URL: f.Kit.Path(askPath + "?login=" + string(l.Proves))}
	case l.Chooser != "":
		return &web.Back{Name: f.Kit.T(r, "flow.again"), URL: f.Kit.Path(chooserPath + "?login=" + string(l.Chooser))}
	}
	return nil
}
