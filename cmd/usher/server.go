package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/flow"
	"github.com/usher-id/usher/internal/idp/oidc"
	"github.com/usher-id/usher/internal/key"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/op"
	"github.com/usher-id/usher/internal/outbound"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/session"
	sqlstore "github.com/usher-id/usher/internal/store/sql"
	"github.com/usher-id/usher/internal/token"
	"github.com/usher-id/usher/internal/web"
)

// Files in the data folder.
const (
	databaseFile = "usher.db"
	masterFile   = "usher.key"
)

// vault is what every command needs: the ledger, opened with its keys.
type vault struct {
	db     *ledger.DB
	ring   *key.Ring
	ledger *ledger.Ledger
}

// openVault opens the database in the data folder and makes what is missing.
func openVault(ctx context.Context, data string, now func() time.Time) (_ *vault, err error) {
	db, err := ledger.Open(ctx, filepath.Join(data, databaseFile))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	kept, err := db.Keys(ctx)
	if err != nil {
		return nil, err
	}
	master, err := key.LoadMaster(filepath.Join(data, masterFile), len(kept) == 0)
	if err != nil {
		return nil, err
	}
	ring, err := key.Open(ctx, key.Config{Master: master, Keeper: db, Now: now})
	if err != nil {
		return nil, err
	}
	l := ledger.New(db, ledger.Config{
		Primary: sqlstore.Tables{Store: usher.PrimaryStore},
		Sealer:  ring,
		Now:     now,
	})
	return &vault{db: db, ring: ring, ledger: l}, nil
}

// server is a running Usher, wired.
type server struct {
	*vault
	cfg     *config.Config
	log     *slog.Logger
	path    *provision.Path
	kit     *web.Kit
	handler http.Handler
	ready   atomic.Bool
	stop    context.CancelFunc
	work    sync.WaitGroup
}

// start wires a server and begins its background work. Close ends it.
func start(ctx context.Context, cfg *config.Config, log *slog.Logger, now func() time.Time) (*server, error) {
	v, err := openVault(ctx, cfg.Server.Data, now)
	if err != nil {
		return nil, err
	}
	s := &server{vault: v, cfg: cfg, log: log}
	s.path = provision.New(provision.Config{
		Ledger: v.ledger, Policies: policies(cfg), Log: log, Now: now,
	})
	if s.kit, err = web.New(web.Config{Issuer: cfg.Server.Issuer, Log: log, Sealer: v.ring, Now: now}); err != nil {
		return nil, errors.Join(err, v.db.Close())
	}
	sessions := &session.Keeper{Ledger: v.ledger, Now: now}
	minter := &token.Minter{Issuer: cfg.Server.Issuer, Ring: v.ring, Ledger: v.ledger, Now: now}

	var talk *flow.Flow
	provider := op.New(op.Config{
		Issuer: cfg.Server.Issuer, Kit: s.kit, Ledger: v.ledger, Ring: v.ring, Sessions: sessions, Tokens: minter,
		Applications: cfg.Application,
		Begin:        func(w http.ResponseWriter, r *http.Request, from flow.Start) { talk.Begin(w, r, from) },
		Now:          now, Log: log,
	})
	talk = flow.New(flow.Config{
		Kit: s.kit, Path: s.path, Ledger: v.ledger, Sessions: sessions, Asker: provider, Sealer: v.ring,
		Providers: providers(cfg, now), Log: log, Now: now,
	})

	pages := http.NewServeMux()
	provider.Mount(pages)
	talk.Mount(pages)
	s.kit.Mount(pages)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("/", s.kit.Handler(pages))
	s.handler = mux

	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = cancel
	s.work.Go(func() {
		v.ring.Run(background, func(err error) { log.Error("keys could not be rotated", "err", err) })
	})
	s.work.Go(func() { s.sweep(background) })
	s.ready.Store(true)
	return s, nil
}

// policies finds policy and rules in the configuration.
func policies(cfg *config.Config) provision.Policies {
	return func(tenant, idp, application string) (usher.Policy, provision.Mapper) {
		policy := cfg.Policy(tenant, idp, application)
		if p, ok := cfg.Provider(tenant, idp); ok {
			return policy, p.Rules
		}
		return policy, nil
	}
}

// providers makes one connector for each provider, and one client for each way of going out.
func providers(cfg *config.Config, now func() time.Time) func(string) []flow.Provider {
	clients := map[outbound.Options]*http.Client{}
	var all []flow.Provider
	for _, p := range cfg.Providers {
		client, ok := clients[p.Outbound]
		if !ok {
			client = outbound.New(p.Outbound)
			clients[p.Outbound] = client
		}
		p.OIDC.Now = now
		all = append(all, flow.Provider{
			Name: p.Name, DisplayName: p.DisplayName, Enabled: p.Enabled, Discover: p.Discover,
			Connector: oidc.New(p.OIDC, client),
		})
	}
	return func(tenant string) []flow.Provider {
		if tenant != usher.DefaultTenant {
			return nil
		}
		return all
	}
}

// sweep removes what has expired, once a minute.
func (s *server) sweep(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.ledger.Sweep(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("expired rows could not be removed", "err", err)
			}
		}
	}
}

// readyz says whether this process should be sent people: it is not stopping and its database answers.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if _, err := s.db.Keys(ctx); err != nil || !s.ready.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// Close stops the background work and closes the ledger after what is queued is durable.
func (s *server) Close() error {
	s.ready.Store(false)
	s.stop()
	s.work.Wait()
	return s.db.Close()
}
