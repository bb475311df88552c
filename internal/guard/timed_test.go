package guard

import (
	"flag"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	timedSeed  = flag.Uint64("guard.seed", 0, "run the timed history of this seed only, and print all of it")
	timedCount = flag.Uint64("guard.histories", 10000, "how many timed histories to run")
)

// seedsOfBugs once failed, each for the reason beside it. What they meet changes with the
// model: the bugs have tests of their own, too.
var seedsOfBugs = []uint64{
	1750,  // recorded a view from the middle of a leave and formed a second group: TestSettledProbe
	12746, // formed the group in ignorance of a newer view that a voter without MySQL had told of: TestDecide
	5732,  // the same, after mysqld had stopped and shown its member alone meanwhile
	7331,  // a guard that could not save that it had acted forgot it, and the others with it: TestHearActing
	63377, // copied data aside that the group had in flight, on a member still RECOVERING: TestDecide
	// recorded itself alone as the first view it saw of a group it had joined and left at
	// once, and formed a second one: TestObserveDoesNotBelieveAStoppingMember
	164054,
	132129, // stood still between the promises and START, and formed with wiped data: TestStillAble
	852,    // a guard was killed while it acted, and its full disk had taken no record: TestActedSurvives
}

// timedSummary is what many histories have in common.
type timedSummary struct {
	mu                       sync.Mutex
	failed                   []uint64
	overlap, lasted, virtual time.Duration
	overlapSeed, lastedSeed  uint64
	formings, acts, writes   int
}

func (t *timedSummary) add(s *timedSim) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(s.breaches) > 0 {
		t.failed = append(t.failed, s.seed)
	}
	if s.judge.overlap > t.overlap {
		t.overlap, t.overlapSeed = s.judge.overlap, s.seed
	}
	if s.judge.lasted > t.lasted {
		t.lasted, t.lastedSeed = s.judge.lasted, s.seed
	}
	t.formings += s.judge.formings
	t.acts += s.judge.acts
	t.writes += len(s.acked)
	t.virtual += s.now
}

// manyTimed runs as many histories, by the seeds from first on, on all processors. It
// stops early where enough have failed.
func manyTimed(first, count uint64, r rules, enough int) *timedSummary {
	var (
		sum  timedSummary
		next atomic.Uint64
		wait sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for k := next.Add(1); k <= count; k = next.Add(1) {
				sum.add(timedHistory(first+k-1, r, false))
				sum.mu.Lock()
				stop := len(sum.failed) >= enough
				sum.mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	wait.Wait()
	slices.Sort(sum.failed)
	return &sum
}

// showTimed runs a history again and prints how it ended.
func showTimed(t *testing.T, seed uint64, lines int) {
	t.Helper()
	s := timedHistory(seed, realRules(), true)
	t.Errorf("seed %d: %v\n%s\nall of it: go test ./internal/guard -run TestTimedHistories -v -guard.seed=%d", seed, s.breaches, s.last(lines), seed)
}

// TestTimedHistories runs histories of faults on a virtual clock: crashes, freezes,
// partitions, power failures, disks that hang, clocks that jump, guards that die at the
// worst moment and operators who do as well.
func TestTimedHistories(t *testing.T) {
	if *timedSeed != 0 {
		s := timedHistory(*timedSeed, realRules(), true)
		t.Logf("seed %d: %v, quiet %s after the faults, longest overlap of two primaries %s\n%s", s.seed, s.breaches, s.judge.lasted, s.judge.overlap, s.last(len(s.log)))
		if len(s.breaches) > 0 {
			t.Fail()
		}
		return
	}
	count := *timedCount
	if testing.Short() {
		count = 500
	}
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // much garbage, little of it lasting
	begun := time.Now()
	sum := manyTimed(1, count, realRules(), 5)
	t.Logf("%d histories, %s of virtual time in %s; %d formings, %d members taken out of use, %d writes", count, sum.virtual.Round(time.Second), time.Since(begun).Round(10*time.Millisecond), sum.formings, sum.acts, sum.writes)
	t.Logf("longest time until all was well after the faults: %s (seed %d)", sum.lasted.Round(time.Millisecond), sum.lastedSeed)
	t.Logf("longest time for which two servers' /primary said yes: %s (seed %d)", sum.overlap.Round(time.Millisecond), sum.overlapSeed)
	for _, seed := range sum.failed[:min(len(sum.failed), 2)] {
		showTimed(t, seed, 60)
	}
	if len(sum.failed) > 0 {
		t.Errorf("failed: %v", sum.failed)
	}
}

func TestTimedSeedsOfBugs(t *testing.T) {
	for _, seed := range seedsOfBugs {
		if s := timedHistory(seed, realRules(), false); len(s.breaches) > 0 {
			showTimed(t, seed, 60)
		}
	}
}

// TestTimedSameSeed: a seed tells the whole history.
func TestTimedSameSeed(t *testing.T) {
	for seed := uint64(1); seed <= 5; seed++ {
		a, b := timedHistory(seed, realRules(), true), timedHistory(seed, realRules(), true)
		if !slices.Equal(a.log, b.log) || a.now != b.now || !slices.Equal(a.acked, b.acked) {
			t.Errorf("seed %d: two runs differ:\n%s\n\n%s", seed, a.last(20), b.last(20))
		}
	}
}
