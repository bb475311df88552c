package spec

import (
	"fmt"
	"net/netip"
	"regexp"
)

var labName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,19}$`)

// lab reads the lab: stanza. A site of servers with addresses has a lab only
// when it says so: then its addresses are the lab's bare machines.
func (d decoder) lab(f fields, remote bool) Lab {
	n, ok := f.get("lab")
	if !ok && remote {
		return Lab{}
	}
	lab := defaultLab
	if !ok {
		return lab
	}
	m, ok := n.mapping()
	if !ok {
		return Lab{}
	}
	if e, ok := m.get("name"); ok {
		lab.Name, _ = e.match(labName, "a lab name",
			"start with a letter and use at most 20 lower-case letters, digits and hyphens, such as foobar-ha")
	}
	if e, ok := m.get("subnet"); ok {
		lab.Subnet = e.subnet()
	}
	return lab
}

// privateRanges are the ranges of RFC 1918: a lab must not hide a part of the
// internet from its own computer.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
}

// subnet reads the network of a lab.
func (n node) subnet() netip.Prefix {
	const hint = "use a private network such as 10.77.0.0/24"
	p, ok := n.prefix(hint)
	if !ok {
		return netip.Prefix{}
	}
	if p.Bits() < 16 || p.Bits() > 26 {
		n.fail(hint, "%s: a lab's network is a /16 to /26", p)
		return netip.Prefix{}
	}
	for _, private := range privateRanges {
		if private.Contains(p.Addr()) {
			return p
		}
	}
	n.fail(hint, "%s is not a private network", p)
	return netip.Prefix{}
}

// prefix reads an IPv4 network written as its network address.
func (n node) prefix(hint string) (netip.Prefix, bool) {
	s, ok := n.text(hint)
	if !ok {
		return netip.Prefix{}, false
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
		n.fail(fmt.Sprintf("a single address is %s/32", a), "%s is an address, not a network", a)
		return netip.Prefix{}, false
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || !p.Addr().Is4() {
		n.fail(hint, "%s is not an IPv4 network", quote(s))
		return netip.Prefix{}, false
	}
	if p != p.Masked() {
		n.fail(fmt.Sprintf("write %s", p.Masked()), "%s is not written as its network address", p)
		return netip.Prefix{}, false
	}
	return p, true
}

// address reads the IPv4 address of a machine.
func (n node) address() netip.Addr {
	const hint = "use an IPv4 address such as 192.0.2.10"
	s, ok := n.text(hint)
	if !ok {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(s)
	switch {
	case err == nil && a.Is6():
		n.fail(hint, "%s: IPv6 addresses are not built yet", quote(s))
	case err != nil:
		n.fail(hint, "%s is not an IPv4 address", quote(s))
	case a.IsUnspecified(), a.IsLoopback(), a.IsMulticast(), a.IsLinkLocalUnicast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		n.fail("use an address at which the other servers reach it", "%s cannot be the address of one machine", a)
	default:
		return a
	}
	return netip.Addr{}
}

// vips reads the vips: stanza.
func (d decoder) vips(f fields) VIPs {
	var v VIPs
	n, ok := f.get("vips")
	if !ok {
		return v
	}
	m, ok := n.mapping()
	if !ok {
		return v
	}
	if e, ok := m.get("public"); ok {
		v.Public = e.address()
	}
	if e, ok := m.get("internal"); ok {
		v.Internal = e.address()
	}
	return v
}

// checkAddresses checks the addresses of servers and VIPs against each other
// and against the lab.
func checkAddresses(r *report, s *Site) {
	checkAllOrNone(r, s)
	checkVIPsGiven(r, s)
	taken := map[netip.Addr]string{}
	for _, a := range addresses(r, s) {
		if other, ok := taken[a.addr]; ok {
			r.failAt(a.path, "give each server and each VIP an address of its own", "%s is also the address of %s", a.addr, other)
			continue
		}
		taken[a.addr] = a.owner
		checkInLab(r, s.Lab.Subnet, a)
	}
}

// located is an address with the place it was read from.
type located struct {
	addr  netip.Addr
	path  string // key that holds it
	owner string // in messages
}

// addresses lists the addresses of the file in its order, VIPs last.
func addresses(r *report, s *Site) []located {
	var all []located
	for _, v := range s.Servers {
		if v.Remote() {
			path := "servers." + printable(v.Name) + ".address"
			all = append(all, located{v.Address, path, fmt.Sprintf("%s (line %d)", printable(v.Name), v.Line)})
		}
	}
	if s.VIPs.Public.IsValid() {
		all = append(all, located{s.VIPs.Public, "vips.public", "the public VIP"})
	}
	if s.VIPs.Internal.IsValid() {
		all = append(all, located{s.VIPs.Internal, "vips.internal", "the internal VIP"})
	}
	return all
}

// checkAllOrNone refuses a site of which the lab makes only a part: the other
// servers could not reach that part. It reports the servers that are fewer.
func checkAllOrNone(r *report, s *Site) {
	var with, without []Server
	for _, v := range s.Servers {
		path := "servers." + printable(v.Name)
		// A wrong address was reported already; it is an address all the same.
		_, written := r.lines[path+".address"]
		switch {
		case written:
			with = append(with, v)
		case !r.failed[path]:
			without = append(without, v)
		}
	}
	if len(with) == 0 || len(without) == 0 {
		return
	}
	const hint = "give every server an address (reached over SSH), or none (made by the lab)"
	if len(with) < len(without) {
		for _, v := range with {
			r.fail(v.Line, hint, "server %s has an address, but %s has none", quote(v.Name), quote(without[0].Name))
		}
		return
	}
	for _, v := range without {
		r.fail(v.Line, hint, "server %s has no address, but %s has one", quote(v.Name), quote(with[0].Name))
	}
}

// checkVIPsGiven requires both VIPs where scaleup cannot know free addresses.
func checkVIPsGiven(r *report, s *Site) {
	if !anyRemote(s) || r.failed["vips"] {
		return
	}
	for _, vip := range []string{"public", "internal"} {
		if _, written := r.lines["vips."+vip]; written {
			continue
		}
		at := "vips"
		if _, stanza := r.lines[at]; !stanza {
			at = "servers"
		}
		r.fail(r.line(at), "add vips: {public: …, internal: …} with two free addresses of the load balancers' network",
			"vips.%s is missing: servers with addresses need both VIPs", vip)
	}
}

// checkInLab checks that an address of the file can be a machine's in the lab,
// if there is one.
func checkInLab(r *report, subnet netip.Prefix, a located) {
	if !subnet.IsValid() {
		return
	}
	var why string
	switch a.addr {
	case subnet.Addr():
		why = "its network address"
	case subnet.Addr().Next():
		why = "this computer's own address in it"
	case broadcast(subnet):
		why = "its broadcast address"
	}
	switch {
	case !subnet.Contains(a.addr):
		r.failAt(a.path, "use an address in it, change lab.subnet, or remove lab: when the servers are no lab's",
			"%s is outside the lab's network %s", a.addr, subnet)
	case why != "":
		r.failAt(a.path, "use another address of the network", "%s is not free in %s: it is %s", a.addr, subnet, why)
	}
}

// broadcast is the last address of an IPv4 network.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(b)
}
