package credential

import (
	"context"
	"net/netip"
	"sync"
	"time"

	usher "github.com/usher-id/usher"
	"github.com/usher-id/usher/internal/ledger"
)

const (
	freely    = 5                              // failures that cost no wait
	longest   = usher.Instant(15 * 60 * 1e6)   // the longest wait, in microseconds
	remember  = usher.Instant(24 * 3600 * 1e6) // failures are forgotten a day after the last
	window    = 10 * time.Minute               // for addresses
	perWindow = 30                             // failures of one address
	most      = 10_000                         // addresses kept in mind
)

// wait is how long after the last of count failures nothing is tried.
func wait(count int) usher.Instant {
	if count < freely {
		return 0
	}
	return min(usher.Second<<min(count-freely, 30), longest)
}

// guarded runs try, unless there were too many failures for the key or from the
// address. The attempt is counted as a failure before it is made, so that many at
// the same moment, or a crash, gain nobody a guess; success forgives them all.
func (k *Keeper) guarded(ctx context.Context, key ledger.Key, address string, try func() (bool, error)) (usher.Reason, error) {
	count, last, err := k.cfg.Ledger.Failures(ctx, key)
	if err != nil {
		return "", err
	}
	now := k.now()
	if now < last+wait(count) || k.addresses.tired(address, k.cfg.Now()) {
		return usher.ReasonLocalTooMany, nil
	}
	var counted int
	if err := k.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) (err error) {
		counted, err = tx.CountFailure(ctx, key, now+remember)
		return err
	}); err != nil {
		return "", err
	}
	if counted > count+1 && counted > freely { // somebody tried at the same moment, and only one may
		return usher.ReasonLocalTooMany, nil
	}
	yes, err := try()
	switch {
	case err != nil:
		return "", err
	case !yes:
		k.addresses.failed(address, k.cfg.Now())
		return usher.ReasonLocalRefused, nil
	}
	return "", k.cfg.Ledger.Commit(ctx, func(tx *ledger.Tx) error { return tx.Forgive(ctx, key) })
}

// addresses counts failures by address, in two windows of which the older one is
// dropped. Addresses inside the network are not counted: there it is a proxy that
// everybody comes through.
type addresses struct {
	mu          sync.Mutex
	began       time.Time
	now, before map[netip.Addr]int
}

func (a *addresses) tired(address string, at time.Time) bool {
	ip, ok := outside(address)
	if !ok {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(at)
	return a.now[ip]+a.before[ip] >= perWindow
}

func (a *addresses) failed(address string, at time.Time) {
	ip, ok := outside(address)
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(at)
	a.now[ip]++
}

// turn drops what is old. Whoever comes from very many addresses makes the
// windows shorter, not the memory larger.
func (a *addresses) turn(at time.Time) {
	if a.now != nil && at.Sub(a.began) < window && len(a.now) < most {
		return
	}
	a.before = a.now
	if at.Sub(a.began) >= 2*window {
		a.before = nil
	}
	a.now, a.began = map[netip.Addr]int{}, at
}

// outside is an address that stands for one person or network: an IPv4 address,
// or the /64 that an IPv6 address is in.
func outside(address string) (netip.Addr, bool) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Addr{}, false
	}
	ip = ip.Unmap().WithZone("")
	if ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
		return netip.Addr{}, false
	}
	if ip.Is6() {
		p, err := ip.Prefix(64)
		return p.Addr(), err == nil
	}
	return ip, true
}
