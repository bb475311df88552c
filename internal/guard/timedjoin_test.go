package guard

import (
	"runtime/debug"
	"testing"
	"time"
)

// planJoin lays out a history in which two members leave and come back while the guard of
// the third is killed, and that one then stops and comes up where it reaches nobody.
func planJoin(s *timedSim) {
	s.brisk = s.chance(0.5)
	for i := 1; i < 3; i++ {
		s.after(s.between(time.Second, 5*time.Second), func() { s.operator(s.guards[i], wantLeave, "") })
		s.after(s.between(10*time.Second, 11*time.Second), func() { s.operator(s.guards[i], wantJoin, "") })
	}
	s.after(s.between(10*time.Second, 15*time.Second), func() { s.killGuard(s.guards[0]) })
	s.after(s.between(16*time.Second, 24*time.Second), func() {
		s.powerOff(0)
		s.cut(0, 30*time.Second, true, true)
		s.after(time.Second, func() { s.powerOn(0) })
	})
	s.after(50*time.Second, s.heal)
}

// TestTimedJoin: a member that has not recorded who came in since does not form the group
// in ignorance of them.
func TestTimedJoin(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	r := realRules()
	r.plan = planJoin
	count := *timedCount / 20
	sum := manyTimed(1, count, r, 5)
	t.Logf("%d histories, %d formings; longest time until all was well after the faults: %s (seed %d)", count, sum.formings, sum.lasted.Round(time.Millisecond), sum.lastedSeed)
	for _, seed := range sum.failed {
		s := timedHistory(seed, r, true)
		t.Errorf("seed %d: %v\n%s", seed, s.breaches, s.last(40))
	}
}
