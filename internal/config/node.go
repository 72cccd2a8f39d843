package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// reader walks configuration files and gathers every fault on the way.
type reader struct {
	env    func(string) (string, bool)
	faults Faults
}

// at notes a fault that belongs to a place rather than to a key.
func (r *reader) at(f *file, line, column int, format string, args ...any) {
	r.faults = append(r.faults, Fault{File: f.name, Line: line, Column: column, Msg: fmt.Sprintf(format, args...)})
}

// node is one value with its place. A node whose yaml is nil is not there; it
// stands where its parent stands, so that "is missing" has a place too.
type node struct {
	r            *reader
	file         *file
	path         string
	line, column int
	yaml         ast.Node
}

func (n node) present() bool { return n.yaml != nil }

// fault notes what is wrong with n and what to do.
func (n node) fault(format string, args ...any) {
	n.r.faults = append(n.r.faults, Fault{n.file.name, n.line, n.column, n.path, fmt.Sprintf(format, args...)})
}

// child is a value within n.
func (n node) child(step string, value ast.Node) node {
	c := node{r: n.r, file: n.file, path: step, line: n.line, column: n.column, yaml: value}
	switch {
	case n.path != "" && strings.HasPrefix(step, "["):
		c.path = n.path + step
	case n.path != "":
		c.path = n.path + "." + step
	}
	if value != nil {
		c.line, c.column = place(value)
	}
	return c
}

// place is where a value begins. A block mapping begins with its first key,
// not with that key's colon.
func place(n ast.Node) (line, column int) {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	if m, ok := n.(*ast.MappingValueNode); ok {
		n = m.Key
	}
	p := n.GetToken().Position
	return p.Line, max(1, p.Column)
}

// scalar is the text of a string value, quoted, plain or block.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

// what is the kind of a value, for "is a list, but text is wanted".
func what(n ast.Node) string {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.BoolNode:
		return "true or false"
	case *ast.NullNode:
		return "empty"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	}
	return "a number"
}

// wrong notes that n is of another kind than wanted.
func (n node) wrong(wanted string) {
	hint := ""
	if _, null := n.yaml.(*ast.NullNode); null {
		hint = "; give it a value, or remove the key"
	} else if wanted == "text" && what(n.yaml) != "a list" && what(n.yaml) != "a mapping" {
		hint = "; put it in quotes"
	}
	n.fault("is %s, but %s is wanted%s", what(n.yaml), wanted, hint)
}

// text is the value of a text that may be left out. It is neither empty nor
// longer than maxText bytes.
func (n node) text() string {
	if !n.present() {
		return ""
	}
	s, ok := scalar(n.yaml)
	switch {
	case !ok:
		n.wrong("text")
	case strings.TrimSpace(s) == "":
		n.fault("is empty; give it a value, or remove the key")
	case len(s) > maxText:
		n.fault("is longer than %d bytes; shorten it", maxText)
	default:
		return s
	}
	return ""
}

// maxText bounds one text value, in bytes.
const maxText = 8 << 10

// required notes that n must be there.
func (n node) required(example string) node {
	if !n.present() {
		n.fault("is missing; add it, as in %s", example)
	}
	return n
}

// flag is true or false, or def if it is left out.
func (n node) flag(def bool) bool {
	if !n.present() {
		return def
	}
	if b, ok := n.yaml.(*ast.BoolNode); ok {
		return b.Value
	}
	n.fault("is %s, but true or false is wanted; write it without quotes", what(n.yaml))
	return def
}

// number is a whole number from least to most, or def if it is left out.
func (n node) number(def, least, most int) int {
	if !n.present() {
		return def
	}
	i, isNumber := n.yaml.(*ast.IntegerNode)
	if !isNumber {
		n.wrong("a whole number")
		return def
	}
	value, err := strconv.Atoi(i.GetToken().Value)
	if err != nil || value < least || value > most {
		n.fault("must be a whole number from %d to %d", least, most)
		return def
	}
	return value
}

// choice is one of the allowed words, or def if it is left out.
func (n node) choice(def string, allowed ...string) string {
	s := n.text()
	if s == "" {
		return def
	}
	if slices.Contains(allowed, s) {
		return s
	}
	if near := suggest(s, allowed); near != "" {
		n.fault("%s is not known; did you mean %s? It is one of %s", quoted(s), near, oneOf(allowed))
	} else {
		n.fault("%s is not known; use %s", quoted(s), oneOf(allowed))
	}
	return def
}

// items is the values of a list, at most limit.
func (n node) items(limit int) []node {
	list := n.entries()
	switch {
	case n.present() && list == nil:
		n.fault("is %s, but a list is wanted; write [a, b]", what(n.yaml))
	case len(list) > limit:
		n.fault("has more than %d entries; shorten it", limit)
		return nil
	}
	return list
}

// entries is the values of a list, nil if n is none. It finds no faults.
func (n node) entries() []node {
	list, ok := n.yaml.(*ast.SequenceNode)
	if !ok {
		return nil
	}
	out := make([]node, len(list.Values))
	for i, v := range list.Values {
		out[i] = n.child("["+strconv.Itoa(i)+"]", v)
	}
	return out
}

// texts is a list of texts without repetitions; each must pass check, if there is one.
func (n node) texts(limit int, check func(node, string) string) []string {
	var out []string
	for _, item := range n.items(limit) {
		s := item.text()
		if s != "" && check != nil {
			s = check(item, s)
		}
		switch {
		case s == "":
		case slices.Contains(out, s):
			item.fault("%s is there twice; remove one", quoted(s))
		default:
			out = append(out, s)
		}
	}
	return out
}

// section is a mapping being read. Keys that nobody asked for are faults when
// it is closed.
type section struct {
	node
	keys  []string
	nodes map[string]node
	asked []string
}

// section reads n as a mapping; one that is left out has no keys.
func (n node) section() *section {
	s := &section{node: n, nodes: map[string]node{}}
	if !n.present() {
		return s
	}
	m, ok := n.yaml.(ast.MapNode)
	if !ok {
		n.fault("is %s, but a mapping is wanted; write its keys below it, indented", what(n.yaml))
		s.r = &reader{env: n.r.env} // that is all there is to say about it and its keys
		return s
	}
	for it := m.MapRange(); it.Next(); {
		key, ok := scalar(it.Key())
		if !ok {
			key = it.Key().GetToken().Value
		}
		c := n.child(key, it.Value())
		if before, twice := s.nodes[key]; twice {
			line, column := place(it.Key())
			c.line, c.column = line, column
			c.fault("is there twice, first on line %d; remove one", before.line)
			continue
		}
		s.keys, s.nodes[key] = append(s.keys, key), c
	}
	return s
}

// get is the value of a key that this mapping may have.
func (s *section) get(key string) node {
	s.asked = append(s.asked, key)
	if n, ok := s.nodes[key]; ok {
		return n
	}
	return s.child(key, nil)
}

// all is every key with its value, where the operator chooses the names.
func (s *section) all(limit int) []named {
	if len(s.keys) > limit {
		s.fault("has more than %d entries; shorten it", limit)
		return nil
	}
	out := make([]named, len(s.keys))
	for i, key := range s.keys {
		out[i] = named{key, s.nodes[key]}
	}
	s.asked = s.keys
	return out
}

type named struct {
	key string
	node
}

// close notes every key that was not asked for.
func (s *section) close() {
	for _, key := range s.keys {
		if slices.Contains(s.asked, key) {
			continue
		}
		n := s.nodes[key]
		n.line, n.column = s.placeOf(key)
		switch near := suggest(key, s.asked); {
		case refusedKeys[strings.ToLower(key)] != "":
			n.fault("is not supported: %s", refusedKeys[strings.ToLower(key)])
		case near != "":
			n.fault("is not a known key; did you mean %s?", near)
		default:
			known := slices.Sorted(slices.Values(s.asked))
			n.fault("is not a known key; the keys here are %s", strings.Join(known, ", "))
		}
	}
}

// placeOf is where a key stands.
func (s *section) placeOf(key string) (line, column int) {
	for it := s.yaml.(ast.MapNode).MapRange(); it.Next(); {
		if k := it.Key().GetToken(); k.Value == key {
			return k.Position.Line, max(1, k.Position.Column)
		}
	}
	return s.line, s.column
}
