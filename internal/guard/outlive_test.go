package guard

import (
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOutlived: of a group that lives no more, those may be read who were in its last view,
// once everybody else in that says to be in none.
func TestOutlived(t *testing.T) {
	last := Record{Group: worldGroup, Epoch: 2, ViewID: "7:3", Members: []string{"db1", "db2", "db3"}, Filled: true}
	down := Answer{Record: last, MySQL: MySQL{Error: "refused", Down: true}}
	stopped := Answer{Record: last, MySQL: MySQL{Reachable: true, State: Offline, SuperReadOnly: true}}
	living := Answer{Record: last, MySQL: MySQL{Reachable: true, State: Online, Members: online("db1", "db2", "db3")}}
	hangs := Answer{Record: last, MySQL: MySQL{Error: "deadline"}}
	alone := MySQL{Reachable: true, State: Online, Role: Primary, Members: []Member{
		{Server: "db1", State: Online, Role: Primary}, {Server: "db2", State: Unreachable}, {Server: "db3", State: Unreachable},
	}}
	heard := func(a Answer, ago time.Duration) Peer { return Peer{Asked: testNow.Add(-ago), Answer: a} }
	for _, c := range []struct {
		name   string
		change func(s *Snapshot)
		want   string // "" is 200, else part of the reason
	}{
		{"the others' mysqld are down", nil, ""},
		{"and it has left", func(s *Snapshot) { s.MySQL = stopped.MySQL }, ""},
		{"and it has left with an error", func(s *Snapshot) { s.MySQL.State, s.MySQL.SuperReadOnly = Failed, true }, ""},
		{"all have left", func(s *Snapshot) {
			s.MySQL, s.Peers["db2"], s.Peers["db3"] = stopped.MySQL, heard(stopped, 0), heard(stopped, 0)
		}, ""},
		{"all have lost sight of each other", func(s *Snapshot) { s.Peers["db2"] = heard(Answer{Record: last, MySQL: alone}, 0) }, ""},
		{"it forms the group", func(s *Snapshot) {
			s.MySQL = MySQL{Reachable: true, State: Recovering, SuperReadOnly: true, Members: []Member{{Server: "db1", State: Recovering}}}
		}, ""},
		{"somebody's word is 5 s old", func(s *Snapshot) { s.Peers["db3"] = heard(down, 5*time.Second) }, ""},
		{"somebody's word is older", func(s *Snapshot) { s.Peers["db3"] = heard(down, 5100*time.Millisecond) }, "guard of db3 does not say"},
		{"somebody is silent", func(s *Snapshot) { delete(s.Peers, "db2") }, "guard of db2 does not say"},
		{"somebody's MySQL is silent", func(s *Snapshot) { s.Peers["db2"] = heard(hangs, 0) }, "guard of db2 does not know"},
		{"somebody is in a living group", func(s *Snapshot) { s.Peers["db3"] = heard(living, 0) }, "db3 is in a living one"},
		{"somebody was in a newer view", func(s *Snapshot) {
			newer := down
			newer.Record.ViewID = "7:4"
			s.Peers["db2"] = heard(newer, 0)
		}, "db2 was in a newer one"},
		{"somebody is of another group", func(s *Snapshot) {
			other := down
			other.Record.Group = "another"
			s.Peers["db2"] = heard(other, 0)
		}, "db2 was in a newer one"},
		{"somebody who was no longer in the view is silent", func(s *Snapshot) {
			s.Record.Members = []string{"db1", "db2"}
			delete(s.Peers, "db3")
		}, ""},
		{"somebody who was about to join is silent", func(s *Snapshot) {
			s.Record.Members, s.Record.Joining = []string{"db1", "db2"}, []string{"db3"}
			delete(s.Peers, "db3")
		}, "guard of db3 does not say"},
		{"never a member", func(s *Snapshot) { s.Record = Record{Group: worldGroup} }, "no view that is recorded"},
		{"its data is gone", func(s *Snapshot) { s.Record.Filled = false }, "no view that is recorded"},
		{"a clone has begun", func(s *Snapshot) { s.Record.Cloning = true }, "a clone replaces"},
		{"the group was given up", func(s *Snapshot) { s.Record.ReplacedBy = "another" }, "given up"},
		{"held", func(s *Snapshot) { s.Held = true }, "told to stay out"},
		{"offline mode", func(s *Snapshot) { s.MySQL.OfflineMode = true }, "offline mode"},
		{"writable outside of the group", func(s *Snapshot) { s.MySQL.State, s.MySQL.Members = Offline, nil }, "no group has"},
		{"MySQL is down", func(s *Snapshot) { s.MySQL = MySQL{Error: "refused", Down: true} }, "refused"},
		{"not asked for a while", func(s *Snapshot) { s.Probed = testNow.Add(-2 * time.Second) }, "2.0 s old"},
	} {
		s := &Snapshot{Server: "db1", Probed: testNow, Confirmed: testNow, MySQL: alone, Record: last,
			Peers: map[string]Peer{"db2": heard(down, time.Second), "db3": heard(down, time.Second)}}
		if c.change != nil {
			c.change(s)
		}
		if got := s.readable(testNow); (got == "") != (c.want == "") || !strings.Contains(got, c.want) || strings.Contains(got, "\n") {
			t.Errorf("%s: /readable says %q, want %q", c.name, got, c.want)
		}
		if s.primary(testNow) == "" || s.replica(testNow) == "" {
			t.Errorf("%s: takes writes or passes for a replica", c.name)
		}
	}
}

// TestDown: another guard is told that mysqld is not running only where nobody listens at
// its socket; one that is silent may be in a living group.
func TestDown(t *testing.T) {
	silent, gone, closed := filepath.Join(t.TempDir(), "s"), filepath.Join(t.TempDir(), "g"), filepath.Join(t.TempDir(), "c")
	listener, err := net.Listen("unix", silent)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	abandoned, err := net.ListenUnix("unix", &net.UnixAddr{Name: closed, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	abandoned.SetUnlinkOnClose(false)
	abandoned.Close()
	for _, c := range []struct {
		name, socket string
		want         bool
	}{
		{"no socket", gone, true}, {"a socket at which nobody listens", closed, true}, {"mysqld says nothing", silent, false},
	} {
		cfg := timedConfig
		cfg.Socket = c.socket
		db, err := openMySQL(cfg, "secret")
		if err != nil {
			t.Fatal(err)
		}
		g := &guard{db: db, log: slog.New(slog.DiscardHandler)}
		my := g.probe(t.Context())
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if my.Reachable || my.Down != c.want {
			t.Errorf("%s: %+v", c.name, my)
		}
		s := Snapshot{Probed: testNow, MySQL: my}
		if got := s.answer(testNow).MySQL.Down; got != c.want {
			t.Errorf("%s: others are told that it is down: %t", c.name, got)
		}
		if s.answer(testNow.Add(2 * time.Second)).MySQL.Down {
			t.Errorf("%s: others are told so by an old probe", c.name)
		}
	}
}
