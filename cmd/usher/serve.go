package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/web"
)

// defaultConfig is read if it is there; without it Usher starts empty.
const defaultConfig = "usher.yaml"

// grace is how long requests that are under way may take once Usher is told to stop.
const grace = 15 * time.Second

// load reads the configuration. Only the default file may be missing.
func load(file string) (*config.Config, error) {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) && file == defaultConfig { //nolint:gosec // the operator names it
		return config.Default(), nil
	}
	return config.Load(file, os.LookupEnv)
}

func serve(ctx context.Context, file string, out, errOut io.Writer) error {
	cfg, err := load(file)
	if err != nil {
		return err
	}
	log := logger(cfg.Server, errOut)
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Server.Listen)
	if err != nil {
		return usher.Fail(usher.Invalid, "serve",
			"can't listen on "+cfg.Server.Listen+": is another process there? Set listen in the Server document", err)
	}
	s, err := start(ctx, cfg, log, time.Now)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	greet(out, cfg)
	return s.run(ctx, ln)
}

// run serves until ctx ends, then lets what is under way finish.
func (s *server) run(ctx context.Context, ln net.Listener) error {
	srv := web.Server(ln.Addr().String(), s.handler)
	srv.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	s.log.Info("serving", "issuer", s.cfg.Server.Issuer, "listen", ln.Addr().String())
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		s.ready.Store(false)
		s.log.Info("stopping")
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		err = srv.Shutdown(end)
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, s.Close())
}

func logger(c config.Server, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: c.Log.Level}
	if c.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// greet says where Usher is and, if nobody can sign in yet, how to change that.
func greet(out io.Writer, cfg *config.Config) {
	fmt.Fprintf(out, "Usher is at %s\n", cfg.Server.Issuer)
	fmt.Fprintf(out, "  discovery  %s/.well-known/openid-configuration\n", cfg.Server.Issuer)
	fmt.Fprintf(out, "  data       %s and %s in %s\n", databaseFile, masterFile, cfg.Server.Data)
	if len(cfg.Providers) > 0 {
		fmt.Fprintf(out, "  providers  %d, applications %d\n", len(cfg.Providers), len(cfg.Applications))
		return
	}
	fmt.Fprintf(out, "\nThere is no identity provider yet, so nobody can sign in. Put this in %s, fill it in, and start again:\n\n%s\n", defaultConfig, config.Example)
	fmt.Fprintf(out, "Register this redirect URI at the provider: %s/idp/NAME/callback\n", cfg.Server.Issuer)
}
