package demo

import (
	"os"
	"path/filepath"
	"testing"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/config"
)

// TestEveryPolicyIsAccepted loads the configuration of each policy that can be
// picked: within a provider all combinations, for its choices meet each other.
func TestEveryPolicyIsAccepted(t *testing.T) {
	dir := t.TempDir()
	world := At(8080, dir)
	file := filepath.Join(dir, "usher.yaml")
	for _, p := range every(t) {
		text, err := world.Config(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(file, func(string) (string, bool) { return "", false })
		if err != nil {
			t.Fatalf("%v: %s", p, usher.Shown(err))
		}
		if c.Server.Issuer != world.Usher || len(c.Providers) != 2 || len(c.Applications) != 1 || !c.Applications[0].Explain {
			t.Errorf("%v: %v, issuer %s", p, c, c.Server.Issuer)
		}
		contoso := c.Policy(usher.DefaultTenant, Contoso, "sample").JIT
		if got := contoso.Enabled; got != (p["contoso-store"] != "nowhere") {
			t.Errorf("%v: makes accounts: %v", p, got)
		}
		if got := contoso.Ask.AsksUsername(); got != (contoso.Enabled && p["contoso-ask"] == "username") {
			t.Errorf("%v: asks for a username: %v", p, got)
		}
		partner := c.Policy(usher.DefaultTenant, Partner, "sample").JIT
		if got := len(partner.Match) > 0; got != (p["partner-link"] != "none") {
			t.Errorf("%v: has rules to link: %v", p, got)
		}
	}
}

// every is each combination of one provider's choices with the first of the other's.
func every(t *testing.T) []Policy {
	var out []Policy
	for _, provider := range []string{Contoso, Partner} {
		some := []Policy{first()}
		for _, c := range choices() {
			if c.Provider != provider {
				continue
			}
			var more []Policy
			for _, p := range some {
				for _, o := range c.Options {
					more = append(more, p.with(func(field string) string {
						if field == c.ID {
							return o.ID
						}
						return ""
					}))
				}
			}
			some = more
		}
		out = append(out, some...)
	}
	if len(out) != 4*4*3*3+4*2 {
		t.Fatalf("%d policies", len(out))
	}
	return out
}
