package web

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	usher "github.com/usher-id/usher"
)

// Back is a way on from a page: a link with the words on it.
type Back struct {
	Name string // "Return to Payroll" is made of "Payroll"
	URL  string // another scheme than http and https must be a reversed domain name (RFC 8252, 7.1)
}

// Refusal is what the refusal page tells. Only Reason is needed.
type Refusal struct {
	Reason      usher.Reason
	Status      int    // 0 is that of the reason's kind
	Correlation string // the decision's id; "" makes a ticket
	Title, Text string // instead of what the reason's kind and text say, in the person's language ([Kit.T])
	Back        *Back  // to the application
	Again       *Back  // to another attempt; the whole name stands on the link
}

// Status is the HTTP status for a kind of failure; an unknown kind is one of ours.
func Status(kind usher.Kind) int {
	switch kind {
	case usher.Invalid:
		return http.StatusBadRequest
	case usher.NotFound:
		return http.StatusNotFound
	case usher.Conflict:
		return http.StatusConflict
	case usher.Denied:
		return http.StatusForbidden
	case usher.Unavailable:
		return http.StatusServiceUnavailable
	case usher.Exhausted:
		return http.StatusTooManyRequests
	case usher.Internal:
	}
	return http.StatusInternalServerError
}

// heading is the key of the h1 of a refusal of that kind; what happened in
// particular stands below it.
func heading(kind usher.Kind) string {
	switch kind {
	case usher.Invalid:
		return "refusal.invalid"
	case usher.NotFound:
		return "refusal.missing"
	case usher.Denied, usher.Conflict:
		return "refusal.denied"
	case usher.Unavailable:
		return "refusal.unavailable"
	case usher.Exhausted:
		return "refusal.exhausted"
	case usher.Internal:
	}
	return "refusal.internal"
}

// person is what a reason's text tells the person, in the language of r; an
// unknown word gets the text of internal.error.
func (k *Kit) person(r *http.Request, reason usher.Reason) string {
	texts := k.pages.tongues.of(r).texts
	if text, ok := texts[reasonKeys+string(reason)]; ok {
		return text
	}
	return texts[reasonKeys+string(usher.ReasonInternal)]
}

// reasonOf is the word for an error that has none of its own.
func reasonOf(kind usher.Kind) usher.Reason {
	switch kind {
	case usher.Invalid, usher.Denied:
		return usher.ReasonRequestInvalid
	case usher.NotFound:
		return usher.ReasonPageNotFound
	case usher.Conflict, usher.Unavailable:
		return usher.ReasonBusy
	case usher.Exhausted:
		return usher.ReasonTooMuch
	case usher.Internal:
	}
	return usher.ReasonInternal
}

// Refuse answers with the refusal page for reason, with the status of the
// reason's kind. Without a correlation id it makes a [Kit.Ticket].
func (k *Kit) Refuse(w http.ResponseWriter, r *http.Request, reason usher.Reason, correlation string, back *Back) {
	k.RefuseWith(w, r, Refusal{Reason: reason, Correlation: correlation, Back: back})
}

// Failure logs err, with a new ticket, and is the refusal that tells of it. An
// empty reason is chosen by the error's kind. What is not the request's own
// fault is logged as an error.
func (k *Kit) Failure(r *http.Request, reason usher.Reason, err error) Refusal {
	kind := usher.KindOf(err)
	f := Refusal{Reason: reason, Status: Status(kind)}
	if reason == "" {
		f.Reason = reasonOf(kind)
		if k.Language(r) == english { // as errors are; others are told what the reason's own text says
			f.Text = usher.Shown(err)
		}
	}
	f.Correlation = k.Ticket(f.Reason)
	log := k.log.ErrorContext
	if f.Status < http.StatusInternalServerError {
		log = k.log.InfoContext
	}
	log(r.Context(), "request failed", "correlation", f.Correlation, "route", r.Pattern, "kind", kind.String(), "err", err)
	return f
}

// Error answers with the page of [Kit.Failure].
func (k *Kit) Error(w http.ResponseWriter, r *http.Request, err error, back *Back) {
	f := k.Failure(r, "", err)
	f.Back = back
	k.RefuseWith(w, r, f)
}

// refusal is the data of the refusal page.
type refusal struct {
	Refusal
	at   time.Time
	Href template.URL // Back's address; template.URL because its scheme was checked here
}

// Facts are for the partial "facts".
func (f refusal) Facts() *Facts {
	return &Facts{Reason: f.Reason, Correlation: f.Correlation, At: f.at.UTC()}
}

// RefuseWith is Refuse with all that the page can tell.
func (k *Kit) RefuseWith(w http.ResponseWriter, r *http.Request, f Refusal) {
	said := f.Reason.Said()
	if f.Status == 0 {
		f.Status = Status(said.Kind)
	}
	if f.Title == "" {
		f.Title = k.T(r, heading(said.Kind))
	}
	if f.Text == "" {
		f.Text = k.person(r, f.Reason)
	}
	if f.Correlation == "" {
		f.Correlation = k.Ticket(f.Reason)
	}
	if n, ok := r.Context().Value(noteKey{}).(*note); ok {
		n.correlation, n.reason = f.Correlation, f.Reason
	}
	page := refusal{Refusal: f, at: k.now()}
	if f.Back != nil {
		page.Href = Link(f.Back.URL)
	}
	k.Page(w, r, f.Status, refusalPage, page)
}

// NewFacts are the facts of a page that tells a refusal in its own way; it notes
// them in the access log.
func (k *Kit) NewFacts(r *http.Request, reason usher.Reason) *Facts {
	f := refusal{Refusal: Refusal{Reason: reason, Correlation: k.Ticket(reason)}, at: k.now()}
	if n, ok := r.Context().Value(noteKey{}).(*note); ok {
		n.correlation, n.reason = f.Correlation, f.Reason
	}
	return f.Facts()
}

// Link is an address that a page may link to, "" if it may not: http, https, or
// an app's own scheme, which RFC 8252 section 7.1 wants to be a reversed domain
// name. No scheme that runs or shows what the address itself holds has a dot.
func Link(address string) template.URL {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return ""
	case (u.Scheme == "https" || u.Scheme == "http") && u.Host != "",
		strings.Contains(u.Scheme, "."):
		return template.URL(address) //nolint:gosec // checked just now
	}
	return ""
}
