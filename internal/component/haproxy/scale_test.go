package haproxy

import (
	"fmt"
	"net/netip"
	"testing"

	"scaleup/internal/spec"
)

// BenchmarkThousandServers renders one load balancer of a site of 1,000.
func BenchmarkThousandServers(b *testing.B) {
	site := siteOf(spec.Server{Name: "lb1", Role: spec.LoadBalancer}, spec.Server{Name: "lb2", Role: spec.LoadBalancer}, spec.Server{Name: "db1", Role: spec.Database})
	site.Lab.Subnet = netip.MustParsePrefix("10.64.0.0/16")
	for n := range 498 {
		site.Servers = append(site.Servers, spec.Server{Name: fmt.Sprintf("web%d", n+1), Role: spec.Web}, spec.Server{Name: fmt.Sprintf("app%d", n+1), Role: spec.App})
	}
	in := inputFor(b, site, "lb1", debian12)
	for b.Loop() {
		if _, err := (Component{}).Resources(in); err != nil {
			b.Fatal(err)
		}
	}
}
