package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"scaleup/internal/component/componenttest"
	"scaleup/internal/evidence"
	"scaleup/internal/facts"
	"scaleup/internal/haproxyctl"
	"scaleup/internal/inspect"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func build(t *testing.T, loadbalancers, webs, apps, databases int) *topology.Topology {
	t.Helper()
	top, err := topology.Build(componenttest.Site(loadbalancers, webs, apps, databases))
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func ha(t *testing.T) *topology.Topology   { return build(t, 2, 2, 2, 3) }
func seed(t *testing.T) *topology.Topology { return build(t, 2, 1, 1, 1) }

// world is a running site, healthy until a test says otherwise.
type world struct {
	t       *testing.T
	top     *topology.Topology
	holder  string // several joined by commas; "" for nobody
	primary string
	off     []string
	silent  []string
	stopped map[string]string           // unit by server
	backend map[string]haproxyctl.State // by backend/server
	member  map[string]string           // MySQL's state by server
	lag     map[string]int64
	unfit   []string
}

func running(t *testing.T, top *topology.Topology) *world {
	return &world{
		t: t, top: top, holder: "lb1", primary: "db1",
		stopped: map[string]string{}, backend: map[string]haproxyctl.State{}, member: map[string]string{}, lag: map[string]int64{},
	}
}

// loses powers a server off, as all others then see it.
func (w *world) loses(server string) *world {
	w.off = append(w.off, server)
	w.backend["web/"+server], w.backend["app/"+server+"-a"], w.backend["mysql_replica/"+server] = haproxyctl.Down, haproxyctl.Down, haproxyctl.Down
	return w
}

func has(list []string, name string) bool {
	return strings.Contains(","+strings.Join(list, ",")+",", ","+name+",")
}

var units = map[spec.Role][]string{
	spec.LoadBalancer: {"haproxy.service", "keepalived.service", "scaleup-lb-agent.service", "nftables.service"},
	spec.Web:          {"nginx.service", "nftables.service"},
	spec.App:          {"app@a.service", "nftables.service"},
	spec.Database:     {"mysql.service", "scaleup-guard.service", "nftables.service"},
}

func (w *world) answer(s topology.Server) status.Answer {
	switch {
	case has(w.off, s.Name):
		return status.Answer{Off: true}
	case has(w.silent, s.Name):
		return status.Answer{Err: errors.New("no greeting within 1.5s")}
	}
	f := facts.ReferenceFor(s.Name, s.Address.String())
	p := remote.Response{Facts: &f, Units: map[string]string{}, Inspection: &inspect.Report{}}
	for _, u := range units[s.Role] {
		p.Units[u] = "running"
	}
	if u := w.stopped[s.Name]; u != "" {
		p.Units[u] = "failed"
	}
	switch s.Role {
	case spec.LoadBalancer:
		if has(strings.Split(w.holder, ","), s.Name) {
			f.Interfaces[0].Addresses = append(f.Interfaces[0].Addresses, w.top.Public.String()+"/32", w.top.Internal.String()+"/32")
		}
		p.Balancer = &remote.Balancer{Fit: !has(w.unfit, s.Name)}
		if w.stopped[s.Name] != "haproxy.service" {
			p.Balancer.Servers = w.servers()
			p.Inspection.Balancer = &inspect.Balancer{Proxies: []inspect.Proxy{
				{Name: "public_http", Kind: "frontend", Rate: 1}, {Name: "public_https", Kind: "frontend", Rate: 148}, {Name: "web", Kind: "backend", Rate: 99},
				{Name: "internal_app", Kind: "frontend", Rate: 61}, {Name: "internal_mysql", Kind: "frontend", Rate: 4}, {Name: "internal_mysql_read", Kind: "frontend", Rate: 12},
			}}
		}
	case spec.Database:
		p.Member = w.guard(s.Name)
	}
	return status.Answer{Response: p}
}

func (w *world) guard(name string) json.RawMessage {
	state := w.member[name]
	if state == "" {
		state = "ONLINE"
	}
	role := "SECONDARY"
	if name == w.primary {
		role = "PRIMARY"
	}
	if state != "ONLINE" {
		role = ""
	}
	data, err := json.Marshal(map[string]any{"state": state, "role": role, "primary": w.primary, "lag_transactions": w.lag[name]})
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

// servers are the backends as HAProxy lists them, each with a rate of its own.
func (w *world) servers() []haproxyctl.Server {
	var all []haproxyctl.Server
	add := func(backend, name string, state haproxyctl.State, rate int) {
		if told, ok := w.backend[backend+"/"+name]; ok {
			state, rate = told, 0
		}
		all = append(all, haproxyctl.Server{Backend: backend, Name: name, State: state, Rate: rate})
	}
	for i, s := range w.top.With(spec.App) {
		add("app", s.Name+"-a", haproxyctl.Up, 31-i)
		add("app", s.Name+"-b", haproxyctl.Maint, 0)
	}
	is := map[bool]haproxyctl.State{true: haproxyctl.Up, false: haproxyctl.Down}
	for i, s := range w.top.With(spec.Database) {
		add("mysql_primary", s.Name, is[s.Name == w.primary], map[bool]int{true: 4}[s.Name == w.primary])
		add("mysql_replica", s.Name, is[s.Name != w.primary], 5+i)
		add("mysql_readable", s.Name, haproxyctl.Up, 0)
	}
	for i, s := range w.top.With(spec.Web) {
		add("web", s.Name, haproxyctl.Up, 70+i)
	}
	for _, s := range w.top.With(spec.Web) {
		add("web_once", s.Name, haproxyctl.Up, 4)
	}
	return all
}

func (w *world) look() evidence.Look {
	answers := map[string]status.Answer{}
	for _, s := range w.top.Servers {
		answers[s.Name] = w.answer(s)
	}
	return evidence.Look{Topology: w.top, At: now, Status: status.Assess(w.top, "", answers), Answers: answers}
}

func (w *world) graph() Graph { return Running(w.look()) }

// edge finds an edge, and says so when there is none.
func edge(t *testing.T, g Graph, from, to string) Edge {
	t.Helper()
	for _, e := range g.Edges {
		if e.From == from && e.To == to && e.Kind == Requests {
			return e
		}
	}
	t.Fatalf("no requests go from %s to %s", from, to)
	return Edge{}
}

// states are the servers' states in one line.
func states(g Graph) string {
	var all []string
	for _, n := range g.Nodes {
		if n.Kind == Server {
			all = append(all, fmt.Sprintf("%s %s", n.Name, n.State))
		}
	}
	return strings.Join(all, ", ")
}

// situations are sites that differ in what a picture shows of them.
func situations(t *testing.T) map[string]Graph {
	moved := running(t, ha(t)).loses("lb1")
	moved.holder = "lb2"
	changed := running(t, ha(t)).loses("db1").loses("web2")
	changed.primary = "db3"
	changed.member["db2"] = "RECOVERING"
	nobody := running(t, ha(t))
	nobody.holder, nobody.unfit, nobody.silent = "", []string{"lb1"}, []string{"app2"}
	twice := running(t, ha(t))
	twice.holder = "lb1,lb2"
	large := running(t, build(t, 4, 6, 6, 5))
	large.lag["db4"] = 12345
	return map[string]Graph{
		"ha": running(t, ha(t)).graph(), "seed": running(t, seed(t)).graph(),
		"ha-plan": Plan(ha(t)), "seed-plan": Plan(seed(t)),
		"moved": moved.graph(), "changed": changed.graph(), "nobody": nobody.graph(), "twice": twice.graph(), "large": large.graph(),
		"one": running(t, build(t, 1, 1, 1, 1)).graph(), "two databases": Plan(build(t, 3, 2, 7, 2)),
	}
}
