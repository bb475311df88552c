package graph

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/haproxyctl"
)

func TestPlan(t *testing.T) {
	for name, c := range map[string]struct {
		g       Graph
		singles []string
		states  string
	}{
		"ha":            {Plan(ha(t)), []string{}, "lb1 serving, lb2 standby, web1 serving, web2 serving, app1 serving, app2 serving, db1 primary, db2 replica, db3 replica"},
		"seed":          {Plan(seed(t)), []string{"web1", "app1", "db1"}, "lb1 serving, lb2 standby, web1 serving, app1 serving, db1 primary"},
		"two databases": {Plan(build(t, 1, 2, 2, 2)), []string{"lb1", "db1", "db2"}, "lb1 serving, web1 serving, web2 serving, app1 serving, app2 serving, db1 primary, db2 replica"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.singles, c.g.Singles()); diff != "" {
				t.Errorf("single points of failure (-want +got):\n%s", diff)
			}
			var got []string
			for _, n := range c.g.Nodes {
				if n.Kind == Server {
					got = append(got, fmt.Sprintf("%s %s", n.Name, n.is()))
				}
				if n.Kind == Server && n.State != Planned {
					t.Errorf("%s is %s in a plan", n.Name, n.State)
				}
			}
			if diff := cmp.Diff(c.states, strings.Join(got, ", ")); diff != "" {
				t.Errorf("what servers will be (-want +got):\n%s", diff)
			}
			for _, e := range c.g.Edges {
				if e.Rate != nil || e.Lag != nil || e.Style == Broken {
					t.Errorf("nothing was measured, and yet: %s", e.describe())
				}
			}
		})
	}
}

func TestRunning(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*world)
		states  string
		holders string
		singles []string
	}{
		{
			name: "healthy", change: func(*world) {}, holders: "lb1",
			states: "lb1 serving, lb2 standby, web1 serving, web2 serving, app1 serving, app2 serving, db1 primary, db2 replica, db3 replica",
		},
		{
			name: "VIP moved", change: func(w *world) { w.holder = "lb2" }, holders: "lb2",
			states: "lb1 standby, lb2 serving, web1 serving, web2 serving, app1 serving, app2 serving, db1 primary, db2 replica, db3 replica",
		},
		{
			name: "holder lost", change: func(w *world) { w.loses("lb1").holder = "lb2" }, holders: "lb2", singles: []string{"lb2"},
			states: "lb1 down, lb2 serving, web1 serving, web2 serving, app1 serving, app2 serving, db1 primary, db2 replica, db3 replica",
		},
		{
			name: "nobody holds", change: func(w *world) { w.holder, w.unfit = "", []string{"lb1"} }, singles: []string{"lb2"},
			states: "lb1 unfit, lb2 standby, web1 serving, web2 serving, app1 serving, app2 serving, db1 primary, db2 replica, db3 replica",
		},
		{
			name: "both hold", change: func(w *world) { w.holder = "lb1,lb2" }, holders: "lb1, lb2",
			states: "lb1 serving, lb2 serving, web1 serving, web2 serving, app1 serving, app2 serving, db1 primary, db2 replica, db3 replica",
		},
		{
			name: "HAProxy of the holder gone", change: func(w *world) { w.stopped["lb1"] = "haproxy.service" }, holders: "lb1", singles: []string{"lb2"},
			states: "lb1 failing, lb2 standby, web1 serving, web2 serving, app1 serving, app2 serving, db1 primary, db2 replica, db3 replica",
		},
		{
			name: "server down", change: func(w *world) { w.loses("web2") }, holders: "lb1", singles: []string{"web1"},
			states: "lb1 serving, lb2 standby, web1 serving, web2 down, app1 serving, app2 serving, db1 primary, db2 replica, db3 replica",
		},
		{
			name: "server silent", change: func(w *world) { w.silent = []string{"app1"} }, holders: "lb1", singles: []string{"app2"},
			states: "lb1 serving, lb2 standby, web1 serving, web2 serving, app1 unreachable, app2 serving, db1 primary, db2 replica, db3 replica",
		},
		{
			name: "drained, and checks fail", holders: "lb1", singles: []string{"web2", "app1"},
			change: func(w *world) {
				w.backend["web/web1"], w.backend["app/app2-a"] = haproxyctl.Maint, haproxyctl.Down
			},
			states: "lb1 serving, lb2 standby, web1 draining, web2 serving, app1 serving, app2 failing, db1 primary, db2 replica, db3 replica",
		},
		{
			name: "primary changed", change: func(w *world) { w.primary = "db2" }, holders: "lb1",
			states: "lb1 serving, lb2 standby, web1 serving, web2 serving, app1 serving, app2 serving, db1 replica, db2 primary, db3 replica",
		},
		{
			name: "primary lost", change: func(w *world) { w.loses("db1").primary = "db3" }, holders: "lb1", singles: []string{"db2", "db3"}, // two left: either is half, and half is no majority
			states: "lb1 serving, lb2 standby, web1 serving, web2 serving, app1 serving, app2 serving, db1 down, db2 replica, db3 primary",
		},
		{
			name: "members out", holders: "lb1", singles: []string{"db1"},
			change: func(w *world) { w.member["db2"], w.member["db3"] = "RECOVERING", "ERROR" },
			states: "lb1 serving, lb2 standby, web1 serving, web2 serving, app1 serving, app2 serving, db1 primary, db2 recovering, db3 error",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := running(t, ha(t))
			c.change(w)
			g := w.graph()
			if diff := cmp.Diff(c.states, states(g)); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
			for _, gate := range []string{publicWeb, internalApp, internalSQL} {
				if got := strings.Join(g.node(gate).Holders, ", "); got != c.holders {
					t.Errorf("%s is held by %q, want %q", gate, got, c.holders)
				}
			}
			if diff := cmp.Diff(append([]string{}, c.singles...), g.Singles()); diff != "" {
				t.Errorf("single points of failure (-want +got):\n%s", diff)
			}
		})
	}
}

// way is an edge in a few words: its style, and what is measured on it.
func way(e Edge) string {
	said := e.Label + ", " + string(e.Style)
	if e.Rate != nil {
		said += fmt.Sprintf(", %d %s", *e.Rate, e.Unit)
	}
	return said
}

func TestWays(t *testing.T) {
	type ways map[string]string // "from to" -> way; "": there is none
	for _, c := range []struct {
		name   string
		change func(*world)
		want   ways
	}{
		{"healthy", func(*world) {}, ways{
			users + " " + publicWeb: "HTTPS, active, 149 req/s", publicWeb + " lb1": "HTTPS, active", publicWeb + " lb2": "HTTPS, standby",
			"lb1 web1": "HTTP, active, 74 req/s", "lb2 web1": "", "web1 " + internalApp: "HTTP, active", internalApp + " app2": "HTTP, active, 30 req/s",
			internalSQL + " db1": "MySQL over TLS: writes, active, 4 conn/s", internalSQL + " db2": "MySQL over TLS: reads, active, 6 conn/s",
		}},
		{"VIP moved", func(w *world) { w.holder = "lb2" }, ways{
			publicWeb + " lb1": "HTTPS, standby", publicWeb + " lb2": "HTTPS, active", "lb1 web1": "", "lb2 web1": "HTTP, active, 74 req/s",
		}},
		{"nobody holds", func(w *world) { w.holder = "" }, ways{
			users + " " + publicWeb: "HTTPS, broken", publicWeb + " lb1": "HTTPS, standby", "lb1 web1": "HTTP, broken", "lb2 web2": "HTTP, broken",
			"web1 " + internalApp: "HTTP, broken", internalApp + " app1": "HTTP, broken", internalSQL + " db1": "MySQL over TLS: writes, broken",
		}},
		{"HAProxy of the holder gone", func(w *world) { w.stopped["lb1"] = "haproxy.service" }, ways{
			publicWeb + " lb1": "HTTPS, broken", "lb1 web1": "HTTP, broken",
		}},
		{"web server off, app server drained", func(w *world) { w.loses("web1").backend["app/app1-a"] = haproxyctl.Drain }, ways{
			"lb1 web1": "HTTP, broken", "web1 " + internalApp: "", internalApp + " app1": "HTTP, standby, 0 req/s", "app1 " + internalSQL: "MySQL over TLS, standby",
		}},
		{"primary changed, replica too far behind", func(w *world) { w.primary, w.backend["mysql_replica/db3"] = "db2", haproxyctl.Down }, ways{
			internalSQL + " db1": "MySQL over TLS: reads, active, 5 conn/s", internalSQL + " db2": "MySQL over TLS: writes, active, 4 conn/s", internalSQL + " db3": "MySQL over TLS: reads, standby, 0 conn/s",
		}},
		{"no replica reads", func(w *world) { w.loses("db2").loses("db3") }, ways{
			internalSQL + " db1": "MySQL over TLS: writes and reads, active, 9 conn/s", internalSQL + " db2": "MySQL over TLS, broken",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := running(t, ha(t))
			c.change(w)
			got := ways{}
			for _, e := range w.graph().Edges {
				if _, asked := c.want[e.From+" "+e.To]; asked && e.Kind == Requests {
					got[e.From+" "+e.To] = way(e)
				}
			}
			for name, want := range c.want {
				if want == "" && got[name] == "" {
					got[name] = ""
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// While a deploy goes from slot a to slot b, the app server serves; with neither it fails,
// and while no HAProxy answers nobody can tell.
func TestSlots(t *testing.T) {
	for _, c := range []struct {
		a, b  haproxyctl.State
		state State
		slot  string
	}{
		{haproxyctl.Up, haproxyctl.Maint, Serving, "a"}, {haproxyctl.Drain, haproxyctl.Up, Serving, "b"},
		{haproxyctl.Drain, haproxyctl.Maint, Draining, "a"}, {haproxyctl.Down, haproxyctl.Maint, Failing, ""},
	} {
		w := running(t, ha(t))
		w.backend["app/app1-a"], w.backend["app/app1-b"] = c.a, c.b
		g := w.graph()
		if n := g.node("app1"); n.State != c.state || n.Slot != c.slot {
			t.Errorf("slots %s and %s: %s in %q, want %s in %q", c.a, c.b, n.State, n.Slot, c.state, c.slot)
		}
	}
	blind := running(t, seed(t)).loses("lb1").loses("lb2").graph()
	if diff := cmp.Diff("lb1 down, lb2 down, web1 unknown, app1 unknown, db1 primary", states(blind)); diff != "" {
		t.Errorf("without load balancers (-want +got):\n%s", diff)
	}
}

func TestReplicationAndVRRP(t *testing.T) {
	w := running(t, build(t, 3, 1, 1, 5)).loses("lb3").loses("db1")
	w.primary, w.lag["db2"], w.member["db5"] = "db4", 17, "RECOVERING"
	var got []string
	for _, e := range w.graph().Edges {
		if e.Kind != Requests {
			got = append(got, e.describe())
		}
	}
	want := []string{
		"lb1 and lb2: VRRP, active", "lb2 and lb3: VRRP, broken",
		"db4 to db1: Group Replication over TLS, broken", "db4 to db2: Group Replication over TLS, active, lag 17 transactions",
		"db4 to db3: Group Replication over TLS, active, lag 0 transactions", "db4 to db5: Group Replication over TLS, standby",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// While two hold the addresses, neither's figures are the site's; without the inspection,
// frontends are not known, and servers are.
func TestRatesThatAreNotKnown(t *testing.T) {
	w := running(t, ha(t))
	l := w.look()
	l.Answers["lb1"].Response.Inspection.Balancer = nil
	g := Running(l)
	if n := g.node(publicWeb); n.Rate != nil || n.Unit != "" {
		t.Errorf("%d %s at the public address, which nobody measured", *n.Rate, n.Unit)
	}
	if got := way(edge(t, g, "lb1", "web1")); got != "HTTP, active, 74 req/s" {
		t.Errorf("lb1 to web1: %s", got)
	}
	w.holder = "lb1,lb2"
	if got := way(edge(t, w.graph(), "lb2", "web1")); got != "HTTP, active" {
		t.Errorf("lb2 to web1, while both hold the addresses: %s", got)
	}
}

func TestJSON(t *testing.T) {
	data, err := json.Marshal(Plan(seed(t)))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Schema int
		Nodes  []struct {
			Name        string
			SinglePoint bool `json:"single_point"`
			Components  []any
		}
		At *string
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Schema != 1 || doc.At != nil {
		t.Errorf("schema %d, at %v", doc.Schema, doc.At)
	}
	for _, n := range doc.Nodes {
		if n.Components == nil {
			t.Errorf("components of %s are null", n.Name)
		}
		if want := n.Name == "web1" || n.Name == "app1" || n.Name == "db1"; n.SinglePoint != want {
			t.Errorf("%s: single point of failure %t", n.Name, n.SinglePoint)
		}
	}
}
