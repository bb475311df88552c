package plan

import (
	"slices"

	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// loadBalancers changes them one at a time, the holder last; around what interrupts,
// the addresses are elsewhere.
func (m *maker) loadBalancers() {
	tier := m.tier(spec.LoadBalancer)
	slices.SortStableFunc(tier, func(a, b topology.Server) int {
		return last(a.Name == m.got.Holder) - last(b.Name == m.got.Holder)
	})
	for _, s := range tier {
		left := m.left(s.Name)
		if len(left) == 0 {
			continue
		}
		interrupted := slices.ContainsFunc(left, func(c change) bool { return c.interrupts })
		bracket := interrupted && len(tier) > 1
		if bracket {
			m.callBack(s)
		}
		m.begin()
		if bracket {
			m.add(m.moveAway(s, "the step below interrupts it; another load balancer takes over"))
		}
		m.take(s.Name, everything)
		if bracket {
			m.add(m.standBy(s.Name, "the change is done"))
		}
	}
}

func (m *maker) moveAway(s topology.Server, reason string) Step {
	return Step{Server: s.Name, Component: "keepalived", Resource: VIP, Action: Move, From: State(m.got.Holder), To: State("not " + s.Name), Reason: reason}
}

func (m *maker) standBy(server, reason string) Step {
	return Step{Server: server, Component: "keepalived", Resource: VIP, Action: Return, From: State("not " + server), To: "standing by", Reason: reason}
}

// callBack lets load balancers that an earlier run left aside stand by before
// another one, s, gives the addresses away: they may be all there is to take them.
func (m *maker) callBack(s topology.Server) {
	m.begin()
	for _, name := range m.got.Yielding {
		if name != s.Name && !m.planned(VIP, Return, name) {
			m.add(m.standBy(name, cutOff))
		}
	}
}

const cutOff = "an earlier run was cut off while it kept the addresses away"
