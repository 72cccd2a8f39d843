package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher"
)

// maxURL bounds a URL, in bytes.
const maxURL = 2048

// web is an absolute http(s) URL without a fragment, user or wildcard, or "".
func (n node) web() (string, *url.URL) {
	s := n.expanded()
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		n.fault("is not an absolute URL; write it as https://host/path")
		return "", nil
	}
	if why := unfit(s, u); why != "" {
		n.fault("%s", why)
		return "", nil
	}
	return s, u
}

// unfit is what is wrong with a URL and what to do, or "".
func unfit(s string, u *url.URL) string {
	switch {
	case len(s) > maxURL:
		return "is longer than 2048 bytes; shorten it"
	case u.Scheme != "https" && u.Scheme != "http":
		return "has the scheme " + quoted(u.Scheme) + "; use https"
	case u.User != nil:
		return "carries a user name; remove everything up to the @"
	case strings.ContainsAny(s, "*{}"):
		return "holds a wildcard or placeholder; write the exact URL"
	case strings.Contains(s, "#"):
		return "has a fragment; remove the # and what follows"
	case strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || c == '\\' }):
		return "holds a space, a backslash or a letter outside ASCII; percent-encode it"
	case u.Host != strings.ToLower(u.Host):
		return "has capital letters in the host; write the host in lower case, for it is compared byte by byte"
	case hasDots(u.EscapedPath()):
		return "has a . or .. in the path; write the path without it"
	}
	return ""
}

func hasDots(path string) bool {
	for step := range strings.SplitSeq(path, "/") {
		step = strings.ReplaceAll(strings.ToLower(step), "%2e", ".")
		if step == "." || step == ".." {
			return true
		}
	}
	return false
}

// isLoopback reports whether a host is this machine under every resolver.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// isPrivate reports whether a host is plainly not on the public Internet. It is
// only for an early word to the operator; what counts is the check at dial time.
func isPrivate(host string) bool {
	ip, err := netip.ParseAddr(host)
	return isLoopback(host) || err == nil && ip.Unmap().IsPrivate()
}

// redirect checks an address that browsers are sent to: https, http on this
// machine, or a private-use scheme of a native application (RFC 8252, 7.1).
func redirect(native bool) func(node, string) string {
	return func(n node, _ string) string {
		scheme, _, _ := strings.Cut(n.expanded(), ":")
		if strings.Contains(scheme, ".") && !strings.ContainsAny(scheme, "/$") {
			return n.privateUse(native)
		}
		return n.page()
	}
}

// page is a page that browsers are sent to: https, or http on this machine.
func (n node) page() string {
	s, u := n.web()
	if u != nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		n.fault("is http on a host that is not this machine; use https")
		return ""
	}
	return s
}

func (n node) privateUse(native bool) string {
	s := n.expanded()
	u, err := url.Parse(s)
	switch {
	case !native:
		n.fault("has a scheme of its own, which only an application with clientAuth: none may have; use https")
	case err != nil || strings.ContainsAny(s, "#*{} ") || hasDots(u.EscapedPath()):
		n.fault("is not a URL that can be compared exactly; remove fragments, wildcards, spaces and dots")
	default:
		return s
	}
	return ""
}

// domain checks a domain of e-mail addresses, in lower case.
func domain(n node, s string) string {
	if folded, ok := usher.EmailDomain("a@" + s); !ok || folded != s {
		n.fault("%s is not a domain; write it as example.com, in lower case and without wildcard (xn-- for other scripts)", quoted(s))
		return ""
	}
	return s
}

// name is a short name that can stand in a URL and a log line.
func (n node) name(allowed, rule string) string {
	s := n.text()
	if s != "" && (len(s) > 64 || strings.Trim(s, allowed) != "" || strings.ContainsAny(s[:1], "-._~")) {
		n.fault("%s can't be a name here; use %s, 64 at most, beginning with a letter or digit", quoted(s), rule)
		return ""
	}
	return s
}

const (
	lowerLetters = "abcdefghijklmnopqrstuvwxyz"
	upperLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits       = "0123456789"
)

// label checks a text that people read, or the name of a group.
func label(n node, s string) string {
	if len(s) > 255 || s != strings.TrimSpace(s) || strings.ContainsFunc(s, isControl) {
		n.fault("%s is too long, or holds control characters or spaces at an end; use one line of at most 255 bytes", quoted(s))
		return ""
	}
	return s
}

// listenable checks host:port.
func (n node) listenable(def string) string {
	s := n.expanded()
	if s == "" {
		return def
	}
	if _, port, err := net.SplitHostPort(s); err != nil || !isPort(port) {
		n.fault("is not an address to listen on; write host:port, as in 127.0.0.1:8080 or :8080")
		return def
	}
	return s
}

// isPort reports whether s is the number of a port.
func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// placeholders are secrets that stand in examples and were never meant to be used.
var placeholders = []string{
	"secret", "changeme", "change-me", "change_me", "changeit", "password", "passw0rd", "default", "example", "test", "admin",
	"todo", "xxx", "client-secret", "client_secret", "clientsecret", "your-secret", "your-client-secret", "s3cr3t", "topsecret", "supersecret",
}

// secret is a secret of least bytes or more that is not a placeholder, or "".
func (n node) secret(least int) string {
	s := n.expanded()
	switch {
	case s == "":
	case slices.Contains(placeholders, strings.ToLower(s)) || strings.HasPrefix(s, "<"):
		n.fault("is a placeholder, not a secret; use one made at random, by ${NAME} or ${file:path}")
	case len(s) < least:
		n.fault("is shorter than %d characters, so it can be guessed; make one with: openssl rand -base64 32", least)
	default:
		return s
	}
	return ""
}
