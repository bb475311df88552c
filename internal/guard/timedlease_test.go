package guard

import (
	"runtime/debug"
	"testing"
	"time"
)

// planLease lays out a history against the lease alone: the members no longer hear the
// primary and elect another one, while their guards still hear its guard, all of them or
// one; and guards restart, machines sleep and operators switch at just that time.
func planLease(s *timedSim) {
	s.brisk = s.chance(0.5)
	s.after(s.between(2*time.Second, 6*time.Second), func() {
		primary := 0
		for _, n := range s.nodes {
			if s.functions(n) {
				primary = n.view.primary
			}
		}
		near := (primary + 1 + s.rng.IntN(2)) % 3
		far := 3 - primary - near
		const lasts = 25 * time.Second
		s.say("FAULT: members do not hear %s; its guard hears that of %s", worldNames[primary], worldNames[near])
		s.cut(primary, lasts, true, false)
		if s.chance(0.7) {
			s.talk[primary][far], s.talk[far][primary] = false, false
		}
		for range 1 + s.rng.IntN(3) {
			who := near
			if s.chance(0.3) {
				who = s.rng.IntN(3)
			}
			s.after(s.between(4*time.Second, 10*time.Second), func() { s.restartGuard(who, s.between(50*time.Millisecond, 500*time.Millisecond)) })
		}
		if s.chance(0.3) {
			s.after(s.between(0, 8*time.Second), func() { freezeMachine(s, s.rng.IntN(3), s.between(time.Second, 5*time.Second)) })
		}
		if s.chance(0.3) {
			s.after(s.between(3*time.Second, 8*time.Second), func() {
				kind := wantSwitch
				if s.chance(0.5) {
					kind = wantLeave
				}
				s.operator(s.guards[s.rng.IntN(3)], kind, worldNames[s.rng.IntN(3)])
			})
		}
	})
	s.after(32*time.Second, s.heal)
}

// TestTimedLease: two servers never say at the same moment that they are the primary.
func TestTimedLease(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	r := realRules()
	r.plan = planLease
	count := *timedCount / 10
	sum := manyTimed(1, count, r, 5)
	t.Logf("%d histories; longest time until all was well after the faults: %s (seed %d)", count, sum.lasted.Round(time.Millisecond), sum.lastedSeed)
	for _, seed := range sum.failed {
		s := timedHistory(seed, r, true)
		t.Errorf("seed %d: %v\n%s", seed, s.breaches, s.last(40))
	}
}
