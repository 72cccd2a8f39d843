package config

import (
	"log/slog"
	"net"
	"net/mail"
	"os"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/outbox"
)

// Server is the one document of kind Server. Every key may be left out.
type Server struct {
	Issuer      string // as applications see it, without a slash at the end
	Listen      string // host:port
	Data        string // the folder of the database and the key
	Log         Log
	LocalSignIn bool     // there is a page for usernames and passwords
	HideStates  bool     // people are not told why their account can't be used
	Theme       string   // a folder of templates and messages that replace the built-in ones; "" is none
	Mail        *Mail    // nil if no mail can be sent
	Privileged  []string // groups and roles that make an account privileged, each [usher.Label](kind, name), sorted
}

// Log says how log records are written.
type Log struct {
	Format string // json or text
	Level  slog.Level
}

// Mail is the server that mail is sent by (SMTP, RFC 5321).
type Mail struct {
	Address  string // host:port
	TLS      string // [outbox.TLSStart], [outbox.TLSAlways] or [outbox.TLSNone]
	From     string // a mailbox, as "Usher <no-reply@example.com>"
	Username string // "" if the server asks for none
	Password string
}

// addServer reads a document of kind Server.
func (b *builder) addServer(s *section) {
	if b.server != nil {
		s.fault("is a second document of kind Server, the first is in %s; keep one", b.server.name.file.name)
	}
	out := Server{Listen: s.get("listen").listenable(defaultListen)}
	issuer := s.get("issuer")
	out.Issuer = issuer.issuerOfOurs()
	out.Data = s.get("data").folder()
	log := s.get("log").section()
	out.Log.Format = log.get("format").choice("json", "json", "text")
	level := log.get("level").choice("info", "debug", "info", "warn", "error")
	_ = out.Log.Level.UnmarshalText([]byte(level)) // one of the four, which it knows
	log.close()
	out.LocalSignIn = s.get("localSignIn").flag(false)
	out.HideStates = s.get("hideStates").flag(false)
	out.Theme = readTheme(s.get("theme"))
	out.Mail = readMail(s.get("mail").section())
	privileged := s.get("privileged").section()
	out.Privileged = labels(readGrantList(privileged))
	privileged.close()
	s.close()
	b.server = &placed[Server]{what: out, name: issuer}
}

// readTheme reads the folder of a theme.
func readTheme(n node) string {
	if !n.present() {
		return ""
	}
	at := n.folder()
	if info, err := os.Stat(at); n.text() != "" && (err != nil || !info.IsDir()) {
		n.fault("is not a folder that can be read; name one that holds templates and messages (relative to the folder of this file)")
	}
	return at
}

// readMail reads how mail is sent.
func readMail(s *section) *Mail {
	if !s.present() {
		return nil
	}
	server, from := s.get("smtp").required("smtp: mail.example.com:587"), s.get("from").required("from: Usher <no-reply@example.com>")
	protection, username, password := s.get("tls"), s.get("username"), s.get("password")
	out := &Mail{
		Address: server.expanded(), TLS: protection.choice(outbox.TLSStart, outbox.TLSStart, outbox.TLSAlways, outbox.TLSNone),
		From: from.expanded(), Username: username.expanded(), Password: password.secret(1),
	}
	host, ok := mailHost(out.Address)
	switch {
	case !ok:
		server.fault("is not the address of a mail server; write host:port, as in mail.example.com:587")
	case out.TLS == outbox.TLSNone && host != "" && !isLoopback(host):
		protection.fault("none would send codes and names in the clear; use starttls or tls (none is for a mail server on this machine)")
	}
	if out.From != "" && !isMailbox(out.From) {
		from.fault("is not a mailbox; write it as no-reply@example.com or Usher <no-reply@example.com>")
	}
	switch {
	case username.present() && out.TLS == outbox.TLSNone:
		username.fault("comes with a password, which is sent only under TLS; use starttls or tls, or remove username and password")
	case username.present() && !password.present():
		password.fault(`is missing; add it, as in password: "${MAIL_PASSWORD}", or remove username`)
	case password.present() && !username.present():
		username.fault("is missing; add it, or remove password")
	}
	s.close()
	return out
}

// mailHost is the host of host:port, "" if nothing is written.
func mailHost(address string) (string, bool) {
	if address == "" {
		return "", true
	}
	host, port, err := net.SplitHostPort(address)
	return host, err == nil && host != "" && isPort(port)
}

// isMailbox reports whether s is an address that mail can come from.
func isMailbox(s string) bool {
	a, err := mail.ParseAddress(s)
	if err != nil {
		return false
	}
	_, plain := usher.EmailDomain(a.Address)
	return plain
}
