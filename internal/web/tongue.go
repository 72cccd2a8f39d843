package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// english is the language that has every message, and the one of whoever asks
// for none that is here.
const english = "en"

// tongue is one language of the pages.
type tongue struct {
	code  string // BCP 47, as its files are named
	dir   string // "ltr" or "rtl"
	texts map[string]string
}

// tongues are the languages of the pages; English is the first.
type tongues struct {
	all     []*tongue
	matcher language.Matcher
}

// newTongues checks the messages of all languages against the English ones as
// they were before any theme, and gets them ready. Every language has all of
// them, but for the texts of reason words and a theme's own messages: where
// those are missing, the English ones are shown.
func newTongues(messages map[string]map[string]string, plain map[string]string) (*tongues, error) {
	for key, text := range messages[english] {
		if strings.HasPrefix(key, themeKeys) {
			plain[key] = text
		}
	}
	t := &tongues{}
	var tags []language.Tag
	for _, code := range append([]string{english}, slices.Sorted(maps.Keys(messages))...) {
		if code == english && len(t.all) > 0 {
			continue
		}
		tag, err := language.Parse(code)
		if err != nil || tag.String() != code {
			return nil, fmt.Errorf("messages/%s.yaml: the name is not a language like en or pt-BR", code)
		}
		if err := check(messages[code], plain); err != nil {
			return nil, fmt.Errorf("messages/%s.yaml: %w", code, err)
		}
		for key, text := range messages[english] {
			if _, ok := messages[code][key]; !ok {
				messages[code][key] = text
			}
		}
		tags = append(tags, tag)
		t.all = append(t.all, &tongue{code: code, dir: direction(tag), texts: messages[code]})
	}
	t.matcher = language.NewMatcher(tags)
	return t, nil
}

// check checks the texts of one language against the plain English ones.
func check(texts, plain map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		names, err := placeholders(texts[key])
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", key, err)
		case strings.TrimSpace(texts[key]) == "":
			return fmt.Errorf("%s: the text is empty", key)
		}
		ours, known := plain[key]
		if !known {
			return fmt.Errorf("%s: English has no such message", key)
		}
		allowed, _ := placeholders(ours) // its own turn tells what is wrong with it
		for _, name := range names {
			if !slices.Contains(allowed, name) {
				return fmt.Errorf("%s: the English text has no {%s}", key, name)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(plain)) {
		_, ok := texts[key]
		if !ok && !strings.HasPrefix(key, reasonKeys) && !strings.HasPrefix(key, themeKeys) {
			return fmt.Errorf("%s: the message is missing", key)
		}
	}
	return nil
}

// rightToLeft are the scripts that are written so, of those with readers now.
var rightToLeft = []string{"Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa"}

func direction(tag language.Tag) string {
	if script, _ := tag.Script(); slices.Contains(rightToLeft, script.String()) {
		return "rtl"
	}
	return "ltr"
}

// placeholders are the names between braces in a text. No other brace is one.
func placeholders(text string) ([]string, error) {
	var names []string
	for {
		before, rest, open := strings.Cut(text, "{")
		if strings.Contains(before, "}") {
			return nil, errors.New("} without {")
		}
		if !open {
			return names, nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") != "" {
			return nil, errors.New("{ without a name in small letters and }")
		}
		names, text = append(names, name), after
	}
}

// fill puts values into the placeholders of a text; one without a value stays.
func fill(text string, value func(name string) (string, bool)) string {
	var out strings.Builder
	for {
		before, rest, open := strings.Cut(text, "{")
		out.WriteString(before)
		if !open {
			return out.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		if v, ok := value(name); ok {
			out.WriteString(v)
		} else {
			out.WriteString("{" + name + "}")
		}
		text = after
	}
}

// pairs looks names up in name, value pairs.
func pairs[V any](args []V, show func(V) string) func(name string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i+1 < len(args); i += 2 {
			if any(args[i]) == any(name) {
				return show(args[i+1]), true
			}
		}
		return "", false
	}
}

// The marks of Unicode's bidirectional algorithm (UAX #9): what stands between
// these two has a direction of its own and gives none to what is around it.
const (
	isolate    = "\u2068" // FIRST STRONG ISOLATE
	endIsolate = "\u2069" // POP DIRECTIONAL ISOLATE
)

// aside is a value within the text of a message. Where directions may meet it is
// isolated, and no value can turn the words around it.
func (t *tongue) aside(value string) string {
	value = strings.Map(unturned, value)
	if t.dir == "ltr" && strings.IndexFunc(value, turns) < 0 {
		return value
	}
	return isolate + value + endIsolate
}

// unturned drops the marks that set directions.
func unturned(c rune) rune {
	if '\u202a' <= c && c <= '\u202e' || '\u2066' <= c && c <= '\u2069' {
		return -1
	}
	return c
}

// turns reports whether c may be of a script written from right to left.
func turns(c rune) bool {
	return '\u0590' <= c && c <= '\u08ff' || c == '\u200f' ||
		'\ufb1d' <= c && c <= '\ufdff' || '\ufe70' <= c && c <= '\ufeff' ||
		'\U00010800' <= c && c <= '\U00010fff' || '\U0001e800' <= c && c <= '\U0001efff'
}

// say is a message as plain text.
func say[V any](t *tongue, key string, args []V) (string, error) {
	text, ok := t.texts[key]
	if !ok {
		return "", fmt.Errorf("there is no message %q", key)
	}
	return fill(text, pairs(args, func(v V) string { return t.aside(fmt.Sprint(v)) })), nil
}

// strong is a message as HTML, its values set off.
func (t *tongue) strong(key string, args []any) (template.HTML, error) {
	text, ok := t.texts[key]
	if !ok {
		return "", fmt.Errorf("there is no message %q", key)
	}
	return template.HTML(fill(template.HTMLEscapeString(text), pairs(args, func(v any) string { //nolint:gosec // all of it is escaped
		return "<strong><bdi>" + template.HTMLEscapeString(fmt.Sprint(v)) + "</bdi></strong>"
	}))), nil
}

// maxLanguages is the most that a wish for languages may hold, in bytes, and
// maxTags how many of them are looked at.
const (
	maxLanguages = 1 << 10
	maxTags      = 16
)

type localesKey struct{}

// Locales is r with the languages that the application asked for (ui_locales,
// OpenID Connect Core 1.0, 3.1.2.1: BCP 47 tags with spaces between, the best
// first). They go before what the browser wants. More than 1 kB is not looked at.
func Locales(r *http.Request, uiLocales string) *http.Request {
	if uiLocales == "" || len(uiLocales) > maxLanguages { // what is larger is not kept either
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), localesKey{}, uiLocales))
}

// of chooses the language for a request.
func (t *tongues) of(r *http.Request) *tongue {
	asked, _ := r.Context().Value(localesKey{}).(string)
	if found := t.match(wished(asked)); found != nil {
		return found
	}
	if header := r.Header.Get("Accept-Language"); len(header) <= maxLanguages {
		if tags, _, err := language.ParseAcceptLanguage(header); err == nil {
			if found := t.match(tags[:min(len(tags), maxTags)]); found != nil {
				return found
			}
		}
	}
	return t.all[0]
}

// wished are the language tags in a list with spaces between.
func wished(list string) []language.Tag {
	if len(list) > maxLanguages {
		return nil
	}
	var tags []language.Tag
	for _, word := range strings.Fields(list) {
		if tag, err := language.Parse(word); err == nil && len(tags) < maxTags {
			tags = append(tags, tag)
		}
	}
	return tags
}

// match is the language that suits best, nil if none does.
func (t *tongues) match(tags []language.Tag) *tongue {
	if len(tags) == 0 {
		return nil
	}
	_, i, confidence := t.matcher.Match(tags...)
	if confidence == language.No {
		return nil
	}
	return t.all[i]
}

// Language is the language that a request is answered in, as BCP 47.
func (k *Kit) Language(r *http.Request) string { return k.pages.tongues.of(r).code }

// T is a message in the language of r. Pairs of a name and a value fill its
// placeholders.
func (k *Kit) T(r *http.Request, key string, args ...string) string {
	return k.text(k.pages.tongues.of(r), key, args)
}

// Text is a message in the language that suits wish best, one or more BCP 47
// tags with spaces between: [Kit.T] for where there is no request, as in a letter.
func (k *Kit) Text(wish, key string, args ...string) string {
	t := k.pages.tongues.match(wished(wish))
	if t == nil {
		t = k.pages.tongues.all[0]
	}
	return k.text(t, key, args)
}

func (k *Kit) text(t *tongue, key string, args []string) string {
	text, err := say(t, key, args)
	if err != nil {
		k.log.Error("a message is missing", "key", key)
		return key
	}
	return text
}

// Languages lists the languages of the pages (BCP 47), English first.
func (k *Kit) Languages() []string {
	out := make([]string, len(k.pages.tongues.all))
	for i, t := range k.pages.tongues.all {
		out[i] = t.code
	}
	return out
}
