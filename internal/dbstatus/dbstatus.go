// Package dbstatus tells how the database group is: its members, the primary, how many
// failures it stands, what each guard waits for, and who was primary when. It only
// puts together what the guards say; it asks nobody.
package dbstatus

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

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
	Waits           string  `json:"waits"`           // for what, or what is under way and why; "" for nothing
	Doing           *Doing  `json:"doing,omitempty"` // what is under way
	Actions         []Done  `json:"actions"`         // the last that ended since the guard was started, oldest first
	Aside           []Copy  `json:"aside"`           // copies of data that the group did not have, oldest first
}

// Doing is what a guard is about.
type Doing struct {
	Kind   string    `json:"kind"`
	Reason string    `json:"reason"` // "" where somebody asked for it
	Since  time.Time `json:"since"`
}

// Done is what a guard has done, well or not.
type Done struct {
	At     time.Time `json:"at"` // when it was begun
	Kind   string    `json:"kind"`
	Reason string    `json:"reason"` // "" where somebody asked for it
	Took   float64   `json:"took_seconds"`
	Error  string    `json:"error,omitempty"` // "" when it went well
}

// Copy is a copy of data on its server. It is listed also when somebody has deleted it.
type Copy struct {
	At           time.Time `json:"at"`
	Path         string    `json:"path"`
	Transactions string    `json:"transactions"` // that the group lacked
}

// said is a guard's status beyond what survey.Group holds.
type said struct {
	LagSeconds float64 `json:"lag_seconds"`
	Epoch      uint64  `json:"epoch"`
	Held       bool    `json:"held"`
	Doing      *Doing  `json:"doing"`
	Actions    []Done  `json:"actions"`
	History    []entry `json:"history"`
	Aside      []Copy  `json:"aside"`
}

// Assess puts the answers of the database servers together. Of the history it keeps
// the last most changes. It is pure.
func Assess(t *topology.Topology, answers map[string]status.Answer, most int) Report {
	r := Report{Schema: 1, Site: t.Site.Name, Servers: []Server{}, History: []Change{}}
	groups, told := map[string]survey.Group{}, map[string][]entry{}
	for _, s := range t.With(spec.Database) {
		server, group, entries := assess(s.Name, answers[s.Name])
		r.Servers = append(r.Servers, server)
		groups[s.Name], told[s.Name] = group, entries
	}
	newest, _ := survey.Newest(t.Names(spec.Database), groups)
	r.Primary = newest.Primary
	primaries := map[string]bool{}
	for i := range r.Servers {
		s := &r.Servers[i]
		if s.State != online {
			continue
		}
		primaries[groups[s.Server].Primary] = true
		if s.State = newest.StateOf(s.Server, groups[s.Server]); s.State == online {
			r.Quorum.Online++
		} else {
			s.Waits = "the others have expelled it; it has not noticed yet"
		}
	}
	r.Quorum.Members = len(r.Servers)
	r.Quorum.Majority = r.Quorum.Members/2 + 1
	r.Quorum.Tolerates = topology.Spare(spec.Database, r.Quorum.Online)
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
	s := Server{Server: name, Actions: []Done{}, Aside: []Copy{}}
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
	if err := json.Unmarshal(a.Response.Member, &more); err != nil {
		s.Waits = strings.TrimPrefix(s.Waits+"; the rest of what its guard says cannot be read: "+err.Error(), "; ")
		return s, group, nil
	}
	s.LagSeconds, s.Epoch, s.Held, s.Doing = more.LagSeconds, more.Epoch, more.Held, more.Doing
	s.Actions, s.Aside = append(s.Actions, more.Actions...), append(s.Aside, more.Aside...)
	return s, group, more.History
}

func verdict(r Report, primaries map[string]bool) string {
	switch {
	case r.Quorum.Online == 0:
		return "down: no member is ONLINE"
	case r.Primary == "":
		return "no primary: no majority of the members names one"
	case len(primaries) > 1:
		return "not settled: the members name different primaries"
	case r.Quorum.Online < r.Quorum.Members:
		return fmt.Sprintf("degraded: %d of %d members ONLINE", r.Quorum.Online, r.Quorum.Members)
	}
	return healthy
}
