package oidc

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp"
	"github.com/usher-id/usher/internal/idptest"
	"github.com/usher-id/usher/internal/outbound"
)

func payload(text string) idptest.Tamper {
	return idptest.Tamper{Payload: func(json []byte) []byte {
		return append(append(json[:len(json)-1:len(json)-1], ','), text[1:]...)
	}}
}

func TestA002_NumberSubjects(t *testing.T) {
	w := newWorld(t, setup{})
	for _, literal := range []string{"12345678901234567890", "12345678901234567891"} {
		w.provider.Misbehave(idptest.Tamper{Claims: func(c map[string]any) { c["sub"] = json.RawMessage(literal) }})
		a := w.signIn(t)
		refused(t, a, usher.ReasonSubjectNotText)
		if got, ok := a.Subject.Literal(); !ok || got != literal {
			t.Errorf("subject %q, want the very digits %s", got, literal)
		}
	}
	for name, sub := range map[string]any{"a list": []string{"ada"}, "true": true, "an object": map[string]any{"id": "ada"}} {
		t.Run(name, func(t *testing.T) {
			w.provider.Misbehave(idptest.Tamper{Claims: func(c map[string]any) { c["sub"] = sub }})
			refused(t, w.signIn(t), usher.ReasonSubjectNotText)
		})
	}
	t.Run("a missing one is for decide to refuse", func(t *testing.T) {
		for _, sub := range []any{nil, json.RawMessage("null"), ""} {
			w.provider.Misbehave(idptest.Tamper{Claims: func(c map[string]any) {
				if c["sub"] = sub; sub == nil {
					delete(c, "sub")
				}
			}})
			a := w.signIn(t)
			accepted(t, a)
			if text, _ := a.Subject.Text(); text != "" {
				t.Errorf("subject %q", text)
			}
		}
	})
}

func TestA005_SubjectsThatAreNotUTF8(t *testing.T) {
	w := newWorld(t, setup{})
	for _, tail := range []string{"\xff", "\xfe", `\ud800`} {
		w.provider.Misbehave(payload(`{"x":"a` + tail + `"}`))
		refused(t, w.signIn(t), usher.ReasonMalformed)
	}
}

func TestA027_ClaimsThatTwoReadersCouldConfuse(t *testing.T) {
	w := newWorld(t, setup{})
	for _, text := range []string{
		`{"sub":"eve"}`, `{"email":"eve@contoso.test"}`, `{"EMAIL":"eve@contoso.test"}`, `{"Sub":"eve"}`,
		`{"ISS":"https://evil.test"}`, "{\"\u017fub\":\"eve\"}", `{"x":{"a":1,"A":2}}`,
	} {
		w.provider.Misbehave(payload(text))
		refused(t, w.signIn(t), usher.ReasonMalformed)
	}
	w.provider.Misbehave(payload(`{"x":1}`))
	accepted(t, w.signIn(t))
}

func TestA028_ClaimsBeyondTheLimits(t *testing.T) {
	w := newWorld(t, setup{})
	for name, text := range map[string]string{
		"depth":   `{"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`,
		"count":   `{"x":[0` + strings.Repeat(",0", 100_000) + `]}`,
		"1e400":   `{"x":1e400}`,
		"NaN":     `{"x":NaN}`,
		"garbage": `{"x"}`,
		"tail":    `{"x":1}{}`,
	} {
		t.Run(name, func(t *testing.T) {
			w.provider.Misbehave(payload(text))
			refused(t, w.signIn(t), usher.ReasonMalformed)
		})
	}
	t.Run("not an object", func(t *testing.T) {
		w.provider.Misbehave(idptest.Tamper{Payload: func([]byte) []byte { return []byte(`"ada"`) }})
		refused(t, w.signIn(t), usher.ReasonMalformed)
	})
}

func TestF026_ClockOfTheProvider(t *testing.T) {
	for name, c := range map[string]struct {
		ahead time.Duration
		want  usher.Reason
	}{
		"30 s ahead":    {30 * time.Second, ""},
		"30 s behind":   {-30 * time.Second, ""},
		"10 min ahead":  {10 * time.Minute, usher.ReasonNotYetValid},
		"10 min behind": {-10 * time.Minute, usher.ReasonExpired}, // its tokens live for five minutes
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{provider: func(p *idptest.Config) {
				now := p.Now
				p.Now = func() time.Time { return now().Add(c.ahead) }
			}})
			if a := w.signIn(t); c.want == "" {
				accepted(t, a)
			} else {
				refused(t, a, c.want)
			}
		})
	}
}

// brokenAnswers is every way in which an endpoint can fail to give a document.
func brokenAnswers() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"500":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "leak", http.StatusInternalServerError) },
		"404":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "leak", http.StatusNotFound) },
		"empty":    func(http.ResponseWriter, *http.Request) {},
		"no keys":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) },
		"{}":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) },
		"HTML":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>leak")) },
		"cut off":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) },
		"never": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server see the caller leave
			<-r.Context().Done()
		},
	}
}

// hurried makes a client that waits for a tenth of a second.
func hurried(t *testing.T, w *world) {
	t.Helper()
	client := *w.client
	client.Timeout = 100 * time.Millisecond
	w.client = &client
}

func TestF028_KeysCanNotBeHad(t *testing.T) {
	for name, serve := range brokenAnswers() {
		t.Run(name, func(t *testing.T) {
			broken := idptest.Tamper{Serve: map[string]http.HandlerFunc{idptest.JWKS: serve}}
			w := newWorld(t, setup{})
			if name == "never" {
				hurried(t, w)
				w.connector = w.connect(nil)
			}
			accepted(t, w.signIn(t))
			w.provider.Misbehave(broken)
			for _, pass := range []time.Duration{0, 2 * time.Hour, 20 * time.Hour} {
				w.pass(pass)
				accepted(t, w.signIn(t)) // by the keys had before
			}
			w.provider.RotateKeys()
			refused(t, w.signIn(t), usher.ReasonSignature)
			w.pass(2 * time.Hour) // a day after they were had
			refused(t, w.signIn(t), usher.ReasonUpstreamKeys)
			w.provider.Misbehave(idptest.Tamper{})
			w.pass(pause)
			accepted(t, w.signIn(t))

			w.connector = w.connect(nil)
			w.provider.Misbehave(broken)
			a := w.signIn(t)
			refused(t, a, usher.ReasonUpstreamKeys)
			if strings.Contains(a.Fault.Detail, "leak") {
				t.Errorf("detail %q", a.Fault.Detail)
			}
			before := w.provider.Hits(idptest.JWKS)
			refused(t, w.signIn(t), usher.ReasonUpstreamKeys)
			if n := w.provider.Hits(idptest.JWKS); n != before {
				t.Errorf("asked again at once")
			}
		})
	}
}

func TestF029_ProviderAwayAtTheStart(t *testing.T) {
	w := newWorld(t, setup{})
	healthy := newWorld(t, setup{})
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	closed := w.connect(func(c *Config) { c.Issuer = away.URL })
	if _, err := closed.Begin(t.Context(), w.ask); usher.KindOf(err) != usher.Unavailable {
		t.Errorf("a closed port: %v", err)
	}
	accepted(t, healthy.signIn(t))

	for name, serve := range brokenAnswers() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			if name == "never" {
				hurried(t, w)
				w.connector = w.connect(nil)
			}
			w.provider.Misbehave(idptest.Tamper{Serve: map[string]http.HandlerFunc{idptest.Discovery: serve}})
			for range 3 {
				_, err := w.connector.Begin(t.Context(), w.ask)
				if usher.KindOf(err) != usher.Unavailable || usher.Shown(err) == "" || strings.Contains(err.Error(), "leak") {
					t.Errorf("Begin: %v", err)
				}
			}
			if n := w.provider.Hits(idptest.Discovery); n != 1 {
				t.Errorf("asked %d times within the pause", n)
			}
			w.provider.Misbehave(idptest.Tamper{})
			w.pass(pause)
			accepted(t, w.signIn(t))
			// Once had, it serves while it can't be had again.
			w.provider.Misbehave(idptest.Tamper{Serve: map[string]http.HandlerFunc{idptest.Discovery: serve}})
			w.pass(2 * time.Hour)
			accepted(t, w.signIn(t))
			w.pass(stale)
			a := idp.Arrival{RedirectURI: redirectURI, Now: w.now()}
			a.Params = map[string][]string{"code": {"x"}, "iss": {w.server.URL}}
			a.Keep = []byte(`{"nonce":"n","verifier":"v","issuer":"` + w.server.URL + `"}`)
			if got := w.connector.Finish(t.Context(), a).Fault.Reason; got != usher.ReasonUpstreamUnreachable && got != usher.ReasonUpstreamInvalid {
				t.Errorf("a day later: fault %q", got)
			}
		})
	}
}

func TestF030_TokenEndpointFails(t *testing.T) {
	for name, want := range map[string]usher.Reason{
		"500": usher.ReasonUpstreamUnreachable, "404": usher.ReasonUpstreamRefused, "empty": usher.ReasonUpstreamInvalid,
		"{}": usher.ReasonUpstreamInvalid, "HTML": usher.ReasonUpstreamInvalid, "cut off": usher.ReasonUpstreamUnreachable,
		"redirect": usher.ReasonUpstreamUnreachable, "never": usher.ReasonUpstreamUnreachable,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			hurried(t, w)
			w.connector = w.connect(nil)
			a := w.begin(t)
			w.provider.Misbehave(idptest.Tamper{Serve: map[string]http.HandlerFunc{idptest.Token: brokenAnswers()[name]}})
			began := time.Now()
			got := w.connector.Finish(context.Background(), a)
			refused(t, got, want)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if strings.Contains(got.Fault.Detail, "leak") {
				t.Errorf("detail %q", got.Fault.Detail)
			}
			if n := w.provider.Hits(idptest.Token); n != 1 {
				t.Errorf("%d token requests, want 1", n)
			}
		})
	}
}

// The guard of the client holds for what a provider's metadata names.
func TestA060_EndpointsInsideAreNotCalled(t *testing.T) {
	w := newWorld(t, setup{})
	w.client = outbound.New(outbound.Options{AllowHTTP: true})
	w.connector = w.connect(nil)
	if _, err := w.connector.Begin(t.Context(), w.ask); usher.KindOf(err) != usher.Unavailable {
		t.Errorf("Begin: %v", err)
	}
	if n := w.provider.Hits(idptest.Discovery); n != 0 {
		t.Errorf("the provider at 127.0.0.1 was called %d times", n)
	}
}
