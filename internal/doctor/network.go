package doctor

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// pathsOf are whom a server sends packets of full size: one server of each tier, another
// one than its neighbour does, so that every server is somebody's. The first load balancer
// also calls the virtual addresses, which nobody may hold that is not of the site.
func pathsOf(t *topology.Topology, s topology.Server) []netip.Addr {
	place := slices.IndexFunc(t.With(s.Role), func(o topology.Server) bool { return o.Name == s.Name })
	var to []netip.Addr
	for _, role := range spec.Roles {
		tier := t.With(role)
		if role == s.Role {
			tier = t.Peers(s)
		}
		if len(tier) > 0 {
			to = append(to, tier[place%len(tier)].Address)
		}
	}
	if s.Role == spec.LoadBalancer && place == 0 {
		to = append(to, t.Public, t.Internal)
	}
	return to
}

// Network judges what is between the servers that have answered.
func Network(t *topology.Topology, answers map[string]remote.Response) []Check {
	checks := []Check{mtu(t, answers)}
	for _, s := range t.Servers {
		if p := answers[s.Name].Preflight; p != nil && len(p.Paths) > 0 {
			checks = append(checks, paths(t, s, answers)...)
		}
	}
	return append(checks, foreignVIPs(t, answers)...)
}

// mtu must be one: of two neighbours, the one that takes less never sees what is too
// large for it, and no router says so.
func mtu(t *topology.Topology, answers map[string]remote.Response) Check {
	by := map[int][]string{}
	for _, s := range t.Servers {
		if p := answers[s.Name].Preflight; p != nil && p.MTU > 0 {
			by[p.MTU] = append(by[p.MTU], s.Name)
		}
	}
	var words []string
	for _, size := range slices.Sorted(maps.Keys(by)) {
		words = append(words, fmt.Sprintf("%d on %s", size, strings.Join(by[size], ", ")))
	}
	if len(by) > 1 {
		return failed("mtu", "", "give all servers the same MTU (ip link set dev INTERFACE mtu N, and in the network's configuration)",
			"the servers' interfaces have different MTUs: %s", strings.Join(words, "; "))
	}
	return passed("mtu", "", "the servers' interfaces have one MTU: %s", strings.Join(words, "; "))
}

// paths: small packets that arrive while large ones do not are a connection that opens
// and then stands still. Of a server that did not answer, that has been said already.
func paths(t *topology.Topology, s topology.Server, answers map[string]remote.Response) []Check {
	p := answers[s.Name].Preflight
	var narrow, silent, fine []string
	for _, path := range p.Paths {
		name := nameOf(t, path.To)
		switch {
		case answers[name].Preflight == nil: // or it is a virtual address
		case path.Small && path.Whole:
			fine = append(fine, name)
		case path.Small:
			narrow = append(narrow, name)
		default:
			silent = append(silent, name)
		}
	}
	var checks []Check
	if len(narrow) > 0 {
		checks = append(checks, failed("path-mtu", s.Name, "lower the MTU of all servers to what the network between them carries, or mend the network",
			"packets of %d bytes, its MTU, do not arrive at %s, and small ones do", p.MTU, strings.Join(narrow, ", ")))
	}
	if len(silent) > 0 {
		checks = append(checks, warned("path-mtu", s.Name, "let ICMP echo requests pass between the servers, or compare their MTUs yourself",
			"%s did not answer ICMP echo requests, so it is not known how large packets to there may be; the interface's MTU is %d", strings.Join(silent, ", "), p.MTU))
	}
	if len(fine) > 0 {
		checks = append(checks, passed("path-mtu", s.Name, "packets of %d bytes arrive at %s", p.MTU, strings.Join(fine, ", ")))
	}
	return checks
}

func nameOf(t *topology.Topology, address netip.Addr) string {
	for _, s := range t.Servers {
		if s.Address == address {
			return s.Name
		}
	}
	return ""
}

// foreignVIPs finds virtual addresses that answer although no load balancer holds them.
// While one of the load balancers says nothing, it may be the one that holds them.
func foreignVIPs(t *topology.Topology, answers map[string]remote.Response) []Check {
	balancers := t.With(spec.LoadBalancer)
	for _, s := range balancers {
		if f := answers[s.Name].Facts; f == nil || f.InterfaceOf(t.Public.String()) != "" || f.InterfaceOf(t.Internal.String()) != "" {
			return nil
		}
	}
	p := answers[balancers[0].Name].Preflight
	if p == nil {
		return nil
	}
	var checks []Check
	for _, path := range p.Paths {
		if path.Small && (path.To == t.Public || path.To == t.Internal) {
			checks = append(checks, fatal(failed("vip-taken", "", "give that machine another address, or choose another one under vips: in the site file",
				"the virtual address %s is not held by a load balancer, and yet something answers there", path.To)))
		}
	}
	return checks
}

// holders are the load balancers that hold the public address.
func holders(t *topology.Topology, answers map[string]remote.Response) []string {
	var names []string
	for _, s := range t.With(spec.LoadBalancer) {
		if a, ok := answers[s.Name]; ok && a.Facts != nil && a.Facts.InterfaceOf(t.Public.String()) != "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// Split fails where several load balancers hold the addresses: each of them hears nobody
// who does, and there is nothing left to listen for.
func Split(t *topology.Topology, answers map[string]remote.Response) []Check {
	if held := holders(t, answers); len(held) > 1 {
		return []Check{failed("vrrp", "", protocolFix, "%s hold the virtual addresses at once: VRRP packets do not arrive between them", strings.Join(held, " and "))}
	}
	return nil
}

// protocolFix is the way out where VRRP packets do not arrive.
const protocolFix = "let IP protocol 112 pass between the load balancers: packet filters, and the security groups of a cloud"

// Listeners says which load balancers have to listen for VRRP, and how. Before keepalived
// runs anywhere, all of them send and listen; afterwards, those that do not hold the
// addresses listen to the one that does, and nothing is sent. Nobody listens where there
// is one load balancer, or no holder to be heard.
func Listeners(t *topology.Topology, answers map[string]remote.Response) map[string]*remote.VRRPAsk {
	var there []topology.Server
	held, running := holders(t, answers), false
	for _, s := range t.With(spec.LoadBalancer) {
		a, ok := answers[s.Name]
		if !ok || a.Facts == nil {
			continue
		}
		there = append(there, s)
		running = running || a.Units[keepalivedUnit] == "running"
	}
	asks := map[string]*remote.VRRPAsk{}
	for _, s := range there {
		var hear []netip.Addr
		for _, o := range there {
			if o.Name != s.Name && (!running || len(held) == 1 && held[0] == o.Name) {
				hear = append(hear, o.Address)
			}
		}
		if len(hear) > 0 {
			asks[s.Name] = &remote.VRRPAsk{Hear: hear, Send: !running}
		}
	}
	return asks
}

// VRRP judges what load balancers have heard; answers are theirs to what Listeners said.
func VRRP(t *topology.Topology, asks map[string]*remote.VRRPAsk, answers map[string]remote.Response) []Check {
	balancers := t.With(spec.LoadBalancer)
	if len(balancers) < 2 {
		return nil
	}
	if len(asks) == 0 {
		return []Check{warned("vrrp", "", "scaleup status shows who holds the addresses",
			"whether VRRP arrives between the load balancers was not found out: fewer than two answered, or there is not exactly one that holds the addresses")}
	}
	var checks []Check
	for _, s := range balancers {
		if ask := asks[s.Name]; ask != nil {
			checks = append(checks, heard(t, s, ask, answers[s.Name].Preflight))
		}
	}
	return checks
}

func heard(t *topology.Topology, s topology.Server, ask *remote.VRRPAsk, p *remote.Preflight) Check {
	if p == nil || p.Errors["heard"] != "" {
		why := "it did not answer"
		if p != nil {
			why = p.Errors["heard"]
		}
		return warned("vrrp", s.Name, "see the message", "it could not listen for VRRP: %s", why)
	}
	var missed, got []string
	for _, a := range ask.Hear {
		if slices.Contains(p.Heard, a) {
			got = append(got, nameOf(t, a))
		} else {
			missed = append(missed, nameOf(t, a))
		}
	}
	if len(missed) > 0 {
		return fatal(failed("vrrp", s.Name, protocolFix,
			"VRRP packets of %s do not arrive: both would hold the virtual addresses at once", strings.Join(missed, ", ")))
	}
	return passed("vrrp", s.Name, "VRRP packets of %s arrive", strings.Join(got, ", "))
}
