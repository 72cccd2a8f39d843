package web

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"text/template/parse"

	usher "github.com/usher-id/usher"
)

//go:embed templates/*.html messages/*.yaml assets
var own embed.FS

// layout is the template around every page.
const layout = "layout"

// part begins the names of files that are no pages: what they define is for all
// pages.
const part = "_"

// reasonKeys begins the keys of the texts of reason words. The English ones are
// those of usher.Reasons.
const reasonKeys = "reason."

// pages is everything that is shown, read once and never changed.
type pages struct {
	all     map[string]page
	tongues *tongues
	assets  assets
}

// loadPages reads what the packages and the theme bring, our own before all, and
// checks it: whatever could go wrong for a person at a page goes wrong here
// instead, as far as it can be seen.
func loadPages(packages []fs.FS, theme fs.FS) (*pages, error) {
	all, err := readFolder(own)
	for _, p := range packages {
		if err != nil {
			break
		}
		var f folder
		if f, err = readFolder(p); err == nil {
			err = all.join(f)
		}
	}
	if err != nil {
		return nil, err
	}
	for _, said := range usher.Reasons {
		all.language(english)[reasonKeys+string(said.Reason)] = said.Person
	}
	plain := maps.Clone(all.messages[english])
	if theme != nil {
		f, err := readFolder(theme)
		if err == nil {
			err = all.dress(f)
		}
		if err != nil {
			return nil, fmt.Errorf("theme: %w", err)
		}
	}
	out := &pages{all: map[string]page{}, assets: newAssets(all.assets)}
	if out.tongues, err = newTongues(all.messages, plain); err != nil {
		return nil, err
	}
	return out, out.parse(all.templates)
}

// parse makes the pages of their sources.
func (p *pages) parse(sources map[string]string) error {
	parts := template.New("")
	for _, file := range slices.Sorted(maps.Keys(sources)) {
		if strings.HasPrefix(file, part) {
			if _, err := parts.New(file).Parse(sources[file]); err != nil {
				return err
			}
		}
	}
	for file, source := range sources {
		if strings.HasPrefix(file, part) {
			continue
		}
		name := strings.TrimSuffix(file, path.Ext(file))
		whole, err := parts.Clone()
		if err == nil {
			_, err = whole.New(file).Parse(source)
		}
		if err != nil {
			return err
		}
		if p.all[name], err = p.check(whole); err != nil {
			return fmt.Errorf("templates/%s: %w", file, err)
		}
	}
	return nil
}

// check looks a whole page over: that it has what the layout needs, that its
// messages and assets are there, and that every value stands where html/template
// can make it safe.
func (p *pages) check(whole *template.Template) (page, error) {
	for _, name := range []string{layout, "title", "main"} {
		if whole.Lookup(name) == nil {
			return page{}, fmt.Errorf("it does not define %q", name)
		}
	}
	c := checker{pages: p}
	for _, t := range whole.Templates() {
		if t.Tree != nil {
			c.node(t.Tree.Root)
		}
	}
	if len(c.faults) > 0 {
		return page{}, errors.Join(c.faults...)
	}
	// Escaping happens at the first execution; that this one ends early for want
	// of data does not matter.
	var bad *template.Error
	if err := whole.ExecuteTemplate(io.Discard, layout, View{tongue: p.tongues.all[0], assets: p.assets}); errors.As(err, &bad) {
		return page{}, err
	}
	return page{whole: whole, scripted: c.scripted}, nil
}

// checker walks over a template's parse tree.
type checker struct {
	pages    *pages
	scripted bool
	faults   []error
}

func (c *checker) fault(n parse.Node, format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf("%s: %s", n, fmt.Sprintf(format, args...)))
}

func (c *checker) node(n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				c.node(child)
			}
		}
	case *parse.ActionNode:
		c.node(n.Pipe)
	case *parse.IfNode:
		c.branch(&n.BranchNode)
	case *parse.RangeNode:
		c.branch(&n.BranchNode)
	case *parse.WithNode:
		c.branch(&n.BranchNode)
	case *parse.TemplateNode:
		c.node(n.Pipe)
	case *parse.PipeNode:
		if n != nil {
			for _, command := range n.Cmds {
				c.command(command)
			}
		}
	}
}

func (c *checker) branch(n *parse.BranchNode) {
	c.node(n.Pipe)
	c.node(n.List)
	c.node(n.ElseList)
}

// command checks one command and those within it.
func (c *checker) command(n *parse.CommandNode) {
	for i, arg := range n.Args {
		c.node(arg)
		switch method := viewMethod(arg); {
		case method == "":
		case i > 0 || len(n.Args) < 2:
			c.fault(n, "%s needs its name right after it", method)
		case method == "Asset":
			c.asset(n)
		default:
			c.message(n)
		}
	}
}

// viewMethod is the method of View that a node calls, "" if it calls none.
func viewMethod(n parse.Node) string {
	var names []string
	switch n := n.(type) {
	case *parse.FieldNode:
		names = n.Ident
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			names = n.Ident[1:]
		}
	}
	if len(names) == 1 && slices.Contains([]string{"T", "Strong", "Asset"}, names[0]) {
		return names[0]
	}
	return ""
}

func (c *checker) asset(n *parse.CommandNode) {
	name, ok := n.Args[1].(*parse.StringNode)
	switch {
	case !ok:
		c.fault(n, "the asset's name must be written out")
	case c.pages.assets[name.Text].path == "":
		c.fault(n, "there is no such asset")
	case path.Ext(name.Text) == ".js":
		c.scripted = true
	}
}

// message checks that a message is there, and that each of its placeholders in
// any language gets a value.
func (c *checker) message(n *parse.CommandNode) {
	key, ok := n.Args[1].(*parse.StringNode)
	if !ok {
		c.keys(n)
		return
	}
	var given []string
	for i := 2; i+1 < len(n.Args); i += 2 {
		name, ok := n.Args[i].(*parse.StringNode)
		if !ok {
			c.fault(n, "the names of values must be written out")
			return
		}
		given = append(given, name.Text)
	}
	if len(n.Args)%2 != 0 {
		c.fault(n, "a value is missing")
	}
	for _, tongue := range c.pages.tongues.all {
		text, ok := tongue.texts[key.Text]
		if !ok {
			c.fault(n, "there is no such message")
			return
		}
		names, _ := placeholders(text) // checked before
		for _, name := range names {
			if !slices.Contains(given, name) {
				c.fault(n, "nothing is given for {%s}", name)
				return
			}
		}
	}
}

// keys checks a key that is made while the page is: (printf "reason.%s" .X), and
// there are keys that begin so.
func (c *checker) keys(n *parse.CommandNode) {
	if pipe, ok := n.Args[1].(*parse.PipeNode); ok && len(pipe.Cmds) == 1 && len(pipe.Cmds[0].Args) > 1 {
		printf, _ := pipe.Cmds[0].Args[0].(*parse.IdentifierNode)
		format, _ := pipe.Cmds[0].Args[1].(*parse.StringNode)
		if printf != nil && printf.Ident == "printf" && format != nil {
			prefix, _, _ := strings.Cut(format.Text, "%")
			for key := range c.pages.tongues.all[0].texts {
				if strings.HasSuffix(prefix, ".") && strings.HasPrefix(key, prefix) {
					return
				}
			}
		}
	}
	c.fault(n, `the key must be written out, or be (printf "prefix.%%s" ...) of a prefix that there is`)
}
