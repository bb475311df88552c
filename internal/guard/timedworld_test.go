package guard

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// timedWorld is a model of Group Replication in which time passes. What it knows of
// the real one: silence of 5 s makes a suspect, and with member_expel_timeout=0 a
// majority expels him at once; a member that sees no majority for another 5 s
// (unreachable_majority_timeout) leaves into ERROR and read-only; a transaction is
// chosen by a majority of the view and acknowledged after that; whoever enters counts
// as a member while he catches up.
//
// All randomness comes from rng, so that a seed tells a whole history.
type timedWorld struct {
	rng      *rand.Rand
	now      time.Duration // since the beginning of the history
	nodes    []*timedNode
	lineages []*lineage
	members  links // whose messages of Group Replication reach whom
	contents int32 // transactions made
	acked    []int32
	still    bool // nobody writes any more
	breaches []string
	rest     []int // scratch of peersOf
}

// Times of Group Replication.
const (
	suspectAfter = 5 * time.Second // constant of the failure detector
	giveUpAfter  = 5 * time.Second // group_replication_unreachable_majority_timeout
	worldTick    = 500 * time.Millisecond
)

// links[a][b] says that what a sends reaches b.
type links [3][3]bool

func (l *links) set(up bool) {
	for a := range l {
		for b := range l[a] {
			l[a][b] = up
		}
	}
}

// lineage is what one forming of the group began: a sequence of transactions that a
// majority has chosen. A transaction's place in it is its GTID's number; what stands
// there tells two transactions of one number apart.
type lineage struct {
	id      int
	log     []int32
	counter int // of its newest view
}

// timedView is never changed. A hand-over makes a new one with the same counter.
type timedView struct {
	of            *lineage
	counter, turn int
	members       []int
	primary       int
}

func (v *timedView) newer(than *timedView) bool {
	return v.counter > than.counter || v.counter == than.counter && v.turn > than.turn
}

func (v *timedView) id() string { return strconv.Itoa(v.of.id) + ":" + strconv.Itoa(v.counter) }

type disk int

const (
	diskWell  disk = iota
	diskSlow       // writes take long
	diskStuck      // writes do not end
	diskFull       // writes fail
)

// timedNode is one mysqld and the machine it runs on.
type timedNode struct {
	index  int
	name   string
	up     bool
	frozen bool
	disk   disk
	life   int // counts boots: statements of an earlier one are lost
	booted time.Duration

	state         string
	readOnly      bool
	bootstrapping bool
	starting      bool
	view          *timedView // nil outside a group
	torn          string     // view shown while it stops
	tornRole      string
	heard         [3]time.Duration
	suspects      [3]bool
	alone         time.Duration // since when it suspects a majority; 0: it does not
	ready         time.Duration // when it has caught up

	log      []int32 // received, kept over a crash
	executed int     // how many of them
	written  int64
	hung     bool   // a write of the primary hangs on its disk
	lost     bool   // its data directory was wiped, and it has not cloned since
	cloned   string // state of the last clone
}

var errTimed = errors.New("model")

func newTimedWorld(rng *rand.Rand) *timedWorld {
	w := &timedWorld{rng: rng}
	w.members.set(true)
	for i, name := range worldNames {
		w.nodes = append(w.nodes, &timedNode{index: i, name: name, state: Offline, readOnly: true})
	}
	return w
}

// formed puts all into a group that has existed for a while.
func (w *timedWorld) formed() {
	l := &lineage{id: 1, counter: 3}
	w.lineages = append(w.lineages, l)
	v := &timedView{of: l, counter: 3, members: []int{0, 1, 2}}
	for _, n := range w.nodes {
		n.up, n.state = true, Online
	}
	w.install(v, v.members)
	w.nodes[0].readOnly = false
}

func (w *timedWorld) breach(format string, args ...any) {
	w.breaches = append(w.breaches, fmt.Sprintf(format, args...))
}

func (w *timedWorld) chance(p float64) bool { return w.rng.Float64() < p }

func (w *timedWorld) between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.rng.Int64N(int64(high-low)+1))
}

// active reports whether the member takes part in its group.
func (n *timedNode) active() bool { return n.up && n.view != nil }

// works reports whether it does something at this moment.
func (n *timedNode) works() bool { return n.active() && !n.frozen }

func (w *timedWorld) twoWay(a, b int) bool { return w.members[a][b] && w.members[b][a] }

// peersOf are the members that agree with n at this moment about a decision of its
// view, n included. It is valid until the next call.
func (w *timedWorld) peersOf(n *timedNode) []int {
	w.rest = w.rest[:0]
	if !n.works() {
		return nil
	}
	for _, i := range n.view.members {
		if i == n.index || w.nodes[i].works() && w.nodes[i].view == n.view && w.twoWay(i, n.index) {
			w.rest = append(w.rest, i)
		}
	}
	return w.rest
}

func (w *timedWorld) functions(n *timedNode) bool {
	return n.works() && 2*len(w.peersOf(n)) > len(n.view.members)
}

func (w *timedWorld) boot(i int) {
	n := w.nodes[i]
	if n.up {
		return
	}
	n.up, n.booted = true, w.now
	n.life++
}

// crash is also the end of power: what was received is kept.
func (w *timedWorld) crash(i int) {
	n := w.nodes[i]
	n.life++
	n.up, n.frozen, n.bootstrapping, n.starting, n.hung, n.written = false, false, false, false, false, 0
	n.outside(Offline)
}

// outside ends a membership.
func (n *timedNode) outside(state string) {
	n.state, n.readOnly, n.view, n.torn, n.alone = state, true, nil, "", 0
}

// tick is half a second of Group Replication.
func (w *timedWorld) tick() {
	first := w.rng.IntN(len(w.nodes))
	for k := range w.nodes {
		if n := w.nodes[(first+k)%len(w.nodes)]; n.works() && !w.learn(n) {
			w.detect(n)
		}
	}
	for _, n := range w.nodes {
		w.apply(n)
	}
	if !w.still && w.chance(0.6) {
		w.write()
	}
}

// learn tells a member of a newer view, or that it was expelled.
func (w *timedWorld) learn(n *timedNode) (expelled bool) {
	for _, m := range w.nodes {
		if m == n || !m.works() || m.view.of != n.view.of || !m.view.newer(n.view) || !w.twoWay(m.index, n.index) || w.chance(0.3) {
			continue
		}
		if !slices.Contains(m.view.members, n.index) {
			n.outside(Failed)
			return true
		}
		w.install(m.view, []int{n.index})
	}
	return false
}

// detect is the failure detector of one member.
func (w *timedWorld) detect(n *timedNode) {
	var well []int
	for _, i := range n.view.members {
		m := w.nodes[i]
		if i == n.index || m.works() && m.view.of == n.view.of && w.members[i][n.index] {
			n.heard[i] = w.now
		}
		if n.suspects[i] = w.now-n.heard[i] > suspectAfter; !n.suspects[i] {
			well = append(well, i)
		}
	}
	size := len(n.view.members)
	if 2*len(well) <= size {
		if n.alone == 0 {
			n.alone = w.now
		}
		if w.now-n.alone >= giveUpAfter {
			n.outside(Failed)
		}
		return
	}
	n.alone = 0
	if agree := w.peersOf(n); len(well) < size && 2*len(agree) > size {
		w.change(n.view, well, slices.Clone(agree))
	}
}

// change installs the next view of a group at those who agreed on it.
func (w *timedWorld) change(from *timedView, members, agree []int) {
	from.of.counter++
	v := &timedView{of: from.of, counter: from.of.counter, members: members, primary: from.primary}
	agree = slices.DeleteFunc(agree, func(i int) bool { return !slices.Contains(members, i) })
	w.level(agree)
	if !slices.Contains(members, v.primary) {
		v.primary = w.elect(agree)
	}
	w.install(v, agree)
}

// level gives members what any of them has received: a view begins with that.
func (w *timedWorld) level(members []int) {
	var longest []int32
	for _, i := range members {
		if log := w.nodes[i].log; len(log) > len(longest) {
			longest = log
		}
	}
	for _, i := range members {
		n := w.nodes[i]
		n.log = append(n.log, longest[len(n.log):]...)
	}
}

// elect prefers who has executed most, then the first by name.
func (w *timedWorld) elect(members []int) int {
	best := -1
	for _, i := range members {
		if n := w.nodes[i]; n.state == Online && (best < 0 || n.executed > w.nodes[best].executed) {
			best = i
		}
	}
	if best < 0 {
		return members[0]
	}
	return best
}

func (w *timedWorld) install(v *timedView, at []int) {
	for _, i := range at {
		n := w.nodes[i]
		for _, m := range v.members {
			if n.view == nil || !slices.Contains(n.view.members, m) {
				n.heard[m], n.suspects[m] = w.now, false
			}
		}
		// A new primary stays read-only until it has applied its backlog.
		n.readOnly = n.readOnly || i != v.primary
		n.view = v
	}
}

// apply lets a member receive what it missed, and execute.
func (w *timedWorld) apply(n *timedNode) {
	if !n.works() {
		return
	}
	if chosen := n.view.of.log; len(n.log) < len(chosen) && !n.hung {
		for _, m := range w.nodes {
			if m.works() && m.view.of == n.view.of && len(m.log) > len(n.log) && w.twoWay(m.index, n.index) {
				n.log = append(n.log, m.log[len(n.log):]...)
			}
		}
	}
	w.execute(n)
	if n.executed < len(n.log) {
		return
	}
	if n.state == Recovering && w.now >= n.ready {
		n.state = Online
	}
	if n.state == Online && n.view.primary == n.index && n.readOnly && w.functions(n) {
		n.readOnly = false
	}
}

func (w *timedWorld) execute(n *timedNode) {
	if n.executed == len(n.log) {
		return
	}
	switch {
	case n.disk == diskWell && w.chance(0.9):
		n.executed, n.written = len(n.log), n.written+1
	case n.disk == diskSlow && w.chance(0.3):
		n.executed, n.written = n.executed+1, n.written+1
	}
}

// write is one transaction of the site at every primary that would take it.
func (w *timedWorld) write() {
	var writable *timedNode
	for _, n := range w.nodes {
		if !n.works() || n.state != Online || n.view.primary != n.index || n.readOnly || !w.functions(n) {
			continue
		}
		if writable != nil && writable.view.of == n.view.of {
			w.breach("two writable primaries of one group: %s and %s", writable.name, n.name)
		}
		writable = n
		w.commit(n)
	}
}

func (w *timedWorld) commit(n *timedNode) {
	l, with := n.view.of, w.peersOf(n)
	hangs := n.disk == diskStuck || n.disk == diskFull
	if len(n.log) < len(l.log) || hangs && (n.hung || 2*(len(with)-1) <= len(n.view.members)) || n.disk == diskSlow && w.chance(0.7) {
		return
	}
	w.contents++
	l.log = append(l.log, w.contents)
	// A disk that hangs keeps the transaction from the primary itself, but not from the others.
	have, need := 0, len(n.view.members)/2+1
	if !hangs {
		n.log, have = append(n.log, w.contents), 1
	}
	others := slices.DeleteFunc(with, func(i int) bool { return i == n.index })
	for k, i := range others {
		// A majority receives it at once, who else may later.
		if m := w.nodes[i]; have+len(others)-k-1 < need || w.chance(0.7) {
			m.log = append(m.log, l.log[len(m.log):]...)
			have++
			w.execute(m)
		}
	}
	if n.hung = hangs; !hangs {
		n.executed, n.written = len(n.log), n.written+1
		w.acknowledge(n)
	}
}

// acknowledge holds what clients were told against what they were told before.
func (w *timedWorld) acknowledge(n *timedNode) {
	l := n.view.of
	if newest := w.lineages[len(w.lineages)-1]; l != newest {
		w.breach("%s acknowledges a write in group %d after group %d was formed: split brain", n.name, l.id, newest.id)
	}
	for i, content := range l.log {
		switch {
		case i == len(w.acked):
			w.acked = append(w.acked, content)
		case w.acked[i] != content:
			w.breach("%s acknowledges another transaction %d than was acknowledged before", n.name, i+1)
			return
		}
	}
}

// start is the end of START GROUP_REPLICATION for a join.
func (w *timedWorld) start(i int) error {
	n := w.nodes[i]
	for _, m := range w.nodes {
		if m == n || !w.functions(m) || !w.twoWay(m.index, i) {
			continue
		}
		if slices.Contains(m.view.members, i) {
			return fmt.Errorf("%w: the group still counts the former membership", errTimed)
		}
		l, agree := m.view.of, slices.Clone(w.peersOf(m))
		if len(n.log) > len(l.log) || !slices.Equal(n.log, l.log[:len(n.log)]) {
			w.breach("%s joins with other transactions than the group has", n.name)
			return errTimed
		}
		members := append(slices.Clone(m.view.members), i)
		slices.Sort(members)
		n.state, n.ready, n.log = Recovering, w.now+w.between(500*time.Millisecond, 3*time.Second), slices.Clone(l.log)
		w.change(m.view, members, append(agree, i))
		return nil
	}
	return fmt.Errorf("%w: no group to join", errTimed)
}

// form is the end of START GROUP_REPLICATION with group_replication_bootstrap_group.
func (w *timedWorld) form(i int) {
	n := w.nodes[i]
	for _, m := range w.nodes {
		if w.functions(m) {
			w.breach("%s forms a group while %s is in one with a majority", n.name, m.name)
		}
	}
	if len(n.log) < len(w.acked) || !slices.Equal(n.log[:len(w.acked)], w.acked) {
		w.breach("%s forms the group without acknowledged transactions", n.name)
	}
	if len(w.lineages) == 0 && i != 0 {
		w.breach("%s forms the group for the first time", n.name)
	}
	l := &lineage{id: len(w.lineages) + 1, counter: 1, log: slices.Clone(n.log)}
	w.lineages = append(w.lineages, l)
	n.state, n.executed = Online, len(n.log)
	w.install(&timedView{of: l, counter: 1, members: []int{i}, primary: i}, []int{i})
	n.readOnly = false
}

// leave is STOP GROUP_REPLICATION up to where the group knows; leave ends with left.
func (w *timedWorld) leave(i int) {
	n := w.nodes[i]
	if !n.active() {
		return
	}
	v := n.view
	rest := slices.DeleteFunc(slices.Clone(w.peersOf(n)), func(x int) bool { return x == i })
	if 2*(len(rest)+1) > len(v.members) && len(rest) > 0 {
		w.level(append(slices.Clone(rest), i))
		w.change(v, slices.DeleteFunc(slices.Clone(v.members), func(x int) bool { return x == i }), rest)
	}
	// For a moment MySQL shows it ONLINE and alone under the identifier of its last view.
	n.torn, n.tornRole, n.view, n.alone = v.id(), Secondary, nil, 0
	if v.primary == i {
		n.tornRole = Primary
	}
}

func (w *timedWorld) left(i int) { w.nodes[i].outside(Offline) }

// handOver makes another member the primary.
func (w *timedWorld) handOver(asked, to int) error {
	n := w.nodes[asked]
	agree := slices.Clone(w.peersOf(n))
	if !n.works() || 2*len(agree) <= len(n.view.members) || !slices.Contains(agree, to) || w.nodes[to].state != Online {
		return fmt.Errorf("%w: no hand-over", errTimed)
	}
	if primary := n.view.primary; !slices.Contains(agree, primary) || w.nodes[primary].hung && w.chance(0.5) {
		return fmt.Errorf("%w: the primary does not let go", errTimed)
	}
	w.level(agree)
	w.install(&timedView{of: n.view.of, counter: n.view.counter, turn: n.view.turn + 1, members: n.view.members, primary: to}, agree)
	return nil
}

// mysql is what a probe of a mysqld that answers shows.
func (w *timedWorld) mysql(n *timedNode) MySQL {
	my := MySQL{
		Reachable: true, UUID: uuidOf(n.name), Version: "9.7.4", Uptime: int64((w.now - n.booted) / time.Second), Group: worldGroup,
		State: n.state, SuperReadOnly: n.readOnly, Bootstrapping: n.bootstrapping, Executed: firstGTIDs(n.executed), Written: n.written,
	}
	if n.state == Offline {
		my.CloneState = n.cloned
	}
	if len(n.log) > n.executed {
		my.Received, my.Queue = firstGTIDs(len(n.log)), int64(len(n.log)-n.executed)
	}
	switch {
	case n.torn != "":
		my.State, my.ViewID, my.Role = Online, n.torn, n.tornRole
		my.Members = []Member{{Server: n.name, UUID: my.UUID, State: Online, Role: n.tornRole}}
	case n.view != nil:
		my.ViewID, my.Role, my.Members = n.view.id(), Secondary, make([]Member, len(n.view.members))
		for k, i := range n.view.members {
			my.Members[k] = w.member(n, i)
		}
		if n.view.primary == n.index {
			my.Role = Primary
		}
	}
	return my
}

// member is a row of the group as n sees it: a dead one looks well until suspected.
func (w *timedWorld) member(n *timedNode, i int) Member {
	m := Member{Server: worldNames[i], UUID: uuids[i], State: Online, Role: Secondary}
	switch other := w.nodes[i]; {
	case n.suspects[i]:
		m.State = Unreachable
	case other.active():
		m.State, m.Queue = other.state, int64(len(other.log)-other.executed)
	}
	if n.view.primary == i {
		m.Role = Primary
	}
	return m
}

var uuids = []string{uuidOf("db1"), uuidOf("db2"), uuidOf("db3")}

// firstGTIDs are the first n transactions of the group.
func firstGTIDs(n int) string {
	if n == 0 {
		return ""
	}
	return worldGroup + ":1-" + strconv.Itoa(n)
}
