package rule

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	usher "github.com/usher-id/usher"
)

// What a mapped value may be.
const (
	maxValue  = 4 << 10 // bytes of one value
	maxValues = 64      // of one attribute
	maxGroups = 10_000
)

// reader turns a CEL value that is neither absent nor null into values, or says
// why it can't. No values mean an empty one.
type reader func(v ref.Val) (values []string, why string)

// outcome is what a rule's value means: absent, null, empty and set are four
// different things. Nothing is converted and nothing dropped silently.
func outcome(v ref.Val, read reader) (usher.Presence, []string, string) {
	if o, ok := v.(*types.Optional); ok {
		if !o.HasValue() {
			return usher.PresenceAbsent, nil, ""
		}
		v = o.GetValue()
	}
	if v == types.NullValue {
		return usher.PresenceNull, nil, ""
	}
	values, why := read(v)
	switch {
	case why != "":
		return usher.PresenceUnknown, nil, why
	case len(values) == 0:
		return usher.PresenceEmpty, nil, ""
	}
	return usher.PresenceSet, values, ""
}

func oneText(v ref.Val) ([]string, string) {
	s, ok := v.(types.String)
	switch {
	case !ok:
		return nil, "it gave " + kindOf(v) + " and not a text"
	case s == "":
		return nil, ""
	}
	if why := unfit(string(s)); why != "" {
		return nil, "the value " + why
	}
	return []string{string(s)}, ""
}

func severalTexts(v ref.Val) ([]string, string) { return texts(v, maxValues) }

// groupNames gives them sorted, each once.
func groupNames(v ref.Val) ([]string, string) {
	names, why := texts(v, maxGroups)
	slices.Sort(names)
	return slices.Compact(names), why
}

// split lets a reader of lists read a text too, as the parts that stand between
// separators: without the spaces around them, and without empty ones.
func split(separator string, read reader) reader {
	if separator == "" {
		return read
	}
	return func(v ref.Val) ([]string, string) {
		s, ok := v.(types.String)
		if !ok {
			return read(v)
		}
		var parts []ref.Val
		for part := range strings.SplitSeq(string(s), separator) {
			if part = strings.TrimSpace(part); part != "" {
				parts = append(parts, types.String(part))
			}
		}
		return read(types.NewRefValList(types.DefaultTypeAdapter, parts))
	}
}

func texts(v ref.Val, most int) ([]string, string) {
	list, ok := v.(traits.Lister)
	if !ok {
		return nil, "it gave " + kindOf(v) + " and not a list of text"
	}
	if size(list) > most {
		return nil, "there are too many values"
	}
	out := make([]string, 0, size(list))
	for it := list.Iterator(); it.HasNext() == types.True; {
		item := it.Next()
		s, ok := item.(types.String)
		switch {
		case !ok:
			return nil, "the list holds " + kindOf(item) + " and not only text"
		case s == "":
			return nil, "the list holds an empty text"
		}
		if why := unfit(string(s)); why != "" {
			return nil, "a value " + why
		}
		out = append(out, string(s))
	}
	return out, ""
}

// unfit says why a text can't be a value, or "". Control characters, line
// separators and byte order marks have no place in a name or an address, and
// forge lines and fields in logs, mails, directories and spreadsheets.
func unfit(s string) string {
	const (
		lineSeparator      = '\u2028'
		paragraphSeparator = '\u2029'
		byteOrderMark      = '\uFEFF'
	)
	switch {
	case len(s) > maxValue:
		return "is too long"
	case !utf8.ValidString(s):
		return "is not valid text"
	case strings.ContainsFunc(s, func(ch rune) bool {
		return unicode.IsControl(ch) || ch == lineSeparator || ch == paragraphSeparator || ch == byteOrderMark
	}):
		return "has control characters"
	}
	return ""
}

// kindOf is what sort of value v is, in words.
func kindOf(v ref.Val) string {
	switch v.(type) {
	case types.String:
		return "a text"
	case types.Bool:
		return "true or false"
	case types.Int, types.Uint, types.Double:
		return "a number"
	case types.Null:
		return "null"
	case traits.Lister:
		return "a list"
	case traits.Mapper:
		return "an object"
	case *types.Optional:
		return "an optional value"
	}
	return "something else"
}
