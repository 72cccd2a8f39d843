package idp_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/idp"
)

func TestDecodeClaimsKeepsWhatWasSent(t *testing.T) {
	got, err := idp.DecodeClaims([]byte(`{"a":null,"b":true,"c":"é\u0000","d":[1,1.50,-0,1e2],"e":{"f":{}},"":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := usher.ObjectValue(
		usher.Member{Name: "", Value: usher.ListValue()},
		usher.Member{Name: "a", Value: usher.NullValue()},
		usher.Member{Name: "b", Value: usher.BoolValue(true)},
		usher.Member{Name: "c", Value: usher.StringValue("é\x00")},
		usher.Member{Name: "d", Value: usher.ListValue(
			usher.NumberValue("1"), usher.NumberValue("1.50"), usher.NumberValue("-0"), usher.NumberValue("1e2"))},
		usher.Member{Name: "e", Value: usher.ObjectValue(usher.Member{Name: "f", Value: usher.ObjectValue()})},
	)
	if diff := cmp.Diff(text(t, want), text(t, got)); diff != "" {
		t.Error(diff)
	}
}

// The two numbers of the row are one number to a reader that uses floats.
func TestA002_NumberSubjectsStayTwoSubjects(t *testing.T) {
	one, err1 := idp.DecodeClaims([]byte(`{"sub":12345678901234567890}`))
	two, err2 := idp.DecodeClaims([]byte(`{"sub":12345678901234567891}`))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	a, isNumber := one.Get("sub").Literal()
	b, _ := two.Get("sub").Literal()
	if !isNumber || a != "12345678901234567890" || b != "12345678901234567891" {
		t.Errorf("got %q and %q", a, b)
	}
}

func TestA005_InvalidUTF8IsRefused(t *testing.T) {
	for name, raw := range map[string]string{
		"raw byte in a value":   "{\"sub\":\"a\xff\"}",
		"raw byte in a name":    "{\"s\xfeb\":\"a\"}",
		"overlong":              "{\"sub\":\"a\xc0\x80\"}",
		"encoded surrogate":     "{\"sub\":\"\xed\xa0\x80\"}",
		"lone high surrogate":   `{"sub":"\ud800"}`,
		"lone low surrogate":    `{"sub":"\udc00"}`,
		"high surrogate twice":  `{"sub":"\ud800\ud800"}`,
		"surrogate in the name": `{"\ud800":"a"}`,
	} {
		refused(t, name, raw, "")
	}
	if _, err := idp.DecodeClaims([]byte(`{"sub":"\ud83d\ude00"}`)); err != nil {
		t.Errorf("a whole surrogate pair: %v", err)
	}
}

// U+212A is the Kelvin sign and U+017F the long s: both are ASCII letters to a
// reader that ignores case.
func TestA027_NamesThatTwoReadersCouldConfuse(t *testing.T) {
	for name, raw := range map[string]string{
		"twice":             `{"email":"a@x.test","email":"b@x.test"}`,
		"twice, escaped":    `{"email":"a@x.test","em\u0061il":"b@x.test"}`,
		"case":              `{"email":"a@x.test","EMAIL":"b@x.test"}`,
		"case, not first":   `{"email":"a@x.test","x":1,"Email":"b@x.test"}`,
		"kelvin":            "{\"key\":1,\"\u212aey\":2}",
		"long s":            "{\"sub\":1,\"\u017fub\":2}",
		"accents":           "{\"é\":1,\"É\":2}",
		"three sigmas":      "{\"ς\":1,\"Σ\":2}",
		"inside":            `{"a":[{"address":{"b":1,"B":2}}]}`,
		"inside, the same":  `{"a":{"b":1,"b":1}}`,
		"sub in two cases":  `{"Sub":"a","sub":"b"}`,
		"both not ASCII":    "{\"straße\":1,\"STRAßE\":2}",
		"capitals, two odd": `{"iD":1,"Id":2}`,
	} {
		refused(t, name, raw, "")
	}
	for _, raw := range []string{
		`{"a":{"b":1},"c":{"b":1}}`, `{"Email":"a","mail":"b"}`, "{\"ss\":1,\"ß\":2}", `{"a":1,"A ":2}`,
	} {
		if _, err := idp.DecodeClaims([]byte(raw)); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestA028_DocumentsBeyondTheLimits(t *testing.T) {
	many := func(n int, item string) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	var names strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&names, `,"k%d":0`, i)
	}
	for name, raw := range map[string]string{
		"depth 10,000 of arrays":  `{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}",
		"depth 10,000 of objects": strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000),
		"depth 17":                `{"a":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + "}",
		"unclosed depth":          strings.Repeat(`{"a":`, 100_000),
		"100,000 names":           `{"a":0` + names.String() + "}",
		"20,001 values":           `{"a":[` + many(19_999, "0") + "]}",
		"1e400":                   `{"a":1e400}`,
		"-1e400":                  `{"a":-1e400}`,
		"1e-400":                  `{"a":1e-400}`,
		"1e309":                   `{"a":1e309}`,
		"9e308":                   `{"a":9e308}`,
		"exponent of 40 digits":   `{"a":1e` + strings.Repeat("9", 40) + "}",
		"65 digits":               `{"a":` + strings.Repeat("1", 65) + "}",
		"a million digits":        `{"a":` + strings.Repeat("1", 1_000_000) + "}",
		"NaN":                     `{"a":NaN}`,
		"Infinity":                `{"a":Infinity}`,
		"larger than 1 MB":        `{"a":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		began := time.Now()
		refused(t, name, raw, "")
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	for name, raw := range map[string]string{
		"depth 16":      `{"a":` + strings.Repeat("[", 15) + strings.Repeat("]", 15) + "}",
		"20,000 values": `{"a":[` + many(19_998, "0") + "]}",
		"64 digits":     `{"a":` + strings.Repeat("1", 64) + "}",
		"1e308":         `{"a":1e308,"b":1E+308,"c":1e-308}`,
	} {
		if _, err := idp.DecodeClaims([]byte(raw)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecodeClaimsWantsOneObject(t *testing.T) {
	for _, raw := range []string{
		"", " ", "null", "[]", `"a"`, "1", "{", "}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{'a':1}`, `{1:1}`,
		`{"a":1} {}`, `{"a":1}x`, `{"a":1},`, "\ufeff{}", `{"a":01}`, `{"a":+1}`, `{"a":.5}`, `{"a":0x1}`,
		`{"a":"` + "\n" + `"}`, `{"a":tru}`, `{"a":[1,2}`, `{"a":/**/1}`, `{"a":"\x"}`, `{"a":[1 2]}`,
	} {
		refused(t, raw, raw, "")
	}
	if _, err := idp.DecodeClaims([]byte(" \t\r\n{} \n")); err != nil {
		t.Error(err)
	}
}

func TestDecodeClaimsTellsWhereAndNeverWhat(t *testing.T) {
	const secret = "s3cret"
	long := strings.Repeat("n", 500)
	for raw, want := range map[string]string{
		`{"a":{"b":"s3cret","b":"s3cret"}}`:     `a name stands twice in one object at "/a/b"`,
		`{"a":[0,{"b":"s3cret","B":"s3cret"}]}`: `two names in one object differ only in case at "/a/1"`,
		`{"a":["s3cret",1e400]}`:                `a number is too long or too large at "/a/1"`,
		`{"a":["s3cret",s3cret]}`:               `the claims are not well-formed JSON at "/a/1"`,
		`{"a":"s3cret`:                          `the claims end too early at "/a"`,
		`{"a":"s3cret"} s3cret`:                 "something stands after the claims",
		`"s3cret"`:                              "the claims are not a JSON object",
		"{\"a\":\"s3cret\xff\"}":                "the claims are not UTF-8",
		"":                                      "the claims end too early",
		`{"` + long + `":1e400}`:                `a number is too long or too large at "/` + strings.Repeat("n", 99) + `..."`,
		"{\"\u202e\\u001b[31m\":[s3cret]}":      `the claims are not well-formed JSON at "/\u202e\x1b[31m/0"`,
	} {
		err := refused(t, raw, raw, want)
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q tells a value: %v", raw, err)
		}
	}
}

// refused checks that raw is refused with a message of ours (want, unless it is "").
func refused(t *testing.T, name, raw, want string) error {
	t.Helper()
	got, err := idp.DecodeClaims([]byte(raw))
	switch kind := usher.KindOf(err); {
	case err == nil:
		t.Errorf("%.80s: accepted", name)
	case kind != usher.Invalid:
		t.Errorf("%.80s: kind %v", name, kind)
	case got.Kind() != usher.Absent:
		t.Errorf("%.80s: refused, but with a value", name)
	case usher.Shown(err) == "" || want != "" && usher.Shown(err) != want:
		t.Errorf("%.80s: message %q, want %q", name, usher.Shown(err), want)
	}
	return err
}

func text(t *testing.T, v usher.Value) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func FuzzDecodeClaims(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"sub":"a","n":12345678901234567890,"l":[null,true,1.5e3],"o":{"x":""}}`, `{"a":1,"A":2}`, `{"a":"\ud800"}`,
		`{"a":1e400}`, "{\"k\":1,\"\u212a\":2}", `{"a":[[[[[[[[[[[[[[[[[[`, `{"a":1}{"a":1}`, "{\"a\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := idp.DecodeClaims(raw)
		if err != nil {
			if usher.Shown(err) == "" {
				t.Fatalf("an error without a message: %v", err)
			}
			return
		}
		var peer map[string]any
		if err := json.Unmarshal(raw, &peer); err != nil {
			t.Fatalf("encoding/json refuses what was accepted: %v", err)
		}
		if len(peer) != len(v.Members()) {
			t.Fatalf("encoding/json reads %d names, not %d", len(peer), len(v.Members()))
		}
		once := text(t, v)
		var again usher.Value
		if err := json.Unmarshal([]byte(once), &again); err != nil {
			t.Fatal(err)
		}
		if twice := text(t, again); twice != once {
			t.Fatalf("%s became %s", once, twice)
		}
		// Escapes can make our text longer than the document was.
		if _, err := idp.DecodeClaims([]byte(once)); err != nil && len(once) <= 1<<20 {
			t.Fatalf("its own text is refused: %v", err)
		}
	})
}

func BenchmarkDecodeClaims(b *testing.B) {
	raw := []byte(`{"iss":"https://login.contoso.test","sub":"0f2c9a","aud":"usher","exp":1799999999,"iat":1799999000,` +
		`"nonce":"n-0S6_WzA2Mj","email":"ada@contoso.test","email_verified":true,"given_name":"Ada","family_name":"Byron",` +
		`"groups":["eng-platform","eng-leads","staff","london","on-call"]}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := idp.DecodeClaims(raw); err != nil {
			b.Fatal(err)
		}
	}
}
