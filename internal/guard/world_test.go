package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// world is a small model of Group Replication on three servers: enough to tell a
// safe forming of the group from an unsafe one. Transactions reach every living
// member of the view; what a member has, it keeps over a crash.
type world struct {
	mu       sync.Mutex
	nodes    map[string]*node
	formings int
	lastView []string // members of the view that was installed last
	written  int      // acknowledged transactions
	breaches []string // of what must never happen
	changed  func(members []string)
}

type node struct {
	up            bool
	state         string
	bootstrapping bool
	readOnly      bool
	executed      GTIDSet
	received      GTIDSet
	purged        string
	cloned        string // state of the last clone
	uptime        int64
	group         *group // the view it is in; kept by others when it dies
	beatState     string // what writes hang in; "" when they do not
	stuck         bool   // a hand-over hangs, too
}

type group struct {
	forming, counter int
	members          []string
	primary          string
}

const worldGroup = "cccccccc-0000-4000-8000-00000000000c"

var worldNames = []string{"db1", "db2", "db3"}

func newWorld() *world {
	w := &world{nodes: map[string]*node{}, changed: func([]string) {}}
	for _, name := range worldNames {
		w.nodes[name] = &node{state: Offline, readOnly: true}
	}
	return w
}

func worldPolicy(server string) Policy {
	return Policy{Server: server, Group: worldGroup, Initial: "db1", Voters: worldNames}
}

func (w *world) inGroup(name string) bool {
	n := w.nodes[name]
	return n.up && n.state == Online
}

// living are the members of a view that are up and take part.
func (w *world) living(g *group) (names []string) {
	for _, name := range g.members {
		if w.inGroup(name) && w.nodes[name].group == g {
			names = append(names, name)
		}
	}
	return names
}

func (w *world) hasMajority(g *group) bool { return 2*len(w.living(g)) > len(g.members) }

// install gives the members a new view of the same forming.
func (w *world) install(forming, counter int, members []string, primary string) {
	slices.Sort(members)
	g := &group{forming: forming, counter: counter, members: members, primary: primary}
	for _, name := range members {
		w.nodes[name].group = g
	}
	if !slices.Contains(members, primary) && len(members) > 0 {
		g.primary = members[0]
	}
	for _, name := range members {
		w.nodes[name].readOnly = name != g.primary
	}
	w.lastView = members
	w.changed(members)
}

func (w *world) boot(name string) {
	n := w.nodes[name]
	if !n.up {
		n.up, n.state, n.readOnly, n.bootstrapping, n.uptime, n.group = true, Offline, true, false, 0, nil
	}
}

func (w *world) crash(name string) { w.nodes[name].up = false }

// detect is the failure detector: a majority expels the dead, a minority gives up.
func (w *world) detect() {
	for _, name := range worldNames {
		g := w.nodes[name].group
		if !w.inGroup(name) || len(w.living(g)) == len(g.members) {
			continue
		}
		if living := w.living(g); w.hasMajority(g) {
			w.install(g.forming, g.counter+1, living, g.primary)
			continue
		}
		w.nodes[name].state, w.nodes[name].readOnly = Failed, true
	}
}

func (w *world) stop(name string) {
	n := w.nodes[name]
	if w.inGroup(name) {
		g := n.group
		rest := slices.DeleteFunc(slices.Clone(w.living(g)), func(x string) bool { return x == name })
		n.state = Offline
		if 2*(len(rest)+1) > len(g.members) && len(rest) > 0 {
			// Who has crashed is expelled on his own: nobody loses two members in one view.
			stays := slices.DeleteFunc(slices.Clone(g.members), func(x string) bool { return x == name })
			primary := g.primary
			if primary == name {
				primary = rest[0]
			}
			w.install(g.forming, g.counter+1, stays, primary)
		}
	}
	n.state, n.readOnly, n.group = Offline, true, nil
}

var errModel = errors.New("model")

func (w *world) start(name string, bootstrap bool) error {
	n := w.nodes[name]
	if !n.up || n.state != Offline {
		return fmt.Errorf("%w: %s cannot start", errModel, name)
	}
	if bootstrap {
		w.judge(name)
		w.formings++
		n.state, n.executed, n.received = Online, n.executed.Union(n.received), GTIDSet{}
		w.install(w.formings, 1, []string{name}, name)
		return nil
	}
	for _, other := range worldNames {
		g := w.nodes[other].group
		if !w.inGroup(other) || !w.hasMajority(g) || slices.Contains(g.members, name) {
			continue
		}
		everything := GTIDSet{}
		for _, member := range w.living(g) {
			everything = everything.Union(w.nodes[member].executed).Union(w.nodes[member].received)
		}
		if !n.executed.Union(n.received).SubsetOf(everything) {
			w.breach("%s joined with transactions that the group lacks", name)
		}
		n.state, n.executed, n.received = Online, everything, GTIDSet{}
		w.install(g.forming, g.counter+1, append(w.living(g), name), g.primary)
		return nil
	}
	return fmt.Errorf("%w: no group to join", errModel)
}

// handOver makes the member with that server_uuid the primary, as any member may ask.
func (w *world) handOver(asked, uuid string) error {
	g := w.nodes[asked].group
	if !w.inGroup(asked) || !w.hasMajority(g) || w.nodes[asked].stuck {
		return fmt.Errorf("%w: no hand-over", errModel)
	}
	for _, name := range w.living(g) {
		if uuidOf(name) == uuid {
			w.install(g.forming, g.counter, g.members, name)
			return nil
		}
	}
	return fmt.Errorf("%w: no member %s", errModel, uuid)
}

// beat is a write of the guard's, which hangs where writes do.
func (w *world) beat(ctx context.Context, name string) error {
	w.mu.Lock()
	hangs := w.nodes[name].beatState != ""
	w.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (w *world) breach(format string, args ...any) {
	w.breaches = append(w.breaches, fmt.Sprintf(format, args...))
}

// judge holds a forming of the group against what must never happen.
func (w *world) judge(name string) {
	n := w.nodes[name]
	for _, other := range worldNames {
		if w.inGroup(other) {
			w.breach("%s forms a group while %s is in one", name, other)
		}
		if o := w.nodes[other]; !o.executed.Union(o.received).SubsetOf(n.executed.Union(n.received)) {
			w.breach("%s forms the group without transactions of %s", name, other)
		}
	}
	if w.formings == 0 && name != "db1" {
		w.breach("%s formed the group for the first time", name)
	}
	if w.formings > 0 && !slices.Contains(w.lastView, name) {
		w.breach("%s forms the group and was not in the last view %v", name, w.lastView)
	}
}

// write commits on every primary that has a majority; there must be one at most.
func (w *world) write() {
	var writable []string
	for _, name := range worldNames {
		if g := w.nodes[name].group; w.inGroup(name) && g.primary == name && w.hasMajority(g) {
			writable = append(writable, name)
		}
	}
	if len(writable) > 1 {
		w.breach("two primaries: %v", writable)
	}
	if len(writable) == 0 {
		return
	}
	w.written++
	tx, _ := ParseGTIDSet(fmt.Sprintf("%s:%d", worldGroup, w.written))
	for _, name := range w.living(w.nodes[writable[0]].group) {
		if n := w.nodes[name]; name == writable[0] {
			n.executed = n.executed.Union(tx)
		} else {
			n.received = n.received.Union(tx)
		}
	}
}

// mysql is what a probe of the server shows.
func (w *world) mysql(name string) MySQL {
	n := w.nodes[name]
	if !n.up {
		return MySQL{Error: "connection refused"}
	}
	my := MySQL{
		Reachable: true, UUID: uuidOf(name), Version: "9.7.4", Uptime: n.uptime, Group: worldGroup, State: n.state, SuperReadOnly: n.readOnly,
		Bootstrapping: n.bootstrapping, Executed: n.executed.String(), Received: n.received.String(), Purged: n.purged, CloneState: n.cloned,
	}
	if n.state != Online {
		return my
	}
	g := n.group
	my.ViewID, my.Role = fmt.Sprintf("%d:%d", g.forming, g.counter), Secondary
	for _, member := range g.members {
		m := Member{Server: member, UUID: uuidOf(member), State: Unreachable, Role: Secondary}
		if w.inGroup(member) && w.nodes[member].group == g {
			m.State = Online
		}
		if member == g.primary {
			m.Role = Primary
		}
		my.Members = append(my.Members, m)
	}
	if g.primary == name {
		my.Role = Primary
	}
	return my
}

func uuidOf(name string) string { return "dddddddd-0000-4000-8000-00000000000" + name[2:] }
