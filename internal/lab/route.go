package lab

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// route is one line of the kernel's IPv4 routing table.
type route struct {
	device string
	to     netip.Prefix
}

// parseRoutes reads /proc/net/route: addresses are hexadecimal, in host byte
// order (little-endian on every architecture the lab runs on).
func parseRoutes(table string) []route {
	var routes []route
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 8 {
			continue
		}
		to, err1 := strconv.ParseUint(f[1], 16, 32)
		mask, err2 := strconv.ParseUint(f[7], 16, 32)
		if err1 != nil || err2 != nil {
			continue // the heading
		}
		var b [4]byte
		binary.LittleEndian.PutUint32(b[:], uint32(to))
		routes = append(routes, route{device: f[0], to: netip.PrefixFrom(netip.AddrFrom4(b), bits.OnesCount32(uint32(mask)))})
	}
	return routes
}
