package demo

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	usher "github.com/usher-id/usher"
)

// broker is an Usher that notes what it is told, and the policy that its file
// held at that time.
type broker struct {
	file  string
	said  []string
	fails error // the next reload
}

func (b *broker) house(t *testing.T) *Control {
	dir := t.TempDir()
	b.file = filepath.Join(dir, configFile)
	note := func(what string) func(context.Context) error {
		return func(context.Context) error {
			b.said = append(b.said, what+b.asks(t))
			return nil
		}
	}
	reload := note("reload")
	return &Control{
		world: At(8080, dir), file: b.file, policy: first(), past: note("past"),
		broker: Broker{Forget: note("forget"), Reload: func(ctx context.Context) error {
			if err := b.fails; err != nil {
				b.fails = nil
				return err
			}
			return reload(ctx)
		}},
	}
}

// asks is what the file says that newcomers are asked.
func (b *broker) asks(t *testing.T) string {
	text, err := os.ReadFile(b.file)
	if errors.Is(err, os.ErrNotExist) {
		return ""
	} else if err != nil {
		t.Fatal(err)
	}
	_, ask, _ := strings.Cut(string(text), "ask:")
	ask, _, _ = strings.Cut(ask, "\n")
	return ask
}

func TestOptionsSwitchThePolicy(t *testing.T) {
	s := set(t, nil)
	_, body := s.visit(s.browser, s.url+"/options")
	s.want(body, `aria-describedby="contoso-ask-nothing-effect" checked`, "ask: nothing", "usernameConflict: deny")
	for _, c := range choices() {
		for _, o := range c.Options {
			s.want(body, `name="`+c.ID+`" value="`+o.ID+`"`)
		}
	}
	status, body := s.post("same-origin", "/options", url.Values{"contoso-ask": {"consent"}, "contoso-sync": {"no such option"}})
	if status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	s.want(body, `role="status"`, `aria-describedby="contoso-ask-consent-effect" checked`, `aria-describedby="contoso-sync-override-effect" checked`, "purposes: [account, newsletter]")
	if diff := cmp.Diff([]string{"reload consent"}, s.broker.said); diff != "" {
		t.Error(diff)
	}
	_, body = s.visit(s.browser, s.url)
	s.want(body, "The policy in force", "<dd>Consent</dd>", `href="/options"`)
}

func TestOptionsThatUsherRefusesChangeNothing(t *testing.T) {
	s := set(t, nil)
	s.broker.fails = usher.Fail(usher.Invalid, "reload", "usher.yaml:1:1: it is not so.", nil)
	status, body := s.post("same-origin", "/options", url.Values{"contoso-ask": {"consent"}})
	if status != http.StatusInternalServerError {
		t.Errorf("status %d", status)
	}
	s.want(body, "it is not so.")
	if diff := cmp.Diff(first(), s.house.Policy()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"reload nothing"}, s.broker.said); diff != "" {
		t.Error(diff)
	}
}

func TestAfreshMakesThePastUnderTheFirstPolicy(t *testing.T) {
	s := set(t, nil)
	s.visit(s.browser, s.url+"/login")
	s.post("same-origin", "/options", url.Values{"contoso-ask": {"password"}})
	_, body := s.post("same-origin", "/afresh", nil)
	s.want(body, `role="status"`, `aria-describedby="contoso-ask-password-effect" checked`)
	want := []string{"reload password+consent", "forget password+consent", "reload nothing", "past nothing", "reload password+consent"}
	if diff := cmp.Diff(want, s.broker.said); diff != "" {
		t.Error(diff)
	}
	_, body = s.visit(s.browser, s.url)
	s.want(body, "Sign in with Contoso")
}

// TestChoicesAreWhole: the page and the template mean the same choices.
func TestChoicesAreWhole(t *testing.T) {
	for _, c := range choices() {
		for i, o := range c.Options {
			if c.ID == "" || c.Title == "" || o.ID == "" || o.Name == "" || o.Effect == "" {
				t.Errorf("%s, option %d is incomplete: %+v", c.ID, i, o)
			}
			p := first().with(func(field string) string {
				if field == c.ID {
					return o.ID
				}
				return ""
			})
			yaml, err := p.jit(c.Provider)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(o.YAML) {
				if !strings.Contains(yaml, strings.TrimSpace(line)) {
					t.Errorf("%s=%s does not bring %q:\n%s", c.ID, o.ID, line, yaml)
				}
			}
		}
	}
}
