package main

import (
	"flag"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idptest"
)

// rounds is how often the races are run: one is enough to see a rule broken,
// many to trust that it is not.
var rounds = flag.Int("rounds", 50, "how often the races are run")

const createPolicy = mapping + "jit: { enabled: true, usernameConflict: deny, sync: { groupMap: { eng: [platform] } } }\n"

// outcome is one sign-in of a race.
type outcome struct {
	status int
	sub    string
	body   string
	err    error
}

// race signs everybody in at the same moment, each in a browser of their own.
func (w *world) race(t *testing.T, n int, who func(i int) (idp, person string)) []outcome {
	t.Helper()
	out := make([]outcome, n)
	gate := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-gate
			idp, person := who(i)
			tok, p, err := w.signIn(t.Context(), idp, person)
			out[i] = outcome{p.status, tok.Claims.Sub, p.body, err}
		})
	}
	close(gate)
	all.Wait()
	for _, o := range out {
		if o.err != nil || o.status >= http.StatusInternalServerError {
			t.Fatalf("status %d, %v\n%s", o.status, o.err, o.body)
		}
	}
	return out
}

// subs counts those who were let in, and the different persons they became.
func subs(out []outcome) (admitted int, persons map[string]int) {
	persons = map[string]int{}
	for _, o := range out {
		if o.sub != "" {
			admitted++
			persons[o.sub]++
		}
	}
	return admitted, persons
}

// Two hundred first sign-ins of one person at once: all are let in, as one
// account with one link.
func TestF001_P063_TwoHundredFirstSignInsOfOnePerson(t *testing.T) {
	const n = 200
	var people []idptest.Person
	for i := range *rounds {
		people = append(people, person(fmt.Sprintf("s-%d", i), fmt.Sprintf("ann%d", i), "eng"))
	}
	w := newWorld(t, upstream{name: "contoso", policy: createPolicy, people: people})
	for i := range *rounds {
		admitted, persons := subs(w.race(t, n, func(int) (string, string) { return "contoso", people[i].ID }))
		if admitted != n || len(persons) != 1 {
			t.Fatalf("round %d: %d of %d let in, as %d persons; decided %v", i, admitted, n, len(persons),
				rows[string](t, w, "SELECT DISTINCT reason FROM decision"))
		}
		for table, want := range map[string]int{"account": 1, "link": 1, "membership": 1, "granted": 1, "session": n, "decision": n} {
			if got := w.count(t, table); got != want*(i+1) {
				t.Fatalf("round %d: %d rows in %s, want %d", i, got, table, want*(i+1))
			}
		}
	}
}

// crowd is eight providers. In each round, each of them asserts somebody of its
// own with the same name.
func crowd(conflict string) []upstream {
	var out []upstream
	for i := range 8 {
		u := upstream{name: fmt.Sprintf("idp%d", i), policy: mapping + "jit: { enabled: true, usernameConflict: " + conflict + " }\n"}
		for round := range *rounds {
			p := person(fmt.Sprintf("s-%d", round), fmt.Sprintf("ann%d-", round))
			p.Claims = idptest.Always(map[string]any{"preferred_username": fmt.Sprintf("ann%d-", round), "email": fmt.Sprintf("ann%d@idp%d.test", round, i), "email_verified": true})
			u.people = append(u.people, p)
		}
		out = append(out, u)
	}
	return out
}

// crowded runs one round of a crowd.
func (w *world) crowded(t *testing.T, round int) []outcome {
	t.Helper()
	return w.race(t, 8, func(i int) (string, string) { return fmt.Sprintf("idp%d", i), fmt.Sprintf("s-%d", round) })
}

// Eight providers assert one username at once: under deny one gets it and the
// others are refused with the reason, never with an error.
func TestF004_P050_EightProvidersOneUsernameDeny(t *testing.T) {
	w := newWorld(t, crowd("deny")...)
	for round := range *rounds {
		out := w.crowded(t, round)
		admitted, _ := subs(out)
		refused := 0
		for _, o := range out {
			if o.status == http.StatusForbidden && strings.Contains(o.body, "create.username_taken") {
				refused++
			}
		}
		if admitted != 1 || refused != 7 {
			t.Fatalf("round %d: %d let in and %d refused with create.username_taken", round, admitted, refused)
		}
		if a, l := w.count(t, "account"), w.count(t, "link"); a != round+1 || l != round+1 {
			t.Fatalf("round %d: %d accounts and %d links, want one each round", round, a, l)
		}
	}
}

// The same under suffix: eight accounts with eight names.
func TestF004_EightProvidersOneUsernameSuffix(t *testing.T) {
	w := newWorld(t, crowd("suffix")...)
	for round := range *rounds {
		if admitted, persons := subs(w.crowded(t, round)); admitted != 8 || len(persons) != 8 {
			t.Fatalf("round %d: %d let in as %d persons, want 8 and 8", round, admitted, len(persons))
		}
		if a, l := w.count(t, "account"), w.count(t, "link"); a != 8*(round+1) || l != 8*(round+1) {
			t.Fatalf("round %d: %d accounts and %d links, want eight each round", round, a, l)
		}
	}
}

// Eight providers assert one person at once, by a verified address for whose
// domain each of them vouches, and the rule is auto: one account, eight links.
func TestP053_P063_EightProvidersOnePersonAuto(t *testing.T) {
	var ups []upstream
	for i := range 8 {
		u := upstream{name: fmt.Sprintf("idp%d", i), policy: "vouchesFor: [contoso.test]\n" + mapping +
			"jit: { enabled: true, usernameConflict: suffix, link: { rules: [ { match: email, when: auto } ] } }\n"}
		for round := range *rounds {
			p := person(fmt.Sprintf("s-%d-%d", i, round), fmt.Sprintf("ann%d-%d", round, i))
			p.Claims = idptest.Always(map[string]any{"preferred_username": p.Name, "email": fmt.Sprintf("ann%d@contoso.test", round), "email_verified": true})
			u.people = append(u.people, p)
		}
		ups = append(ups, u)
	}
	w := newWorld(t, ups...)
	for round := range *rounds {
		out := w.race(t, 8, func(i int) (string, string) { return fmt.Sprintf("idp%d", i), fmt.Sprintf("s-%d-%d", i, round) })
		if admitted, persons := subs(out); admitted != 8 || len(persons) != 1 {
			t.Fatalf("round %d: %d let in as %d persons, want 8 and 1", round, admitted, len(persons))
		}
		if a, l := w.count(t, "account"), w.count(t, "link"); a != round+1 || l != 8*(round+1) {
			t.Fatalf("round %d: %d accounts and %d links, want one and eight each round", round, a, l)
		}
	}
}

// A person who is disabled while signing in again and again: as soon as the
// change is durable nobody gets a new session, and nothing re-enables them.
func TestF006_I7_DisableDuringSignIns(t *testing.T) {
	w := newWorld(t, upstream{name: "contoso", policy: createPolicy, people: []idptest.Person{person("s-1", "ann", "eng")}})
	first := w.mustSignIn(t, "contoso", "s-1")
	stop, through := make(chan struct{}), make(chan struct{}, 1024)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _, _ = w.signIn(t.Context(), "contoso", "s-1") // the outcome of these does not matter
					select {
					case through <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	for range 16 { // in full swing
		<-through
	}
	if err := w.path.SetState(t.Context(), "default", usher.AccountRef{Store: "PRIMARY", User: usher.UserID(first.Claims.Sub)}, "disabled", "test"); err != nil {
		t.Fatal(err)
	}
	_, p, err := w.signIn(t.Context(), "contoso", "s-1")
	close(stop)
	all.Wait()
	if err != nil || p.status != http.StatusForbidden || !strings.Contains(p.body, "account.disabled") {
		t.Errorf("after the change: status %d, %v\n%s", p.status, err, p.body)
	}
	acc, err := w.ledger.Account(t.Context(), "default", "PRIMARY", usher.UserID(first.Claims.Sub))
	if err != nil || acc.State != "disabled" {
		t.Errorf("the account is %s, %v", acc.State, err)
	}
	if n := w.count(t, "session"); n != 0 {
		t.Errorf("%d sessions outlive the change", n)
	}
}
