// Package dbstatus tells how the database group is: its members, the primary, how many
// failures it stands, what each guard waits for, and who was primary when. It only
// puts together what the guards say; it asks nobody.
package dbstatus

import (
	"encoding/json"
	"fmt"

	"scaleup/internal/spec"
	"scaleup/internal/status"
	"scaleup/internal/survey"
	"scaleup/internal/topology"
)

// Report is the document of db status --json.
type Report struct {
	Schema  int      `json:"schema"`
	Site    string   `json:"site"`
	Healthy bool     `json:"healthy"` // every member is ONLINE, and all name one primary
	Verdict string   `json:"verdict"`
	Primary string   `json:"primary"` // server name, "" for none
	Quorum  Quorum   `json:"quorum"`
	Servers []Server `json:"servers"`
	History []Change `json:"history"` // oldest first
}

// Quorum counts the members that decide together.
type Quorum struct {
	Members   int `json:"members"`   // of the site
	Online    int `json:"online"`    // of these, ONLINE
	Majority  int `json:"majority"`  // how many of them must agree
	Tolerates int `json:"tolerates"` // how many of the ONLINE ones may fail
}

// String says it in one line.
func (q Quorum) String() string {
	plural := "s"
	if q.Tolerates == 1 {
		plural = ""
	}
	return fmt.Sprintf("%d of %d ONLINE, tolerates %d failure%s", q.Online, q.Members, q.Tolerates, plural)
}

// Server is one database server in its guard's words.
type Server struct {
	Server          string  `json:"server"`
	State           string  `json:"state"` // MySQL's, or off, unreachable, or UNKNOWN while no guard answers
	Role            string  `json:"role"`  // PRIMARY, SECONDARY or ""
	LagTransactions int64   `json:"lag_transactions"`
	LagSeconds      float64 `json:"lag_seconds"`
	Epoch           uint64  `json:"epoch"` // counts how often the group was formed
	Version         string  `json:"mysql_version"`
	Held            bool    `json:"held"`            // it was told to stay out of the group
	Lease           *Lease  `json:"lease,omitempty"` // absent when the guard does not tell
	Aside           Names   `json:"aside,omitempty"` // where data is that was set aside
	Waits           string  `json:"waits"`           // for what, "" for nothing
}

// Lease is a primary's permission to take writes.
type Lease struct {
	Held      bool    `json:"held"`
	GrantedBy Names   `json:"granted_by"`
	Until     float64 `json:"until_ms"` // as the guard says it
}

// String names who granted it.
func (l *Lease) String() string {
	switch {
	case l == nil || !l.Held:
		return "-"
	case len(l.GrantedBy) == 0:
		return "held"
	}
	return "by " + l.GrantedBy.String()
}

// said is a guard's status beyond what survey.Group holds. Guards of other versions
// say less or more, which is no reason to show nothing of them.
type said struct {
	LagSeconds float64         `json:"lag_seconds"`
	Epoch      uint64          `json:"epoch"`
	Held       bool            `json:"held"`
	Lease      json.RawMessage `json:"lease"`
	Aside      json.RawMessage `json:"aside"`
	History    json.RawMessage `json:"history"`
}

// Assess puts the answers of the database servers together. Of the history it keeps
// the last most changes. It is pure.
func Assess(t *topology.Topology, answers map[string]status.Answer, most int) Report {
	r := Report{Schema: 1, Site: t.Site.Name, Servers: []Server{}, History: []Change{}}
	primaries := map[string]bool{}
	told := map[string][]entry{}
	for _, s := range t.With(spec.Database) {
		server, group, entries := assess(s.Name, answers[s.Name])
		r.Servers = append(r.Servers, server)
		told[s.Name] = entries
		if server.State == online {
			r.Quorum.Online++
			primaries[group.Primary] = true
			if r.Primary == "" {
				r.Primary = group.Primary
			}
		}
	}
	r.Quorum.Members = len(r.Servers)
	r.Quorum.Majority = r.Quorum.Members/2 + 1
	r.Quorum.Tolerates = tolerates(r.Quorum.Online)
	if history := merge(told); len(history) > 0 {
		r.History = history[max(0, len(history)-max(0, most)):]
	}
	r.Verdict = verdict(r, primaries)
	r.Healthy = r.Verdict == healthy
	return r
}

const (
	online  = "ONLINE"
	healthy = "healthy"
)

func assess(name string, a status.Answer) (Server, survey.Group, []entry) {
	s := Server{Server: name}
	group, ok := survey.GroupOf(a.Response)
	switch {
	case a.Off:
		s.State, s.Waits = "off", "its machine is powered off"
		return s, group, nil
	case a.Err != nil:
		s.State, s.Waits = "unreachable", a.Err.Error()
		return s, group, nil
	case !ok:
		s.State, s.Waits = "UNKNOWN", "its guard does not answer"
		return s, group, nil
	}
	s.State, s.Role, s.LagTransactions, s.Version, s.Waits = group.State, group.Role, group.Lag, group.Version, group.Message
	var more said
	if json.Unmarshal(a.Response.Member, &more) != nil {
		return s, group, nil // what could be read is told
	}
	s.LagSeconds, s.Epoch, s.Held = more.LagSeconds, more.Epoch, more.Held
	if lease := (*Lease)(nil); json.Unmarshal(more.Lease, &lease) == nil {
		s.Lease = lease
	}
	s.Aside = namesOf(more.Aside)
	return s, group, entriesOf(more.History)
}

// tolerates is how many of the members that decide now may fail while the rest is
// still their majority. Members that left do not count: the group is smaller then.
func tolerates(members int) int { return max(0, (members-1)/2) }

func verdict(r Report, primaries map[string]bool) string {
	switch {
	case r.Quorum.Online == 0:
		return "down: no member is ONLINE"
	case r.Primary == "":
		return "no primary: the members have not elected one"
	case len(primaries) > 1:
		return "not settled: the members name different primaries"
	case r.Quorum.Online < r.Quorum.Members:
		return fmt.Sprintf("degraded: %d of %d members ONLINE", r.Quorum.Online, r.Quorum.Members)
	}
	return healthy
}
