package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// event is one line of go test -json (see go doc test2json).
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64
}

// outcome counts how the runs of one top-level test ended. A skipped test shows
// nothing, so it counts as failed.
type outcome struct{ passed, failed int }

func (o *outcome) count(action string) {
	switch action {
	case "pass":
		o.passed++
	case "fail", "skip":
		o.failed++
	}
}

func parseResults(r io.Reader) (map[string]outcome, error) {
	out := map[string]outcome{}
	err := events(r, func(_ []byte, e event) error {
		if e.Test != "" && !strings.Contains(e.Test, "/") {
			o := out[e.Test]
			o.count(e.Action)
			out[e.Test] = o
		}
		return nil
	})
	return out, err
}

// events calls fn for each event; lines that are none are passed by.
func events(r io.Reader, fn func(line []byte, e event) error) error {
	in := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		var e event
		if json.Unmarshal(line, &e) == nil && e.Action != "" {
			if err := fn(line, e); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// follow keeps a run in a file and shows a line for each package as it ends,
// with everything a failing test said.
func follow(r io.Reader, keep string, w io.Writer) error {
	if err := os.MkdirAll(filepath.Dir(keep), 0o750); err != nil {
		return err
	}
	f, err := os.Create(keep)
	if err != nil {
		return err
	}
	v := view{w: w, said: map[string][]string{}}
	err = events(r, func(line []byte, e event) error {
		v.show(e)
		_, err := f.Write(line)
		return err
	})
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	switch {
	case v.packages == 0:
		return errors.New("no test ran")
	case v.failed > 0:
		return fmt.Errorf("%d of %d packages failed", v.failed, v.packages)
	}
	fmt.Fprintf(w, "%d packages, %d tests passed\n", v.packages, v.tests)
	return nil
}

// view is what was seen of a run so far.
type view struct {
	w                       io.Writer
	said                    map[string][]string // output by package and test, until its end
	packages, failed, tests int
}

func (v *view) show(e event) {
	key := e.Package + e.ImportPath + "\x00" + e.Test
	switch e.Action {
	case "output", "build-output":
		v.said[key] = append(v.said[key], e.Output)
		return
	case "build-fail":
		v.tell(key)
	case "fail":
		v.tell(key)
		if e.Test == "" {
			v.packages++
			v.failed++
			fmt.Fprintf(v.w, "FAIL %s (%.1f s)\n", e.Package, e.Elapsed)
		}
	case "pass":
		if e.Test != "" {
			v.tests++
		} else {
			v.packages++
			fmt.Fprintf(v.w, "ok   %s (%.1f s)\n", e.Package, e.Elapsed)
		}
	case "skip":
		if e.Test == "" { // a package without tests
			v.packages++
		}
	}
	delete(v.said, key)
}

func (v *view) tell(key string) {
	for _, line := range v.said[key] {
		fmt.Fprint(v.w, "     ", strings.TrimRight(line, "\n"), "\n")
	}
}
