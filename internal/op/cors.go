package op

import (
	"net/http"
	"net/url"
	"slices"
)

// preflight lets any page ask whether it may send an Authorization header
// (Fetch, section 3.2). Whether it may read the answer is decided there. No
// endpoint that allows this looks at cookies.
func preflight(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// allowOrigin lets the pages of a public client read the answer: those of the
// origins it is redirected to.
func allowOrigin(w http.ResponseWriter, r *http.Request, a Application) {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !a.public() {
		return
	}
	if slices.ContainsFunc(a.RedirectURIs, func(uri string) bool {
		u, err := url.Parse(uri)
		return err == nil && u.Host != "" && u.Scheme+"://"+u.Host == origin
	}) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
	}
}
