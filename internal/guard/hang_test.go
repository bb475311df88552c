package guard

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"
)

// ailing is db1, with two healthy peers, at testNow.
func ailing(role string, change func(v *View)) View {
	members := func() []Member {
		list := online("db1", "db2", "db3")
		for i := range list {
			list[i].UUID, list[i].Role = uuidOf(list[i].Server), Secondary
		}
		return list
	}
	member := func(name, role string) MySQL {
		return MySQL{Reachable: true, Group: worldGroup, UUID: uuidOf(name), State: Online, Role: role, ViewID: "77:3", Members: members(), Executed: gtids("1-10")}
	}
	v := View{MySQL: member("db1", role), Record: inView(4, "77:3", "db1", "db1", "db2", "db3"), Peers: map[string]Peer{}}
	v.Record.Group = worldGroup
	for _, name := range []string{"db2", "db3"} {
		v.Peers[name] = Peer{Asked: testNow, Answer: Answer{Server: name, Record: v.Record, MySQL: member(name, Secondary)}}
	}
	change(&v)
	return v
}

func TestHung(t *testing.T) {
	since := func(d time.Duration) time.Time { return testNow.Add(-d) }
	turn := func(at time.Time) Turn { return Turn{ID: "T", Server: "db3", At: at} }
	failing := func(v *View) {
		v.Pulse = Pulse{Failing: since(4 * time.Second), Own: since(4 * time.Second), Error: "a write hangs in the state \"waiting for handler commit\""}
	}
	peer := func(v *View, name string, change func(*MySQL)) {
		p := v.Peers[name]
		change(&p.Answer.MySQL)
		v.Peers[name] = p
	}
	silent := func(v *View) {
		v.MySQL = MySQL{Error: "deadline", Hangs: true}
		v.Unanswered = since(11 * time.Second)
	}
	halted := func(v *View) { v.MySQL.Queue, v.Halted = 40, since(31*time.Second) }
	for _, c := range []struct {
		name   string
		role   string
		change func(v *View)
		want   Kind
		says   string
	}{
		{"writes hang", Primary, failing, HandOver, "hands the primary over to db2"},
		{"writes have just begun to hang", Primary, func(v *View) { failing(v); v.Pulse.Own = since(2 * time.Second); v.Pulse.Failing = v.Pulse.Own }, Wait, ""},
		{"to the one with the shorter queue", Primary, func(v *View) { failing(v); peer(v, "db2", func(m *MySQL) { m.Queue = 5 }) }, HandOver, "over to db3"},
		{"a lock that somebody holds", Primary, func(v *View) { failing(v); v.Pulse.Own = time.Time{} }, Wait, "no reason to move the primary"},
		{"one healthy peer is too few", Primary, func(v *View) { failing(v); delete(v.Peers, "db3") }, Wait, "only [db2] are healthy"},
		{"a peer's word is old", Primary, func(v *View) {
			failing(v)
			v.Peers["db3"] = Peer{Asked: since(time.Minute), Answer: v.Peers["db3"].Answer}
		}, Wait, "only [db2] are healthy"},
		{"a peer's word is of before the machine slept", Primary, func(v *View) {
			failing(v)
			v.Woke = since(time.Second / 4)
			v.Peers["db3"] = Peer{Asked: since(time.Second / 2), Answer: v.Peers["db3"].Answer}
		}, Wait, "only [db2] are healthy"},
		{"a peer lags", Primary, func(v *View) { failing(v); peer(v, "db3", func(m *MySQL) { m.Queue = 101 }) }, Wait, "only [db2] are healthy"},
		{"a peer is in another view", Primary, func(v *View) { failing(v); peer(v, "db3", func(m *MySQL) { m.ViewID = "77:4" }) }, Wait, "only [db2] are healthy"},
		{"somebody was taken out a minute ago", Primary, func(v *View) { failing(v); v.Turn = turn(since(time.Minute)) }, Wait, "db3 was taken out of use"},
		{"was about to, and tries again", Primary, func(v *View) { failing(v); v.Turn, v.OwnTurn = turn(since(time.Minute)), "T" }, HandOver, ""},
		{"was refused a moment ago", Primary, func(v *View) { failing(v); v.TurnRefused, v.RefusedBy = since(time.Second/2), "db2: no" }, Wait, "nothing is done about it: db2: no"},
		{"was refused", Primary, func(v *View) { failing(v); v.TurnRefused, v.RefusedBy = since(time.Second), "db2: no" }, HandOver, ""},
		{"and all were healthy since", Primary, func(v *View) { failing(v); v.Turn, v.Restored = turn(since(time.Minute)), since(5*time.Second) }, HandOver, ""},
		{"long ago", Primary, func(v *View) { failing(v); v.Turn = turn(since(11 * time.Minute)) }, HandOver, ""},
		{"the hand-over failed", Primary, func(v *View) { failing(v); v.HandOverFailed, v.Turn = since(time.Second), turn(since(3*time.Second)) }, FenceSelf, "could not be handed over"},
		{"the hand-over failed, and one peer has gone", Primary, func(v *View) {
			failing(v)
			v.HandOverFailed, v.Turn = since(time.Second), turn(since(3*time.Second))
			delete(v.Peers, "db2")
		}, Wait, "only [db3] are healthy"},
		{"mysqld is silent and the group counts on it", Primary, silent, FenceSelf, "answered nothing for 11s"},
		{"mysqld is silent for a moment", Primary, func(v *View) { silent(v); v.Unanswered = since(9 * time.Second) }, Wait, "does not answer"},
		{"mysqld is silent and expelled", Primary, func(v *View) {
			silent(v)
			for _, name := range []string{"db2", "db3"} {
				peer(v, name, func(m *MySQL) { m.Members, m.ViewID = online("db2", "db3"), "77:4" })
			}
		}, Wait, "does not answer"},
		{"a replica stands still", Secondary, halted, StepOut, "has applied and written nothing for 31s"},
		{"a replica waits for a lock", Secondary, func(v *View) { halted(v); v.MySQL.ApplierWaits = "Waiting for global read lock" }, Wait, "no reason to leave"},
		{"all is well", Primary, func(*View) {}, Wait, ""},
	} {
		got := Decide(ailing(c.role, c.change), worldPolicy("db1"), testNow)
		if got.Kind != c.want || !strings.Contains(got.Reason, c.says) {
			t.Errorf("%s: %s (%s), want %s (… %s …)", c.name, got.Kind, got.Reason, c.want, c.says)
		}
	}
}

func TestPulse(t *testing.T) {
	at := func(s int) time.Time { return testNow.Add(time.Duration(s) * time.Second) }
	hangs := func(s int, state string) beat { return beat{begun: at(0), seen: at(s), state: state} }
	full := &mysql.MySQLError{Number: 1021, Message: "Disk full"}
	crowded := &mysql.MySQLError{Number: 1040, Message: "Too many connections"}
	for _, c := range []struct {
		name         string
		beats        []beat
		failing, own time.Time
	}{
		{"well", []beat{{begun: at(0), seen: at(1), ended: true}}, time.Time{}, time.Time{}},
		{"hangs in the disk", []beat{hangs(1, "waiting for handler commit"), hangs(2, "waiting for handler commit")}, at(0), at(0)},
		{"hangs for a lock", []beat{hangs(1, "Waiting for global read lock")}, at(0), time.Time{}},
		{"for a lock, then in the disk", []beat{hangs(1, "Waiting for commit lock"), hangs(2, "starting")}, at(0), at(2)},
		{"in the disk, then well", []beat{hangs(1, "starting"), {begun: at(0), seen: at(2), ended: true}}, time.Time{}, time.Time{}},
		{"no room", []beat{{begun: at(0), seen: at(1), ended: true, err: full}}, at(0), at(0)},
		{"too many connections", []beat{{begun: at(0), seen: at(1), ended: true, err: crowded}}, at(0), time.Time{}},
		{"nobody knows why", []beat{{begun: at(0), seen: at(1), unread: errors.New("no answer")}}, at(0), time.Time{}},
	} {
		var p Pulse
		for _, b := range c.beats {
			p = p.next(b)
		}
		if !p.Failing.Equal(c.failing) || !p.Own.Equal(c.own) {
			t.Errorf("%s: failing since %v, for its own reasons since %v, want %v and %v (%s)", c.name, p.Failing, p.Own, c.failing, c.own, p.Error)
		}
	}
}

// Writes of the primary hang: it hands over where that works, and kills its mysqld
// where it does not; either way another is the primary within seconds.
func TestHungPrimary(t *testing.T) {
	for _, stuck := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := wholeCluster(t)
			defer c.stopAll()
			c.with(func(w *world) { w.nodes["db1"].beatState, w.nodes["db1"].stuck = "waiting for handler commit", stuck })
			primary := func() (name string) {
				c.with(func(w *world) { w.detect(); name = w.nodes["db2"].group.primary })
				return name
			}
			begun := time.Now()
			for primary() == "db1" && time.Since(begun) < time.Minute {
				time.Sleep(100 * time.Millisecond)
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("stuck %t: another is the primary after %s, want at most 10 s", stuck, took)
			}
			if killed := c.calls.count("db1 kill") == 1; killed != stuck {
				t.Errorf("stuck %t: killed %t: %v", stuck, killed, c.calls.lines)
			}
		})
	}
}

func TestSuccessor(t *testing.T) {
	v := ailing(Primary, func(v *View) { v.MySQL.Members[1].Queue = 3 })
	if got := successor(v.MySQL, "db1"); got != uuidOf("db3") {
		t.Errorf("successor %q, want the one with the shorter queue", got)
	}
	v.MySQL.Role = Secondary
	if got := successor(v.MySQL, "db1"); got != "" {
		t.Errorf("a secondary hands over to %q", got)
	}
	alone := ailing(Primary, func(v *View) { v.MySQL.Members = v.MySQL.Members[:1] })
	if got := successor(alone.MySQL, "db1"); got != "" {
		t.Errorf("the only member hands over to %q", got)
	}
}

// The trouble that is decided about ends the redundancy; what came before counts.
func TestRestored(t *testing.T) {
	for calm, restored := range map[time.Duration]bool{20 * time.Second: false, 31 * time.Second: true} {
		v := ailing(Primary, func(*View) {})
		v.Turn = Turn{ID: "T", Server: "db1", At: testNow}
		begun := testNow
		probe := func() {
			begun = begun.Add(probeEvery)
			for name, p := range v.Peers {
				p.Asked = begun
				v.Peers[name] = p
			}
			v.watch(v.MySQL, worldPolicy("db1"), begun)
		}
		for begun.Sub(testNow) < calm {
			probe()
		}
		v.Pulse.Failing = begun
		probe()
		if !v.Redundant.IsZero() {
			t.Errorf("after %s of calm: troubled, and redundant since %s", calm, v.Redundant)
		}
		if why := v.mayNotAct(HandOver, v.MySQL.Members[1:], 3, begun); (why == "") != restored {
			t.Errorf("after %s of calm: %q", calm, why)
		}
	}
}
