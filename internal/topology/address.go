package topology

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"scaleup/internal/spec"
)

// Host numbers of the lab's subnet that are the same in every lab.
const (
	hostBridge      = 1  // the operator's computer, on the lab's bridge
	vipPublicHost   = 10 // the VIP the users reach
	vipInternalHost = 11 // the VIP the tiers reach each other through
)

// Gateway is the operator's own address on the lab's bridge.
func Gateway(subnet netip.Prefix) netip.Addr { return hostAddress(subnet, hostBridge) }

// addressPlan gives each role a block of the subnet, so that adding a web
// server never renumbers a database server.
type addressPlan struct {
	subnet netip.Prefix
	site   *spec.Site
}

func newAddressPlan(site *spec.Site) addressPlan {
	return addressPlan{subnet: site.Lab.Subnet.Masked(), site: site}
}

func (p addressPlan) host(n uint32) netip.Addr { return hostAddress(p.subnet, n) }

func hostAddress(subnet netip.Prefix, n uint32) netip.Addr {
	base := subnet.Masked().Addr().As4()
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(base[:])+n)
	return netip.AddrFrom4(b)
}

// block returns the first host number and the size of a role's block. Small
// subnets get ten addresses per load balancer, web and app tier from .21, as
// people expect to read them; large ones are divided by what tiers grow to.
func (p addressPlan) block(r spec.Role) (first, size uint32) {
	hosts := uint32(1) << (32 - p.subnet.Bits())
	if hosts <= 256 {
		switch r {
		case spec.LoadBalancer:
			return 21, 10
		case spec.Web:
			return 31, 10
		case spec.App:
			return 41, 10
		default:
			return 51, 9
		}
	}
	share := (hosts - 256) / 2
	switch r {
	case spec.LoadBalancer:
		return 21, 30
	case spec.Database:
		return 51, 30
	case spec.Web:
		return 256, share
	default:
		return 256 + share, share - 1 // the last address is the broadcast address
	}
}

// assign gives the servers of one role their addresses, in the given order. A
// name that ends in a number takes that place of its block (web3 the third), so
// removing web1 leaves web3 where it is; the others take what is free.
func (p addressPlan) assign(r spec.Role, servers []spec.Server) ([]netip.Addr, error) {
	addresses := make([]netip.Addr, len(servers))
	if !p.subnet.IsValid() { // no lab: the file gives every address
		for i, s := range servers {
			addresses[i] = s.Address
		}
		return addresses, nil
	}
	taken := map[netip.Addr]bool{p.host(0): true, p.host(hostBridge): true, p.site.VIPs.Public: true, p.site.VIPs.Internal: true}
	first, size := p.block(r)
	for i, s := range servers {
		if s.Remote() {
			addresses[i] = s.Address
			continue
		}
		_, number := splitNumber(s.Name)
		if number == 0 || number > size {
			continue
		}
		if a := p.host(first + number - 1); !taken[a] {
			addresses[i], taken[a] = a, true
		}
	}
	next := uint32(0)
	for i := range servers {
		if addresses[i].IsValid() {
			continue
		}
		for next < size && taken[p.host(first+next)] {
			next++
		}
		if next == size {
			return nil, fmt.Errorf("%s: subnet %s has %d addresses for %s servers, fewer than the file asks for; use a larger subnet, such as /20",
				p.site.File, p.subnet, size, r)
		}
		addresses[i] = p.host(first + next)
		taken[addresses[i]] = true
	}
	return addresses, nil
}

// splitNumber parts a name from the number it ends in: web12 -> web, 12. The
// number is 0 when there is none or it does not fit.
func splitNumber(name string) (prefix string, number uint32) {
	prefix = strings.TrimRight(name, "0123456789")
	n, err := strconv.ParseUint(name[len(prefix):], 10, 32)
	if err != nil {
		return name, 0
	}
	return prefix, uint32(n)
}
