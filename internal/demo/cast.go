package demo

import (
	"strings"

	"github.com/usher-id/usher/internal/idptest"
)

// Names of the two providers, as in configuration and in idp_hint.
const (
	Contoso = "contoso"
	Partner = "partner"
)

// Persona is one of the cast.
type Persona struct {
	Provider string // Contoso or Partner
	ID       string // the provider's subject, and the username it asserts
	Name     string
	Role     string // who that is
	Expect   string // what is to be seen

	before   bool // signed in before the demo began
	disabled bool // and was disabled since
	claims   func(n int) map[string]any
}

// Display is the provider's name for people.
func (p Persona) Display() string { return strings.ToUpper(p.Provider[:1]) + p.Provider[1:] }

// Cast is everybody who can sign in, in the order of the guide.
func Cast() []Persona {
	return []Persona{
		{Provider: Contoso, ID: "ines", Name: "Ines Okafor", Role: "A new hire, never seen here.",
			Expect: "The first sign-in makes her account; the second finds it again.",
			claims: always("ines", "Ines Okafor", true, "eng-platform")},
		{Provider: Contoso, ID: "tomas", Name: "Tomas Berg", Role: "Was here before.", before: true,
			Expect: "He is recognised by the link to his account, and nothing has to change.",
			claims: always("tomas", "Tomas Berg", true, "eng-platform", "eng-leads")},
		{Provider: Contoso, ID: "mei", Name: "Mei Lindqvist", Role: "Changes teams all the time.",
			Expect: "Each sign-in brings other groups; what Contoso granted and no longer says is taken back.",
			claims: rotating("mei", "Mei Lindqvist")},
		{Provider: Contoso, ID: "sam", Name: "Sam Reyes", Role: "Has not confirmed the e-mail address.",
			Expect: "Refused: Contoso's people need a verified address.",
			claims: always("sam", "Sam Reyes", false, "eng-platform")},
		{Provider: Contoso, ID: "dana", Name: "Dana Whitlock", Role: "Was disabled here, not at Contoso.", before: true, disabled: true,
			Expect: "Refused: a sign-in never enables an account again.",
			claims: always("dana", "Dana Whitlock", true, "eng-leads")},
		{Provider: Partner, ID: "ines", Name: "Ines Moreau", Role: "A namesake from a partner: her username is taken.",
			Expect: "She gets an account of her own under another name; a username is never a key.",
			claims: always("ines", "Ines Moreau", true, "reviewers")},
	}
}

// always is what a provider says of a person at every sign-in.
func always(username, name string, verified bool, groups ...string) func(int) map[string]any {
	return idptest.Always(said(username, name, verified, groups...))
}

// rotating is somebody whose groups are others at each sign-in.
func rotating(username, name string) func(int) map[string]any {
	teams := [][]string{{"eng-platform"}, {"eng-platform", "eng-leads"}, {"eng-data"}}
	return func(n int) map[string]any { return said(username, name, true, teams[(n-1)%len(teams)]...) }
}

func said(username, name string, verified bool, groups ...string) map[string]any {
	given, family, _ := strings.Cut(name, " ")
	domain := "contoso.test"
	if len(groups) > 0 && !strings.HasPrefix(groups[0], "eng-") {
		domain = "partner.test"
	}
	return map[string]any{
		"preferred_username": username, "name": name, "given_name": given, "family_name": family,
		"email": username + "@" + domain, "email_verified": verified, "groups": groups,
	}
}

// provider is the fake provider of that name, with its part of the cast.
func provider(name, issuer, secret, redirectURI string) *idptest.Provider {
	cfg := idptest.Config{
		Issuer: issuer, ClientID: "usher", ClientSecret: secret, RedirectURIs: []string{redirectURI},
	}
	for _, p := range Cast() {
		if p.Provider == name {
			cfg.Name = p.Display()
			cfg.People = append(cfg.People, idptest.Person{ID: p.ID, Name: p.Name, Story: p.Role, Claims: p.claims})
		}
	}
	return idptest.New(cfg)
}
