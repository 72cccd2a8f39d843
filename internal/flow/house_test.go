package flow_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/pattern"
	"github.com/usher-id/usher/internal/provision"
)

// house is a world in which everything is decided and applied as it really is.
// Only the providers' answers are made up.
type house struct {
	*world
	real     *provision.Path
	policies map[string]usher.Policy   // by provider
	people   map[string]usher.Identity // by subject
}

// newHouse has providers whose newcomers get an account after they were asked
// in that way.
func newHouse(t *testing.T, way usher.Way, names ...string) *house {
	t.Helper()
	h := &house{world: newWorld(t, names...), policies: map[string]usher.Policy{}, people: map[string]usher.Identity{}}
	h.world.house = h
	for _, p := range append([]string{usher.LocalIdP}, names...) {
		name, _, _ := strings.Cut(p, ":")
		h.policies[name] = standard(name, way)
	}
	h.person("ada", "ada", "ada@contoso.test")
	h.person("bob", "bob", "bob@contoso.test")
	h.restart()
	return h
}

func on(name string) usher.Toggle { return usher.Toggle{Name: name, Enabled: true} }

// standard is a policy with one mandatory and one optional purpose, if it asks.
func standard(idp string, way usher.Way) usher.Policy {
	p := usher.Policy{
		Tenant: on(usher.DefaultTenant), IdP: on(idp), Application: usher.Application{Toggle: on("payroll")},
		Stores: []usher.StorePolicy{{Toggle: on(usher.PrimaryStore), Unique: []string{"email"}}},
	}
	if idp == usher.LocalIdP {
		return p
	}
	p.JIT = usher.JIT{
		Enabled: true, Store: usher.StoreChoice{Name: usher.PrimaryStore}, Ask: way, NoMatch: usher.NoMatchCreate,
		UsernameConflict: usher.ConflictDeny, VouchesFor: []string{"contoso.test"}, Sync: usher.Sync{Attributes: usher.SyncOverride, Groups: usher.GroupsNone},
	}
	if way.AsksConsent() {
		p.Purposes = []usher.Purpose{
			{Name: "account", Version: 1, Mandatory: true, Attributes: []usher.PurposeAttribute{{Name: "email", Mandatory: true}}},
			{Name: "calls", Version: 2, Attributes: []usher.PurposeAttribute{{Name: "phone"}}},
		}
	}
	return p
}

// change changes the policy of a provider.
func (h *house) change(idp string, fn func(*usher.Policy)) {
	p := h.policies[idp]
	fn(&p)
	h.policies[idp] = p
}

// person is somebody whom providers vouch for under that subject.
func (h *house) person(subject, username, email string, attributes ...string) {
	id := usher.Identity{
		Username: usher.Derived{Presence: usher.PresenceSet, Values: []string{username}, Rule: "mapping.username"},
		Groups:   usher.Derived{Presence: usher.PresenceAbsent},
	}
	for i := 0; i+1 < len(attributes); i += 2 {
		id.Attributes = append(id.Attributes, usher.Attribute{Name: attributes[i], Derived: usher.Derived{
			Presence: usher.PresenceSet, Values: []string{attributes[i+1]}, Rule: "mapping.attributes." + attributes[i]}})
		h.secret(attributes[i+1])
	}
	id.Attributes = append(id.Attributes, usher.Attribute{Name: "email", Verified: true, Derived: usher.Derived{
		Presence: usher.PresenceSet, Values: []string{email}, Rule: "mapping.attributes.email"}})
	slices.SortFunc(id.Attributes, func(a, b usher.Attribute) int { return strings.Compare(a.Name, b.Name) })
	h.secret(email)
	h.people[subject] = id
}

func (h *house) open() *provision.Path {
	h.real = provision.New(provision.Config{
		Ledger: h.ledger, Log: slog.New(slog.NewJSONHandler(h.log, nil)), Now: h.clock,
		Policies: func(_, idp, _ string) (usher.Policy, provision.Mapper) {
			p, ok := h.policies[idp]
			if !ok {
				p = usher.Policy{Tenant: on(usher.DefaultTenant)}
			}
			digest, err := json.Marshal(p)
			if err != nil {
				h.t.Fatal(err)
			}
			p.Version = fmt.Sprintf("%x", digest)
			return p, h
		},
	})
	return h.real
}

// Map implements provision.Mapper.
func (h *house) Map(a usher.Assertion) usher.Identity {
	subject, _ := a.Subject.Text()
	id := h.people[subject]
	id.Tenant, id.IdP, id.Issuer, id.Subject, id.Fault, id.AMR, id.ACR = a.Tenant, a.IdP, a.Issuer, a.Subject, a.Fault, a.AMR, a.ACR
	id.Admission = usher.Admission{Admitted: true}
	return id
}

// rows counts what is in the tables that are about people; those that only grow
// by a sign-in's own traces are not among them.
func (h *house) rows() map[string]int {
	h.t.Helper()
	db, err := sql.Open("sqlite", h.file+"?_pragma=busy_timeout(5000)")
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	out := map[string]int{}
	var all string
	if err := db.QueryRowContext(context.Background(), `SELECT group_concat(name, ' ') FROM sqlite_schema WHERE type = 'table'`).Scan(&all); err != nil {
		h.t.Fatal(err)
	}
	for _, name := range strings.Fields(all) {
		var n int
		if err := db.QueryRowContext(context.Background(), `SELECT count(*) FROM "`+name+`"`).Scan(&n); err != nil {
			h.t.Fatal(err)
		}
		out[name] = n
	}
	return out
}

// grown lists the tables that have more rows than before.
func grown(before, after map[string]int) []string {
	var out []string
	for name, n := range after {
		if n > before[name] {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// account is who has that username, if anybody.
func (h *house) account(username string) (usher.Account, bool) {
	h.t.Helper()
	db, err := sql.Open("sqlite", h.file+"?_pragma=busy_timeout(5000)")
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	var id string
	switch err := db.QueryRowContext(context.Background(), `SELECT id FROM account WHERE canonical = ?`, username).Scan(&id); {
	case err == sql.ErrNoRows:
		return usher.Account{}, false
	case err != nil:
		h.t.Fatal(err)
	}
	a, err := h.ledger.Account(context.Background(), usher.DefaultTenant, usher.PrimaryStore, usher.UserID(id))
	if err != nil {
		h.t.Fatal(err)
	}
	return a, true
}

// held is the first value of an attribute of an account.
func held(a usher.Account, name string) string {
	for _, h := range a.Attributes {
		if h.Name == name && len(h.Values) > 0 {
			return h.Values[0]
		}
	}
	return ""
}

// arrive signs in at a provider and comes back.
func (b *browser) arrive(provider, who string) answer {
	b.t.Helper()
	before := b.start.IdPHint
	b.start.IdPHint = provider
	defer func() { b.start.IdPHint = before }()
	return b.get(back(provider, b.leave(), who))
}

// prompted arrives and is asked: the page.
func (b *browser) prompted(provider, who string) answer {
	b.t.Helper()
	a := b.arrive(provider, who)
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, "/login/ask?login=") {
		b.t.Fatal("was not asked:", a)
	}
	return b.get(a.location)
}

var (
	loginField = regexp.MustCompile(`name="login" value="([^"]*)"`)
	namedField = regexp.MustCompile(`<(?:input|button)[^>]* name="([^"]*)"`)
)

// login is the sign-in that the forms of a page are for.
func (a answer) login() string {
	if found := loginField.FindStringSubmatch(a.body); found != nil {
		return html.UnescapeString(found[1])
	}
	return ""
}

// fields are the names of a page's fields, but for the sign-in and buttons.
func (a answer) fields() []string {
	var out []string
	for _, f := range namedField.FindAllStringSubmatch(a.body, -1) {
		if name := html.UnescapeString(f[1]); name != "login" && name != "do" && name != "idp" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// say answers the prompts of a page.
func (b *browser) say(page answer, pairs ...string) answer {
	b.t.Helper()
	form := url.Values{"login": {page.login()}, "do": {"continue"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	if strings.HasPrefix(form.Get("password"), "correct") {
		b.secret(form.Get("password"))
	}
	return b.do("POST", "/login/ask", form)
}

// again says something and follows it back to the prompts.
func (b *browser) again(page answer, pairs ...string) answer {
	b.t.Helper()
	a := b.say(page, pairs...)
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, "/login/ask?login=") {
		b.t.Fatal("not asked again:", a)
	}
	return b.get(a.location)
}

// admitted checks that a form's answer sends the person to the application.
func (b *browser) admitted(a answer) {
	b.t.Helper()
	if a.status != http.StatusOK || !strings.Contains(a.body, `content="0; url=https://app.test/cb?code=1`) || !b.live() {
		b.t.Fatal("not let in:", a)
	}
}

type ledgerReceipt = ledger.Receipt

var compile = pattern.Compile

// local gives a username and a password.
func (b *browser) local(login, username, password string) answer {
	b.t.Helper()
	b.secret(password)
	return b.do("POST", "/login/local", url.Values{"login": {login}, "username": {username}, "password": {password}})
}
