package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"scaleup/internal/drill/record"
)

// lane is what one thing was over the time of a trial.
type lane struct {
	Kind     record.EventKind
	Name     string // what
	By       string // who says so, where several do
	Segments []segment
}

// Label names the lane.
func (l lane) Label() string {
	switch {
	case l.Kind == record.EventVIP:
		return l.Name + " address"
	case l.By != "":
		return l.Name + ", " + l.By
	default:
		return l.Name
	}
}

// segment is a stretch of time in one state.
type segment struct {
	From, To time.Duration
	State    string
	Tone     tone
}

// tone is how a state looks, and the name of its class in the style.
type tone string

const (
	calm  tone = "calm"  // as it should be
	chief tone = "chief" // as it should be, and the one that matters
	care  tone = "care"  // on its way
	alarm tone = "alarm" // out of service
	idle  tone = "idle"  // out of service, as it was from the start
	blank tone = "blank" // not known, or not meant to serve
)

func toneOf(kind record.EventKind, state string) tone {
	switch {
	case state == silent || state == "maint" || state == "":
		return blank
	case state == "drain" || strings.HasPrefix(state, "RECOVERING"):
		return care
	case strings.HasSuffix(state, "PRIMARY"):
		return chief
	case kind == record.EventVIP, state == "up", strings.HasPrefix(state, "ONLINE"):
		return calm
	default:
		return alarm
	}
}

const (
	silent = "silent"
	held   = "held"
	// flicker is how soon after a change the next one of the same thing replaces it: a
	// server that answers again tells in one breath that it does and what has changed.
	flicker = 10 * time.Millisecond
)

// subject is one thing and who tells of it.
type subject struct {
	kind         record.EventKind
	name, server string
}

// change is the state from a moment on.
type change struct {
	at    time.Duration
	state string
}

// haproxy is what a load balancer calls its own HAProxy among the servers in
// rotation.
const haproxy = "haproxy"

// histories are the changes of each subject. While a server is silent, or HAProxy
// on a load balancer, nothing is known of what it tells of.
func histories(events []record.Event) map[subject][]change {
	all := map[subject][]change{}
	before := map[subject]string{} // state, by subject of which nothing is known now
	for _, e := range inTime(events) {
		own := subject{e.Kind, e.Name, e.Server}
		if e.Kind != record.EventWatch {
			delete(before, own)
			all[own] = append(all[own], change{e.At, e.State})
		}
		for s, h := range all {
			if !speaksFor(e, s) || s == own {
				continue
			}
			last := h[len(h)-1].state
			if state, ok := before[s]; ok && e.State != silent {
				delete(before, s)
				all[s] = append(h, change{e.At, state})
			} else if e.State == silent && last != silent {
				before[s] = last
				all[s] = append(h, change{e.At, silent})
			}
		}
	}
	for s, h := range all {
		all[s] = steadied(h)
	}
	return all
}

// steadied are the changes without those that were replaced at once.
func steadied(h []change) []change {
	var kept []change
	for i, c := range h {
		if i+1 == len(h) || h[i+1].at-c.at >= flicker {
			kept = append(kept, c)
		}
	}
	return kept
}

// speaksFor reports whether an event says that a subject is heard of, or not.
func speaksFor(e record.Event, s subject) bool {
	if e.Server != s.server {
		return false
	}
	return e.Kind == record.EventWatch || e.Kind == record.EventBackend && e.Name == haproxy && s.kind == record.EventBackend
}

// inTime are the events in the order of time.
func inTime(events []record.Event) []record.Event {
	return slices.SortedStableFunc(slices.Values(events), func(a, b record.Event) int { return cmp.Compare(a.At, b.At) })
}

// segments are the stretches between changes, until the trial ends. Changes back
// to the same state are none.
func segments(kind record.EventKind, h []change, end time.Duration) []segment {
	var all []segment
	for i, c := range h {
		to := end
		if i+1 < len(h) {
			to = min(end, h[i+1].at)
		}
		n := len(all)
		switch {
		case to <= c.at:
		case n > 0 && all[n-1].State == c.state && all[n-1].To == c.at:
			all[n-1].To = to
		default:
			all = append(all, segment{c.at, to, c.state, toneOf(kind, c.state)})
		}
	}
	// A database member is down for the tier whose role it has not. That is as it
	// should be, until it changes.
	if kind == record.EventBackend && len(all) > 0 && all[0].Tone == alarm {
		all[0].Tone = idle
	}
	return all
}

// lanesOf are the lanes of a part of a trial: who held the virtual addresses, what
// changed in rotation, and every database member. calmly is the number of states in
// rotation that did not change, of all load balancers.
func lanesOf(events []record.Event, from, to time.Duration) (lanes []lane, calmly int) {
	all := histories(events)
	tellers := map[string]int{} // of a database member
	for s := range all {
		if s.kind == record.EventMember {
			tellers[s.name]++
		}
	}
	lanes = holders(all, to)
	for s, h := range all {
		l := lane{Kind: s.kind, Name: s.name, By: s.server, Segments: segments(s.kind, h, to)}
		switch {
		case s.kind == record.EventMember && tellers[s.name] == 1:
			l.By = ""
		case s.kind == record.EventMember:
		case s.kind != record.EventBackend || strings.HasPrefix(s.name, twice):
			continue
		case !l.changes(from):
			calmly++
			continue
		}
		lanes = append(lanes, l)
	}
	slices.SortFunc(lanes, func(a, b lane) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.By, b.By))
	})
	return lanes, calmly
}

// rank orders lanes from the edge inwards.
func rank(l lane) int {
	if l.Kind == record.EventVIP && l.Name == "public" {
		return -1
	}
	return slices.Index([]record.EventKind{record.EventVIP, record.EventBackend, record.EventMember}, l.Kind)
}

// twice is the backend that lists the web servers once more, for requests that must
// not be sent twice. Its states are theirs.
const twice = "web_once/"

// changes reports whether something in rotation was in more than one state after a
// moment, silence of the one who tells aside. HAProxy itself is there or silent.
func (l lane) changes(from time.Duration) bool {
	first := ""
	for _, s := range l.Segments {
		switch {
		case s.To <= from:
		case s.State == silent && l.Name == haproxy:
			return true
		case s.State == silent:
		case first != "" && s.State != first:
			return true
		default:
			first = s.State
		}
	}
	return false
}
