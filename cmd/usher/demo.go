package main

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/demo"
	"github.com/usher-id/usher/internal/explain"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/store"
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
					ref := usher.AccountRef{Store: usher.PrimaryStore, User: user}
					return s.path.SetState(ctx, usher.DefaultTenant, ref, usher.StateDisabled, operator)
				},
				Reload: func(context.Context) error {
					cfg, err := load(file)
					if err == nil {
						s.use(cfg, time.Now)
					}
					return err
				},
				Forget: s.forget,
			}, nil
		},
	})
}

// forget deletes every account.
func (s *server) forget(ctx context.Context) error {
	for _, in := range s.config().Stores {
		var users []store.User
		err := s.ledger.View(ctx, func(tx *ledger.Tx) (err error) {
			at, _ := tx.Store(in.Name)
			users, err = at.List(ctx, usher.DefaultTenant, "", 1000)
			return err
		})
		for _, u := range users {
			err = errors.Join(err, s.path.Delete(ctx, usher.DefaultTenant, usher.AccountRef{Store: in.Name, User: u.ID}, operator))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
