package idptest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/usher-id/usher/internal/idptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const callback = "https://app.test/callback"

func config() idptest.Config {
	return idptest.Config{
		Name: "Contoso <&>", ClientID: "usher", ClientSecret: "s/3", RedirectURIs: []string{callback},
		People: []idptest.Person{
			{ID: "ada", Name: "Ada Byron", Story: "New here.", Claims: func(n int) map[string]any {
				return map[string]any{"email": "ada@contoso.test", "visit": n}
			}},
			{ID: "bob", Name: "Bob", Claims: idptest.Always(map[string]any{"sub": "b-1"})},
		},
	}
}

type fake struct {
	*idptest.Provider
	server *httptest.Server
	base   string
}

func start(t *testing.T, cfg idptest.Config) fake {
	t.Helper()
	p := idptest.New(cfg)
	s := httptest.NewServer(p)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		s.Close()
	})
	return fake{p, s, s.URL}
}

const verifier = "a-verifier-that-is-long-enough-for-the-standard"

func (f fake) request(more ...string) string {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"client_id": {"usher"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid email"}, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return f.base + "/authorize?" + q.Encode()
}

func (f fake) signIn(t *testing.T, person string, more ...string) url.Values {
	t.Helper()
	to, err := f.SignIn(t.Context(), http.DefaultClient, f.request(more...), person)
	if err != nil {
		t.Fatal(err)
	}
	return to.Query()
}

func (f fake) call(t *testing.T, method, path string, form url.Values, change func(*http.Request)) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if change != nil {
		change(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body := map[string]any{}
	_ = json.NewDecoder(res.Body).Decode(&body)
	return res.StatusCode, body
}

func exchange(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
}

func basic(id, secret string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
}

func TestSignInAndTokens(t *testing.T) {
	f := start(t, config())
	for n := 1; n <= 2; n++ {
		back := f.signIn(t, "ada")
		if back.Get("state") != "s" || back.Get("iss") != f.base {
			t.Errorf("response %v", back)
		}
		status, body := f.call(t, http.MethodPost, "/token", exchange(back.Get("code")), basic("usher", "s/3"))
		if status != http.StatusOK {
			t.Fatalf("status %d %v", status, body)
		}
		_, info := f.call(t, http.MethodGet, "/userinfo", nil, func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer "+body["access_token"].(string))
		})
		if info["sub"] != "ada" || info["name"] != "Ada Byron" || info["visit"] != float64(n) {
			t.Errorf("sign-in %d: userinfo %v", n, info)
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(body["id_token"].(string), ".")[1])
		var claims map[string]any
		if err != nil || json.Unmarshal(payload, &claims) != nil || claims["sub"] != "ada" || claims["nonce"] != "n" || claims["visit"] != float64(n) {
			t.Errorf("sign-in %d: ID token %s", n, payload)
		}
	}
	if f.Hits(idptest.Token) != 2 || f.Hits(idptest.JWKS) != 0 {
		t.Error("hits are not counted")
	}
}

func TestTokenRefuses(t *testing.T) {
	f := start(t, config())
	set := func(name, value string) func(url.Values) { return func(v url.Values) { v.Set(name, value) } }
	for name, c := range map[string]struct {
		form func(url.Values)
		auth func(*http.Request)
		want string
	}{
		"another code":     {set("code", "x"), basic("usher", "s/3"), "invalid_grant"},
		"another verifier": {set("code_verifier", "x"), basic("usher", "s/3"), "invalid_grant"},
		"no verifier":      {func(v url.Values) { v.Del("code_verifier") }, basic("usher", "s/3"), "invalid_grant"},
		"another address":  {set("redirect_uri", "https://evil.test"), basic("usher", "s/3"), "invalid_grant"},
		"another grant":    {set("grant_type", "password"), basic("usher", "s/3"), "unsupported_grant_type"},
		"wrong secret":     {nil, basic("usher", "x"), "invalid_client"},
		"another client":   {nil, basic("other", "s/3"), "invalid_client"},
		"no client":        {nil, nil, "invalid_client"},
		"no secret":        {set("client_id", "usher"), nil, "invalid_client"},
		"secret twice":     {set("client_secret", "s/3"), basic("usher", "s/3"), "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			form := exchange(f.signIn(t, "ada").Get("code"))
			if c.form != nil {
				c.form(form)
			}
			if _, body := f.call(t, http.MethodPost, "/token", form, c.auth); body["error"] != c.want {
				t.Errorf("%v, want %s", body, c.want)
			}
		})
	}
	form := exchange(f.signIn(t, "ada").Get("code"))
	f.call(t, http.MethodPost, "/token", form, basic("usher", "s/3"))
	if _, body := f.call(t, http.MethodPost, "/token", form, basic("usher", "s/3")); body["error"] != "invalid_grant" {
		t.Errorf("a code twice: %v", body)
	}
	if status, _ := f.call(t, http.MethodGet, "/userinfo", nil, basic("usher", "s/3")); status != http.StatusUnauthorized {
		t.Errorf("userinfo without a token: %d", status)
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	f := start(t, config())
	for name, more := range map[string][]string{
		"another client": {"client_id", "x"}, "another address": {"redirect_uri", "https://evil.test/"}, "no address": {"redirect_uri", ""},
	} {
		if to, err := f.SignIn(t.Context(), http.DefaultClient, f.request(more...), "ada"); err == nil {
			t.Errorf("%s: sent to %s", name, to)
		}
	}
	for want, more := range map[string][]string{
		"unsupported_response_type": {"response_type", "token"}, "invalid_scope": {"scope", "email"}, "invalid_request": {"code_challenge_method", "plain"},
	} {
		if back := f.signIn(t, "ada", more...); back.Get("error") != want || back.Has("code") {
			t.Errorf("%v, want %s", back, want)
		}
	}
	if back := f.signIn(t, "nobody", "prompt", "none"); back.Get("error") != "login_required" {
		t.Errorf("prompt=none: %v", back)
	}
	if back := f.signIn(t, "", "login_hint", "ada@contoso.test"); !back.Has("code") {
		t.Errorf("login_hint: %v", back)
	}
}

func TestPage(t *testing.T) {
	f := start(t, config())
	res, err := http.Get(f.request())
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, want := range []string{"<h1>", `lang="en"`, "Ada Byron", "New here.", ">AB<", "Contoso &lt;&amp;&gt;", `value="bob"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, "<script") || !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("the page may run scripts")
	}
	browser := *http.DefaultClient
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for person, want := range map[string]string{"bob": "code", "": "error", "nobody": "error"} {
		res, err := browser.PostForm(f.request(), url.Values{"person": {person}})
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		to, err := res.Location()
		if err != nil || !to.Query().Has(want) || to.Query().Get("state") != "s" {
			t.Errorf("choosing %q: %v %v", person, to, err)
		}
	}
}

func TestIssuerWithAPath(t *testing.T) {
	cfg := config()
	cfg.Issuer = "https://login.test/contoso/"
	f := start(t, cfg)
	status, doc := f.call(t, http.MethodGet, "/contoso/.well-known/openid-configuration", nil, nil)
	if status != http.StatusOK || doc["issuer"] != cfg.Issuer || doc["jwks_uri"] != "https://login.test/contoso/jwks" {
		t.Errorf("%d %v", status, doc)
	}
	for _, path := range []string{"/contoso/jwks", "/contoso/style.css"} {
		if status, _ := f.call(t, http.MethodGet, path, nil, nil); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestKeys(t *testing.T) {
	f := start(t, config())
	ids := func() []string {
		_, set := f.call(t, http.MethodGet, "/jwks", nil, nil)
		var out []string
		for _, k := range set["keys"].([]any) {
			out = append(out, k.(map[string]any)["kid"].(string))
			if _, private := k.(map[string]any)["d"]; private {
				t.Error("a private key is published")
			}
		}
		return out
	}
	first := ids()
	f.AddKey()
	if both := ids(); len(both) != 2 || both[0] != first[0] {
		t.Errorf("%v, then %v", first, both)
	}
	f.RotateKeys()
	if last := ids(); len(last) != 1 || slices.Contains(last, first[0]) {
		t.Errorf("after rotation %v", last)
	}
}
