package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// House is the rules that a module's packages keep. Packages are named by their
// path inside the module.
type House struct {
	Module   string              // the module's path
	Floors   [][]string          // from the ground up; a package may import those on lower floors
	Kits     []string            // packages that only tests and KitUsers may import
	KitUsers []string            // packages that may
	Pure     map[string][]string // what a package and all it imports in the module may import from outside; "x/..." is x and all below
	Banned   []string            // what no package may import
	BadNames []string            // what no package may be called
	MaxDepth int                 // longest chain of imports inside the module, in steps
	MaxLines int                 // of one package
}

// Check is every fault of a module's packages, as sentences, sorted.
func (h House) Check(packages []Package) []string {
	c := checker{House: h, floor: map[string]int{}, byPath: map[string]Package{}}
	for n, floor := range h.Floors {
		for _, p := range floor {
			c.floor[p] = n
		}
	}
	for _, p := range packages {
		c.byPath[p.Path] = p
	}
	for _, p := range packages {
		c.checkFloor(p)
		c.checkKits(p)
		c.checkPurity(p)
		c.checkForm(p)
		if d := c.depth(p.Path, nil); d > h.MaxDepth {
			c.fault(p, "stands on a chain of %d imports; %d are allowed", d, h.MaxDepth)
		}
	}
	slices.Sort(c.faults)
	return c.faults
}

type checker struct {
	House
	floor  map[string]int
	byPath map[string]Package
	faults []string
}

func (c *checker) fault(p Package, format string, args ...any) {
	c.faults = append(c.faults, p.Path+" "+fmt.Sprintf(format, args...))
}

// inside is the path of an import inside the module, false for one from outside.
func (c *checker) inside(imported string) (string, bool) {
	if imported == c.Module {
		return ".", true
	}
	return strings.CutPrefix(imported, c.Module+"/")
}

func (c *checker) checkFloor(p Package) {
	own, known := c.floor[p.Path]
	if !known {
		c.fault(p, "lives on no floor; give it one")
		return
	}
	for _, i := range p.Imports {
		below, ok := c.inside(i)
		if !ok {
			continue
		}
		switch floor, known := c.floor[below]; {
		case !known: // told where that package is checked
		case floor == own:
			c.fault(p, "imports %s, sideways", below)
		case floor > own:
			c.fault(p, "imports %s, upwards", below)
		}
	}
}

func (c *checker) checkKits(p Package) {
	if slices.Contains(c.KitUsers, p.Path) || slices.Contains(c.Kits, p.Path) {
		return
	}
	for _, i := range p.Imports {
		if kit, ok := c.inside(i); ok && slices.Contains(c.Kits, kit) {
			c.fault(p, "imports %s, a kit for tests", kit)
		}
	}
}

// checkPurity follows imports through the module, so that nothing impure can be
// reached by a detour.
func (c *checker) checkPurity(p Package) {
	allowed, pure := c.Pure[p.Path]
	if !pure {
		return
	}
	seen := map[string]bool{p.Path: true}
	for todo := []string{p.Path}; len(todo) > 0; todo = todo[1:] {
		for _, i := range c.byPath[todo[0]].Imports {
			below, ok := c.inside(i)
			switch {
			case !ok && !allows(allowed, i):
				c.fault(p, "is pure and imports %s%s", i, through(p.Path, todo[0]))
			case ok && !seen[below]:
				seen[below] = true
				todo = append(todo, below)
			}
		}
	}
}

func through(from, at string) string {
	if from == at {
		return ""
	}
	return " through " + at
}

func allows(allowed []string, imported string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		tree, isTree := strings.CutSuffix(a, "/...")
		return a == imported || isTree && (imported == tree || strings.HasPrefix(imported, tree+"/"))
	})
}

func (c *checker) checkForm(p Package) {
	for _, i := range p.Imports {
		if slices.Contains(c.Banned, i) {
			c.fault(p, "imports %s, which nobody may", i)
		}
	}
	for _, file := range p.Inits {
		c.fault(p, "has an init function in %s", file)
	}
	if slices.Contains(c.BadNames, p.Name) || slices.Contains(c.BadNames, path.Base(p.Path)) {
		c.fault(p, "has a name that says nothing")
	}
	if !p.Doc {
		c.fault(p, "has no package comment")
	}
	if p.Lines > c.MaxLines {
		c.fault(p, "has %d lines; %d are allowed", p.Lines, c.MaxLines)
	}
}

// depth is the number of steps in the longest chain of imports below a package.
// A circle, which the compiler refuses anyway, is not followed twice.
func (c *checker) depth(at string, above []string) int {
	deepest := 0
	for _, i := range c.byPath[at].Imports {
		if below, ok := c.inside(i); ok && !slices.Contains(above, below) && below != at {
			deepest = max(deepest, 1+c.depth(below, append(slices.Clone(above), at)))
		}
	}
	return deepest
}
