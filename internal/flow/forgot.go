package flow

import (
	"net/http"
	"net/url"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/credential"
	"github.com/usher-id/usher/internal/web"
)

// maxCode is the longest that a code may be, in bytes.
const maxCode = 200

// forgotPage asks who wants a new password, and tells that something was sent.
type forgotPage struct {
	Login id // where to go on afterwards; "" if it is not known
	Sent  bool
}

// resetPage asks for the new password, and tells that it is set.
type resetPage struct {
	Code     string
	Field    field
	Problems []problem
	Done     bool
}

func (f *Flow) mails(tenant string) bool { return f.Mails != nil && f.Mails(tenant) }

// forgot asks who has forgotten their password: GET /login/forgot.
func (f *Flow) forgot(w http.ResponseWriter, r *http.Request) {
	f.showForgot(w, r, r.URL.Query(), false)
}

// sendReset sends a code to set a new password: POST /login/forgot. The answer
// is the same for everybody.
func (f *Flow) sendReset(w http.ResponseWriter, r *http.Request) {
	form, ok := f.form(w, r)
	if !ok {
		return
	}
	name, sent := form.Get(fieldUsername), false
	if f.mails(tenant(r)) && name != "" && len(name) <= maxValue {
		sent = true
		if err := f.Credentials.Forgot(r.Context(), tenant(r), name, address(r)); err != nil {
			f.Kit.Error(w, r, usher.Wrap("flow.sendReset", err), nil)
			return
		}
	}
	f.showForgot(w, r, form, sent)
}

// showForgot shows the page, in the language of the sign-in that led to it.
func (f *Flow) showForgot(w http.ResponseWriter, r *http.Request, params url.Values, sent bool) {
	page := forgotPage{Sent: sent}
	if i, ok := parseID(params.Get("login")); ok {
		if l, reason := f.state(r, i); reason == "" && l.stage() == choosing {
			page.Login = i
			r = web.Locales(r, l.Start.Locales)
		}
	}
	if !f.mails(tenant(r)) {
		f.Kit.Refuse(w, r, usher.ReasonPageNotFound, "", nil)
		return
	}
	f.Kit.Page(w, r, http.StatusOK, "forgot", page)
}

// reset asks for a new password: GET /login/reset?code=<code>. It only looks at
// the code, so that whoever looks at links before they are shown does not use it up.
func (f *Flow) reset(w http.ResponseWriter, r *http.Request) {
	code := r.URL.Query().Get("code")
	if to, ok := f.resets(w, r, code); ok {
		f.Kit.Page(w, r, http.StatusOK, "reset", resetPage{Code: code, Field: f.passwordField(r, to.Ref.Store, "")})
	}
}

// resets finds the account that a code is for. If there is none it has answered
// already.
func (f *Flow) resets(w http.ResponseWriter, r *http.Request, code string) (credential.Reset, bool) {
	reason := usher.ReasonResetUnknown
	var to credential.Reset
	var err error
	if code != "" && len(code) <= maxCode {
		to, reason, err = f.Credentials.Reset(r.Context(), tenant(r), code)
	}
	switch {
	case err != nil:
		f.Kit.Error(w, r, usher.Wrap("flow.resets", err), nil)
	case reason != "":
		f.noCode(w, r, reason)
	default:
		return to, true
	}
	return credential.Reset{}, false
}

// noCode tells a person that their code is no good, and where to get another one
// if it can be sent.
func (f *Flow) noCode(w http.ResponseWriter, r *http.Request, reason usher.Reason) {
	page := web.Refusal{Reason: reason}
	if f.mails(tenant(r)) {
		page.Again = &web.Back{Name: f.Kit.T(r, "local.forgot"), URL: f.Kit.Path(forgotPath)}
	}
	f.Kit.RefuseWith(w, r, page)
}

// setPassword sets the new password: POST /login/reset. Whoever has the code has
// shown who they are; the account's sessions end.
func (f *Flow) setPassword(w http.ResponseWriter, r *http.Request) {
	const op = "flow.setPassword"
	form, ok := f.form(w, r)
	if !ok {
		return
	}
	code, password := form.Get("code"), form.Get(fieldPassword)
	to, ok := f.resets(w, r, code)
	if !ok {
		return
	}
	if unfit := f.Credentials.Check(tenant(r), to.Ref.Store, to.Username, password); unfit != usher.Fits {
		text := f.unfitFor(r, unfit, to.Ref.Store, fieldPassword)
		page := resetPage{Code: code, Field: f.passwordField(r, to.Ref.Store, text)}
		page.Problems = []problem{{fieldPassword, page.Field.Label, text}}
		f.Kit.Page(w, r, http.StatusUnprocessableEntity, "reset", page)
		return
	}
	hash, err := f.Credentials.Hash(r.Context(), password)
	if err == nil {
		err = f.Path.SetPassword(r.Context(), tenant(r), to.Ref, hash, true, to.Take)
	}
	switch {
	case usher.KindOf(err) == usher.NotFound: // it was used just now
		f.noCode(w, r, usher.ReasonResetUnknown)
	case err != nil:
		f.Kit.Error(w, r, usher.Wrap(op, err), nil)
	default:
		f.Kit.Page(w, r, http.StatusOK, "reset", resetPage{Done: true})
	}
}
