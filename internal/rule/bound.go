package rule

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// CEL's cost limit stops an expression after the call that went over it. That
// is too late for a call that multiplies: a text replaced into itself, or a list
// of lists of lists of the same list. So every value an expression makes is
// weighed before it is used ([bound]), and calls that multiply are refused
// before they run ([guard]).

// bound wraps every part of an expression that can make a value larger than
// those it was made of. It also gives maps written in an expression a fixed order.
func bound(part interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	switch p := part.(type) {
	case interpreter.InterpretableAttribute, interpreter.InterpretableConst:
		return part, nil
	case interpreter.InterpretableCall:
		return &boundedCall{p}, nil
	case interpreter.InterpretableConstructor:
		return constant(p)
	}
	return &bounded{part}, nil
}

// constant makes a list or map of constants once, instead of at every sign-in.
func constant(p interpreter.InterpretableConstructor) (interpreter.InterpretableV2, error) {
	made := &bounded{p}
	for _, v := range p.InitVals() {
		if _, ok := v.(interpreter.InterpretableConst); !ok {
			return made, nil
		}
	}
	frame, err := interpreter.NewExecutionFrame(interpreter.EmptyActivation())
	if err != nil {
		return nil, err
	}
	defer frame.Close()
	v := made.Exec(frame)
	if types.IsError(v) {
		return made, nil
	}
	return interpreter.NewConstValue(p.ID(), v), nil
}

type bounded struct{ interpreter.InterpretableV2 }

// Exec runs the part and weighs what it made.
func (b *bounded) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return weighed(b.InterpretableV2.Exec(frame))
}

// boundedCall is bounded for calls; CEL's optimizer must still see a call.
type boundedCall struct{ interpreter.InterpretableCall }

// Exec runs the call and weighs what it made.
func (b *boundedCall) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return weighed(b.InterpretableCall.Exec(frame))
}

// scale weighs values. It never changes.
var scale = types.NewSizeCalculator(
	types.SizeCalculatorMaxDepth(maxValueNesting),
	types.SizeCalculatorMaxTraversal(maxWeight),
)

func weighed(v ref.Val) ref.Val {
	switch v := v.(type) {
	case types.String:
		if len(v) > maxText {
			return tooLarge()
		}
	case types.Bytes:
		if len(v) > maxText {
			return tooLarge()
		}
	case traits.MutableLister, traits.MutableMapper:
		// What a loop gathers is weighed when the loop ends; until then its cost bounds it.
	case *sortedMap:
	case traits.Mapper:
		return weighedAggregate(&sortedMap{Mapper: v})
	case traits.Lister, *types.Optional:
		return weighedAggregate(v)
	}
	return v
}

func weighedAggregate(v ref.Val) ref.Val {
	if w := scale.ApproximateAggregateSize(v); w.LimitExceeded || w.Size > maxWeight {
		return tooLarge()
	}
	return v
}

const tooLargeText = "too large"

func tooLarge() ref.Val { return types.NewErrFromString(tooLargeText) }

// sortedMap is a map whose keys come in a fixed order.
type sortedMap struct{ traits.Mapper }

// Iterator walks the keys: by type, then by value.
func (m *sortedMap) Iterator() traits.Iterator {
	var keys []ref.Val
	for it := m.Mapper.Iterator(); it.HasNext() == types.True; {
		keys = append(keys, it.Next())
	}
	slices.SortFunc(keys, func(a, b ref.Val) int {
		if c := strings.Compare(a.Type().TypeName(), b.Type().TypeName()); c != 0 {
			return c
		}
		if c, ok := a.(traits.Comparer); ok {
			if n, ok := c.Compare(b).(types.Int); ok {
				return int(n)
			}
		}
		return 0
	})
	return types.NewRefValList(types.DefaultTypeAdapter, keys).Iterator()
}

// AggregateSize is the weight of the map inside.
func (m *sortedMap) AggregateSize(sizer types.AggregateSizer) uint32 {
	return sizer.AggregateSize(m.Mapper)
}

// tooMuch says of the arguments of a call whether it would multiply them into
// something too large or too long.
type tooMuch func(args []ref.Val) bool

// guards is the calls that multiply, by function name.
var guards = map[string]tooMuch{
	"replace":         replacesTooMuch,
	"matches":         matchesTooMuch,
	"join":            joinsTooMuch,
	"distinct":        func(args []ref.Val) bool { return size(args[0])*size(args[0]) > maxPairs },
	"sets.contains":   pairsTooMuch,
	"sets.intersects": pairsTooMuch,
	"sets.equivalent": pairsTooMuch,
}

// guard is the calls that multiply with their guards in front, ready to stand
// in for CEL's own.
func guard(e *cel.Env) ([]*functions.Overload, error) {
	var out []*functions.Overload
	for name, refuse := range guards {
		bindings, err := e.Functions()[name].Bindings()
		if err != nil {
			return nil, err
		}
		for _, b := range bindings {
			out = append(out, guarded(*b, refuse))
		}
	}
	return out, nil
}

func guarded(o functions.Overload, refuse tooMuch) *functions.Overload {
	unary, binary, function := o.Unary, o.Binary, o.Function
	if unary != nil {
		o.Unary = func(a ref.Val) ref.Val {
			if refuse([]ref.Val{a}) {
				return tooLarge()
			}
			return unary(a)
		}
	}
	if binary != nil {
		o.Binary = func(a, b ref.Val) ref.Val {
			if refuse([]ref.Val{a, b}) {
				return tooLarge()
			}
			return binary(a, b)
		}
	}
	if function != nil {
		o.Function = func(args ...ref.Val) ref.Val {
			if refuse(args) {
				return tooLarge()
			}
			return function(args...)
		}
	}
	return &o
}

func replacesTooMuch(args []ref.Val) bool {
	s, _ := args[0].(types.String)
	old, _ := args[1].(types.String)
	by, _ := args[2].(types.String)
	return len(s)+strings.Count(string(s), string(old))*len(by) > 2*maxText
}

// matchesTooMuch bounds patterns that come from claims; those written in the
// expression have been checked when it was compiled.
func matchesTooMuch(args []ref.Val) bool {
	pattern, _ := args[1].(types.String)
	return len(pattern) > maxPattern
}

func joinsTooMuch(args []ref.Val) bool {
	list, ok := args[0].(traits.Lister)
	if !ok {
		return false // CEL says what is wrong
	}
	between := 0
	if len(args) > 1 {
		s, _ := args[1].(types.String)
		between = len(s)
	}
	total := 0
	for it := list.Iterator(); it.HasNext() == types.True && total <= 2*maxText; {
		s, _ := it.Next().(types.String)
		total += len(s) + between
	}
	return total > 2*maxText
}

func pairsTooMuch(args []ref.Val) bool { return size(args[0])*size(args[1]) > maxPairs }

// size is the number of items of a list; 1 for anything else.
func size(v ref.Val) int {
	if l, ok := v.(traits.Lister); ok {
		if n, ok := l.Size().(types.Int); ok {
			return int(n)
		}
	}
	return 1
}
