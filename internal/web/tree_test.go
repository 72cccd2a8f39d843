package web_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/web"
)

// languages are those that every message of ours is written in.
var languages = []string{"ar", "en", "es"}

// root is the module's.
const root = "../.."

// packages are the folders of all packages that bring messages.
func packages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(root + "/internal/*/messages")
	if err != nil || len(found) < 2 {
		t.Fatal(found, err)
	}
	for i := range found {
		found[i] = filepath.Dir(found[i])
	}
	return found
}

func messages(t *testing.T, file string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	if err := yaml.Unmarshal(content, &out); err != nil {
		t.Fatal(file, err)
	}
	return out
}

// english are all the messages of the tree but the reasons'.
func english(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, dir := range packages(t) {
		maps.Copy(out, messages(t, dir+"/messages/en.yaml"))
	}
	return out
}

var hole = regexp.MustCompile(`\{[^}]*\}`)

func holes(text string) []string {
	found := hole.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// Every message is in every language, says something, and says it with the same
// values.
func TestMessages_AreInEveryLanguage(t *testing.T) {
	for _, dir := range packages(t) {
		var there []string
		files, _ := filepath.Glob(dir + "/messages/*")
		for _, f := range files {
			there = append(there, strings.TrimSuffix(path.Base(f), ".yaml"))
		}
		if diff := cmp.Diff(languages, there); diff != "" {
			t.Error(dir, diff)
			continue
		}
		first := messages(t, dir+"/messages/en.yaml")
		for _, language := range languages {
			file := dir + "/messages/" + language + ".yaml"
			texts := messages(t, file)
			for key, text := range texts {
				if strings.TrimSpace(text) != text || text == "" {
					t.Errorf("%s: %s: %q", file, key, text)
				}
				if strings.HasPrefix(key, "reason.") {
					continue
				}
				if diff := cmp.Diff(holes(first[key]), holes(text)); diff != "" {
					t.Errorf("%s: %s: the placeholders differ: %s", file, key, diff)
				}
			}
			for key := range first {
				if texts[key] == "" {
					t.Errorf("%s: %s is missing", file, key)
				}
			}
		}
	}
}

// Every reason word is told in every language, and no word that there is not.
func TestMessages_TellEveryReason(t *testing.T) {
	for _, language := range languages {
		if language == "en" {
			continue // usher.Reasons itself
		}
		texts := messages(t, "messages/"+language+".yaml")
		for _, said := range usher.Reasons {
			text := texts["reason."+string(said.Reason)]
			if text == "" || text == said.Person || len(holes(text)) > 0 {
				t.Errorf("%s: reason.%s: %q", language, said.Reason, text)
			}
		}
		for key := range texts {
			word, ok := strings.CutPrefix(key, "reason.")
			if ok && !slices.ContainsFunc(usher.Reasons, func(s usher.ReasonText) bool { return string(s.Reason) == word }) {
				t.Errorf("%s: there is no reason %s", language, word)
			}
		}
	}
}

// Arabic is written in Arabic letters, but for names and words of protocols.
func TestMessages_AreInTheirOwnLetters(t *testing.T) {
	arabic := regexp.MustCompile(`\p{Arabic}`)
	for _, dir := range packages(t) {
		for key, text := range messages(t, dir+"/messages/ar.yaml") {
			if !arabic.MatchString(text) && !slices.Contains([]string{"brand.name", "mail.language", "mail.direction"}, key) {
				t.Errorf("%s: %s: %q", dir, key, text)
			}
		}
	}
}

// calls finds what Go code and templates say of messages.
type calls struct {
	literals []string
	faults   []string
	messages map[string]string
}

var inTemplate = regexp.MustCompile(`\.(?:T|Strong) (?:\(printf )?"([^"%]+)`)

func (c *calls) file(name string, source []byte) error {
	if path.Ext(name) == ".html" {
		for _, found := range inTemplate.FindAllSubmatch(source, -1) {
			c.literals = append(c.literals, string(found[1]))
		}
		return nil
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			c.call(name, call)
		}
		if text, ok := literal(n); ok {
			c.literals = append(c.literals, text)
		}
		return true
	})
	return nil
}

// call checks x.T(r, "key", "name", value...).
func (c *calls) call(file string, call *ast.CallExpr) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || method.Sel.Name != "T" || len(call.Args) < 2 {
		return
	}
	key, ok := literal(call.Args[1])
	if !ok {
		return
	}
	text, known := c.messages[key]
	if !known {
		c.faults = append(c.faults, fmt.Sprintf("%s: there is no message %s", file, key))
	}
	var given []string
	for i := 2; i+1 < len(call.Args); i += 2 {
		name, _ := literal(call.Args[i])
		given = append(given, "{"+name+"}")
	}
	for _, hole := range holes(text) {
		if !call.Ellipsis.IsValid() && !slices.Contains(given, hole) {
			c.faults = append(c.faults, fmt.Sprintf("%s: %s gets no %s", file, key, hole))
		}
	}
}

func literal(n ast.Node) (string, bool) {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

// No message is there for nothing, and none is asked for that is not there. (A
// literal that ends in a dot begins keys that are put together.)
func TestMessages_AreUsed(t *testing.T) {
	c := &calls{messages: english(t)}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if base := path.Base(name); base == "node_modules" || base != "." && strings.HasPrefix(base, ".") {
				return fs.SkipDir
			}
			return nil
		case strings.HasSuffix(name, "_test.go"), path.Ext(name) != ".go" && path.Ext(name) != ".html":
			return nil
		}
		source, err := os.ReadFile(path.Join(root, name))
		if err != nil {
			return err
		}
		return c.file(name, source)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range c.faults {
		t.Error(fault)
	}
	for key := range c.messages {
		if !slices.ContainsFunc(c.literals, func(text string) bool {
			return text == key || strings.HasSuffix(text, ".") && text != "." && strings.HasPrefix(key, text)
		}) {
			t.Errorf("nothing uses the message %s", key)
		}
	}
}

// The pages of the whole tree go together.
func TestNew_TakesThePagesOfTheTree(t *testing.T) {
	var all []fs.FS
	for _, dir := range packages(t) {
		if path.Base(dir) != "web" {
			all = append(all, os.DirFS(dir))
		}
	}
	if _, err := web.New(web.Config{Issuer: issuer, Pages: all}); err != nil {
		t.Error(err)
	}
}
