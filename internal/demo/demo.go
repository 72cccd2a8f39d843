package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/explain"
)

// Broker is the Usher of the demo, started by the caller.
type Broker struct {
	// Serve answers on the listener until ctx ends, then gives back what it holds.
	Serve func(ctx context.Context, ln net.Listener) error
	// Explain tells the decision behind a correlation id.
	Explain func(ctx context.Context, id string) (explain.Story, error)
	// Disable disables an account, as an administrator would.
	Disable func(ctx context.Context, user usher.UserID) error
	// Reload reads the configuration file again. What is in force stays if it fails.
	Reload func(ctx context.Context) error
	// Forget deletes every account.
	Forget func(ctx context.Context) error
}

// Options says how the demo runs.
type Options struct {
	Port  int                                                      // Usher's; the application and the providers take the next three
	Out   io.Writer                                                // where the guide goes
	Start func(ctx context.Context, config string) (Broker, error) // starts an Usher with the configuration file
	Now   func() time.Time                                         // nil is time.Now
}

// configFile is Usher's configuration in the demo's folder.
const configFile = "usher.yaml"

// Run is the whole demo until ctx ends. It keeps everything in a temporary
// folder and removes it at the end.
func Run(ctx context.Context, o Options) (err error) {
	const op = "demo.Run"
	if o.Now == nil {
		o.Now = time.Now
	}
	data, err := os.MkdirTemp("", "usher-demo-")
	if err != nil {
		return usher.Wrap(op, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	world := At(o.Port, data)
	listeners, err := listen(ctx, world)
	if err != nil {
		return err
	}
	defer closeAll(listeners) // those that nobody took over
	house := &Control{world: world, file: filepath.Join(data, configFile), policy: first()}
	if err := house.write(house.policy); err != nil {
		return err
	}
	if house.broker, err = o.Start(ctx, house.file); err != nil {
		return usher.Wrap(op, err)
	}
	app := NewApp(AppConfig{
		URL: world.App, Issuer: world.Usher, ClientID: "sample", ClientSecret: world.AppSecret,
		Cast: Cast(), Explain: house.broker.Explain, House: house, Now: o.Now,
	})
	house.past = func(ctx context.Context) error { return past(ctx, world, app, house.broker.Disable) }
	return play(ctx, o.Out, house, app, listeners)
}

// play serves everything, makes the past happen, prints the guide and waits.
func play(ctx context.Context, out io.Writer, house *Control, app *App, listeners []net.Listener) error {
	all, ctx := errgroup.WithContext(ctx)
	world := house.world
	back := func(name string) string { return world.Usher + "/idp/" + name + "/callback" }
	all.Go(func() error { return house.broker.Serve(ctx, listeners[0]) })
	for i, h := range []http.Handler{
		app,
		provider(Contoso, world.Contoso, world.ProviderSecret, back(Contoso)),
		provider(Partner, world.Partner, world.ProviderSecret, back(Partner)),
	} {
		all.Go(func() error { return serve(ctx, listeners[i+1], h) })
	}
	all.Go(func() error {
		if err := house.past(ctx); err != nil {
			return usher.Wrap("demo.past", err)
		}
		return guide(out, world)
	})
	if err := all.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// listen takes the ports before anything is made, so that a busy one is told at once.
func listen(ctx context.Context, world World) ([]net.Listener, error) {
	var out []net.Listener
	for _, addr := range world.addresses() {
		ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
		if err != nil {
			closeAll(out)
			return nil, usher.Fail(usher.Invalid, "demo.listen",
				fmt.Sprintf("can't listen on %s: is something else there? Choose other ports with --port", addr), err)
		}
		out = append(out, ln)
	}
	return out, nil
}

func closeAll(listeners []net.Listener) {
	for _, ln := range listeners {
		_ = ln.Close() // a server may have closed it already
	}
}

// grace is how long requests that are under way may take at the end.
const grace = 3 * time.Second

// serve answers on ln until ctx ends.
func serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: 30 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return srv.Shutdown(end)
}
