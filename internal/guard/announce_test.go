package guard

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnnounced(t *testing.T) {
	r := announced(announced(announced(Record{}, "db3"), "db2"), "db3")
	if !slices.Equal(r.Joining, []string{"db2", "db3"}) {
		t.Errorf("announced: %v", r.Joining)
	}
	if !sameRecord(r, announced(r, "db2")) || sameRecord(r, Record{}) {
		t.Error("sameRecord does not look at who joins")
	}
}

// TestObserveArrivals: who is in a view is not about to join any more.
func TestObserveArrivals(t *testing.T) {
	record := announced(announced(inView(4, "77:3", "db1", "db1"), "db2"), "db3")
	view := func(id string, members ...string) MySQL {
		return MySQL{Reachable: true, State: Online, Role: Primary, ViewID: id, Members: online(members...)}
	}
	stopped := announced(inView(4, "77:3", "db1", "db1", "db2", "db3"), "db2")
	for _, c := range []struct {
		name   string
		record Record
		mysql  MySQL
		want   []string
	}{
		{"none has come in", record, view("77:3", "db1"), []string{"db2", "db3"}},
		{"one has", record, view("77:4", "db1", "db2"), []string{"db3"}},
		{"both have", record, view("77:5", "db1", "db2", "db3"), nil},
		{"a view without them", record, view("77:6", "db1"), []string{"db2", "db3"}},
		{"outside", record, MySQL{Reachable: true, State: Offline}, []string{"db2", "db3"}},
		{"what a member shows while it stops", stopped, view("77:3", "db1"), []string{"db2"}},
	} {
		if got := Observe(c.record, c.mysql, nil, worldPolicy("db1")).Joining; !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestJoinIsWrittenDownFirst: a server does not join while a member's guard does not note
// that, and is noted nowhere any more once it is a member.
func TestJoinIsWrittenDownFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wholeCluster(t)
		defer c.stopAll()
		for _, name := range worldNames {
			if r := c.guard(name).memory().Record; len(r.Joining) > 0 {
				t.Errorf("%s still expects %v", name, r.Joining)
			}
		}
		c.with(func(w *world) { w.crash("db3"); w.detect(); w.boot("db3") })
		c.with(func(*world) { c.deaf = "db2" })
		before := c.calls.count("db3 join")
		time.Sleep(10 * time.Second)
		if got := c.calls.count("db3 join"); got != before {
			t.Error("joins though db2 has not noted it")
		}
		c.with(func(*world) { c.deaf = "" })
		c.online(3, 30*time.Second)
		if c.code("db3", "/readable") != http.StatusOK {
			t.Error("is not readable after it has joined")
		}
	})
}

// TestAnnounceOverHTTP: the door is there, and a guard without it is taken for one of a
// former version.
func TestAnnounceOverHTTP(t *testing.T) {
	a := newAuthority(t)
	peerPort := freePort(t)
	cfg := runConfig(t, "db1", a.guard("db1", "db1"), peerPort)
	start(t, cfg)
	own := runConfig(t, "db2", a.guard("db2", "db2"), peerPort)
	credentials, err := loadCredentials(own)
	if err != nil {
		t.Fatal(err)
	}
	db2 := newPeers(own, credentials)
	if err := db2.Announce(t.Context(), "db1"); err != nil {
		t.Fatal(err)
	}
	s, err := openStore(cfg.StateDir, worldGroup)
	if err != nil || !slices.Equal(s.record.Joining, []string{"db2"}) {
		t.Errorf("written down: %v, %v", s.record.Joining, err)
	}
	if err := db2.Announce(t.Context(), "10.9.9.9"); err == nil || !strings.Contains(err.Error(), "not a voter") {
		t.Errorf("a member that is no voter: %v", err)
	}
	if _, err := db2.call(t.Context(), http.MethodPost, "db1", "/none", nil); err == nil || !strings.Contains(err.Error(), errUnknownPath.Error()) {
		t.Errorf("a door that is not there: %v", err)
	}
}
