package apply

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/haproxyctl"
	"scaleup/internal/plan"
	"scaleup/internal/remote"
)

func moveAway(server string) plan.Step {
	return plan.Step{Stage: 1, Server: server, Resource: plan.VIP, Action: plan.Move, To: plan.State("not " + server)}
}

func standBy(server string) plan.Step {
	return plan.Step{Stage: 1, Server: server, Resource: plan.VIP, Action: plan.Return, From: plan.State("not " + server), To: "standing by"}
}

// The users are not asked to leave for nothing: first it must be certain that
// somebody takes the addresses.
func TestVIPStaysWithoutASuccessor(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*cluster)
		why    string
	}{
		{"the other one does not serve", func(c *cluster) { c.fit["lb2"] = false }, "from lb1 (lb2 does not serve)"},
		{"the other one was left aside", func(c *cluster) { c.yielding["lb2"] = true }, "from lb1 (lb2 was told to keep away)"},
	} {
		w := newWorld(t)
		cl := newCluster(w)
		c.change(cl)
		if err := w.apply(moveAway("lb1")); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.why)
		}
		if cl.holder != "lb1" || cl.ordered() != nil {
			t.Errorf("%s: the addresses went to %s", c.name, cl.holder)
		}
	}
}

// A load balancer that was started anew is no stand-in before it has found out who
// is alive.
func TestVIPReturnsWhenItSeesWhatTheHolderSees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := newCluster(w, "web/web1", "mysql_primary/db1", "mysql_primary/db2")
		c.holder = "lb2"
		set := func(lb, name string, state haproxyctl.State) {
			s := c.servers[lb][name]
			s.State = state
			c.servers[lb][name] = s
		}
		set("lb1", "db1", haproxyctl.Down)
		set("lb1", "db2", haproxyctl.Down)
		set("lb2", "db2", haproxyctl.Down) // down for the holder, too: nobody waits for that
		go func() {
			time.Sleep(2 * time.Second)
			c.mu.Lock()
			defer c.mu.Unlock()
			set("lb1", "db1", haproxyctl.Up)
		}()
		began := time.Now()
		if err := w.apply(standBy("lb1")); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 2*time.Second {
			t.Errorf("it returned after %s, before it saw the primary", took)
		}
		c.mu.Lock()
		set("lb1", "web1", haproxyctl.Down)
		c.mu.Unlock()
		if err := w.apply(standBy("lb1")); err == nil || !strings.Contains(err.Error(), "does not see web/web1 up yet, which lb2 does") {
			t.Errorf("error %v, want what it does not see", err)
		}
	})
}

func TestStandsBy(t *testing.T) {
	up := []haproxyctl.Server{{Backend: "web", Name: "web1", State: haproxyctl.Up}}
	down := []haproxyctl.Server{{Backend: "web", Name: "web1", State: haproxyctl.Down}}
	for _, c := range []struct {
		name   string
		holder string
		own    remote.Balancer
		other  remote.Balancer
		want   plan.State
	}{
		{"ready", "lb2", remote.Balancer{Fit: true, Servers: up}, remote.Balancer{Fit: true, Servers: up}, "ready"},
		{"told to keep away", "lb2", remote.Balancer{Fit: true, Yielding: true}, remote.Balancer{Fit: true}, "standing aside"},
		{"HAProxy does not run", "lb2", remote.Balancer{}, remote.Balancer{Fit: true}, "HAProxy does not serve"},
		{"has not checked yet", "lb2", remote.Balancer{Fit: true, Servers: down}, remote.Balancer{Fit: true, Servers: up}, "does not see web/web1 up yet, which lb2 does"},
		{"sees more than the holder", "lb2", remote.Balancer{Fit: true, Servers: up}, remote.Balancer{Fit: true, Servers: down}, "ready"},
		{"the holder's older configuration has one more", "lb2", remote.Balancer{Fit: true}, remote.Balancer{Fit: true, Servers: up}, "ready"},
		{"holds them itself", "lb1", remote.Balancer{Fit: true, Servers: down}, remote.Balancer{Fit: true, Servers: up}, "ready"},
		{"nobody holds them", "", remote.Balancer{Fit: true, Servers: down}, remote.Balancer{Fit: true, Servers: up}, "ready"},
	} {
		n := standing{holder: c.holder, views: map[string]*remote.Balancer{"lb1": &c.own, "lb2": &c.other}}
		if got := n.standsBy("lb1", "ready"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// What a hand-over took is told, and nothing of one that was none.
func TestVIPTellsOfTheHandOver(t *testing.T) {
	w := newWorld(t)
	newCluster(w)
	if err := w.apply(moveAway("lb1")); err != nil {
		t.Fatal(err)
	}
	want := []string{"note lb1 the addresses moved; new connections waited 120ms, and every other had ended", "done lb1 move vip:main"}
	if diff := cmp.Diff(want, w.happened()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		done *remote.HandedOver
		want string
	}{
		{nil, ""},
		{&remote.HandedOver{}, ""},
		{&remote.HandedOver{Open: 3, Paused: 912345 * time.Microsecond}, "the addresses moved; new connections waited 912ms, and 3 that did not end by themselves were cut"},
		{&remote.HandedOver{Open: 3, Paused: time.Millisecond, Abrupt: "line 7: unknown keyword"}, "the addresses moved, but 3 connections were cut: line 7: unknown keyword"},
	} {
		if got := inWords(c.done); got != c.want {
			t.Errorf("%+v is told as %q, want %q", c.done, got, c.want)
		}
	}
}
