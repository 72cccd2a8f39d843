// Package web is the HTTP kit that every page and endpoint stands on: the
// wrapper that checks the host, sets the security headers, limits what comes in
// and turns a panic into one page; the layout, the refusal page and its style;
// the messages of every page in every language, and the themes that change them;
// cookies; and tickets, the correlation ids of refusals that leave no record.
//
// Pages, messages and assets are files that the packages bring ([Config].Pages).
// A template that asks for a message or an asset that is not there, or a
// language that lacks one, is found by New, not by a person.
//
// It does not know what any page is for: no login, no provider, no protocol.
// All links are made from the configured issuer; no header of a request, and no
// proxy in front, can change them.
package web

import (
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	usher "github.com/usher-id/usher"
)

// Sealer authenticates tickets; *key.Ring is one.
type Sealer interface {
	MAC(purpose string, parts ...string) []byte
}

// Config is what a Kit needs.
type Config struct {
	Issuer string           // "https://id.example.test", without a slash at the end; may have a path
	Log    *slog.Logger     // one line for each request, and the causes of failures
	Sealer Sealer           // authenticates tickets
	Now    func() time.Time // the clock; nil is time.Now

	// Pages are what the packages bring: templates/*.html, messages/*.yaml (one
	// flat file for each language) and assets/*, each name once over all of them.
	Pages []fs.FS
	// Theme is a folder of the same layout that changes pages, messages and
	// assets one by one; nil changes nothing. Its assets/theme.css goes after the
	// style sheet, its assets/logo.svg or logo.png instead of the mark; messages
	// that begin with "theme." are its own; and its languages are added to ours.
	Theme fs.FS
}

// Kit is the HTTP kit of one issuer. It holds no state and is safe for
// concurrent use.
type Kit struct {
	log    *slog.Logger
	sealer Sealer
	now    func() time.Time

	issuer string // as configured
	host   string // the only Host served, lower case, without the scheme's default port
	base   string // the issuer's path: "" or "/path"
	secure bool   // the issuer is https

	header http.Header // what every response carries
	pages  *pages
	origin *http.CrossOriginProtection
}

// New makes a Kit. An issuer that is not an http or https URL with nothing but
// a host and a path is Invalid, and so is a page, a message or a theme that
// would not work; the error names the file.
func New(cfg Config) (*Kit, error) {
	u, err := url.Parse(cfg.Issuer)
	switch {
	case err != nil,
		u.Scheme != "https" && u.Scheme != "http",
		u.Host == "" || u.User != nil,
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "",
		strings.HasSuffix(cfg.Issuer, "/"):
		return nil, usher.Fail(usher.Invalid, "web.New",
			"the issuer must be a URL like https://id.example.test, without a slash at the end", err)
	}
	k := &Kit{
		log: cfg.Log, sealer: cfg.Sealer, now: cfg.Now,
		issuer: cfg.Issuer, host: plainHost(u.Host, u.Scheme), base: u.Path, secure: u.Scheme == "https",
	}
	if k.pages, err = loadPages(cfg.Pages, cfg.Theme); err != nil {
		return nil, usher.Fail(usher.Invalid, "web.New", err.Error(), err)
	}
	if k.now == nil {
		k.now = time.Now
	}
	k.header = securityHeaders(k.secure)
	k.origin = http.NewCrossOriginProtection()
	k.origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.Refuse(w, r, usher.ReasonCrossOrigin, "", nil)
	}))
	return k, nil
}

// URL is the address of path ("/login") as the outside sees it.
func (k *Kit) URL(path string) string { return k.issuer + path }

// Path is path ("/login") as a link of our own pages has it: with the issuer's
// own path in front.
func (k *Kit) Path(path string) string { return k.base + path }

// Mount adds the assets of the pages to mux.
func (k *Kit) Mount(mux *http.ServeMux) {
	for _, a := range k.pages.assets {
		mux.Handle("GET "+a.path, a)
	}
}

// SameOrigin guards a handler of our own pages' forms: a POST that another
// origin sent (Sec-Fetch-Site, Origin) is refused with request.cross_origin.
func (k *Kit) SameOrigin(h http.Handler) http.Handler { return k.origin.Handler(h) }

// Redirect sends the browser to location with 303, so that a POST becomes a
// GET. Nothing of location is repeated in a body.
func Redirect(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}
