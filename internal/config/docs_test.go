package config_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func manual(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestExamplesOfTheManualLoad(t *testing.T) {
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(manual(t), -1)
	if len(examples) < 2 {
		t.Fatalf("found %d examples", len(examples))
	}
	for _, e := range examples {
		if _, err := load(t, e[1]); err != nil {
			t.Errorf("%v\n%s", err, e[1])
		}
	}
}

// TestEveryKeyIsInTheManual asks each mapping for a key that it does not have;
// the answer lists those it has.
func TestEveryKeyIsInTheManual(t *testing.T) {
	text := strings.NewReplacer(
		"kind: Server\n", "kind: Server\nzzzzzzzz: 1\n", "log: {", "log: { zzzzzzzz: 1,", "mail: {", "mail: { zzzzzzzz: 1,", "privileged: {", "privileged: { zzzzzzzz: 1,",
		"name: CORP\n", "name: CORP\nzzzzzzzz: 1\n", "policy:\n", "policy:\n  zzzzzzzz: 1\n",
		"username: { pattern", "username: { zzzzzzzz: 1, pattern", "password: { pattern", "password: { zzzzzzzz: 1, pattern", "group: { pattern", "group: { zzzzzzzz: 1, pattern",
		"name: newsletter\n", "name: newsletter\nzzzzzzzz: 1\n", "attributes: [{", "attributes: [{ zzzzzzzz: 1,", "es: { title", "es: { zzzzzzzz: 1, title",
		"name: contoso", "name: contoso\nzzzzzzzz: 1", "oidc:\n", "oidc:\n  zzzzzzzz: 1\n", "admit: {", "admit: { zzzzzzzz: 1,", "mapping:\n", "mapping:\n  zzzzzzzz: 1\n",
		"phones: { value", "phones: { zzzzzzzz: 1, value", "jit:\n", "jit:\n  zzzzzzzz: 1\n", "store: {", "store: { zzzzzzzz: 1,", "prompt: {", "prompt: { zzzzzzzz: 1,",
		"link:\n", "link:\n    zzzzzzzz: 1\n", "- { match: email, local", "- { zzzzzzzz: 1, match: email, local", "sync:\n", "sync:\n    zzzzzzzz: 1\n",
		"mayGrant: {", "mayGrant: { zzzzzzzz: 1,", "id: wiki", "id: wiki\nzzzzzzzz: 1",
	).Replace(full)
	docs, lists := manual(t), 0
	for _, line := range faults(t, text) {
		_, keys, ok := strings.Cut(line, "the keys here are ")
		if !ok {
			t.Errorf("unexpected fault %s", line)
			continue
		}
		lists++
		for key := range strings.SplitSeq(keys, ", ") {
			if !regexp.MustCompile("`[^`\n]*\\b" + key + "\\b[^`\n]*`|(?m)^ *" + key + ":").MatchString(docs) {
				t.Errorf("docs/configuration.md does not name %s", key)
			}
		}
	}
	if lists != 25 {
		t.Errorf("%d of 25 mappings answered", lists)
	}
}
