package rule

import (
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
)

// What an expression may be and may do. The limits are far above what mapping
// claims needs, and low enough that the worst expression over the worst claims
// ends in well under a second.
const (
	maxExpression   = 4 << 10 // bytes of one expression
	maxNodes        = 1_200   // nodes of its syntax tree, macros expanded
	maxDepth        = 40      // levels of its syntax tree
	maxLoops        = 5       // loops (map, filter, exists ...) inside or after each other
	maxScopes       = 10      // loops, optMap and cel.bind inside or after each other
	maxMaps         = 16      // maps written in one expression
	maxPattern      = 1_000   // bytes, and instructions, of a regular expression
	maxCost         = 500_000 // CEL cost units of one expression
	maxTotalCost    = 1_000_000
	maxText         = 16 << 10 // bytes of one text, in claims and while a rule runs
	maxWeight       = 200_000  // items, and tens of bytes of text, of one value while a rule runs
	maxPairs        = 4 << 20  // comparisons of one call that compares everything with everything
	maxRange        = 1_000    // numbers of one lists.range
	maxValueNesting = 32       // levels of one value while a rule runs
)

// timeFunctions are the functions of CEL that are left out: they read the time
// zones of the machine, which would make a rule's outcome depend on it.
var timeFunctions = []string{
	"timestamp", "duration", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear",
	"getFullYear", "getHours", "getMilliseconds", "getMinutes", "getMonth", "getSeconds",
}

// tools is what every expression is compiled with.
type tools struct {
	env     *cel.Env
	program []cel.ProgramOption
}

// loadTools makes the tools once; they never change afterwards.
var loadTools = sync.OnceValues(newTools)

func newTools() (*tools, error) {
	// CEL keeps one "no such overload" error and writes the place where it first
	// happened into it. Giving it a place now leaves nothing to write later, when
	// several sign-ins run at once.
	types.LabelErrNode(-1, types.NoSuchOverloadErr())

	without := env.NewLibrarySubset()
	for _, name := range timeFunctions {
		without.AddExcludedFunctions(env.NewFunction(name))
	}
	e, err := cel.NewCustomEnv(
		cel.StdLib(cel.StdLibSubset(without)),
		cel.OptionalTypes(),
		ext.Strings(), ext.Lists(ext.ListsMaxRangeSize(maxRange)), ext.Sets(), ext.Bindings(),
		cel.Variable("claims", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("issuer", cel.StringType),
		cel.Variable("subject", cel.StringType),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(maxDepth),
		cel.ParserErrorRecoveryLimit(1),
		cel.ExpressionNodeLimit(maxNodes),
		cel.RegexProgramSizeLimit(maxPattern),
		cel.ASTValidators(
			cel.ValidateRegexLiterals(),
			cel.ValidateComprehensionNestingLimit(maxLoops),
		),
		cel.CostModelVersion(1),
		cel.EagerlyValidateDeclarations(true),
	)
	if err != nil {
		return nil, err
	}
	guarded, err := guard(e)
	if err != nil {
		return nil, err
	}
	return &tools{env: e, program: []cel.ProgramOption{
		cel.EvalOptions(cel.OptOptimize),
		cel.CostLimit(maxCost),
		cel.CustomDecoratorV2(bound),
		cel.Functions(guarded...), //nolint:staticcheck // the one way to stand in front of CEL's own functions
	}}, nil
}
