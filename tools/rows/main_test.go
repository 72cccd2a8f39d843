package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRowsOfATest(t *testing.T) {
	for name, want := range map[string][]string{
		"TestA052_StateReplayed":   {"A052"},
		"TestA043_A044_Headers":    {"A043", "A044"},
		"TestP051":                 {"P051"},
		"TestA52_TooShort":         nil,
		"TestSomething_A052":       nil,
		"TestB001_NoSuchCatalogue": nil,
	} {
		if got := rowsOf(name); !slices.Equal(got, want) {
			t.Errorf("%s covers %v, want %v", name, got, want)
		}
	}
}

const sample = "A001\t1\tnow\tone\nA002\t1\tnow\ttwo\nA003\t-\tlater\tthree\nP051\t-\trefused\tfour\tunsafe\n"

func TestReport(t *testing.T) {
	catalogue, err := parseRows(strings.NewReader(sample))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		events, sum string
		ok          bool
	}{
		{`A001:pass A002:pass P051:pass`, "2 pass, 1 refused by design, 1 later, 0 missing, 0 fail", true},
		{`A001:pass A002:pass A003:pass P051:pass`, "3 pass, 1 refused by design, 0 later, 0 missing, 0 fail", true},
		{`A001:pass P051:pass`, "1 pass, 1 refused by design, 1 later, 1 missing, 0 fail", false},
		{`A001:pass A002:pass A002:fail P051:pass`, "1 pass, 1 refused by design, 1 later, 0 missing, 1 fail", false},
		{`A001:pass A002:skip P051:pass`, "1 pass, 1 refused by design, 1 later, 0 missing, 1 fail", false},
		{`A001:pass A002:pass`, "2 pass, 0 refused by design, 1 later, 1 missing, 0 fail", false},
		{`A001:pass A002:pass P051:pass A099:pass`, "", false},
	} {
		var lines strings.Builder
		for e := range strings.FieldsSeq(c.events) {
			test, action, _ := strings.Cut(e, ":")
			lines.WriteString(`{"Action":"` + action + `","Package":"p","Test":"Test` + test + `_X"}` + "\n")
		}
		results, err := parseResults(strings.NewReader(lines.String()))
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		err = report(&out, catalogue, results)
		if (err == nil) != c.ok || !strings.Contains(out.String(), c.sum) {
			t.Errorf("%s: %v\n%s", c.events, err, out.String())
		}
	}
}

func TestBadRowsAreRefused(t *testing.T) {
	for _, text := range []string{"A1\t1\tnow\tx", "A001\t1\tsoon\tx", "A001\tx", "A001\t1\tnow\tx\nA001\t1\tnow\ty", "A001\t1\trefused\tx"} {
		if _, err := parseRows(strings.NewReader(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func TestFollow(t *testing.T) {
	keep := filepath.Join(t.TempDir(), "new", "test.json")
	for _, c := range []struct {
		in, out string
		ok      bool
	}{
		{`{"Action":"pass","Package":"p","Test":"TestA"}` + "\n" + `{"Action":"pass","Package":"p","Elapsed":0.2}`, "1 packages, 1 tests passed", true},
		{`{"Action":"output","Package":"p","Test":"TestA","Output":"because\n"}` + "\n" + `{"Action":"fail","Package":"p","Test":"TestA"}` + "\n" + `{"Action":"fail","Package":"p"}`, "because", false},
		{`{"ImportPath":"p","Action":"build-output","Output":"no such thing\n"}` + "\n" + `{"ImportPath":"p","Action":"build-fail"}` + "\n" + `{"Action":"fail","Package":"p"}`, "no such thing", false},
		{``, "", false},
	} {
		var out strings.Builder
		if err := follow(strings.NewReader(c.in), keep, &out); (err == nil) != c.ok || !strings.Contains(out.String(), c.out) {
			t.Errorf("%s: %v\n%s", c.in, err, out.String())
		}
	}
}
