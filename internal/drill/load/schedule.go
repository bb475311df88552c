package load

import (
	"math/rand/v2"
	"time"

	"scaleup/internal/drill/record"
)

// schedule tells when each operation is due: the n-th of a stream at phase +
// n/rate, computed anew each time, so that nothing adds up to a drift.
type schedule struct{ lanes []lane }

// lane is one stream's part of the schedule, in nanoseconds.
type lane struct {
	stream        int // index
	phase, period float64
	n             int // the next operation
}

func (l lane) due() time.Duration { return time.Duration(l.phase + float64(l.n)*l.period) }

// newSchedule spreads the streams of a class evenly over their period, in an order
// and from an offset that come from the seed. Thus they do not fire in lockstep,
// and the class as a whole has the most even spacing it can have: the length of an
// outage is known to one such gap.
func newSchedule(streams []Stream, seed uint64) *schedule {
	random := rand.New(rand.NewPCG(seed, 0))
	s := &schedule{}
	for _, class := range record.Classes {
		var members []int
		for i, stream := range streams {
			if stream.Class == class && stream.Rate > 0 {
				members = append(members, i)
			}
		}
		offset := random.Float64()
		for place, m := range random.Perm(len(members)) {
			period := float64(time.Second) / streams[members[m]].Rate
			phase := (float64(place) + offset) / float64(len(members)) * period
			s.lanes = append(s.lanes, lane{stream: members[m], phase: phase, period: period})
		}
	}
	return s
}

// next returns when the next operation is due and the index of its stream, or
// false when there is none.
func (s *schedule) next() (due time.Duration, stream int, ok bool) {
	if len(s.lanes) == 0 {
		return 0, 0, false
	}
	first := &s.lanes[0]
	for i := range s.lanes[1:] {
		if l := &s.lanes[i+1]; l.due() < first.due() {
			first = l
		}
	}
	due = first.due()
	first.n++
	return due, first.stream, true
}

const (
	// stalled is the lag beyond which this process must have been stopped, rather
	// than waited for a processor: ten times what voids a trial.
	stalled = 100 * time.Millisecond
	// catchUpFactor is how many times faster than its rate the generator works off
	// what fell due during a stall: a second of stall is made good in a third of a
	// second, and the site sees no flood that no user would send.
	catchUpFactor = 4
	// catchUpBurst is how much may go at once then: more than a timer's inexactness,
	// which would slow the catching up otherwise.
	catchUpBurst = 10 * time.Millisecond
)

// brake spaces operations that are overdue because this process was stopped. They
// are still sent, each later than it was due, which their lag shows.
type brake struct {
	gap  time.Duration // between two of them
	free time.Duration // when the next may go
}

func newBrake(rate float64) brake {
	if rate <= 0 {
		return brake{}
	}
	return brake{gap: time.Duration(float64(time.Second) / (catchUpFactor * rate))}
}

// pause is how long an operation has to wait. One that is on time never does.
func (b *brake) pause(due, now time.Duration) time.Duration {
	if now-due < stalled {
		return 0
	}
	at := max(b.free, now-catchUpBurst)
	b.free = at + b.gap
	return at - now
}
