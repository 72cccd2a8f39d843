package outbox

import (
	"bytes"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	usher "github.com/usher-id/usher"
)

// Letter is a mail to one person.
type Letter struct {
	ID      string // of the event: with our host it is the Message-ID, the same at every try
	To      string // a plain address in ASCII; see usher.EmailDomain
	Subject string
	Text    string
	HTML    string
	At      time.Time // when what it tells of happened
}

// The bounds of a letter, in bytes.
const (
	maxSubject = 400
	maxLetter  = 256 << 10
)

// encode writes a letter as RFC 5322 has it. What would become more than one
// line of the head is Invalid.
func (l Letter) encode(from *mail.Address, host string) ([]byte, error) {
	const op = "outbox.encode"
	if _, ok := usher.EmailDomain(l.To); !ok {
		return nil, usher.Fail(usher.Invalid, op, "", fmt.Errorf("the address is not a plain one"))
	}
	for name, text := range map[string]string{"subject": l.Subject, "id": l.ID, "host": host} {
		if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) || text == "" || len(text) > maxSubject {
			return nil, usher.Fail(usher.Invalid, op, "", fmt.Errorf("the %s is not one line", name))
		}
	}
	if len(l.Text)+len(l.HTML) > maxLetter {
		return nil, usher.Fail(usher.Invalid, op, "", fmt.Errorf("longer than %d bytes", maxLetter))
	}
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	subject := l.Subject
	if words := mime.QEncoding.Encode("utf-8", subject); words != subject { // one encoded word on a line (RFC 2047, section 2)
		subject = "\r\n " + strings.ReplaceAll(words, "?= =?", "?=\r\n =?")
	}
	for _, h := range [][2]string{
		{"From", from.String()},
		{"To", "<" + l.To + ">"},
		{"Subject", subject},
		{"Date", l.At.Format(time.RFC1123Z)},
		{"Message-ID", "<" + l.ID + "@" + host + ">"},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834: nobody's holiday answers
		{"MIME-Version", "1.0"},
		{"Content-Type", `multipart/alternative; boundary="` + parts.Boundary() + `"`},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	for _, p := range []struct{ kind, text string }{{"text/plain", l.Text}, {"text/html", l.HTML}} {
		w, err := parts.CreatePart(textproto.MIMEHeader{
			"Content-Type": {p.kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"},
		})
		if err != nil {
			return nil, usher.Fail(usher.Internal, op, "", err)
		}
		q := quotedprintable.NewWriter(w)
		if _, err = q.Write([]byte(p.text)); err == nil {
			err = q.Close()
		}
		if err != nil {
			return nil, usher.Fail(usher.Internal, op, "", err)
		}
	}
	if err := parts.Close(); err != nil {
		return nil, usher.Fail(usher.Internal, op, "", err)
	}
	return b.Bytes(), nil
}
