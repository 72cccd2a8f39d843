package usher_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-id/usher"
)

// odd is addresses that two readers could read in two ways.
var odd = []string{
	`a@evil@corp.test`, `a@corp.test.`, `"a@corp.test"@evil.test`, `"a"@corp.test`, `a@corp.test `, ` a@corp.test`, `a@corp.test,b@evil.test`,
	`<a@corp.test>`, `Ann <a@corp.test>`, `a@[127.0.0.1]`, `@corp.test`, `corp.test`, `a@`, `@`, ``, `a@.corp.test`, `a@corp..test`, `a..b@corp.test`,
	`.a@corp.test`, `a.@corp.test`, `a(comment)@corp.test`, `a@corp.test(comment)`, `a b@corp.test`, `a\@corp.test`, `mailto:a@corp.test`,
	`a@corp.test?x`, `a@corp.test/x`, `a@-corp.test`, `a@corp-.test`, `a@corp_.test`, `a@corp.test%00`, "a@corp.test\x00", "a@corp.test\n", "\ufeffa@corp.test",
	`a@localhost`, strings.Repeat("a", 65) + `@corp.test`, `a@` + strings.Repeat("a", 64) + `.test`, `a@` + strings.Repeat("a.", 126) + `test`,
}

func TestA023_AddressesThatCanBeReadInTwoWaysAreNone(t *testing.T) {
	for _, address := range odd {
		if d, ok := usher.EmailDomain(address); ok {
			t.Errorf("%q is at %q", address, d)
		}
		if f, ok := usher.Fold(usher.AttributeEmail, address); ok {
			t.Errorf("%q is found by %q", address, f)
		}
	}
	for _, address := range []string{`a@corp.test`, `A@CORP.Test`, `a.b+c_d-e@corp.test`, `o'neil@Corp.Test`, strings.Repeat("a", 64) + `@corp.test`} {
		if d, ok := usher.EmailDomain(address); !ok || d != "corp.test" {
			t.Errorf("%q is at %q", address, d)
		}
	}
}

// TestA024_OtherScriptsAreNeverFolded: letters that look like ASCII, or that
// nobody sees, make another address, and none that could be found.
func TestA024_OtherScriptsAreNeverFolded(t *testing.T) {
	for _, address := range []string{
		`a@ⓒorp.test`, `ａ@corp.test`, `a＠corp.test`, "\u0430@corp.test", "a@c\u043erp.test", "a@corp\u3002test", "a@corp\uff0etest", "\u03bf@corp.test",
		"a\u200b@corp.test", "a\u202e@corp.test", "a@corp.test\u00ad", "\u2066a@corp.test",
	} {
		if f, ok := usher.Fold(usher.AttributeEmail, address); ok {
			t.Errorf("%q is found by %q", address, f)
		}
	}
}

// TestA025_LettersThatSomeFoldToASCIIStayApart: the Kelvin sign, the long s, the
// dotless i, the sharp s and ligatures are letters of their own.
func TestA025_LettersThatSomeFoldToASCIIStayApart(t *testing.T) {
	for _, pair := range [][2]string{
		{"\u212a", "k"}, {"\u017f", "s"}, {"\u0131", "i"}, {"\u0130", "i"}, {"\u00df", "ss"}, {"\ufb01", "fi"}, {"\u00c9", "\u00e9"}, {"\u03a3", "\u03c2"},
	} {
		if f, ok := usher.Fold(usher.AttributeEmail, pair[0]+"@corp.test"); ok {
			t.Errorf("%q is found by %q", pair[0]+"@corp.test", f)
		}
		a, _ := usher.Fold("nickname", pair[0])
		b, _ := usher.Fold("nickname", pair[1])
		if a == b || usher.SameValue("nickname", pair[0], pair[1]) {
			t.Errorf("%q and %q are one", pair[0], pair[1])
		}
		if again, ok := usher.Fold("nickname", a); !ok || again != a {
			t.Errorf("%q folds to %q and that to %q", pair[0], a, again)
		}
	}
}

// TestPartsOfAnAddressAreKept: nothing is cut at a plus, a dot or an @.
func TestPartsOfAnAddressAreKept(t *testing.T) {
	whole := []string{"ann@corp.test", "ann+x@corp.test", "a.nn@corp.test", "ann@sub.corp.test", "ann@corp.test.evil.test"}
	for _, address := range whole {
		if f, ok := usher.Fold(usher.AttributeEmail, address); !ok || f != address {
			t.Errorf("%q is found by %q", address, f)
		}
	}
}

// TestFoldIsStable: the form of a form is itself; two values that mean one thing
// have one form, and both or neither can be found.
func TestFoldIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		attribute := rapid.SampledFrom([]string{usher.AttributeEmail, "phone"}).Draw(t, "attribute")
		value := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z.+]{1,8}@[a-zA-Z.-]{1,8}`)).Draw(t, "value")
		once, ok := usher.Fold(attribute, value)
		if again, also := usher.Fold(attribute, once); ok && (again != once || !also) {
			t.Fatalf("%q folds to %q and that to %q", value, once, again)
		}
		if !usher.SameValue(attribute, value, value) {
			t.Fatalf("%q is not itself", value)
		}
		other := strings.ToUpper(value)
		if usher.SameValue(attribute, value, other) {
			form, found := usher.Fold(attribute, other)
			if form != once || found != ok {
				t.Fatalf("%q and %q are one, but fold to %q (%v) and %q (%v)", value, other, once, ok, form, found)
			}
		}
	})
}

func TestFoldIsBounded(t *testing.T) {
	if _, ok := usher.Fold("phone", ""); ok {
		t.Error("nothing can be found")
	}
	if _, ok := usher.Fold("phone", strings.Repeat("a", 321)); ok {
		t.Error("a value of 321 bytes can be found")
	}
	if f, ok := usher.Fold("phone", strings.Repeat("A", 320)); !ok || f != strings.Repeat("a", 320) {
		t.Errorf("a value of 320 bytes: %q", f)
	}
}
