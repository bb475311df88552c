package graph

import (
	"strings"

	"scaleup/internal/evidence"
	"scaleup/internal/haproxyctl"
	"scaleup/internal/inspect"
	"scaleup/internal/spec"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

// Ask is what Running wants to be read from a server beyond what status asks: on the
// load balancers, what their frontends are given.
func Ask(s topology.Server) inspect.Ask { return inspect.Ask{Balancer: s.Role == spec.LoadBalancer} }

// Running is the site as a look found it.
func Running(l evidence.Look) Graph {
	r := l.Status
	g := Graph{Schema: 1, Site: l.Topology.Site.Name, At: l.At.UTC(), Verdict: r.Verdict, Healthy: r.Healthy}
	tops := map[string]topology.Server{}
	for _, s := range l.Topology.Servers {
		tops[s.Name] = s
	}
	servers := map[string]Node{}
	for _, s := range r.Servers {
		n := serverNode(tops[s.Name])
		n.Components = append(n.Components, s.Components...)
		for _, v := range r.VIPs {
			if holds(v, s.Name) {
				n.Holds = append(n.Holds, v.Name)
			}
		}
		n.State, n.Slot = stateOf(l, s, len(n.Holds) > 0)
		servers[s.Name] = n
	}
	g.assemble(l.Topology, servers, newTraffic(l))
	return g
}

func holds(v status.VIP, server string) bool {
	for holder := range strings.SplitSeq(v.Holder, ", ") {
		if holder == server {
			return true
		}
	}
	return false
}

// stateOf is how a server is, and of an app server the slot that serves.
func stateOf(l evidence.Look, s status.Server, holder bool) (State, string) {
	if s.State != "up" {
		return State(s.State), ""
	}
	for _, c := range s.Components {
		// What the load balancers say of an app server tells more: during a deploy two
		// programs run, which is no failure of either.
		if c.State != "running" && c.Name != "firewall" && c.Name != "app" {
			return Failing, ""
		}
	}
	switch s.Role {
	case spec.LoadBalancer:
		return balancerState(l, s.Name, holder), ""
	case spec.Database:
		return memberState(l.Status.Database, s.Name), ""
	case spec.Web:
		return backendState(l.Status.Tiers, "web", s.Name), ""
	}
	return slotState(l.Status.Tiers, s.Name)
}

// slotState is the state of the better of an app server's two slots, and which one that
// is. During a deploy both run.
func slotState(tiers []status.Tier, server string) (State, string) {
	slots := []topology.Slot{topology.SlotA, topology.SlotB}
	for _, wanted := range []State{Serving, Draining} {
		for _, slot := range slots {
			if backendState(tiers, "app", server+"-"+string(slot)) == wanted {
				return wanted, string(slot)
			}
		}
	}
	return backendState(tiers, "app", server+"-"+string(topology.SlotA)), ""
}

func balancerState(l evidence.Look, name string, holder bool) State {
	switch b := l.Answers[name].Response.Balancer; {
	case b == nil || len(b.Servers) == 0:
		return Failing
	case b.Yielding:
		return Draining
	case !b.Fit:
		return Unfit
	case holder:
		return Serving
	}
	return Waiting
}

func memberState(d status.Database, name string) State {
	for _, m := range d.Members {
		switch {
		case m.Server != name:
		case m.State != "ONLINE":
			return State(strings.ToLower(m.State))
		case m.Role == "PRIMARY":
			return Primary
		default:
			return Replica
		}
	}
	return Unknown
}

// backendState is what the load balancers think of a server of a tier.
func backendState(tiers []status.Tier, tier, name string) State {
	for _, t := range tiers {
		for _, b := range t.Backends {
			if t.Name != tier || b.Server != name {
				continue
			}
			switch b.State {
			case "up":
				return Serving
			case "drain":
				return Draining
			}
			return Failing
		}
	}
	return Unknown
}

// traffic is what the holder of the addresses counted in the last second. That of a
// plan is nil, and knows nothing.
type traffic struct {
	fronts  map[string]int    // by frontend
	backs   map[[2]string]int // by backend and server
	up      map[[2]string]bool
	members map[string]int64 // lag by database server
}

func newTraffic(l evidence.Look) *traffic {
	t := &traffic{fronts: map[string]int{}, backs: map[[2]string]int{}, up: map[[2]string]bool{}, members: map[string]int64{}}
	for _, m := range l.Status.Database.Members {
		if m.State == "ONLINE" {
			t.members[m.Server] = m.Lag
		}
	}
	for _, tier := range l.Status.Tiers {
		for _, b := range tier.Backends {
			t.up[[2]string{tier.Name, b.Server}] = b.State == "up"
		}
	}
	holder := l.Answers[l.Status.VIPs[0].Holder].Response
	if holder.Balancer != nil {
		for _, s := range holder.Balancer.Servers {
			t.backs[[2]string{s.Backend, s.Name}] = s.Rate
		}
	}
	if holder.Inspection != nil && holder.Inspection.Balancer != nil {
		for _, p := range holder.Inspection.Balancer.Proxies {
			if p.Kind == "frontend" {
				t.fronts[p.Name] = p.Rate
			}
		}
	}
	return t
}

// through sums what some frontends were given; nil when one of them is not known.
func (t *traffic) through(frontends ...string) *int {
	if t == nil {
		return nil
	}
	sum := 0
	for _, f := range frontends {
		rate, ok := t.fronts[f]
		if !ok {
			return nil
		}
		sum += rate
	}
	return &sum
}

// given sums what a server was given in some backends; nil when none of them has it.
func (t *traffic) given(server string, backends ...string) *int {
	if t == nil {
		return nil
	}
	sum, known := 0, false
	for _, b := range backends {
		rate, ok := t.backs[[2]string{b, server}]
		sum, known = sum+rate, known || ok
	}
	if !known {
		return nil
	}
	return &sum
}

// measure writes the rates of the addresses into their nodes.
func (t *traffic) measure(nodes []Node) {
	for i := range nodes {
		n := &nodes[i]
		switch n.Name {
		case publicWeb:
			n.Rate, n.Unit = t.through("public_http", "public_https"), requestsPerSecond
		case internalApp:
			n.Rate, n.Unit = t.through("internal_app"), requestsPerSecond
		case internalSQL:
			n.Rate, n.Unit = t.through("internal_mysql", "internal_mysql_read"), connectionsPerSecond
		}
		if n.Rate == nil {
			n.Unit = ""
		}
	}
}

const (
	requestsPerSecond    = "req/s"
	connectionsPerSecond = "conn/s"
)

// Backends of HAProxy, as its configuration names them.
var (
	webBackends  = []string{"web", haproxyctl.BackendWebOnce}
	readBackends = []string{"mysql_replica", "mysql_readable"}
)
