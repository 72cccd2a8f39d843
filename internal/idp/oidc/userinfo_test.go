package oidc

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idptest"
)

func lean(p *idptest.Config) { p.Lean = true }

func asks(how string, wants ...string) func(*Config) {
	return func(c *Config) { c.Userinfo, c.Wants = how, wants }
}

func TestUserinfoIsAskedWhenNeeded(t *testing.T) {
	for name, c := range map[string]struct {
		how    string
		wants  []string
		claims func(map[string]any)
		asked  int
	}{
		"nothing wanted":  {"", nil, nil, 0},
		"all there":       {UserinfoAuto, []string{"email", "groups", "sub"}, nil, 0},
		"one missing":     {"", []string{"email", "phone_number"}, nil, 1},
		"there, but null": {"", []string{"nickname"}, func(c map[string]any) { c["nickname"] = nil }, 0},
		"withheld":        {"", []string{"groups"}, func(c map[string]any) { delete(c, "groups"); c["hasgroups"] = true }, 0},
		"never":           {UserinfoNever, []string{"phone_number"}, nil, 0},
		"always":          {UserinfoAlways, nil, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{connector: asks(c.how, c.wants...)})
			w.provider.Misbehave(idptest.Tamper{Claims: c.claims})
			accepted(t, w.signIn(t))
			if got := w.provider.Hits(idptest.Userinfo); got != c.asked {
				t.Errorf("asked %d times, want %d", got, c.asked)
			}
		})
	}
	t.Run("no endpoint", func(t *testing.T) {
		without := idptest.Tamper{Discovery: func(doc map[string]any) { delete(doc, "userinfo_endpoint") }}
		w := newWorld(t, setup{connector: asks(UserinfoAuto, "phone_number")})
		w.provider.Misbehave(without)
		accepted(t, w.signIn(t))
		w = newWorld(t, setup{connector: asks(UserinfoAlways)})
		w.provider.Misbehave(without)
		refused(t, w.signIn(t), usher.ReasonUserinfo)
	})
}

func TestUserinfoFillsWhatTheIDTokenLacks(t *testing.T) {
	w := newWorld(t, setup{provider: lean, connector: asks(UserinfoAuto, "email", "name")})
	w.provider.Misbehave(idptest.Tamper{
		Claims: func(c map[string]any) { c["name"], c["acr"] = "Ada of the token", "gold" },
		Userinfo: func(c map[string]any) {
			c["acr"], c["auth_time"], c["amr"], c["iss"] = "silver", 1, []string{"x"}, "https://evil.test"
		},
	})
	a := w.signIn(t)
	accepted(t, a)
	email, _ := a.Claims.Get("email").Text()
	name, _ := a.Claims.Get("name").Text()
	iss, _ := a.Claims.Get("iss").Text()
	if email != "ada@contoso.test" || name != "Ada of the token" || iss != w.server.URL {
		t.Errorf("email %q, name %q, iss %q", email, name, iss)
	}
	if a.ACR != "gold" || a.AMR != nil || a.AuthTime != usher.Instant(w.now().UnixMicro()) {
		t.Errorf("userinfo had a say in how the person was authenticated: %q %v %d", a.ACR, a.AMR, a.AuthTime)
	}
}

func TestA010_VerifiedFlagsArriveUntouched(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		kind  usher.ValueKind
		text  string
	}{
		"absent": {nil, usher.Absent, "null"}, "true": {true, usher.Bool, "true"}, "text true": {"true", usher.String, `"true"`},
		"1": {1, usher.Number, "1"}, "text false": {"false", usher.String, `"false"`}, "null": {json.RawMessage("null"), usher.Null, "null"},
	} {
		t.Run(name, func(t *testing.T) {
			change := func(claims map[string]any) {
				if claims["email_verified"] = c.value; c.value == nil {
					delete(claims, "email_verified")
				}
			}
			for _, s := range []setup{{}, {provider: lean, connector: asks(UserinfoAuto, "email")}} {
				w := newWorld(t, s)
				if s.provider == nil {
					w.provider.Misbehave(idptest.Tamper{Claims: change})
				} else {
					w.provider.Misbehave(idptest.Tamper{Userinfo: change})
				}
				a := w.signIn(t)
				accepted(t, a)
				got := a.Claims.Get("email_verified")
				if text, _ := json.Marshal(got); got.Kind() != c.kind || string(text) != c.text {
					t.Errorf("%v %s", got.Kind(), text)
				}
			}
		})
	}
}

func TestA049_UserinfoOfSomeoneElse(t *testing.T) {
	w := newWorld(t, setup{provider: lean, connector: asks(UserinfoAuto, "email")})
	for name, sub := range map[string]any{
		"other": "eve", "empty": "", "missing": nil, "a number": 7, "with a space": "ada ", "in capitals": "ADA", "a list": []string{"ada"},
		"composed otherwise": "a\u0301da",
	} {
		t.Run(name, func(t *testing.T) {
			w.provider.Misbehave(idptest.Tamper{Userinfo: func(c map[string]any) {
				if c["sub"] = sub; sub == nil {
					delete(c, "sub")
				}
			}})
			refused(t, w.signIn(t), usher.ReasonUserinfoSubject)
		})
	}
	t.Run("signed", func(t *testing.T) {
		w.provider.Misbehave(idptest.Tamper{Serve: map[string]http.HandlerFunc{
			idptest.Userinfo: func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", "application/jwt; charset=utf-8")
				_, _ = rw.Write([]byte(`{"sub":"ada"}`))
			},
		}})
		refused(t, w.signIn(t), usher.ReasonUserinfo)
	})
}

func TestA050_PairsComeFromOneDocument(t *testing.T) {
	type doc = map[string]any
	for name, c := range map[string]struct{ token, info, want doc }{
		"flag in the token, address in userinfo": {
			doc{"email_verified": true, "phone_number_verified": true}, doc{"email": "a@x.test", "phone_number": "+1"},
			doc{"email": "a@x.test", "phone_number": "+1"}},
		"address in the token, flag in userinfo": {
			doc{"email": "a@x.test"}, doc{"email_verified": true, "email": "b@x.test"}, doc{"email": "a@x.test"}},
		"flag true in the token, false in userinfo": {
			doc{"email_verified": true}, doc{"email": "a@x.test", "email_verified": false}, doc{"email": "a@x.test", "email_verified": false}},
		"all in the token": {
			doc{"email": "a@x.test", "email_verified": false}, doc{"email": "a@x.test", "email_verified": true},
			doc{"email": "a@x.test", "email_verified": false}},
		"null in the token": {
			doc{"email": nil}, doc{"email": "a@x.test", "email_verified": true}, doc{"email": nil}},
		"no address": {doc{"email_verified": true}, doc{"x": 1}, doc{"x": 1}},
		"all in userinfo": {
			doc{}, doc{"email": "a@x.test", "email_verified": true}, doc{"email": "a@x.test", "email_verified": true}},
	} {
		if got, want := merge(value(t, c.token), value(t, c.info)), value(t, c.want); !same(got, want) {
			text, _ := json.Marshal(got)
			t.Errorf("%s: %s", name, text)
		}
	}
	w := newWorld(t, setup{provider: lean, connector: asks(UserinfoAuto, "email")})
	w.provider.Misbehave(idptest.Tamper{
		Claims:   func(c map[string]any) { c["email_verified"] = true },
		Userinfo: func(c map[string]any) { delete(c, "email_verified") },
	})
	a := w.signIn(t)
	accepted(t, a)
	if k := a.Claims.Get("email_verified").Kind(); k != usher.Absent {
		t.Errorf("email_verified is %v", k)
	}
}

func TestF031_UserinfoFails(t *testing.T) {
	for name, serve := range map[string]http.HandlerFunc{
		"500":         func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "leak", http.StatusInternalServerError) },
		"401":         func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "leak", http.StatusUnauthorized) },
		"204":         func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"redirect":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/jwks", http.StatusFound) },
		"HTML":        func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>leak</html>")) },
		"empty":       func(http.ResponseWriter, *http.Request) {},
		"cut off":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"sub twice":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"sub":"eve","sub":"ada"}`)) },
		"Sub as well": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"sub":"ada","Sub":"eve"}`)) },
		"too large": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat(" ", 2<<20) + `{"sub":"ada"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{provider: lean, connector: asks(UserinfoAuto, "email")})
			w.provider.Misbehave(idptest.Tamper{Serve: map[string]http.HandlerFunc{idptest.Userinfo: serve}})
			a := w.signIn(t)
			refused(t, a, usher.ReasonUserinfo)
			if strings.Contains(a.Fault.Detail, "leak") {
				t.Errorf("detail %q", a.Fault.Detail)
			}
		})
	}
}

func TestA035_GroupsThatAreElsewhere(t *testing.T) {
	for name, c := range map[string]struct {
		claims func(map[string]any)
		want   []string
	}{
		"sent":     {nil, nil},
		"not sent": {func(c map[string]any) { delete(c, "groups") }, nil},
		"overage": {func(c map[string]any) {
			delete(c, "groups")
			c["_claim_names"] = map[string]any{"groups": "src1"}
			c["_claim_sources"] = map[string]any{"src1": map[string]any{"endpoint": "https://graph.test/x"}}
		}, []string{"groups"}},
		"hasgroups":       {func(c map[string]any) { delete(c, "groups"); c["hasgroups"] = true }, []string{"groups"}},
		"hasgroups, text": {func(c map[string]any) { c["hasgroups"] = "true" }, []string{"groups"}},
		"hasgroups false": {func(c map[string]any) { c["hasgroups"] = false }, nil},
		"groups:src1":     {func(c map[string]any) { delete(c, "groups"); c["groups:src1"] = "https://graph.test/x" }, []string{"groups"}},
		"all of them, and roles": {func(c map[string]any) {
			c["hasgroups"], c["groups:src1"] = true, ""
			c["_claim_names"] = map[string]any{"roles": "a", "groups": "a"}
			c["_claim_sources"] = map[string]any{"a": map[string]any{"JWT": "x.y.z"}}
		}, []string{"groups", "roles"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, from := range []string{"token", "userinfo"} {
				w := newWorld(t, setup{connector: asks(UserinfoAlways)})
				tamper := idptest.Tamper{Claims: c.claims}
				if from == "userinfo" {
					tamper = idptest.Tamper{Userinfo: c.claims}
				}
				w.provider.Misbehave(tamper)
				a := w.signIn(t)
				accepted(t, a)
				if !slices.Equal(a.Incomplete, c.want) {
					t.Errorf("%s: incomplete %v, want %v", from, a.Incomplete, c.want)
				}
			}
		})
	}
}

func TestA041_ClaimSourcesAreNotVisited(t *testing.T) {
	var visits atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	defer evil.Close()
	point := func(c map[string]any) {
		c["_claim_names"] = map[string]any{"groups": "src1", "address": "src2"}
		c["_claim_sources"] = map[string]any{
			"src1": map[string]any{"endpoint": evil.URL + "/groups", "access_token": "x"},
			"src2": map[string]any{"JWT": "e30.e30.e30"},
		}
		c["picture"], c["groups:src1"] = evil.URL+"/p.png", evil.URL
	}
	w := newWorld(t, setup{connector: asks(UserinfoAlways)})
	w.provider.Misbehave(idptest.Tamper{Claims: point, Userinfo: point})
	a := w.signIn(t)
	accepted(t, a)
	if want := []string{"address", "groups"}; !slices.Equal(a.Incomplete, want) {
		t.Errorf("incomplete %v, want %v", a.Incomplete, want)
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("visited %d times", n)
	}
}
