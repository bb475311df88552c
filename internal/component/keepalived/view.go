package keepalived

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"

	"scaleup/internal/component"
	"scaleup/internal/facts"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// view is what the templates show.
type view struct {
	Server, Site, Binary string
	Reference            bool
	Address              netip.Addr
	Interface            string
	RouterID, Priority   int
	FastAdverts          bool // keepalived ≥ 2.3.2: 0.1 s and timer_expired_backup
	Peers                []topology.Server
	VIPs                 []vip
	Cut                  string // ends every connection to the addresses

	AgentUnit, AgentUser, AgentConfig, TrackFile, RuntimeDirectory string
}

// vip is a virtual address and the interface it appears on.
type vip struct {
	Address   netip.Addr
	Interface string
}

// What may stand unquoted in keepalived's configuration and in a unit file.
var (
	wordForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	fileForm = regexp.MustCompile(`^/[A-Za-z0-9._/-]+$`)
)

func newView(in component.Input) (*view, error) {
	t := in.Topology
	own, err := interfaceOf(in.Facts, in.Server.Address)
	if err != nil {
		return nil, err
	}
	v := &view{
		Server: in.Server.Name, Site: t.Site.Name, Binary: in.Binary, Reference: in.Facts.Reference,
		Address: in.Server.Address, Interface: own,
		RouterID: routerID(t.Internal), Priority: priority(t, in.Server),
		FastAdverts: component.AtLeast(in.Facts.Version("keepalived"), "2.3.2"),
		Peers:       t.Peers(in.Server),
		AgentUnit:   AgentUnit, AgentUser: agentUser, AgentConfig: agentConfigPath,
		TrackFile: trackFile, RuntimeDirectory: runtimeDirectory,
	}
	for _, a := range []netip.Addr{t.Public, t.Internal} {
		v.VIPs = append(v.VIPs, vip{Address: a, Interface: interfaceFor(in.Facts, a, own)})
	}
	v.Cut = fmt.Sprintf("/usr/bin/ss --kill --tcp --numeric --no-header src %s or src %s", t.Public, t.Internal)
	for _, w := range []string{v.Server, v.Site, own, v.VIPs[0].Interface, v.VIPs[1].Interface} {
		if !wordForm.MatchString(w) {
			return nil, fmt.Errorf("%q cannot stand in its configuration; use letters, digits, dots and hyphens", w)
		}
	}
	if !fileForm.MatchString(v.Binary) {
		return nil, fmt.Errorf("path %q of scaleup on the server cannot stand in a unit file", v.Binary)
	}
	return v, nil
}

// interfaceOf is the interface of the server's own address, over which the
// load balancers talk.
func interfaceOf(f facts.Facts, address netip.Addr) (string, error) {
	if name := f.InterfaceOf(address.String()); name != "" {
		return name, nil
	}
	if f.Reference {
		return "eth0", nil
	}
	if len(f.Interfaces) == 0 {
		return "", errors.New("none of its network interfaces is up")
	}
	return "", fmt.Errorf("none of its network interfaces has the address %s of the site file", address)
}

// interfaceFor is the interface in whose network a virtual address lies; that
// of the server's own address when it lies in none.
func interfaceFor(f facts.Facts, address netip.Addr, own string) string {
	for _, i := range f.Interfaces {
		for _, cidr := range i.Addresses {
			if p, err := netip.ParsePrefix(cidr); err == nil && p.Contains(address) {
				return i.Name
			}
		}
	}
	return own
}

// routerID is the site's VRRP number, the last byte of its internal address:
// the same on all its load balancers, and rarely that of another site.
func routerID(internal netip.Addr) int {
	if last := int(internal.As4()[3]); last != 0 {
		return last
	}
	return 255 // 0 is not a number of VRRP's
}

// priority is 250 for the first load balancer and 10 less for each further one.
func priority(t *topology.Topology, s topology.Server) int {
	i := slices.IndexFunc(t.With(spec.LoadBalancer), func(o topology.Server) bool { return o.Name == s.Name })
	return max(250-10*i, 1)
}
