package config

import (
	"path/filepath"
	"strings"
)

// issuerOfOurs checks the issuer under which applications know Usher.
func (n node) issuerOfOurs() string {
	s, u := n.web()
	switch {
	case u == nil:
	case u.RawQuery != "" || u.ForceQuery:
		n.fault("has a query, which an issuer can't have; remove the ? and what follows")
	case strings.HasSuffix(u.Path, "/"):
		n.fault("ends in a slash; remove it, for an issuer is compared byte by byte")
	case u.Path != "":
		n.fault("has a path; give Usher a host of its own, for its cookies are bound to the whole host")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		n.fault("is http on a host that is not this machine; use https")
	default:
		return s
	}
	return ""
}

// folder is where data is kept. A relative one starts at the folder of the file
// it is written in, so that it does not move with the shell.
func (n node) folder() string {
	s := n.expanded()
	switch {
	case s == "":
		return "."
	case filepath.IsAbs(s):
		return filepath.Clean(s)
	}
	return filepath.Join(n.file.dir, s)
}
