package demo

import (
	"os"
	"path/filepath"
	"testing"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/config"
)

func TestConfigIsAccepted(t *testing.T) {
	dir := t.TempDir()
	world := At(8080, dir)
	text, err := world.Config()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "usher.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(usher.Shown(err))
	}
	if c.Server.Issuer != world.Usher || len(c.Providers) != 2 || len(c.Applications) != 1 || !c.Applications[0].Explain {
		t.Errorf("%v, issuer %s", c, c.Server.Issuer)
	}
}
