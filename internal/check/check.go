// Package check finds what is weak about a site before it fails: single points of
// failure, in the site file alone and on the running site, and what has slipped since
// it was set up. Every finding says why it matters, how to mend it and which drill
// would show it. It is pure: evidence is gathered elsewhere (package evidence).
package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"scaleup/internal/evidence"
	"scaleup/internal/topology"
)

// Severity of a finding.
type Severity string

// The severities. Info is worth knowing and nothing to act on; a warning is to be acted
// on some day soon; critical is an outage, or the next failure will be one.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Finding is one thing that is weak.
type Finding struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Server   string   `json:"server"`  // "" where it is about several, or the site as a whole
	Message  string   `json:"message"` // one sentence: what is, with figures
	Why      string   `json:"why"`     // why it matters
	Fix      string   `json:"fix"`     // a command, or what to do before one
	Drill    string   `json:"drill"`   // the drill that would show it; "" where there is none
}

// kind is what all findings of an ID have in common.
type kind struct{ id, why, drill string }

// found makes a finding. The name of the server is not part of its message.
func (k kind) found(s Severity, server, fix, format string, args ...any) Finding {
	return Finding{ID: k.id, Severity: s, Server: server, Message: fmt.Sprintf(format, args...), Why: k.why, Fix: fix, Drill: k.drill}
}

// Plan finds what the site file alone shows.
func Plan(t *topology.Topology) []Finding {
	return sorted(t, slices.Concat(singleByShape(t), oneComputer(t), sshFromAnywhere(t)))
}

// Running finds what a look at the running site shows; history is what the operator's
// computer remembers of it. What did not answer, or could not be read, is a finding.
func Running(l evidence.Look, h History) []Finding {
	t := l.Topology
	all := slices.Concat(singleByShape(t), sshFromAnywhere(t), drilled(t, l.At, h))
	for _, rule := range []func(evidence.Look) []Finding{
		lastOfTier, groupQuorum, unanswered, unreadable, holderCount, failedUnits,
		certificates, clocks, disks, memories, twinConfigs, nesting, connectionLimits,
		packages, firewalls, strangeListeners, weakDurability, sameHost,
	} {
		all = append(all, rule(l)...)
	}
	return sorted(t, all)
}

// sorted puts the worst first, then what is about the whole site, then servers by tier
// and name.
func sorted(t *topology.Topology, all []Finding) []Finding {
	rank := map[Severity]int{Critical: 0, Warning: 1, Info: 2}
	place := map[string]int{}
	for i, s := range t.Servers {
		place[s.Name] = i + 1
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank[a.Severity], rank[b.Severity]), cmp.Compare(place[a.Server], place[b.Server]), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// Report is the document of check --json.
type Report struct {
	Schema   int       `json:"schema"`
	Site     string    `json:"site"`
	Running  bool      `json:"running"` // false: the site file alone was looked at
	Healthy  bool      `json:"healthy"` // nothing above info
	Verdict  string    `json:"verdict"`
	Findings []Finding `json:"findings"`
}

// NewReport puts findings, sorted, into a report.
func NewReport(t *topology.Topology, running bool, findings []Finding) Report {
	r := Report{Schema: 1, Site: t.Site.Name, Running: running, Healthy: true, Findings: []Finding{}, Verdict: verdict(findings)}
	for _, f := range findings {
		r.Healthy = r.Healthy && f.Severity == Info
		r.Findings = append(r.Findings, f)
	}
	return r
}

// verdict is the report in a sentence: single points of failure by name, all else
// counted.
func verdict(findings []Finding) string {
	var single []string
	count := map[Severity]int{}
	for _, f := range findings {
		if f.ID == singlePoint.id {
			single = append(single, f.Server)
		} else {
			count[f.Severity]++
		}
	}
	said := []string{"no single point of failure"}
	if len(single) > 0 {
		said[0] = counted(len(single), "single point") + " of failure: " + strings.Join(single, ", ")
	}
	for _, c := range []struct {
		severity Severity
		noun     string
	}{{Critical, "critical finding"}, {Warning, "warning"}, {Info, "remark"}} {
		if n := count[c.severity]; n > 0 {
			said = append(said, counted(n, c.noun))
		}
	}
	return strings.Join(said, "; ")
}

// counted is "1 remark" or "2 remarks".
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
