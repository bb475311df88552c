package guard

import (
	"testing"
	"time"
)

func TestConfirmedAt(t *testing.T) {
	ago := func(seconds float64) time.Time { return testNow.Add(-time.Duration(seconds * float64(time.Second))) }
	sees := func(asked float64, members []Member) Peer {
		return Peer{Asked: ago(asked), Answer: Answer{MySQL: MySQL{Reachable: true, State: Online, Members: members}}}
	}
	ours := func() []Member { return roles("db1", "db1", "db2", "db3") }
	theirs := func() []Member { return roles("db2", "db2", "db3") }
	suspecting := func() []Member { m := ours(); m[0].State = Unreachable; return m }
	down := Peer{Asked: ago(0.1), Answer: Answer{MySQL: MySQL{Error: "refused"}}}
	silent := Peer{Error: "timeout"}

	for _, c := range []struct {
		name     string
		members  []Member
		db2, db3 Peer
		elected  time.Time
		woke     time.Time
		want     time.Time
	}{
		{"alone", roles("db1", "db1"), silent, silent, time.Time{}, time.Time{}, testNow},
		{"one other is enough for three", ours(), sees(1, ours()), silent, time.Time{}, time.Time{}, ago(1)},
		{"the newer word counts", ours(), sees(1, ours()), sees(0.5, ours()), time.Time{}, time.Time{}, ago(0.5)},
		{"an old word is as old as it is", ours(), sees(7, ours()), silent, time.Time{}, time.Time{}, ago(7)},
		{"elected just now", ours(), silent, silent, ago(0.2), time.Time{}, ago(0.2)},
		{"elected after the word", ours(), sees(2, ours()), silent, ago(1), time.Time{}, ago(1)},
		{"nobody answers", ours(), silent, silent, time.Time{}, time.Time{}, time.Time{}},
		{"MySQL there is down", ours(), down, silent, ago(9), time.Time{}, ago(9)},
		{"they suspect this one", ours(), sees(0.1, suspecting()), sees(0.1, suspecting()), ago(60), time.Time{}, ago(60)},
		{"they have another primary", ours(), sees(0.1, theirs()), sees(0.1, theirs()), ago(60), time.Time{}, ago(60)},
		{"one of two is missing", roles("db1", "db1", "db2"), silent, sees(0.1, ours()), ago(60), time.Time{}, ago(60)},
		{"asked before the machine slept", ours(), sees(1, ours()), silent, time.Time{}, ago(0.5), time.Time{}},
	} {
		v := View{MySQL: MySQL{Members: c.members}, Peers: map[string]Peer{"db2": c.db2, "db3": c.db3}, Elected: c.elected, Woke: c.woke}
		if got := v.confirmedAt("db1", testNow); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// roles are ONLINE members, of which one is the primary.
func roles(primary string, names ...string) []Member {
	members := online(names...)
	for i := range members {
		members[i].Role = Secondary
		if members[i].Server == primary {
			members[i].Role = Primary
		}
	}
	return members
}

func TestNoteElection(t *testing.T) {
	primary := func(view string, names ...string) MySQL {
		return MySQL{Reachable: true, State: Online, Role: Primary, ViewID: view, Members: roles("db1", names...)}
	}
	secondary := func(view string) MySQL {
		return MySQL{Reachable: true, State: Online, Role: Secondary, ViewID: view, Members: roles("db2", "db1", "db2")}
	}
	cutOff := primary("7:3", "db1", "db2", "db3")
	cutOff.Members[1].State, cutOff.Members[2].State = Unreachable, Unreachable
	whole := primary("7:3", "db1", "db2", "db3")

	for _, c := range []struct {
		name   string
		probes []MySQL // one a second
		want   int     // which of them was an election; -1: none
	}{
		{"a guard that was just started does not know", []MySQL{whole, whole}, -1},
		{"the role changed in the same view", []MySQL{secondary("7:3"), whole, whole}, 1},
		{"a member left or came", []MySQL{whole, primary("7:4", "db1", "db2")}, 1},
		{"out of reach and back is none", []MySQL{whole, cutOff, whole}, -1},
		{"neither is a probe that failed", []MySQL{whole, {}, whole}, -1},
		{"a view without a majority is none", []MySQL{secondary("7:2"), cutOff}, -1},
		{"primary, secondary, primary again", []MySQL{whole, secondary("7:3"), whole}, 2},
	} {
		var v View
		for i, my := range c.probes {
			v.noteElection(my, testNow.Add(time.Duration(i)*time.Second))
		}
		want := time.Time{}
		if c.want >= 0 {
			want = testNow.Add(time.Duration(c.want) * time.Second)
		}
		if !v.Elected.Equal(want) {
			t.Errorf("%s: elected at %s, want %s", c.name, v.Elected, want)
		}
	}
}

func TestNoteSleep(t *testing.T) {
	v := View{Elected: testNow, Slept: time.Second}
	v.noteSleep(time.Second+sleepSeen/2, testNow.Add(time.Second))
	if v.Elected.IsZero() || !v.Woke.IsZero() {
		t.Errorf("two clocks that were not read at once are a sleep: %+v", v)
	}
	woke := testNow.Add(2 * time.Second)
	v.noteSleep(5*time.Second, woke)
	if !v.Elected.IsZero() || !v.Woke.Equal(woke) {
		t.Errorf("elected %s, woke %s after a sleep of 4 s", v.Elected, v.Woke)
	}
}
