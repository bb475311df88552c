package guard

import (
	"slices"
	"strings"
	"time"
)

// judge holds what guards do against what must never happen, and what they reach
// against what they have to. It looks at the world itself, not at what guards know.
type judge struct {
	promises map[timedPromise]string
	well     [3]time.Duration // when that member last was ONLINE and did something; -1: never
	acted    bool
	last     time.Duration // when a member was last taken out of use
	actor    int
	kind     Kind
	calm     time.Duration // since when all are healthy, 0: they are not
	renewed  bool          // all were healthy for long enough since
	quiet    int           // looks at which all was well
	lasted   time.Duration // from the end of faults until all was well
	formings int
	acts     int

	overlapSince, overlapEnd, overlap time.Duration
}

type timedPromise struct {
	voter string
	epoch uint64
}

// Slack for what guards know late: answers up to a second old, probes as well, and the
// world moves in ticks.
const (
	knownLate = 3 * time.Second
	// wellWithin bounds the time from the end of all faults until every living server is
	// ONLINE and one is the primary. What adds up in the worst case: a START that looks for
	// a group in vain for 60 s and may not be cut off, the pause of 15 s after it, the 20 s
	// for which a guard that has just started waits for voters that never answer, and some
	// seconds for each of election, forming and joining one after the other.
	wellWithin = 2 * time.Minute
)

func (j *judge) began(*timedSim) {
	j.promises, j.well = map[timedPromise]string{}, [3]time.Duration{-1, -1, -1}
}

// promised: a voter lets one candidate use an epoch, and knows what it had.
func (j *judge) promised(s *timedSim, voter string, q GrantRequest) {
	if s.nodes[indexOf(voter)].lost {
		s.breach("%s promises epoch %d though its data is gone", voter, q.Epoch)
	}
	key := timedPromise{voter, q.Epoch}
	if to, given := j.promises[key]; given && to != q.Candidate {
		s.breach("%s promises epoch %d to %s and to %s", voter, q.Epoch, to, q.Candidate)
	}
	j.promises[key] = q.Candidate
}

// forms: only with the word of all members of the newest view that any of those who
// gave their word has recorded, and with everything that any of them has. Who was not
// asked may have recorded a newer one, of a member that had just come in; he must not
// have been able to go on alone.
func (j *judge) forms(s *timedSim, n *timedNode, q GrantRequest) {
	j.formings++
	word := func(name string) bool { return j.promises[timedPromise{name, q.Epoch}] == n.name }
	known := s.newestViews(word)
	for _, voter := range known {
		if !word(voter) {
			s.breach("%s forms the group in epoch %d without the word of %s", n.name, q.Epoch, voter)
		}
		if m := s.nodes[indexOf(voter)]; len(m.log) > len(n.log) || !slices.Equal(m.log, n.log[:len(m.log)]) {
			s.breach("%s forms the group without transactions of %s", n.name, voter)
		}
	}
	if !slices.Contains(known, n.name) && !s.announced(n.name) {
		s.breach("%s forms the group and was not in the newest view %v", n.name, known)
	}
	newest := s.newestViews(func(string) bool { return true })
	without := slices.DeleteFunc(slices.Clone(newest), word)
	if 2*len(without) > len(newest) {
		s.breach("%s forms the group without the word of %v, which could go on without it", n.name, without)
	}
}

// announced reports whether some guard expects that server to have come in.
func (s *timedSim) announced(name string) bool {
	return slices.ContainsFunc(s.guards, func(g *timedGuard) bool { return slices.Contains(g.disk.Joining, name) })
}

// newestViews are the members of the newest view in the records of some guards, or all
// servers where none has recorded any.
func (s *timedSim) newestViews(of func(name string) bool) (members []string) {
	var newest Record
	for i, g := range s.guards {
		switch r := g.disk; {
		case !of(worldNames[i]) || r.Epoch == 0 || r.compare(newest) < 0:
		case newest.Epoch == 0 || r.compare(newest) > 0:
			newest, members = r, slices.Clone(r.Members)
		default:
			members = append(members, r.Members...)
		}
	}
	if newest.Epoch == 0 {
		return worldNames
	}
	slices.Sort(members)
	return slices.Compact(members)
}

// joins: a member does not knock while the group still counts its former membership.
// That does not come to be counted by itself, so late knowledge is no excuse.
func (j *judge) joins(s *timedSim, n *timedNode) {
	for _, m := range s.nodes {
		if m != n && n.up && s.functions(m) && slices.Contains(m.view.members, n.index) {
			s.breach("%s asks to join while %s still counts it as a member", n.name, m.name)
		}
	}
}

// takesOut: never without a majority that could take over, and seldom.
func (j *judge) takesOut(s *timedSim, g *timedGuard, a Action) {
	j.acts++
	s.spare()
	for k, last := range j.well {
		// What is known of each of the others may be of another moment.
		if k != g.index && (last < 0 || s.now-last > knownLate) {
			s.breach("%s: %s, though the others cannot do without it", g.policy.Server, a.Kind)
			break
		}
	}
	second := a.Kind == FenceSelf && j.kind == HandOver && j.actor == g.index && s.now-j.last <= handOverFresh+knownLate
	if ago := s.now - j.last; j.acted && !second && ago < actPause && !j.renewed {
		s.breach("%s: %s, %.0f s after %s of %s", g.policy.Server, a.Kind, ago.Seconds(), j.kind, worldNames[j.actor])
	}
	j.acted, j.last, j.actor, j.kind, j.renewed, j.calm = true, s.now, g.index, a.Kind, false, 0
}

// spare notes who is well at this moment, and could take over.
func (s *timedSim) spare() {
	for i, n := range s.nodes {
		if n.works() && n.state == Online {
			s.judge.well[i] = s.now
		}
	}
}

// look is the judge's own half second.
func (s *timedSim) look() {
	s.spare()
	j, well := &s.judge, true
	for _, n := range s.nodes {
		well = well && n.works() && n.state == Online && len(n.view.members) == len(worldNames)
	}
	switch {
	case !well:
		j.calm = 0
	case j.calm == 0:
		j.calm = s.now
	case s.now-j.calm >= redundantFor-knownLate:
		j.renewed = true
	}
	if s.healed == 0 || s.now < s.healed {
		return
	}
	if s.allWell() {
		j.quiet++
	} else {
		j.quiet = 0
	}
	switch {
	case j.quiet == 2:
		j.lasted, s.still = s.now-s.healed, true
	case s.still && j.quiet >= 4 && (s.applied() || j.quiet > 40):
		s.done = true
		s.audit()
	case s.now-s.healed > hearOthers+knownLate && s.needsPerson():
		s.done = true
	case s.now-s.healed > wellWithin:
		s.breach("not all is well %s after all faults have ended", wellWithin)
	}
}

// needsPerson reports whether all wait for a person to say what is to become of data that
// is gone, as they must: no group is left, and nobody else knows what it had.
func (s *timedSim) needsPerson() bool {
	lost, said := false, false
	for i, n := range s.nodes {
		if s.functions(n) || s.guards[i].job != "" {
			return false
		}
		lost = lost || n.lost
		said = said || strings.Contains(s.guards[i].message, "its data is gone")
	}
	return lost && said
}

// living are the servers that are there after the faults.
func (s *timedSim) living() (living []int) {
	for i := range s.nodes {
		if i != s.gone {
			living = append(living, i)
		}
	}
	return living
}

// allWell: every living server is ONLINE in one view of all of them, one is writable,
// and the check of that one says yes and nobody else's.
func (s *timedSim) allWell() bool {
	living := s.living()
	view := s.nodes[living[0]].view
	if view == nil || !slices.Equal(view.members, living) {
		return false
	}
	for _, i := range living {
		n, g := s.nodes[i], s.guards[i]
		first := view.primary == i
		if !n.works() || n.state != Online || n.view != view || n.readOnly == first || !g.up || g.frozen {
			return false
		}
		if yes := g.snap.primary(s.at(g)) == ""; yes != first {
			return false
		}
	}
	return true
}

// applied reports whether every member has executed all it received, and received all.
func (s *timedSim) applied() bool {
	for _, i := range s.living() {
		if n := s.nodes[i]; n.executed < len(n.view.of.log) {
			return false
		}
	}
	return true
}

// audit: nothing that was acknowledged is missing anywhere.
func (s *timedSim) audit() {
	for _, i := range s.living() {
		n := s.nodes[i]
		if n.executed < len(s.acked) || !slices.Equal(n.log[:len(s.acked)], s.acked) {
			s.breach("%s lacks acknowledged transactions: it has %d, and %d were acknowledged", n.name, n.executed, len(s.acked))
		}
	}
}

// measure takes the time for which two servers call themselves the primary: there must be
// none, however short.
func (s *timedSim) measure(until time.Duration) {
	var first, second time.Duration
	for _, g := range s.guards {
		if !g.up || g.frozen || g.yes <= s.now {
			continue
		}
		if g.yes > first {
			first, second = g.yes, first
		} else if g.yes > second {
			second = g.yes
		}
	}
	if second == 0 {
		return
	}
	j := &s.judge
	if j.overlapEnd != s.now {
		j.overlapSince = s.now
	}
	j.overlapEnd = min(second, until)
	if lasts := j.overlapEnd - j.overlapSince; lasts > j.overlap {
		if j.overlap == 0 {
			s.breach("two servers say at the same moment that they are the primary")
		}
		j.overlap = lasts
	}
}
