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
	maxHint  = 320 // bytes of a login hint: an e-mail address and some
	maxEmail = 254 // bytes of an address (RFC 5321, 4.5.3.1.3)
)

// Begin begins a sign-in: it sends the browser to the provider that the request
// names, or the only one there is, or to the page that lets the person choose.
// It stores nothing.
func (f *Flow) Begin(w http.ResponseWriter, r *http.Request, s Start) {
	if len(s.LoginHint) > maxHint {
		s.LoginHint = "" // it is only a hint
	}
	if len(s.Request) > MaxRequest {
		f.refuse(w, r, s, usher.ReasonTooMuch)
		return
	}
	if s.IdPHint != "" {
		p, reason := f.provider(s.Tenant, s.IdPHint)
		if reason != "" {
			f.refuse(w, r, s, usher.ReasonProviderUnknown)
			return
		}
		f.leave(w, r, login{Start: s}, p)
		return
	}
	providers := f.enabled(s.Tenant)
	if len(providers) == 0 {
		f.noProvider(w, r)
		return
	}
	if p, ok := direct(providers, s); ok {
		f.leave(w, r, login{Start: s}, p)
		return
	}
	i := f.newID()
	if err := f.keep(w, r, i, login{Start: s, Created: f.instant()}); err != nil {
		f.fail(w, r, s, err)
		return
	}
	web.Redirect(w, f.Kit.Path("/login?login="+string(i)))
}

// direct is the provider to go to without asking.
func direct(providers []Provider, s Start) (Provider, bool) {
	if len(providers) == 1 {
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
		page.Again = f.again(l.Chooser)
		f.refuseWith(w, r, l.Start, page)
		return "", false
	}
	correlation, err := uuid.NewV7()
	if err == nil && len(away.Keep) > idp.MaxKeep {
		err = usher.Fail(usher.Internal, op, "", nil)
	}
	if err == nil {
		l.IdP, l.Keep, l.Created, l.Correlation = p.Name, away.Keep, f.instant(), correlation.String()
		err = f.keep(w, r, i, l)
	}
	if err != nil {
		f.fail(w, r, l.Start, usher.Wrap(op, err))
		return "", false
	}
	web.Note(r, l.Correlation)
	return away.URL, true
}

// again is the way back to the choice, nil if there was none.
func (f *Flow) again(chooser id) *web.Back {
	if chooser == "" {
		return nil
	}
	return &web.Back{Name: "Sign in another way", URL: f.Kit.Path("/login?login=" + string(chooser))}
}
