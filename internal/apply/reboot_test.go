package apply

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/facts"
	"scaleup/internal/haproxyctl"
	"scaleup/internal/plan"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
)

// machine answers for a server that can be rebooted: it goes on answering for a
// moment, is silent while it is down, and then its unit takes a while to start.
type machine struct {
	mu     sync.Mutex
	boot   string
	told   time.Time // to reboot; zero: not yet
	goes   time.Duration
	back   time.Duration
	starts time.Duration
	onTold func()                                        // called when it is told to
	next   func(*remote.Request, *remote.Response) error // who answers the rest
}

func newMachine(w *world, server string) *machine {
	m := &machine{boot: "boot 1", goes: 300 * time.Millisecond, back: 8 * time.Second, starts: 10 * time.Second, next: w.hosts[server].Intercept}
	w.hosts[server].Intercept = m.answer
	w.item(server, &resource.Unit{Name: "nginx.service", Running: true, Enabled: true})
	w.item(server, &resource.Unit{Name: "unattended-upgrades.service"}) // is to be stopped
	w.item(server, &resource.Slot{Server: server, Slot: "a", Unit: "app@a.service", Target: "/srv/app/releases/1"})
	w.item(server, &resource.Slot{Server: server, Slot: "b", Unit: "app@b.service"})
	return m
}

func (m *machine) answer(q *remote.Request, p *remote.Response) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if q.Reboot {
		m.told, q.Reboot = time.Now(), false
		if m.onTold != nil {
			m.onTold()
		}
		return nil
	}
	state := "running"
	if since := time.Since(m.told); !m.told.IsZero() && since > m.goes {
		m.boot = "boot 2"
		if since < m.back {
			return errors.New("connection refused")
		}
		if since < m.starts {
			state = "stopped"
		}
	}
	if len(q.Units) > 0 {
		p.Units = map[string]string{}
		for _, u := range q.Units {
			p.Units[u] = state
		}
		q.Units = nil
	}
	if m.next != nil {
		if err := m.next(q, p); err != nil {
			return err
		}
	}
	if q.Facts {
		f := facts.ReferenceFor("web1", "10.77.0.31")
		p.Facts, q.Facts = &f, false
	}
	if p.Facts != nil {
		p.Facts.BootID = m.boot
	}
	return nil
}

func rebootStep(server string) plan.Step {
	return plan.Step{Stage: 1, Server: server, Resource: plan.RebootID(server), Action: plan.Boot, From: "boot 1", To: "rebooted"}
}

func TestReboot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		m := newMachine(w, "web1")
		began := time.Now()
		if err := w.apply(rebootStep("web1")); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < m.starts {
			t.Errorf("went on after %s, before its units ran", took)
		}
		// A run that resumes does not reboot it once more.
		if err := w.apply(rebootStep("web1")); err != nil {
			t.Fatal(err)
		}
		want := []string{"note web1 it was told to reboot", "done web1 reboot reboot:web1", "skipped web1 reboot reboot:web1"}
		if diff := cmp.Diff(want, w.happened()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"nginx.service", "app@a.service"}, w.run.units("web1")); diff != "" {
			t.Errorf("units that are awaited (-want +got):\n%s", diff)
		}
	})
}

// A lab machine powers off; somebody has to switch it on.
func TestRebootOfAMachineThatStaysOff(t *testing.T) {
	for _, refuses := range []error{nil, errors.New("its disk is in use")} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			m := newMachine(w, "web1")
			m.back, m.starts = 1000*time.Hour, 0
			w.run.PowerOn = func(_ context.Context, server string) error {
				m.mu.Lock()
				defer m.mu.Unlock()
				if m.told.IsZero() || server != "web1" {
					t.Errorf("switched %s on before it was told to reboot", server)
				}
				m.back = 5 * time.Second
				return refuses
			}
			err := w.apply(rebootStep("web1"))
			if refuses == nil && err != nil {
				t.Error(err)
			}
			if refuses != nil && (!errors.Is(err, refuses) || !strings.Contains(err.Error(), "switch it on again")) {
				t.Errorf("error %v, want %v", err, refuses)
			}
		})
	}
}

func TestRebootFails(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*machine)
		err    []string
	}{
		{"it does not come back", func(m *machine) { m.back = 1000 * time.Hour }, []string{"it is not back", "connection refused", "5m0s after"}},
		{"it does not go down", func(m *machine) { m.goes = 1000 * time.Hour }, []string{"it has not gone down yet"}},
		{"a unit does not start", func(m *machine) { m.starts = 1000 * time.Hour }, []string{"app@a.service is stopped, nginx.service is stopped"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			c.change(newMachine(w, "web1"))
			err := w.apply(rebootStep("web1"))
			for _, want := range c.err {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: error %v, want %q", c.name, err, want)
				}
			}
		})
	}
}

// The group must go on without the member that reboots.
func TestRebootKeepsTheMajority(t *testing.T) {
	for _, c := range []struct {
		states  map[string]string
		refused bool
	}{
		{map[string]string{"db1": "ONLINE", "db2": "ONLINE", "db3": "ONLINE"}, false},
		{map[string]string{"db1": "ONLINE", "db2": "ONLINE", "db3": "RECOVERING"}, true},
		{map[string]string{"db1": "ERROR", "db2": "ONLINE", "db3": "ONLINE"}, false}, // the one that reboots
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			newGroup(w).states = c.states
			m := newMachine(w, "db1")
			err := w.apply(rebootStep("db1"))
			if c.refused && (err == nil || !strings.Contains(err.Error(), "1 of 3 members would be ONLINE") || !m.told.IsZero()) {
				t.Errorf("%v: error %v, rebooted: %t; want that it is refused", c.states, err, !m.told.IsZero())
			}
			if !c.refused && err != nil {
				t.Errorf("%v: %v", c.states, err)
			}
		})
	}
}

// TestRollingReboot carries a whole plan out: nobody is served by a server while it
// reboots.
func TestRollingReboot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := newCluster(w, "web/web1", "web/web2")
		web, lb := newMachine(w, "web1"), newMachine(w, "lb1")
		w.run.Items = nil
		web.onTold = func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, balancer := range []string{"lb1", "lb2"} {
				if got := c.servers[balancer]["web1"].State; got != haproxyctl.Drain {
					t.Errorf("web1 was told to reboot while %s had it %s", balancer, got)
				}
			}
		}
		lb.onTold = func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.holder != "lb2" || !c.yielding["lb1"] {
				t.Errorf("lb1 was told to reboot while %s held the addresses", c.holder)
			}
			c.yielding["lb1"] = false // its /run is empty after a boot
		}
		p, err := plan.Reboot(
			plan.Desired{Topology: w.run.Topology, Backends: []plan.Backend{{Server: "web1", Backend: "web", Name: "web1"}, {Server: "web2", Backend: "web", Name: "web2"}}},
			plan.Observed{
				Holder: "lb1", Primary: "db1", Rotation: map[string]plan.Rotation{"web1": plan.Ready, "web2": plan.Ready},
				Boots: map[string]plan.State{"web1": "boot 1", "lb1": "boot 1"},
			}, []string{"lb1", "web1"})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.run.Run(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		var done []string
		for _, e := range w.happened() {
			if !strings.HasPrefix(e, "note ") {
				done = append(done, e)
			}
		}
		want := []string{
			"done web1 drain rotation:web1", "done web1 reboot reboot:web1", "done web1 return rotation:web1",
			"done lb1 move vip:main", "done lb1 reboot reboot:lb1", "skipped lb1 return vip:main",
		}
		if diff := cmp.Diff(want, done); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
