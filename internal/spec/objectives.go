package spec

import (
	"slices"
	"time"
)

// drillNames are the drills an objective can be set for.
var drillNames = []string{
	"null", "blackhole",
	"lb-process-kill", "lb-holder-off", "lb-holder-freeze", "lb-bad-config",
	"web-process-kill", "web-off", "web-freeze",
	"app-process-kill", "app-off", "app-freeze", "app-slow", "app-broken-release", "app-all-off",
	"database-primary-kill", "database-primary-off", "database-primary-freeze",
	"database-primary-isolated", "database-primary-one-way",
	"database-disk-full", "database-disk-stall", "database-replica-lag",
	"database-majority-kill", "database-all-kill",
	"network-loss", "network-thin",
	"planned-reload", "planned-apply", "planned-release", "planned-switch", "planned-reboot",
	"site-power-cycle",
}

// Largest values of an objective: a day, and more requests than a drill sends.
const (
	mostMillis = 24 * 60 * 60 * 1000
	mostCount  = 1_000_000_000
)

// objectives reads the objectives: stanza.
func (d decoder) objectives(f fields) map[string]Objective {
	n, ok := f.get("objectives")
	if !ok {
		return nil
	}
	m, ok := n.mapping()
	if !ok {
		return nil
	}
	objectives := map[string]Objective{}
	for _, e := range m.entries {
		objectives[e.key] = e.objective()
	}
	return objectives
}

// objective reads the limits of one drill.
func (n node) objective() Objective {
	var o Objective
	m, ok := n.mapping()
	if !ok {
		return o
	}
	o.ReadOutage = m.millis("read_outage_ms")
	o.WriteOutage = m.millis("write_outage_ms")
	o.Degraded = m.millis("degraded_ms")
	o.Recover = m.millis("recover_ms")
	o.Failed = m.count("failed")
	o.Lost = m.count("lost")
	o.Duplicated = m.count("duplicated")
	return o
}

// millis reads a limit in milliseconds; nil when the file does not set it.
func (f fields) millis(key string) *time.Duration {
	e, ok := f.get(key)
	if !ok {
		return nil
	}
	ms, ok := e.number(" (milliseconds)")
	if !ok {
		return nil
	}
	d := time.Duration(ms) * time.Millisecond
	return &d
}

// count reads a limit in requests or orders; nil when the file does not set it.
func (f fields) count(key string) *int {
	e, ok := f.get(key)
	if !ok {
		return nil
	}
	n, ok := e.number("")
	if !ok {
		return nil
	}
	i := int(n)
	return &i
}

// DrillNames lists the drills that an objective can be set for.
func DrillNames() []string { return slices.Clone(drillNames) }
