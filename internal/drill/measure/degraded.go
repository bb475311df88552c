package measure

import (
	"time"

	"scaleup/internal/drill/record"
)

const (
	// okShare is the least share of operations that must be ok in a bin.
	okShare = 0.99
	// mergeGap: a site that is well for less than this between two bad moments is
	// not well.
	mergeGap = time.Second
)

// Counts are operations by outcome.
type Counts [len(outcomes)]int

var outcomes = [...]record.Outcome{record.OK, record.Slow, record.Stale, record.Failed, record.Indeterminate, record.Unsent}

// Of returns the number of operations with an outcome.
func (c Counts) Of(o record.Outcome) int { return c[o] }

// All is the number of operations.
func (c Counts) All() int {
	sum := 0
	for _, n := range c {
		sum += n
	}
	return sum
}

// Bins counts the operations that were due in each Bin from the trial's start.
func Bins(ops []record.Op) []Counts {
	var bins []Counts
	for _, o := range ops {
		i := int(o.Due / Bin)
		for len(bins) <= i {
			bins = append(bins, Counts{})
		}
		bins[i][o.Outcome]++
	}
	return bins
}

// Degraded are the parts of a span in which fewer than 99 % of the operations that
// were due were ok (late, stale, failed: all that is not ok), in steps of Bin.
// Parts less than a second apart are one.
func Degraded(ops []record.Op, within Span, want func(record.Op) bool) []Span {
	var bad []Span
	var chosen []record.Op
	for _, o := range ops {
		if want(o) && within.holds(o.Due) {
			chosen = append(chosen, o)
		}
	}
	for i, c := range Bins(chosen) {
		if all := c.All(); all == 0 || float64(c.Of(record.OK)) >= okShare*float64(all) {
			continue
		}
		s := Span{time.Duration(i) * Bin, time.Duration(i+1) * Bin}
		if n := len(bad); n > 0 && s.From-bad[n-1].To < mergeGap {
			bad[n-1].To = s.To
			continue
		}
		bad = append(bad, s)
	}
	return bad
}

// Total is the length of all spans together.
func Total(spans []Span) time.Duration {
	sum := time.Duration(0)
	for _, s := range spans {
		sum += s.Length()
	}
	return sum
}
