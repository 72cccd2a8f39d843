package outbound

import (
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/usher-id/usher"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fetch is the whole body, or why there is none.
func fetch(t testing.TB, c *http.Client, address string) (string, error) {
	t.Helper()
	res, err := c.Get(address)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

// serve is a server, and a client that may call it.
func serve(t testing.TB, h http.HandlerFunc) (*httptest.Server, *http.Client) {
	t.Helper()
	s := httptest.NewServer(h)
	c := New(Options{AllowPrivate: true, AllowHTTP: true})
	t.Cleanup(func() {
		c.CloseIdleConnections()
		s.Close()
	})
	return s, c
}

func TestA060_Addresses(t *testing.T) {
	const public, inside, nowhere = 0, 1, 2
	for address, class := range map[string]int{
		"93.184.216.34": public, "1.1.1.1": public, "2606:4700::1111": public, "172.15.0.1": public, "172.32.0.1": public,
		"100.63.255.255": public, "100.128.0.0": public, "::ffff:93.184.216.34": public, "2003::1": public,

		"127.0.0.1": inside, "127.255.255.254": inside, "::1": inside, "10.0.0.1": inside, "10.255.255.255": inside,
		"172.16.0.1": inside, "172.31.255.255": inside, "192.168.1.1": inside, "100.64.0.1": inside, "100.127.255.255": inside,
		"fc00::1": inside, "fd00::1": inside, "fdff::1": inside, "::ffff:127.0.0.1": inside, "::ffff:10.0.0.1": inside,
		"64:ff9b::7f00:1": inside, "64:ff9b::a00:1": inside, "2002:7f00:1::": inside, "198.18.0.1": inside,
		"192.0.2.1": inside, "2001:db8::1": inside,

		"0.0.0.0": nowhere, "0.1.2.3": nowhere, "::": nowhere, "169.254.169.254": nowhere, "fe80::1": nowhere, "fe80::1%eth0": nowhere,
		"::ffff:169.254.169.254": nowhere, "::ffff:0.0.0.0": nowhere, "224.0.0.1": nowhere, "239.255.255.255": nowhere,
		"64:ff9b::a9fe:a9fe": nowhere, "2002:a9fe:a9fe::1": nowhere, "64:ff9b::a83f:8110": nowhere, "168.63.129.16": nowhere,
		"100.100.100.200": nowhere, "fd00:ec2::254": nowhere, "fd20:ce::254": nowhere, "::ffff:168.63.129.16": nowhere,
		"240.0.0.1": nowhere, "255.255.255.255": nowhere, "ff02::1": nowhere, "fec0::1": nowhere, "::127.0.0.1": nowhere,
		"2001::1": nowhere, "64:ff9b:1::1": nowhere, "100::1": nowhere, "4000::1": nowhere, "192.0.0.1": nowhere,
	} {
		a := netip.MustParseAddr(address)
		if got := permitted(a, false); got != (class == public) {
			t.Errorf("%s: permitted %v", address, got)
		}
		if got := permitted(a, true); got != (class != nowhere) {
			t.Errorf("%s with AllowPrivate: permitted %v", address, got)
		}
		err := guard(false)("tcp", netip.AddrPortFrom(a, 443).String(), nil)
		if (err == nil) != (class == public) {
			t.Errorf("%s: guard says %v", address, err)
		}
	}
	if permitted(netip.Addr{}, true) {
		t.Error("no address at all is permitted")
	}
	for _, c := range [][2]string{{"udp", "1.1.1.1:53"}, {"unix", "/run/x.sock"}, {"tcp", "localhost:80"}, {"tcp", ""}} {
		if guard(true)(c[0], c[1], nil) == nil {
			t.Errorf("%v may be dialled", c)
		}
	}
}

// Whatever form the address has, no connection is made.
func TestA060_AddressesInDisguise(t *testing.T) {
	var hits atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer s.Close()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := New(Options{AllowHTTP: true})
	defer c.CloseIdleConnections()
	for _, host := range []string{
		"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0x7f.1", "0x7f000001", "2130706433", "127.1", "0177.0.0.1",
		"localhost", "localhost.", "LOCALHOST", "0.0.0.0", "[::]", "0", "[::1%25lo]", "127.0.0.1.",
	} {
		if _, err := fetch(t, c, "http://"+host+":"+port+"/"); err == nil {
			t.Errorf("%s was called", host)
		}
	}
	for _, address := range []string{
		"file:///etc/passwd", "gopher://127.0.0.1:" + port, "unix:///run/x.sock", "ftp://1.1.1.1/", "data:,x", "//127.0.0.1:" + port, "javascript:1",
	} {
		if _, err := fetch(t, c, address); err == nil {
			t.Errorf("%s was called", address)
		}
	}
	for address, want := range map[string]string{
		s.URL:                              "its address is not one that may be called from here",
		"file:///etc/passwd":               "only https addresses are called",
		"http://user:s3cret@1.1.1.1/":      "an address with a user name in it is not called",
		"http://name.that.is.not.invalid/": "its name could not be resolved",
	} {
		if _, err := fetch(t, c, address); Explain(err) != want {
			t.Errorf("%s: %q, want %q", address, Explain(err), want)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("the server at 127.0.0.1 was called %d times", n)
	}
	strict := New(Options{AllowPrivate: true})
	if _, err := fetch(t, strict, s.URL); usher.KindOf(err) != usher.Denied || hits.Load() != 0 {
		t.Errorf("http without AllowHTTP: %v", err)
	}
}

// nameServer answers every question for an address with the next of answers,
// and the last one for ever.
func nameServer(t *testing.T, answers ...[4]byte) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = conn.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: answers[0]},
				}}
				if len(answers) > 1 {
					answers = answers[1:]
				}
			}
			if out, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func TestA061_NameThatMovesInside(t *testing.T) {
	var hits atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer s.Close()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resolver := nameServer(t, [4]byte{93, 184, 216, 34}, [4]byte{127, 0, 0, 1})
	first, err := resolver.LookupNetIP(t.Context(), "ip4", "rebind.example.com.")
	if err != nil || len(first) != 1 || !permitted(first[0], false) {
		t.Fatalf("the name must look public at first: %v %v", first, err)
	}
	c := build(Options{AllowHTTP: true}, total, resolver)
	defer c.CloseIdleConnections()
	if _, err := fetch(t, c, "http://rebind.example.com.:"+port); usher.KindOf(err) != usher.Denied {
		t.Errorf("got %v", err)
	}
	open := build(Options{AllowHTTP: true, AllowPrivate: true}, total, resolver)
	defer open.CloseIdleConnections()
	if _, err := fetch(t, open, "http://rebind.example.com.:"+port); err != nil || hits.Load() != 1 {
		t.Errorf("the name server is not in use: %v, %d calls", err, hits.Load())
	}
}

func TestA062_Redirects(t *testing.T) {
	var inner atomic.Int32
	var s *httptest.Server
	s, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/inner":
			inner.Add(1)
		case "/bare":
			w.WriteHeader(http.StatusFound) // without an address to go to
		case "/304":
			w.WriteHeader(http.StatusNotModified)
		default:
			var status int
			_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
			http.Redirect(w, r, r.URL.Query().Get("to"), status)
		}
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{"/inner", s.URL + "/inner", "http://169.254.169.254/", "file:///etc/passwd"} {
			_, err := fetch(t, c, fmt.Sprintf("%s/%d?to=%s", s.URL, status, to))
			if usher.KindOf(err) != usher.Denied || Explain(err) != "it answered with a redirect, which is not followed" {
				t.Errorf("%d to %s: %v", status, to, err)
			}
		}
	}
	for _, path := range []string{"/bare", "/304"} {
		if _, err := fetch(t, c, s.URL+path); usher.KindOf(err) != usher.Denied {
			t.Errorf("%s: %v", path, err)
		}
	}
	if n := inner.Load(); n != 0 {
		t.Errorf("followed %d times", n)
	}
}

func TestA063_EndlessAnswers(t *testing.T) {
	block := strings.Repeat("x", 64<<10)
	zip := func(w http.ResponseWriter, n int) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range n {
			if _, err := io.WriteString(z, block); err != nil {
				return
			}
		}
		_ = z.Close()
	}
	s, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/exact":
			_, _ = io.WriteString(w, strings.Repeat(block, MaxBody/len(block)))
		case "/exact-zip":
			zip(w, MaxBody/len(block))
		case "/one-more":
			_, _ = io.WriteString(w, strings.Repeat(block, MaxBody/len(block))+"x")
		case "/declared":
			w.Header().Set("Content-Length", "104857600")
			_, _ = io.WriteString(w, block)
		case "/bomb":
			zip(w, 100<<20/len(block))
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, block); err != nil {
					return
				}
			}
		case "/header":
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		case "/headers":
			for i := range 5_000 {
				w.Header().Set(fmt.Sprint("X-", i), "0123456789")
			}
		}
	})
	for _, path := range []string{"/exact", "/exact-zip"} {
		if body, err := fetch(t, c, s.URL+path); err != nil || len(body) != MaxBody {
			t.Errorf("%s: %d bytes, %v", path, len(body), err)
		}
	}
	for _, path := range []string{"/one-more", "/declared", "/bomb", "/endless"} {
		body, err := fetch(t, c, s.URL+path)
		if usher.KindOf(err) != usher.Exhausted || Explain(err) != "its answer is larger than 1 MB" || len(body) > MaxBody {
			t.Errorf("%s: %d bytes, %v", path, len(body), err)
		}
	}
	for _, path := range []string{"/header", "/headers"} {
		if _, err := fetch(t, c, s.URL+path); err == nil {
			t.Errorf("%s was read", path)
		}
	}
}

func TestA063_SlowAnswers(t *testing.T) {
	gone := make(chan struct{}, 3)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { gone <- struct{}{} }()
		if r.URL.Path == "/drip" {
			w.WriteHeader(http.StatusOK)
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "x")
				_ = http.NewResponseController(w).Flush()
				<-tick.C
			}
		}
		<-r.Context().Done()
	}))
	defer s.Close()
	c := build(Options{AllowPrivate: true, AllowHTTP: true}, 200*time.Millisecond, nil)
	defer c.CloseIdleConnections()
	for _, path := range []string{"/drip", "/silence"} {
		began := time.Now()
		_, err := fetch(t, c, s.URL+path)
		if took := time.Since(began); Explain(err) != "it did not answer in time" || took > 5*time.Second {
			t.Errorf("%s: %v after %v", path, err, took)
		}
		<-gone
	}
	if New(Options{}).Timeout != 10*time.Second {
		t.Error("the time allowed in all is not 10 s")
	}
}

// certificate is a self-signed one for 127.0.0.1, or for another host.
func certificate(t *testing.T, host net.IP, until time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{host}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func TestA064_TLS(t *testing.T) {
	loopback, elsewhere := net.IPv4(127, 0, 0, 1), net.IPv4(192, 0, 2, 1)
	tomorrow, yesterday := time.Now().Add(24*time.Hour), time.Now().Add(-24*time.Hour)
	for name, c := range map[string]struct {
		host    net.IP
		until   time.Time
		trusted bool
		server  func(*tls.Config)
		want    string // "" is an answer
	}{
		"good":                  {loopback, tomorrow, true, nil, ""},
		"TLS 1.2":               {loopback, tomorrow, true, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, ""},
		"self-signed":           {loopback, tomorrow, false, nil, "its certificate was not accepted"},
		"expired":               {loopback, yesterday, true, nil, "its certificate was not accepted"},
		"another host":          {elsewhere, tomorrow, true, nil, "its certificate was not accepted"},
		"TLS 1.1":               {loopback, tomorrow, true, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, "no connection to it could be made or kept"},
		"wants our certificate": {loopback, tomorrow, true, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }, "no connection to it could be made or kept"},
	} {
		t.Run(name, func(t *testing.T) {
			cert, roots := certificate(t, c.host, c.until)
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
			s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
			if c.server != nil {
				c.server(s.TLS)
			}
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.StartTLS()
			defer s.Close()
			if !c.trusted {
				roots = x509.NewCertPool()
			}
			client := New(Options{AllowPrivate: true, AllowHTTP: true, Roots: roots})
			defer client.CloseIdleConnections()
			body, err := fetch(t, client, s.URL)
			if c.want == "" && (err != nil || body != "ok") {
				t.Errorf("%q, %v", body, err)
			}
			if c.want != "" && (err == nil || Explain(err) != c.want) {
				t.Errorf("%q, %v (%s)", body, err, Explain(err))
			}
		})
	}
}

func TestWhatIsSent(t *testing.T) {
	var cookies []*http.Cookie
	var agent string
	s, c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cookies, agent = r.Cookies(), r.UserAgent()
		http.SetCookie(w, &http.Cookie{Name: "id", Value: "1"})
	})
	req, err := http.NewRequest(http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		res, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	if len(cookies) != 0 || agent != "usher" || len(req.Header) != 0 {
		t.Errorf("cookies %v, agent %q, the caller's header %v", cookies, agent, req.Header)
	}
	if p := c.Transport.(*transport).base.Proxy; p != nil {
		t.Error("a proxy may be taken from the environment")
	}
}

func TestExplainHoldsNothingOfTheAnswer(t *testing.T) {
	err := fmt.Errorf("call http://idp.test/?code=s3cret: %w", errors.New("s3cret"))
	if got := Explain(err); got != "no connection to it could be made or kept" {
		t.Errorf("%q", got)
	}
}
