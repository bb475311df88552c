package check

import "testing"

func TestHolders(t *testing.T) {
	top := example(t, "ha.yaml")
	provoke(t, top, []kind{holders}, []provoked{
		{"nobody", func(w world) { w["lb1"].Response.Facts.Interfaces = nil }, []string{
			"critical: no load balancer holds the public address 10.77.0.10", "critical: no load balancer holds the internal address 10.77.0.11",
		}},
		{"both hold one", func(w world) { w.hold("lb2", top.Internal) }, []string{"critical: lb1, lb2 hold the internal address 10.77.0.11 at once"}},
		{"the holder is silent", func(w world) { w.hang("lb1") }, []string{
			"critical: no load balancer that answers holds the public address 10.77.0.10", "critical: no load balancer that answers holds the internal address 10.77.0.11",
		}},
	})
}
