package lab

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRoutes(t *testing.T) {
	const table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
		"eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" +
		"tun0\t0000400A\t00000000\t0001\t0\t0\t0\t0000C0FF\t0\t0\t0\n"
	want := []route{
		{"eth0", netip.MustParsePrefix("0.0.0.0/0")},
		{"tun0", netip.MustParsePrefix("10.64.0.0/10")},
	}
	if diff := cmp.Diff(want, parseRoutes(table), cmp.AllowUnexported(route{}), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
