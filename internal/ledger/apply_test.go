package ledger_test

import (
	"testing"

	"github.com/usher-id/usher/internal/storetest"
)

func TestApplyContract(t *testing.T) {
	storetest.RunLedger(t, func(t testing.TB) *storetest.World { return storetest.NewWorld(t) })
}
