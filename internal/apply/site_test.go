package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
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
	"scaleup/internal/spec"
	"scaleup/internal/survey"
)

// cluster stands in for the HAProxy and keepalived of both load balancers.
type cluster struct {
	w  *world
	mu sync.Mutex

	servers  map[string]map[string]haproxyctl.Server // load balancer, backend server
	holder   string
	yielding map[string]bool
	fit      map[string]bool
	busy     time.Time      // until then, drained servers have requests in flight
	tunnels  map[string]int // WebSockets of each drained server, by load balancer, until they are ended
	deaf     bool           // nothing is ended
	orders   []string       // what was ordered, in order
	drained  map[string]int // most servers of a backend that were out at once
}

func newCluster(w *world, backends ...string) *cluster {
	c := &cluster{w: w, servers: map[string]map[string]haproxyctl.Server{}, holder: "lb1", yielding: map[string]bool{}, fit: map[string]bool{}, drained: map[string]int{}}
	for _, lb := range w.run.Topology.With(spec.LoadBalancer) {
		c.servers[lb.Name], c.fit[lb.Name] = map[string]haproxyctl.Server{}, true
		for _, b := range backends {
			backend, name, _ := strings.Cut(b, "/")
			c.servers[lb.Name][name] = haproxyctl.Server{Backend: backend, Name: name, State: haproxyctl.Up}
		}
		w.hosts[lb.Name].Intercept = func(q *remote.Request, p *remote.Response) error { return c.answer(lb.Name, q, p) }
	}
	return c
}

func (c *cluster) answer(lb string, q *remote.Request, p *remote.Response) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q.Rotate != nil {
		p.Ended = c.rotate(lb, *q.Rotate)
		q.Rotate = nil
	}
	if q.HandOver != nil {
		c.orders = append(c.orders, fmt.Sprintf("%s hands %s and %s over", lb, q.HandOver.Public, q.HandOver.Internal))
		c.yielding[lb], p.HandedOver = true, &remote.HandedOver{}
		if c.holder == lb {
			c.holder = map[string]string{"lb1": "lb2", "lb2": "lb1"}[lb]
			p.HandedOver.Paused = 120 * time.Millisecond
		}
		q.HandOver = nil
	}
	if q.StandBy {
		c.orders = append(c.orders, lb+" stands by")
		c.yielding[lb], q.StandBy = false, false
	}
	if q.Balancer {
		p.Balancer = &remote.Balancer{Fit: c.fit[lb] && !c.yielding[lb], Yielding: c.yielding[lb]}
		for _, s := range c.servers[lb] {
			if s.State == haproxyctl.Drain {
				s.Sessions = c.tunnels[lb]
				if time.Now().Before(c.busy) {
					s.Sessions += 2
				}
			}
			p.Balancer.Servers = append(p.Balancer.Servers, s)
		}
		q.Balancer = false
	}
	if q.Facts {
		f := facts.ReferenceFor(lb, "10.77.0.21")
		if c.holder == lb {
			f.Interfaces[0].Addresses = append(f.Interfaces[0].Addresses, c.w.run.Topology.Public.String()+"/32")
		}
		p.Facts, q.Facts = &f, false
	}
	return nil
}

func (c *cluster) rotate(lb string, r remote.Rotate) (ended int) {
	order := fmt.Sprintf("%s %s %s/%s", lb, r.State, r.Backend, r.Server)
	if r.End {
		order += " and end"
		if ended = c.tunnels[lb]; !c.deaf {
			delete(c.tunnels, lb)
		}
	}
	c.orders = append(c.orders, order)
	s := c.servers[lb][r.Server]
	s.State = map[haproxyctl.Order]haproxyctl.State{haproxyctl.OrderReady: haproxyctl.Up, haproxyctl.OrderDrain: haproxyctl.Drain}[r.State]
	c.servers[lb][r.Server] = s
	out := 0
	for _, other := range c.servers[lb] {
		if other.Backend == r.Backend && other.State != haproxyctl.Up {
			out++
		}
	}
	c.drained[r.Backend] = max(c.drained[r.Backend], out)
	return ended
}

// ordered lists the orders since it was last called; those of the two load
// balancers come side by side.
func (c *cluster) ordered() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	orders := c.orders
	c.orders = nil
	slices.Sort(orders)
	return orders
}

func rotate(server, name string, a plan.Action, to plan.Rotation) plan.Step {
	return plan.Step{Stage: 1, Server: server, Resource: plan.RotationID(name), Action: a, To: plan.State(to)}
}

func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := newCluster(w, "web/web1", "web/web2", "app/app1-a", "app/app1-b")
		c.busy = time.Now().Add(3 * time.Second)
		if err := w.apply(rotate("web1", "web1", plan.Drain, plan.Drained)); err != nil {
			t.Fatal(err)
		}
		if time.Now().Before(c.busy) {
			t.Error("the step ended while requests were in flight")
		}
		if diff := cmp.Diff([]string{"lb1 drain web/web1", "lb2 drain web/web1"}, c.ordered()); diff != "" {
			t.Errorf("drain (-want +got):\n%s", diff)
		}
		// An app server's backend has the names of its slots.
		if err := w.apply(rotate("web1", "web1", plan.Return, plan.Ready), rotate("app1", "app1-b", plan.Drain, plan.Drained)); err != nil {
			t.Fatal(err)
		}
		want := []string{"lb1 drain app/app1-b", "lb1 ready web/web1", "lb2 drain app/app1-b", "lb2 ready web/web1"}
		if diff := cmp.Diff(want, c.ordered()); diff != "" {
			t.Errorf("return and drain (-want +got):\n%s", diff)
		}
		if err := w.apply(rotate("web1", "web1", plan.Return, plan.Ready)); err != nil || c.ordered() != nil {
			t.Errorf("a server in rotation was put there again: %v", err)
		}
	})
}

// A WebSocket does not hold a change up: it is ended when every request has had its
// time, and not before.
func TestDrainEndsWhatStays(t *testing.T) {
	const (
		drain = "drain rotation:web1"
		note  = "note web1 3 connections of web1 were ended, which were open after the 30s that a request may take: WebSockets or long transfers"
	)
	for _, c := range []struct {
		name     string
		tunnels  map[string]int
		requests time.Duration // how long those in flight take
		deaf     bool
		took     time.Duration
		orders   string // after the drain
		events   []string
	}{
		{"only requests", nil, 29 * time.Second, false, 29 * time.Second, "", []string{"done web1 " + drain}},
		{"WebSockets, too", map[string]int{"lb1": 2, "lb2": 1}, 10 * time.Second, false, requestTime, " and end", []string{note, "done web1 " + drain}},
		{"what cannot be ended", map[string]int{"lb1": 2, "lb2": 1}, 0, true, requestTime + patience, " and end", []string{note, "failed web1 " + drain}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			lbs := newCluster(w, "web/web1", "web/web2")
			lbs.tunnels, lbs.busy, lbs.deaf = c.tunnels, time.Now().Add(c.requests), c.deaf
			began := time.Now()
			err := w.apply(rotate("web1", "web1", plan.Drain, plan.Drained))
			if c.deaf != (err != nil) || err != nil && !strings.Contains(err.Error(), `is still "draining, 3 connections open"`) {
				t.Errorf("%s: error %v", c.name, err)
			}
			if took := time.Since(began); took < c.took || took > c.took+time.Second {
				t.Errorf("%s: it took %s, want %s", c.name, took, c.took)
			}
			want := []string{"lb1 drain web/web1", "lb2 drain web/web1"}
			if c.orders != "" {
				want = []string{want[0], want[0] + c.orders, want[1], want[1] + c.orders}
			}
			if diff := cmp.Diff(want, lbs.ordered()); diff != "" {
				t.Errorf("%s: orders (-want +got):\n%s", c.name, diff)
			}
			if diff := cmp.Diff(c.events, w.happened()); diff != "" {
				t.Errorf("%s: events (-want +got):\n%s", c.name, diff)
			}
		})
	}
}

// Nothing is ended of a drain that is called off.
func TestDrainThatIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := newCluster(w, "web/web1", "web/web2")
		c.tunnels = map[string]int{"lb1": 1}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := w.run.Run(ctx, plan.Plan{Steps: []plan.Step{rotate("web1", "web1", plan.Drain, plan.Drained)}})
		if !errors.Is(err, context.DeadlineExceeded) || c.tunnels["lb1"] != 1 {
			t.Errorf("error %v, %d WebSockets left, want it interrupted and 1", err, c.tunnels["lb1"])
		}
	})
}

// What the rendered configuration gives a request is what a drain gives it.
func TestRequestTimeIsHAProxys(t *testing.T) {
	config, err := os.ReadFile("../component/haproxy/testdata/golden/debian13/haproxy.cfg")
	if err != nil {
		t.Fatal(err)
	}
	longest := time.Duration(0)
	for _, m := range regexp.MustCompile(`(?m)^ +timeout server (\d+s)$`).FindAllSubmatch(config, -1) { // the database's are in hours
		limit, err := time.ParseDuration(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		longest = max(longest, limit)
	}
	if longest != requestTime {
		t.Errorf("a request may take %s, and a drain waits %s", longest, requestTime)
	}
}

// One load balancer that does not see the server up holds the rollout.
func TestRotationOfAServerThatStaysDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := newCluster(w, "web/web1")
		c.servers["lb2"]["web1"] = haproxyctl.Server{Backend: "web", Name: "web1", State: haproxyctl.Down}
		w.hosts["lb2"].Intercept = func(q *remote.Request, p *remote.Response) error {
			q.Rotate = nil // its checks fail, whatever is ordered
			return c.answer("lb2", q, p)
		}
		err := w.apply(rotate("web1", "web1", plan.Return, plan.Ready))
		if err == nil || !strings.Contains(err.Error(), `is still "down"`) {
			t.Errorf("error %v, want that it is still down", err)
		}
	})
}

func TestVIP(t *testing.T) {
	move := func(server string, a plan.Action, to plan.State) plan.Step {
		return plan.Step{Stage: 1, Server: server, Resource: plan.VIP, Action: a, To: to}
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := newCluster(w, "web/web1")
		const gives = "lb1 hands 10.77.0.10 and 10.77.0.11 over"
		steps := []struct {
			step   plan.Step
			holder string
			want   []string
		}{
			{move("lb1", plan.Move, "not lb1"), "lb2", []string{gives}},
			{move("lb1", plan.Move, "not lb1"), "lb2", nil},
			{move("lb1", plan.Return, "standing by"), "lb2", []string{"lb1 stands by"}},
			{move("lb1", plan.Return, "standing by"), "lb2", nil},
			// One that does not hold them must be told, too, or it may get them half way.
			{move("lb1", plan.Move, "not lb1"), "lb2", []string{gives}},
			{move("lb1", plan.Wait, "held"), "lb2", nil},
		}
		for i, s := range steps {
			if err := w.apply(s.step); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
			if diff := cmp.Diff(s.want, c.ordered()); diff != "" || c.holder != s.holder {
				t.Errorf("step %d: held by %s, want %s; orders (-want +got):\n%s", i, c.holder, s.holder, diff)
			}
		}
		go func() { // keepalived needs a moment
			time.Sleep(3 * time.Second)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.holder, c.fit["lb1"] = "lb1", true
		}()
		c.holder, c.fit["lb1"] = "", false
		began := time.Now()
		if err := w.apply(move("lb1", plan.Wait, "held"), move("lb1", plan.Return, "standing by")); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < 3*time.Second {
			t.Errorf("went on after %s, before the addresses were held and lb1 was fit", took)
		}
	})
}

// group has the guards of the database servers answer from one view.
type group struct {
	mu       sync.Mutex
	primary  string
	states   map[string]string // by server
	messages map[string]string
	switched []string
}

func newGroup(w *world) *group {
	g := &group{primary: "db1", states: map[string]string{"db1": "ONLINE", "db2": "ONLINE", "db3": "ONLINE"}, messages: map[string]string{}}
	for name := range g.states {
		w.hosts[name].Intercept = func(q *remote.Request, p *remote.Response) error { return g.answer(name, q, p) }
	}
	for _, lb := range []string{"lb1", "lb2"} { // what they do about a move is package remote's
		w.hosts[lb].Intercept = func(q *remote.Request, _ *remote.Response) error { q.Park, q.Steer = "", nil; return nil }
	}
	return g
}

func (g *group) answer(server string, q *remote.Request, p *remote.Response) (err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if q.Switch != "" {
		g.switched = append(g.switched, server+" asked for "+q.Switch)
		g.primary, q.Switch = q.Switch, ""
	}
	if q.Member != "" {
		view := survey.Group{State: g.states[server], Primary: g.primary, Message: g.messages[server]}
		for _, name := range []string{"db1", "db2", "db3"} {
			view.Members = append(view.Members, survey.GroupMember{Server: name, State: g.states[name]})
		}
		p.Member, err = json.Marshal(view)
		q.Member = ""
	}
	return err
}

func TestPrimary(t *testing.T) {
	step := plan.Step{Stage: 1, Server: "db1", Resource: plan.Primary, Action: plan.Move, From: "db1", To: "not db1"}
	for _, c := range []struct {
		name     string
		primary  string
		states   map[string]string
		switched []string
		err      string
	}{
		{"to the first that can", "db1", map[string]string{"db1": "ONLINE", "db2": "RECOVERING", "db3": "ONLINE"}, []string{"db1 asked for db3"}, ""},
		{"elsewhere already", "db2", map[string]string{"db1": "ONLINE", "db2": "ONLINE", "db3": "ONLINE"}, nil, ""},
		{"nobody else can", "db1", map[string]string{"db1": "ONLINE", "db2": "RECOVERING", "db3": "OFFLINE"}, nil, "no other member is fit"},
	} {
		w := newWorld(t)
		g := newGroup(w)
		g.primary, g.states = c.primary, c.states
		err := w.apply(step)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.err)
		}
		if diff := cmp.Diff(c.switched, g.switched); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		g := newGroup(w)
		m := &resource.Member{Server: "db2", Wait: 120}
		w.item("db2", m)
		step := plan.Step{Stage: 1, Server: "db2", Resource: m.ID(), Action: plan.Wait, From: "OFFLINE", To: m.Want()}
		g.states["db2"], g.messages["db2"] = "RECOVERING", "clones from db1"
		go func() {
			time.Sleep(100 * time.Second) // more than other waits take, less than this one may
			g.mu.Lock()
			defer g.mu.Unlock()
			g.states["db2"] = "ONLINE"
		}()
		if err := w.apply(step); err != nil {
			t.Fatal(err)
		}
		want := []string{"note db2 RECOVERING: clones from db1", "done db2 wait member:db2"}
		if diff := cmp.Diff(want, w.happened()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}

		g.states["db2"] = "ERROR"
		if err := w.apply(step); err == nil || !strings.Contains(err.Error(), `is still "ERROR" after 2m0s`) {
			t.Errorf("error %v, want its state and how long it was waited for", err)
		}
	})
}
