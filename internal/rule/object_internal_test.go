package rule

import (
	"reflect"
	"testing"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	usher "github.com/usher-id/usher"
)

// What CEL's contract asks of a map and no expression reaches today.
func TestObject_KeepsCELsContract(t *testing.T) {
	o := newObject(usher.ObjectValue(usher.Member{Name: "a", Value: usher.NumberValue("1")}))
	for key, want := range map[ref.Val]ref.Val{types.String("a"): types.IntOne} {
		if got := o.Get(key); got != want {
			t.Errorf("Get(%v) = %v", key, got)
		}
	}
	for _, key := range []ref.Val{types.String("b"), types.IntOne} {
		if got := o.Get(key); !types.IsError(got) {
			t.Errorf("Get(%v) = %v", key, got)
		}
	}
	if got := o.ConvertToType(types.MapType); got != ref.Val(o) {
		t.Errorf("as a map: %v", got)
	}
	if got := o.ConvertToType(types.TypeType); got != types.MapType {
		t.Errorf("as a type: %v", got)
	}
	if got := o.ConvertToType(types.StringType); !types.IsError(got) {
		t.Errorf("as a text: %v", got)
	}
	if _, err := o.ConvertToNative(reflect.TypeFor[map[string]any]()); err == nil {
		t.Error("it has a native form")
	}
	if v, ok := o.Value().(usher.Value); !ok || v.Kind() != usher.Object {
		t.Errorf("Value() = %v", o.Value())
	}
}

func TestRun_KnowsThreeVariables(t *testing.T) {
	r := &run{claims: types.NullValue, issuer: types.String("i"), subject: types.String("s")}
	for name, want := range map[string]any{"claims": r.claims, "issuer": r.issuer, "subject": r.subject} {
		if got, ok := r.ResolveName(name); !ok || got != want {
			t.Errorf("%s = %v, %v", name, got, ok)
		}
	}
	if _, ok := r.ResolveName("now"); ok || r.Parent() != nil {
		t.Error("there is another variable")
	}
}
