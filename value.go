package usher

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// ValueKind says what a [Value] is.
type ValueKind uint8

// The kinds of value. The zero kind is Absent: a claim that was not sent is not
// the same as one sent as null.
const (
	Absent ValueKind = iota
	Null
	Bool
	Number
	String
	List
	Object
)

var valueKindNames = [...]string{"absent", "null", "boolean", "number", "text", "list", "object"}

// String is the kind's name as shown in traces.
func (k ValueKind) String() string { return valueKindNames[k] }

// Value is a claim exactly as received: absent, null or a JSON value (RFC
// 8259). A number keeps its literal text, so no digit is ever lost to floating
// point. The zero Value is absent. Values are immutable.
type Value struct {
	kind    ValueKind
	yes     bool
	text    string
	list    []Value
	members []Member
}

// Member is one name and value of an object.
type Member struct {
	Name  string
	Value Value
}

// NullValue is JSON null.
func NullValue() Value { return Value{kind: Null} }

// BoolValue is a JSON boolean.
func BoolValue(b bool) Value { return Value{kind: Bool, yes: b} }

// NumberValue is a JSON number by its literal text.
func NumberValue(literal string) Value { return Value{kind: Number, text: literal} }

// StringValue is a JSON string.
func StringValue(s string) Value { return Value{kind: String, text: s} }

// ListValue is a JSON array.
func ListValue(items ...Value) Value { return Value{kind: List, list: items} }

// ObjectValue is a JSON object. It takes the members over and sorts them by
// name, so that everything that walks an object is deterministic. Names must differ.
func ObjectValue(members ...Member) Value {
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	return Value{kind: Object, members: members}
}

// Kind says what v is.
func (v Value) Kind() ValueKind { return v.kind }

// IsZero reports whether v is absent; encoding/json's omitzero uses it.
func (v Value) IsZero() bool { return v.kind == Absent }

// Text is the string, if v is one.
func (v Value) Text() (string, bool) { return v.textOf(String) }

// Literal is the text of a number as it was received, if v is one.
func (v Value) Literal() (string, bool) { return v.textOf(Number) }

func (v Value) textOf(kind ValueKind) (string, bool) {
	if v.kind != kind {
		return "", false
	}
	return v.text, true
}

// Bool is the boolean, if v is one.
func (v Value) Bool() (yes, ok bool) { return v.yes, v.kind == Bool }

// List is the items of an array, nil for anything else. Not to be changed.
func (v Value) List() []Value { return v.list }

// Members is the members of an object sorted by name, nil for anything else. Not to be changed.
func (v Value) Members() []Member { return v.members }

// Get is the member of that name, or absent.
func (v Value) Get(name string) Value {
	i, ok := slices.BinarySearchFunc(v.members, name, func(m Member, n string) int { return strings.Compare(m.Name, n) })
	if !ok {
		return Value{}
	}
	return v.members[i].Value
}

// With is an object that is v with the member set (an absent value removes it).
func (v Value) With(name string, to Value) Value {
	out := make([]Member, 0, len(v.members)+1)
	for _, m := range v.members {
		if m.Name != name {
			out = append(out, m)
		}
	}
	if to.kind != Absent {
		out = append(out, Member{name, to})
	}
	return ObjectValue(out...)
}

// MarshalJSON writes v as the JSON it came from, object members in name order.
// Absent is written as null; use omitzero where the difference matters.
func (v Value) MarshalJSON() ([]byte, error) { return v.append(nil) }

func (v Value) append(b []byte) ([]byte, error) {
	switch v.kind {
	case Bool:
		if v.yes {
			return append(b, "true"...), nil
		}
		return append(b, "false"...), nil
	case Number:
		return append(b, v.text...), nil
	case String:
		s, err := json.Marshal(v.text)
		return append(b, s...), err
	case List:
		return appendJoined(b, '[', ']', len(v.list), func(b []byte, i int) ([]byte, error) { return v.list[i].append(b) })
	case Object:
		return appendJoined(b, '{', '}', len(v.members), func(b []byte, i int) ([]byte, error) {
			name, err := json.Marshal(v.members[i].Name)
			if err != nil {
				return b, err
			}
			return v.members[i].Value.append(append(append(b, name...), ':'))
		})
	}
	return append(b, "null"...), nil
}

func appendJoined(b []byte, open, end byte, n int, item func([]byte, int) ([]byte, error)) ([]byte, error) {
	var err error
	b = append(b, open)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = item(b, i); err != nil {
			return b, err
		}
	}
	return append(b, end), nil
}

// UnmarshalJSON reads what MarshalJSON wrote. It is for our own records; what
// comes from outside goes through idp.DecodeClaims, which is strict.
func (v *Value) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return err
	}
	out, err := fromAny(x)
	*v = out
	return err
}

func fromAny(x any) (Value, error) {
	switch x := x.(type) {
	case nil:
		return NullValue(), nil
	case bool:
		return BoolValue(x), nil
	case string:
		return StringValue(x), nil
	case json.Number:
		return NumberValue(x.String()), nil
	case []any:
		items := make([]Value, len(x))
		for i := range x {
			var err error
			if items[i], err = fromAny(x[i]); err != nil {
				return Value{}, err
			}
		}
		return ListValue(items...), nil
	case map[string]any:
		members := make([]Member, 0, len(x))
		for name, y := range x {
			val, err := fromAny(y)
			if err != nil {
				return Value{}, err
			}
			members = append(members, Member{name, val})
		}
		return ObjectValue(members...), nil
	}
	return Value{}, errors.New("usher: not a JSON value")
}
