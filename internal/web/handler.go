package web

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	usher "github.com/usher-id/usher"
)

// MaxBody is the most a request body may hold, in bytes.
const MaxBody = 64 << 10

// MaxHeader is the most a request's line and headers may hold together, in
// bytes.
const MaxHeader = 32 << 10

// Server is an http.Server with all its limits set: none of net/http's
// defaults bounds how slowly a request may be sent or an answer read.
func Server(addr string, h http.Handler) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      45 * time.Second, // a callback waits for a provider, three times 10 s at most
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    MaxHeader,
	}
}

// note is what a handler tells the access log about its request.
type note struct {
	correlation string
	reason      usher.Reason
}

type noteKey struct{}

// Note gives the request's line in the access log its correlation id. [Kit]'s
// own pages do it themselves.
func Note(r *http.Request, correlation string) {
	if n, ok := r.Context().Value(noteKey{}).(*note); ok {
		n.correlation = correlation
	}
}

// Handler wraps next with everything a request of ours goes through: one line in
// the access log, one page for a panic, the security headers, the host check
// and the limit on bodies. What an *http.ServeMux does not route gets a page.
//
// X-Forwarded-*, Forwarded and X-Real-IP are read nowhere. The host check also
// keeps out probes that ask by address: mount those outside of this handler.
func (k *Kit) Handler(next http.Handler) http.Handler {
	if k.base != "" {
		next = k.under(next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := k.now()
		n := &note{}
		r = r.WithContext(context.WithValue(r.Context(), noteKey{}, n))
		out := &response{ResponseWriter: w}
		defer k.access(r, out, n, began)
		defer k.recover(out, r)
		for name, values := range k.header {
			out.Header()[name] = values
		}
		if plainHost(r.Host, k.scheme()) != k.host {
			k.RefuseWith(out, r, Refusal{Reason: usher.ReasonPageNotFound, Status: http.StatusMisdirectedRequest})
			return
		}
		if r.Body != nil {
			r.Body = http.MaxBytesReader(w, r.Body, MaxBody) // the server's own writer: it closes the connection
		}
		k.route(next, out, r)
	})
}

// route serves r, with a page where a mux would answer "404 page not found".
func (k *Kit) route(next http.Handler, w http.ResponseWriter, r *http.Request) {
	mux, ok := next.(*http.ServeMux)
	if !ok {
		next.ServeHTTP(w, r)
		return
	}
	h, pattern := mux.Handler(r)
	if pattern != "" {
		mux.ServeHTTP(w, r)
		return
	}
	miss := &missed{header: http.Header{}}
	h.ServeHTTP(miss, r)
	if allow := miss.header.Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
	}
	k.RefuseWith(w, r, Refusal{Reason: usher.ReasonPageNotFound, Status: max(miss.status, http.StatusBadRequest)})
}

// under serves next below the issuer's own path and nothing beside it.
func (k *Kit) under(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, ok := strings.CutPrefix(r.URL.Path, k.base)
		if !ok || !strings.HasPrefix(rest, "/") {
			k.Refuse(w, r, usher.ReasonPageNotFound, "", nil)
			return
		}
		u := *r.URL
		u.Path, u.RawPath = rest, ""
		inner := *r
		inner.URL = &u
		k.route(next, w, &inner)
		r.Pattern = inner.Pattern // for the access log
	})
}

// recover turns a panic into the one page for it, or cuts the connection when
// an answer has already begun, for half an answer must not look whole.
func (k *Kit) recover(w *response, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it the same way
		panic(v)
	}
	ticket := k.Ticket(usher.ReasonInternal)
	k.log.ErrorContext(r.Context(), "panic", "correlation", ticket, "route", r.Pattern, "panic", panicText(v), "stack", string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	w.Header().Del("Set-Cookie") // whatever was about to be promised did not happen
	k.RefuseWith(w, r, Refusal{Reason: usher.ReasonInternal, Status: http.StatusInternalServerError, Correlation: ticket})
}

// panicText is what the log may hold of a panic: the runtime's own words, but
// of any other value its type, for it could be made of what a person sent.
func panicText(v any) string {
	if e, ok := v.(runtime.Error); ok {
		return e.Error()
	}
	return fmt.Sprintf("a value of type %T", v)
}

// access writes the request's line: no path, no query, no header, so nothing
// that a person or a provider sent.
func (k *Kit) access(r *http.Request, w *response, n *note, began time.Time) {
	status := w.status
	if status == 0 {
		status = http.StatusOK
	}
	args := []any{"method", method(r.Method), "route", r.Pattern, "status", status, "ms", float64(k.now().Sub(began).Microseconds()) / 1000}
	if n.correlation != "" {
		args = append(args, "correlation", n.correlation)
	}
	if n.reason != "" {
		args = append(args, "reason", string(n.reason))
	}
	k.log.InfoContext(r.Context(), "request", args...)
}

func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// policy is the content security policy of everything we send. Pages need no
// script, no frame, and nothing from anywhere else. The few that bring a script
// of ours have scriptPolicy.
const (
	policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; " +
		"base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
	scriptPolicy = policy + "; script-src 'self'; connect-src 'self'"
)

func securityHeaders(secure bool) http.Header {
	h := http.Header{}
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	return h
}

func (k *Kit) scheme() string {
	if k.secure {
		return "https"
	}
	return "http"
}

// plainHost is host in ASCII lower case, without the scheme's default port.
func plainHost(host, scheme string) string {
	name, port, err := net.SplitHostPort(host)
	if err == nil && (scheme == "https" && port == "443" || scheme == "http" && port == "80") {
		if strings.Contains(name, ":") {
			name = "[" + name + "]"
		}
		host = name
	}
	return lowerASCII(host)
}

// lowerASCII folds A to Z and nothing else: Unicode folding would make the
// Kelvin sign a k.
func lowerASCII(s string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, s)
}

// response remembers the status of an answer that has begun.
type response struct {
	http.ResponseWriter
	status int // 0 until the answer has begun
}

// WriteHeader begins the answer.
func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write begins the answer with 200 if it has not begun.
func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// missed takes what a mux says to a request it does not route.
type missed struct {
	header http.Header
	status int
}

// Header, WriteHeader and Write are those of http.ResponseWriter.
func (m *missed) Header() http.Header         { return m.header }
func (m *missed) WriteHeader(status int)      { m.status = status }
func (m *missed) Write(b []byte) (int, error) { return len(b), nil }
