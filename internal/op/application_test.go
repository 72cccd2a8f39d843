package op_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/op"
)

func TestValidateSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*op.Application)
		says   string // "" is valid
	}{
		"as it is":         {func(*op.Application) {}, ""},
		"no id":            {func(a *op.Application) { a.ID = "" }, "client id"},
		"long id":          {func(a *op.Application) { a.ID = strings.Repeat("a", 256) }, "client id"},
		"id with a space":  {func(a *op.Application) { a.ID = "a b" }, "client id"},
		"id is a UUID":     {func(a *op.Application) { a.ID = string(ada) }, "sub"},
		"unknown auth":     {func(a *op.Application) { a.Auth = "jwt" }, "basic, post or none"},
		"no secret":        {func(a *op.Application) { a.SecretHash = [sha256.Size]byte{} }, "needs a secret"},
		"needless secret":  {func(a *op.Application) { a.Auth = op.AuthNone }, "has no secret"},
		"algorithm":        {func(a *op.Application) { a.Algorithm = "HS256" }, "ES256 or RS256"},
		"subject":          {func(a *op.Application) { a.Subject = "secret" }, "public or pairwise"},
		"no redirect":      {func(a *op.Application) { a.RedirectURIs = nil }, "at least one"},
		"scope":            {func(a *op.Application) { a.Scopes = []string{"admin"} }, "no scope admin"},
		"pairwise, 1 host": {func(a *op.Application) { a.Subject = op.SubjectPairwise }, ""},
		"pairwise, 2 hosts": {func(a *op.Application) {
			a.Subject, a.RedirectURIs = op.SubjectPairwise, []string{"https://a.test/", "https://b.test/"}
		}, "a sector"},
		"pairwise, a sector": {func(a *op.Application) {
			a.Subject, a.Sector, a.RedirectURIs = op.SubjectPairwise, "a.test", []string{"https://a.test/", "https://b.test/"}
		}, ""},
	} {
		a := applications()["payroll"]
		c.change(&a)
		err := a.Validate()
		if c.says == "" && err != nil || c.says != "" && (usher.KindOf(err) != usher.Invalid || !strings.Contains(usher.Shown(err), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestA079_RegisteredRedirectURIs(t *testing.T) {
	for uri, c := range map[string]struct{ confidential, public bool }{
		"https://a.test/cb":          {true, true},
		"https://a.test":             {true, true},
		"https://a.test/cb?x=y":      {true, true},
		"http://127.0.0.1/cb":        {true, true},
		"http://[::1]:8080/cb":       {true, true},
		"http://localhost:3000/cb":   {true, true},
		"com.example.app:/cb":        {false, true},
		"http://a.test/cb":           {false, false},
		"http://127.0.0.1.evil.test": {false, false},
		"https://a.test/cb#x":        {false, false},
		"https://a.test/cb#":         {false, false},
		"https://*.a.test/cb":        {false, false},
		"https://u@a.test/cb":        {false, false},
		"https:///cb":                {false, false},
		"https:a.test":               {false, false},
		"//a.test/cb":                {false, false},
		"/cb":                        {false, false},
		"":                           {false, false},
		"javascript:alert(1)":        {false, false},
		"data:text/html,x":           {false, false},
		"myapp:/cb":                  {false, false},
		"https://a.test/c b":         {false, false},
		"https://а.test/cb":          {false, false},
	} {
		for auth, want := range map[string]bool{op.AuthBasic: c.confidential, op.AuthNone: c.public} {
			a := applications()["payroll"]
			if a.Auth = auth; auth == op.AuthNone {
				a.SecretHash = [sha256.Size]byte{}
			}
			a.RedirectURIs = []string{uri}
			if err := a.Validate(); (err == nil) != want {
				t.Errorf("%q, %s: %v", uri, auth, err)
			}
		}
	}
}
