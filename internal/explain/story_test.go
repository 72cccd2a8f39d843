package explain_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/explain"
)

func record() usher.Record {
	return usher.Record{
		ID:       "0198c0de-0000-7000-8000-000000000001",
		Policy:   usher.Policy{Application: usher.Application{Toggle: usher.Toggle{Name: "Shop", Enabled: true}}},
		Identity: usher.Identity{IdP: "contoso", Trace: []usher.Step{{Question: "mapping.username", Answer: "a value"}}},
		Snapshot: usher.Snapshot{At: 1_800_000_000 * usher.Second},
		Decision: usher.Decision{
			Verdict: usher.VerdictCreate, Reason: usher.ReasonCreated, User: "u1", Store: "PRIMARY",
			Trace: []usher.Step{{Question: "Is there a link?", Answer: "no", Rule: "link"}},
			Changes: []usher.Change{
				{Op: usher.OpCreateUser, Name: "ann", Values: []string{"ann"}},
				{Op: usher.OpSetAttribute, Name: "email", Values: []string{"ann@contoso.test"}, Rule: "mapping.attributes.email"},
			},
		},
	}
}

func TestStoryTellsEverythingButValues(t *testing.T) {
	text := explain.Tell(record()).Text()
	for _, want := range []string{
		"Somebody from contoso, on the way to Shop, was let in, with a new account in PRIMARY.",
		"create.new", "2027-01-15 08:00:00 UTC", "Is there a link?", "[link]", `made the account "ann"`,
		`wrote the attribute "email" (mapping.attributes.email)`, "mapping.username",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the story does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "ann@contoso.test") {
		t.Error("the story shows an attribute's value")
	}
}

// Every change there is has words; a new one without them would show its raw name.
func TestEveryChangeHasWords(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../decision.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Op") {
			return true
		}
		n++
		op := strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`)
		rec := record()
		rec.Decision.Changes = []usher.Change{{Op: usher.ChangeOp(op), Name: "x"}}
		if got := explain.Tell(rec).Changes[0]; got == op {
			t.Errorf("%s is not told in words", op)
		}
		return true
	})
	if n < 10 {
		t.Fatalf("only %d changes found", n)
	}
}
