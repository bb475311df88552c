package plan

import (
	"slices"
	"strings"

	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// Make writes the plan. Where the file leaves the primary's server out, the primary
// moves first of all. The order of the rest is the safety of a rollout:
//
//  1. prepare: the base system and the firewalls of all servers that serve; and
//     database servers that do not serve yet, whole;
//  2. the database group: members that are not ONLINE are awaited (and so are the
//     VIPs, if nobody holds them) while all other servers that do not serve yet are
//     installed whole, side by side, for nobody can miss them; then changes roll
//     through members one at a time, the primary last, after it was moved;
//  3. the app tier: migrations, then releases through the slots, a server at a time;
//  4. the web tier, a server at a time, drained around what interrupts;
//  5. the load balancers, last because their configuration names all that came
//     before: first those without the VIPs, then the holder, after they moved;
//  6. settle: all that belongs into rotation is there, and the VIPs are held.
//
// Every stage ends with the conditions that gate the next one.
func Make(want Desired, got Observed) Plan {
	m := maker{want: want, got: got, changes: changes(want, got)}
	m.make()
	return Plan{Steps: m.steps}
}

func (m *maker) make() {
	m.servers()
	m.switchAway()
	m.prepare()
	m.database()
	m.app()
	m.web()
	m.loadBalancers()
	m.settle()
}

type maker struct {
	want    Desired
	got     Observed
	changes map[string][]change // by server, in the components' order
	steps   []Step
	stage   int
	taken   map[string]bool // resources already planned, as server + " " + ID
}

// change is a step with what the ordering has to know about it.
type change struct {
	Step
	spec       resource.Spec
	interrupts bool
}

func changes(want Desired, got Observed) map[string][]change {
	by := map[string][]change{}
	for _, item := range want.Items {
		from, ok := got.States[item.Server][item.Spec.ID()]
		if !ok {
			from = resource.Absent
		}
		if from == item.Spec.Want() {
			continue
		}
		s := step(item, from)
		by[item.Server] = append(by[item.Server], change{Step: s, spec: item.Spec, interrupts: interrupts(item.Spec, s)})
	}
	return by
}

func interrupts(s resource.Spec, step Step) bool {
	unit, ok := s.(*resource.Unit)
	if !ok {
		return false
	}
	switch unit.Interrupts {
	case resource.InterruptsOnChange:
		return step.Action == Restart || step.Action == Reload || step.Action == Stop
	case resource.InterruptsOnRestart:
		return step.Action == Restart || step.Action == Stop
	default:
		return false
	}
}

// begin opens a stage; one without steps leaves no number behind.
func (m *maker) begin() {
	if len(m.steps) > 0 && m.steps[len(m.steps)-1].Stage == m.stage || m.stage == 0 {
		m.stage++
	}
}

func (m *maker) add(steps ...Step) {
	for _, s := range steps {
		s.Stage = m.stage
		m.steps = append(m.steps, s)
	}
}

// take adds those changes of a server that a filter wants and nobody took yet.
func (m *maker) take(server string, wanted func(change) bool) {
	if m.taken == nil {
		m.taken = map[string]bool{}
	}
	for _, c := range m.changes[server] {
		key := server + " " + c.Resource
		if !m.taken[key] && wanted(c) {
			m.taken[key] = true
			m.add(c.Step)
		}
	}
}

func (m *maker) left(server string) []change {
	var left []change
	for _, c := range m.changes[server] {
		if !m.taken[server+" "+c.Resource] {
			left = append(left, c)
		}
	}
	return left
}

func everything(change) bool { return true }

// gate reports whether a change waits for, or belongs to, more than its server.
func gate(c change) bool {
	switch c.spec.(type) {
	case *resource.Member, *resource.Slot, *resource.Migration:
		return true
	}
	return false
}

// passive reports whether a resource just lies there: putting it in place starts
// nothing and needs nothing that runs.
func passive(s resource.Spec) bool {
	switch s.(type) {
	case *resource.Packages, *resource.User, *resource.Directory, *resource.File, *resource.AbsentPath, *resource.Link, *resource.Sysctls, *resource.Release:
		return true
	}
	return false
}

// serves reports whether a server already works for the site, so that changes to
// it must be rolled rather than made.
func (m *maker) serves(s topology.Server) bool {
	running := func(id string) bool {
		return strings.HasPrefix(string(m.got.States[s.Name][id]), "running")
	}
	switch s.Role {
	case spec.LoadBalancer:
		// While nobody holds the addresses, no load balancer has anybody to lose.
		return m.got.Holder != "" && running("unit:haproxy.service")
	case spec.Web:
		return running("unit:nginx.service")
	case spec.App:
		return running("slot:"+s.Name+"/a") || running("slot:"+s.Name+"/b")
	default:
		return running("unit:mysql.service")
	}
}

func (m *maker) tier(r spec.Role) []topology.Server { return m.want.Topology.With(r) }

func (m *maker) servers() {
	m.begin()
	for _, name := range m.got.Missing {
		m.add(Step{Server: name, Component: "lab", Resource: ServerID(name), Action: Create, From: resource.Absent, To: "running", Reason: "the lab has not made it yet"})
	}
}

func (m *maker) prepare() {
	m.begin()
	for _, s := range m.want.Topology.Servers {
		if m.serves(s) {
			m.take(s.Name, func(c change) bool { return c.Component == "base" || c.Component == "firewall" })
		} else if s.Role == spec.Database {
			m.install(s)
		}
	}
}

// install takes a new server whole, but for what waits for other servers.
func (m *maker) install(s topology.Server) {
	// Files of all components first: systemd then reads its unit files once.
	m.take(s.Name, func(c change) bool { return !gate(c) && passive(c.spec) })
	// Then the firewall and what others wait for, and last the base system's own
	// services, which only take note of new settings.
	m.take(s.Name, func(c change) bool { return !gate(c) && c.Component != "base" })
	m.take(s.Name, func(c change) bool { return !gate(c) })
}

func (m *maker) database() {
	m.begin()
	// A new group takes longest, most of it waiting: the other tiers are installed
	// meanwhile.
	for _, s := range m.want.Topology.Servers {
		if s.Role != spec.Database && !m.serves(s) {
			m.install(s)
		}
	}
	// The tiers reach each other through the VIPs, migrations too.
	if m.got.Holder == "" {
		m.add(Step{Server: m.tier(spec.LoadBalancer)[0].Name, Component: "keepalived", Resource: VIP, Action: Wait, From: "", To: "held", Reason: "no load balancer holds the virtual addresses"})
	}
	var rolling []topology.Server
	for i, s := range m.tier(spec.Database) {
		left := m.left(s.Name)
		if slices.ContainsFunc(left, func(c change) bool { return !gate(c) }) {
			rolling = append(rolling, s)
			continue
		}
		// Nothing but its ONLINE to wait for. The first member forms a new group,
		// and the app tier can begin with it; the others join meanwhile.
		if i == 0 || m.got.Primary != "" {
			m.take(s.Name, everything)
		}
	}
	slices.SortStableFunc(rolling, func(a, b topology.Server) int {
		return last(a.Name == m.got.Primary) - last(b.Name == m.got.Primary)
	})
	leaves := m.primaryLeaves()
	for _, s := range rolling {
		m.begin()
		left := m.left(s.Name)
		interrupted := slices.ContainsFunc(left, func(c change) bool { return c.interrupts })
		if interrupted && leaves {
			m.add(m.movePrimary(s.Name, s.Name, "in case it has become the primary by then"))
		}
		if interrupted && s.Name == m.got.Primary && len(m.tier(spec.Database)) > 1 {
			m.add(m.movePrimary(s.Name, s.Name, "the step below interrupts it, and writes go on elsewhere"))
		}
		m.take(s.Name, everything)
		if interrupted && !slices.ContainsFunc(left, gate) {
			m.add(Step{Server: s.Name, Component: "mysql", Resource: "member:" + s.Name, Action: Wait, From: "", To: "ONLINE", Reason: "the next member follows only when this one is back"})
		}
	}
}

func last(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (m *maker) app() {
	m.begin()
	for _, s := range m.tier(spec.App) {
		// A migration needs its release and its files on the server first.
		if slices.ContainsFunc(m.left(s.Name), func(c change) bool { _, ok := c.spec.(*resource.Migration); return ok }) {
			m.take(s.Name, func(c change) bool { _, slot := c.spec.(*resource.Slot); return !slot })
		}
	}
	m.begin()
	for _, s := range m.tier(spec.App) {
		if !m.serves(s) {
			m.take(s.Name, everything)
		}
	}
	for _, s := range m.tier(spec.App) {
		if m.serves(s) && len(m.left(s.Name)) > 0 {
			m.begin()
			m.flip(s)
		}
	}
}

// flip moves an app server to its other slot: the new one starts and proves
// itself, enters rotation, and only then the old one leaves it and stops.
func (m *maker) flip(s topology.Server) {
	m.take(s.Name, func(c change) bool { return !gate(c) })
	starts := false
	m.take(s.Name, func(c change) bool {
		slot, ok := c.spec.(*resource.Slot)
		starts = starts || ok && slot.Target != ""
		return !ok || slot.Target != ""
	})
	if starts {
		for _, b := range m.want.Backends {
			if b.Server == s.Name {
				m.add(m.rotate(b, Return, State(Drained), State(Ready), "the new slot is ready for traffic"))
			}
		}
	}
	for _, c := range m.left(s.Name) {
		if slot, ok := c.spec.(*resource.Slot); ok && strings.HasPrefix(string(c.From), "running") {
			old := Backend{Server: s.Name, Backend: "app", Name: s.Name + "-" + slot.Slot}
			m.add(m.rotate(old, Drain, State(Ready), State(Drained), "the new slot serves; requests in flight are finished first"))
		}
	}
	m.take(s.Name, everything)
}

func (m *maker) rotate(b Backend, a Action, from, to State, reason string) Step {
	return Step{Server: b.Server, Component: "haproxy", Resource: RotationID(b.Name), Action: a, From: from, To: to, Reason: reason}
}

func (m *maker) web() {
	for _, s := range m.tier(spec.Web) {
		left := m.left(s.Name)
		if len(left) == 0 {
			continue
		}
		m.begin()
		interrupted := slices.ContainsFunc(left, func(c change) bool { return c.interrupts })
		b := Backend{Server: s.Name, Backend: "web", Name: s.Name}
		// Draining the only server would be the outage it should prevent.
		bracket := interrupted && len(m.tier(spec.Web)) > 1 && m.got.Rotation[s.Name] != Unknown && m.got.Rotation[s.Name] != ""
		if bracket {
			m.add(m.rotate(b, Drain, State(m.got.Rotation[s.Name]), State(Drained), "the step below interrupts it; the others take its requests"))
		}
		m.take(s.Name, everything)
		if bracket {
			m.add(m.rotate(b, Return, State(Drained), State(Ready), "the change is done"))
		}
	}
}

// planned reports whether the plan has such a step already.
func (m *maker) planned(resource string, a Action, server string) bool {
	return slices.ContainsFunc(m.steps, func(s Step) bool {
		return s.Resource == resource && s.Action == a && s.Server == server
	})
}

// settle puts right what belongs to nobody's change, such as drift in rotation that
// an interrupted run left behind, and awaits what was allowed to come later.
func (m *maker) settle() {
	m.begin()
	for _, name := range m.got.Yielding {
		if !m.planned(VIP, Return, name) {
			m.add(m.standBy(name, cutOff))
		}
	}
	for _, s := range m.tier(spec.Database) {
		m.take(s.Name, everything)
	}
	for _, b := range m.want.Backends {
		now := m.got.Rotation[b.Name]
		if now == Ready || m.planned(RotationID(b.Name), Return, b.Server) {
			continue
		}
		if now == "" {
			now = Unknown
		}
		m.add(m.rotate(b, Return, State(now), State(Ready), "it belongs into rotation and is "+string(now)))
	}
	m.begin()
	for _, name := range m.got.Surplus {
		m.add(Step{Server: name, Component: "lab", Resource: ServerID(name), Action: Remove, From: "running", To: resource.Absent, Reason: "the site file does not name it any more"})
	}
}
