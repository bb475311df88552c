package guard

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// simGuard is a guard over the model: Decide, Promise and Observe are the real
// ones; what lies between them can be interrupted after every step.
type simGuard struct {
	record  Record // durable
	cache   map[string]Answer
	attempt Attempt
	forming *bootstrap // a bootstrap under way
}

type bootstrap struct {
	request GrantRequest
	ask     []string // voters still to be asked
}

type sim struct {
	*world
	guards map[string]*simGuard
	now    time.Time
	log    []string
}

func newSim() *sim {
	s := &sim{world: newWorld(), guards: map[string]*simGuard{}, now: time.Unix(1_000_000, 0)}
	for _, name := range worldNames {
		s.guards[name] = &simGuard{record: Record{Group: worldGroup}, cache: map[string]Answer{}}
	}
	s.changed = func(members []string) {
		for _, name := range members {
			s.observe(name)
		}
	}
	return s
}

func (s *sim) say(format string, args ...any) { s.log = append(s.log, fmt.Sprintf(format, args...)) }

func (s *sim) peers(name string) map[string]Peer {
	peers := map[string]Peer{}
	for other, answer := range s.guards[name].cache {
		peers[other] = Peer{Asked: s.now, Answer: answer} // however old: the promises have to hold
	}
	return peers
}

func (s *sim) observe(name string) {
	g := s.guards[name]
	g.record = Observe(g.record, s.mysql(name), s.peers(name), worldPolicy(name))
}

func (s *sim) refresh(name, other string) {
	if name == other {
		return
	}
	delete(s.guards[name].cache, other)
	if s.nodes[name].up && s.nodes[other].up {
		s.guards[name].cache[other] = Answer{Server: other, Record: s.guards[other].record, MySQL: s.mysql(other)}
	}
}

func (s *sim) forget(name string) {
	g := s.guards[name]
	g.cache, g.forming, g.attempt = map[string]Answer{}, nil, Attempt{}
}

// step lets one guard do one thing.
func (s *sim) step(name string) {
	g := s.guards[name]
	switch {
	case !s.nodes[name].up:
	case g.forming != nil:
		s.continueForming(name)
	default:
		s.observe(name)
		v := View{MySQL: s.mysql(name), Record: g.record, Peers: s.peers(name), Attempt: g.attempt}
		s.begin(name, Decide(v, worldPolicy(name), s.now))
	}
}

func (s *sim) begin(name string, a Action) {
	g, n := s.guards[name], s.nodes[name]
	s.say("%s: %s %s", name, a.Kind, a.Reason)
	var err error
	switch a.Kind {
	case Stop:
		s.stop(name)
	case Fence:
		n.readOnly = true
	case EndBootstrap:
		n.bootstrapping = false
	case Join:
		for _, member := range a.Group {
			s.guards[member].record = announced(s.guards[member].record, name)
		}
		err = s.start(name, false)
	case ApplyBacklog:
		n.executed, n.received = n.executed.Union(n.received), GTIDSet{}
	case Bootstrap:
		my := s.mysql(name)
		me, _ := readCandidate(Answer{MySQL: my})
		q := GrantRequest{Epoch: a.Epoch, Candidate: name, Newest: a.Newest, GTIDs: me.all.String()}
		var promised Record
		if promised, err = Promise(q, g.record, my, worldPolicy(name)); err == nil {
			g.record = promised
			g.forming = &bootstrap{request: q, ask: slices.DeleteFunc(slices.Clone(a.Voters), func(v string) bool { return v == name })}
		}
	case Clone:
		s.breach("%s clones, though nothing was purged: %s", name, a.Reason)
	}
	if err != nil {
		s.say("%s: %v", name, err)
		g.attempt.Failures++
		g.attempt.Next = s.now.Add(Backoff(g.attempt.Failures))
	}
}

// continueForming asks one more voter, or forms the group when all have agreed.
func (s *sim) continueForming(name string) {
	g := s.guards[name]
	if len(g.forming.ask) == 0 {
		q := g.forming.request
		g.forming = nil
		s.say("%s: forms the group, epoch %d", name, q.Epoch)
		if err := s.start(name, true); err != nil {
			s.say("%s: %v", name, err)
		}
		return
	}
	voter := g.forming.ask[0]
	other := s.guards[voter]
	g.forming.ask = g.forming.ask[1:]
	if !s.nodes[voter].up || other.forming != nil {
		g.forming = nil
		return
	}
	promised, err := Promise(g.forming.request, other.record, s.mysql(voter), worldPolicy(voter))
	if err != nil {
		s.say("%s: %v", voter, err)
		g.forming = nil
		return
	}
	other.record = promised
}

func (s *sim) check(t *rapid.T) {
	if len(s.breaches) > 0 {
		t.Fatalf("%v\n%s", s.breaches, strings.Join(s.log, "\n"))
	}
}

// TestHistories runs random histories of crashes, restarts, stops and writes, and
// at the end lets everything heal.
func TestHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSim()
		pick := rapid.SampledFrom(worldNames)
		does := map[string]func(){
			"crash":   func() { n := pick.Draw(t, "crash"); s.say("crash %s", n); s.crash(n); s.forget(n) },
			"boot":    func() { n := pick.Draw(t, "boot"); s.say("boot %s", n); s.boot(n) },
			"restart": func() { n := pick.Draw(t, "guard"); s.say("restart guard %s", n); s.forget(n) },
			"leave":   func() { n := pick.Draw(t, "leave"); s.say("leave %s", n); s.stop(n) },
			"detect":  func() { s.detect() },
			"write":   func() { s.write() },
			"refresh": func() { s.refresh(pick.Draw(t, "asker"), pick.Draw(t, "asked")) },
			"meet":    s.meet,
			"step":    func() { s.step(pick.Draw(t, "step")) },
			"work":    func() { s.meet(); s.step(pick.Draw(t, "work")) },
			"work on": func() { s.step(pick.Draw(t, "work on")) },
			"expel":   func() { s.detect(); s.write() },
			"outage":  func() { s.outage(rapid.Permutation(worldNames).Draw(t, "order"), rapid.Bool().Draw(t, "orderly")) },
			"heal":    func() { s.heal(3) },
			"time":    func() { s.now = s.now.Add(20 * time.Second) },
		}
		kinds := slices.Sorted(maps.Keys(does))
		if rapid.Bool().Draw(t, "formed") { // most of what is interesting needs a group first
			for _, name := range worldNames {
				s.boot(name)
			}
			s.heal(6)
			s.write()
		}
		for range rapid.IntRange(10, 120).Draw(t, "length") {
			does[rapid.SampledFrom(kinds).Draw(t, "kind")]()
			s.check(t)
		}
		for _, name := range worldNames {
			s.boot(name)
		}
		s.heal(40)
		s.check(t)
		for _, name := range worldNames {
			if my := s.mysql(name); my.State != Online || len(my.Members) != 3 {
				t.Fatalf("%s is %s in %v after everything has healed\n%s", name, my.State, my.servers(), strings.Join(s.log, "\n"))
			}
		}
	})
}

// outage takes the members away one after the other, with a write between. In an
// orderly one each leaves the group first, so that the last one is alone in it.
func (s *sim) outage(order []string, orderly bool) {
	for _, name := range order {
		s.say("outage %s, orderly %t", name, orderly)
		s.write()
		if orderly {
			s.stop(name)
		}
		s.detect()
		s.crash(name)
		s.forget(name)
	}
}

func (s *sim) meet() {
	for _, a := range worldNames {
		for _, b := range worldNames {
			s.refresh(a, b)
		}
	}
}

// heal lets guards that can reach one another work for some rounds.
func (s *sim) heal(rounds int) {
	for range rounds {
		s.detect()
		s.meet()
		s.now = s.now.Add(20 * time.Second)
		for _, name := range worldNames {
			s.step(name)
		}
	}
}
