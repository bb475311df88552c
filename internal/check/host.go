package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"scaleup/internal/evidence"
	"scaleup/internal/topology"
)

var sharedHost = kind{id: "shared-host", drill: "site-power-cycle",
	why: "servers on one computer fail together with it, whatever their number. Virtual machines on one computer are not seen here: ask who runs them"}

// oneComputer remarks on what a lab is.
func oneComputer(t *topology.Topology) []Finding {
	if !t.InLab() {
		return nil
	}
	return []Finding{sharedHost.found(Info, "", practice(t), "all %d servers are machines of a lab on this computer", len(t.Servers))}
}

func practice(t *topology.Topology) string {
	return fmt.Sprintf("for users, give the servers of %s addresses of computers of their own (examples/servers.yaml); then: %s", t.Site.File, call(t, "apply"))
}

// sameHost finds servers that run under one kernel.
func sameHost(l evidence.Look) []Finding {
	on := map[string][]string{}
	for _, s := range l.Topology.Servers {
		if r := l.Of(s.Name); r != nil && r.Host != "" {
			on[r.Host] = append(on[r.Host], s.Name)
		}
	}
	severity, fix := Warning, "move all but one of each tier to computers of their own"
	if l.Topology.InLab() {
		severity, fix = Info, practice(l.Topology)
	}
	var found []Finding
	for _, host := range slices.Sorted(maps.Keys(on)) {
		if names := on[host]; len(names) > 1 {
			found = append(found, sharedHost.found(severity, "", fix, "%s run on one computer", strings.Join(names, ", ")))
		}
	}
	return found
}
