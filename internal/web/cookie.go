package web

import (
	"net/http"
	"strings"
	"time"
)

// CookiePrefix begins the name of every cookie of ours. Browsers take a cookie
// with this prefix only over a secure connection, for this very host and the
// whole of it, so that no other host of the domain can set one (RFC 6265bis,
// 4.1.3.2).
const CookiePrefix = "__Host-"

// SetCookie gives the browser a cookie named [CookiePrefix] + name, for maxAge
// (whole seconds; 0 or less removes it). It is not readable by scripts and is
// sent along when another site links here, which is how people come back from a
// provider, but with no other request of another site.
func SetCookie(w http.ResponseWriter, name, value string, maxAge time.Duration) {
	c := &http.Cookie{
		Name: CookiePrefix + name, Value: value, Path: "/",
		MaxAge: int(maxAge / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if c.MaxAge <= 0 {
		c.Value, c.MaxAge = "", -1
	}
	http.SetCookie(w, c)
}

// ClearCookie takes the cookie named [CookiePrefix] + name away.
func ClearCookie(w http.ResponseWriter, name string) { SetCookie(w, name, "", 0) }

// Cookie is the value of the cookie named [CookiePrefix] + name. A cookie that
// is there twice is none: a browser keeps one, so the other was smuggled in.
func Cookie(r *http.Request, name string) (string, bool) {
	found := r.CookiesNamed(CookiePrefix + name)
	if len(found) != 1 || found[0].Value == "" {
		return "", false
	}
	return found[0].Value, true
}

// CookiesBelow lists the cookies whose names begin with [CookiePrefix] + prefix,
// by the rest of their names; those that are there twice are left out.
func CookiesBelow(r *http.Request, prefix string) map[string]string {
	out, twice := map[string]string{}, map[string]bool{}
	for _, c := range r.Cookies() {
		rest, ok := strings.CutPrefix(c.Name, CookiePrefix+prefix)
		if !ok || rest == "" {
			continue
		}
		if _, again := out[rest]; again {
			twice[rest] = true
		}
		out[rest] = c.Value
	}
	for rest := range twice {
		delete(out, rest)
	}
	return out
}
