package doctor

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"scaleup/internal/inspect"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// claim is an address and port that one of scaleup's programs listens on.
type claim struct {
	at      netip.AddrPort
	program string // name of its process; "" where it is the operator's program
	unit    string // which runs it
}

// claimsOf are what the programs of a server listen on.
func claimsOf(t *topology.Topology, s topology.Server) []claim {
	var claims []claim
	add := func(address netip.Addr, program, unit string, ports ...uint16) {
		for _, p := range ports {
			claims = append(claims, claim{netip.AddrPortFrom(address, p), program, unit})
		}
	}
	switch s.Role {
	case spec.LoadBalancer:
		add(t.Public, "haproxy", haproxyUnit, topology.PortHTTP, topology.PortHTTPS)
		add(t.Internal, "haproxy", haproxyUnit, topology.PortApp, topology.PortMySQL, topology.PortMySQLRead)
		add(s.Address, "haproxy", haproxyUnit, topology.PortMetrics, topology.PortPeers)
	case spec.Web:
		add(s.Address, "nginx", "nginx.service", topology.PortHTTP)
	case spec.App:
		add(s.Address, "", "app@a.service", topology.PortSlotA)
		add(s.Address, "", "app@b.service", topology.PortSlotB)
	case spec.Database:
		add(s.Address, "mysqld", "mysql.service", topology.PortMySQL)
		add(s.Address, "scaleup", guardUnit, topology.PortGuard, topology.PortGuardPeer)
	}
	return claims
}

// unitsOf are the units behind the claims of a server, and keepalived, whose state says
// whether there is VRRP to listen to.
func unitsOf(t *topology.Topology, s topology.Server) []string {
	var units []string
	for _, c := range claimsOf(t, s) {
		units = append(units, c.unit)
	}
	if s.Role == spec.LoadBalancer {
		units = append(units, keepalivedUnit)
	}
	return slices.Compact(units)
}

const (
	haproxyUnit    = "haproxy.service"
	keepalivedUnit = "keepalived.service"
	guardUnit      = "scaleup-guard.service"
)

// ports finds programs that are in the way of scaleup's own.
func ports(t *topology.Topology, s topology.Server, listeners []inspect.Listen, units map[string]string) []Check {
	var checks []Check
	for _, c := range claimsOf(t, s) {
		for _, l := range listeners {
			if !inTheWay(c.at, l.At) || c.isOurs(l, units) {
				continue
			}
			checks = append(checks, fatal(failed("ports", s.Name,
				fmt.Sprintf("stop and disable it there (ss -Hltnp sport = :%d names it), or give it another port or server", c.at.Port()),
				"%s is held by %s, and %s is to listen at %s", l.At, cmp.Or(l.Program, "a program that cannot be named"), cmp.Or(c.program, "the app"), c.at)))
		}
	}
	if len(checks) == 0 {
		checks = append(checks, passed("ports", s.Name, "the ports it needs are free, or its own programs hold them"))
	}
	return checks
}

// inTheWay reports whether a listener takes what is claimed: the same port at the same
// address or at every one. An address the server does not have is neither.
func inTheWay(wanted, held netip.AddrPort) bool {
	return wanted.Port() == held.Port() && (held.Addr().IsUnspecified() || held.Addr().Unmap() == wanted.Addr())
}

// isOurs goes by the name of the process. Where it says nothing, whoever holds the port
// while the unit runs is the unit, which could not have started otherwise.
func (c claim) isOurs(l inspect.Listen, units map[string]string) bool {
	if c.unit == guardUnit && l.Program == "systemd" {
		return true // which keeps the socket while the guard is being started again
	}
	if c.program != "" && l.Program != "" {
		return l.Program == c.program
	}
	return units[c.unit] == "running"
}
