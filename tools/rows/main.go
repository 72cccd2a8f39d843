// Command rows shows which rows of the attack (A), fault (F) and parity (P)
// catalogues are covered by tests. A test covers a row by carrying its number:
// TestA052_StateReplayed covers A052, TestA043_A044_Headers covers two.
//
//	rows -tests dist/test.json testdata/rows.tsv    prints the tables
//	go test -json ./... | rows -follow dist/test.json    shows a run and keeps it
//
// It fails when a row that is due has a failing test or none, or when a test
// names a row that does not exist.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	tests := flag.String("tests", "", "what go test -json printed")
	keep := flag.String("follow", "", "read go test -json from standard input, show it, and keep it in this file")
	flag.Parse()
	if err := run(*tests, *keep, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(tests, keep string, args []string) error {
	if keep != "" {
		return follow(os.Stdin, keep, os.Stdout)
	}
	if tests == "" || len(args) != 1 {
		return fmt.Errorf("usage: rows -tests FILE ROWS, or rows -follow FILE")
	}
	catalogue, err := read(args[0], parseRows)
	if err != nil {
		return err
	}
	results, err := read(tests, parseResults)
	if err != nil {
		return fmt.Errorf("%w; run: make test", err)
	}
	return report(os.Stdout, catalogue, results)
}

func read[T any](path string, parse func(io.Reader) (T, error)) (T, error) {
	var none T
	f, err := os.Open(path)
	if err != nil {
		return none, err
	}
	defer f.Close()
	out, err := parse(f)
	if err != nil {
		return none, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}

// row is one line of the catalogue: number, since, state (now, later or
// refused), title and, for a refused one, the reason.
type row struct {
	number, since, state, title, reason string
}

func parseRows(r io.Reader) ([]row, error) {
	var out []row
	seen := map[string]bool{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		if line := lines.Text(); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := append(strings.Split(lines.Text(), "\t"), "")
		switch {
		case len(f) < 5 || !number.MatchString(f[0]) || seen[f[0]]:
			return nil, fmt.Errorf("line %d is not a new row: number, since, state, title, reason", n)
		case !slices.Contains([]string{"now", "later", "refused"}, f[2]):
			return nil, fmt.Errorf("line %d: there is no state %q", n, f[2])
		case f[2] == "refused" && f[4] == "":
			return nil, fmt.Errorf("line %d: a refused row needs its reason", n)
		}
		seen[f[0]] = true
		out = append(out, row{f[0], f[1], f[2], f[3], f[4]})
	}
	return out, lines.Err()
}

var (
	number = regexp.MustCompile(`^[AFP]\d{3}$`)
	named  = regexp.MustCompile(`^Test((?:[AFP]\d{3}_?)+)`)
	inName = regexp.MustCompile(`[AFP]\d{3}`)
)

// rowsOf is the rows that a test covers by its name.
func rowsOf(test string) []string {
	m := named.FindStringSubmatch(test)
	if m == nil {
		return nil
	}
	return inName.FindAllString(m[1], -1)
}

// verdict is what is said of a row, given how many of its tests passed and did not.
func verdict(r row, passed, failed int) string {
	switch {
	case failed > 0:
		return "fail"
	case passed > 0 && r.state == "refused":
		return "refused (" + r.reason + ")"
	case passed > 0:
		return "pass"
	case r.state == "later":
		return "later"
	}
	return "missing"
}

// report prints one table for each catalogue and a line that sums them up.
func report(w io.Writer, catalogue []row, results map[string]outcome) error {
	passed, failed := map[string]int{}, map[string]int{}
	for test, o := range results {
		for _, n := range rowsOf(test) {
			passed[n] += o.passed
			failed[n] += o.failed
			if !slices.ContainsFunc(catalogue, func(r row) bool { return r.number == n }) {
				return fmt.Errorf("test %s names the row %s, which does not exist", test, n)
			}
		}
	}
	sum := map[string]int{}
	for i, r := range catalogue {
		if i == 0 || catalogue[i-1].number[0] != r.number[0] {
			fmt.Fprintf(w, "\n%s\n", titles[r.number[0]])
		}
		v := verdict(r, passed[r.number], failed[r.number])
		word, _, _ := strings.Cut(v, " ")
		sum[word]++
		tests := ""
		if n := passed[r.number] + failed[r.number]; n > 0 {
			tests = fmt.Sprint(n)
		}
		fmt.Fprintf(w, "  %s  %-8s %3s  %s%s\n", r.number, word, tests, r.title, strings.TrimPrefix(v, word))
	}
	fmt.Fprintf(w, "\n%d rows: %d pass, %d refused by design, %d later, %d missing, %d fail\n",
		len(catalogue), sum["pass"], sum["refused"], sum["later"], sum["missing"], sum["fail"])
	if bad := sum["missing"] + sum["fail"]; bad > 0 {
		return fmt.Errorf("%d rows are due and not shown", bad)
	}
	return nil
}

var titles = map[byte]string{
	'A': "A  attacks and bad input  (row, state, tests)",
	'F': "F  faults",
	'P': "P  parity with WSO2's just-in-time provisioning",
}
