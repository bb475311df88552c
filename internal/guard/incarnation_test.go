package guard

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestIncarnation(t *testing.T) {
	address := netip.MustParseAddr("10.77.0.153")
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	seen := map[string]int{}
	for second := range 512 {
		spelling := incarnation(address, 3306, start.Add(time.Duration(second)*time.Second))
		if before, twice := seen[spelling]; twice {
			t.Fatalf("seconds %d and %d are both spelled %s", before, second, spelling)
		}
		seen[spelling] = second
		host, port, _ := strings.Cut(spelling, ":")
		if port != "3306" {
			t.Fatalf("port of %s", spelling)
		}
		var octets [4]byte
		for i, part := range strings.Split(host, ".") {
			octet, err := strconv.ParseUint(part, 0, 8) // as inet_aton(3) reads it
			if err != nil {
				t.Fatalf("%s: %v", spelling, err)
			}
			octets[i] = byte(octet)
		}
		if netip.AddrFrom4(octets) != address {
			t.Fatalf("%s is not %s", spelling, address)
		}
	}
}

func TestIncarnationOfIPv6(t *testing.T) {
	if got := incarnation(netip.MustParseAddr("2001:db8::1"), 3306, time.Unix(0, 0)); got != "" {
		t.Errorf("%q, want the configured address", got)
	}
}
