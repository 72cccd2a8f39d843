// Command compare measures what a login costs Usher, as a multiple of what it
// costs a bare broker in the same run, on the same machine, with the same
// promise of durability. It starts everything it needs from the programs in one
// folder, prints a table, and fails if the budget is exceeded or a login failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// options is what the flags say.
type options struct {
	bin      string
	rounds   int
	users    int
	duration time.Duration
	budget   float64
	keep     bool
}

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin", "folder with usher, floor, mockidp and loadgen")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; in each, both brokers are measured, in turn the one or the other first")
	flag.IntVar(&o.users, "users", 32, "browsers at once; fewer do not keep a broker busy that waits for the disk")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "measured time of each run; a round has four")
	flag.Float64Var(&o.budget, "budget", 2.5, "how many times the bare broker's CPU a login may cost")
	flag.BoolVar(&o.keep, "keep", false, "keep the folder with databases, configuration and logs")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := compare(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// compare starts everything, measures, judges and stops everything.
func compare(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "usher-bench-")
	if err != nil {
		return err
	}
	defer func() {
		if o.keep || err != nil {
			fmt.Fprintln(os.Stderr, "logs and databases are kept in", dir)
			return
		}
		err = os.RemoveAll(dir)
	}()
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return err
	}
	s := &stage{ctx: ctx, bin: bin, dir: dir, cores: cores()}
	defer func() { err = errors.Join(err, s.strike()) }()
	brokers, err := s.set()
	if err != nil {
		return err
	}
	fmt.Printf("%d rounds of %v for each broker and mode, %d browsers at once, GOMAXPROCS=1, %s\n",
		o.rounds, o.duration, o.users, s.cores)
	results, err := s.measure(o, brokers)
	if err != nil {
		return err
	}
	return judge(os.Stdout, results, o.budget)
}
