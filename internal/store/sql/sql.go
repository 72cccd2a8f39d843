package sqlstore

import (
	"context"
	"errors"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
)

// Tables are the accounts of one store.
type Tables struct {
	Store string // the store's name, part of every key
}

// On is a driver that reads and writes through q. Several statements make one
// Write, so q must be a transaction if the driver is to write.
func (t Tables) On(q store.Querier) store.Driver { return &driver{t.Store, q} }

type driver struct {
	store string
	q     store.Querier
}

var errTODO = errors.New("not yet")

func (d *driver) Get(ctx context.Context, tenant string, id usher.UserID) (store.User, error) {
	return store.User{}, errTODO
}

func (d *driver) Named(ctx context.Context, tenant string, canonical []string) (map[string]usher.UserID, error) {
	return nil, errTODO
}

func (d *driver) Write(ctx context.Context, tenant string, w store.Write) error { return errTODO }

func (d *driver) List(ctx context.Context, tenant, after string, limit int) ([]store.User, error) {
	return nil, errTODO
}
