package check

import (
	"strings"

	"scaleup/internal/evidence"
	"scaleup/internal/spec"
)

var holders = kind{
	id: "vip-holder", drill: "lb-process-kill",
	why: "a virtual address that nobody holds is the site being down; one that two hold splits connections between them, and breaks them at random",
}

// holderCount finds virtual addresses without exactly one holder.
func holderCount(l evidence.Look) []Finding {
	t := l.Topology
	var found []Finding
	for _, v := range l.Status.VIPs {
		switch {
		case v.Holder == "":
			who := "no load balancer"
			for _, name := range l.Missing() {
				if s, err := t.Server(name); err == nil && s.Role == spec.LoadBalancer {
					who = "no load balancer that answers"
				}
			}
			found = append(found, holders.found(Critical, "", "see which load balancer is fit, and why not: "+call(t, "status"),
				"%s holds the %s address %s", who, v.Name, v.Address))
		case strings.Contains(v.Holder, ","):
			first, _, _ := strings.Cut(v.Holder, ",")
			found = append(found, holders.found(Critical, "", "see whether their VRRP packets arrive (protocol 112): "+on(t, first, "journalctl -u keepalived -n 50"),
				"%s hold the %s address %s at once", v.Holder, v.Name, v.Address))
		}
	}
	return found
}
