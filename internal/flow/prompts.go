package flow

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	usher "github.com/usher-id/usher"
)

// field is one line that the person fills in.
type field struct {
	ID           string // and its name
	Label        string
	Type         string
	Autocomplete string // HTML, section 4.10.18.7
	Value        string
	Help         string
	Problem      string
	Max          int
	Live         bool // it can be checked while it is filled in
}

// consent is one purpose that the person agrees to, or not.
type consent struct {
	ID                 string
	Title, Description string
	Lang               string // of these two
	PolicyURL          string
	Mandatory, Ticked  bool
	Problem            string
	Always             []about // goes with the purpose
	Choices            []about // agreed to one by one
}

// about is one attribute of a purpose.
type about struct {
	ID     string
	Label  string
	Value  string // as the provider sent it, "" if it did not
	Ticked bool
}

// askPage asks for what is missing.
type askPage struct {
	Application string
	Login       id
	Handed      bool // another page has asked; here it is looked at once more
	Fields      []field
	Consents    []consent
	Claim       bool // the account in the way may be the person's
	Problems    []problem
}

// provePage asks whether an account is the person's.
type provePage struct {
	Application string
	Login       id
	Proven      bool // all that is left is to say so
	Password    bool // the account's password proves it
	Problem     string
	Providers   []choice
	Claimed     bool // it was the person who said so, and they can take it back
	Problems    []problem
}

// The ways to prove an account.
const (
	wayPassword = "password"
	wayIdP      = "idp/"
)

// show shows the prompts, with what was said to them so far.
func (f *Flow) show(w http.ResponseWriter, r *http.Request, q question, said reply) {
	status := http.StatusOK
	if len(said.problems) > 0 {
		status = http.StatusUnprocessableEntity
	}
	if p, ok := q.prompt(usher.PromptProve); ok {
		f.Kit.Page(w, r, status, "prove", f.provePage(r, q, p, said))
		return
	}
	if len(said.problems) == 0 {
		f.found(r, q, &said)
	}
	f.Kit.Page(w, r, status, "ask", f.askPage(r, q, said))
}

// found adds what the decision found wrong with what was said before.
func (f *Flow) found(r *http.Request, q question, said *reply) {
	for _, p := range q.waiting.Record.Decision.Prompts {
		if p.Problem == usher.Fits {
			continue
		}
		switch p.Kind {
		case usher.PromptUsername:
			if said.answers.Username == "" {
				said.answers.Username = p.Value // the name that is in the way
			}
			if p.Value == "" || said.answers.Username != p.Value {
				continue // nothing is proposed, or another name was chosen meanwhile
			}
			said.wrong(fieldUsername, f.unfitFor(r, p.Problem, p.Store, fieldUsername))
		case usher.PromptPassword:
			said.wrong(fieldPassword, f.unfitFor(r, p.Problem, p.Store, fieldPassword))
		case usher.PromptAttribute:
			said.wrong(fieldAttribute+p.Name, f.unfit(r, p.Problem))
		case usher.PromptConsent:
			said.wrong(fieldConsent+p.Name, f.unfit(r, p.Problem))
		case usher.PromptProve:
		}
	}
}

func (f *Flow) askPage(r *http.Request, q question, said reply) askPage {
	page := askPage{
		Application: applicationName(q.login.Start), Login: q.id, Handed: q.login.Handed, Problems: said.problems,
	}
	for _, p := range q.waiting.Record.Decision.Prompts {
		switch p.Kind {
		case usher.PromptUsername:
			name := f.usernameField(r, p, said)
			page.Fields = append(page.Fields, name)
			page.Claim = p.Claim && name.Value != "" && name.Value == p.Value // the question is about the name that can be seen
		case usher.PromptPassword:
			page.Fields = append(page.Fields, f.passwordField(r, p.Store, said.of(fieldPassword)))
		case usher.PromptAttribute:
			page.Fields = append(page.Fields, f.attributeField(r, p.Name, said))
		case usher.PromptConsent:
			page.Consents = append(page.Consents, f.consent(r, q, p, said))
		case usher.PromptProve:
		}
	}
	page.label()
	return page
}

// label says at each problem which field it is about.
func (p askPage) label() {
	for i, wrong := range p.Problems {
		for _, f := range p.Fields {
			if f.ID == wrong.Field {
				p.Problems[i].Label = f.Label
			}
		}
		for _, c := range p.Consents {
			if c.ID == wrong.Field {
				p.Problems[i].Label = c.Title
			}
		}
	}
}

func (f *Flow) usernameField(r *http.Request, p usher.Prompt, said reply) field {
	out := field{
		ID: fieldUsername, Label: f.Kit.T(r, "ask.username"), Type: "text", Autocomplete: "username",
		Value: said.answers.Username, Problem: said.of(fieldUsername), Max: 255, Live: true,
	}
	if out.Value == "" && out.Problem == "" {
		out.Value = p.Value
	}
	return out
}

// leastPassword is what every store demands, in characters, unless its policy
// says otherwise.
const leastPassword = 8

// passwordField is for a new password. It is never filled in by us.
func (f *Flow) passwordField(r *http.Request, store, wrong string) field {
	out := field{
		ID: fieldPassword, Label: f.Kit.T(r, "ask.password"), Type: "password", Autocomplete: "new-password",
		Problem: wrong, Max: maxValue, Live: true,
	}
	if policy, ok := f.Stores(store); ok {
		out.Help = f.Kit.T(r, "ask.password.help", "count", strconv.Itoa(cmp.Or(policy.MinPassword, leastPassword)))
	}
	return out
}

// known are the attributes that have a name for people, with how they are typed.
var known = map[string]struct{ Type, Autocomplete string }{
	"email":        {"email", "email"},
	"phone":        {"tel", "tel"},
	"name":         {"text", "name"},
	"givenName":    {"text", "given-name"},
	"familyName":   {"text", "family-name"},
	"nickname":     {"text", "nickname"},
	"displayName":  {"text", "name"},
	"birthdate":    {"date", "bday"},
	"address":      {"text", "street-address"},
	"locality":     {"text", "address-level2"},
	"country":      {"text", "country-name"},
	"organization": {"text", "organization"},
	"department":   {"text", "off"},
	"title":        {"text", "organization-title"},
	"website":      {"url", "url"},
	"picture":      {"url", "photo"},
	"locale":       {"text", "language"},
	"zoneinfo":     {"text", "off"},
}

// attributeLabel is what people call an attribute.
func (f *Flow) attributeLabel(r *http.Request, name string) string {
	if _, ok := known[name]; ok {
		return f.Kit.T(r, "attribute."+name)
	}
	return name
}

func (f *Flow) attributeField(r *http.Request, name string, said reply) field {
	out := field{
		ID: fieldAttribute + name, Label: f.attributeLabel(r, name), Type: "text", Autocomplete: "off",
		Problem: said.of(fieldAttribute + name), Max: maxValue,
	}
	if k, ok := known[name]; ok {
		out.Type, out.Autocomplete = k.Type, k.Autocomplete
	}
	for _, a := range said.answers.Attributes {
		if a.Name == name {
			out.Value = a.Value
		}
	}
	return out
}

func (f *Flow) consent(r *http.Request, q question, p usher.Prompt, said reply) consent {
	words := f.words(r, q.waiting.Tenant, p.Name)
	purpose := purposeOf(q.waiting.Record.Policy, p.Name)
	out := consent{
		ID: fieldConsent + p.Name, Title: words.Title, Description: words.Description, Lang: words.Language, PolicyURL: words.PolicyURL,
		Mandatory: purpose.Mandatory, Problem: said.of(fieldConsent + p.Name),
	}
	var before usher.Consent
	for _, c := range said.answers.Consents {
		if c.Purpose == p.Name && c.Version == p.Version {
			before = c
		}
	}
	out.Ticked = before.Accepted
	for _, a := range purpose.Attributes {
		one := about{
			ID: out.ID + "." + a.Name, Label: f.attributeLabel(r, a.Name), Value: value(q, a.Name),
			Ticked: slices.Contains(before.Attributes, a.Name),
		}
		if a.Mandatory {
			out.Always = append(out.Always, one)
		} else {
			out.Choices = append(out.Choices, one)
		}
	}
	return out
}

// value is what an account would hold of an attribute: what the provider sent.
func value(q question, name string) string {
	for _, a := range q.waiting.Record.Identity.Attributes {
		if a.Name == name && a.Presence == usher.PresenceSet {
			return strings.Join(a.Values, ", ")
		}
	}
	return ""
}

// wording is the words of a purpose in one language.
type wording struct{ Title, Description, Language, PolicyURL string }

// builtInPurpose is the purpose whose words are ours, unless the operator has
// words for it.
const builtInPurpose = "account"

// words are those of a purpose in the person's language, or else in English, or
// in whatever language there is.
func (f *Flow) words(r *http.Request, tenant, name string) wording {
	var text PurposeText
	if f.Purposes != nil {
		text, _ = f.Purposes(tenant, name)
	}
	out := wording{Language: f.Kit.Language(r), PolicyURL: text.PolicyURL}
	if len(text.Title) == 0 {
		if out.Title = name; name == builtInPurpose {
			out.Title, out.Description = f.Kit.T(r, "ask.account.title"), f.Kit.T(r, "ask.account.text")
		}
		return out
	}
	for _, language := range append([]string{out.Language, "en"}, slices.Sorted(maps.Keys(text.Title))...) {
		if title := text.Title[language]; title != "" {
			out.Title, out.Description, out.Language = title, text.Description[language], language
			break
		}
	}
	return out
}

func (f *Flow) provePage(r *http.Request, q question, p usher.Prompt, said reply) provePage {
	page := provePage{
		Application: applicationName(q.login.Start), Login: q.id, Proven: said.answers.Proof != nil,
		Password: slices.Contains(p.Ways, wayPassword), Problems: said.problems, Claimed: q.waiting.Record.Answers.Claim,
	}
	if len(page.Problems) == 0 && !page.Proven && (p.Problem != usher.Fits || q.login.Missed) {
		where := "ways"
		if page.Password && !q.login.Missed {
			where = fieldPassword
		}
		page.Problems = []problem{{Field: where, Text: f.unfit(r, usher.UnfitWrong)}}
	}
	for _, problem := range page.Problems {
		if problem.Field == fieldPassword {
			page.Problem = problem.Text
		}
	}
	for _, way := range p.Ways {
		name, ok := strings.CutPrefix(way, wayIdP)
		if found, reason := f.provider(q.waiting.Tenant, name); ok && reason == "" {
			page.Providers = append(page.Providers, choice{name, display(found), initial(display(found))})
		}
	}
	return page
}
