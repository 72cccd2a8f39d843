package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/explain"
	"github.com/usher-id/usher/internal/web"
)

// explainID tells what is behind a correlation id: a recorded decision, or a
// refusal that came before there was anything to decide.
func explainID(ctx context.Context, file, id string) (_ string, err error) {
	cfg, err := load(file)
	if err != nil {
		return "", err
	}
	file = filepath.Join(cfg.Server.Data, databaseFile)
	if _, err := os.Stat(file); err != nil {
		return "", usher.Fail(usher.Invalid, "explain", "there is no database "+file+"; run this in Usher's folder, or name its configuration with --config", err)
	}
	v, err := openVault(ctx, cfg, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		return "", err
	}
	defer func() {
		if e := v.db.Close(); err == nil {
			err = e
		}
	}()
	kit, err := web.New(web.Config{Issuer: cfg.Server.Issuer, Sealer: v.ring, Now: time.Now})
	if err != nil {
		return "", err
	}
	return v.explain(ctx, kit, id)
}

func (v *vault) explain(ctx context.Context, kit *web.Kit, id string) (string, error) {
	if reason, at, ok := kit.ReadTicket(id); ok {
		said := reason.Said()
		return fmt.Sprintf("Somebody was turned away at the door, before there was anything to decide.\n\n  when     %s\n  reason   %s\n  meaning  %s\n",
			explain.Moment(at), reason, said.Do), nil
	}
	if rec, waiting, err := v.ledger.WaitingRecord(ctx, id); err != nil {
		return "", err
	} else if waiting {
		return explain.Tell(rec).Text(), nil
	}
	rec, err := v.ledger.Explain(ctx, id)
	if usher.KindOf(err) == usher.NotFound {
		return "", usher.Fail(usher.Invalid, "explain", "there is no sign-in "+id+" here; copy the whole correlation id from the page or the log", err)
	}
	if err != nil {
		return "", err
	}
	return explain.Tell(rec).Text(), nil
}
