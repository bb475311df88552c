package guard

import (
	"fmt"
	"net/netip"
	"time"
)

// incarnation is the server's own address as its next membership announces it to the
// group, with the port, or "" where the configured one has to do.
//
// The other members keep a connection per announced address, told apart by its
// letters, and once it fails they wait longer before each new try, up to ten seconds.
// Somebody who comes back under the same letters sits that wait out while he counts as
// a member already, and every write waits for him: measured, 6 to 12 s until he is in
// instead of 2 to 3. So each membership spells the same address differently: the last
// octets in hexadecimal, with as many zeros before them as the second of the start
// says. The resolver reads them all as one number. There are 512 spellings, so one
// comes back after eight and a half minutes at the earliest.
//
// Only consensus sees it. Members are shown, compared and connected to by report_host.
func incarnation(address netip.Addr, port int, start time.Time) string {
	if !address.Is4() {
		return ""
	}
	octets, n := address.As4(), int(start.Unix())
	width := func(i int) int { return 2 + n>>(3*i)&7 }
	return fmt.Sprintf("%d.0x%0*x.0x%0*x.0x%0*x:%d", octets[0],
		width(2), octets[1], width(1), octets[2], width(0), octets[3], port)
}
