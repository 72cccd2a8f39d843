package outbox_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/outbox"
)

const issuer = "https://id.example.test"

func letter() outbox.Letter {
	return outbox.Letter{
		ID: "7.1", To: "ada@example.test", Subject: "تم تغيير كلمة المرور، وتم تسجيل خروجك من جميع جلساتك",
		Text: "One.\n.\n.. two, and a line of more than seventy-eight characters, so that it must be broken for the way.\n",
		HTML: "<p>Ünïcode</p>", At: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
	}
}

// sink is an SMTP sink for the server.
func sink(t testing.TB, s *mailServer, change func(*outbox.SMTPConfig)) *outbox.SMTP {
	t.Helper()
	cfg := outbox.SMTPConfig{Server: s.addr, From: "Üsher <no-reply@example.test>", Issuer: issuer, Roots: s.roots}
	if change != nil {
		change(&cfg)
	}
	out, err := outbox.NewSMTP(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// parts reads a letter as a mail program does.
func parts(t testing.TB, raw string) (mail.Header, map[string]string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatal(kind, err)
	}
	out := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err != nil {
			break
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		text, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		out[kind] = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	return m.Header, out
}

func TestLetterArrives(t *testing.T) {
	for name, change := range map[string]struct {
		server func(*mailServer)
		sink   func(*outbox.SMTPConfig)
	}{
		"starttls": {func(s *mailServer) { s.password = "usher pa ss" }, func(c *outbox.SMTPConfig) { c.Username, c.Password = "usher", "pa ss" }},
		"tls":      {func(s *mailServer) { s.implicit = true }, func(c *outbox.SMTPConfig) { c.TLS = outbox.TLSAlways }},
		"none":     {func(s *mailServer) { s.noTLS = true }, func(c *outbox.SMTPConfig) { c.TLS = outbox.TLSNone }},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, change.server)
			if err := sink(t, s, change.sink).Send(t.Context(), letter()); err != nil {
				t.Fatal(err)
			}
			if len(s.taken()) != 1 {
				t.Fatalf("%d letters", len(s.taken()))
			}
			head, text := parts(t, s.taken()[0])
			for _, line := range strings.Split(s.taken()[0], "\r\n") {
				if len(line) > 78 && !strings.HasPrefix(line, "Content-Type: multipart") {
					t.Errorf("a line of %d bytes: %s", len(line), line)
				}
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(head.Get("Subject"))
			if err != nil || subject != letter().Subject {
				t.Errorf("subject %q, %v", subject, err)
			}
			from, err := mail.ParseAddress(head.Get("From"))
			if err != nil || from.Name != "Üsher" || head.Get("To") != "<ada@example.test>" || head.Get("Message-ID") != "<7.1@id.example.test>" ||
				head.Get("Auto-Submitted") != "auto-generated" || head.Get("Date") != "Sun, 01 Nov 2026 12:00:00 +0000" {
				t.Errorf("head %v, %v", head, err)
			}
			if text["text/plain"] != letter().Text || text["text/html"] != letter().HTML {
				t.Errorf("body %q", text)
			}
			if name != "none" && strings.Contains(s.inClear(), "@") {
				t.Errorf("in the clear: %s", s.inClear())
			}
		})
	}
}

// Whatever goes wrong with TLS, nothing of a letter and no password is sent.
func TestWithoutTLSNothingIsSent(t *testing.T) {
	for name, change := range map[string]struct {
		server func(*mailServer)
		sink   func(*outbox.SMTPConfig)
	}{
		"not offered":        {func(s *mailServer) { s.noTLS = true }, nil},
		"refused":            {func(s *mailServer) { s.say["STARTTLS"] = "454 not now" }, nil},
		"no TLS after all":   {func(s *mailServer) { s.say["STARTTLS"] = "220 go on\r\n250 ok" }, func(c *outbox.SMTPConfig) { c.Roots = x509.NewCertPool() }},
		"a stranger":         {nil, func(c *outbox.SMTPConfig) { c.Roots = x509.NewCertPool() }},
		"a stranger, at tls": {func(s *mailServer) { s.implicit = true }, func(c *outbox.SMTPConfig) { c.Roots, c.TLS = x509.NewCertPool(), outbox.TLSAlways }},
		"plain port for tls": {nil, func(c *outbox.SMTPConfig) { c.TLS = outbox.TLSAlways }},
		"another name":       {nil, func(c *outbox.SMTPConfig) { c.Server = strings.Replace(c.Server, "127.0.0.1", "localhost", 1) }},
	} {
		s := serve(t, change.server)
		err := sink(t, s, func(c *outbox.SMTPConfig) {
			c.Username, c.Password, c.Timeout = "usher", "pa ss", 5*time.Second
			if change.sink != nil {
				change.sink(c)
			}
		}).Send(t.Context(), letter())
		if usher.KindOf(err) != usher.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
		if clear := s.inClear(); len(s.taken()) != 0 || strings.Contains(clear, "AUTH") || strings.Contains(clear, "MAIL") {
			t.Errorf("%s: in the clear: %s", name, clear)
		}
	}
}

// What a server refuses for good is Invalid if it is about the letter; everything
// else may be tried again. What it says about the person is in no error.
func TestAnswersOfTheServer(t *testing.T) {
	for verb, answers := range map[string]map[string]usher.Kind{
		"greeting": {"421 busy ada@example.test": usher.Unavailable, "554 no": usher.Unavailable, "": usher.Unavailable, "rubbish ada@example.test": usher.Unavailable},
		"EHLO":     {"502 no": usher.Unavailable, "": usher.Unavailable},
		"AUTH":     {"535 no": usher.Unavailable, "454 not now": usher.Unavailable},
		"MAIL":     {"550 no": usher.Unavailable, "451 not now": usher.Unavailable, "": usher.Unavailable},
		"RCPT":     {"550 no ada@example.test": usher.Invalid, "450 grey": usher.Unavailable, "": usher.Unavailable, "ada@example.test": usher.Unavailable},
		"DATA":     {"554 no": usher.Unavailable, "451 not now": usher.Unavailable, "": usher.Unavailable},
		"letter":   {"554 spam ada@example.test": usher.Invalid, "452 full": usher.Unavailable},
	} {
		for answer, want := range answers {
			s := serve(t, func(s *mailServer) { s.password, s.say[verb] = "usher x", answer })
			err := sink(t, s, func(c *outbox.SMTPConfig) { c.Username, c.Password = "usher", "x" }).Send(t.Context(), letter())
			if usher.KindOf(err) != want || errors.Is(err, outbox.ErrUnsure) {
				t.Errorf("%s %q: %v", verb, answer, err)
			}
			if err != nil && strings.Contains(err.Error(), "ada@") {
				t.Errorf("%s %q: the address is in %v", verb, answer, err)
			}
		}
	}
}

// A letter whose fate nobody knows is told as such.
func TestBrokenAfterTheLetter(t *testing.T) {
	for _, answer := range []string{"", "rubbish"} {
		s := serve(t, func(s *mailServer) { s.say["letter"] = answer })
		if err := sink(t, s, nil).Send(t.Context(), letter()); !errors.Is(err, outbox.ErrUnsure) || usher.KindOf(err) != usher.Unavailable {
			t.Errorf("%q: %v", answer, err)
		}
	}
	s := serve(t, func(s *mailServer) { s.say["QUIT"] = "" }) // it has the letter
	if err := sink(t, s, nil).Send(t.Context(), letter()); err != nil {
		t.Error(err)
	}
}

// No step waits for ever, and the deadline is one for all of them.
func TestSlowServer(t *testing.T) {
	for _, verb := range []string{"greeting", "EHLO", "STARTTLS", "MAIL", "RCPT", "DATA", "letter"} {
		s := serve(t, func(s *mailServer) { s.say[verb] = "..." })
		began := time.Now()
		err := sink(t, s, func(c *outbox.SMTPConfig) { c.Timeout = 100 * time.Millisecond }).Send(t.Context(), letter())
		if usher.KindOf(err) != usher.Unavailable || errors.Is(err, outbox.ErrUnsure) != (verb == "letter") || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %v after %s", verb, err, time.Since(began))
		}
	}
	s := serve(t, func(s *mailServer) { s.say["greeting"] = "..." })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sink(t, s, nil).Send(ctx, letter()); usher.KindOf(err) != usher.Unavailable {
		t.Error(err)
	}
}

func TestServerThatTalksForEver(t *testing.T) {
	s := serve(t, func(s *mailServer) { s.say["greeting"] = "220-" + strings.Repeat("x", 1<<20) })
	if err := sink(t, s, nil).Send(t.Context(), letter()); usher.KindOf(err) != usher.Unavailable {
		t.Error(err)
	}
}

func TestServerDown(t *testing.T) {
	s := serve(t, nil)
	s.close()
	if err := sink(t, s, nil).Send(t.Context(), letter()); usher.KindOf(err) != usher.Unavailable {
		t.Error(err)
	}
}

// Nothing in a letter becomes a line of its head, or a command.
func TestHeadCannotBeExtended(t *testing.T) {
	s := serve(t, nil)
	out := sink(t, s, nil)
	for name, change := range map[string]func(*outbox.Letter){
		"CR LF in the subject": func(l *outbox.Letter) { l.Subject = "a\r\nBcc: mallory@evil.test" },
		"LF in the subject":    func(l *outbox.Letter) { l.Subject = "a\nBcc: mallory@evil.test" },
		"CR in the subject":    func(l *outbox.Letter) { l.Subject = "a\rb" },
		"no subject":           func(l *outbox.Letter) { l.Subject = "" },
		"a long subject":       func(l *outbox.Letter) { l.Subject = strings.Repeat("a", 401) },
		"LF in the id":         func(l *outbox.Letter) { l.ID = "1\nX: y" },
		"LF in the address":    func(l *outbox.Letter) { l.To = "ada@example.test\r\nRCPT TO:<mallory@evil.test>" },
		"two addresses":        func(l *outbox.Letter) { l.To = "ada@example.test,mallory@evil.test" },
		"a parameter":          func(l *outbox.Letter) { l.To = "mallory@evil.test> ORCPT=ada@example.test" },
		"a quoted address":     func(l *outbox.Letter) { l.To = `"mallory@evil.test> x"@example.test` },
		"a route":              func(l *outbox.Letter) { l.To = "@evil.test:ada@example.test" },
		"no address":           func(l *outbox.Letter) { l.To = "" },
		"a letter too long":    func(l *outbox.Letter) { l.Text = strings.Repeat("a", 256<<10) },
	} {
		l := letter()
		change(&l)
		if err := out.Send(t.Context(), l); usher.KindOf(err) != usher.Invalid || len(s.taken()) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := letter()
	l.Text = "a\r\n.\r\nMAIL FROM:<mallory@evil.test>\r\n"
	if err := out.Send(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if _, body := parts(t, s.taken()[0]); body["text/plain"] != "a\n.\nMAIL FROM:<mallory@evil.test>\n" || len(s.taken()) != 1 {
		t.Errorf("%q", s.taken())
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	for name, change := range map[string]func(*outbox.SMTPConfig){
		"no port":                func(c *outbox.SMTPConfig) { c.Server = "mail.test" },
		"no host":                func(c *outbox.SMTPConfig) { c.Server = ":25" },
		"no sender":              func(c *outbox.SMTPConfig) { c.From = "" },
		"two senders":            func(c *outbox.SMTPConfig) { c.From = "a@b.test, c@d.test" },
		"sender without domain":  func(c *outbox.SMTPConfig) { c.From = "usher@localhost" },
		"tls":                    func(c *outbox.SMTPConfig) { c.TLS = "opportunistic" },
		"a password in the open": func(c *outbox.SMTPConfig) { c.TLS, c.Username = outbox.TLSNone, "usher" },
		"no issuer":              func(c *outbox.SMTPConfig) { c.Issuer = "" },
	} {
		cfg := outbox.SMTPConfig{Server: "mail.test:587", From: "usher@example.test", Issuer: issuer}
		change(&cfg)
		if _, err := outbox.NewSMTP(cfg); usher.KindOf(err) != usher.Invalid || usher.Shown(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
