package demo

import (
	"cmp"
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
	claims   func(n int) said
}

// Display is the provider's name for people.
func (p Persona) Display() string { return display(p.Provider) }

func display(provider string) string { return strings.ToUpper(provider[:1]) + provider[1:] }

// Cast is everybody who can sign in, in the order of the guide.
func Cast() []Persona {
	return []Persona{
		{Provider: Contoso, ID: "ines", Name: "Ines Okafor", Role: "A new hire, never seen here.",
			Expect: "The first sign-in makes her account, after the questions the policy asks; the second finds it again.",
			claims: always(said{groups: []string{"eng-platform"}})},
		{Provider: Contoso, ID: "tomas", Name: "Tomas Berg", Role: "Was here before.", before: true,
			Expect: "He is recognised by the link to his account, and nothing has to change.",
			claims: always(said{groups: []string{"eng-platform", "eng-leads"}})},
		{Provider: Contoso, ID: "mei", Name: "Mei Lindqvist", Role: "Changes teams and phones all the time.",
			Expect: "Each sign-in brings other groups; what Contoso granted and no longer says is taken back.",
			claims: restless},
		{Provider: Contoso, ID: "tomas.ek", Name: "Tomas Ek", Role: "Another Tomas: Contoso calls him tomas, too.",
			Expect: "Refused, for a username is never a key; or under another name, if the policy says so.",
			claims: always(said{username: "tomas", groups: []string{"eng-data"}})},
		{Provider: Contoso, ID: "lena", Name: "Lena Fischer", Role: "Her username names a store: CORP/lena.",
			Expect: "Refused, for no name here holds a slash; or made in CORP, if the policy reads the store from it.",
			claims: always(said{username: "CORP/lena", groups: []string{"eng-data"}})},
		{Provider: Contoso, ID: "sam", Name: "Sam Reyes", Role: "Has not confirmed the e-mail address.",
			Expect: "Refused: Contoso's people need a verified address.",
			claims: always(said{unverified: true, groups: []string{"eng-platform"}})},
		{Provider: Contoso, ID: "dana", Name: "Dana Whitlock", Role: "Was disabled here, not at Contoso.", before: true, disabled: true,
			Expect: "Refused: a sign-in never enables an account again.",
			claims: always(said{groups: []string{"eng-leads"}})},
		{Provider: Partner, ID: "ines", Name: "Ines Moreau", Role: "A namesake from a partner: her username is taken.",
			Expect: "She gets an account of her own under another name.",
			claims: always(said{groups: []string{"reviewers"}})},
		{Provider: Partner, ID: "berg", Name: "Tomas Berg", Role: "The Tomas of Contoso, with the same verified address.",
			Expect: "Refused, for the address belongs to an account; or linked to it, if the policy has a rule for that.",
			claims: always(said{email: "tomas@contoso.test", groups: []string{"reviewers"}})},
		{Provider: Partner, ID: "jun", Name: "Jun Sato", Role: "Partner does not know his phone number.",
			Expect: "He comes in without; or is asked once, if the policy requires one.",
			claims: always(said{noPhone: true, groups: []string{"reviewers"}})},
	}
}

// said is what a provider says of somebody, beside the name. What is not here
// follows from the ID.
type said struct {
	username, email     string
	unverified, noPhone bool
	phone               string
	groups              []string
}

// claims are those of p at one sign-in.
func (s said) claims(p Persona) map[string]any {
	given, family, _ := strings.Cut(p.Name, " ")
	out := map[string]any{
		"preferred_username": cmp.Or(s.username, p.ID), "name": p.Name, "given_name": given, "family_name": family,
		"email": cmp.Or(s.email, p.ID+"@"+p.Provider+".test"), "email_verified": !s.unverified, "groups": s.groups,
		"department": "Engineering", "phone_number": cmp.Or(s.phone, "+442079460100"), // a number that is nobody's
	}
	if s.noPhone {
		delete(out, "phone_number")
	}
	return out
}

// always is what a provider says of a person at every sign-in.
func always(s said) func(int) said { return func(int) said { return s } }

// restless is somebody of whom something else is said at each sign-in.
func restless(n int) said {
	return []said{
		{phone: "+442079460101", groups: []string{"eng-platform"}},
		{phone: "+442079460102", groups: []string{"eng-platform", "eng-leads"}},
		{noPhone: true, groups: []string{"eng-data"}},
	}[(n-1)%3]
}

// provider is the fake provider of that name, with its part of the cast.
func provider(name, issuer, secret, redirectURI string) *idptest.Provider {
	cfg := idptest.Config{
		Issuer: issuer, ClientID: "usher", ClientSecret: secret, RedirectURIs: []string{redirectURI},
	}
	for _, p := range Cast() {
		if p.Provider == name {
			cfg.Name = p.Display()
			cfg.People = append(cfg.People, idptest.Person{ID: p.ID, Name: p.Name, Story: p.Role, Claims: func(n int) map[string]any { return p.claims(n).claims(p) }})
		}
	}
	return idptest.New(cfg)
}
