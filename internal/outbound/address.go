package outbound

import (
	"net/netip"
	"strings"
	"syscall"

	"github.com/usher-id/usher"
)

// Addresses inside an organisation. They are dialled only with
// Options.AllowPrivate.
var private = prefixes(
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", // RFC 1918
	"100.64.0.0/10",          // carrier-grade NAT, RFC 6598
	"127.0.0.0/8", "::1/128", // loopback
	"fc00::/7",                  // unique local, RFC 4193
	"64:ff9b::/96", "2002::/16", // NAT64 and 6to4: an IPv4 address of any kind hides inside
	"198.18.0.0/15",                 // benchmarking, RFC 2544
	"192.0.2.0/24", "2001:db8::/32", // documentation, RFC 5737 and RFC 3849
	"198.51.100.0/24", "203.0.113.0/24", "3fff::/20",
)

// Addresses where no identity provider can live, whatever the options say.
// Link-local is among them because the metadata services of clouds are there.
var never = prefixes(
	"0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.88.99.0/24",
	"224.0.0.0/4", // multicast
	"240.0.0.0/4", // reserved, and broadcast
	"2001::/23",   // protocol assignments, Teredo among them
	// Metadata services of clouds that are not link-local: Azure's, Alibaba's, Amazon's, Google's.
	"168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::254/128", "fd20:ce::254/128",
)

var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
	sixTo4 = netip.MustParsePrefix("2002::/16")
)

// inner is the IPv4 address that a NAT64 or 6to4 address leads to (RFC 6052,
// section 2.1; RFC 3056, section 2).
func inner(a netip.Addr) (netip.Addr, bool) {
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case sixTo4.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}

// Every IPv6 address that is routed in the open Internet (RFC 4291).
var globalUnicast = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

func within(a netip.Addr, in []netip.Prefix) bool {
	for _, p := range in {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// permitted reports whether a may be dialled. An IPv4 address in IPv6 clothes
// (::ffff:127.0.0.1) is the IPv4 address it stands for.
func permitted(a netip.Addr, allowPrivate bool) bool {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid(), within(a, never):
		return false
	case within(a, private):
		to, hidden := inner(a)
		return allowPrivate && (!hidden || !within(to, never))
	}
	return a.Is4() || globalUnicast.Contains(a)
}

// guard is a net.Dialer.Control. It sees the address that is really dialled,
// after every name was resolved, so a name that resolved to a public address a
// moment ago and to a private one now is caught (DNS rebinding).
func guard(allowPrivate bool) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !strings.HasPrefix(network, "tcp") || !permitted(to.Addr(), allowPrivate) {
			return usher.Fail(usher.Denied, "outbound.Dial", "its address is not one that may be called from here", nil)
		}
		return nil
	}
}
