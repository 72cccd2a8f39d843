package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idptest"
)

// past makes happen what has happened before the demo begins: some of the cast
// have signed in, and one of those was disabled.
func past(ctx context.Context, world World, app *App, disable func(context.Context, usher.UserID) error) error {
	for _, p := range Cast() {
		if !p.before {
			continue
		}
		sub, err := signIn(ctx, world, app, p)
		if err != nil {
			return fmt.Errorf("signing in as %s: %w", p.Name, err)
		}
		if p.disabled {
			if err := disable(ctx, usher.UserID(sub)); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxHops bounds the redirects of one sign-in.
const maxHops = 12

// signIn is one real sign-in over HTTP, application and provider included. It
// gives the sub that the application was told.
func signIn(ctx context.Context, world World, app *App, p Persona) (string, error) {
	b := browser{
		person: p.ID, cookies: map[string]map[string]string{},
		http: &http.Client{
			Timeout:       callTime,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	at := world.App + "/login?idp=" + p.Provider
	for range maxHops {
		next, err := b.get(ctx, at)
		if err != nil {
			return "", err
		}
		if next == "" { // the end: the application's page
			if sub := app.sessions.sub(b.cookies["127.0.0.1"][cookieName]); sub != "" {
				return sub, nil
			}
			return "", errors.New("the application did not sign anybody in")
		}
		at = next
	}
	return "", errors.New("too many redirects")
}

// browser is as much of one as a sign-in needs. Cookies are kept by host name
// and sent to every port of it; Secure ones too, as browsers do for localhost
// and net/http/cookiejar does not.
type browser struct {
	http    *http.Client
	person  string
	cookies map[string]map[string]string
}

// get asks for a page and gives where it leads, "" if nowhere.
func (b browser) get(ctx context.Context, at string) (string, error) {
	u, err := url.Parse(at)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set(idptest.PersonHeader, b.person)
	for name, value := range b.cookies[u.Hostname()] {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	res, err := b.http.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)); err != nil {
		return "", err
	}
	b.keep(u.Hostname(), res.Cookies())
	location := res.Header.Get("Location")
	switch {
	case location != "":
		next, err := u.Parse(location)
		return next.String(), err
	case res.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%s at %s", res.Status, u.Host+u.Path)
	}
	return "", nil
}

func (b browser) keep(host string, cookies []*http.Cookie) {
	if b.cookies[host] == nil {
		b.cookies[host] = map[string]string{}
	}
	for _, c := range cookies {
		if c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(time.Now()) {
			delete(b.cookies[host], c.Name)
		} else {
			b.cookies[host][c.Name] = c.Value
		}
	}
}

// guide prints what to click.
func guide(out io.Writer, world World) error {
	config := filepath.Join(world.Data, configFile)
	var b strings.Builder
	fmt.Fprintf(&b, "\nThe demo is ready. Open this in a browser:\n\n    %s\n\n", world.App)
	b.WriteString("It is a sample application. Sign in there, pick a person, and read why. Try in this order:\n\n")
	for i, p := range Cast() {
		fmt.Fprintf(&b, "  %2d. %-14s at %s (%s)\n      %s %s\n", i+1, p.Name, p.Display(), world.App+"/login?idp="+p.Provider, p.Role, p.Expect)
	}
	fmt.Fprintf(&b, "\nSign out in between with the button at the top. Instead of choosing a provider you can enter an\n"+
		"address such as new@contoso.test or new@partner.test: it leads to the right one.\n\n"+
		"What happens is a matter of policy. Switch it, read what to expect, and begin again with new people:\n\n    %s/options\n\n"+
		"Who was asked for a password signs in with it, too. This prints an address to set a new one:\n\n"+
		"    go run ./cmd/usher user code --config %s tomas\n\n", world.App, config)
	for _, l := range [][2]string{{"Usher", world.Usher}, {"Contoso", world.Contoso}, {"Partner", world.Partner}, {"files", world.Data}} {
		fmt.Fprintf(&b, "  %-8s %s\n", l[0], l[1])
	}
	fmt.Fprintf(&b, "\nThe same story in a terminal, by the correlation id of any page:\n\n"+
		"    go run ./cmd/usher explain --config %s CORRELATION-ID\n", config)
	b.WriteString("\nEverybody is made up and nothing is kept. Use Chrome, Edge or Firefox: Safari keeps no secure cookies\n" +
		"without TLS. Press Ctrl+C to end the demo.\n")
	_, err := io.WriteString(out, b.String())
	return err
}
