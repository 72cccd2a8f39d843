package config

import (
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// maxSecretFile bounds what ${file:path} reads, in bytes.
const maxSecretFile = 64 << 10

// expanded is the text of n with ${NAME} replaced from the environment and
// ${file:path} by what the file holds, without its last line break. A relative
// path starts at the folder of the configuration file. $${ stands for ${ and
// what was put in is not expanded again.
func (n node) expanded() string {
	s := n.text()
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			break
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1] + "${")
			s = s[i+2:]
			continue
		}
		end := strings.IndexByte(s[i:], '}')
		if end < 0 {
			n.fault("has ${ without }; close it, or write $${ for the two characters themselves")
			return ""
		}
		value, ok := n.reference(s[i+2 : i+end])
		if !ok {
			return ""
		}
		b.WriteString(s[:i] + value)
		s = s[i+end+1:]
	}
	return n.clean(b.String())
}

// clean refuses what no expanded setting may be.
func (n node) clean(s string) string {
	switch {
	case !n.present():
	case len(s) > maxSecretFile:
		n.fault("is longer than %d bytes once ${...} is filled in; shorten it", maxSecretFile)
		return ""
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool { return isControl(c) || c == '\t' }):
		n.fault("holds a line break, a tab, a control character or bytes that are not UTF-8; check where the value comes from")
		return ""
	}
	return s
}

// reference is what ${ref} stands for.
func (n node) reference(ref string) (string, bool) {
	if path, ok := strings.CutPrefix(ref, "file:"); ok {
		return n.contents(path)
	}
	if !isVariable(ref) {
		n.fault("${%s} is not a variable name; write ${NAME} or ${file:path}", ref)
		return "", false
	}
	value, ok := n.r.env(ref)
	switch {
	case !ok:
		n.fault("${%s} is not in the environment; set it, or use ${file:path}", ref)
	case value == "":
		n.fault("${%s} is empty in the environment; give it a value", ref)
	}
	return value, value != ""
}

func (n node) contents(path string) (string, bool) {
	if path == "" {
		n.fault("${file:} names no file; write ${file:path}")
		return "", false
	}
	at := path
	if !filepath.IsAbs(at) {
		at = filepath.Join(n.file.dir, at)
	}
	b, err := readBounded(at, maxSecretFile)
	if err != nil {
		n.fault("the file %s of ${file:...} %v; check the path (relative to the folder of this file) and the permissions", quoted(path), err)
		return "", false
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if value == "" {
		n.fault("the file %s of ${file:...} is empty; put the value into it", quoted(path))
	}
	return value, value != ""
}

// isVariable reports whether name can be a variable of the environment.
func isVariable(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
