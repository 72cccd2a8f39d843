package decide_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-id/usher"
)

var update = flag.Bool("update", false, "write what is wanted of each world anew; read the difference before you keep it")

const worldsDir = "../../testdata/worlds"

// TestWorlds decides every world under testdata/worlds.
func TestWorlds(t *testing.T) {
	files := worldFiles(t)
	if len(files) < 200 {
		t.Fatalf("only %d worlds found", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) { decides(t, name) })
	}
}

// decides checks one world by its name, and every law in it.
func decides(t *testing.T, name string) {
	t.Helper()
	w := readWorld(t, name)
	d := w.decide()
	if *update {
		writeWorld(t, name, w, d)
	}
	if diff := cmp.Diff(w.want, told(d)); diff != "" {
		t.Errorf("%s (-want +decided):\n%s\nIt was decided like this:\n%s", name, diff, strings.Join(story(d), "\n"))
	}
	at := 0
	for _, line := range story(d) {
		if at < len(w.trace) && line == w.trace[at] {
			at++
		}
	}
	if at < len(w.trace) {
		t.Errorf("%s: the trace does not say, in its place:\n%s\nIt says:\n%s", name, w.trace[at], strings.Join(story(d), "\n"))
	}
	for _, broken := range brokenLaws(w.world) {
		t.Errorf("%s breaks the law %s", name, broken)
	}
	if !sameBytes(w.world) {
		t.Errorf("%s does not give the same bytes twice, or is changed by being decided", name)
	}
}

func story(d usher.Decision) []string {
	out := make([]string, len(d.Trace))
	for i, s := range d.Trace {
		out[i] = s.Question + " " + s.Answer
	}
	return out
}

func worldFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(worldsDir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func readWorld(t *testing.T, name string) *worldFile {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(worldsDir, name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return parseWorld(t, string(text))
}

func writeWorld(t *testing.T, name string, w *worldFile, d usher.Decision) {
	t.Helper()
	text := strings.TrimRight(w.head, "\n") + "\n\nwant\n    " + strings.Join(told(d), "\n    ") + "\n"
	if len(w.trace) > 0 {
		text += "\ntrace\n    " + strings.Join(w.trace, "\n    ") + "\n"
	}
	if err := os.WriteFile(filepath.Join(worldsDir, name+".txt"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	w.want = told(d)
}

// TestWorldsCoverEveryReason: each reason word that the package can give is
// given in at least one world.
func TestWorldsCoverEveryReason(t *testing.T) {
	given := map[usher.Reason]bool{}
	for _, file := range worldFiles(t) {
		w := readWorld(t, strings.TrimSuffix(filepath.Base(file), ".txt"))
		given[w.decide().Reason] = true
	}
	words := reasonsInSource(t)
	if len(words) < 45 {
		t.Fatalf("only %d reasons found in the source; it was read wrongly", len(words))
	}
	for name, word := range words {
		if !given[word] {
			t.Errorf("no world is decided with %s (%s)", word, name)
		}
	}
}

// reasonsInSource finds the reasons that the package's files mention.
func reasonsInSource(t *testing.T) map[string]usher.Reason {
	t.Helper()
	all := map[string]usher.Reason{}
	ast.Inspect(parseFile(t, "../../reason.go"), func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 && strings.HasPrefix(v.Names[0].Name, "Reason") {
			word, _ := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			all[v.Names[0].Name] = usher.Reason(word)
		}
		return true
	})
	used := map[string]usher.Reason{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		ast.Inspect(parseFile(t, file), func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && all[s.Sel.Name] != "" {
				used[s.Sel.Name] = all[s.Sel.Name]
			}
			return true
		})
	}
	return used
}

func parseFile(t *testing.T, path string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
