package flow

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

// maxValue is the longest that something typed may be, in bytes.
const maxValue = 1000

// The fields of the prompts. What is asked by name stands behind the prefix.
const (
	fieldUsername  = "username"
	fieldPassword  = "password"
	fieldAttribute = "attribute."
	fieldConsent   = "consent."
)

const ticked = "yes"

// reply is what a person said to the prompts.
type reply struct {
	answers  usher.Answers
	password string // never kept, and never shown again
	hash     string // of the password, if one was to be set
	problems []problem
}

// problem is what is wrong with a field.
type problem struct {
	Field string
	Label string // what people call the field
	Text  string
}

// wrong notes what is wrong with a field.
func (a *reply) wrong(field, text string) {
	a.problems = append(a.problems, problem{Field: field, Text: text})
}

// of is what is wrong with a field, "" if nothing is.
func (a *reply) of(field string) string {
	for _, p := range a.problems {
		if p.Field == field {
			return p.Text
		}
	}
	return ""
}

// read reads what was said to the prompts and nothing else of the form: who
// answers what was not asked is not heard.
func (f *Flow) read(r *http.Request, q question, form url.Values) reply {
	said := reply{answers: q.given(), password: form.Get(fieldPassword)}
	said.answers.Claim = form.Get("do") == doClaim || said.answers.Claim && form.Get("do") != doUnclaim
	for _, p := range q.waiting.Record.Decision.Prompts {
		switch p.Kind {
		case usher.PromptProve:
			f.readProof(r, q, &said)
		case usher.PromptUsername:
			said.answers.Claim = p.Claim && form.Get("do") == doClaim
			said.answers.Username = f.line(r, &said, fieldUsername, form)
		case usher.PromptAttribute:
			if v := f.line(r, &said, fieldAttribute+p.Name, form); v != "" {
				said.typed(p.Name, v)
			}
		case usher.PromptConsent:
			f.readConsent(r, q, &said, p, form)
		case usher.PromptPassword:
			if unfit := f.Credentials.Check(q.waiting.Tenant, p.Store, nameOf(q, said), said.password); unfit != usher.Fits {
				said.wrong(fieldPassword, f.unfitFor(r, unfit, p.Store, fieldPassword))
			}
		}
	}
	if _, asked := q.prompt(usher.PromptUsername); asked && said.answers.Claim {
		said.problems, said.password = nil, "" // whose account it is comes first
	}
	f.readUsername(r, q, &said)
	return said
}

// readUsername tells what the store would not take of the name that was chosen,
// with everything else that is wrong. If nothing else is, the decision tells it.
func (f *Flow) readUsername(r *http.Request, q question, said *reply) {
	p, asked := q.prompt(usher.PromptUsername)
	policy, known := f.Stores(p.Store)
	if !asked || !known || len(said.problems) == 0 || said.answers.Username == "" {
		return
	}
	if _, unfit := store.New(p.Store, policy, nil).Fit(said.answers.Username); unfit != usher.Fits {
		said.problems = slices.Insert(said.problems, 0, problem{Field: fieldUsername, Text: f.unfitFor(r, unfit, p.Store, fieldUsername)})
	}
}

// readProof takes note of how the person says that an account is theirs. If they
// take back that it is, the username that led to it goes too.
func (f *Flow) readProof(r *http.Request, q question, said *reply) {
	p, _ := q.prompt(usher.PromptProve)
	switch {
	case q.waiting.Record.Answers.Claim && !said.answers.Claim:
		said.answers.Username, said.answers.Proof, said.password = "", nil, ""
	case said.answers.Proof != nil:
		said.password = ""
	case !slices.Contains(p.Ways, wayPassword):
		said.password = ""
		said.wrong("ways", f.Kit.T(r, "prove.choose"))
	case said.password == "":
		said.wrong(fieldPassword, f.unfit(r, usher.UnfitEmpty))
	}
}

// line reads a field of one line. What is longer than anything a store takes, or
// holds what no line does, is wrong already.
func (f *Flow) line(r *http.Request, said *reply, field string, form url.Values) string {
	v := strings.TrimSpace(form.Get(field))
	var unfit usher.Unfit
	switch {
	case v == "":
		unfit = usher.UnfitEmpty
	case len(v) > maxValue:
		unfit = usher.UnfitLong
	case !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl):
		unfit = usher.UnfitCharacters
	default:
		return v
	}
	said.wrong(field, f.unfit(r, unfit))
	return ""
}

// typed adds an attribute in its order.
func (a *reply) typed(name, value string) {
	one := usher.Typed{Name: name, Value: value}
	i, found := slices.BinarySearchFunc(a.answers.Attributes, one, func(x, y usher.Typed) int { return cmp.Compare(x.Name, y.Name) })
	if found {
		a.answers.Attributes[i] = one
		return
	}
	a.answers.Attributes = slices.Insert(a.answers.Attributes, i, one)
}

// readConsent reads what was said to one purpose. Its mandatory attributes are
// agreed to with it.
func (f *Flow) readConsent(r *http.Request, q question, said *reply, p usher.Prompt, form url.Values) {
	words := f.words(r, q.waiting.Tenant, p.Name)
	c := usher.Consent{Purpose: p.Name, Version: p.Version, Language: words.Language, PolicyURL: words.PolicyURL}
	c.Accepted = form.Get(fieldConsent+p.Name) == ticked
	about := purposeOf(q.waiting.Record.Policy, p.Name)
	for _, a := range about.Attributes {
		if c.Accepted && (a.Mandatory || form.Get(fieldConsent+p.Name+"."+a.Name) == ticked) {
			c.Attributes = append(c.Attributes, a.Name)
		}
	}
	slices.Sort(c.Attributes)
	if about.Mandatory && !c.Accepted {
		said.wrong(fieldConsent+p.Name, f.unfit(r, usher.UnfitNeeded))
	}
	i, found := slices.BinarySearchFunc(said.answers.Consents, c, func(x, y usher.Consent) int { return cmp.Compare(x.Purpose, y.Purpose) })
	if found {
		said.answers.Consents[i] = c
		return
	}
	said.answers.Consents = slices.Insert(said.answers.Consents, i, c)
}

// purposeOf is a purpose of the policy.
func purposeOf(policy usher.Policy, name string) usher.Purpose {
	for _, p := range policy.Purposes {
		if p.Name == name {
			return p
		}
	}
	return usher.Purpose{Name: name}
}

// unfits are those that have words of their own.
var unfits = []usher.Unfit{
	usher.UnfitEmpty, usher.UnfitShort, usher.UnfitLong, usher.UnfitCharacters, usher.UnfitPattern, usher.UnfitReserved,
	usher.UnfitIdentifier, usher.UnfitConfusable, usher.UnfitTaken, usher.UnfitWrong, usher.UnfitCompromised, usher.UnfitNeeded,
}

// unfit tells the person what is wrong with what they gave.
func (f *Flow) unfit(r *http.Request, u usher.Unfit) string {
	switch {
	case u == usher.Fits:
		return ""
	case !slices.Contains(unfits, u):
		u = usher.UnfitCharacters
	}
	return f.Kit.T(r, "unfit."+string(u))
}

// unfitFor is unfit with the words that the operator has for a store's pattern.
func (f *Flow) unfitFor(r *http.Request, u usher.Unfit, store, what string) string {
	if u == usher.UnfitPattern {
		if policy, ok := f.Stores(store); ok {
			if own := policy.Message(what, f.Kit.Language(r)); own != "" {
				return own
			}
		}
	}
	return f.unfit(r, u)
}
