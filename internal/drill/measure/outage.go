// Package measure turns the recorded operations of a trial into what users felt:
// outages, degraded time, latencies, how many failed. It is pure; the same
// operations always give the same figures, so that a verdict can be recomputed
// from what is on disk.
package measure

import (
	"slices"
	"time"

	"scaleup/internal/drill/record"
)

// Run is how many operations in a row, by due time, must be served before service
// counts as resumed: a lucky one in the middle of an outage does not end it.
const Run = 5

// Bin is the resolution of the timeline and of degraded time. An interval shorter
// than this, in which nothing failed, is the ordinary pace of answers and no outage.
const Bin = 100 * time.Millisecond

// Span is a part of a trial, from its first moment up to but without its last.
type Span struct{ From, To time.Duration }

// Length of the span.
func (s Span) Length() time.Duration { return s.To - s.From }

func (s Span) holds(at time.Duration) bool { return at >= s.From && at < s.To }

// Filter says which operations count, and whether they served their user.
type Filter struct {
	Want    func(record.Op) bool
	StaleOK bool // an old answer of a cache serves, too
}

func (f Filter) good(o record.Op) bool {
	return o.Good() || f.StaleOK && o.Outcome == record.Stale
}

// Outage is the longest time in a span in which somebody waited and nobody was
// served: from when the first operation after the last answer was due until the
// next answer came. Answers count only in a run of served operations, see Run. It
// is the zero Span when there was none. Operations are in the order of their due
// times.
//
// It looks at when answers came, not at which operations failed: where every
// request is served late, such as after a cut that TCP survives, users have waited
// all the same.
func Outage(ops []record.Op, f Filter, within Span) Span {
	var wanted []record.Op
	for _, o := range ops {
		if f.Want(o) {
			wanted = append(wanted, o)
		}
	}
	answers := steady(wanted, f)
	slices.Sort(answers)
	var worst Span
	last := time.Duration(0)
	for _, at := range append(answers, max(within.To, lastOf(answers))) {
		gap := Span{From: firstDue(wanted, last), To: at}
		if gap = gap.clip(within); gap.Length() > worst.Length() && !ordinary(wanted, f, gap) {
			worst = gap
		}
		last = at
	}
	return worst
}

// Unseen is the part of an outage in which nobody waited: before it ended, all who had
// asked had been told no, and the one who was served next had not asked yet. Whether he
// would have been served earlier, nobody knows.
func Unseen(ops []record.Op, f Filter, outage Span) time.Duration {
	asked := outage.To
	for _, o := range ops {
		if f.Want(o) && f.good(o) && o.Done == outage.To {
			asked = min(asked, o.Due)
		}
	}
	told := outage.From
	for _, o := range ops {
		if f.Want(o) && o.Due < asked {
			told = max(told, o.Done)
		}
	}
	return max(0, asked-told)
}

// Waited counts the operations that were due in an outage, but for the one that ended it
// because it was served at once.
func Waited(ops []record.Op, f Filter, outage Span) int {
	n := 0
	for _, o := range ops {
		atOnce := f.good(o) && o.Done == outage.To && o.Done-o.Due < Bin
		if f.Want(o) && outage.holds(o.Due) && !atOnce {
			n++
		}
	}
	return n
}

// steady are the times of the answers in runs of served operations.
func steady(ops []record.Op, f Filter) []time.Duration {
	var answers []time.Duration
	for from := 0; from < len(ops); {
		to := from
		for to < len(ops) && f.good(ops[to]) {
			to++
		}
		if to-from >= Run {
			for _, o := range ops[from:to] {
				answers = append(answers, o.Done)
			}
		}
		from = max(to, from+1)
	}
	return answers
}

func lastOf(sorted []time.Duration) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)-1]
}

// firstDue is when the first operation after a moment was due. Without one nobody
// waits: the far future.
func firstDue(ops []record.Op, after time.Duration) time.Duration {
	i, _ := slices.BinarySearchFunc(ops, after, func(o record.Op, at time.Duration) int {
		if o.Due < at {
			return -1
		}
		return 1
	})
	if i == len(ops) {
		return 1<<63 - 1
	}
	return ops[i].Due
}

// clip cuts a gap to a span. A gap counts whole if any of it lies within, but the
// part before is not the fault's.
func (s Span) clip(within Span) Span {
	if s.To <= within.From || s.From >= within.To || s.From >= s.To {
		return Span{}
	}
	return Span{max(s.From, within.From), s.To}
}

// ordinary reports whether a gap is no more than the pace of answers.
func ordinary(ops []record.Op, f Filter, gap Span) bool {
	if gap.Length() >= Bin {
		return false
	}
	return !slices.ContainsFunc(ops, func(o record.Op) bool { return gap.holds(o.Due) && !f.good(o) })
}
