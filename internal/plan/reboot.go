package plan

import (
	"fmt"
	"slices"

	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// Reboot is Make's plan, and after it the restart of servers, one at a time, each
// between steps that take it out of use and bring it back. They come in the order
// in which one that does not return costs least: web servers, application servers,
// databases with the primary last, load balancers with the holder last. The only
// server of its tier is rebooted, too: nothing can stand in for it, and the reason
// says so.
//
// The error names a server that the site has not got.
func Reboot(want Desired, got Observed, servers []string) (Plan, error) {
	for _, name := range servers {
		if _, err := want.Topology.Server(name); err != nil {
			return Plan{}, fmt.Errorf("reboot: %w", err)
		}
	}
	m := maker{want: want, got: got, changes: changes(want, got)}
	m.make()
	for _, role := range []spec.Role{spec.Web, spec.App, spec.Database, spec.LoadBalancer} {
		tier := m.tier(role)
		slices.SortStableFunc(tier, func(a, b topology.Server) int { return last(m.leads(a)) - last(m.leads(b)) })
		for _, s := range tier {
			if slices.Contains(servers, s.Name) {
				m.begin()
				m.reboot(s, len(tier) > 1)
			}
		}
	}
	return Plan{Steps: m.steps}, nil
}

// leads reports whether a server holds what there is once in its tier.
func (m *maker) leads(s topology.Server) bool {
	return s.Name == m.got.Primary || s.Name == m.got.Holder
}

func (m *maker) reboot(s topology.Server, others bool) {
	boot := Step{Server: s.Name, Component: "base", Resource: RebootID(s.Name), Action: Boot, From: m.got.Boots[s.Name], To: "rebooted", Reason: "asked for"}
	if !others {
		boot.Reason = fmt.Sprintf("asked for; it is the only %s server, so its tier is down meanwhile", s.Role)
	}
	var before, after []Step
	switch s.Role {
	case spec.LoadBalancer:
		before, after = m.aroundBalancer(s, others)
	case spec.Database:
		before, after = m.aroundMember(s)
	default:
		before, after = m.aroundBackend(s)
	}
	if others {
		m.add(before...)
	}
	m.add(boot)
	m.add(after...)
}

// aroundBackend takes what a web or application server serves out of rotation.
func (m *maker) aroundBackend(s topology.Server) (before, after []Step) {
	for _, b := range m.want.Backends {
		if b.Server == s.Name {
			before = append(before, m.rotate(b, Drain, State(Ready), State(Drained), "the reboot interrupts it; the others take its requests"))
			after = append(after, m.rotate(b, Return, State(Drained), State(Ready), "it is back"))
		}
	}
	return before, after
}

// aroundMember moves the primary away. That is asked of the others, too: one of
// them may have become the primary by then.
func (m *maker) aroundMember(s topology.Server) (before, after []Step) {
	move := Step{Server: s.Name, Component: "mysql", Resource: Primary, Action: Move, From: State(m.got.Primary), To: State("not " + s.Name), Reason: "in case it has become the primary by then"}
	if s.Name == m.got.Primary {
		move.Reason = "the reboot interrupts it, and writes go on elsewhere"
	}
	online := Step{Server: s.Name, Component: "mysql", Resource: "member:" + s.Name, Action: Wait, From: "", To: "ONLINE", Reason: "the next server follows only when this member is back"}
	return []Step{move}, []Step{online}
}

// aroundBalancer moves the addresses away, and keeps them away while it boots.
func (m *maker) aroundBalancer(s topology.Server, others bool) (before, after []Step) {
	before = []Step{m.moveAway(s, "the reboot interrupts it; another load balancer takes over")}
	if others {
		return before, []Step{m.standBy(s.Name, "it is back")}
	}
	return before, []Step{{Server: s.Name, Component: "keepalived", Resource: VIP, Action: Wait, From: "", To: "held", Reason: "nobody holds the virtual addresses meanwhile"}}
}
