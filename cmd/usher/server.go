package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/credential"
	"github.com/usher-id/usher/internal/flow"
	"github.com/usher-id/usher/internal/idp/oidc"
	"github.com/usher-id/usher/internal/key"
	"github.com/usher-id/usher/internal/ledger"
	"github.com/usher-id/usher/internal/op"
	"github.com/usher-id/usher/internal/outbound"
	"github.com/usher-id/usher/internal/outbox"
	"github.com/usher-id/usher/internal/password"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/session"
	"github.com/usher-id/usher/internal/store"
	sqlstore "github.com/usher-id/usher/internal/store/sql"
	"github.com/usher-id/usher/internal/token"
	"github.com/usher-id/usher/internal/web"
)

// Files in the data folder.
const (
	databaseFile = "usher.db"
	masterFile   = "usher.key"
)

// vault is what every command needs: the ledger, opened with its keys, and the
// configuration in force.
type vault struct {
	db          *ledger.DB
	ring        *key.Ring
	ledger      *ledger.Ledger
	credentials *credential.Keeper
	inForce     atomic.Pointer[inForce]
}

// inForce is a configuration with what is made from it once. It never changes;
// another one takes its place.
type inForce struct {
	cfg       *config.Config
	providers []flow.Provider
}

// use puts a configuration in force. Sign-ins under way go on under it.
func (v *vault) use(cfg *config.Config, now func() time.Time) {
	v.inForce.Store(&inForce{cfg: cfg, providers: connected(cfg, now)})
}

func (v *vault) config() *config.Config { return v.inForce.Load().cfg }

// openVault opens the database in the data folder and makes what is missing.
func openVault(ctx context.Context, cfg *config.Config, log *slog.Logger, now func() time.Time) (_ *vault, err error) {
	data := cfg.Server.Data
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
	v := &vault{db: db, ring: ring}
	v.use(cfg, now)
	v.ledger = ledger.New(db, ledger.Config{Stores: v.store, Sealer: ring, Now: now})
	v.credentials = credential.New(credential.Config{
		Ledger: v.ledger, Hasher: password.New(password.Config{}), Default: usher.PrimaryStore,
		Stores: v.storeNames, Policy: v.storePolicy, Log: log, Now: now,
	})
	return v, nil
}

// store finds a user store of the configuration; all of them live in the
// ledger's database.
func (v *vault) store(name string) (ledger.StoreMaker, store.Policy, bool) {
	s, ok := v.config().Store(name)
	if !ok {
		return nil, store.Policy{}, false
	}
	return sqlstore.Tables{Store: name}, s.Policy, true
}

func (v *vault) storePolicy(name string) (store.Policy, bool) {
	s, ok := v.config().Store(name)
	return s.Policy, ok
}

func (v *vault) storeNames(string) []string {
	var out []string
	for _, s := range v.config().Stores {
		out = append(out, s.Name)
	}
	return out
}

// policies finds policy and rules in the configuration.
func (v *vault) policies(tenant, idp, application string) (usher.Policy, provision.Mapper) {
	cfg := v.config()
	policy := cfg.Policy(tenant, idp, application)
	if p, ok := cfg.Provider(tenant, idp); ok {
		return policy, p.Rules
	}
	return policy, nil
}

// purpose is the operator's words of a purpose.
func (v *vault) purpose(_, name string) (flow.PurposeText, bool) {
	p, ok := v.config().Purpose(name)
	out := flow.PurposeText{Title: map[string]string{}, Description: map[string]string{}, PolicyURL: p.PolicyURL}
	for language, text := range p.Texts {
		out.Title[language], out.Description[language] = text.Title, text.Description
	}
	return out, ok
}

// providerEnabled reports whether people may come from a provider, or by a
// password of ours.
func (v *vault) providerEnabled(tenant, idp string) bool {
	return v.config().Policy(tenant, idp, "").IdP.Enabled
}

// server is a running Usher, wired.
type server struct {
	*vault
	cfg     *config.Config // as it was at the start: addresses, folders and what is around them do not change
	log     *slog.Logger
	path    *provision.Path
	kit     *web.Kit
	outbox  *outbox.Outbox
	handler http.Handler
	ready   atomic.Bool
	stop    context.CancelFunc
	work    sync.WaitGroup
}

// start wires a server and begins its background work. Close ends it.
func start(ctx context.Context, cfg *config.Config, log *slog.Logger, now func() time.Time) (*server, error) {
	v, err := openVault(ctx, cfg, log, now)
	if err != nil {
		return nil, err
	}
	s := &server{vault: v, cfg: cfg, log: log}
	s.path = provision.New(provision.Config{
		Ledger: v.ledger, Policies: v.policies, Log: log, Now: now,
	})
	if s.kit, err = web.New(web.Config{
		Issuer: cfg.Server.Issuer, Log: log, Sealer: v.ring, Now: now,
		Pages: []fs.FS{flow.Pages, op.Pages, outbox.Pages}, Theme: theme(cfg.Server.Theme),
	}); err != nil {
		return nil, errors.Join(err, v.db.Close())
	}
	mail, err := mailer(cfg.Server)
	if err != nil {
		return nil, errors.Join(err, v.db.Close())
	}
	s.outbox = outbox.New(outbox.Config{
		Ledger: v.ledger, Issuer: cfg.Server.Issuer, Mail: mail, Text: s.kit.Text, Provider: v.providerName, Log: log, Now: now,
	})
	s.handler = s.pages(now)

	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = cancel
	s.work.Go(func() {
		v.ring.Run(background, func(err error) { log.Error("keys could not be rotated", "err", err) })
	})
	s.work.Go(func() { s.sweep(background) })
	s.work.Go(func() { s.outbox.Run(background) })
	s.ready.Store(true)
	return s, nil
}

// mailer sends letters; nil if no mail is set.
func mailer(c config.Server) (outbox.Sink, error) {
	if c.Mail == nil {
		return nil, nil //nolint:nilnil // no mail is a way of running
	}
	return outbox.NewSMTP(outbox.SMTPConfig{
		Server: c.Mail.Address, TLS: c.Mail.TLS, From: c.Mail.From, Username: c.Mail.Username, Password: c.Mail.Password, Issuer: c.Issuer,
	})
}

// providerName is a provider's name as people know it, "" if there is none.
func (v *vault) providerName(tenant, idp string) string {
	p, _ := v.config().Provider(tenant, idp)
	return p.DisplayName
}

// pages wires what is served.
func (s *server) pages(now func() time.Time) http.Handler {
	v, issuer := s.vault, s.cfg.Server.Issuer
	sessions := &session.Keeper{Ledger: v.ledger, Now: now, Allowed: v.providerEnabled}
	minter := &token.Minter{Issuer: issuer, Ring: v.ring, Ledger: v.ledger, Now: now}

	var talk *flow.Flow
	provider := op.New(op.Config{
		Issuer: issuer, Kit: s.kit, Ledger: v.ledger, Ring: v.ring, Sessions: sessions, Tokens: minter,
		Applications:    func(tenant, id string) (op.Application, bool) { return v.config().Application(tenant, id) },
		ProviderEnabled: v.providerEnabled,
		Begin:           func(w http.ResponseWriter, r *http.Request, from flow.Start) { talk.Begin(w, r, from) },
		Now:             now, Log: s.log,
	})
	talk = flow.New(flow.Config{
		Kit: s.kit, Path: s.path, Ledger: v.ledger, Sessions: sessions, Asker: provider, Sealer: v.ring,
		Providers: v.providers, Log: s.log, Now: now,
		Signer: v.ring, Credentials: v.credentials, Stores: v.storePolicy, Purposes: v.purpose,
		Local:      func(tenant string) bool { return v.providerEnabled(tenant, usher.LocalIdP) },
		Mails:      func(string) bool { return s.cfg.Server.Mail != nil },
		HideStates: func() bool { return v.config().Server.HideStates },
	})

	pages := http.NewServeMux()
	provider.Mount(pages)
	talk.Mount(pages)
	s.kit.Mount(pages)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("/", s.kit.Handler(pages))
	return mux
}

// theme is the folder that overrides pages, words and looks; nil without one.
func theme(folder string) fs.FS {
	if folder == "" {
		return nil
	}
	return os.DirFS(folder)
}

// providers are those of a tenant, as the login conversation sees them.
func (v *vault) providers(tenant string) []flow.Provider {
	if tenant != usher.DefaultTenant {
		return nil
	}
	return v.inForce.Load().providers
}

// connected makes one connector for each provider, and one client for each way of going out.
func connected(cfg *config.Config, now func() time.Time) []flow.Provider {
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
			Connector: oidc.New(p.OIDC, client), PromptURL: p.PromptURL,
		})
	}
	return all
}

// sweep ends sign-ins that were abandoned and removes what has expired, once a minute.
func (s *server) sweep(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := errors.Join(s.path.Expire(ctx), s.ledger.Sweep(ctx)); err != nil && ctx.Err() == nil {
				s.log.Error("what has expired could not be ended", "err", err)
			}
		}
	}
}

// readyz says whether this process should be sent people: it is not stopping,
// and the writer of its database takes its turn.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	err := s.ledger.Commit(ctx, func(*ledger.Tx) error { return nil })
	if err != nil || !s.ready.Load() {
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
