package topology

import (
	"net/netip"
	"slices"

	"scaleup/internal/spec"
)

// Ports of the site. The public ones are the web's; the internal ones are the
// programs' customary ports.
const (
	PortHTTP      = 80    // public VIP: redirects to HTTPS; web servers: Nginx
	PortHTTPS     = 443   // public VIP
	PortApp       = 8080  // internal VIP: the app tier
	PortMySQL     = 3306  // internal VIP: the primary; database servers: MySQL and Group Replication
	PortMySQLRead = 3307  // internal VIP: replicas
	PortSlotA     = 8001  // app servers: slot a
	PortSlotB     = 8002  // app servers: slot b
	PortGuard     = 8008  // database servers: role checks of the load balancers, plain HTTP
	PortGuardPeer = 8009  // database servers: guards among themselves, mTLS
	PortPeers     = 10000 // load balancers: stick tables (HAProxy's peers protocol)
	PortMetrics   = 8404  // load balancers: Prometheus exporter, from the operator's side only
	PortSSH       = 22
)

// Slot is one of the two places an app server runs a release in.
type Slot string

// The slots of an app server.
const (
	SlotA Slot = "a"
	SlotB Slot = "b"
)

// Port is where the slot's program listens.
func (s Slot) Port() int {
	if s == SlotB {
		return PortSlotB
	}
	return PortSlotA
}

// Other is the slot a deploy goes to.
func (s Slot) Other() Slot {
	if s == SlotB {
		return SlotA
	}
	return SlotB
}

// Flow is one permission: who may reach which port of a server, and why.
type Flow struct {
	From     []netip.Prefix // sources
	To       netip.Addr     // destination address on the server; zero: any of its own
	Protocol string         // tcp or vrrp
	Ports    []int          // empty for vrrp
	Why      string
}

// FlowsTo lists every flow that may reach a server, in reading order. What is
// not here is dropped by the server's firewall.
func (t *Topology) FlowsTo(s Server) []Flow {
	flows := []Flow{{From: t.operators(), Protocol: "tcp", Ports: []int{t.SSHPort(s)}, Why: "the operator, over SSH"}}
	lbs := hosts(t.Addresses(spec.LoadBalancer))
	switch s.Role {
	case spec.LoadBalancer:
		flows = append(flows, t.loadBalancerFlows(s)...)
	case spec.Web:
		flows = append(flows, Flow{From: lbs, Protocol: "tcp", Ports: []int{PortHTTP}, Why: "requests and health checks from the load balancers"})
	case spec.App:
		flows = append(flows, Flow{From: lbs, Protocol: "tcp", Ports: []int{PortSlotA, PortSlotB}, Why: "requests and health checks from the load balancers, to both slots"})
	case spec.Database:
		flows = append(flows, Flow{From: lbs, Protocol: "tcp", Ports: []int{PortMySQL, PortGuard}, Why: "connections of the app tier and role checks, through the load balancers"})
		if peers := t.addressesOf(t.Peers(s)); len(peers) > 0 {
			flows = append(flows, Flow{From: peers, Protocol: "tcp", Ports: []int{PortMySQL, PortGuardPeer}, Why: "Group Replication, clone and the guards, among the members"})
		}
	}
	return flows
}

func (t *Topology) loadBalancerFlows(s Server) []Flow {
	anyone := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	flows := []Flow{
		{From: anyone, To: t.Public, Protocol: "tcp", Ports: []int{PortHTTP, PortHTTPS}, Why: "the users"},
		{From: hosts(t.Addresses(spec.Web)), To: t.Internal, Protocol: "tcp", Ports: []int{PortApp}, Why: "web servers, to the app tier"},
		{From: hosts(t.Addresses(spec.App)), To: t.Internal, Protocol: "tcp", Ports: []int{PortMySQL, PortMySQLRead}, Why: "app servers, to the database tier"},
		{From: t.operators(), Protocol: "tcp", Ports: []int{PortMetrics}, Why: "metrics, read from where SSH is allowed"},
	}
	if peers := t.addressesOf(t.Peers(s)); len(peers) > 0 {
		flows = append(flows,
			Flow{From: peers, Protocol: "vrrp", Why: "keepalived of the other load balancers"},
			Flow{From: peers, Protocol: "tcp", Ports: []int{PortPeers}, Why: "shared stick tables"})
	}
	return flows
}

// operators are the networks SSH is allowed from.
func (t *Topology) operators() []netip.Prefix { return slices.Clone(t.Site.SSH.Allow) }

func (t *Topology) addressesOf(servers []Server) []netip.Prefix {
	addresses := make([]netip.Addr, len(servers))
	for i, s := range servers {
		addresses[i] = s.Address
	}
	return hosts(addresses)
}

func hosts(addresses []netip.Addr) []netip.Prefix {
	prefixes := make([]netip.Prefix, len(addresses))
	for i, a := range addresses {
		prefixes[i] = netip.PrefixFrom(a, 32)
	}
	return prefixes
}

// SSHPort is where a server listens for the operator.
func (t *Topology) SSHPort(s Server) int {
	if s.Remote && t.Site.SSH.Port != 0 {
		return int(t.Site.SSH.Port)
	}
	return PortSSH
}
