package main

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var (
	hiddenLogin = regexp.MustCompile(`name="login" value="([^"]+)"`)
	refreshTo   = regexp.MustCompile(`http-equiv="refresh" content="0; url=([^"]+)"`)
)

// post sends a form as a page of ours does.
func (b *browser) post(ctx context.Context, u string, form url.Values) (page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u, strings.NewReader(form.Encode()))
	if err != nil {
		return page{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(req)
}

// asks goes to the application by a provider and stops at the page that asks.
func (w *world) asks(t *testing.T, idp, person string) (*browser, page, asked) {
	t.Helper()
	b := newBrowser()
	b.header.Set(personHeader, person)
	to, a := w.authorize(url.Values{"idp_hint": {idp}})
	p, err := b.follow(t.Context(), to)
	if err != nil || p.status != http.StatusOK || p.location != "" || !hiddenLogin.MatchString(p.body) {
		t.Fatalf("nothing is asked: status %d, %s, %v\n%s", p.status, p.location, err, p.body)
	}
	return b, p, a
}

// answer answers the page that asks; the page it gives is the next one, or the
// way to the application.
func (w *world) answer(t *testing.T, b *browser, p page, fields url.Values) page {
	t.Helper()
	form := url.Values{"login": {hiddenLogin.FindStringSubmatch(p.body)[1]}, "do": {"continue"}}
	for k, v := range fields {
		form[k] = v
	}
	next, err := b.post(t.Context(), w.issuer+"/login/ask", form)
	if err != nil {
		t.Fatal(err)
	}
	if m := refreshTo.FindStringSubmatch(next.body); m != nil {
		next.location = html.UnescapeString(m[1])
	}
	if next.status == http.StatusSeeOther { // to another page of ours
		if next, err = b.follow(t.Context(), w.issuer+strings.TrimPrefix(next.location, w.issuer)); err != nil {
			t.Fatal(err)
		}
	}
	return next
}

// finish is the answer that lets the person in.
func (w *world) finish(t *testing.T, b *browser, p page, a asked, fields url.Values) tokens {
	t.Helper()
	next := w.answer(t, b, p, fields)
	tok, err := w.redeem(t.Context(), b, next, a)
	if err != nil {
		t.Fatalf("not let in: status %d, %v\n%s", next.status, err, next.body)
	}
	return tok
}

// here signs in with a username and a password.
func (w *world) here(t *testing.T, username, password string) (tokens, page) {
	t.Helper()
	b := newBrowser()
	to, a := w.authorize(url.Values{"idp_hint": {"local"}})
	p, err := b.follow(t.Context(), to)
	if err != nil || !hiddenLogin.MatchString(p.body) {
		t.Fatalf("no page for a password: %v\n%s", err, p.body)
	}
	next, err := b.post(t.Context(), w.issuer+"/login/local", url.Values{
		"login": {hiddenLogin.FindStringSubmatch(p.body)[1]}, "username": {username}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	m := refreshTo.FindStringSubmatch(next.body)
	if m == nil {
		return tokens{}, next
	}
	next.location = html.UnescapeString(m[1])
	tok, err := w.redeem(t.Context(), b, next, a)
	if err != nil {
		t.Fatal(err)
	}
	return tok, next
}

// jit is a provider's policy with that jit block.
func jit(block string) string { return mapping + "jit: { enabled: true, " + block + " }\n" }

// corp is a second user store, and what a person in it is.
const corp = "---\nkind: UserStore\nname: CORP\n"

// inStore lists the usernames of a store.
func (w *world) inStore(t *testing.T, name string) string {
	t.Helper()
	return fmt.Sprint(rows[string](t, w, "SELECT username FROM account WHERE store = ? ORDER BY username", name))
}
