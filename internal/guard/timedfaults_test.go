package guard

import (
	"time"
)

// timedFault is one kind of trouble. It ends by itself, at the latest when all heals.
type timedFault struct {
	name   string
	weight int
	do     func(s *timedSim, i int, lasts time.Duration)
}

var timedFaults = []timedFault{
	{"mysqld dies", 10, func(s *timedSim, i int, _ time.Duration) { s.restartMySQL(i, s.between(time.Second, 15*time.Second)) }},
	{"all mysqld die", 3, func(s *timedSim, _ int, _ time.Duration) {
		for i := range s.nodes {
			s.restartMySQL(i, s.between(time.Second, 10*time.Second))
		}
	}},
	{"a machine dies", 8, func(s *timedSim, i int, lasts time.Duration) { s.powerOff(i); s.after(lasts, func() { s.powerOn(i) }) }},
	{"power fails", 8, powerFails},
	{"mysqld is stopped", 4, func(s *timedSim, i int, _ time.Duration) { s.shutDown(i) }},
	{"mysqld freezes", 6, func(s *timedSim, i int, lasts time.Duration) {
		n := s.nodes[i]
		n.frozen = n.up
		s.after(lasts, func() { n.frozen = false })
	}},
	{"a guard freezes", 4, func(s *timedSim, i int, lasts time.Duration) {
		g := s.guards[i]
		s.freezeGuard(g)
		if s.chance(0.5) { // the watchdog's work
			s.after(s.between(2*time.Second, 3*time.Second), func() { s.restartGuard(i, time.Second) })
			return
		}
		s.after(lasts, func() { s.thawGuard(g) })
	}},
	{"a machine freezes", 6, freezeMachine},
	{"a server is cut off", 10, func(s *timedSim, i int, lasts time.Duration) { s.cut(i, lasts, true, true) }},
	{"a member is cut off", 5, func(s *timedSim, i int, lasts time.Duration) { s.cut(i, lasts, true, false) }},
	{"a guard is cut off", 5, func(s *timedSim, i int, lasts time.Duration) { s.cut(i, lasts, false, true) }},
	{"one way is cut", 6, func(s *timedSim, i int, lasts time.Duration) {
		to := (i + 1 + s.rng.IntN(2)) % 3
		both, guards := s.chance(0.3), s.chance(0.5)
		set := func(up bool) {
			s.members[i][to] = up
			s.members[to][i] = s.members[to][i] && !both || up
			if guards {
				s.talk[i][to] = up
			}
		}
		set(false)
		s.after(lasts, func() { set(true) })
	}},
	{"data is wiped", 4, wipe},
	{"a disk hangs", 6, func(s *timedSim, i int, lasts time.Duration) { s.spoil(i, disk(1+s.rng.IntN(3)), 2*lasts) }},
	{"disks hang", 2, func(s *timedSim, i int, lasts time.Duration) {
		for k := range s.nodes {
			if k != i {
				s.spoil(k, diskStuck, 2*lasts)
			}
		}
	}},
	{"a clock jumps", 4, func(s *timedSim, i int, _ time.Duration) {
		s.guards[i].ahead += s.between(-2*time.Hour, 2*time.Hour)
	}},
	{"a guard dies", 8, func(s *timedSim, i int, _ time.Duration) {
		s.restartGuard(i, s.between(100*time.Millisecond, 5*time.Second))
	}},
	{"ambush of who forms", 10, ambush},
	{"operator switches", 5, func(s *timedSim, i int, _ time.Duration) {
		s.operator(s.guards[i], wantSwitch, worldNames[s.rng.IntN(3)])
	}},
	{"operator leaves", 5, func(s *timedSim, i int, lasts time.Duration) {
		g := s.guards[i]
		s.operator(g, wantLeave, "")
		if s.chance(0.7) {
			s.after(lasts, func() { s.operator(g, wantJoin, "") })
		}
	}},
	{"operator joins", 2, func(s *timedSim, i int, _ time.Duration) { s.operator(s.guards[i], wantJoin, "") }},
}

// plan lays out a history: some faults, often on the heels of one another, and an end
// to them.
func (s *timedSim) plan() {
	at := s.between(2*time.Second, 6*time.Second)
	count, gap := 1+s.rng.IntN(5), 8*time.Second
	if s.chance(0.08) {
		count, gap = 6+s.rng.IntN(6), 30*time.Second
	}
	for range count {
		s.after(at, s.fault)
		if s.chance(0.35) {
			at += s.between(0, 2*time.Second)
		} else {
			at += s.between(time.Second, gap)
		}
	}
	s.after(at+s.between(time.Second, 8*time.Second), s.heal)
}

func (s *timedSim) fault() {
	total := 0
	for _, f := range timedFaults {
		total += f.weight
	}
	pick := s.rng.IntN(total)
	for _, f := range timedFaults {
		if pick -= f.weight; pick < 0 {
			i := s.rng.IntN(len(s.nodes))
			s.say("FAULT: %s (%s)", f.name, worldNames[i])
			f.do(s, i, s.between(time.Second, 20*time.Second))
			return
		}
	}
}

func (s *timedSim) restartMySQL(i int, d time.Duration) {
	s.say("%s: mysqld ends", worldNames[i])
	s.crash(i)
	s.after(d, func() { s.bootMySQL(i) })
}

func (s *timedSim) bootMySQL(i int) {
	if !s.dark[i] && i != s.gone {
		s.say("%s: mysqld starts", worldNames[i])
		s.boot(i)
	}
}

// shutDown is systemctl stop, and later start.
func (s *timedSim) shutDown(i int) {
	n := s.nodes[i]
	if !n.up || n.frozen {
		return
	}
	life := n.life
	s.stop(n, func(error) {
		if n.life == life {
			s.restartMySQL(i, s.between(time.Second, 10*time.Second))
		}
	})
}

func (s *timedSim) restartGuard(i int, d time.Duration) {
	s.killGuard(s.guards[i])
	s.after(d, func() {
		if !s.dark[i] {
			s.startGuard(s.guards[i])
		}
	})
}

func (s *timedSim) powerOff(i int) {
	s.say("%s: no power", worldNames[i])
	s.dark[i] = true
	s.crash(i)
	s.killGuard(s.guards[i])
}

func (s *timedSim) powerOn(i int) {
	if !s.dark[i] || i == s.gone {
		return
	}
	s.dark[i] = false
	s.guards[i].boots++
	s.guards[i].booted = s.now
	s.after(s.between(0, 3*time.Second), func() { s.bootMySQL(i) })
	s.after(s.between(0, 3*time.Second), func() {
		if !s.dark[i] {
			s.startGuard(s.guards[i])
		}
	})
}

// wipe ends mysqld, and it starts with an empty data directory. What its guard does not
// know to have been there it cannot miss.
func wipe(s *timedSim, i int, _ time.Duration) {
	if !s.guards[i].disk.Filled {
		return
	}
	s.restartMySQL(i, s.between(time.Second, 10*time.Second))
	n := s.nodes[i]
	n.log, n.executed, n.lost, n.cloned = nil, 0, true, ""
}

func powerFails(s *timedSim, _ int, lasts time.Duration) {
	spread := s.between(0, 12*time.Second)
	for i := range s.nodes {
		off := s.between(0, spread)
		s.after(off, func() {
			if s.healed == 0 {
				s.powerOff(i)
			}
		})
		s.after(off+s.between(0, lasts), func() { s.powerOn(i) })
	}
}

// freezeMachine stops everything on a machine. As in a virtual machine that is paused,
// its monotonic clock may stand still meanwhile.
func freezeMachine(s *timedSim, i int, lasts time.Duration) {
	n, g := s.nodes[i], s.guards[i]
	if s.dark[i] || n.frozen || g.frozen {
		return
	}
	n.frozen = n.up
	s.freezeGuard(g)
	began, life, asleep := s.now, g.life, s.chance(0.5)
	s.thaw[i] = func() {
		s.thaw[i] = nil
		if s.dark[i] || g.life != life {
			return
		}
		if asleep {
			slept := s.now - began
			g.slept, g.yes = g.slept+slept, 0
			for k := range n.heard {
				n.heard[k] += slept
			}
		}
		n.frozen = false
		s.thawGuard(g)
	}
	s.after(lasts, func() {
		if s.thaw[i] != nil {
			s.thaw[i]()
		}
	})
}

// cut takes a server off the network of members, of guards, or both.
func (s *timedSim) cut(i int, lasts time.Duration, members, guards bool) {
	set := func(up bool) {
		for k := range s.nodes {
			if k != i && members {
				s.members[i][k], s.members[k][i] = up, up
			}
			if k != i && guards {
				s.talk[i][k], s.talk[k][i] = up, up
			}
		}
	}
	set(false)
	s.after(lasts, func() { set(true) })
}

func (s *timedSim) spoil(i int, d disk, lasts time.Duration) {
	n := s.nodes[i]
	n.disk = d
	s.after(lasts, func() { n.disk, n.hung = diskWell, false })
}

// ambush waits for a guard that forms the group, and first makes that necessary.
func ambush(s *timedSim, i int, lasts time.Duration) {
	s.strikes = 1 + s.rng.IntN(10)
	what := s.rng.IntN(4)
	s.ambush = func(g *timedGuard) {
		s.say("AMBUSH of %s", g.policy.Server)
		switch k := g.index; what {
		case 0:
			s.restartGuard(k, s.between(50*time.Millisecond, 2*time.Second))
		case 1:
			s.restartMySQL(k, s.between(time.Second, 4*time.Second))
		case 2:
			s.powerOff(k)
			s.after(lasts, func() { s.powerOn(k) })
		default:
			freezeMachine(s, k, lasts)
		}
	}
	powerFails(s, i, lasts)
}

// heal ends all faults. Sometimes one server stays away for good, where the others do
// not need its word.
func (s *timedSim) heal() {
	s.say("HEALS")
	s.members.set(true)
	s.talk.set(true)
	s.strikes = 0
	if i := s.rng.IntN(len(s.nodes)); s.chance(0.2) && s.canLose(i) {
		s.gone = i
		s.powerOff(i)
	}
	for i, n := range s.nodes {
		if s.thaw[i] != nil {
			s.thaw[i]()
		}
		n.disk, n.hung, n.frozen = diskWell, false, false
		s.thawGuard(s.guards[i])
		switch {
		case i == s.gone:
			continue
		case s.dark[i]:
			s.powerOn(i)
		default:
			s.after(s.between(0, time.Second), func() { s.bootMySQL(i) })
			s.after(s.between(0, time.Second), func() { s.startGuard(s.guards[i]) })
		}
	}
	s.healed = s.now + 3*time.Second
	s.after(3*time.Second, func() {
		for _, g := range s.guards {
			s.operator(g, wantJoin, "")
		}
	})
}

// canLose reports whether a group lives on by itself without that server, and nobody is
// about to leave it or to be taken out of it.
func (s *timedSim) canLose(i int) bool {
	for k, g := range s.guards {
		if s.stops > 0 || g.job != "" || k != i && s.nodes[k].disk != diskWell {
			return false
		}
	}
	for k, n := range s.nodes {
		if k == i || !s.functions(n) {
			continue
		}
		with := len(s.peersOf(n))
		for _, m := range s.peersOf(n) {
			if m == i {
				with--
			}
		}
		return 2*with > len(n.view.members)
	}
	return false
}
