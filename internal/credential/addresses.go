package credential

import (
	"net/netip"
	"sync"
	"time"
)

// mostAddresses is how many addresses one window keeps in mind.
const mostAddresses = 10_000

// addresses counts what single addresses do, in memory, in two windows of which
// the older one is dropped. Addresses inside a network are not counted: there it
// is a proxy that everybody comes through.
type addresses struct {
	limit int

	mu          sync.Mutex
	began       time.Time
	now, before map[netip.Addr]int
}

// take counts one more for an address, if it has one left.
func (a *addresses) take(address string, at time.Time) bool {
	ip, ok := outside(address)
	if !ok {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(at)
	if a.now[ip]+a.before[ip] >= a.limit {
		return false
	}
	a.now[ip]++
	return true
}

// giveBack takes back what take counted.
func (a *addresses) giveBack(address string) {
	ip, ok := outside(address)
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, counts := range []map[netip.Addr]int{a.now, a.before} {
		if counts[ip] > 0 {
			if counts[ip]--; counts[ip] == 0 {
				delete(counts, ip)
			}
			return
		}
	}
}

// turn drops what is old. Whoever comes from very many addresses makes the
// windows shorter, not the memory larger.
func (a *addresses) turn(at time.Time) {
	age := at.Sub(a.began)
	if a.now != nil && age < window && len(a.now) < mostAddresses {
		return
	}
	a.before = a.now
	if age >= 2*window {
		a.before = nil
	}
	a.now, a.began = map[netip.Addr]int{}, at
}

// outside is what stands for one person or network: an IPv4 address, or the /64
// that an IPv6 address is in. False for what is inside a network, or no address.
func outside(address string) (netip.Addr, bool) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Addr{}, false
	}
	ip = ip.Unmap().WithZone("")
	if ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
		return netip.Addr{}, false
	}
	if ip.Is4() {
		return ip, true
	}
	p, err := ip.Prefix(64)
	return p.Addr(), err == nil
}
