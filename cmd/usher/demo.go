package main

import (
	"context"
	"io"
	"net"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/demo"
	"github.com/usher-id/usher/internal/explain"
)

func runDemo(ctx context.Context, port int, out, errOut io.Writer) error {
	return demo.Run(ctx, demo.Options{
		Port: port,
		Out:  out,
		Start: func(ctx context.Context, file string) (demo.Broker, error) {
			cfg, err := load(file)
			if err != nil {
				return demo.Broker{}, err
			}
			s, err := start(ctx, cfg, logger(cfg.Server, errOut), time.Now)
			if err != nil {
				return demo.Broker{}, err
			}
			return demo.Broker{
				Serve: func(ctx context.Context, ln net.Listener) error { return s.run(ctx, ln) },
				Explain: func(ctx context.Context, id string) (explain.Story, error) {
					rec, err := s.ledger.Explain(ctx, id)
					return explain.Tell(rec), err
				},
				Disable: func(ctx context.Context, user usher.UserID) error {
					return s.path.SetState(ctx, usher.DefaultTenant, user, usher.StateDisabled)
				},
			}, nil
		},
	})
}
