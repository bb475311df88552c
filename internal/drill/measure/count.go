package measure

import (
	"math"
	"slices"
	"time"

	"scaleup/internal/drill/record"
)

// Quantile is the smallest latency that at least the share q of the operations do
// not exceed; of operations that were answered. Zero when there is none.
func Quantile(latencies []time.Duration, q float64) time.Duration {
	if len(latencies) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(latencies))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// Latencies of the operations that were served and are wanted.
func Latencies(ops []record.Op, want func(record.Op) bool) []time.Duration {
	var all []time.Duration
	for _, o := range ops {
		if want(o) && o.Good() {
			all = append(all, o.Latency())
		}
	}
	return all
}

// Count counts outcomes of the wanted operations.
func Count(ops []record.Op, want func(record.Op) bool) Counts {
	var c Counts
	for _, o := range ops {
		if want(o) {
			c[o.Outcome]++
		}
	}
	return c
}

// Unserved reports whether the user got an error, or nothing.
func Unserved(o record.Op) bool {
	return o.Outcome == record.Failed || o.Outcome == record.Indeterminate
}

// Struck is when a fault took effect, as late as it can have been: when it was
// proven, or, when operations that were under way broke before that, at the first
// of these. Operations begun later met a site that was broken already.
func Struck(ops []record.Op, m record.Marks) time.Duration {
	at := m.Bite
	for _, o := range ops {
		if Unserved(o) && o.Done >= m.Inject && o.Done < at {
			at = o.Done
		}
	}
	return at
}
