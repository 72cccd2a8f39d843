package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/usher-id/usher/bench/internal/report"
)

var modes = []string{"first", "returning"}

// round is both brokers in one mode, measured one after the other.
type round map[string]report.Run // by the broker's name

// cpu is what a login cost a broker, in milliseconds.
func (r round) cpu(broker string) float64 { return r[broker].Usage[broker].CPU }

func (r round) ratio() float64 { return r.cpu("usher") / r.cpu("floor") }

// measure runs all rounds. A login that fails ends it.
func (s *stage) measure(o options, brokers []broker) (map[string][]round, error) {
	results := map[string][]round{}
	for n := range o.rounds {
		for _, mode := range modes {
			r := round{}
			for _, b := range brokers {
				run, err := s.load(o, b, mode)
				if err != nil {
					return nil, err
				}
				r[b.name] = run
			}
			results[mode] = append(results[mode], r)
			fmt.Printf("round %d  %-9s  usher %.3f ms  floor %.3f ms  ratio %.2f\n", n+1, mode, r.cpu("usher"), r.cpu("floor"), r.ratio())
		}
		slices.Reverse(brokers) // neither is always the one that comes first
	}
	return results, nil
}

// judge prints the table and says whether the budget was kept.
func judge(out io.Writer, results map[string][]round, budget float64) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nlogins\tbroker\tCPU ms/login\tlogins/s\tp50 ms\tp99 ms\twritten KiB/login\tresident MiB\tfailed\t")
	for _, mode := range modes {
		for _, name := range []string{"usher", "floor"} {
			pick := func(of func(report.Run) float64) float64 { return median(results[mode], name, of) }
			fmt.Fprintf(w, "%s\t%s\t%.3f\t%.0f\t%.1f\t%.1f\t%.1f\t%.1f\t%.0f\t\n", mode, name,
				pick(func(r report.Run) float64 { return r.Usage[name].CPU }),
				pick(func(r report.Run) float64 { return float64(r.Logins) / r.Seconds }),
				pick(func(r report.Run) float64 { return r.P50 }),
				pick(func(r report.Run) float64 { return r.P99 }),
				pick(func(r report.Run) float64 { return r.Usage[name].Written }),
				pick(func(r report.Run) float64 { return r.Usage[name].Resident }),
				pick(func(r report.Run) float64 { return float64(r.Failed) }))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	var over []error
	fmt.Fprintln(out)
	for _, mode := range modes {
		ratio := middle(ratios(results[mode]))
		fmt.Fprintf(out, "%-9s logins cost Usher %.2f times what they cost the bare broker (budget %.2f)\n", mode, ratio, budget)
		if !(ratio <= budget) { // also when there is no ratio
			over = append(over, fmt.Errorf("%s logins are over the budget", mode))
		}
	}
	return errors.Join(over...)
}

func ratios(rounds []round) []float64 {
	var out []float64
	for _, r := range rounds {
		out = append(out, r.ratio())
	}
	return out
}

func median(rounds []round, broker string, of func(report.Run) float64) float64 {
	var all []float64
	for _, r := range rounds {
		all = append(all, of(r[broker]))
	}
	return middle(all)
}

// middle is the median; of an even number the mean of the two in the middle.
func middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
