package main

import (
	"strings"
	"testing"

	"github.com/usher-id/usher/bench/internal/report"
)

// measured is one round in which a login cost the brokers so many milliseconds.
func measured(usher, floor float64) round {
	run := func(name string, cpu float64) report.Run {
		return report.Run{Seconds: 1, Logins: 10, Usage: map[string]report.Usage{name: {CPU: cpu}}}
	}
	return round{"usher": run("usher", usher), "floor": run("floor", floor)}
}

func TestJudgeTakesTheMedianOfTheRatios(t *testing.T) {
	kept := []round{measured(2, 1), measured(9, 1), measured(2.4, 1)}
	over := []round{measured(2.6, 1), measured(1, 1), measured(2.7, 1)}
	for name, c := range map[string]struct {
		first, returning []round
		fails            string
	}{
		"kept":               {kept, kept, ""},
		"first over":         {over, kept, "first logins"},
		"returning over":     {kept, over, "returning logins"},
		"nothing to compare": {[]round{measured(0, 0)}, kept, "first logins"},
	} {
		var out strings.Builder
		err := judge(&out, map[string][]round{"first": c.first, "returning": c.returning}, 2.5)
		if (err != nil) != (c.fails != "") || (err != nil && !strings.Contains(err.Error(), c.fails)) {
			t.Errorf("%s: %v\n%s", name, err, out.String())
		}
	}
}
