package guard

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// timedSim runs guards over a timedWorld on a virtual clock. What the guards know,
// decide, record, promise and tell are the real functions; probes, questions and
// statements are events that take time, get lost and can be interrupted.
type timedSim struct {
	*timedWorld
	seed   uint64
	rules  rules
	guards []*timedGuard
	events []event // a heap
	serial int
	talk   links // whose packets reach whose guards
	slow   int   // factor of latencies
	brisk  bool  // guards in their true rhythm; else slower, which is cheaper and staler
	trace  bool
	log    []string

	ambush  func(g *timedGuard) // what happens to a guard that forms the group…
	strikes int                 // …at this stage
	dark    [3]bool             // machines without power
	thaw    [3]func()           // ends the freeze of a machine
	stops   int                 // members that are about to leave
	gone    int                 // server that never comes back; -1: none
	healed  time.Duration       // when faults ended; 0: they have not
	done    bool
	judge   judge
}

// rules are the functions under test, which broken variants replace.
type rules struct {
	decide  func(v View, p Policy, now time.Time) Action
	promise func(q GrantRequest, r Record, my MySQL, p Policy) (Record, error)
	observe func(r Record, my MySQL, peers map[string]Peer, p Policy) Record
	keep    func(r Record) Record // what of a record is found after a restart
	renewed func(p promise, to string, now time.Time) (promise, bool)
	recalls func(kept, boot string, up time.Duration, now time.Time) promise
	notes   func(v *View, q request, p Policy, now time.Time) (Turn, error)
	hasty   bool              // joins without a word to the members
	plan    func(s *timedSim) // lays out the history
}

func realRules() rules {
	return rules{decide: Decide, promise: Promise, observe: Observe, keep: func(r Record) Record { return r },
		renewed: promise.renewed, recalls: recalled, notes: (*View).noteTurn, plan: (*timedSim).plan}
}

// event is something that happens at a time; of several at one time, in the order in
// which they were planned.
type event struct {
	at     time.Duration
	serial int
	do     func()
}

func (e event) before(o event) bool {
	return e.at < o.at || e.at == o.at && e.serial < o.serial
}

// after plans an event. The heap is written out: boxing would cost more than the rest.
func (s *timedSim) after(d time.Duration, do func()) {
	s.serial++
	s.events = append(s.events, event{s.now + d, s.serial, do})
	for i := len(s.events) - 1; i > 0; {
		up := (i - 1) / 2
		if !s.events[i].before(s.events[up]) {
			break
		}
		s.events[i], s.events[up] = s.events[up], s.events[i]
		i = up
	}
}

func (s *timedSim) next() event {
	first, last := s.events[0], len(s.events)-1
	s.events[0], s.events[last] = s.events[last], event{}
	s.events = s.events[:last]
	for i := 0; ; {
		least := i
		for _, child := range []int{2*i + 1, 2*i + 2} {
			if child < last && s.events[child].before(s.events[least]) {
				least = child
			}
		}
		if least == i {
			return first
		}
		s.events[i], s.events[least] = s.events[least], s.events[i]
		i = least
	}
}

// timedGuard is one guard process. The real guard in it is its memory: its loop does
// not run.
type timedGuard struct {
	*guard
	index  int
	life   int // counts starts and kills: what an earlier process began is void
	up     bool
	frozen bool
	parked []func()
	slept  time.Duration // for how long its machine's monotonic clock stood still
	ahead  time.Duration // of its wall clock, before the true time
	disk   Record        // the record as a restart finds it
	turn   Turn          // the file of the last turn; its time is that of the wall clock
	snap   Snapshot
	jobs   int // counts jobs
	paused [3]bool
	turns  [3]int
	beat   beat
	yes    time.Duration // until when /primary says yes by what it knows; 0: it says no
	kept   string        // the file of its promise
	boots  int           // of its machine
	booted time.Duration // when the last was
}

var timedConfig = Config{
	GroupName: worldGroup, Initial: "db1",
	Voters: []Voter{{Name: "db1", Address: "10.0.0.1"}, {Name: "db2", Address: "10.0.0.2"}, {Name: "db3", Address: "10.0.0.3"}},
}

// timedEpoch is the true time at which every history begins.
var timedEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newTimedSim(seed uint64, r rules) *timedSim {
	rng := rand.New(rand.NewPCG(seed, 20))
	s := &timedSim{timedWorld: newTimedWorld(rng), seed: seed, rules: r, slow: 1, gone: -1}
	s.talk.set(true)
	s.judge.began(s)
	if s.chance(0.2) {
		s.slow = 1 + s.rng.IntN(8)
	}
	s.brisk = seed%200 == 0
	old := !s.chance(0.15)
	if old {
		s.formed()
	}
	for i, name := range worldNames {
		g := &timedGuard{index: i, disk: Record{Group: worldGroup}}
		if n := s.nodes[i]; old {
			my := s.mysql(n)
			g.disk = Record{Group: worldGroup, Epoch: 1, ViewID: my.ViewID, Members: my.servers(), Role: my.Role, Primary: "db1", EverMember: true, Granted: Grant{1, "db1"}}
		}
		s.guards = append(s.guards, g)
		s.say("begins: %s in a group: %t", name, old)
	}
	for i, g := range s.guards {
		s.boot(i)
		s.startGuard(g)
	}
	s.after(worldTick, s.turn)
	return s
}

// say keeps what happens for a history that failed: it is run again for that.
func (s *timedSim) say(format string, args ...any) {
	if s.trace {
		s.log = append(s.log, fmt.Sprintf("%9.3f ", s.now.Seconds())+fmt.Sprintf(format, args...))
	}
}

// turn is the world's half second.
func (s *timedSim) turn() {
	s.tick()
	s.look()
	s.after(worldTick, s.turn)
}

// run goes on until all is quiet after the faults, or something is wrong.
func (s *timedSim) run() {
	for !s.done && len(s.breaches) == 0 {
		e := s.next()
		s.measure(e.at)
		s.now = e.at
		e.do()
	}
}

// at is the time by the guard's monotonic clock.
func (s *timedSim) at(g *timedGuard) time.Time { return timedEpoch.Add(s.now - g.slept) }

func (s *timedSim) startGuard(g *timedGuard) {
	if g.up {
		return
	}
	g.life++
	cfg := timedConfig
	cfg.Server = worldNames[g.index]
	record, turn := s.rules.keep(g.disk), g.turn
	turn.At = s.local(g, turn.At)
	promised := s.rules.recalls(g.kept, g.bootID(), s.now-g.booted, s.at(g))
	g.guard = newGuard(cfg, &store{record: record}, promised, turn, nil, nil, func(string) error { return nil }, slog.New(slog.DiscardHandler))
	g.ballot.renewed = s.rules.renewed
	g.ballot.keep = func(to string) error { g.kept = g.bootID() + " " + to + "\n"; return nil }
	g.guard.begun = s.at(g)
	g.up, g.frozen, g.beat = true, false, beat{}
	s.publish(g)
	s.say("%s: guard starts", g.policy.Server)
	s.probe(g)
	for i := range worldNames {
		if i != g.index {
			s.ask(g, i)
		}
	}
}

func (g *timedGuard) bootID() string { return fmt.Sprint(g.boots) }

func (s *timedSim) killGuard(g *timedGuard) {
	if g.up {
		s.say("%s: guard is killed while it does %q", g.policy.Server, g.job)
	}
	g.life++
	g.up, g.frozen, g.parked, g.yes, g.job = false, false, nil, 0, ""
}

func (s *timedSim) freezeGuard(g *timedGuard) { g.frozen = g.up }

func (s *timedSim) thawGuard(g *timedGuard) {
	parked := g.parked
	g.frozen, g.parked = false, nil
	for _, do := range parked {
		s.after(s.between(0, time.Millisecond), do)
	}
}

// later plans what a guard does. A frozen one does it when it goes on, a killed one
// never.
func (s *timedSim) later(g *timedGuard, d time.Duration, do func()) {
	life := g.life
	var run func()
	run = func() {
		switch {
		case g.life != life:
		case g.frozen:
			g.parked = append(g.parked, run)
		default:
			do()
		}
	}
	s.after(d, run)
}

// rest is a pause before the next probe (who is the guard itself) or question, which
// the guard's wake-ups end.
func (s *timedSim) rest(g *timedGuard, who int, pause time.Duration, again func()) {
	g.turns[who]++
	turn := g.turns[who]
	g.paused[who] = true
	s.later(g, pause, func() {
		if g.turns[who] == turn {
			g.paused[who] = false
			again()
		}
	})
	s.wakeups(g)
}

// wakeups ends the pauses that the guard has asked to end.
func (s *timedSim) wakeups(g *timedGuard) {
	for who, name := range worldNames {
		if !g.paused[who] {
			continue
		}
		if who == g.index {
			name = ""
		}
		select {
		case <-g.guard.wakeups[name]:
			g.turns[who]++
			g.paused[who] = false
			s.later(g, time.Microsecond, func() {
				if who == g.index {
					s.probe(g)
				} else {
					s.ask(g, who)
				}
			})
		default:
		}
	}
}

// rhythm is the pause that the guard makes now, a little irregular.
func (s *timedSim) rhythm(g *timedGuard, soon, calm time.Duration) time.Duration {
	pause := soon
	if g.calm.Load() {
		pause = calm
	}
	return s.between(pause*9/10, pause*11/10)
}

func (s *timedSim) probe(g *timedGuard) {
	n := s.nodes[g.index]
	r := probeResult{begun: s.at(g), slept: g.slept}
	took, hangs, old := s.between(3*time.Millisecond, 25*time.Millisecond), n.frozen, s.chance(0.5)
	switch {
	case n.up && hangs:
		took = probeTimeout
	case n.up && old:
		r.mysql = s.mysql(n)
	}
	life := n.life
	s.later(g, took, func() {
		switch {
		case n.up && (hangs || n.frozen):
			r.mysql = MySQL{Error: "context deadline exceeded", Hangs: true}
		case !n.up || n.life != life:
			r.mysql = MySQL{Error: "connection refused"}
		case !r.mysql.Reachable:
			r.mysql = s.mysql(n)
		}
		g.takeProbe(r)
		s.pulse(g, n)
		s.step(g)
		soon, calm := 450*time.Millisecond, 800*time.Millisecond
		if s.brisk {
			soon, calm = probeSoon, probeEvery
		}
		if g.switching.Load() {
			soon, calm = 20*time.Millisecond, 20*time.Millisecond
		}
		s.rest(g, g.index, s.rhythm(g, soon, calm), func() { s.probe(g) })
	})
}

// pulse is the guard's beats, looked at as often as MySQL is probed.
func (s *timedSim) pulse(g *timedGuard, n *timedNode) {
	now := s.at(g)
	switch b := &g.beat; {
	case !g.beating.Load():
		g.beat = beat{}
		return
	case b.begun.IsZero() || b.ended:
		if now.Sub(b.begun) >= beatEvery {
			g.beat = beat{begun: now}
		}
		return
	case now.Sub(b.seen) < beatEvery && n.works():
		return
	default:
		b.seen, b.err, b.state, b.unread = now, nil, "", nil
		s.beatEnds(b, n, now)
		g.takeBeat(*b)
	}
}

func (s *timedSim) beatEnds(b *beat, n *timedNode, now time.Time) {
	switch {
	case now.Sub(b.begun) >= beatLimit:
		b.ended, b.err = true, errBeatLate
	case !n.up:
		b.ended, b.err = true, errTimed
	case n.frozen:
		b.unread = errTimed
	case n.disk == diskFull:
		b.ended, b.err = true, errDiskFull
	case n.readOnly && n.state != Online:
		b.ended, b.err = true, errTimed
	case n.disk == diskStuck || n.disk == diskSlow && s.chance(0.5) || !s.functions(n):
		b.state = "waiting for handler commit"
	default:
		b.ended = true
	}
}

// publish is (*guard).publish, by the clock of the model.
func (s *timedSim) publish(g *timedGuard) {
	now := s.at(g)
	g.stand(now)
	g.snap = g.current()
	g.yes = 0
	if s.remembers(g).primary(now) == "" {
		g.yes = s.now + min(slowFor-now.Sub(g.snap.Claimed), confirmedFor-now.Sub(g.snap.Confirmed))
	}
}

// ask is one question to another guard.
func (s *timedSim) ask(g *timedGuard, i int) {
	r := peerResult{name: worldNames[i], begun: s.at(g)}
	claims := g.claims.Load()
	there, back := s.latency(), s.latency()
	hear := func(d time.Duration) {
		s.later(g, d, func() {
			g.takeAnswer(r)
			s.publish(g)
			soon, calm := g.askAgain(r.err)
			if !s.brisk {
				soon, calm = max(soon, 450*time.Millisecond), max(calm, 200*time.Millisecond)
			}
			s.rest(g, i, s.rhythm(g, soon, calm), func() { s.ask(g, i) })
		})
	}
	s.after(there, func() {
		p := s.guards[i]
		switch {
		case s.talk[g.index][i] && !p.up:
			r.err = errTimed
			hear(back)
		case !s.talk[g.index][i] || !s.talk[i][g.index] || p.frozen || there+back > peerTimeout:
			r.err = errTimed
			hear(max(peerTimeout-there, 0))
		default:
			promised := claims && p.confirmNow(g.policy.Server, s.remembers(p), s.at(p))
			s.wakeups(p)
			r.answer = s.remembers(p).answer(s.at(p))
			r.answer.Promised = promised
			hear(back)
		}
	})
}

func (s *timedSim) latency() time.Duration {
	return time.Duration(s.slow) * s.between(time.Millisecond, 30*time.Millisecond)
}

// remembers is (*guard).memory by the virtual clock.
func (s *timedSim) remembers(p *timedGuard) *Snapshot {
	snap := p.snap
	if p.slept-snap.Slept > sleepSeen {
		snap.Probed = time.Time{}
	}
	return &snap
}

// wall is a time of a guard's by its machine's wall clock.
func (g *timedGuard) wall(t time.Time) time.Time { return t.Add(g.ahead + g.slept) }

// local is a wall-clock time of a former life.
func (s *timedSim) local(g *timedGuard, wall time.Time) time.Time {
	if wall.IsZero() {
		return wall
	}
	return wall.Add(-g.ahead - g.slept)
}

// step is the loop's: record, decide, begin.
func (s *timedSim) step(g *timedGuard) {
	settled := g.settled()
	if settled {
		before := g.store.record
		if next := s.rules.observe(before, g.view.MySQL, g.view.Peers, g.policy); !sameRecord(next, before) && s.save(g, next) == nil {
			s.say("%s: view %s %v epoch %d role %s primary %s", g.policy.Server, next.ViewID, next.Members, next.Epoch, next.Role, next.Primary)
		}
	}
	now := s.at(g)
	if settled && now.Sub(g.probedAt) <= fresh {
		a := g.afterLooking(g.afterHearing(s.rules.decide(g.view, g.policy, now), now), now)
		if s.trace && a.Reason != g.message {
			s.say("%s: %s: %s", g.policy.Server, a.Kind, a.Reason)
		}
		g.message = a.Reason
		if a.Kind != Wait {
			s.begin(g, a)
		}
	}
	s.publish(g)
	s.wakeups(g)
}

// save makes a record durable, where the disk takes it.
func (s *timedSim) save(g *timedGuard, r Record) error {
	if s.nodes[g.index].disk == diskFull {
		return fmt.Errorf("%w: no space left on device", errTimed)
	}
	g.store.record, g.view.Record = r, r
	g.disk = r
	return nil
}

// timedHistory runs one history.
func timedHistory(seed uint64, r rules, trace bool) *timedSim {
	s := newTimedSim(seed, r)
	s.trace = trace
	r.plan(s)
	s.run()
	return s
}

// last are the last events of a history that was traced.
func (s *timedSim) last(n int) string {
	return strings.Join(s.log[max(0, len(s.log)-n):], "\n")
}

// indexOf is a server's place.
func indexOf(name string) int { return slices.Index(worldNames, name) }
