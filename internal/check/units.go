package check

import (
	"fmt"

	"scaleup/internal/evidence"
	"scaleup/internal/inspect"
	"scaleup/internal/status"
)

var units = kind{id: "unit", why: "a program that does not run is missed when its twin fails, if not before"}

var slots = kind{id: "slots", why: "both take memory and connections to the database, and one has an old release"}

// failedUnits finds systemd's failed units, the site's programs that do not run, and an
// app server's two slots where both do.
func failedUnits(l evidence.Look) []Finding {
	var found []Finding
	for _, s := range l.Status.Servers {
		r := l.Of(s.Name)
		if r == nil {
			continue
		}
		for _, u := range r.Failed {
			found = append(found, units.found(Warning, s.Name, "see why: "+on(l.Topology, s.Name, "systemctl status "+u), "%s has failed", u))
		}
		for _, c := range stopped(s, r) {
			found = append(found, units.found(Warning, s.Name, fmt.Sprintf("see why: %s; to start it: %s", on(l.Topology, s.Name, "journalctl -n 50"), converge(l.Topology)),
				"%s is %s", c.Name, c.State))
		}
		for _, c := range s.Components {
			if c.Note != "" {
				found = append(found, slots.found(Info, s.Name, "when no deploy is under way: "+converge(l.Topology), "%s %s", c.Name, c.Note))
			}
		}
	}
	return found
}

// stopped are the programs that do not run and that no failed unit explains.
func stopped(s status.Server, r *inspect.Report) []status.Component {
	var list []status.Component
	for _, c := range s.Components {
		if c.State == "stopped" || c.State != "running" && len(r.Failed) == 0 {
			list = append(list, c)
		}
	}
	return list
}
