// Package topology turns a site file into the site's shape: servers with
// addresses, virtual addresses, ports, and the flows between tiers. It is pure;
// it knows nothing of what is running.
package topology

import (
	"fmt"
	"net/netip"
	"sort"
	"strings"

	"scaleup/internal/spec"
)

// Topology is the shape of a site. Build makes it; nothing changes it.
type Topology struct {
	Site     *spec.Site
	Servers  []Server   // by tier, then by name in natural order
	Public   netip.Addr // VIP the users reach
	Internal netip.Addr // VIP the tiers reach each other through
}

// Server is one machine with one role.
type Server struct {
	Name    string
	Role    spec.Role
	Address netip.Addr
	Remote  bool // reached at an address of the site file, not made by the lab
}

// Build gives every server its address. It fails when the lab's subnet has too
// few addresses for the servers of a role.
func Build(site *spec.Site) (*Topology, error) {
	t := &Topology{Site: site, Public: site.VIPs.Public, Internal: site.VIPs.Internal}
	plan := newAddressPlan(site)
	if !t.Public.IsValid() {
		t.Public = plan.host(vipPublicHost)
	}
	if !t.Internal.IsValid() {
		t.Internal = plan.host(vipInternalHost)
	}
	for _, role := range spec.Roles {
		servers := site.With(role)
		addresses, err := plan.assign(role, servers)
		if err != nil {
			return nil, err
		}
		tier := make([]Server, len(servers))
		for i, s := range servers {
			tier[i] = Server{Name: s.Name, Role: role, Address: addresses[i], Remote: s.Remote()}
		}
		sort.Slice(tier, func(i, j int) bool { return naturalLess(tier[i].Name, tier[j].Name) })
		t.Servers = append(t.Servers, tier...)
	}
	return t, nil
}

// With returns the servers of a role, by name.
func (t *Topology) With(r spec.Role) []Server {
	var with []Server
	for _, s := range t.Servers {
		if s.Role == r {
			with = append(with, s)
		}
	}
	return with
}

// Server finds a server by name; the error names those there are.
func (t *Topology) Server(name string) (Server, error) {
	names := make([]string, len(t.Servers))
	for i, s := range t.Servers {
		if s.Name == name {
			return s, nil
		}
		names[i] = s.Name
	}
	return Server{}, fmt.Errorf("no server %q in %s; there are: %s", name, t.Site.File, strings.Join(names, ", "))
}

// Peers returns the other servers of s's role, by name.
func (t *Topology) Peers(s Server) []Server {
	var peers []Server
	for _, p := range t.With(s.Role) {
		if p.Name != s.Name {
			peers = append(peers, p)
		}
	}
	return peers
}

// Only is the same site with some of its servers.
func (t *Topology) Only(servers []Server) *Topology {
	part := *t
	part.Servers = servers
	return &part
}

// Names returns the names of a role's servers, in their order.
func (t *Topology) Names(r spec.Role) []string {
	var names []string
	for _, s := range t.With(r) {
		names = append(names, s.Name)
	}
	return names
}

// Addresses returns the addresses of a role's servers, by server name.
func (t *Topology) Addresses(r spec.Role) []netip.Addr {
	var addresses []netip.Addr
	for _, s := range t.With(r) {
		addresses = append(addresses, s.Address)
	}
	return addresses
}

// InLab reports whether the lab makes the servers of this site.
func (t *Topology) InLab() bool { return len(t.Servers) > 0 && !t.Servers[0].Remote }

// naturalLess orders web2 before web10.
func naturalLess(a, b string) bool {
	pa, na := splitNumber(a)
	pb, nb := splitNumber(b)
	if pa != pb {
		return pa < pb
	}
	if na != nb {
		return na < nb
	}
	return a < b
}
