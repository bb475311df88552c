package guard

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTimedFindsBrokenRules proves that the simulation can fail: each of these broken
// guards is found out within so many histories. A Promise that looks at nothing is none of
// them: while Decide is right, thousands of histories do not need that second line.
func TestTimedFindsBrokenRules(t *testing.T) {
	if testing.Short() {
		t.Skip("runs thousands of histories")
	}
	for _, c := range []struct {
		name   string
		first  uint64 // seed to begin with: near where it is found, for the sake of time
		within uint64 // histories
		rules  func(r *rules)
		says   string // part of the breach
	}{
		{"forms with a mere majority of the voters", 1, 200, func(r *rules) { r.decide = decideByMajority }, "without the word of"},
		{"takes answers of any age for fresh", 1600, 500, func(r *rules) {
			r.decide = func(v View, p Policy, now time.Time) Action { return Decide(heardLong(v, now), p, now) }
		}, "cannot do without"},
		{"forgets its record when it restarts", 1, 500, func(r *rules) {
			r.keep = func(Record) Record { return Record{Group: worldGroup} }
		}, ""},
		{"looks at no transactions when it forms", 1, 500, func(r *rules) {
			r.decide = func(v View, p Policy, now time.Time) Action { return Decide(withoutSets(v), p, now) }
			r.promise = func(q GrantRequest, r Record, my MySQL, p Policy) (Record, error) {
				filled := r.Filled
				my.Executed, my.Received, r.Filled = "", "", false
				next, err := Promise(q, r, my, p)
				next.Filled = filled
				return next, err
			}
		}, ""},
		{"kills though the others cannot do without", 1, 500, func(r *rules) {
			r.decide = func(v View, p Policy, now time.Time) Action {
				if !v.Unanswered.IsZero() && now.Sub(v.Unanswered) >= answerLimit {
					return Action{Kind: FenceSelf, Reason: "broken"}
				}
				return Decide(v, p, now)
			}
		}, "cannot do without"},
		{"takes one after the other out of use", 2900, 1000, func(r *rules) {
			r.decide = func(v View, p Policy, now time.Time) Action { return Decide(noTurn(v), p, now) }
			r.notes = func(v *View, q request, p Policy, now time.Time) (Turn, error) { return Turn{q.turn, q.to, now}, nil }
		}, "after"},
		{"joins before it was expelled", 1, 200, func(r *rules) {
			r.decide = func(v View, p Policy, now time.Time) Action { return Decide(unlisted(v, p.Server), p, now) }
		}, "still counts it"},
		{"leaves the bootstrap variable on", 200, 500, func(r *rules) {
			r.decide = func(v View, p Policy, now time.Time) Action {
				if a := Decide(v, p, now); a.Kind != EndBootstrap {
					return a
				}
				return wait("broken")
			}
		}, "not all is well"},
		{"takes what a member shows while it stops for its view", 600, 3000, func(r *rules) {
			r.observe = func(r Record, my MySQL, peers map[string]Peer, p Policy) Record {
				if next := Observe(r, my, peers, p); my.active() && my.lists(p.Server) && my.ViewID == r.ViewID {
					next.Members = my.servers()
					return next
				}
				return Observe(r, my, peers, p)
			}
		}, ""},
		{"forgets what it has promised when it restarts", 1700, 10000, func(r *rules) {
			r.keep = func(record Record) Record { record.Granted = Grant{}; return record }
		}, "promises"},
		{"joins without a word to the members", 1, 500, func(r *rules) { r.hasty, r.plan = true, planJoin }, "could go on without it"},
		{"promises to whoever asks", 1, 500, func(r *rules) {
			r.renewed = func(_ promise, to string, now time.Time) (promise, bool) { return promise{}.renewed(to, now) }
		}, "at the same moment"},
		{"forgets whom it has promised to when it restarts", 1, 1000, func(r *rules) {
			r.plan = planLease
			r.recalls = func(string, string, time.Duration, time.Time) promise { return promise{} }
		}, "at the same moment"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := realRules()
			c.rules(&r)
			sum := manyTimed(c.first, c.within, r, 1)
			if len(sum.failed) == 0 {
				t.Fatalf("not found in %d histories", c.within)
			}
			breach := timedHistory(sum.failed[0], r, false).breaches[0]
			t.Logf("seed %d: %s", sum.failed[0], breach)
			if !strings.Contains(breach, c.says) {
				t.Errorf("seed %d was found by %q, want %q", sum.failed[0], breach, c.says)
			}
		})
	}
}

// decideByMajority is content with most members of a view.
func decideByMajority(v View, p Policy, now time.Time) Action {
	a := Decide(v, p, now)
	if a.Kind != Wait || !strings.Contains(a.Reason, "and misses") {
		return a
	}
	there := []string{p.Server}
	for _, name := range p.Voters {
		if peer, ok := v.Peers[name]; ok && now.Sub(peer.Asked) <= peerFresh && peer.Answer.MySQL.Reachable {
			there = append(there, name)
		}
	}
	if 2*len(there) <= len(p.Voters) {
		return a
	}
	only := func(r Record) Record {
		r.Members = slices.DeleteFunc(slices.Clone(r.Members), func(m string) bool { return !slices.Contains(there, m) })
		return r
	}
	v.Record = only(v.Record)
	v.Peers = eachPeer(v.Peers, func(peer *Peer) { peer.Answer.Record = only(peer.Answer.Record) })
	return Decide(v, p, now)
}

func eachPeer(peers map[string]Peer, change func(p *Peer)) map[string]Peer {
	changed := map[string]Peer{}
	for name, p := range peers {
		change(&p)
		changed[name] = p
	}
	return changed
}

// heardLong takes answers of any age for fresh.
func heardLong(v View, now time.Time) View {
	v.Peers = eachPeer(v.Peers, func(p *Peer) {
		if !p.Asked.IsZero() {
			p.Asked = now
		}
	})
	return v
}

func withoutSets(v View) View {
	if v.MySQL.State != Offline {
		return v
	}
	v.MySQL.Executed, v.MySQL.Received, v.Record.Filled = "", "", false
	v.Peers = eachPeer(v.Peers, func(p *Peer) {
		p.Answer.MySQL.Executed, p.Answer.MySQL.Received, p.Answer.Record.Filled = "", "", false
	})
	return v
}

func noTurn(v View) View {
	v.Turn = Turn{}
	return v
}

// unlisted hides from a guard that others count its server as a member.
func unlisted(v View, server string) View {
	v.Peers = eachPeer(v.Peers, func(p *Peer) {
		p.Answer.MySQL.Members = slices.DeleteFunc(slices.Clone(p.Answer.MySQL.Members), func(m Member) bool { return m.Server == server })
	})
	return v
}
