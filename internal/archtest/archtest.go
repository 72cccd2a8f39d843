// Package archtest reads the source of a module and checks it against the rules
// of the house: which floor each package lives on, that it imports only from
// lower floors, that the pure floor stays pure, and a few budgets. It is a kit
// for tests. It does not compile anything, does not look at test files, and
// knows of Usher only what its own test tells it.
package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Package is what is known of one package: its files without the tests.
type Package struct {
	Path    string   // inside the module; "." is the module's root
	Name    string   // as the package clause says
	Doc     bool     // some file has a package comment
	Imports []string // full import paths, sorted, each once
	Inits   []string // files that have an init function
	Lines   int      // of all files together
}

// Read reads every package under the root of a module. Folders that start with
// a dot or an underscore, testdata, node_modules and modules inside are left out.
func Read(root fs.FS) ([]Package, error) {
	found := map[string]*Package{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return skipped(root, name)
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		dir := path.Dir(name)
		if found[dir] == nil {
			found[dir] = &Package{Path: dir}
		}
		return found[dir].add(root, name)
	})
	out := make([]Package, 0, len(found))
	for _, p := range found {
		slices.Sort(p.Imports)
		p.Imports = slices.Compact(p.Imports)
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Package) int { return strings.Compare(a.Path, b.Path) })
	return out, err
}

// skipped is fs.SkipDir for a folder that is not part of the module.
func skipped(root fs.FS, dir string) error {
	if dir == "." {
		return nil
	}
	name := path.Base(dir)
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules" {
		return fs.SkipDir
	}
	if _, err := fs.Stat(root, path.Join(dir, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

// add adds one file. Build tags are not looked at: a rule holds on every system.
func (p *Package) add(root fs.FS, name string) error {
	source, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	p.Name = file.Name.Name
	p.Doc = p.Doc || file.Doc != nil
	p.Lines += bytes.Count(source, []byte{'\n'})
	for _, i := range file.Imports {
		imported, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return err
		}
		p.Imports = append(p.Imports, imported)
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			p.Inits = append(p.Inits, path.Base(name))
		}
	}
	return nil
}
