package load

import (
	"sync"
	"time"

	"scaleup/internal/drill/record"
)

// Counts are numbers of operations by record.Outcome.
type Counts [record.Unsent + 1]int

// Sum is the number of all of them.
func (c Counts) Sum() int {
	sum := 0
	for _, n := range c {
		sum += n
	}
	return sum
}

// Live is what a progress line tells.
type Live struct {
	Elapsed    time.Duration
	Total      Counts // of the operations that have ended
	LastSecond Counts // of those that ended within the last second: their Sum is the rate
	InFlight   int
}

const (
	tick  = 100 * time.Millisecond // the resolution of "the last second"
	ticks = int64(time.Second / tick)
)

// tally counts operations as they end.
type tally struct {
	mu     sync.Mutex
	total  Counts
	recent [ticks + 1]bucket // the last second in whole ticks, and the one that has begun
}

type bucket struct {
	tick   int64 // since offset 0
	counts Counts
}

// add counts an operation that ended at the offset now.
func (t *tally) add(o record.Outcome, now time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total[o]++
	at := int64(now / tick)
	b := &t.recent[at%int64(len(t.recent))]
	if b.tick < at {
		*b = bucket{tick: at}
	}
	b.counts[o]++
}

func (t *tally) live(now time.Duration) Live {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := Live{Elapsed: now, Total: t.total}
	current := int64(now / tick)
	for _, b := range t.recent {
		if b.tick >= current || b.tick < current-ticks {
			continue
		}
		for o, n := range b.counts {
			l.LastSecond[o] += n
		}
	}
	return l
}
