package rule

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	usher "github.com/usher-id/usher"
)

func obj(kv ...any) usher.Value {
	var m []usher.Member
	for i := 0; i < len(kv); i += 2 {
		m = append(m, usher.Member{Name: kv[i].(string), Value: kv[i+1].(usher.Value)})
	}
	return usher.ObjectValue(m...)
}

func TestX(t *testing.T) {
	big := usher.StringValue(strings.Repeat("a", 16000))
	var many []usher.Value
	for i := range 10000 {
		many = append(many, usher.StringValue(fmt.Sprintf("eng-group-%05d-aaaaaaaaaaaaaaaa", i)))
	}
	groups := usher.ListValue(many...)
	c := obj("big", big, "groups", groups, "email", usher.StringValue("ann@contoso.test"), "n", usher.NumberValue("1000"))
	exprs := []string{
		`claims.email`,
		`claims.?groups.optMap(g, g.filter(x, x.startsWith("eng-")))`,
		`claims.?groups.map(g, g.filter(x, x.startsWith("eng-")))`,
		`claims.groups.filter(x, x.startsWith("eng-")).distinct()`,
		`claims.groups.sort()`,
		`claims.groups.filter(g, claims.groups.exists(h, h == g))`,
		`claims.big.replace("a", claims.big)`,
		`claims.big.indexOf(claims.big + "b") == 0 ? "a": "b"`,
		`claims.big.indexOf(claims.big) == 0 ? "a": "b"`,
		`claims.groups.join(claims.big)`,
		`claims.groups.map(g, claims.big).join()`,
		`claims.big.matches("(a|aa|aaa)*b") ? "a":"b"`,
		`claims.big.matches("(((a{10}){10}){10})*b") ? "a":"b"`,
		`claims.big.matches(claims.big) ? "a":"b"`,
		`sets.contains(claims.groups, claims.groups) ? "a":"b"`,
		`lists.range(1000000)`,
		`[claims.groups]` + strings.Repeat(`.map(x, [x, x])`, 30) + ` == [] ? "a" : "b"`,
		`[dyn("a")]` + strings.Repeat(`.map(x, [x, x])`, 30) + ` == [] ? "a" : "b"`,
		`["a"]` + strings.Repeat(`.map(x, {x: x, x: x})`, 30) + ` == [] ? "a" : "b"`,
		`["a"]` + strings.Repeat(`.map(x, x+x)`, 30),
		`[["a"]]` + strings.Repeat(`.map(x, x+x)`, 30) + `[0]`,
		`["a"]` + strings.Repeat(`.map(x, optional.of(x))`, 30) + ` == [] ? "a" : "b"`,
		strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300),
		strings.Repeat("[", 3000) + strings.Repeat("]", 3000),
		strings.Repeat("!", 7000) + "true",
		strings.Repeat("-", 7000) + "1",
		`"a" in claims.groups ? "x" : "y"`,
		strings.Repeat(`claims.groups.exists(a, `, 3) + "a == b" + strings.Repeat(")", 3),
		`claims.groups.exists(a, claims.groups.exists(b, a + b == "")) ? "a" : "b"`,
		`claims.groups.all(a, claims.big.matches(a + "(b|c)*")) ? "a" : "b"`,
		`"%s%s".format([claims.big, claims.groups])`,
		`"%.99f".format([1.5])`,
		`"%.999999999f".format([1.5])`,
		`'a'.matches('` + strings.Repeat("(a|b)", 1500) + `') ? "a" : "b"`,
		`{"b": 1, "a": 2}.map(k, k)`,
		`google.protobuf.Struct{}`,
		`timestamp("2020-01-01T00:00:00Z") == timestamp("2020-01-01T00:00:00Z") ? "a": "b"`,
		`optional.of(claims.groups).optMap(g, g)`,
		`cel.bind(a, claims.groups, a + a + a + a)`,
		`claims.nope.foo`,
		`claims.email.nope`,
		`claims["email"]`, `int(claims.email) > 1 ? "":""`, `claims.groups[100000]`,
		`claims.n + 1`,
		`"""` + "\n" + `""" + foo`,
		`claims.email.startsWith(1)`,
		`foo.bar(`,
		`1.`,
	}
	if e := os.Getenv("X"); e != "" {
		exprs = []string{e}
	}
	for _, e := range exprs {
		for _, list := range []bool{false, true} {
			start := time.Now()
			s, err := Compile(Source{Attributes: map[string]AttributeSource{"a": {Value: e, List: list}}})
			ct := time.Since(start)
			short := e
			if len(short) > 70 {
				short = short[:70]
			}
			if err != nil {
				f := fmt.Sprint(err)
				if len(f) > 300 {
					f = f[:300]
				}
				fmt.Printf("%-70s list=%v COMPILE %v: %s\n", short, list, ct, f)
				continue
			}
			start = time.Now()
			id := s.Map(usher.Assertion{Claims: c})
			rt := time.Since(start)
			fmt.Printf("%-70s list=%v %v %v %s n=%d\n", short, list, ct, rt, id.Trace[0].Answer, len(id.Attributes[0].Values))
		}
	}
}
