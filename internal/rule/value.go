package rule

import (
	"errors"
	"reflect"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	usher "github.com/usher-id/usher"
)

// toCEL is a claim as expressions see it. A text too long to be worth mapping
// is an error, which counts only for the rules that read it.
func toCEL(v usher.Value) ref.Val {
	switch v.Kind() {
	case usher.Bool:
		yes, _ := v.Bool()
		return types.Bool(yes)
	case usher.Number:
		literal, _ := v.Literal()
		return number(literal)
	case usher.String:
		s, _ := v.Text()
		if len(s) > maxText {
			return tooLarge()
		}
		return types.String(s)
	case usher.List:
		items := make([]ref.Val, len(v.List()))
		for i, item := range v.List() {
			items[i] = toCEL(item)
		}
		return types.NewRefValList(types.DefaultTypeAdapter, items)
	case usher.Object:
		return newObject(v)
	}
	return types.NullValue
}

// number is a JSON number: an int if it is written as one and fits 64 bits, a
// double if that holds its value exactly as written, and otherwise the text
// as it was received. No digit is ever lost.
func number(literal string) ref.Val {
	if !strings.ContainsAny(literal, ".eE") {
		if i, err := strconv.ParseInt(literal, 10, 64); err == nil {
			return types.Int(i)
		}
		return types.String(literal)
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || decimal(strconv.FormatFloat(f, 'e', -1, 64)) != decimal(literal) {
		return types.String(literal)
	}
	return types.Double(f)
}

// scientific is a decimal number: the sign, the digits without leading and
// trailing zeros, and the power of ten of the digit before the first.
type scientific struct {
	sign   string
	digits string
	power  int
}

// decimal reads a JSON number, so that two ways of writing one number compare equal.
func decimal(literal string) scientific {
	var d scientific
	if rest, ok := strings.CutPrefix(literal, "-"); ok {
		d.sign, literal = "-", rest
	}
	if at := strings.IndexAny(literal, "eE"); at >= 0 {
		power, err := strconv.Atoi(literal[at+1:])
		if err != nil {
			return scientific{digits: literal} // equal to no number
		}
		d.power, literal = power, literal[:at]
	}
	whole, fraction, _ := strings.Cut(literal, ".")
	d.power += len(whole)
	all := whole + fraction
	d.digits = strings.TrimLeft(all, "0")
	d.power -= len(all) - len(d.digits)
	d.digits = strings.TrimRight(d.digits, "0")
	if d.digits == "" {
		d.power = 0
	}
	return d
}

// object is a claim that is a JSON object, as CEL's map. Its keys come in the
// order of their names. Members become CEL values when they are first read,
// and stay so for the one run of the rules that the object is made for.
type object struct {
	value  usher.Value
	values []ref.Val // by the index of the member
}

func newObject(v usher.Value) *object {
	return &object{value: v, values: make([]ref.Val, len(v.Members()))}
}

var _ traits.Mapper = (*object)(nil)

// member is the value of that name, or nil.
func (o *object) member(name string) ref.Val {
	members := o.value.Members()
	low, high := 0, len(members)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if members[mid].Name < name {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == len(members) || members[low].Name != name {
		return nil
	}
	return o.at(low)
}

func (o *object) at(i int) ref.Val {
	if o.values[i] == nil {
		o.values[i] = toCEL(o.value.Members()[i].Value)
	}
	return o.values[i]
}

// Find is the value under key, if there is one.
func (o *object) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(key), false
	}
	v := o.member(string(name))
	if v == nil {
		return nil, false
	}
	return v, !types.IsError(v)
}

// Get is the value under key, or an error.
func (o *object) Get(key ref.Val) ref.Val {
	v, found := o.Find(key)
	if found || v != nil {
		return v
	}
	return types.NewErr("no such key: %v", key)
}

// Contains says whether there is a value under key.
func (o *object) Contains(key ref.Val) ref.Val {
	v, found := o.Find(key)
	if !found && v != nil {
		return v
	}
	return types.Bool(found)
}

// Iterator walks the names in their order.
func (o *object) Iterator() traits.Iterator {
	names := make([]ref.Val, len(o.values))
	for i, m := range o.value.Members() {
		names[i] = types.String(m.Name)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, names).Iterator()
}

// Size is the number of members.
func (o *object) Size() ref.Val { return types.Int(len(o.values)) }

// Equal compares member by member.
func (o *object) Equal(other ref.Val) ref.Val {
	m, ok := other.(traits.Mapper)
	if !ok || m.Size() != o.Size() {
		return types.False
	}
	for i, member := range o.value.Members() {
		theirs, found := m.Find(types.String(member.Name))
		if !found || types.Equal(o.at(i), theirs) != types.True {
			return types.False
		}
	}
	return types.True
}

// IsZeroValue says whether there are no members; optional.ofNonZeroValue uses it.
func (o *object) IsZeroValue() bool { return len(o.values) == 0 }

// AggregateSize weighs the object with all that is in it.
func (o *object) AggregateSize(sizer types.AggregateSizer) uint32 {
	total := uint32(1)
	for i := range o.values {
		total += 1 + sizer.AggregateSize(o.at(i))
	}
	return total
}

// ConvertToType converts to a map, or to the type itself.
func (o *object) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.MapType:
		return o
	case types.TypeType:
		return types.MapType
	}
	return types.NewErr("type conversion error from '%s' to '%s'", types.MapType, t)
}

// ConvertToNative is not supported: no rule's outcome is an object.
func (o *object) ConvertToNative(reflect.Type) (any, error) {
	return nil, errors.New("an object has no native form")
}

// Type is CEL's map type.
func (o *object) Type() ref.Type { return types.MapType }

// Value is the claim itself.
func (o *object) Value() any { return o.value }
