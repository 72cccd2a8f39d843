package config

import (
	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/rule"
)

// Purpose is something people are asked to agree to, with its words.
type Purpose struct {
	usher.Purpose
	Texts     map[string]PurposeText // by language (BCP 47); never empty
	PolicyURL string                 // shown with the words; "" if there is none
}

// PurposeText is the words of a purpose in one language.
type PurposeText struct {
	Title       string
	Description string // may be ""
}

// builtInPurpose is the purpose that is there without a document: to keep an
// account with everything that is mapped. Its words are the pages' own.
const builtInPurpose = "account"

// accountPurpose is the built-in purpose of a provider.
func accountPurpose(src rule.Source) usher.Purpose {
	out := usher.Purpose{Name: builtInPurpose, Version: 1, Mandatory: true}
	for _, name := range sortedKeys(src.Attributes) {
		if !src.Attributes[name].Pass {
			out.Attributes = append(out.Attributes, usher.PurposeAttribute{Name: name, Mandatory: true})
		}
	}
	return out
}

// addPurpose reads a document of kind Purpose.
func (b *builder) addPurpose(s *section) {
	name := s.get("name").required("name: newsletter")
	out := Purpose{Purpose: usher.Purpose{
		Name:      name.name(lowerLetters+digits+"-", "small letters, digits and -"),
		Version:   s.get("version").number(1, 1, 1_000_000),
		Mandatory: s.get("mandatory").flag(false),
	}}
	seen := map[string]bool{}
	for _, n := range s.get("attributes").items(100) {
		a := readPurposeAttribute(n)
		switch {
		case a.Name == "":
		case seen[a.Name]:
			n.fault("%s is there twice; remove one", quoted(a.Name))
		default:
			out.Attributes = append(out.Attributes, a)
		}
		seen[a.Name] = true
	}
	texts := s.get("texts").required("texts: { en: { title: ..., description: ... } }").section()
	for _, t := range texts.all(100) {
		tag, ok := readLanguage(t)
		parts := t.section()
		text := PurposeText{Title: words(parts.get("title").required("title: Newsletter")), Description: words(parts.get("description"))}
		parts.close()
		if out.Texts == nil {
			out.Texts = map[string]PurposeText{}
		}
		if ok {
			out.Texts[tag] = text
		}
	}
	if texts.present() && len(texts.keys) == 0 {
		texts.fault("is empty, so nobody could know what they agree to; add a language, as in en: { title: ... }")
	}
	out.PolicyURL = s.get("policyUrl").page()
	s.close()
	b.purposes = append(b.purposes, placed[Purpose]{what: out, name: name})
}

// words is a text that people read, of a paragraph at most.
func words(n node) string {
	s := n.text()
	if len(s) > 2_000 {
		n.fault("is longer than 2000 bytes; shorten it, and put the rest behind policyUrl")
		return ""
	}
	return s
}

// readPurposeAttribute reads the name of an attribute, or { name: ..., mandatory: ... }.
func readPurposeAttribute(n node) usher.PurposeAttribute {
	if _, isText := n.peek(); isText {
		return usher.PurposeAttribute{Name: attributeNameOf(n)}
	}
	s := n.section()
	out := usher.PurposeAttribute{Name: attributeNameOf(s.get("name").required("{ name: email, mandatory: true }"))}
	out.Mandatory = s.get("mandatory").flag(false)
	s.close()
	return out
}

func attributeNameOf(n node) string {
	if s := n.text(); s != "" {
		return attributeName(n, s)
	}
	return ""
}

// Purpose is the purpose of that name, if a document says it.
func (c *Config) Purpose(name string) (Purpose, bool) {
	for _, p := range c.Purposes {
		if p.Name == name {
			return p, true
		}
	}
	return Purpose{}, false
}

func (c *Config) purposeNames() []string {
	out := []string{builtInPurpose}
	for _, p := range c.Purposes {
		if p.Name != builtInPurpose {
			out = append(out, p.Name)
		}
	}
	return out
}
