package check

import (
	"slices"
	"strings"
	"time"

	"scaleup/internal/drill/record"
	"scaleup/internal/topology"
)

var (
	notDrilled  = kind{id: "no-drill", drill: "web-process-kill", why: "a failover that has not been tried lately is a hope: what it rests on changes with every release and setting"}
	missedDrill = kind{id: "drill-missed", why: "what the site promised of this failure it did not keep when it was tried last"}
)

// History is what the operator's computer remembers of a site.
type History struct {
	Since  time.Time // when the site was first changed from here; zero: not known
	Drills []Drilled // the last run of each drill
}

// Drilled is the last run of a drill.
type Drilled struct {
	Name    string
	At      time.Time
	Verdict record.Verdict
}

// How old the newest drill may be, and how young a site is that needs none yet.
const (
	drillEvery = 30 * day
	youngSite  = 7 * day
)

// drilled looks for a drill within the last 30 days that came to a verdict on the site,
// and for promises that were not kept when they were last tried.
func drilled(t *topology.Topology, now time.Time, h History) []Finding {
	var found []Finding
	var last Drilled
	for _, d := range h.Drills {
		if !breaks(d.Name) || d.Verdict != record.Met && d.Verdict != record.Missed {
			continue
		}
		if d.At.After(last.At) {
			last = d
		}
		if d.Verdict == record.Missed {
			k := missedDrill
			k.drill = d.Name
			found = append(found, k.found(Warning, "", "see the report and run it again: "+call(t, "drill "+d.Name), "the drill %s missed an objective on %s", d.Name, d.At.UTC().Format(time.DateOnly)))
		}
	}
	if now.Sub(last.At) <= drillEvery {
		return found
	}
	severity := Warning
	if !h.Since.IsZero() && now.Sub(h.Since) < youngSite {
		severity = Info
	}
	message := "no drill was run to a verdict from this computer"
	if !last.At.IsZero() {
		message = "the last drill, " + last.Name + ", was run on " + last.At.UTC().Format(time.DateOnly)
	}
	return append(found, notDrilled.found(severity, "", "run them all, or some: "+call(t, "drill --all"), "%s", message))
}

// breaks reports whether a drill breaks something of the site. The others show that the
// measurement is right.
func breaks(drill string) bool {
	return !slices.Contains([]string{"null", "blackhole"}, drill) && !strings.HasPrefix(drill, "control-")
}
