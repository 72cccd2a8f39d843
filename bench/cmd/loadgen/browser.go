package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// jar keeps cookies as browsers do, by host name: ports share them. Secure and
// Path are not enforced, so that a broker without TLS can be measured.
type jar map[string]map[string]string

// take keeps what res sets.
func (j jar) take(at *url.URL, res *http.Response) {
	for _, c := range res.Cookies() {
		host := at.Hostname()
		if j[host] == nil {
			j[host] = map[string]string{}
		}
		gone := c.MaxAge < 0 || c.Value == "" || (!c.Expires.IsZero() && c.Expires.Before(time.Now()))
		if gone {
			delete(j[host], c.Name)
		} else {
			j[host][c.Name] = c.Value
		}
	}
}

// send puts on req what belongs to its host.
func (j jar) send(req *http.Request) {
	for name, value := range j[req.URL.Hostname()] {
		req.AddCookie(&http.Cookie{Name: name, Value: value}) //nolint:gosec // a browser sends no attributes
	}
}

var markup = regexp.MustCompile(`(?is)<style\b.*?</style>|<[^>]*>`)

// visible is the text of a page, to say what went wrong.
func visible(page []byte) string {
	return strings.Join(strings.Fields(markup.ReplaceAllString(string(page), " ")), " ")
}
