package report

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"scaleup/internal/drill/record"
)

// What is wrong with a virtual address, in a lane.
const nobody = "nobody"

// claim is a change of what one load balancer says of a virtual address.
type claim struct {
	change
	server string
}

// holders are the lanes of the virtual addresses: who held each. A load balancer
// that is silent holds nothing as far as anybody knows.
func holders(all map[subject][]change, end time.Duration) []lane {
	claims := map[string][]claim{}
	for s, h := range all {
		if s.kind != record.EventVIP {
			continue
		}
		for _, c := range h {
			claims[s.name] = append(claims[s.name], claim{c, s.server})
		}
	}
	var lanes []lane
	for name, c := range claims {
		slices.SortStableFunc(c, func(a, b claim) int {
			return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.server, b.server))
		})
		lanes = append(lanes, lane{Kind: record.EventVIP, Name: name, Segments: holding(c, end)})
	}
	return lanes
}

func holding(claims []claim, end time.Duration) []segment {
	holds, heard, tellers := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, c := range claims {
		tellers[c.server] = true
	}
	tones := map[string]tone{nobody: alarm}
	var h []change
	for i, c := range claims {
		heard[c.server] = true
		if holds[c.server] = c.state == held; !holds[c.server] {
			delete(holds, c.server)
		}
		if i+1 < len(claims) && claims[i+1].at == c.at {
			continue // one moment, one state
		}
		if len(holds) == 0 && len(heard) < len(tellers) {
			continue // who was not heard yet may hold it
		}
		state := nobody
		if len(holds) > 0 {
			state = and(slices.Sorted(maps.Keys(holds)))
		}
		if len(holds) > 1 {
			tones[state] = alarm
		}
		h = append(h, change{c.at, state})
	}
	all := segments(record.EventVIP, h, end)
	for i := range all {
		if t, ok := tones[all[i].State]; ok {
			all[i].Tone = t
		}
	}
	return all
}
