package main

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usher-id/usher/bench/internal/report"
)

// loop is a closed loop of browsers and what it counted.
type loop struct {
	options
	broker *broker
	procs  []proc
	next   atomic.Int64

	mu        sync.Mutex
	measuring bool
	latencies []float64 // ms
	logins    int
	failures  map[string]int
}

// seed signs everybody of the pool in once.
func (l *loop) seed(ctx context.Context) error {
	if l.mode != "returning" {
		return nil
	}
	var wg sync.WaitGroup
	var next atomic.Int64
	errs := make(chan error, l.users)
	for range l.users {
		wg.Go(func() {
			for n := next.Add(1) - 1; n < int64(l.pool) && ctx.Err() == nil; n = next.Add(1) - 1 {
				if err := l.broker.login(ctx, l.subject(n)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// measure runs the loop for the warm-up and the measured time.
func (l *loop) measure(ctx context.Context) report.Run {
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for range l.users {
		wg.Go(func() {
			for running.Err() == nil {
				l.one(ctx)
			}
		})
	}
	wait(running, l.warmup)
	before, start := usages(l.procs), time.Now()
	l.switchTo(true)
	wait(running, l.duration)
	l.switchTo(false)
	after, seconds := usages(l.procs), time.Since(start).Seconds()
	cancel()
	wg.Wait()
	return l.result(seconds, before, after)
}

// one is one login, counted if it ends in the measured time. Its latency counts
// only if it began there too.
func (l *loop) one(ctx context.Context) {
	l.mu.Lock()
	whole := l.measuring
	l.mu.Unlock()
	start := time.Now()
	err := l.broker.login(ctx, l.subject(l.next.Add(1)-1))
	took := time.Since(start)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil: // at whatever time: no login may fail
		l.failures[err.Error()]++
	case !l.measuring:
	default:
		l.logins++
		if whole {
			l.latencies = append(l.latencies, float64(took.Microseconds())/1000)
		}
	}
}

func (l *loop) switchTo(measuring bool) {
	l.mu.Lock()
	l.measuring = measuring
	l.mu.Unlock()
}

func (l *loop) result(seconds float64, before, after []usage) report.Run {
	slices.Sort(l.latencies)
	r := report.Run{
		Mode: l.mode, Users: l.users, Seconds: seconds, Logins: l.logins, Failures: l.failures,
		P50: percentile(l.latencies, 50), P99: percentile(l.latencies, 99), Usage: map[string]report.Usage{},
	}
	for _, times := range l.failures {
		r.Failed += times
	}
	per := float64(max(1, l.logins))
	for i, p := range l.procs {
		r.Usage[p.name] = report.Usage{
			CPU:      (after[i].cpu - before[i].cpu) * 1000 / per,
			Written:  (after[i].written - before[i].written) / 1024 / per,
			Resident: after[i].resident / (1 << 20),
		}
	}
	return r
}

// percentile is the nearest rank in sorted values, 0 if there are none.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(p/100*float64(len(sorted))))-1)]
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
