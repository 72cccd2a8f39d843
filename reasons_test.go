package usher_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-id/usher"
)

var update = flag.Bool("update", false, "write docs/reasons.md anew")

// block is one group of Reason constants in reason.go, under its comment.
type block struct {
	title string
	words []usher.Reason
}

// declared reads the constants out of reason.go, so that no list has to be kept.
func declared(t *testing.T) []block {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	for _, d := range tree.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		title, _, _ := strings.Cut(strings.ReplaceAll(g.Doc.Text(), "\n", " "), ".")
		b := block{title: strings.NewReplacer("[", "", "]", "").Replace(title)}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			word, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatalf("%s: %v", v.Names[0], err)
			}
			b.words = append(b.words, usher.Reason(word))
		}
		blocks = append(blocks, b)
	}
	return blocks
}

func TestReasonsAreTotal(t *testing.T) {
	var want, have []usher.Reason
	for _, b := range declared(t) {
		want = append(want, b.words...)
	}
	for _, r := range usher.Reasons {
		have = append(have, r.Reason)
	}
	if len(want) < 50 {
		t.Fatalf("reason.go has %d constants; it was read wrongly", len(want))
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("reasons.go must hold each constant of reason.go once, in the same order (-constants +table):\n%s", d)
	}
}

func TestReasonWordsAreWellFormed(t *testing.T) {
	form := regexp.MustCompile(`^[a-z]+\.[a-z]+(_[a-z]+)*$`)
	seen := map[usher.Reason]bool{}
	for _, r := range usher.Reasons {
		if !form.MatchString(string(r.Reason)) {
			t.Errorf("%q is not area.word", r.Reason)
		}
		if seen[r.Reason] {
			t.Errorf("%q is there twice", r.Reason)
		}
		seen[r.Reason] = true
		for _, s := range []string{r.Person, r.Do} {
			if s != strings.TrimSpace(s) || !strings.HasSuffix(s, ".") {
				t.Errorf("%s: %q is not a sentence", r.Reason, s)
			}
		}
	}
}

func TestReasonTextsForPeopleHoldNoJargon(t *testing.T) {
	jargon := regexp.MustCompile(`(?i)\b(token|claims?|jwt|oidc|openid|nonce|issuer|subject|scope|redirect_uri|client_id|http|error|invalid|denied|illegal|forbidden|idp)\b`)
	for _, r := range usher.Reasons {
		if word := jargon.FindString(r.Person); word != "" {
			t.Errorf("%s says %q to a person: %s", r.Reason, word, r.Person)
		}
		if strings.Count(r.Person, ". ") > 1 || len(r.Person) > 160 {
			t.Errorf("%s says more than two sentences: %s", r.Reason, r.Person)
		}
	}
}

func TestSaidOfAnUnknownWordIsCalm(t *testing.T) {
	got := usher.Reason("no.such_word").Said()
	if got.Reason != "no.such_word" || got.Kind != usher.Internal || got.Person == "" {
		t.Errorf("got %+v", got)
	}
	if got := usher.ReasonExpired.Said(); got.Reason != usher.ReasonExpired || got.Kind != usher.Denied {
		t.Errorf("got %+v", got)
	}
}

// TestReasonsPage keeps docs/reasons.md and the table the same. Run it with
// -update to write the page.
func TestReasonsPage(t *testing.T) {
	const page = "docs/reasons.md"
	want := reasonsPage(t)
	if *update {
		if err := os.WriteFile(page, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(have), string(want)); d != "" {
		t.Errorf("%s is stale; run: go test -run TestReasonsPage . -update\n%s", page, d)
	}
}

func reasonsPage(t *testing.T) []byte {
	var b bytes.Buffer
	b.WriteString("# Reason words\n\n")
	b.WriteString("One stable word says why something was decided or refused. Pages, logs, decision\nrecords and tests share it; words are added, never changed. This page is made from\nthe table in `reasons.go`.\n")
	for _, group := range declared(t) {
		fmt.Fprintf(&b, "\n## %s\n\n| word | the person reads | the operator knows |\n|---|---|---|\n", group.title)
		for _, word := range group.words {
			r := word.Said()
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.Reason, r.Person, r.Do)
		}
	}
	return b.Bytes()
}
