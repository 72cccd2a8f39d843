package sqlstore_test

import (
	"testing"

	"github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/storetest"
)

// Each of two stores in one database keeps the contract, while the other has
// somebody of every name in it.
func TestContract(t *testing.T) {
	for _, stores := range [][2]string{{usher.PrimaryStore, storetest.Corp}, {storetest.Corp, usher.PrimaryStore}} {
		t.Run(stores[0], func(t *testing.T) {
			storetest.Run(t, func(t testing.TB) store.Driver {
				w := storetest.NewWorld(t)
				for _, name := range []string{"ann", "bob", "a", "b"} {
					err := w.Driver(t, stores[1]).Write(t.Context(), usher.DefaultTenant, store.Write{
						User: usher.UserID(storetest.NewID()), Create: &store.NewUser{Username: name, Canonical: name}, At: 1,
						Set: []store.Attribute{{Name: "email", Values: []string{"ann@x.test", "1@x.test", "all@x.test"}}}, Join: []string{"a", "g"},
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				t.Cleanup(func() { storetest.CheckInvariants(t, w.Ledger) })
				return w.Driver(t, stores[0])
			})
		})
	}
}

func TestStoresAreApart(t *testing.T) {
	storetest.RunApart(t, func(t testing.TB) (one, other store.Driver) {
		w := storetest.NewWorld(t)
		return w.Driver(t, usher.PrimaryStore), w.Driver(t, storetest.Corp)
	})
}
