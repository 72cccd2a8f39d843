package archtest_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-id/usher/internal/archtest"
)

// pureStd is the part of the standard library that has no clock, no randomness,
// no I/O and no context. What is not here is not for the pure floor.
var pureStd = []string{
	"bytes", "cmp", "crypto/sha256", "encoding/base32", "encoding/binary", "encoding/json", "errors", "iter",
	"maps", "math", "slices", "sort", "strconv", "strings", "unicode", "unicode/utf8",
}

// usher is the house as it stands. A new package gets its place here first.
var usher = archtest.House{
	Module: "github.com/usher-id/usher",
	Floors: [][]string{
		{"."},
		{"internal/rule", "internal/decide"},
		{"internal/pattern", "internal/password"},
		{"internal/idp", "internal/store", "internal/key", "internal/sqlite"},
		{"internal/ledger"},
		{"internal/session", "internal/token", "internal/outbox", "internal/web", "internal/provision", "internal/credential", "internal/outbound", "internal/explain"},
		{"internal/idp/oidc", "internal/store/sql"},
		{"internal/flow"},
		{"internal/op"},
		{"internal/config"},
		{"internal/wso2"},
		{"internal/idptest", "internal/storetest", "internal/archtest", "internal/web/webtest"},
		{"internal/demo"},
		{"cmd/usher"},
	},
	Kits:     []string{"internal/idptest", "internal/storetest", "internal/archtest", "internal/web/webtest"},
	KitUsers: []string{"internal/demo"},
	Pure: map[string][]string{
		".":               pureStd,
		"internal/decide": pureStd,
		// CEL needs its values reflected on, and programs are pooled.
		"internal/rule": append([]string{"cel.dev/cel-go/...", "reflect", "sync"}, pureStd...),
	},
	Banned:   []string{"math/rand", "math/rand/v2", "unsafe", "C"},
	BadNames: []string{"util", "utils", "common", "manager", "helper", "helpers", "misc"},
	MaxDepth: 8,
	MaxLines: 3_000,
}

// TestHouse checks the source of Usher itself.
func TestHouse(t *testing.T) {
	packages, err := archtest.Read(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 5 {
		t.Fatalf("only %d packages found", len(packages))
	}
	for _, fault := range usher.Check(packages) {
		t.Error(fault)
	}
	for pure := range usher.Pure {
		if !slices.ContainsFunc(packages, func(p archtest.Package) bool { return p.Path == pure }) {
			t.Errorf("%s is not there to be checked", pure)
		}
	}
}

// sound is a small house without a fault.
func sound() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{
		"doc.go":                     file("// Package usher is the root.\npackage usher\nimport \"strings\"\n"),
		"internal/decide/decide.go":  file("// Package decide decides.\npackage decide\nimport (\n\"github.com/usher-id/usher\"\n\"slices\"\n)\n"),
		"internal/decide/a_test.go":  file("package decide\nimport \"time\"\nfunc init() {}\n"),
		"internal/rule/rule.go":      file("// Package rule maps.\npackage rule\nimport (\n\"github.com/usher-id/usher\"\n\"cel.dev/cel-go/cel\"\n)\n"),
		"internal/ledger/ledger.go":  file("// Package ledger keeps.\npackage ledger\nimport (\n\"github.com/usher-id/usher\"\n\"time\"\n)\n"),
		"internal/idptest/idp.go":    file("// Package idptest is a kit.\npackage idptest\n"),
		"internal/demo/demo.go":      file("// Package demo shows.\npackage demo\nimport _ \"github.com/usher-id/usher/internal/idptest\"\n"),
		"cmd/usher/main.go":          file("// Command usher runs.\npackage main\nimport _ \"github.com/usher-id/usher/internal/demo\"\n"),
		"tools/go.mod":               file("module elsewhere\n"),
		"tools/rows/main.go":         file("package main\nimport \"math/rand\"\n"),
		"testdata/broken.go":         file("not Go\n"),
		"e2e/node_modules/x/y.go":    file("not Go\n"),
		".cache/y.go":                file("not Go\n"),
		"internal/decide/README.txt": file("not Go\n"),
	}
}

func check(t *testing.T, tree fstest.MapFS) []string {
	t.Helper()
	packages, err := archtest.Read(tree)
	if err != nil {
		t.Fatal(err)
	}
	return usher.Check(packages)
}

func TestSoundHouseHasNoFault(t *testing.T) {
	if faults := check(t, sound()); len(faults) > 0 {
		t.Errorf("found %v", faults)
	}
}

// TestFaultsAreFound puts one fault at a time into a sound house.
func TestFaultsAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		file, source string
		want         []string
	}{
		"a clock in decide": {
			"internal/decide/now.go", "package decide\nimport \"time\"\n",
			[]string{"internal/decide is pure and imports time"},
		},
		"a clock in the root reaches all that is pure": {
			"now.go", "package usher\nimport \"time\"\n",
			[]string{". is pure and imports time", "internal/decide is pure and imports time through .", "internal/rule is pure and imports time through ."},
		},
		"a clock in decide on another system": {
			"internal/decide/now_plan9.go", "//go:build plan9\n\npackage decide\nimport \"time\"\n",
			[]string{"internal/decide is pure and imports time"},
		},
		"CEL in decide": {
			"internal/decide/cel.go", "package decide\nimport \"cel.dev/cel-go/cel\"\n",
			[]string{"internal/decide is pure and imports cel.dev/cel-go/cel"},
		},
		"a library whose name only begins like CEL": {
			"internal/rule/cel.go", "package rule\nimport \"cel.dev/cel-gopher\"\n",
			[]string{"internal/rule is pure and imports cel.dev/cel-gopher"},
		},
		"the network in rule": {
			"internal/rule/net.go", "package rule\nimport \"net/http\"\n",
			[]string{"internal/rule is pure and imports net/http"},
		},
		"an import sideways": {
			"internal/decide/map.go", "package decide\nimport \"github.com/usher-id/usher/internal/rule\"\n",
			[]string{"internal/decide imports internal/rule, sideways", "internal/decide is pure and imports cel.dev/cel-go/cel through internal/rule"},
		},
		"an import upwards": {
			"internal/ledger/up.go", "package ledger\nimport \"github.com/usher-id/usher/internal/demo\"\n",
			[]string{"internal/ledger imports internal/demo, upwards"},
		},
		"a package on no floor": {
			"internal/attic/attic.go", "// Package attic is new.\npackage attic\n",
			[]string{"internal/attic lives on no floor; give it one"},
		},
		"a kit in the product": {
			"cmd/usher/kit.go", "package main\nimport \"github.com/usher-id/usher/internal/idptest\"\n",
			[]string{"cmd/usher imports internal/idptest, a kit for tests"},
		},
		"global randomness": {
			"internal/ledger/dice.go", "package ledger\nimport \"math/rand\"\n",
			[]string{"internal/ledger imports math/rand, which nobody may"},
		},
		"an init function": {
			"internal/ledger/start.go", "package ledger\ntype x struct{}\nfunc (x) init() {}\nfunc init() {}\n",
			[]string{"internal/ledger has an init function in start.go"},
		},
		"no package comment": {
			"internal/key/key.go", "package key\n",
			[]string{"internal/key has no package comment"},
		},
		"a name that says nothing": {
			"internal/util/util.go", "// Package util is anything.\npackage util\n",
			[]string{"internal/util has a name that says nothing", "internal/util lives on no floor; give it one"},
		},
		"a package too long": {
			"internal/ledger/long.go", "package ledger\n" + strings.Repeat("\n", 3_000),
			[]string{"internal/ledger has 3007 lines; 3000 are allowed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tree := maps.Clone(sound())
			tree[c.file] = &fstest.MapFile{Data: []byte(c.source)}
			if d := cmp.Diff(c.want, check(t, tree)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDepthIsCounted(t *testing.T) {
	house := archtest.House{Module: "m", Floors: [][]string{{"a"}, {"b"}, {"c"}, {"d"}}, MaxDepth: 2, MaxLines: 1}
	chain := []archtest.Package{
		{Path: "a", Doc: true},
		{Path: "b", Doc: true, Imports: []string{"m/a"}},
		{Path: "c", Doc: true, Imports: []string{"m/a", "m/b"}},
		{Path: "d", Doc: true, Imports: []string{"m/c"}},
	}
	want := []string{"d stands on a chain of 3 imports; 2 are allowed"}
	if d := cmp.Diff(want, house.Check(chain)); d != "" {
		t.Error(d)
	}
	chain[0].Imports = []string{"m/d"} // a circle must not hang
	if faults := house.Check(chain); len(faults) == 0 {
		t.Error("a circle is sound")
	}
}

func TestUnreadableSourceIsAnError(t *testing.T) {
	tree := sound()
	tree["internal/key/key.go"] = &fstest.MapFile{Data: []byte("package\n")}
	if _, err := archtest.Read(tree); err == nil {
		t.Error("it was read")
	}
}
