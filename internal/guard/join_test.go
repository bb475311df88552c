package guard

import (
	"testing"
	"time"
)

// TestJoinsFirst is db3 with a living group of db1, and db2 outside it.
func TestJoinsFirst(t *testing.T) {
	ask := func(ago time.Duration, held bool) Peer {
		return Peer{Asked: testNow.Add(-ago), Answer: Answer{Held: held}}
	}
	for _, c := range []struct {
		name  string
		peer  Peer // db2
		group []Member
		seen  time.Duration // how long ago the group was first seen
		want  string
	}{
		{"db2 is about to join", ask(0, false), online("db1"), time.Second, "db2"},
		{"db2 has joined", ask(0, false), online("db1", "db2"), time.Second, ""},
		{"db2 is catching up", ask(0, false), append(online("db1"), Member{Server: "db2", State: Recovering}), time.Second, ""},
		{"db2 is away", ask(2*time.Second, false), online("db1"), time.Second, ""},
		{"db2 was told to stay out", ask(0, true), online("db1"), time.Second, ""},
		{"db2 does not get on", ask(0, false), online("db1"), joinTurn + time.Second, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := situation{
				View:   View{Peers: map[string]Peer{"db1": ask(0, false), "db2": c.peer}, GroupSeen: testNow.Add(-c.seen)},
				Policy: worldPolicy("db3"), now: testNow,
			}
			if got := s.joinsFirst(MySQL{State: Online, Members: c.group}); got != c.want {
				t.Errorf("first joins %q, want %q", got, c.want)
			}
		})
	}
}
