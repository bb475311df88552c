package guard

import (
	"maps"
	"slices"
)

// Finding is what one database server knows in an outage, or what others know of
// it. Sets of transactions are as MySQL writes them.
type Finding struct {
	Server     string     `json:"server"`
	Missing    string     `json:"missing,omitempty"` // why its word is missing, "" when it answers
	State      string     `json:"state,omitempty"`   // MySQL's member state
	Message    string     `json:"message,omitempty"` // what its guard waits for
	Record     *Record    `json:"record,omitempty"`  // the newest view it was part of
	Executed   int64      `json:"executed"`          // transactions executed
	Backlog    int64      `json:"backlog"`           // transactions received and not executed
	Lacks      string     `json:"lacks,omitempty"`   // what other answering servers have and this one lacks
	Incomplete bool       `json:"incomplete"`        // a clone was cut off: its data is a torso
	Last       *LastHeard `json:"last,omitempty"`    // of a missing one: what others remember
}

// LastHeard is what another guard remembers of a server that does not answer.
type LastHeard struct {
	By  string  `json:"by"`  // server whose guard remembers
	Ago float64 `json:"ago"` // seconds
	Has string  `json:"has"` // transactions executed or received
	// Ahead is what of them no answering server has.
	Ahead string `json:"ahead"`
}

// Findings tell what every database server knows, in the site file's order.
func (o Outage) Findings() []Finding {
	everything := GTIDSet{}
	read := map[string]candidate{}
	for name, k := range o.Known {
		// Sets that cannot be read count for nothing here; Recover refuses them by name.
		if c, err := readCandidate(k.Answer); err == nil && k.Answer.MySQL.Reachable {
			read[name] = c
			if !c.incomplete() {
				everything = everything.Union(c.all)
			}
		}
	}
	findings := make([]Finding, 0, len(o.Voters))
	for _, name := range o.Voters {
		f := Finding{Server: name}
		k, known := o.Known[name]
		if known {
			f.State, f.Message, f.Record = k.Answer.MySQL.State, k.Message, &k.Answer.Record
		}
		if c, ok := read[name]; ok {
			f.Executed, f.Backlog, f.Incomplete = c.all.Subtract(c.todo).Count(), c.todo.Count(), c.incomplete()
			f.Lacks = everything.Subtract(c.all).String()
		} else {
			f.Missing = o.whyNot(name)
			if last, ok := o.lastHeard(name); ok {
				f.Last = &LastHeard{By: last.by, Ago: last.ago, Has: last.has.String(), Ahead: last.has.Subtract(everything).String()}
			}
		}
		findings = append(findings, f)
	}
	return findings
}

type memory struct {
	by  string
	ago float64
	has GTIDSet
}

// lastHeard is the youngest answer of a server that another guard remembers and
// that told its transactions.
func (o Outage) lastHeard(name string) (memory, bool) {
	best, found := memory{}, false
	for _, by := range slices.Sorted(maps.Keys(o.Known)) {
		h, ok := o.Known[by].Heard[name]
		if !ok || !h.Answer.MySQL.Reachable || found && h.Ago >= best.ago {
			continue
		}
		if c, err := readCandidate(h.Answer); err == nil { // an answer that cannot be read is no memory
			best, found = memory{by: by, ago: h.Ago, has: c.all}, true
		}
	}
	return best, found
}

// Count is how many transactions the set has.
func (s GTIDSet) Count() (n int64) {
	for _, spans := range s.spans {
		for _, sp := range spans {
			n += sp.last - sp.first + 1
		}
	}
	return n
}
