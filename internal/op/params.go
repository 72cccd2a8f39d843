package op

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/usher-id/usher/internal/web"
)

// params are the parameters of a request. A parameter without a value counts as
// not sent (RFC 6749, section 3.1).
type params map[string]string

// readQuery reads the parameters of a GET.
func readQuery(r *http.Request) (params, error) { return parse(r.URL.RawQuery) }

// readForm reads the parameters of a POST, which must be a form and must not have
// others in its URL, where they would end in logs.
func readForm(r *http.Request) (params, error) {
	if r.URL.RawQuery != "" {
		return nil, badRequest("send the parameters in the body, none in the URL")
	}
	if !isForm(r) {
		return nil, badRequest("the Content-Type must be application/x-www-form-urlencoded")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, web.MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &protocolError{status: http.StatusRequestEntityTooLarge, code: errInvalidRequest, description: "the body must not hold more than 64 kB"}
	case err != nil:
		return nil, badRequest("the body could not be read")
	}
	return parse(string(body))
}

// read reads the parameters of a GET or POST.
func read(r *http.Request) (params, error) {
	if r.Method == http.MethodPost {
		return readForm(r)
	}
	return readQuery(r)
}

// parse refuses what two readers could understand in two ways: repeated
// parameters (RFC 6749, section 3.1), bad escapes, bad UTF-8.
func parse(encoded string) (params, error) {
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, badRequest("the parameters are not well-formed")
	}
	out := make(params, len(values))
	for name, v := range values {
		switch {
		case len(v) > 1:
			return nil, badRequest("a parameter is there more than once")
		case !utf8.ValidString(v[0]):
			return nil, badRequest("a parameter is not UTF-8")
		case v[0] != "":
			out[name] = v[0]
		}
	}
	return out, nil
}

func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}
