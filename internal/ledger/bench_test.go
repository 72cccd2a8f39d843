package ledger_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/storetest"
)

// cpu is the processor time this process has used, in microseconds.
func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Sec*1e6 + u.Utime.Usec + u.Stime.Sec*1e6 + u.Stime.Usec
}

// parallel runs b.N commits by n callers and reports processor time for each.
func parallel(b *testing.B, w *storetest.World, n int, record func(i int64) usher.Record) {
	b.Helper()
	ctx := context.Background()
	var next atomic.Int64
	records := make([]usher.Record, b.N)
	for i := range records {
		records[i] = record(int64(i))
	}
	b.ResetTimer()
	before := cpu(b)
	for _, err := range storetest.Together(n, func(int) error {
		for {
			i := next.Add(1) - 1
			if i >= int64(b.N) {
				return nil
			}
			rec := records[i]
			err := w.Ledger.Commit(ctx, func(tx *ledger.Tx) error {
				if err := tx.Apply(ctx, storetest.Act(rec)); err != nil {
					return err
				}
				s := storetest.Session(rec)
				if err := tx.Spend(ctx, ledger.NewKey("login", s.Tenant, "", rec.ID), s.Expires); err != nil {
					return err
				}
				if err := tx.BeginSession(ctx, s); err != nil {
					return err
				}
				return tx.IssueCode(ctx, storetest.Code(s))
			})
			if err != nil {
				return err
			}
		}
	}) {
		if err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-µs/op")
}

func BenchmarkFirstLogin(b *testing.B) {
	for _, n := range []int{1, 16} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			w := storetest.NewWorld(b)
			parallel(b, w, n, func(i int64) usher.Record { return storetest.Numbered(int(i)).First(w.Clock.Instant()) })
		})
	}
}

func BenchmarkReturning(b *testing.B) {
	const people = 1000
	for _, n := range []int{1, 16} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			w := storetest.NewWorld(b)
			var users [people]usher.UserID
			for _, err := range storetest.Together(people, func(i int) (err error) {
				users[i], err = storetest.SignIn(context.Background(), w, storetest.Numbered(i))
				return err
			}) {
				if err != nil {
					b.Fatal(err)
				}
			}
			parallel(b, w, n, func(i int64) usher.Record {
				return storetest.Numbered(int(i%people)).Returning(w.Clock.Instant(), users[i%people])
			})
		})
	}
}

func BenchmarkLinked(b *testing.B) {
	w := storetest.NewWorld(b)
	storetest.MustApply(b, w.Ledger, storetest.Ann.First(w.Clock.Instant()))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	before := cpu(b)
	for b.Loop() {
		if _, err := w.Ledger.Linked(ctx, "default", "contoso", storetest.Ann.Subject); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-µs/op")
}
