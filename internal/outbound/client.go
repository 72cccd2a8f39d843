package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/usher-id/usher"
)

// Options are what an operator can loosen, one by one.
type Options struct {
	AllowPrivate bool           // addresses inside the organisation may be dialled
	AllowHTTP    bool           // http besides https
	Roots        *x509.CertPool // the only certificate authorities trusted; nil means the system's
}

// The limits on one exchange.
const (
	MaxBody   = 1 << 20  // bytes of a body, after decompression
	maxHeader = 64 << 10 // bytes of a response header
	total     = 10 * time.Second
)

// userAgent says who calls.
const userAgent = "usher"

// New is a client that
//
//   - dials only addresses that may be called (checked when dialling, so that
//     no answer of a name server gets around it);
//   - speaks https with TLS 1.2 or newer, and http only if allowed;
//   - follows no redirect: an answer of 3xx is an error;
//   - gives up after 10 s in all, and reads at most [MaxBody] decoded bytes;
//   - takes no proxy from the environment and keeps no cookies.
//
// There is no option to skip the check of certificates. What went wrong is told
// by [Explain]. Its idle connections are kept for 90 s; CloseIdleConnections
// ends them.
func New(o Options) *http.Client { return build(o, total, nil) }

func build(o Options, timeout time.Duration, resolver *net.Resolver) *http.Client {
	dialer := &net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second, Control: guard(o.AllowPrivate), Resolver: resolver}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // a login is two or three short exchanges: one protocol less to defend
	return &http.Client{
		Timeout: timeout,
		Transport: &transport{allowHTTP: o.AllowHTTP, base: &http.Transport{
			DialContext:            dialer.DialContext,
			Protocols:              protocols,
			TLSHandshakeTimeout:    timeout,
			MaxIdleConns:           256,
			MaxIdleConnsPerHost:    64,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: maxHeader,
			TLSClientConfig: &tls.Config{
				MinVersion:         tls.VersionTLS12,
				RootCAs:            o.Roots,
				ClientSessionCache: tls.NewLRUClientSessionCache(256),
			},
		}},
	}
}

// transport refuses before, and bounds after, what http.Transport does.
type transport struct {
	allowHTTP bool
	base      *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.refuse(req.URL); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", userAgent)
	res, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	switch {
	case res.StatusCode >= 300 && res.StatusCode < 400:
		err = usher.Fail(usher.Denied, "outbound.RoundTrip", "it answered with a redirect, which is not followed", nil)
	case res.ContentLength > MaxBody:
		err = tooLarge()
	}
	if err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	res.Body = &limited{body: res.Body, left: MaxBody}
	return res, nil
}

// CloseIdleConnections is what http.Client.CloseIdleConnections calls.
func (t *transport) CloseIdleConnections() { t.base.CloseIdleConnections() }

func (t *transport) refuse(u *url.URL) error {
	const op = "outbound.RoundTrip"
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !t.allowHTTP):
		return usher.Fail(usher.Denied, op, "only https addresses are called", nil)
	case u.User != nil:
		return usher.Fail(usher.Denied, op, "an address with a user name in it is not called", nil)
	}
	return nil
}

// limited is a body that fails when it goes on for longer than it may. It fails
// instead of ending, because a shortened answer could pass for a whole one.
type limited struct {
	body io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.body.Read(p)
	if int64(n) > l.left {
		n, err = int(l.left), tooLarge()
	}
	l.left -= int64(n)
	return n, err
}

// Close implements io.Closer.
func (l *limited) Close() error { return l.body.Close() }

func tooLarge() error {
	return usher.Fail(usher.Exhausted, "outbound.Read", "its answer is larger than 1 MB", nil)
}

// Explain says in a few words for the operator why a call failed: no address,
// no part of the answer and no secret is in them.
func Explain(err error) string {
	if shown := usher.Shown(err); shown != "" {
		return shown
	}
	var (
		timeout     interface{ Timeout() bool }
		certificate *tls.CertificateVerificationError
		name        *net.DNSError
	)
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return "it did not answer in time"
	case errors.As(err, &certificate):
		return "its certificate was not accepted"
	case errors.As(err, &name):
		return "its name could not be resolved"
	}
	return "no connection to it could be made or kept"
}
