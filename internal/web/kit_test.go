package web_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/web"
	"github.com/usher-id/usher/internal/web/webtest"
)

const issuer = "https://id.example.test"

// macs is a Sealer.
type macs string

func (m macs) MAC(purpose string, parts ...string) []byte {
	h := hmac.New(sha256.New, []byte(m))
	for _, p := range append([]string{purpose}, parts...) {
		_, _ = io.WriteString(h, strconv.Itoa(len(p))+":"+p)
	}
	return h.Sum(nil)
}

// fixture is a kit with its log and a clock that stands still.
type fixture struct {
	*web.Kit
	log *bytes.Buffer
	now time.Time
}

func newKit(t *testing.T, issuer string, change ...func(*web.Config)) *fixture {
	t.Helper()
	f := &fixture{log: &bytes.Buffer{}, now: time.Unix(1_800_000_000, 0)}
	cfg := web.Config{
		Issuer: issuer, Log: slog.New(slog.NewJSONHandler(f.log, nil)), Sealer: macs("key"),
		Now: func() time.Time { return f.now },
	}
	for _, c := range change {
		c(&cfg)
	}
	k, err := web.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f.Kit = k
	return f
}

// get sends a request for the issuer's host through the kit's handler.
func (f *fixture) get(t *testing.T, h http.Handler, method, target string, change func(*http.Request)) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	f.Handler(h).ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// page is the body of an answer that must be a page in order.
func page(t *testing.T, res *http.Response) string {
	t.Helper()
	text := body(t, res)
	if got := res.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	for _, fault := range append(webtest.Faults(text), webtest.HeaderFaults(res.Header)...) {
		t.Error(fault)
	}
	return text
}

// lines are the log's records.
func (f *fixture) lines(t *testing.T) []map[string]any {
	t.Helper()
	var out []map[string]any
	for line := range strings.Lines(f.log.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		out = append(out, record)
	}
	return out
}

func TestNew_RefusesWhatIsNoIssuer(t *testing.T) {
	for _, issuer := range []string{
		"", "id.example.test", "ftp://id.example.test", "https://", "https://id.example.test/", "https://u@id.example.test",
		"https://id.example.test?x", "https://id.example.test#x", "https://id.example.test?", "https:id.example.test", ":",
	} {
		if _, err := web.New(web.Config{Issuer: issuer}); usher.KindOf(err) != usher.Invalid || usher.Shown(err) == "" {
			t.Errorf("%q: %v", issuer, err)
		}
	}
}

func ok(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "host "+r.Host+" path "+r.URL.Path)
}

func mux(pattern string, h http.HandlerFunc) *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc(pattern, h)
	return m
}

func TestA096_OnlyTheIssuersHostIsServed(t *testing.T) {
	for _, c := range []struct {
		issuer, host string
		served       bool
	}{
		{issuer, "id.example.test", true},
		{issuer, "ID.Example.test", true},
		{issuer, "id.example.test:443", true},
		{issuer, "id.example.test:80", false},
		{issuer, "id.example.test.", false},
		{issuer, "evil.test", false},
		{issuer, "id.example.test.evil.test", false},
		{issuer, "evil.test:443", false},
		{issuer, "", false},
		{issuer, "id.example.test@evil.test", false},
		{issuer, "\u212aid.example.test", false},
		{"http://localhost:8080", "localhost:8080", true},
		{"http://localhost:8080", "localhost", false},
		{"http://localhost:8080", "127.0.0.1:8080", false},
		{"http://[::1]", "[::1]:80", true},
		{"http://[::1]", "[::1]", true},
	} {
		f := newKit(t, c.issuer)
		res := f.get(t, mux("GET /{$}", ok), "GET", "/", func(r *http.Request) { r.Host = c.host })
		want := http.StatusMisdirectedRequest
		if c.served {
			want = http.StatusOK
		} else if text := page(t, res); strings.Contains(text, "evil") {
			t.Errorf("%s: the host is repeated: %s", c.host, text)
		}
		if res.StatusCode != want {
			t.Errorf("issuer %s, host %q: %d", c.issuer, c.host, res.StatusCode)
		}
	}
}

func TestA096_ForwardedHeadersChangeNothing(t *testing.T) {
	f := newKit(t, issuer)
	h := mux("GET /refused", func(w http.ResponseWriter, r *http.Request) {
		f.Refuse(w, r, usher.ReasonBusy, "fixed", &web.Back{Name: "App", URL: f.URL("/x")})
	})
	plain := page(t, f.get(t, h, "GET", issuer+"/refused", nil))
	forwarded := page(t, f.get(t, h, "GET", issuer+"/refused", func(r *http.Request) {
		for name, value := range map[string]string{
			"X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "http", "X-Forwarded-For": "10.0.0.1", "X-Forwarded-Prefix": "/evil",
			"Forwarded": "for=10.0.0.1;host=evil.test;proto=http", "X-Real-IP": "10.0.0.1", "X-Original-URL": "/evil", "X-Rewrite-URL": "/evil",
		} {
			r.Header.Set(name, value)
		}
	}))
	if plain != forwarded {
		t.Error("a header of a proxy changes the page")
	}
	if strings.Contains(f.log.String(), "evil") || strings.Contains(f.log.String(), "10.0.0.1") {
		t.Error("a header of a proxy is in the log:", f.log)
	}
}

func TestF060_PanicIsOnePageAndTheProcessLives(t *testing.T) {
	f := newKit(t, issuer)
	m := mux("GET /panic", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "promised", Value: "x"})
		panic("secret-value")
	})
	m.HandleFunc("GET /index", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Split(r.URL.Path, "/")[9])
	})
	m.HandleFunc("GET /ok", ok)
	for _, path := range []string{"/panic", "/index"} {
		res := f.get(t, m, "GET", issuer+path, nil)
		text := page(t, res)
		if res.StatusCode != http.StatusInternalServerError || !strings.Contains(text, "internal.error") {
			t.Errorf("%s: %d %s", path, res.StatusCode, text)
		}
		if len(res.Cookies()) != 0 {
			t.Error("a cookie of the failed request got out")
		}
		var ticket string
		for _, line := range f.lines(t) {
			if line["msg"] == "panic" {
				ticket, _ = line["correlation"].(string)
				if stack, _ := line["stack"].(string); !strings.Contains(stack, "kit_test.go") {
					t.Error("the log does not say where:", stack)
				}
			}
		}
		if reason, _, valid := f.ReadTicket(ticket); !valid || reason != usher.ReasonInternal || !strings.Contains(text, ticket) {
			t.Errorf("the page and the log do not share a ticket: %q", ticket)
		}
	}
	if strings.Contains(f.log.String(), "secret-value") {
		t.Error("the panic's value is in the log")
	}
	if res := f.get(t, m, "GET", issuer+"/ok", nil); res.StatusCode != http.StatusOK {
		t.Error("not served after a panic:", res.StatusCode)
	}
}

func TestF060_PanicInTheMiddleOfAnAnswerCutsIt(t *testing.T) {
	f := newKit(t, issuer)
	m := mux("GET /half", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic("boom")
	})
	m.HandleFunc("GET /abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for _, path := range []string{"/half", "/abort"} {
		func() {
			defer func() {
				if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // as net/http does
					t.Errorf("%s: %v", path, v)
				}
			}()
			f.get(t, m, "GET", issuer+path, nil)
		}()
	}
}

func TestA121_LogLinesHoldNothingThatWasSent(t *testing.T) {
	f := newKit(t, issuer)
	h := mux("/p/{name}", func(w http.ResponseWriter, r *http.Request) {
		web.Note(r, "the-correlation")
		ok(w, r)
	})
	f.get(t, h, "GET", issuer+"/p/al%0Aice?token=t0psecret&x=%1b[31m", func(r *http.Request) {
		r.Header.Set("Cookie", "c=t0psecret")
		r.Header.Set("User-Agent", "\"}\r\n{\"msg\":\"forged\"")
	})
	f.get(t, h, "EVIL", issuer+"/p/alice", nil)
	lines := f.lines(t)
	if len(lines) != 2 {
		t.Fatal(len(lines), "lines")
	}
	for _, line := range lines {
		if line["route"] != "/p/{name}" || line["status"] != 200.0 || line["correlation"] != "the-correlation" || line["ms"] != 0.0 {
			t.Error(line)
		}
	}
	if lines[0]["method"] != "GET" || lines[1]["method"] != "other" {
		t.Error(lines)
	}
	for _, sent := range []string{"al", "t0psecret", "forged", "EVIL"} {
		if strings.Contains(strings.ReplaceAll(f.log.String(), "the-correlation", ""), sent) {
			t.Errorf("%q is in the log: %s", sent, f.log)
		}
	}
}

func TestA095_EveryAnswerCarriesTheHeaders(t *testing.T) {
	f := newKit(t, issuer)
	m := mux("GET /ok", ok)
	f.Mount(m)
	m.Handle("POST /form", f.SameOrigin(http.HandlerFunc(ok)))
	for target, want := range map[string]int{"/ok": 200, "/none": 404, "/form": 405} {
		res := f.get(t, m, "GET", issuer+target, nil)
		if res.StatusCode != want {
			t.Errorf("%s: %d", target, res.StatusCode)
		}
		if want != 200 {
			page(t, res)
		}
		for _, fault := range webtest.HeaderFaults(res.Header) {
			t.Error(target, fault)
		}
		if res.Header.Get("Strict-Transport-Security") == "" || res.Header.Get("Cache-Control") != "no-store" {
			t.Error(target, res.Header)
		}
	}
	if allow := f.get(t, m, "GET", issuer+"/form", nil).Header.Get("Allow"); allow != "POST" {
		t.Errorf("Allow %q", allow)
	}
	plain := newKit(t, "http://localhost:1")
	res := plain.get(t, m, "GET", "http://localhost:1/ok", nil)
	if res.StatusCode != 200 || res.Header.Get("Strict-Transport-Security") != "" {
		t.Error("HSTS over http:", res.StatusCode, res.Header)
	}
}

func TestSameOrigin_RefusesForeignForms(t *testing.T) {
	f := newKit(t, issuer)
	m := http.NewServeMux()
	m.Handle("POST /form", f.SameOrigin(http.HandlerFunc(ok)))
	for _, c := range []struct {
		header, value string
		want          int
	}{
		{"Sec-Fetch-Site", "same-origin", 200},
		{"Sec-Fetch-Site", "none", 200},
		{"Sec-Fetch-Site", "same-site", 403},
		{"Sec-Fetch-Site", "cross-site", 403},
		{"Origin", issuer, 200},
		{"Origin", "https://evil.test", 403},
		{"Origin", "null", 403},
	} {
		res := f.get(t, m, "POST", issuer+"/form", func(r *http.Request) { r.Header.Set(c.header, c.value) })
		if res.StatusCode != c.want {
			t.Errorf("%s %s: %d", c.header, c.value, res.StatusCode)
		}
		if c.want == 403 && !strings.Contains(page(t, res), "request.cross_origin") {
			t.Error("no reason on the page")
		}
	}
}

func TestHandler_BoundsTheBody(t *testing.T) {
	f := newKit(t, issuer)
	var read int
	var err error
	h := mux("POST /", func(_ http.ResponseWriter, r *http.Request) {
		var b []byte
		b, err = io.ReadAll(r.Body)
		read = len(b)
	})
	for size, want := range map[int]int{web.MaxBody: web.MaxBody, web.MaxBody + 1: web.MaxBody, 1 << 20: web.MaxBody} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", issuer+"/", bytes.NewReader(make([]byte, size)))
		f.Handler(h).ServeHTTP(httptest.NewRecorder(), r)
		if read != want || (err != nil) != (size > web.MaxBody) {
			t.Errorf("%d bytes: read %d, %v", size, read, err)
		}
	}
}

func TestHandler_ServesBelowTheIssuersPath(t *testing.T) {
	f := newKit(t, issuer+"/usher")
	m := mux("GET /login", ok)
	f.Mount(m)
	for target, want := range map[string]int{"/usher/login": 200, "/login": 404, "/usherlogin": 404, "/usher": 404, "/usher/": 404} {
		res := f.get(t, m, "GET", issuer+target, nil)
		if res.StatusCode != want {
			t.Errorf("%s: %d", target, res.StatusCode)
		}
		if want != 200 {
			text := page(t, res)
			style, _, _ := strings.Cut(strings.SplitN(text, `rel="stylesheet" href="`, 2)[1], `"`)
			if css := f.get(t, m, "GET", issuer+style, nil); css.StatusCode != 200 || css.Header.Get("Content-Type") != "text/css; charset=utf-8" {
				t.Error("the style sheet:", style, css.StatusCode)
			}
		}
	}
	if f.URL("/a") != issuer+"/usher/a" || f.Path("/a") != "/usher/a" {
		t.Error(f.URL("/a"), f.Path("/a"))
	}
	if lines := f.lines(t); len(lines) == 0 || !strings.Contains(f.log.String(), `"GET /login"`) {
		t.Error("no route in the log:", f.log)
	}
}

func TestServer_HasEveryLimit(t *testing.T) {
	s := web.Server("127.0.0.1:0", http.HandlerFunc(ok))
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes != 32<<10 {
		t.Errorf("%+v", s)
	}
}

// requestIn asks for a language.
func requestIn(language string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Accept-Language", language) }
}
