package idp

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher"
)

// The limits on a claims document.
const (
	maxClaimsBytes = 1 << 20 // of JSON text
	maxDepth       = 16      // objects and arrays inside each other, the document itself included
	maxValues      = 20_000  // values of every kind in the whole document
	maxNumber      = 64      // characters of a number
	maxExponent    = 308     // of a number, up or down: what a 64-bit float can hold
)

// DecodeClaims reads a JSON object (RFC 8259, and stricter: RFC 7493) as
// identity providers send it, and refuses what two readers could understand in
// two ways: a name twice in one object, two names that differ only in case
// (Unicode simple case folding, for readers that ignore case), text that is not
// UTF-8, half a surrogate pair, numbers beyond all use, and anything after the
// object. Numbers keep their exact text. Size, depth and count are bounded.
//
// The error's message names the problem and where it is, as a JSON Pointer (RFC
// 6901), and holds no value of the document. Its kind is Invalid.
func DecodeClaims(raw []byte) (usher.Value, error) {
	if len(raw) > maxClaimsBytes {
		return usher.Value{}, refuse("the claims are larger than 1 MB", "")
	}
	if !utf8.Valid(raw) {
		return usher.Value{}, refuse("the claims are not UTF-8", "")
	}
	d := decoder{in: jsontext.NewDecoder(bytes.NewBuffer(raw))}
	if k := d.in.PeekKind(); k != jsontext.KindBeginObject && k != jsontext.KindInvalid {
		return usher.Value{}, refuse("the claims are not a JSON object", "")
	}
	v, err := d.value()
	if err != nil {
		return usher.Value{}, err
	}
	if _, err := d.in.ReadToken(); !errors.Is(err, io.EOF) {
		return usher.Value{}, refuse("something stands after the claims", "")
	}
	return v, nil
}

type decoder struct {
	in   *jsontext.Decoder
	read int // values so far
}

func (d *decoder) value() (usher.Value, error) {
	token, err := d.in.ReadToken()
	if err != nil {
		return usher.Value{}, malformed(err)
	}
	if d.read++; d.read > maxValues {
		return usher.Value{}, d.refuse("the claims hold more than 20,000 values")
	}
	if d.in.StackDepth() > maxDepth {
		return usher.Value{}, d.refuse("the claims are nested deeper than 16 levels")
	}
	switch token.Kind() {
	case jsontext.KindNull:
		return usher.NullValue(), nil
	case jsontext.KindTrue, jsontext.KindFalse:
		return usher.BoolValue(token.Bool()), nil
	case jsontext.KindString:
		return usher.StringValue(token.String()), nil
	case jsontext.KindNumber:
		literal := token.String()
		if !sane(literal) {
			return usher.Value{}, d.refuse("a number is too long or too large")
		}
		return usher.NumberValue(literal), nil
	case jsontext.KindBeginArray:
		return d.array()
	}
	return d.object()
}

func (d *decoder) array() (usher.Value, error) {
	var items []usher.Value
	for d.in.PeekKind() != jsontext.KindEndArray {
		item, err := d.value()
		if err != nil {
			return usher.Value{}, err
		}
		items = append(items, item)
	}
	if _, err := d.in.ReadToken(); err != nil {
		return usher.Value{}, malformed(err)
	}
	return usher.ListValue(items...), nil
}

func (d *decoder) object() (usher.Value, error) {
	var members []usher.Member
	for d.in.PeekKind() != jsontext.KindEndObject {
		name, err := d.in.ReadToken()
		if err != nil {
			return usher.Value{}, malformed(err)
		}
		m := usher.Member{Name: name.String()}
		if m.Value, err = d.value(); err != nil {
			return usher.Value{}, err
		}
		members = append(members, m)
	}
	if _, err := d.in.ReadToken(); err != nil {
		return usher.Value{}, malformed(err)
	}
	if variants(members) {
		return usher.Value{}, d.refuse("two names in one object differ only in case")
	}
	return usher.ObjectValue(members...), nil
}

func (d *decoder) refuse(msg string) error {
	return refuse(msg, string(d.in.StackPointer()))
}

// malformed puts the parser's complaint into our words, because its own quote
// the document.
func malformed(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case !errors.As(err, &syntax):
		return refuse("the claims end too early", "")
	case errors.Is(syntax.Err, jsontext.ErrDuplicateName):
		return refuse("a name stands twice in one object", string(syntax.JSONPointer))
	case errors.Is(syntax.Err, io.ErrUnexpectedEOF):
		return refuse("the claims end too early", string(syntax.JSONPointer))
	}
	return refuse("the claims are not well-formed JSON", string(syntax.JSONPointer))
}

func refuse(msg, pointer string) error {
	if pointer != "" {
		msg += " at " + shorten(pointer)
	}
	return usher.Fail(usher.Invalid, "idp.DecodeClaims", msg, nil)
}

// shorten makes a pointer safe to show: claim names come from outside too.
func shorten(pointer string) string {
	const most = 100
	if len(pointer) > most {
		pointer = strings.ToValidUTF8(pointer[:most], "") + "..."
	}
	return strconv.QuoteToASCII(pointer)
}

// sane reports whether a number, already well-formed, is one that everything
// behind us can compute with.
func sane(literal string) bool {
	if len(literal) > maxNumber {
		return false
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(literal), "e"); ok {
		n, err := strconv.Atoi(exponent)
		if err != nil || n > maxExponent || n < -maxExponent {
			return false
		}
	}
	_, err := strconv.ParseFloat(literal, 64)
	return err == nil
}

// variants reports whether two names are one name to a reader that ignores case.
// Equal names were refused before, so names that fold to themselves can't clash
// among each other, and the usual object costs nothing here.
func variants(members []usher.Member) bool {
	if !slices.ContainsFunc(members, func(m usher.Member) bool { return fold(m.Name) != m.Name }) {
		return false
	}
	seen := make(map[string]struct{}, len(members))
	for _, m := range members {
		seen[fold(m.Name)] = struct{}{}
	}
	return len(seen) < len(members)
}

// fold is name under Unicode simple case folding: equal for two names exactly
// when strings.EqualFold holds. A lower-case ASCII name folds to itself.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case r < utf8.RuneSelf:
			return r
		}
		// The least of the runes that are one letter; among ASCII letters that
		// is the capital.
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		if 'A' <= least && least <= 'Z' {
			return least + 'a' - 'A'
		}
		return least
	}, name)
}
