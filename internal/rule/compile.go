package rule

import (
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
)

// want is what an expression must come to.
type want uint8

const (
	wantText  want = iota // a text, an optional text
	wantList              // a list of text, an optional one
	wantParts             // a list of text or a text to be split, an optional one
	wantBool              // a boolean
)

var wantWords = [...]string{
	wantText:  "a text",
	wantList:  "a list of text",
	wantParts: "a list of text, or a text to be split",
	wantBool:  "true or false",
}

// expression is one compiled rule.
type expression struct {
	where   string
	program cel.Program
	reads   reads
}

// compiler compiles the expressions of one source and gathers their faults.
type compiler struct {
	faults
	tools  *tools
	broken error
}

// optional compiles a rule that need not be there.
func (c *compiler) optional(where, text string, w want) *expression {
	if text == "" {
		return nil
	}
	return c.compile(where, text, w)
}

// compile compiles one rule, or adds its faults and gives nil.
func (c *compiler) compile(where, text string, w want) *expression {
	switch {
	case strings.TrimSpace(text) == "":
		c.add(where, "There is no expression. Write one, or leave the rule out.")
		return nil
	case len(text) > maxExpression:
		c.add(where, "The expression has "+strconv.Itoa(len(text))+" bytes and may have "+strconv.Itoa(maxExpression)+". Shorten it.")
		return nil
	}
	parsed, issues := c.tools.env.Parse(text)
	if issues.Err() != nil {
		c.issues(where, issues)
		return nil
	}
	if msg := refusedByForm(parsed.NativeRep()); msg != "" {
		c.at(where, 1, 1, msg)
		return nil
	}
	checked, issues := c.tools.env.Check(parsed)
	if issues.Err() != nil {
		c.issues(where, issues)
		return nil
	}
	if msg := misfit(checked.OutputType(), w); msg != "" {
		c.at(where, 1, 1, msg)
		return nil
	}
	if estimate, err := c.tools.env.EstimateCost(checked, anySize{}); err == nil && estimate.Min > maxCost {
		c.at(where, 1, 1, "The expression always costs more than it may. Make its loops or its texts smaller.")
		return nil
	}
	program, err := c.tools.env.Program(checked, c.tools.program...)
	if err != nil {
		c.at(where, 1, 1, "The expression can't be made ready to run: "+err.Error()+". Write it another way.")
		return nil
	}
	return &expression{where: where, program: program, reads: readsOf(checked.NativeRep())}
}

// anySize knows nothing of the size of claims.
type anySize struct{}

func (anySize) EstimateSize(cost.AstNode) *cost.SizeEstimate { return nil }

func (anySize) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// misfit says how a type can't be what is wanted, or "". What is dynamic is
// checked when the rule runs.
func misfit(t *types.Type, w want) string {
	switch {
	case w != wantBool && t.Kind() == types.OpaqueKind && t.TypeName() == "optional_type":
		t = t.Parameters()[0]
	case w == wantBool && t.Kind() == types.OpaqueKind:
		return "The rule gives " + t.String() + " and must give true or false. Say what absent means, as in claims.?email_verified.orValue(false) == true."
	}
	if fits(t, w) {
		return ""
	}
	msg := "The rule gives " + t.String() + " and must give " + wantWords[w] + ". "
	switch {
	case w == wantText && t.Kind() == types.ListKind:
		return msg + "Choose one item, or declare that the attribute may hold a list."
	case w == wantText:
		return msg + "Convert it, as in string(...)."
	case w == wantList && t.Kind() == types.StringKind:
		return msg + "Put it into brackets if one value is meant, as in [claims.role]."
	}
	return msg + "Change the expression."
}

func fits(t *types.Type, w want) bool {
	switch {
	case t.Kind() == types.DynKind:
		return true
	case w == wantText, w == wantParts && t.Kind() == types.StringKind:
		return t.Kind() == types.StringKind
	case w == wantBool:
		return t.Kind() == types.BoolKind
	}
	return t.Kind() == types.ListKind && fits(t.Parameters()[0], wantText)
}

// issues turns what CEL found into faults.
func (c *compiler) issues(where string, issues *cel.Issues) {
	for _, e := range issues.Errors() {
		c.at(where, max(e.Location.Line(), 1), max(e.Location.Column(), 0)+1, advice(e.Message))
	}
}

// advice is CEL's message with what to do about it.
func advice(msg string) string {
	msg = strings.TrimRight(strings.TrimSpace(msg), ".")
	switch {
	case strings.Contains(msg, "cannot be range of a comprehension") && strings.Contains(msg, "optional_type"):
		return "A value that may be absent can't be walked with map, filter, exists or all. Use optMap, as in claims.?groups.optMap(g, g.filter(x, x != \"\"))."
	case strings.HasPrefix(msg, "undeclared reference to"):
		name := msg[len("undeclared reference to"):]
		if at := strings.Index(name, " (in container"); at >= 0 {
			name = name[:at]
		}
		return "There is nothing called" + name + ". A rule knows claims, issuer and subject (a claim is claims.name) and the functions of CEL without those of time."
	case strings.HasPrefix(msg, "found no matching overload"):
		return "The parts don't fit together: " + msg + ". Convert the values first, or check how the function is called."
	case strings.HasPrefix(msg, "Syntax error"), strings.Contains(msg, "unexpected token"):
		return msg + ". Check the brackets, quotes and commas here."
	case strings.Contains(msg, "exceeds"), strings.Contains(msg, "limit"):
		return "The expression is too large: " + msg + ". Make it simpler."
	}
	return msg + ". Correct the expression."
}

// refusedByForm says why an expression of this form is refused before its types
// are looked at, or "". A map of what a loop or a bind names holds the type of
// it twice; a few dozen of them in a row have a type that never ends.
func refusedByForm(tree *ast.AST) string {
	msg, maps := "", 0
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.StructKind:
			msg = "A rule can't make messages (" + e.AsStruct().TypeName() + "). Use texts, numbers, lists and maps."
		case ast.MapKind:
			maps++
		}
	}))
	switch {
	case msg != "":
	case maps > maxMaps:
		msg = "The expression writes " + strconv.Itoa(maps) + " maps and may write " + strconv.Itoa(maxMaps) + ". Make it simpler."
	case scopes(tree.Expr()) > maxScopes:
		msg = "Too many loops, optMap or cel.bind stand inside or after each other. Make the expression simpler."
	}
	return msg
}

// scopes is the most comprehensions (loops, optMap and cel.bind are) on any way
// through the expression. The parser has bounded its depth.
func scopes(e ast.Expr) int {
	most := 0
	nested := func(parts ...ast.Expr) {
		for _, p := range parts {
			most = max(most, scopes(p))
		}
	}
	switch e.Kind() {
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		nested(c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result())
		most++
	case ast.CallKind:
		nested(e.AsCall().Args()...)
		if e.AsCall().IsMemberFunction() {
			nested(e.AsCall().Target())
		}
	case ast.SelectKind:
		nested(e.AsSelect().Operand())
	case ast.ListKind:
		nested(e.AsList().Elements()...)
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			nested(entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
	}
	return most
}
