// Command loadgen drives complete federated logins against an OpenID provider
// that brokers to another one:
//
//	application -> /authorize -> outside provider -> callback -> application -> /token -> ID token checked
//
// It is the application and the browser in one. Browsers run in a closed loop:
// each starts its next login, with no cookies, when the last one has ended. One
// JSON object with the outcome goes to standard output; any failed login makes
// the exit status 1.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

// options is what the flags say.
type options struct {
	issuer   string
	client   client
	extra    string
	mode     string
	pool     int
	users    int
	duration time.Duration
	warmup   time.Duration
	procs    string
	trace    bool
}

func main() {
	o := parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		stop()
		os.Exit(1)
	}
}

func parse() options {
	var o options
	flag.StringVar(&o.issuer, "issuer", "", "the broker's issuer; the endpoints come from its discovery document")
	flag.StringVar(&o.client.id, "client-id", "app", "client id of the application")
	flag.StringVar(&o.client.secret, "client-secret", "", "client secret, sent by Basic; empty for a public client")
	flag.StringVar(&o.client.redirect, "redirect-uri", "http://127.0.0.1:5555/callback", "redirect URI; recognised, never called")
	flag.StringVar(&o.client.scope, "scope", "openid profile email", "scope")
	flag.StringVar(&o.extra, "extra", "", "further authorize parameters, URL-encoded")
	flag.StringVar(&o.mode, "mode", "first", "first: a new person at each login; returning: people of a pool, made before measuring")
	flag.IntVar(&o.pool, "pool", 500, "how many people return")
	flag.IntVar(&o.users, "users", 8, "browsers at once")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "measured time")
	flag.DurationVar(&o.warmup, "warmup", time.Second, "time before measuring")
	flag.StringVar(&o.procs, "proc", "", "processes to account for: name=pid,name=pid")
	flag.BoolVar(&o.trace, "trace", false, "one login, every hop printed, no measuring")
	flag.Parse()
	return o
}

func run(ctx context.Context, o options) error {
	if o.mode != "first" && o.mode != "returning" {
		return fmt.Errorf("-mode %q: it is first or returning", o.mode)
	}
	procs, err := parseProcs(o.procs)
	if err != nil {
		return err
	}
	b, err := dial(ctx, o)
	if err != nil {
		return err
	}
	if o.trace {
		b.trace = os.Stdout
		return b.login(ctx, o.subject(0))
	}
	l := &loop{options: o, broker: b, procs: procs, failures: map[string]int{}}
	if err := l.seed(ctx); err != nil {
		return fmt.Errorf("making the pool: %w", err)
	}
	result := l.measure(ctx)
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		return err
	}
	if result.Failed > 0 || result.Logins == 0 {
		return fmt.Errorf("%d logins came through and %d failed: %v", result.Logins, result.Failed, result.Failures)
	}
	return nil
}

// started makes the people of a run new ones.
var started = time.Now().UnixMilli()

// subject names the person of the n-th login.
func (o options) subject(n int64) string {
	if o.mode == "returning" {
		return fmt.Sprintf("regular-%d", n%int64(o.pool))
	}
	return fmt.Sprintf("new-%x-%d", started, n)
}
