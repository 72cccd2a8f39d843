package main

import (
	"net/http"
	"net/url"
	"os"
	"testing"
)

func TestPercentileIsTheNearestRank(t *testing.T) {
	values := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for p, want := range map[float64]float64{0: 1, 1: 1, 50: 5, 90: 9, 99: 10, 100: 10} {
		if got := percentile(values, p); got != want {
			t.Errorf("p%g is %g, want %g", p, got, want)
		}
	}
	if got := percentile(nil, 50); got != 0 {
		t.Errorf("of nothing: %g", got)
	}
}

func TestJarKeepsCookiesByHostName(t *testing.T) {
	j := jar{}
	at := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	res := func(line string) *http.Response { return &http.Response{Header: http.Header{"Set-Cookie": {line}}} }
	cookies := func(address string) string {
		req := &http.Request{URL: at(address), Header: http.Header{}}
		j.send(req)
		return req.Header.Get("Cookie")
	}
	j.take(at("http://a.test:1/x"), res("s=1; Secure; Path=/callback"))
	if got := cookies("http://a.test:2/"); got != "s=1" {
		t.Errorf("another port: %q", got)
	}
	if got := cookies("http://b.test:1/"); got != "" {
		t.Errorf("another host: %q", got)
	}
	j.take(at("http://a.test:1/x"), res("s=; Max-Age=0"))
	if got := cookies("http://a.test:1/"); got != "" {
		t.Errorf("after it was taken back: %q", got)
	}
}

func TestSubjectsReturnOrDoNot(t *testing.T) {
	o := options{mode: "returning", pool: 3}
	if o.subject(1) != o.subject(4) || o.subject(1) == o.subject(2) {
		t.Error("three people do not return in turn")
	}
	o.mode = "first"
	if o.subject(1) == o.subject(4) {
		t.Error("a new person came twice")
	}
}

func TestProcReadsItself(t *testing.T) {
	u := proc{"self", os.Getpid()}.read()
	if u.resident < 1<<20 || u.cpu < 0 {
		t.Errorf("%+v", u)
	}
	if gone := (proc{"gone", 1 << 30}).read(); gone != (usage{}) {
		t.Errorf("a process that is gone: %+v", gone)
	}
	if _, err := parseProcs("a=b"); err == nil {
		t.Error("a=b was taken for a process")
	}
}
