package outbox_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/outbox"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/storetest"
)

// postman is a sink that keeps what it gets.
type postman struct {
	mu   sync.Mutex
	took []outbox.Letter
	fail func(l outbox.Letter) error // before it is kept; may be nil
}

func (p *postman) Send(_ context.Context, l outbox.Letter) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		if err := p.fail(l); err != nil {
			return err
		}
	}
	p.took = append(p.took, l)
	return nil
}

func (p *postman) letters() []outbox.Letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]outbox.Letter(nil), p.took...)
}

func away() error { return usher.Fail(usher.Unavailable, "postman", "", errors.New("away")) }

// office is an outbox on a real ledger with one account.
type office struct {
	*storetest.World
	*outbox.Outbox
	cfg     outbox.Config
	postman *postman
	user    usher.UserID
	log     *strings.Builder
}

func newOffice(t testing.TB, change func(*outbox.Config)) *office {
	t.Helper()
	o := &office{World: storetest.NewWorld(t), postman: &postman{}, log: &strings.Builder{}}
	o.cfg = outbox.Config{
		Ledger: o.Ledger, Issuer: issuer, Mail: o.postman, Text: texts(t), Now: o.Clock.Now,
		Provider: func(_, idp string) string { return map[string]string{"contoso": "Contoso Ltd"}[idp] },
		Log:      slog.New(slog.NewTextHandler(o.log, nil)),
	}
	if change != nil {
		change(&o.cfg)
	}
	o.Outbox = outbox.New(o.cfg)
	rec := storetest.Ann.First(o.Clock.Instant())
	o.user = rec.Snapshot.Reserved
	o.commit(t, func(tx *ledger.Tx) error { return tx.Apply(t.Context(), ledger.Act{Application: "wiki", Record: rec}) })
	return o
}

func (o *office) commit(t testing.TB, fn func(*ledger.Tx) error) {
	t.Helper()
	if err := o.Ledger.Commit(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// tell keeps an event about the account.
func (o *office) tell(t testing.TB, name string) {
	t.Helper()
	e := ledger.Event{Tenant: usher.DefaultTenant, Name: name, Store: usher.PrimaryStore, User: o.user, Body: []byte(`{"idp":"contoso"}`)}
	if name == "password.reset" {
		e.Secret = []byte("s3cr&t=code")
	}
	o.commit(t, func(tx *ledger.Tx) error { return tx.Tell(t.Context(), e) })
}

// round delivers what is due; it fails with an error of that kind, or not at all.
func (o *office) round(t testing.TB, want ...usher.Kind) {
	t.Helper()
	err := o.Round(t.Context())
	if len(want) == 0 && err != nil || len(want) == 1 && usher.KindOf(err) != want[0] {
		t.Fatal(err)
	}
}

// left is how many events wait, due or not.
func (o *office) left(t testing.TB) int {
	t.Helper()
	later := ledger.New(o.DB, ledger.Config{Sealer: o.Ring, Now: func() time.Time { return o.Clock.Now().Add(48 * time.Hour) }})
	events, err := later.Undelivered(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	return len(events)
}

// catalogue reads the messages as they stand in the files.
func catalogue(t testing.TB) map[string]map[string]string {
	t.Helper()
	files, err := fs.Glob(outbox.Pages, "messages/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]string{}
	for _, file := range files {
		raw, err := fs.ReadFile(outbox.Pages, file)
		if err != nil {
			t.Fatal(err)
		}
		messages := map[string]string{}
		if err := yaml.Unmarshal(raw, &messages); err != nil {
			t.Fatal(file, err)
		}
		out[strings.TrimSuffix(strings.TrimPrefix(file, "messages/"), ".yaml")] = messages
	}
	return out
}

// texts fills the messages in; what is missing fails the test.
func texts(t testing.TB) func(language, key string, args ...string) string {
	all := catalogue(t)
	return func(language, key string, args ...string) string {
		messages := all["en"]
		for code := range all {
			if language == code || strings.HasPrefix(language, code+"-") {
				messages = all[code]
			}
		}
		text, ok := messages[key]
		if !ok {
			t.Errorf("%s has no message %s", language, key)
		}
		for i := 0; i < len(args); i += 2 {
			text = strings.ReplaceAll(text, "{"+args[i]+"}", args[i+1])
		}
		return text
	}
}

var told = []string{"user.linked", "link.removed", "password.changed", "password.dropped", "password.reset"}

func TestEveryNoticeInEveryLanguage(t *testing.T) {
	all := catalogue(t)
	if len(all) != 3 {
		t.Fatalf("the languages are %d", len(all))
	}
	for code, messages := range all {
		if len(messages) != len(all["en"]) {
			t.Errorf("%s has %d messages, English %d", code, len(messages), len(all["en"]))
		}
		for _, event := range told {
			o := newOffice(t, nil)
			o.setAttribute(t, "locale", code+"_XX")
			o.tell(t, event)
			o.round(t)
			if len(o.postman.letters()) != 1 {
				t.Fatalf("%s in %s: %d letters", event, code, len(o.postman.letters()))
			}
			l := o.postman.letters()[0]
			for _, part := range []string{l.Subject, l.Text, l.HTML} {
				if strings.ContainsAny(part, "{") || strings.Contains(part, "<no value>") || part == "" {
					t.Errorf("%s in %s: %s", event, code, part)
				}
			}
			if l.To != "ann@contoso.test" || !strings.Contains(l.Text, "id.example.test") || !strings.Contains(l.HTML, `lang="`+code+`"`) ||
				strings.Contains(l.HTML, `dir="rtl"`) != (code == "ar") {
				t.Errorf("%s in %s: %+v", event, code, l)
			}
			if names := event == "user.linked" || event == "link.removed" || event == "password.dropped"; names != strings.Contains(l.Text, "Contoso Ltd") {
				t.Errorf("%s in %s: %s", event, code, l.Text)
			}
			link := issuer + "/login/reset?code=s3cr%26t%3Dcode"
			if reset := event == "password.reset"; reset != strings.Contains(l.Text, link) || reset != strings.Contains(l.HTML, `href="`+link+`"`) {
				t.Errorf("%s in %s: %s", event, code, l.HTML)
			}
			if o.left(t) != 0 {
				t.Errorf("%s in %s: %d events are left", event, code, o.left(t))
			}
		}
	}
}

// Removing a way to sign in is told to whoever owns the account.
func TestA018_RemovedLinkIsTold(t *testing.T) {
	o := newOffice(t, nil)
	o.tell(t, "link.removed")
	o.round(t)
	if l := o.postman.letters(); len(l) != 1 || l[0].To != "ann@contoso.test" || !strings.Contains(l[0].Text, "Contoso Ltd") {
		t.Errorf("told %+v", l)
	}
}

// The letter goes to a verified address of the account or to nobody.
func TestOnlyVerifiedAddresses(t *testing.T) {
	for name, change := range map[string]func(*office, testing.TB){
		"not verified":    func(o *office, t testing.TB) { o.setAttribute(t, usher.AttributeEmail, "mallory@evil.test") },
		"not an address":  func(o *office, t testing.TB) { o.setVerified(t, "a@b@c.test") },
		"two in one":      func(o *office, t testing.TB) { o.setVerified(t, "ann@contoso.test, mallory@evil.test") },
		"a line too many": func(o *office, t testing.TB) { o.setVerified(t, "ann@contoso.test\r\nBcc: mallory@evil.test") },
		"no address":      func(o *office, t testing.TB) { o.setAttribute(t, usher.AttributeEmail, "") },
		"nobody": func(o *office, t testing.TB) {
			o.commit(t, func(tx *ledger.Tx) error {
				return tx.Delete(t.Context(), usher.DefaultTenant, usher.PrimaryStore, o.user)
			})
		},
	} {
		o := newOffice(t, nil)
		change(o, t)
		o.tell(t, "password.reset")
		o.round(t)
		if len(o.postman.letters()) != 0 || o.left(t) != 0 || !strings.Contains(o.log.String(), "not told by mail") {
			t.Errorf("%s: %+v, %d left, log %s", name, o.postman.letters(), o.left(t), o.log)
		}
		if strings.Contains(o.log.String(), "@") || strings.Contains(o.log.String(), "s3cr") {
			t.Errorf("%s: log %s", name, o.log)
		}
	}
}

// Nobody is told by mail of anything else, and it does not pile up.
func TestQuietEvents(t *testing.T) {
	o := newOffice(t, nil)
	for i := range 250 {
		o.tell(t, []string{"user.created", "user.updated", "state.changed", "consent.given", "attribute.conflict"}[i%5])
	}
	o.tell(t, "password.changed")
	o.round(t)
	if len(o.postman.letters()) != 1 || o.left(t) != 0 {
		t.Errorf("%d letters, %d left", len(o.postman.letters()), o.left(t))
	}
}

// Without mail everything is marked but the links to set a password, which wait
// for a day.
func TestWithoutMail(t *testing.T) {
	o := newOffice(t, func(c *outbox.Config) { c.Mail = nil })
	for _, event := range append(told, "user.created") {
		o.tell(t, event)
	}
	o.round(t)
	if o.left(t) != 1 {
		t.Fatalf("%d events are left", o.left(t))
	}
	with := o.cfg
	with.Mail = o.postman
	o.Clock.Move(time.Minute)
	if err := outbox.New(with).Round(t.Context()); err != nil || len(o.postman.letters()) != 1 {
		t.Fatalf("%d letters, %v", len(o.postman.letters()), err)
	}
	o.tell(t, "password.reset")
	for range 100 {
		o.round(t)
		o.Clock.Move(15 * time.Minute)
	}
	if o.left(t) != 0 {
		t.Errorf("%d events are left after a day", o.left(t))
	}
}

// A server that is away costs a try in each round, later and later; when it is
// back everybody gets their letter, once, and after a day nobody does.
func TestF059_MailServerAway(t *testing.T) {
	o := newOffice(t, nil)
	tries := 0
	o.postman.fail = func(outbox.Letter) error { tries++; return away() }
	o.tell(t, "password.changed")
	o.tell(t, "user.linked")
	o.round(t, usher.Unavailable)
	if tries != 1 {
		t.Fatalf("%d tries in one round", tries)
	}
	o.round(t, usher.Unavailable) // the other one
	o.round(t)                    // none is due
	o.Clock.Move(time.Second)
	o.round(t, usher.Unavailable)
	if tries != 3 {
		t.Fatalf("%d tries", tries)
	}
	tries = 0
	for began := o.Clock.Now(); o.Clock.Now().Before(began.Add(12 * time.Hour)); o.Clock.Move(time.Second) {
		_ = o.Round(t.Context())
	}
	if tries < 80 || tries > 140 { // 1 s, 2 s, ... 15 min, twice
		t.Errorf("%d tries in twelve hours", tries)
	}
	o.postman.fail = nil
	o.Clock.Move(15 * time.Minute)
	o.round(t)
	if len(o.postman.letters()) != 2 || o.left(t) != 0 {
		t.Errorf("%d letters, %d left", len(o.postman.letters()), o.left(t))
	}
	o.postman.fail = func(outbox.Letter) error { return away() }
	o.tell(t, "password.changed")
	for began := o.Clock.Now(); o.Clock.Now().Before(began.Add(25 * time.Hour)); o.Clock.Move(time.Minute) {
		_ = o.Round(t.Context())
	}
	if o.left(t) != 0 || !strings.Contains(o.log.String(), "a day has passed") {
		t.Errorf("%d left, log %s", o.left(t), o.log)
	}
}

// A letter that is refused for good is not tried again; others go on.
func TestRefusedForGood(t *testing.T) {
	o := newOffice(t, nil)
	o.postman.fail = func(l outbox.Letter) error {
		if strings.Contains(l.Subject, "linked") || strings.Contains(l.Subject, "added") {
			return usher.Fail(usher.Invalid, "postman", "", errors.New("550"))
		}
		return nil
	}
	o.tell(t, "user.linked")
	o.tell(t, "password.changed")
	o.round(t)
	if len(o.postman.letters()) != 1 || o.left(t) != 0 {
		t.Errorf("%d letters, %d left", len(o.postman.letters()), o.left(t))
	}
}

// Nobody knows what became of a letter: it is sent once more, with the same
// Message-ID, and then no more.
func TestUnsureIsSentTwiceAtMost(t *testing.T) {
	s := serve(t, func(s *mailServer) { s.say["letter"] = "" })
	o := newOffice(t, func(c *outbox.Config) { c.Mail = sink(t, s, nil) })
	o.tell(t, "password.changed")
	for range 50 {
		_ = o.Round(t.Context())
		o.Clock.Move(15 * time.Minute)
	}
	if got := s.taken(); len(got) != 2 || messageID(t, got[0]) != messageID(t, got[1]) || o.left(t) != 0 {
		t.Errorf("%d letters, %d left", len(got), o.left(t))
	}
}

// The process ends after the letter has left and before that is put down. The
// next one waits its time and sends the same letter.
func TestF044_CrashBetweenSendingAndNotingIt(t *testing.T) {
	s := serve(t, nil)
	ctx, crash := context.WithCancel(t.Context())
	s.then = func(string) { crash() } // the mark is not written any more
	o := newOffice(t, func(c *outbox.Config) { c.Mail = sink(t, s, nil) })
	o.tell(t, "password.changed")
	if err := o.Round(ctx); err == nil {
		t.Fatal("the crash was survived")
	}
	s.then = nil
	next := outbox.New(o.cfg)
	if err := next.Round(t.Context()); err != nil || len(s.taken()) != 1 {
		t.Fatalf("%d letters at once, %v", len(s.taken()), err)
	}
	o.Clock.Move(time.Second)
	if err := next.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.taken(); len(got) != 2 || messageID(t, got[0]) != messageID(t, got[1]) || o.left(t) != 0 {
		t.Errorf("%d letters, %d left", len(got), o.left(t))
	}
}

// A ledger that can't be written must not make us send a letter every two seconds.
func TestLedgerThatCannotBeWritten(t *testing.T) {
	o := newOffice(t, func(c *outbox.Config) { c.Ledger = stuck{c.Ledger} })
	o.tell(t, "password.changed")
	for range 3 {
		o.round(t, usher.Unavailable)
	}
	if n := len(o.postman.letters()); n != 0 {
		t.Errorf("%d letters", n)
	}
}

type stuck struct{ outbox.Ledger }

func (stuck) Commit(context.Context, func(*ledger.Tx) error) error { return away() }

// Run looks at the ledger when it is nudged, and ends with its context.
func TestRun(t *testing.T) {
	came := make(chan struct{}, 10)
	o := newOffice(t, nil)
	o.postman.fail = func(outbox.Letter) error { came <- struct{}{}; return nil }
	ctx, stop := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { o.Run(ctx) })
	for range 3 {
		o.tell(t, "password.changed")
		o.Nudge()
		o.Nudge()
		<-came
	}
	stop()
	done.Wait()
	if n := len(o.postman.letters()); n != 3 {
		t.Errorf("%d letters", n)
	}
}

// What goes wrong is told, and so logged, without a word of what was to be said.
func TestErrorsHoldNoSecret(t *testing.T) {
	for _, verb := range []string{"RCPT", "letter", "MAIL", "EHLO"} {
		for _, answer := range []string{"450 ann@contoso.test s3cr&t", "550 ann@contoso.test s3cr&t", "ann@contoso.test s3cr&t"} {
			s := serve(t, func(s *mailServer) { s.say[verb] = answer })
			o := newOffice(t, func(c *outbox.Config) { c.Mail = sink(t, s, nil) })
			o.tell(t, "password.reset")
			err := o.Round(t.Context())
			for _, secret := range []string{"ann@", "s3cr", "contoso.test"} {
				if strings.Contains(o.log.String(), secret) || err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("%s %s: %v, log %s", verb, answer, err, o.log)
				}
			}
			if err == nil && o.log.Len() == 0 {
				t.Errorf("%s %s: nobody is told", verb, answer)
			}
		}
	}
}

func messageID(t testing.TB, letter string) string {
	t.Helper()
	head, _ := parts(t, letter)
	if id := head.Get("Message-ID"); id != "" {
		return id
	}
	t.Fatal("no Message-ID")
	return ""
}

func (o *office) setAttribute(t testing.TB, name, value string) {
	t.Helper()
	o.write(t, name, value, false)
}

func (o *office) setVerified(t testing.TB, value string) {
	t.Helper()
	o.write(t, usher.AttributeEmail, value, true)
}

// write changes an attribute; "" removes it.
func (o *office) write(t testing.TB, name, value string, verified bool) {
	t.Helper()
	ref, by := usher.AccountRef{Store: usher.PrimaryStore, User: o.user}, usher.Source{Kind: usher.SourceAdmin, Name: "root", At: o.Clock.Instant()}
	o.commit(t, func(tx *ledger.Tx) error {
		if value == "" {
			return tx.SetAttributes(t.Context(), usher.DefaultTenant, ref, by, nil, []string{name})
		}
		return tx.SetAttributes(t.Context(), usher.DefaultTenant, ref, by, []store.Attribute{{Name: name, Values: []string{value}, Verified: verified}}, nil)
	})
}
