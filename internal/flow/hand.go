package flow

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/key"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/web"
)

const (
	typHand  = "usher-hand+jwt" // keeps it apart from every other token of ours (RFC 8725, section 3.11)
	handLife = 5 * time.Minute
)

// hand is what a page of somebody else's is told when it is to ask a person
// instead of ours: what to ask, and where to send the answers. It says nothing
// of the person. It names what is waited for by the ledger's hash; the secret
// to it stays in the browser, so whoever has a hand can bring answers, but only
// that browser can look at them and go on.
type hand struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"` // the page
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	ID       string `json:"jti"` // the answers are taken once
	Return   string `json:"return"`
	Locales  string `json:"ui_locales"`
	Login    id     `json:"login"`
	Waiting  []byte `json:"waiting"`
	Ask      asks   `json:"ask"`
}

// asks is what the page is to ask. A password is always asked here.
type asks struct {
	Username   bool           `json:"username"`
	Attributes []string       `json:"attributes,omitempty"`
	Purposes   []handedPrompt `json:"purposes,omitempty"`
}

// handedPrompt is a purpose to agree to.
type handedPrompt struct {
	Name       string                   `json:"name"`
	Version    int                      `json:"version"`
	Mandatory  bool                     `json:"mandatory"`
	Attributes []usher.PurposeAttribute `json:"attributes,omitempty"`
}

// handOver is the address of the page that asks instead of ours; "" if ours does:
// there is no other, it has asked already, or there is nothing that it may ask.
func (f *Flow) handOver(r *http.Request, q question) (string, error) {
	const op = "flow.handOver"
	p, reason := f.provider(q.waiting.Tenant, q.login.IdP)
	if reason != "" || p.PromptURL == "" || q.login.Handed {
		return "", nil
	}
	what, any := asksOf(q)
	if !any {
		return "", nil
	}
	to, err := url.Parse(p.PromptURL)
	if err != nil {
		return "", usher.Wrap(op, err)
	}
	now := f.Now()
	claims, err := json.Marshal(hand{
		Issuer: f.Kit.URL(""), Audience: p.PromptURL, Issued: now.Unix(), Expires: now.Add(handLife).Unix(), ID: rand.Text(),
		Return: f.Kit.URL(returnPath), Locales: f.Kit.Language(r), Login: q.id, Waiting: q.waiting.Hash[:], Ask: what,
	})
	if err != nil {
		return "", usher.Wrap(op, err)
	}
	signed, err := f.Signer.Sign(key.ES256, typHand, claims)
	if err != nil {
		return "", usher.Wrap(op, err)
	}
	query := to.Query()
	query.Set("hand", signed)
	to.RawQuery = query.Encode()
	return to.String(), nil
}

// asksOf is what another page may ask, if anything. Whose an account is, is
// never its business.
func asksOf(q question) (what asks, any bool) {
	for _, p := range q.waiting.Record.Decision.Prompts {
		switch p.Kind {
		case usher.PromptUsername:
			what.Username, any = true, true
		case usher.PromptAttribute:
			what.Attributes, any = append(what.Attributes, p.Name), true
		case usher.PromptConsent:
			purpose := purposeOf(q.waiting.Record.Policy, p.Name)
			what.Purposes, any = append(what.Purposes, handedPrompt{p.Name, p.Version, purpose.Mandatory, purpose.Attributes}), true
		case usher.PromptPassword:
		case usher.PromptProve:
			return asks{}, false
		}
	}
	return what, any
}

// returned takes the answers that a page of somebody else's brings: POST
// /login/return, as the person's browser sends its form. The fields are hand,
// as it came, and username, attribute.NAME, consent.PURPOSE=yes and
// consent.PURPOSE.ATTRIBUTE=yes as asked, or decline=1. The hand says that we sent
// the person there, lately and for this; nothing else is decided on it. The
// person looks at the answers here, in the browser that waits, gives a password
// if one is asked, and goes on.
func (f *Flow) returned(w http.ResponseWriter, r *http.Request) {
	form, ok := f.form(w, r)
	if !ok {
		return
	}
	h, q, reason, err := f.handed(r.Context(), form.Get("hand"))
	switch {
	case err != nil:
		f.Kit.Error(w, r, err, nil)
		return
	case reason != "":
		page := web.Refusal{Reason: reason}
		if h.Login != "" { // its own page asks again, or tells how it stands
			page.Again = f.again(r, login{Proves: h.Login})
		}
		f.Kit.RefuseWith(w, r, page)
		return
	}
	r = web.Locales(r, q.login.Start.Locales)
	spend := func(ctx context.Context, tx *ledger.Tx) error {
		return tx.Spend(ctx, ledger.NewKey("hand", q.waiting.Tenant, "", h.ID), f.instant()+2*usher.Instant(handLife.Microseconds()))
	}
	if form.Get("decline") == "1" {
		f.declined(w, r, q, spend)
		return
	}
	answers := f.read(r, q, only(form)).answers // what is wrong with them is told on our page
	err = f.Ledger.Commit(r.Context(), func(tx *ledger.Tx) error {
		if err := spend(r.Context(), tx); err != nil {
			return err
		}
		if err := tx.Resume(r.Context(), q.waiting.Tenant, q.waiting.Hash); err != nil {
			return err
		}
		w, l := q.waiting, q.login
		w.Record.Answers, l.Handed = answers, true
		w.Carry = l.pack()
		return tx.Wait(r.Context(), w)
	})
	switch {
	case usher.KindOf(err) == usher.Conflict:
		f.used(w, r, home(q.login.Start))
	case err != nil:
		f.fail(w, r, q.login.Start, usher.Wrap("flow.returned", err))
	default:
		web.Redirect(w, f.Kit.Path(askPath+"?login="+string(h.Login)))
	}
}

// only is the form without what another page can't say: a password, or that an
// account is the person's.
func only(form url.Values) url.Values {
	out := url.Values{}
	for name, values := range form {
		if name == fieldUsername || strings.HasPrefix(name, fieldAttribute) || strings.HasPrefix(name, fieldConsent) {
			out[name] = values
		}
	}
	return out
}

// declined ends a sign-in whose person said no on the other page.
func (f *Flow) declined(w http.ResponseWriter, r *http.Request, q question, spend func(context.Context, *ledger.Tx) error) {
	t, rec, err := f.decideAgain(r, q, reply{answers: usher.Answers{Left: usher.LeftDeclined}}, spend)
	switch {
	case usher.KindOf(err) == usher.Conflict:
		f.used(w, r, home(q.login.Start))
	case err != nil:
		f.fail(w, r, q.login.Start, usher.Wrap("flow.declined", err))
	default:
		f.outcome(w, r, t, rec)
	}
}

// handed reads a hand that comes back, and what is waited for; the reason says
// why it can't be taken.
func (f *Flow) handed(ctx context.Context, signed string) (hand, question, usher.Reason, error) {
	h, ok := f.readHand(signed)
	switch {
	case !ok:
		return h, question{}, usher.ReasonRequestInvalid, nil
	case f.Now().Unix() >= h.Expires:
		return h, question{}, usher.ReasonStateExpired, nil
	}
	waiting, err := f.Ledger.Waiting(ctx, usher.DefaultTenant, [32]byte(h.Waiting))
	if usher.KindOf(err) == usher.NotFound {
		return h, question{}, usher.ReasonStateUsed, nil
	}
	if err != nil {
		return h, question{}, "", usher.Wrap("flow.handed", err)
	}
	q := question{id: h.Login, waiting: waiting}
	if q.login, ok = unpack(waiting.Carry); !ok {
		return h, question{}, usher.ReasonStateExpired, nil
	}
	if p, reason := f.provider(waiting.Tenant, q.login.IdP); reason != "" || p.PromptURL != h.Audience {
		return h, question{}, usher.ReasonRequestInvalid, nil // it was another page's, or is none's now
	}
	return h, q, "", nil
}

// readHand reads a hand of ours, whoever brings it and whenever.
func (f *Flow) readHand(signed string) (h hand, ok bool) {
	claims, err := f.Signer.Verify(signed, typHand)
	if err != nil || json.Unmarshal(claims, &h) != nil {
		return hand{}, false
	}
	if h.Issuer != f.Kit.URL("") || len(h.Waiting) != 32 {
		return hand{}, false
	}
	return h, true
}
