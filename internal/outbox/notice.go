package outbox

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	htmltemplate "html/template"
	"net/url"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
)

// Pages is the messages of the letters, in every language, for the catalogue that
// [Config].Text reads.
//
//go:embed messages/*.yaml
var Pages embed.FS

//go:embed letters
var letters embed.FS

var (
	plainLetter = texttemplate.Must(texttemplate.ParseFS(letters, "letters/notice.txt"))
	htmlLetter  = htmltemplate.Must(htmltemplate.ParseFS(letters, "letters/notice.html"))
)

const eventReset = "password.reset"

// notices are the events that people are told of, with the part of the message
// keys that says which.
var notices = map[string]string{
	"user.linked":      "linked",
	"link.removed":     "unlinked",
	"password.changed": "changed",
	"password.dropped": "dropped",
	eventReset:         "reset",
}

const (
	attributeLocale = "locale"
	pathReset       = "/login/reset"
	maxLocale       = 35 // bytes of a language tag (RFC 5646, section 4.4.1)
)

// notice is what the letters' templates are executed with.
type notice struct {
	Language, Direction string
	Subject             string
	Text                string
	Link, Button        string // "" without one
	Care                string // what to do if it was somebody else
	Foot                string
}

// letter is what tells of an event, false if there is nobody to tell: letters go
// to nothing but the verified address of the account itself, which stands in no
// event. An account that is gone has none.
func (o *Outbox) letter(ctx context.Context, e ledger.Event) (Letter, bool, error) {
	const op = "outbox.letter"
	acc, err := o.cfg.Ledger.Account(ctx, e.Tenant, e.Store, e.User)
	switch {
	case usher.KindOf(err) == usher.NotFound:
		return Letter{}, false, nil
	case err != nil:
		return Letter{}, false, usher.Wrap(op, err)
	}
	to, ok := address(acc)
	if !ok || e.Name == eventReset && len(e.Secret) == 0 {
		return Letter{}, false, nil
	}
	n, err := o.notice(e, language(acc))
	if err != nil {
		return Letter{}, false, usher.Wrap(op, err)
	}
	l := Letter{
		// The time too, so that the id of a database begun anew is not taken for an old one.
		ID: fmt.Sprintf("%d.%d", e.ID, e.Created), To: to, Subject: n.Subject,
		At: time.UnixMicro(int64(e.Created)).UTC(),
	}
	var plain, html bytes.Buffer
	if err = plainLetter.ExecuteTemplate(&plain, "notice.txt", n); err == nil {
		err = htmlLetter.ExecuteTemplate(&html, "notice.html", n)
	}
	if err != nil {
		return Letter{}, false, usher.Fail(usher.Internal, op, "", err)
	}
	l.Text, l.HTML = plain.String(), html.String()
	return l, true, nil
}

// notice is the words for an event.
func (o *Outbox) notice(e ledger.Event, language string) (notice, error) {
	issuer, err := url.Parse(o.cfg.Issuer)
	if err != nil {
		return notice{}, usher.Fail(usher.Internal, "outbox.notice", "", err)
	}
	say := func(key string) string {
		return o.cfg.Text(language, "mail."+key, "host", issuer.Host, "provider", o.provider(e, language))
	}
	which := notices[e.Name]
	n := notice{
		Language: say("language"), Direction: say("direction"),
		Subject: say(which + ".subject"), Text: say(which + ".text"), Care: say("care"), Foot: say("foot"),
	}
	if e.Name == eventReset {
		n.Link = o.cfg.Issuer + pathReset + "?" + url.Values{"code": {string(e.Secret)}}.Encode()
		n.Button, n.Care = say("reset.button"), say("reset.care")
	}
	return n, nil
}

// provider is the name of the provider that an event is about.
func (o *Outbox) provider(e ledger.Event, language string) string {
	var about struct {
		IdP string `json:"idp"`
	}
	if err := json.Unmarshal(e.Body, &about); err != nil || about.IdP == "" {
		return o.cfg.Text(language, "mail.provider")
	}
	if o.cfg.Provider != nil {
		if name := o.cfg.Provider(e.Tenant, about.IdP); name != "" {
			return name
		}
	}
	return about.IdP
}

// address is the e-mail address of an account, if it is verified and one that
// can stand in a letter's head as it is.
func address(acc usher.Account) (string, bool) {
	h, ok := held(acc, usher.AttributeEmail)
	if !ok || !h.Verified {
		return "", false
	}
	_, ok = usher.EmailDomain(h.Values[0])
	return h.Values[0], ok
}

// language is the language that an account asks for, "" if it does not.
func language(acc usher.Account) string {
	h, ok := held(acc, attributeLocale)
	if !ok || len(h.Values[0]) > maxLocale {
		return ""
	}
	return strings.ReplaceAll(h.Values[0], "_", "-") // OpenID Connect Core, section 5.1
}

func held(acc usher.Account, name string) (usher.Held, bool) {
	i := slices.IndexFunc(acc.Attributes, func(h usher.Held) bool { return h.Name == name && len(h.Values) > 0 })
	if i < 0 {
		return usher.Held{}, false
	}
	return acc.Attributes[i], true
}
