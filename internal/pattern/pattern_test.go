package pattern_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/pattern"
)

// java is what Java 17 says of String.matches: for each expression texts that
// match and texts that do not.
var java = []struct {
	pattern string
	yes, no []string
}{
	// What WSO2 Identity Server comes with.
	{`[a-zA-Z0-9._\-|//]{3,30}$`, []string{"ann", "a.b-c|d/e", "A_9"}, []string{"an", "", "an n", "\u00e4nn", "ann@contoso.test", strings.Repeat("a", 31), "a\\b"}},
	{`^[\S]{3,30}$`, []string{"ann", "\u00e4nn", "a\u00a0b", "\U0001f600\U0001f600\U0001f600"}, []string{"an", "a n", "a\tn", "a\x0bn", strings.Repeat("a", 31)}},
	{`^[\S]{5,30}$`, []string{"secret", "p\u00e4ssw"}, []string{"abcd", "two words"}},
	{`^[^\s*?%]{3,30}$`, []string{"ann", "a@b", "\u4e2d\u4e2d\u4e2d"}, []string{"an*", "a?n", "50%", "a n"}},
	{`[a-zA-Z0-9._\-|//]{3,30}`, []string{"everyone", "Internal/everyone"}, []string{"a b c"}},
	{`^[^~!#$;%^*+={}\|\\<>\'\"\,]{3,30}$`, []string{"a b c", "abc", "ann@contoso.test", "\u00e4\u00f6\u00fc"}, []string{"a'bc", "a^b", `a\b`, "a,b", "{ab}", "ab"}},
	{`^((?=.*\d)(?=.*[a-z])(?=.*[A-Z])(?=.*[!@#$%&*])).{0,100}$`, []string{"Abc1!", "!1aA", "aA1*" + strings.Repeat("x", 90)}, []string{"abc1!", "ABC1!", "Abcd!", "Abc12", "aA1*" + strings.Repeat("x", 97)}},
	{`^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?!.*(.)\1\1)[^\s]{8,}$`, []string{"Abcdef12", "aaBcdefg1"}, []string{"Abcdeee1", "Abcdef 1", "Abc1", "Abcdefgh", "abcdef12"}},

	// The whole text, always.
	{`a|ab`, []string{"a", "ab"}, []string{"b", "aab", "abab"}},
	{`b`, []string{"b"}, []string{"ab", "ba", "b ", ""}},
	{`^a$`, []string{"a"}, []string{"^a$", "aa"}},
	{`a$|^b`, []string{"a", "b"}, []string{"ab", "ba"}},
	{`\Aa\Z|b\z`, []string{"a", "b"}, []string{"az", "A"}},
	{`a*?`, []string{"", "a", "aaa"}, []string{"b"}},
	{`a{0}`, []string{""}, []string{"a"}},
	{`|a`, []string{"", "a"}, []string{"aa"}},
	{`()`, []string{""}, []string{"a"}},

	// Classes: ASCII, unless they are named otherwise.
	{`\d+`, []string{"09"}, []string{"\u0663", "\uff11", ""}},
	{`\w+`, []string{"aZ_9"}, []string{"\u00e9", "a-b", "\u017f"}},
	{`\W`, []string{"\u00e9", "-", " "}, []string{"a", "_"}},
	{`\s+`, []string{" \t\x0b\f"}, []string{"\u00a0", "\u2003", "a"}},
	{`\S`, []string{"\u00a0", "a"}, []string{"\x0b", " "}},
	{`\h`, []string{"\u00a0", " ", "\u3000", "\u180e"}, []string{"a", "\x0b"}},
	{`\H`, []string{"a", "\x0b"}, []string{"\u00a0"}},
	{`\v`, []string{"\x0b", "\f"}, []string{" ", "a"}},
	{`\p{Alpha}+`, []string{"aZ"}, []string{"\u00e9", "1"}},
	{`\P{Alpha}`, []string{"\u00e9", "1"}, []string{"a"}},
	{`\p{Punct}`, []string{"$", "_", "~", "\\"}, []string{"\u20ac", " ", "a"}},
	{`\p{Lower}\p{Upper}\p{Digit}\p{XDigit}`, []string{"aA1f"}, []string{"Aa1f", "\u00e4A1f"}},
	{`\p{L}+`, []string{"\u00e9\u4e2d\u0434a"}, []string{"1", "_", "\u0301"}},
	{`\pL\PL`, []string{"a1"}, []string{"aa"}},
	{`\p{Lu}\p{IsLl}`, []string{"\u00c9\u00e9", "Aa"}, []string{"aA"}},
	{`\p{IsCyrillic}+`, []string{"\u0434\u0438\u043c\u0430"}, []string{"dima", "\u0434i"}},
	{`[\p{L}\p{N}._-]+`, []string{"\u00e9.1-_\u0663"}, []string{"a b", "@"}},
	{`[^\p{L}]`, []string{"1"}, []string{"a", "\u00e9"}},
	{`[\D]`, []string{"a"}, []string{"1"}},
	{`[^\W_]+`, []string{"a1"}, []string{"_", "-"}},
	{`[]a]+`, []string{"]a"}, []string{"[", "b"}},
	{`[^]a]`, []string{"b", "["}, []string{"]", "a"}},
	{`[a^]+`, []string{"a^"}, []string{"b"}},
	{`[a-]+`, []string{"a-"}, []string{"b"}},
	{`[-a]+`, []string{"a-"}, []string{"b"}},
	{`[+--]`, []string{"+", ",", "-"}, []string{".", "*"}},
	{`[+--]{1,2}+`, []string{"+", ",,", "-+"}, []string{".", "*"}},
	{`[\w-.]+`, []string{"a-.", "x"}, []string{"/", "+"}},
	{`[a-c-e]+`, []string{"abc-e"}, []string{"d"}},
	{`[$.*|(){}?+]+`, []string{"$.*|(){}?+"}, []string{"a", "\\"}},
	{`[:alpha:]+`, []string{"alpha:", "hal"}, []string{"b", "x"}},
	{`[a&b]`, []string{"&", "a"}, []string{"c"}},
	{`[A-z]`, []string{"A", "z", "_", "^"}, []string{"1"}},
	{"[\U0001f600-\U0001f602]", []string{"\U0001f601"}, []string{"\U0001f603", "a"}},
	{`[\x41-\x{43}\u00e9]+`, []string{"ABC\u00e9"}, []string{"D", "E9"}},

	// Characters, escapes and quotations.
	{`.`, []string{"a", "\u00e9", "\U0001f600", "\u0301"}, []string{"", "ab", "e\u0301"}},
	{`\u0041\ud83d\ude00\x{1F600}\t\e\x2e`, []string{"A\U0001f600\U0001f600\t\x1b."}, []string{"A"}},
	{`\.\-\_\@\\\/\#\ `, []string{`.-_@\/# `}, []string{"a"}},
	{`\Qa.b*\E+`, []string{"a.b*", "a.b***"}, []string{"axb*", "a.ba.b"}},
	{`\Q[`, []string{"["}, []string{"a"}},
	{`[\Qa-c]\E]+`, []string{"a-c]"}, []string{"b"}},
	{`a}]`, []string{"a}]"}, []string{"a"}},

	// Case: only ASCII has two.
	{`(?i)ann`, []string{"ann", "ANN", "aNn"}, []string{"bnn"}},
	{`(?i)\u00e9k`, []string{"\u00e9k", "\u00e9K"}, []string{"\u00c9k", "\u00e9\u212a"}},
	{`(?i)s[a-k]`, []string{"SK", "sa"}, []string{"\u017fa", "s\u212a", "sl"}},
	{`(?i)[Z-a]`, []string{"z", "A", "Z", "_"}, []string{"b", "Y"}},
	{`(?i:a)b(?-i)c`, []string{"abc", "Abc"}, []string{"aBc", "abC"}},
	{`(a(?i)b|c)d`, []string{"aBd", "Cd", "abd"}, []string{"Abd", "cD"}},
	{`(?s)a.(?is-i:b)`, []string{"a b"}, []string{"a B"}},

	// Groups, references and lookaround.
	{`(a)(b)?\1`, []string{"aa", "aba"}, []string{"abb"}},
	{`(a)?\1`, []string{"aa"}, []string{"", "a"}},
	{`(?<x>ab|c)\k<x>`, []string{"abab", "cc"}, []string{"abc"}},
	{`(a)\10`, []string{"aa0"}, []string{"a0", "aa"}},
	{`(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)\10\1`, []string{"abcdefghijja"}, []string{"abcdefghija0a"}},
	{`(?:a{40}){30}|b`, []string{"b"}, []string{strings.Repeat("a", 999)}},
	{`(?:a|ab)c`, []string{"ac", "abc"}, []string{"bc"}},
	{`(?>a|ab)c`, []string{"ac"}, []string{"abc"}},
	{`a*+a`, nil, []string{"a", "aaa"}},
	{`a*+b`, []string{"aab", "b"}, []string{"aa"}},
	{`(?!admin)\w+`, []string{"ann", "xadmin"}, []string{"admin", "administrator"}},
	{`\w+(?<!_)`, []string{"ann", "_a"}, []string{"ann_"}},
	{`.*(?<=@contoso\.test)`, []string{"a@contoso.test"}, []string{"a@contoso.test.evil"}},
	{`^(?=.{3,30}$)(?![_.])(?!.*[_.]{2})[a-zA-Z0-9._]+(?<![_.])$`, []string{"ann.b_c", "abc"}, []string{"_ann", "ann.", "a..b", "ab"}},
}

func compile(t testing.TB, java string) pattern.Pattern {
	t.Helper()
	p, err := pattern.Compile(java)
	if err != nil {
		t.Fatalf("%s: %v", java, err)
	}
	if p.String() != java {
		t.Errorf("%s is written as %s", java, p)
	}
	return p
}

func TestP019_PatternsMeanWhatJavaSays(t *testing.T) {
	for _, c := range java {
		p := compile(t, c.pattern)
		for want, texts := range map[bool][]string{true: c.yes, false: c.no} {
			for _, text := range texts {
				if p.Match(text) != want {
					t.Errorf("%s on %q is %v", c.pattern, text, !want)
				}
			}
		}
	}
}

// What would mean something else, or nothing, is refused with what to do.
func TestRefused(t *testing.T) {
	for java, want := range map[string]string{
		``:                          "leave it out",
		strings.Repeat("a", 1001):   "longer than 1000 bytes",
		"\xff":                      "not UTF-8",
		`[a-z&&[^m-p]]`:             "at character 5: && can't be kept",
		`[a-z&&b]`:                  "write out the characters",
		`[&&a]`:                     "&& can't be kept",
		`[a[b]]`:                    "at character 3: a class within a class",
		`[[:alpha:]]`:               "a class within a class",
		`[a-[b]]`:                   "a class within a class",
		`[a`:                        `at character 1: this [ is not closed`,
		`[]`:                        "not closed",
		`[^]`:                       "not closed",
		`[z-a]`:                     "ends before it begins",
		`[a-\d]`:                    "a span ends with one character",
		`\p{javaLowerCase}`:         `write \p{L} for letters`,
		`\p{IsAlphabetic}`:          `write \p{L} for letters`,
		`\p{InGreek}`:               `write \p{L} for letters`,
		`\p{Latin}`:                 `\p{IsLatin}`,
		`\p{script=Latin}`:          `\p{IsLatin}`,
		`\p{C}`:                     "this property",
		`\p{Cs}`:                    "this property",
		`\p{`:                       "this property",
		`\p`:                        "this property",
		`(?i)\p{Lu}`:                "write it without (?i)",
		`(?i)[\p{Lower}]`:           "write it without (?i)",
		`a\R`:                       "there is one line only",
		`\X`:                        "write . for any character",
		`\Ga`:                       "write ^",
		`\N{LATIN SMALL LETTER A}`:  "write the character itself",
		`\bann\b`:                   "(?![A-Za-z0-9_])",
		`\B`:                        "(?=[A-Za-z0-9_])",
		`[\b]`:                      `\b means something else`,
		`\0101`:                     `write \x and two`,
		`\cA`:                       `write \x and two`,
		`\y`:                        `\y is not known`,
		`\E`:                        "ends a quotation",
		`a\`:                        `write \\ for the character`,
		`\u12`:                      "no character's number",
		`\ud83d`:                    "no character's number",
		`\ud83d\u0041`:              "no character's number",
		`\x{110000}`:                "no character's number",
		`\x{d800}`:                  "no character's number",
		`\x{}`:                      "no character's number",
		`\xg1`:                      "no character's number",
		`\x4\Q1`:                    "no character's number",
		`(?\Qi`:                     "this is no group",
		`(?<a-b>c)`:                 "the name of a group",
		`(?u)a`:                     "only i and s",
		`(?U)a`:                     "only i and s",
		`(?d)a`:                     "only i and s",
		`(?x)a b`:                   "only i and s",
		`(?m)^a$`:                   "only i and s",
		`(?P<n>a)`:                  "only i and s",
		`(?--i)a`:                   "only i and s",
		`(?'n'a)`:                   "only i and s",
		`(?#note)a`:                 "only i and s",
		`(?<a_b>c)`:                 "the name of a group",
		`(?<1>c)`:                   "the name of a group",
		`(?<>c)`:                    "the name of a group",
		`(?<n>a)(?<n>b)`:            "stands there once",
		`*a`:                        `at character 1: there is nothing that this * repeats; write \* for the character`,
		`a|+`:                       `write \+ for the character`,
		`(?)`:                       "",
		`{2}`:                       `write \{ for the character`,
		`a{`:                        `write {2}, {2,} or {2,5}`,
		`a{,3}`:                     `write {2}, {2,} or {2,5}`,
		`a{x}`:                      `write {2}, {2,} or {2,5}`,
		`a{3,2}`:                    "exchange them",
		`a{1001}`:                   "1000 times",
		`a{1,99999999999999999999}`: "1000 times",
		`a**`:                       "put the part before it into (?:...)",
		`a{2}{3}`:                   "put the part before it into (?:...)",
		`^*`:                        "takes up no characters",
		`(?=a)?b`:                   "takes up no characters",
		`(a`:                        `at character 1: this ( is not closed`,
		`(?:a`:                      "not closed",
		`(?i:a`:                     "not closed",
		`(?i`:                       "not closed",
		`(?`:                        "not closed",
		`a)`:                        `at character 2: this ) closes nothing`,
		`\1(a)`:                     "refer to an earlier one",
		`(a\1)`:                     "refer to an earlier one",
		`\k<n>`:                     "refer to an earlier one",
		`(?i)(a)\1`:                 "write it without (?i)",
		`(a)(?<=\1)`:                "can't stand in a lookbehind",
		`(?<=a+)b`:                  "write {0,30} for *",
		`(?<=(ab){2})c`:             "no quantifier after a group",
		`(?<=a?+)b`:                 "possessive",
		`(?<!(?>a))b`:               "write (?:",
		strings.Repeat("(", 40) + strings.Repeat(")", 40): "nested too deep",
	} {
		p, err := pattern.Compile(java)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", java, err)
			}
			continue
		}
		if usher.KindOf(err) != usher.Invalid || !strings.Contains(usher.Shown(err), want) || p.String() != "" {
			t.Errorf("%.60s: %q, want %q", java, usher.Shown(err), want)
		}
	}
}

func TestZeroMatchesEverything(t *testing.T) {
	var p pattern.Pattern
	for _, text := range []string{"", "a", "a\nb", "\xff", strings.Repeat("a", 5000)} {
		if !p.Match(text) {
			t.Errorf("%.10q does not match", text)
		}
	}
	if p.String() != "" || !p.Equal(pattern.Pattern{}) || p.Equal(compile(t, "a")) || !compile(t, "a").Equal(compile(t, "a")) {
		t.Error("equality")
	}
}

// Texts that no store takes match nothing, whatever the expression.
func TestBoundsOfTexts(t *testing.T) {
	for _, java := range []string{`[\s\S]*`, `(?=a?)[\s\S]*`} {
		p := compile(t, java)
		for text, want := range map[string]bool{
			"": true, strings.Repeat("\u00e9", 1000): true, strings.Repeat("a", 1001): false, "a\nb": false, "a\r": false, "\u0085": false, "\u2028": false, "\u2029": false, "\xff": false, "a\xc3": false,
		} {
			if p.Match(text) != want {
				t.Errorf("%s on %.10q is %v", java, text, !want)
			}
		}
	}
}

// An expression that is tried again and again is stopped, and does not match.
func TestStopped(t *testing.T) {
	for _, java := range []string{`(?=a)(a|a)*`, `(?=a)(a*)*b`, `(?:(a+)\1?)+b`} {
		p := compile(t, java)
		began := time.Now()
		if p.Match(strings.Repeat("a", 999) + "c") {
			t.Errorf("%s matches", java)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s takes %v", java, took)
		}
	}
	if p := compile(t, `(a*)*b`); p.Match(strings.Repeat("a", 999)) { // this one needs no stopping
		t.Error("it matches")
	}
}

func FuzzCompile(f *testing.F) {
	for _, c := range java {
		f.Add(c.pattern, "ann")
	}
	f.Fuzz(func(t *testing.T, java, text string) {
		p, err := pattern.Compile(java)
		if err != nil {
			if usher.KindOf(err) != usher.Invalid || usher.Shown(err) == "" {
				t.Errorf("%q: %v", java, err)
			}
			return
		}
		p.Match(text)
	})
}
