package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a configuration may be at most. The parser's work grows faster than its
// input on deep or long-lined files, so those are refused before it sees them.
const (
	maxFileBytes = 1 << 20
	maxFiles     = 1_000
	maxAllBytes  = 16 << 20
	maxDocuments = 10_000
	maxLineBytes = 16 << 10
	maxTokens    = 200_000
	maxDepth     = 16 // of flow collections, and of indicators that open a block on one line
)

// file is one configuration file as read.
type file struct {
	name  string   // as the operator named it
	dir   string   // what relative paths in it are relative to
	lines []string // its text, for finding a place within a scalar
}

// sources lists the files that path stands for: itself, or the YAML files of a
// folder in the order of their names.
func sources(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, Fault{File: path, Msg: "can't be read: " + reason(err) + "; name a YAML file or a folder of them"}
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, Fault{File: path, Msg: "can't be listed: " + reason(err) + "; check the permissions of the folder"}
	}
	var names []string
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if (ext == ".yaml" || ext == ".yml") && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, filepath.Join(path, e.Name()))
		}
	}
	if len(names) > maxFiles {
		return nil, Fault{File: path, Msg: fmt.Sprintf("holds more than %d YAML files; put several documents into one file, separated by ---", maxFiles)}
	}
	slices.Sort(names)
	return names, nil
}

// reason is why a file operation failed, without the path, which the fault carries.
func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file or folder"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// readBounded reads a regular file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() { // opening a pipe could wait for ever
		return nil, errors.New("is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.New("can't be read: " + reason(err))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, errors.New("can't be read: " + reason(err))
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("is larger than %d bytes", limit)
	}
	return b, nil
}

// parse splits a file into the mappings of its documents. Empty documents do not count.
func (r *reader) parse(f *file, text []byte) []ast.Node {
	src := strings.ReplaceAll(strings.TrimPrefix(string(text), "\ufeff"), "\r\n", "\n")
	f.lines = strings.Split(src, "\n")
	if !r.plain(f) {
		return nil
	}
	tokens := lexer.Tokenize(src)
	if !r.shallow(f, tokens) {
		return nil
	}
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.faults = append(r.faults, syntaxFault(f, err))
		return nil
	}
	var docs []ast.Node
	for _, d := range tree.Docs {
		if d.Body != nil && d.Body.Type() != ast.NullType && d.Body.Type() != ast.CommentType {
			docs = append(docs, d.Body)
		}
	}
	return docs
}

// plain refuses text that is not UTF-8 or holds control characters or very long lines.
func (r *reader) plain(f *file) bool {
	for i, line := range f.lines {
		if len(line) > maxLineBytes {
			r.at(f, i+1, 1, "the line is longer than %d bytes; break it, or use ${file:path}", maxLineBytes)
			return false
		}
		if !utf8.ValidString(line) {
			r.at(f, i+1, 1, "the line is not UTF-8; save the file as UTF-8")
			return false
		}
		if c := strings.IndexFunc(line, isControl); c >= 0 {
			r.at(f, i+1, c+1, "the line holds a control character; remove it")
			return false
		}
	}
	return true
}

func isControl(c rune) bool { return c < ' ' && c != '\t' || c >= 0x7f && c < 0xa0 }

// shallow refuses what a configuration never needs and a bomb is made of.
func (r *reader) shallow(f *file, tokens token.Tokens) bool {
	if len(tokens) > maxTokens {
		r.at(f, 1, 1, "the file is too complex; split it into several files in one folder")
		return false
	}
	flow, line, opened := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, opened = t.Position.Line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			r.at(f, line, t.Position.Column, "anchors (&), aliases (*) and merge keys (<<) are not supported; write the value out")
			return false
		case token.TagType:
			r.at(f, line, t.Position.Column, "tags (!) are not supported; remove it")
			return false
		case token.MappingKeyType:
			r.at(f, line, t.Position.Column, "complex keys (?) are not supported; write key: value")
			return false
		case token.DirectiveType:
			r.at(f, line, t.Position.Column, "directives (%%) are not supported; remove the line")
			return false
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType:
			opened++
		}
		if max(flow, opened) > maxDepth {
			r.at(f, line, t.Position.Column, "nested more than %d deep; nothing here needs that", maxDepth)
			return false
		}
	}
	return true
}

func syntaxFault(f *file, err error) Fault {
	out := Fault{File: f.name, Msg: "is not well-formed YAML"}
	var s *yaml.SyntaxError
	if errors.As(err, &s) {
		out.Msg += ": " + s.Message
		if s.Token != nil {
			out.Line, out.Column = s.Token.Position.Line, max(1, s.Token.Position.Column)
		}
	}
	out.Msg += "; check indentation, colons and quotes"
	return out
}
