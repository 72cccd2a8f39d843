package outbox_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// mailServer is an SMTP server that takes letters, or does what a test tells it
// to do instead.
type mailServer struct {
	addr  string
	roots *x509.CertPool

	implicit bool                // TLS from the first byte
	noTLS    bool                // STARTTLS is neither offered nor done
	password string              // "user password"; "" offers no AUTH
	say      map[string]string   // the answer to a command instead of the good one; "" hangs up, "..." never answers
	then     func(letter string) // after a letter was taken down and before the answer; may be nil

	listener net.Listener
	config   *tls.Config
	wait     sync.WaitGroup

	mu      sync.Mutex
	heard   []string // commands
	clear   []string // commands heard without TLS
	letters []string
	closing chan struct{}
}

// serve makes a server and ends it with the test.
func serve(t testing.TB, change func(*mailServer)) *mailServer {
	t.Helper()
	s := &mailServer{say: map[string]string{}, closing: make(chan struct{})}
	s.config, s.roots = certificate(t)
	if change != nil {
		change(s)
	}
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.addr = s.listener.Addr().String()
	s.wait.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.wait.Go(func() {
				defer conn.Close()
				s.talk(conn)
			})
		}
	})
	t.Cleanup(s.close)
	return s
}

func (s *mailServer) close() {
	select {
	case <-s.closing:
	default:
		close(s.closing)
	}
	s.listener.Close()
	s.wait.Wait()
}

// talk is one conversation.
func (s *mailServer) talk(conn net.Conn) {
	secure := s.implicit
	if secure {
		conn = tls.Server(conn, s.config)
	}
	in := bufio.NewReader(conn)
	if !s.answer(conn, "greeting", "220 mail.test ESMTP") {
		return
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		s.note(line, secure)
		switch verb {
		case "EHLO":
			lines := "250-mail.test"
			if !secure && !s.noTLS {
				lines += "\r\n250-STARTTLS"
			}
			if s.password != "" {
				lines += "\r\n250-AUTH PLAIN"
			}
			if !s.answer(conn, verb, lines+"\r\n250 8BITMIME") {
				return
			}
		case "STARTTLS":
			if s.noTLS {
				if !s.answer(conn, verb, "502 not here") {
					return
				}
				continue
			}
			if !s.answer(conn, verb, "220 go on") {
				return
			}
			conn, secure = tls.Server(conn, s.config), true
			in = bufio.NewReader(conn)
		case "AUTH":
			_, word, _ := strings.Cut(line[len("AUTH "):], " ")
			raw, _ := base64.StdEncoding.DecodeString(word)
			good := "235 yes"
			if strings.ReplaceAll(strings.TrimPrefix(string(raw), "\x00"), "\x00", " ") != s.password {
				good = "535 5.7.8 no"
			}
			if !s.answer(conn, verb, good) {
				return
			}
		case "DATA":
			if !s.answer(conn, verb, "354 go on") {
				return
			}
			var letter strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				letter.WriteString(strings.TrimPrefix(line, "."))
			}
			s.mu.Lock()
			s.letters = append(s.letters, letter.String())
			s.mu.Unlock()
			if s.then != nil {
				s.then(letter.String())
			}
			if !s.answer(conn, "letter", "250 taken") {
				return
			}
		default:
			if !s.answer(conn, verb, "250 ok") || verb == "QUIT" {
				return
			}
		}
	}
}

// answer gives the answer to a command; false ends the conversation.
func (s *mailServer) answer(conn net.Conn, verb, good string) bool {
	if other, told := s.instead(verb); told {
		switch other {
		case "":
			return false
		case "...":
			<-s.closing
			return false
		}
		good = other
	}
	_, err := conn.Write([]byte(good + "\r\n"))
	return err == nil
}

func (s *mailServer) instead(verb string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	other, told := s.say[verb]
	return other, told
}

func (s *mailServer) note(line string, secure bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, line)
	if !secure {
		s.clear = append(s.clear, line)
	}
}

func (s *mailServer) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.letters...)
}

// inClear is everything that came without TLS, in one text.
func (s *mailServer) inClear() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.clear, "\n")
}

// certificate makes one for 127.0.0.1, and the pool that believes it.
func certificate(t testing.TB) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}
