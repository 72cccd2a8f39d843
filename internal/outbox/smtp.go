package outbox

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"time"

	usher "github.com/usher-id/usher"
)

// How the connection to the mail server is protected.
const (
	TLSStart  = "starttls" // STARTTLS (RFC 3207), and nothing is sent to a server that does not do it
	TLSAlways = "tls"      // TLS from the first byte (RFC 8314)
	TLSNone   = "none"     // not at all: for a relay on the same machine
)

// The bounds of one try.
const (
	timeout  = 10 * time.Second
	maxHeard = 256 << 10 // bytes that the server may say, certificates included
)

// ErrUnsure says that the connection broke after a letter was sent and before
// the server said whether it has taken it.
var ErrUnsure = errors.New("the connection broke before the answer")

// SMTPConfig is what an SMTP sink needs.
type SMTPConfig struct {
	Server   string         // host:port
	TLS      string         // TLSStart (also ""), TLSAlways or TLSNone
	From     string         // "Usher <no-reply@example.com>"
	Username string         // "" sends without proving who we are
	Password string         // given by AUTH PLAIN, and only under TLS
	Issuer   string         // its host is our name to the server, and ends our Message-IDs
	Roots    *x509.CertPool // whom to believe who the server is; nil is the system's
	Timeout  time.Duration  // the most one try may take; zero is 10 s
}

// SMTP sends letters through one mail server (RFC 5321). It keeps no connection
// and is safe for concurrent use.
type SMTP struct {
	cfg  SMTPConfig
	host string // of the server
	name string // ours
	from *mail.Address
}

// NewSMTP makes an SMTP sink. Settings that could not work, or would show the
// password to the network, are Invalid.
func NewSMTP(cfg SMTPConfig) (*SMTP, error) {
	const op = "outbox.NewSMTP"
	s := &SMTP{cfg: cfg}
	s.cfg.TLS = cmp.Or(cfg.TLS, TLSStart)
	s.cfg.Timeout = cmp.Or(cfg.Timeout, timeout)
	host, port, err := net.SplitHostPort(cfg.Server)
	if err != nil || host == "" || port == "" {
		return nil, usher.Fail(usher.Invalid, op, "the mail server must be host:port", err)
	}
	s.host = host
	if s.from, err = mail.ParseAddress(cfg.From); err == nil {
		_, ok := usher.EmailDomain(s.from.Address)
		if !ok {
			err = errors.New("not a plain address")
		}
	}
	if err != nil {
		return nil, usher.Fail(usher.Invalid, op, "the sender must be an address, or a name and <an address>", err)
	}
	issuer, err := url.Parse(cfg.Issuer)
	if err != nil || issuer.Hostname() == "" {
		return nil, usher.Fail(usher.Invalid, op, "the issuer has no host", err)
	}
	s.name = issuer.Hostname()
	switch {
	case s.cfg.TLS != TLSStart && s.cfg.TLS != TLSAlways && s.cfg.TLS != TLSNone:
		return nil, usher.Fail(usher.Invalid, op, "tls must be starttls, tls or none", nil)
	case s.cfg.TLS == TLSNone && cfg.Username != "":
		return nil, usher.Fail(usher.Invalid, op, "a password is sent only under TLS; choose starttls or tls, or remove the username", nil)
	}
	return s, nil
}

// Send implements [Sink]. Nothing of what the server says is in an error but its
// codes: servers like to repeat the address.
func (s *SMTP) Send(ctx context.Context, l Letter) error {
	body, err := l.encode(s.from, s.name)
	if err != nil {
		return usher.Wrap("outbox.Send", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.cfg.Server)
	if err != nil {
		return failed("connecting", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // whatever it waits for
	c, err := s.greet(&bounded{conn, maxHeard})
	if err != nil {
		return err
	}
	return s.hand(c, l.To, body)
}

// greet begins the conversation: TLS, our name, and who we are. If the connection
// can't be protected as it must be, it ends here.
func (s *SMTP) greet(conn net.Conn) (*smtp.Client, error) {
	secure := &tls.Config{ServerName: s.host, RootCAs: s.cfg.Roots, MinVersion: tls.VersionTLS12}
	if s.cfg.TLS == TLSAlways {
		conn = tls.Client(conn, secure)
	}
	c, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return nil, failed("the greeting", err)
	}
	if err := c.Hello(s.name); err != nil {
		return nil, failed("EHLO", err)
	}
	if s.cfg.TLS == TLSStart {
		if err := c.StartTLS(secure); err != nil {
			return nil, failed("STARTTLS", err)
		}
	}
	if s.cfg.Username != "" {
		if _, under := c.TLSConnectionState(); !under {
			return nil, failed("AUTH", errors.New("not under TLS")) // NewSMTP has seen to it
		}
		if err := c.Auth(smtp.PlainAuth("", s.cfg.Username, s.cfg.Password, s.host)); err != nil {
			return nil, failed("AUTH", err)
		}
	}
	return c, nil
}

// The steps whose refusal is about this letter, and final.
const (
	stepRecipient = "RCPT TO"
	stepMessage   = "the message"
)

// hand gives the server the letter.
func (s *SMTP) hand(c *smtp.Client, to string, body []byte) error {
	if err := c.Mail(s.from.Address); err != nil {
		return failed("MAIL FROM", err)
	}
	if err := c.Rcpt(to); err != nil {
		return failed(stepRecipient, err)
	}
	w, err := c.Data()
	if err != nil {
		return failed("DATA", err)
	}
	if _, err := w.Write(body); err != nil {
		return failed("sending", err)
	}
	if err := w.Close(); err != nil {
		if said := (*textproto.Error)(nil); !errors.As(err, &said) {
			err = ErrUnsure
		}
		return failed(stepMessage, err)
	}
	_ = c.Quit() // it has taken the letter; manners change nothing about it
	return nil
}

// failed is the error of one step. A final refusal (RFC 5321, section 4.2.1) of
// the recipient or the letter is Invalid. One of anything else is for the
// operator to mend, and like all the rest worth another try.
func failed(step string, err error) error {
	const op = "outbox.Send"
	var said *textproto.Error
	var garbled textproto.ProtocolError
	switch {
	case errors.As(err, &said):
		kind := usher.Unavailable
		if said.Code/100 == 5 && (step == stepRecipient || step == stepMessage) {
			kind = usher.Invalid
		}
		return usher.Fail(kind, op, "", fmt.Errorf("the mail server answered %d to %s", said.Code, step))
	case errors.As(err, &garbled):
		err = errors.New("the mail server's answer can't be read")
	}
	return usher.Fail(usher.Unavailable, op, "", fmt.Errorf("%s: %w", step, err))
}

// bounded is a connection on which nobody can talk for ever.
type bounded struct {
	net.Conn
	left int // bytes
}

// Read implements [net.Conn].
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("the mail server says too much")
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
