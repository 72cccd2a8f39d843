package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// proc is a process to account for (Linux /proc).
type proc struct {
	name string
	pid  int
}

// usage is what a process has used since it began.
type usage struct {
	cpu      float64 // seconds, user and system
	resident float64 // bytes
	written  float64 // bytes sent to the disk
}

// ticks is USER_HZ, which Linux fixes for user space.
const ticks = 100

func parseProcs(list string) ([]proc, error) {
	var out []proc
	for item := range strings.SplitSeq(list, ",") {
		if item == "" {
			continue
		}
		name, number, _ := strings.Cut(item, "=")
		pid, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("-proc %q: it is name=pid", item)
		}
		out = append(out, proc{name, pid})
	}
	return out, nil
}

func usages(procs []proc) []usage {
	out := make([]usage, len(procs))
	for i, p := range procs {
		out[i] = p.read()
	}
	return out
}

// read looks at the process now; one that is gone has used nothing.
func (p proc) read() usage {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	_, rest, _ := strings.Cut(string(stat), ") ") // the name before may hold spaces
	fields := strings.Fields(rest)
	if len(fields) < 22 {
		return usage{}
	}
	// Fields 14, 15 and 24 of proc(5), counted from the state, which is field 3.
	u := usage{cpu: (number(fields[11]) + number(fields[12])) / ticks, resident: number(fields[21]) * float64(os.Getpagesize())}
	io, _ := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.pid))
	for line := range strings.Lines(string(io)) {
		if value, ok := strings.CutPrefix(line, "write_bytes: "); ok {
			u.written = number(strings.TrimSpace(value))
		}
	}
	return u
}

func number(s string) float64 {
	n, _ := strconv.ParseFloat(s, 64) // the kernel's numbers are numbers
	return n
}
