package rule

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// reads is what an expression looks at.
type reads struct {
	claims []string // the top-level claims it names, sorted
	all    bool     // it can look at any claim: it uses claims as a whole, or by a computed name
	words  []string // every name and text written in it, sorted
}

// any gives the first of the claims (sorted) that the expression looks at.
func (r reads) any(claims []string) (string, bool) {
	for _, name := range claims {
		if r.all {
			return name, true
		}
		if _, found := slices.BinarySearch(r.claims, name); found {
			return name, true
		}
	}
	return "", false
}

// wrote says whether the word stands in the expression: only such words may be
// repeated in a reason, for any other comes from a claim.
func (r reads) wrote(word string) bool {
	_, found := slices.BinarySearch(r.words, word)
	return found
}

func readsOf(tree *ast.AST) reads {
	var r reads
	mentions := 0 // of the variable claims
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			if isClaims(e) {
				mentions++
			}
		case ast.LiteralKind:
			if s, ok := e.AsLiteral().(types.String); ok {
				r.words = append(r.words, string(s))
			}
		case ast.SelectKind:
			s := e.AsSelect()
			r.words = append(r.words, s.FieldName())
			if isClaims(s.Operand()) {
				r.claims = append(r.claims, s.FieldName())
			}
		case ast.CallKind:
			if name, ok := claimOf(e.AsCall()); ok {
				r.claims = append(r.claims, name)
			}
		}
	}))
	// Every mention that was not one of the named ones uses the claims as a whole.
	r.all = mentions > len(r.claims)
	slices.Sort(r.claims)
	slices.Sort(r.words)
	r.claims, r.words = slices.Compact(r.claims), slices.Compact(r.words)
	return r
}

// claimOf is the claim that a call reads by a written name: claims.?x,
// claims["x"], claims[?"x"] or "x" in claims.
func claimOf(call ast.CallExpr) (string, bool) {
	args := call.Args()
	if len(args) != 2 {
		return "", false
	}
	from, key := args[0], args[1]
	switch call.FunctionName() {
	case operators.In:
		from, key = key, from
	case operators.OptSelect, operators.Index, operators.OptIndex:
	default:
		return "", false
	}
	if !isClaims(from) || key.Kind() != ast.LiteralKind {
		return "", false
	}
	name, ok := key.AsLiteral().(types.String)
	return string(name), ok
}

func isClaims(e ast.Expr) bool {
	return e.Kind() == ast.IdentKind && strings.TrimPrefix(e.AsIdent(), ".") == "claims"
}
