package demo

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// claims are the members of a token or a userinfo answer, each as it came.
type claims map[string]json.RawMessage

// text is the claim if it is a string, or "".
func (c claims) text(name string) string {
	var s string
	if json.Unmarshal(c[name], &s) != nil {
		return ""
	}
	return s
}

// row is one claim as the page shows it.
type row struct{ Name, Value, Note string }

// notes say what the claims are for, in the order in which they are shown.
// Claims that are not here come after them.
var notes = []struct{ name, note string }{
	{"iss", "who says so: Usher"},
	{"sub", "who that is, for this application, for ever"},
	{"aud", "who it is for"},
	{"client_id", "which application asked"},
	{"azp", "which application asked"},
	{"preferred_username", ""},
	{"name", ""},
	{"given_name", ""},
	{"family_name", ""},
	{"email", ""},
	{"email_verified", ""},
	{"phone_number", ""},
	{"phone_number_verified", ""},
	{"groups", "granted here by way of the provider's groups"},
	{"roles", "granted here by way of the provider's groups"},
	{"scope", "what it may be used for"},
	{"auth_time", "the person proved who they are"},
	{"iat", "issued"},
	{"nbf", "valid from"},
	{"exp", "valid until"},
	{"nonce", "ties it to this sign-in"},
	{"at_hash", "ties the access token to it"},
	{"sid", "the session at Usher"},
	{"jti", "its own id"},
	{"usher_decision", "the correlation id: leads to why"},
}

// rows are the claims in the order of notes, then by name.
func (c claims) rows() []row {
	rank := func(name string) int {
		i := slices.IndexFunc(notes, func(n struct{ name, note string }) bool { return n.name == name })
		if i < 0 {
			return len(notes)
		}
		return i
	}
	var out []row
	for name, raw := range c {
		r := row{Name: name, Value: readable(raw)}
		if i := rank(name); i < len(notes) {
			r.Note = notes[i].note
		}
		if at, ok := moment(name, raw); ok {
			r.Note = strings.TrimSpace(r.Note + " " + at)
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b row) int {
		if d := rank(a.Name) - rank(b.Name); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

// readable is a value as people read it: a string without quotes, anything else as JSON.
func readable(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var list []string
	if json.Unmarshal(raw, &list) == nil && len(list) > 0 {
		return strings.Join(list, ", ")
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

// moment is the time that a numeric date (RFC 7519, section 2) stands for.
func moment(name string, raw json.RawMessage) (string, bool) {
	var at int64
	if !slices.Contains([]string{"iat", "exp", "nbf", "auth_time"}, name) || json.Unmarshal(raw, &at) != nil {
		return "", false
	}
	return time.Unix(at, 0).UTC().Format("2006-01-02 15:04:05 UTC"), true
}

// token is a signed token, taken apart to be looked at. Its signature is
// checked elsewhere.
type token struct{ Header, Claims claims }

// Rows are the claims as the page shows them.
func (t token) Rows() []row { return t.Claims.rows() }

// Head is the header as one line of JSON.
func (t token) Head() string {
	b, err := json.Marshal(t.Header)
	if err != nil {
		return "" // what was decoded can be encoded
	}
	return string(b)
}

func decode(compact string) (token, error) {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return token{}, errors.New("not a signed token")
	}
	var t token
	for i, into := range []*claims{&t.Header, &t.Claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return token{}, err
		}
		if err := json.Unmarshal(b, into); err != nil {
			return token{}, err
		}
	}
	return t, nil
}
