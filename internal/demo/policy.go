package demo

import (
	"slices"
	"strings"
)

// choice is one thing in a provider's policy that the visitor decides.
type choice struct {
	ID       string // of the form field
	Provider string
	Title    string
	Options  []option // the first is in force at the beginning
}

// option is one way to decide it.
type option struct {
	ID     string // of the form value
	Name   string
	Effect string // what a person will experience
	YAML   string // the lines of the policy, without indentation
}

// choices are all of them, in the order of the page.
func choices() []choice {
	return []choice{
		{"contoso-ask", Contoso, "What a newcomer is asked", []option{
			{"nothing", "Nothing", "No page at all. Ines is in the application at once, with an account.", "ask: nothing"},
			{"consent", "Consent", "One page says what is kept. Ines may keep her phone number and her department to herself, and say no to the newsletter.",
				"ask: consent\npurposes: [account, newsletter]"},
			{"password", "A password and consent", "The same page asks for a password. Ines can sign in with it afterwards, without Contoso.",
				"ask: password+consent\npurposes: [account, newsletter]"},
			{"username", "A username, a password and consent", "Ines chooses what she is called here; the name from Contoso is proposed.",
				"ask: username+password+consent\npurposes: [account, newsletter]"},
		}},
		{"contoso-store", Contoso, "Where accounts are made", []option{
			{"primary", "In PRIMARY", "The store that always exists. Lena is refused: her username does not fit.", "enabled: true\nstore: PRIMARY"},
			{"corp", "In CORP", "Another store with names of its own kind: small letters only.", "enabled: true\nstore: CORP"},
			{"username", "As in the username", "Contoso says CORP/lena, and Lena becomes lena in CORP. Everybody else goes to PRIMARY.",
				"enabled: true\nstore: { from: username, unknown: PRIMARY }"},
			{"nowhere", "Nowhere", "Everybody passes through without an account. Who has one already keeps it.", "enabled: false"},
		}},
		{"contoso-sync", Contoso, "What a later sign-in changes", []option{
			{"override", "Everything follows Contoso", "Mei's phone number changes at her second sign-in and is gone at her third.", "attributes: override"},
			{"preserve", "What is not said stays", "Mei's phone number changes at her second sign-in and stays at her third.", "attributes: preserveLocal"},
			{"none", "Nothing", "Mei keeps the phone number of her first sign-in.", "attributes: none"},
		}},
		{"contoso-conflict", Contoso, "A username that is taken", []option{
			{"deny", "Is refused", "Tomas Ek is not let in: another Tomas has the name.", "usernameConflict: deny"},
			{"suffix", "Gets a number", "Tomas Ek becomes tomas2.", "usernameConflict: suffix"},
			{"ask", "Is asked about", "Tomas Ek chooses another name. If the account in the way had a password, he could prove that it is his.", "usernameConflict: ask"},
		}},
		{"partner-link", Partner, "An address that an account has already", []option{
			{"none", "No rule", "Tomas is refused at Partner: no address belongs to two accounts.", ""},
			{"never", "Never linked", "Tomas is refused at Partner before anything else is looked at.", "link: { rules: [ { match: email, stores: [PRIMARY], when: never } ] }"},
			{"confirm", "Linked with a proof", "Tomas shows that the account is his: with its password, or by signing in at Contoso.",
				"link: { rules: [ { match: email, stores: [PRIMARY], when: confirm } ] }"},
			{"auto", "Linked without a question", "Tomas comes in as himself from Partner too, for Partner is trusted to know whose address it is.",
				"link: { rules: [ { match: email, stores: [PRIMARY], when: auto } ] }"},
		}},
		{"partner-phone", Partner, "A phone number", []option{
			{"optional", "Not needed", "Nobody is asked.", ""},
			{"required", "Required", "Partner does not know Jun's, so he is asked, once.", "require: [phone]\naskFor: [phone]"},
		}},
	}
}

// Policy is the option in force, by its ID, of each choice, by its ID.
type Policy map[string]string

// first is the policy at the beginning.
func first() Policy {
	p := Policy{}
	for _, c := range choices() {
		p[c.ID] = c.Options[0].ID
	}
	return p
}

// with is p with what form says for any choice; what is no option is passed over.
func (p Policy) with(form func(field string) string) Policy {
	next := Policy{}
	for _, c := range choices() {
		next[c.ID] = p[c.ID]
		if picked := form(c.ID); slices.ContainsFunc(c.Options, func(o option) bool { return o.ID == picked }) {
			next[c.ID] = picked
		}
	}
	return next
}

// picked is the option of c in force.
func (p Policy) picked(c choice) option {
	for _, o := range c.Options {
		if o.ID == p[c.ID] {
			return o
		}
	}
	return c.Options[0]
}

// Pick is the lines of a choice, indented as the policy's members are.
func (p Policy) Pick(id string) string {
	for _, c := range choices() {
		if yaml := p.picked(c).YAML; c.ID == id && yaml != "" {
			return "  " + strings.ReplaceAll(yaml, "\n", "\n  ")
		}
	}
	return ""
}

// Makes reports whether accounts are made at all.
func (p Policy) Makes(store string) bool { return p[store] != "nowhere" }
