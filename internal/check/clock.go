package check

import (
	"time"

	"scaleup/internal/evidence"
)

var clock = kind{
	id:  "clock",
	why: "with clocks apart, certificates that are valid look expired, logs of several servers cannot be put in order, and cached pages live too long or too short",
}

// How far a clock may be from this computer's, beyond the doubt of the measurement.
const (
	clockApart    = time.Second
	clockFarApart = 5 * time.Second
)

// clocks compares every server's clock with this computer's. Whether a clock is kept
// right is asked on real servers only: machines of a lab have their host's.
func clocks(l evidence.Look) []Finding {
	var found []Finding
	for _, s := range l.Topology.Servers {
		ahead, doubt, ok := l.Offset(s.Name)
		if !ok {
			continue
		}
		fix := "see what keeps its time: " + on(l.Topology, s.Name, "timedatectl timesync-status")
		if beyond := ahead.Abs() - doubt; beyond > clockApart {
			severity, word := Warning, "ahead of"
			if beyond > clockFarApart {
				severity = Critical
			}
			if ahead < 0 {
				word = "behind"
			}
			found = append(found, clock.found(severity, s.Name, fix, "its clock is %.1f s %s this computer's (give or take %.1f s)", ahead.Abs().Seconds(), word, doubt.Seconds()))
		}
		if !l.Topology.InLab() && l.Of(s.Name).Synced == "no" {
			found = append(found, clock.found(Warning, s.Name, "have it synchronised: "+on(l.Topology, s.Name, "timedatectl set-ntp true"), "its clock is not synchronised (NTP)"))
		}
	}
	return found
}
