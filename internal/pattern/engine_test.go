package pattern

import (
	"testing"

	"github.com/dlclark/regexp2"
	"pgregory.net/rapid"
)

// Where both engines can be used they agree, so that it does not matter which
// one an expression goes to.
func TestEnginesAgree(t *testing.T) {
	part := rapid.SampledFrom([]string{
		"a", "b", "A", "\u00e9", "1", "-", "]", "}", ".", `\d`, `\W`, `\s`, `\S`, `\h`, `\.`, `\-`, `[abc]`, `[^a-c]`, `[a-]`, `[]a]`, `[\w.-]`, `[^\s*?%]`, `[+--]`, `[^\W_]`,
		`\p{L}`, `\P{Lu}`, `\p{Punct}`, "*", "+", "?", "{2}", "{0,3}", "*?", "(", "(?:", ")", "|", "^", "$", "(?i)", `\Qa.\E`,
	})
	letter := rapid.SampledFrom([]rune("abcABZ19\u00e9\u00c9_-]}. \t*\U0001f600\u212a\u017f"))
	quickClock()
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		var java string
		for _, s := range rapid.SliceOfN(part, 1, 10).Draw(t, "pattern") {
			java += s
		}
		p, err := Compile(java)
		if err != nil {
			return
		}
		one, ok := p.engine.(linear)
		if !ok {
			return
		}
		read, err := translate(java)
		if err != nil {
			t.Fatal(err)
		}
		other := returning{regexp2.MustCompile(`\A(?:`+read.text+`)\z`, regexp2.None)}
		other.re.MatchTimeout = maxTime
		compared++
		for range 5 {
			text := string(rapid.SliceOfN(letter, 0, 6).Draw(t, "text"))
			if one.matches(text) != other.matches(text) {
				t.Errorf("%s on %q: %v and %v", java, text, one.matches(text), other.matches(text))
			}
		}
	})
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

func BenchmarkMatch(b *testing.B) {
	for name, java := range map[string]string{"linear": `^[\S]{3,30}$`, "returning": `^(?=.*\d)(?=.*[a-z])(?=.*[A-Z])[\S]{8,30}$`} {
		p, err := Compile(java)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if !p.Match("Correct1horse") {
					b.Fatal("no match")
				}
			}
		})
	}
}
