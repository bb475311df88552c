package report

import (
	"slices"
	"time"

	"scaleup/internal/drill/measure"
	"scaleup/internal/drill/record"
)

// stacked is the order of outcomes in a column from the ground up: what is bad
// stands on the line, where its heights can be compared.
var stacked = []record.Outcome{record.Failed, record.Indeterminate, record.Unsent, record.Stale, record.Slow, record.OK}

// grid are the columns of a part of a trial. They begin at multiples of their width
// from zero, so that none mixes before and after the fault.
type grid struct {
	zero, width time.Duration
	first       int
	n           int
}

func gridOf(from, to, zero, width time.Duration) grid {
	g := grid{zero: zero, width: width}
	g.first = g.index(from)
	g.n = g.index(to-1) - g.first + 1
	return g
}

// index is the number of the column that a moment is in, below zero before zero.
func (g grid) index(at time.Duration) int {
	i := (at - g.zero) / g.width
	if (at-g.zero)%g.width < 0 { // division rounds towards zero
		i--
	}
	return int(i)
}

// edge is where the i-th column of the part begins.
func (g grid) edge(i int) time.Duration { return g.zero + time.Duration(g.first+i)*g.width }

// binned counts the wanted operations that were due in each column.
func (g grid) binned(ops []record.Op, want func(record.Class) bool) []measure.Counts {
	bins := make([]measure.Counts, g.n)
	for _, o := range ops {
		if i := g.index(o.Due) - g.first; want(o.Class) && i >= 0 && i < g.n {
			bins[i][o.Outcome]++
		}
	}
	return bins
}

// tallest is the largest number of operations in a column.
func tallest(bins []measure.Counts) int {
	most := 0
	for _, b := range bins {
		most = max(most, b.All())
	}
	return most
}

// second counts the operations that were due in one second from zero.
type second struct {
	From   time.Duration // from zero
	Counts measure.Counts
}

// badSeconds are the seconds in which anything was not ok.
func badSeconds(ops []record.Op, zero time.Duration) []second {
	by := map[int]*measure.Counts{}
	for _, o := range ops {
		i := int((o.Due - zero) / time.Second)
		if o.Due < zero { // division rounds towards zero
			i = -int((zero - o.Due + time.Second - 1) / time.Second)
		}
		if by[i] == nil {
			by[i] = &measure.Counts{}
		}
		by[i][o.Outcome]++
	}
	var bad []second
	for i, c := range by {
		if c.All() > c.Of(record.OK) {
			bad = append(bad, second{time.Duration(i) * time.Second, *c})
		}
	}
	slices.SortFunc(bad, func(a, b second) int { return int(a.From - b.From) })
	return bad
}
