package op

import (
	"net/url"
	"slices"
	"strings"
)

// redirects reports whether uri is a registered redirect URI. The comparison is
// of text with text and nothing is normalised (RFC 9700, section 2.1), so there
// is no second reading of the same address to be tricked by. One exception: on
// a native application's own machine the port is whatever was free (RFC 8252,
// section 7.3).
func (a Application) redirects(uri string) bool {
	if slices.Contains(a.RedirectURIs, uri) {
		return true
	}
	return a.public() && slices.ContainsFunc(a.RedirectURIs, func(registered string) bool {
		return sameButPort(registered, uri)
	})
}

// sameButPort reports whether two loopback URIs differ at most in their port.
func sameButPort(registered, uri string) bool {
	for _, loopback := range []string{"http://127.0.0.1", "http://[::1]"} {
		want, ok := strings.CutPrefix(registered, loopback)
		if !ok {
			continue
		}
		got, ok := strings.CutPrefix(uri, loopback)
		if !ok {
			return false
		}
		want, fine := cutPort(want)
		got, ok = cutPort(got)
		return fine && ok && want == got
	}
	return false
}

// cutPort takes ":port" from the front of s and gives the path and query. What
// is neither is not ok.
func cutPort(s string) (rest string, ok bool) {
	if port, found := strings.CutPrefix(s, ":"); found {
		n := 0
		for n < len(port) && '0' <= port[n] && port[n] <= '9' {
			n++
		}
		if n == 0 || n > 5 || port[0] == '0' || n == 5 && port[:n] > "65535" {
			return "", false
		}
		s = port[n:]
	}
	return s, s == "" || s[0] == '/' || s[0] == '?'
}

// answer is where and how an authorization request is answered.
type answer struct {
	redirect string
	state    string
}

// location adds the parameters, the state and iss (RFC 9207) to the redirect URI.
func (p *Provider) location(a answer, params url.Values) string {
	params.Set("iss", p.cfg.Issuer)
	if a.state != "" {
		params.Set("state", a.state)
	}
	join := "?"
	if strings.Contains(a.redirect, "?") {
		join = "&"
	}
	return a.redirect + join + params.Encode()
}

// refusal is the location that tells the application of an error.
func (p *Provider) refusal(a answer, code, description string) string {
	return p.location(a, url.Values{"error": {code}, "error_description": {description}})
}
