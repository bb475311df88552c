package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Outcomes of beats.
var (
	errBeatLate = context.DeadlineExceeded
	errDiskFull = &mysql.MySQLError{Number: 1021, Message: "Disk full"}
)

// statement is something that mysqld does, whether the guard that asked for it lives
// or not; done gets the outcome. One that writes does not end while the disk hangs.
func (s *timedSim) statement(n *timedNode, d time.Duration, writes bool, do func() error, done func(error)) {
	life := n.life
	var run func()
	run = func() {
		switch {
		case !n.up || n.life != life:
			done(fmt.Errorf("%w: connection lost", errTimed))
		case n.frozen || writes && n.disk == diskStuck:
			s.after(worldTick, run)
		default:
			done(do())
		}
	}
	s.after(d, run)
}

// work is a job of a guard's beside its loop: it ends once, by its outcome or by its
// limit, and finish runs in the loop then.
func (s *timedSim) work(g *timedGuard, what string, limit time.Duration, begin func(done func(error)), finish func(error)) {
	g.jobs++
	id, life := g.jobs, g.life
	g.job = what
	end := func(err error) {
		if g.jobs != id || g.life != life {
			return
		}
		g.jobs++
		g.job = ""
		finish(err)
		g.notBefore = s.at(g)
		g.wakeAll()
		s.step(g)
	}
	begin(func(err error) {
		if g.life == life {
			s.later(g, 0, func() { end(err) })
		}
	})
	s.later(g, limit, func() { end(context.DeadlineExceeded) })
}

// begin performs an action.
func (s *timedSim) begin(g *timedGuard, a Action) {
	n := s.nodes[g.index]
	limit, writes, takes := settingTimeout, false, s.between(5*time.Millisecond, 50*time.Millisecond)
	var do func() error
	switch a.Kind {
	case Stop:
		s.perform(g, a, stopTimeout, func(done func(error)) { s.stop(n, done) })
		return
	case Join:
		s.perform(g, a, announceTimeout+startTimeout, func(done func(error)) {
			s.announce(g, a.Group, func(err error) {
				if err != nil {
					done(err)
					return
				}
				s.startJoin(n, done)
			})
		})
		return
	case Bootstrap:
		s.bootstrap(g, a)
		return
	case HandOver, FenceSelf, StepOut:
		s.takeOut(g, a)
		return
	case Fence:
		do = func() error { n.readOnly = true; return nil }
	case EndBootstrap:
		do = func() error {
			if n.starting {
				return fmt.Errorf("%w: a START is under way", errTimed)
			}
			n.bootstrapping = false
			return nil
		}
	case ApplyBacklog:
		limit, writes, takes = backlogWait+2*settingTimeout, true, s.between(100*time.Millisecond, 2*time.Second)
		do = func() error { n.executed = len(n.log); return nil }
	case Clone:
		s.beginClone(g, a)
		return
	default:
		s.breach("%s: %s, though nothing was purged and nobody diverged: %s", g.policy.Server, a.Kind, a.Reason)
		return
	}
	s.perform(g, a, limit, func(done func(error)) { s.statement(n, takes, writes, do, done) })
}

// beginClone notes that a clone is under way, and clones.
func (s *timedSim) beginClone(g *timedGuard, a Action) {
	n, donor := s.nodes[g.index], s.nodes[indexOf(a.Donor)]
	r := g.store.record
	if !n.lost && !r.Cloning {
		s.breach("%s clones, though nothing was purged: %s", n.name, a.Reason)
	}
	r.Cloning = true
	if err := s.save(g, r); err != nil {
		s.ended(g, a, err)
		return
	}
	s.perform(g, a, cloneTimeout, func(done func(error)) {
		n.cloned = "In Progress"
		s.statement(n, s.between(2*time.Second, 6*time.Second), true, func() error {
			if !s.functions(donor) || !s.twoWay(donor.index, n.index) || n.state != Offline {
				n.cloned = "Failed"
				return fmt.Errorf("%w: the donor is gone", errTimed)
			}
			s.say("%s: has cloned %s", n.name, donor.name)
			n.log, n.lost, n.cloned = slices.Clone(donor.log[:donor.executed]), donor.executed == 0, "Completed"
			n.executed = len(n.log)
			s.restartMySQL(n.index, s.between(500*time.Millisecond, 2*time.Second))
			return nil
		}, done)
	})
}

func (s *timedSim) perform(g *timedGuard, a Action, limit time.Duration, begin func(done func(error))) {
	s.work(g, string(a.Kind), limit, begin, func(err error) { s.ended(g, a, err) })
}

// ended is the guard's own account of attempts, by the virtual clock.
func (s *timedSim) ended(g *timedGuard, a Action, err error) {
	if err != nil {
		s.say("%s: %s failed: %v", g.policy.Server, a.Kind, err)
	}
	before := g.view.Attempt.Failures
	g.ended(a, err)
	if attempt := &g.view.Attempt; attempt.Failures > before {
		attempt.Next = s.at(g).Add(Backoff(attempt.Failures))
	}
	switch {
	case errors.Is(err, errNoTurn):
		g.view.TurnRefused = s.at(g)
	case a.Kind == HandOver && err != nil:
		g.view.HandOverFailed = s.at(g)
	}
}

func (s *timedSim) stop(n *timedNode, then func(error)) {
	s.stops++
	done := func(err error) { s.stops--; then(err) }
	s.statement(n, s.between(50*time.Millisecond, 800*time.Millisecond), true, func() error {
		if n.starting {
			return fmt.Errorf("%w: a START is under way", errTimed)
		}
		s.say("%s: leaves", n.name)
		s.leave(n.index)
		return nil
	}, func(err error) {
		if err != nil {
			done(err)
			return
		}
		s.statement(n, s.between(50*time.Millisecond, 400*time.Millisecond), false, func() error { s.left(n.index); return nil }, done)
	})
}

// announce has all members' guards note that this server is about to join.
func (s *timedSim) announce(g *timedGuard, members []string, done func(error)) {
	if s.rules.hasty {
		done(nil)
		return
	}
	pending, ended := len(members), false
	end := func(err error) {
		if pending--; !ended && (err != nil || pending == 0) {
			ended = true
			done(err)
		}
	}
	life := g.life
	for _, name := range members {
		i := indexOf(name)
		p := s.guards[i]
		s.after(s.latency(), func() {
			if !s.talk[g.index][i] || !p.up {
				return
			}
			s.later(p, s.between(0, 5*time.Millisecond), func() {
				err := s.save(p, announced(p.store.record, g.policy.Server))
				s.publish(p)
				s.after(s.latency(), func() {
					if s.talk[i][g.index] && g.life == life {
						s.later(g, 0, func() { end(err) })
					}
				})
			})
		})
	}
	s.later(g, announceTimeout, func() { end(context.DeadlineExceeded) })
}

// startJoin is START GROUP_REPLICATION. Where there is no group to be found, that
// takes long.
func (s *timedSim) startJoin(n *timedNode, done func(error)) {
	switch {
	case n.up && n.starting:
		done(nil) // the guard before this one has asked for it
		return
	case n.up && n.state != Offline:
		done(fmt.Errorf("%w: START in the state %s", errTimed, n.state))
		return
	}
	s.judge.joins(s, n)
	n.starting = n.up
	s.statement(n, s.between(1500*time.Millisecond, 3*time.Second), false, func() error { return s.start(n.index) }, func(err error) {
		if err == nil {
			s.say("%s: has joined", n.name)
			n.starting = false
			done(nil)
			return
		}
		wait := s.between(time.Second, 10*time.Second)
		if s.chance(0.1) {
			wait = 57 * time.Second
		}
		s.statement(n, wait, false, func() error {
			if n.starting = false; s.chance(0.5) {
				n.outside(Failed)
			}
			return err
		}, done)
	})
}

// bootstrap collects the promises and forms the group.
func (s *timedSim) bootstrap(g *timedGuard, a Action) {
	n := s.nodes[g.index]
	me, err := readCandidate(Answer{MySQL: g.view.MySQL})
	if err != nil {
		s.breach("%s: %v", g.policy.Server, err)
		return
	}
	q := GrantRequest{Epoch: a.Epoch, Candidate: g.policy.Server, Newest: a.Newest, GTIDs: me.all.String()}
	if err := s.grant(g, q, g.view.MySQL); err != nil {
		s.ended(g, a, err)
		return
	}
	life, had := g.life, me.all
	s.perform(g, a, grantTimeout+startTimeout+settingTimeout, func(done func(error)) {
		s.collect(g, q, a.Voters, func(err error) {
			if err != nil {
				done(err)
				return
			}
			s.later(g, s.between(3*time.Millisecond, 25*time.Millisecond), func() {
				if !n.up || n.frozen || n.state != Offline || n.bootstrapping {
					done(fmt.Errorf("%w: MySQL has changed", errTimed))
					return
				}
				s.startForming(g, life, q, had, done)
			})
		})
	})
}

// startForming is two statements of the guard's; it can be killed between them and
// after the second, which mysqld then ends without it.
func (s *timedSim) startForming(g *timedGuard, life int, q GrantRequest, had GTIDSet, done func(error)) {
	n := s.nodes[g.index]
	s.stage(g)
	s.statement(n, s.between(2*time.Millisecond, 20*time.Millisecond), false, func() error { n.bootstrapping = true; return nil }, func(err error) {
		s.stage(g)
		if err != nil || g.life != life {
			done(err)
			return
		}
		// The next statement leaves the guard when it is awake.
		s.later(g, time.Millisecond, func() {
			if err := stillAble(s.mysql(n), had); err != nil || !n.up || n.starting || !n.bootstrapping {
				done(fmt.Errorf("%w: cannot start: %v", errTimed, err))
				return
			}
			n.starting = true
			s.after(time.Second, func() { s.stage(g) })
			s.statement(n, s.between(time.Second, 3*time.Second), false, func() error {
				s.say("%s: forms the group, epoch %d", n.name, q.Epoch)
				n.starting = false
				s.judge.forms(s, n, q)
				s.form(n.index)
				return nil
			}, func(err error) {
				// Only a guard that lives switches the variable off.
				s.later(g, s.between(2*time.Millisecond, 20*time.Millisecond), func() {
					if g.life == life && !n.frozen {
						n.bootstrapping = false
					}
					done(err)
				})
			})
		})
	})
}

// stage is a moment of forming at which something may be about to happen.
func (s *timedSim) stage(g *timedGuard) {
	if s.strikes > 0 && g.up {
		if s.strikes--; s.strikes == 0 {
			s.ambush(g)
		}
	}
}

// collect asks all other voters at once.
func (s *timedSim) collect(g *timedGuard, q GrantRequest, voters []string, done func(error)) {
	pending, ended := len(voters)-1, false
	var first error
	reply := func(err error) {
		if err != nil && first == nil {
			first = err
		}
		if pending--; pending == 0 && !ended {
			ended = true
			done(first)
		}
	}
	if pending == 0 {
		done(nil)
		return
	}
	for _, name := range voters {
		if name != q.Candidate {
			s.askGrant(g, indexOf(name), q, reply)
		}
	}
	s.later(g, grantTimeout, func() {
		if !ended {
			ended = true
			done(context.DeadlineExceeded)
		}
	})
}

func (s *timedSim) askGrant(g *timedGuard, i int, q GrantRequest, reply func(error)) {
	s.stage(g)
	p, n, life := s.guards[i], s.nodes[i], g.life
	back := func(err error) {
		s.after(s.latency(), func() {
			if s.talk[i][g.index] && g.life == life {
				s.later(g, 0, func() { reply(err) })
			}
		})
	}
	s.after(s.latency(), func() {
		switch {
		case !s.talk[g.index][i]:
			return
		case !p.up:
			back(errTimed)
			return
		}
		s.later(p, 0, func() {
			if p.job != "" {
				back(fmt.Errorf("%w: %s is busy: %s", errTimed, p.policy.Server, p.job))
				return
			}
			takes := s.between(3*time.Millisecond, 25*time.Millisecond)
			if n.up && n.frozen {
				takes = probeTimeout
			}
			s.work(p, "grant", grantTimeout, func(done func(error)) { s.after(takes, func() { done(nil) }) }, func(error) {
				my := MySQL{Error: "does not answer"}
				if n.up && !n.frozen {
					my = s.mysql(n)
				}
				err := s.grant(p, q, my)
				s.stage(p)
				back(err)
			})
		})
	})
}

// grant lets a guard promise, durably.
func (s *timedSim) grant(p *timedGuard, q GrantRequest, my MySQL) error {
	promised, err := s.rules.promise(q, p.store.record, my, p.policy)
	if err == nil {
		err = s.save(p, promised)
	}
	if s.trace {
		s.say("%s: epoch %d for %s: %v", p.policy.Server, q.Epoch, q.Candidate, err)
	}
	if err == nil {
		s.judge.promised(s, p.policy.Server, q)
	}
	return err
}

// takeTurn has the guards note, one after the other, that this member is taken out of use.
func (s *timedSim) takeTurn(g *timedGuard, members []string, id string, done func(error)) {
	if len(members) == 0 {
		done(nil)
		return
	}
	i, life := indexOf(members[0]), g.life
	p := s.guards[i]
	end := func(err error) {
		if err != nil {
			done(fmt.Errorf("%w: %s: %w", errNoTurn, members[0], err))
			return
		}
		s.takeTurn(g, members[1:], id, done)
	}
	note := func() {
		turn, err := s.rules.notes(&p.view, request{kind: wantTurn, to: g.policy.Server, turn: id}, p.policy, s.at(p))
		switch turn.At = p.wall(turn.At); {
		case err != nil || p == g:
		case s.nodes[i].disk == diskStuck:
			err = fmt.Errorf("%w: its disk does not write that down in time", errTimed)
		default:
			p.turn = turn
		}
		if p == g {
			end(err)
			return
		}
		s.after(s.latency(), func() {
			if s.talk[i][g.index] && g.life == life {
				s.later(g, 0, func() { end(err) })
			}
		})
	}
	if p == g {
		note()
		return
	}
	s.after(s.latency(), func() {
		if s.talk[g.index][i] && p.up {
			s.later(p, s.between(0, 5*time.Millisecond), note)
		}
	})
}

// inTurn performs what takes this member out of use, once that is noted.
func (s *timedSim) inTurn(g *timedGuard, a Action, limit time.Duration, takeOut func(done func(error))) {
	if g.view.OwnTurn == "" {
		g.view.OwnTurn = fmt.Sprintf("%d/%d", g.index, s.serial)
	}
	turned := false
	s.work(g, string(a.Kind), turnTimeout+limit, func(done func(error)) {
		s.takeTurn(g, a.Noting, g.view.OwnTurn, func(err error) {
			if turned {
				return // too late
			}
			if turned = true; err != nil {
				done(err)
				return
			}
			s.judge.takesOut(s, g, a)
			s.say("%s: %s: %s", g.policy.Server, a.Kind, a.Reason)
			takeOut(done)
		})
		s.later(g, turnTimeout, func() {
			if !turned {
				turned = true
				done(fmt.Errorf("%w: %w", errNoTurn, context.DeadlineExceeded))
			}
		})
	}, func(err error) { s.ended(g, a, err) })
}

// takeOut takes a member out of use that Group Replication holds for healthy.
func (s *timedSim) takeOut(g *timedGuard, a Action) {
	n := s.nodes[g.index]
	kill := func() { s.restartMySQL(g.index, s.between(time.Second, 4*time.Second)) }
	switch a.Kind {
	case HandOver:
		to := slices.Index(uuids, a.To)
		s.inTurn(g, a, handOverLimit, func(done func(error)) {
			s.later(g, handOverLimit, func() { done(context.DeadlineExceeded) })
			s.statement(n, s.between(100*time.Millisecond, 600*time.Millisecond), false, func() error { return s.handOver(n.index, to) }, done)
		})
	case StepOut:
		s.inTurn(g, a, stepOutLimit+time.Second, func(done func(error)) {
			ended := false
			end := func(err error) {
				if !ended {
					ended = true
					done(err)
				}
			}
			s.stop(n, end)
			s.later(g, stepOutLimit, func() {
				if !ended {
					kill()
					end(nil)
				}
			})
		})
	default:
		s.inTurn(g, a, settingTimeout, func(done func(error)) { kill(); done(nil) })
	}
}

// operator is what the control socket takes from people, wise or not.
func (s *timedSim) operator(g *timedGuard, kind requestKind, to string) {
	n := s.nodes[g.index]
	if !g.up || g.frozen || kind != wantJoin && g.job != "" {
		return
	}
	s.say("%s: operator: %s %s", g.policy.Server, kind, to)
	// Whatever comes of it, the group chooses another when this one leaves.
	switchTo := func(uuid string, done func(error)) {
		g.switching.Store(true)
		life := g.life
		s.statement(n, s.between(50*time.Millisecond, 600*time.Millisecond), true, func() error { return s.handOver(n.index, slices.Index(uuids, uuid)) },
			func(err error) {
				if g.life == life {
					s.later(g, s.between(0, 500*time.Millisecond), func() { g.switching.Store(false); done(err) })
				}
			})
	}
	switch kind {
	case wantJoin:
		g.view.Held = false
	case wantSwitch:
		if uuid, err := switchTarget(g.view.MySQL, to); err == nil && uuid != "" {
			s.work(g, "switch", switchTimeout, func(done func(error)) { switchTo(uuid, done) }, func(error) { g.switching.Store(false) })
		}
	case wantLeave:
		g.view.Held = true
		s.work(g, "leave", switchTimeout+stopTimeout, func(done func(error)) {
			if next := successor(g.view.MySQL, g.policy.Server); next != "" {
				switchTo(next, func(error) { s.stop(n, done) })
				return
			}
			s.stop(n, done)
		}, func(error) { g.switching.Store(false) })
	}
}
