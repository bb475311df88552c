package guard

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Group Replication looks at messages between its own threads. It does not see a
// disk that is full or stands still, nor a mysqld that answers nobody, and keeps
// such a member, even as the primary. The guard sees them, and makes them visible.
//
// It does so only where the others can take over at once, and seldom: a guard that
// is wrong must not take one member after the other.

// How long something has to last.
const (
	pulseLimit   = 3 * time.Second  // beats of the primary fail
	answerLimit  = 10 * time.Second // mysqld answers no probe. Twice what Group Replication needs where it does see it
	applierLimit = 30 * time.Second // a secondary neither applies nor writes
)

// How often the guards of a site take a member out of use.
const (
	// actPause lies between two such actions, of whichever guard.
	actPause = 10 * time.Minute
	// redundantFor is how long all voters have to be healthy for the next one to be
	// allowed earlier.
	redundantFor = 30 * time.Second
)

// Bounds of the actions.
const (
	handOverGrace = 2 * time.Second // until transactions that are not committed are cut off
	handOverLimit = 2500 * time.Millisecond
	handOverFresh = 10 * time.Second // for so long a failed hand-over is a reason to fence
	stepOutLimit  = 10 * time.Second
)

// hung decides about a member that Group Replication holds for healthy and that is
// not; nil when there is nothing of that kind.
func (v View) hung(p Policy, now time.Time) *Action {
	healthy, size := v.healthyPeers(p, now)
	a := v.symptom(healthy, now)
	if a == nil || a.Kind == Wait {
		return a
	}
	if why := v.mayNotAct(a.Kind, healthy, size, now); why != "" {
		hold := wait(a.Reason + "; nothing is done about it: " + why)
		return &hold
	}
	if !v.secondHalf(a.Kind, now) {
		a.Noting = notedBy(p.Server, healthy)
	}
	if a.Kind == HandOver {
		a.To = healthy[0].UUID
		a.Reason += "; hands the primary over to " + healthy[0].Server
	}
	return a
}

// symptom is what is wrong and what helps against it.
func (v View) symptom(healthy []Member, now time.Time) *Action {
	lasting := func(since time.Time, limit time.Duration) bool { return !since.IsZero() && now.Sub(since) >= limit }
	ago := func(since time.Time) time.Duration { return now.Sub(since).Round(time.Second) }
	switch my := v.MySQL; {
	case !my.Reachable:
		// Without a peer that lists this member as ONLINE, Group Replication has seen it.
		if lasting(v.Unanswered, answerLimit) && len(healthy) > 0 {
			return &Action{Kind: FenceSelf, Reason: fmt.Sprintf("mysqld has answered nothing for %s and the group still counts on it", ago(v.Unanswered))}
		}
	case my.State != Online || !my.majority():
	case my.Role == Primary && lasting(v.Pulse.Own, pulseLimit) && !v.handOverFailed(now):
		return &Action{Kind: HandOver, Reason: fmt.Sprintf("writes have failed for %s: %s", ago(v.Pulse.Failing), v.Pulse.Error)}
	case my.Role == Primary && v.handOverFailed(now) && (!v.Pulse.Failing.IsZero() || my.SuperReadOnly):
		return &Action{Kind: FenceSelf, Reason: "writes fail and the primary could not be handed over"}
	case my.Role == Primary && lasting(v.Pulse.Failing, pulseLimit):
		a := wait(fmt.Sprintf("writes have failed for %s: %s; no reason to move the primary", ago(v.Pulse.Failing), v.Pulse.Error))
		return &a
	case my.Role == Secondary && lasting(v.Halted, applierLimit):
		return v.halted(ago(v.Halted))
	}
	return nil
}

// halted is about a secondary that applies nothing. It holds the writes of the
// whole group up, and would become a primary that does nothing.
func (v View) halted(lasts time.Duration) *Action {
	reason := fmt.Sprintf("has applied and written nothing for %s, with %d transactions waiting", lasts, v.MySQL.Queue)
	if v.MySQL.ApplierWaits != "" {
		a := wait(reason + ": " + v.MySQL.ApplierWaits + "; no reason to leave the group")
		return &a
	}
	return &Action{Kind: StepOut, Reason: reason}
}

// notedBy are the members whose guards have to note a turn, in the order in which all ask.
func notedBy(server string, healthy []Member) []string {
	names := []string{server}
	for _, m := range healthy {
		names = append(names, m.Server)
	}
	slices.Sort(names)
	return names
}

func (v View) handOverFailed(now time.Time) bool {
	return !v.HandOverFailed.IsZero() && now.Sub(v.HandOverFailed) < handOverFresh
}

// secondHalf reports whether an action ends a turn that has been taken: the primary could
// not be handed over.
func (v View) secondHalf(kind Kind, now time.Time) bool {
	return kind == FenceSelf && v.handOverFailed(now)
}

// healthyPeers are the members that could take over at once: their guard and MySQL
// answer, they are ONLINE with a majority in the view of this member and list it
// as ONLINE, and have little to apply. The best next primary comes first. size is
// the number of members in that view.
func (v View) healthyPeers(p Policy, now time.Time) (healthy []Member, size int) {
	view := v.MySQL.ViewID
	for _, name := range p.Voters {
		peer := v.Peers[name]
		theirs := peer.Answer.MySQL
		switch {
		case name == p.Server || peer.Asked.IsZero() || now.Sub(peer.Asked) > peerFresh:
		case peer.Asked.Before(v.Woke): // while the machine slept, the clock stood still
		case !theirs.Reachable || theirs.State != Online || !theirs.majority() || !theirs.seesOnline(p.Server):
		case theirs.Group != p.Group || theirs.Queue > maxSwitchQueue || theirs.OfflineMode:
		case view != "" && theirs.ViewID != view:
		default:
			// A mysqld that does not answer cannot tell its view: that of the first peer counts.
			view, size = theirs.ViewID, len(theirs.Members)
			healthy = append(healthy, Member{Server: name, UUID: theirs.UUID, State: Online, Role: theirs.Role, Queue: theirs.Queue})
		}
	}
	sortByQueue(healthy)
	return healthy, size
}

// sortByQueue puts the member first that has least to apply; among equals the name
// decides.
func sortByQueue(members []Member) {
	slices.SortFunc(members, func(a, b Member) int {
		if a.Queue != b.Queue {
			return int(min(max(a.Queue-b.Queue, -1), 1))
		}
		return strings.Compare(a.Server, b.Server)
	})
}

// seesOnline reports whether a server is ONLINE in this mysqld's view.
func (m MySQL) seesOnline(server string) bool {
	return slices.ContainsFunc(m.Members, func(x Member) bool { return x.Server == server && x.State == Online })
}

// mayNotAct says why this member must not be taken out of use, or "".
func (v View) mayNotAct(kind Kind, healthy []Member, size int, now time.Time) string {
	if 2*len(healthy) <= size || len(healthy) == 0 {
		names := make([]string, len(healthy))
		for i, m := range healthy {
			names[i] = m.Server
		}
		return fmt.Sprintf("the others could not do without this member, only %v are healthy", names)
	}
	if v.secondHalf(kind, now) {
		return ""
	}
	if now.Sub(v.TurnRefused) < turnAgain {
		return v.RefusedBy
	}
	return v.refusesTurn(v.OwnTurn, now)
}

// troubled reports whether something is wrong that a decision may follow from: the
// peers' answers have to be fresh then.
func (v View) troubled() bool {
	return !v.Pulse.Failing.IsZero() || !v.Unanswered.IsZero() || !v.Halted.IsZero()
}

// redundant reports whether every voter is a healthy member. While all is calm the
// answers of peers are as old as calmFresh.
func (v View) redundant(p Policy, now time.Time) bool {
	my := v.MySQL
	if my.State != Online || v.troubled() || my.Queue > maxSwitchQueue {
		return false
	}
	for _, name := range p.Voters {
		peer := v.Peers[name]
		theirs := peer.Answer.MySQL
		if !my.seesOnline(name) {
			return false
		}
		if name != p.Server && (now.Sub(peer.Asked) > calmFresh || theirs.State != Online || theirs.Queue > maxSwitchQueue) {
			return false
		}
	}
	return true
}

// calmFresh is how old the answer of a healthy peer can be that is asked every
// peersEvery and may take peerTimeout.
const calmFresh = peersEvery + 2*peerTimeout

// watch keeps since when things are as the probe shows them; before is the probe
// that came before it.
func (v *View) watch(before MySQL, p Policy, begun time.Time) {
	my := v.MySQL
	since := func(t time.Time, is bool) time.Time {
		switch {
		case !is:
			return time.Time{}
		case t.IsZero():
			return begun
		}
		return t
	}
	v.Unanswered = since(v.Unanswered, my.Hangs)
	standing := my.State == Online && my.Role == Secondary && my.Executed == before.Executed && my.Written == before.Written
	v.Halted = since(v.Halted, standing && my.backlogged())
	v.Redundant = since(v.Redundant, v.redundant(p, begun))
	// Kept, since the trouble that is decided about ends the redundancy itself.
	if !v.Redundant.IsZero() && begun.Sub(v.Redundant) >= redundantFor && begun.Sub(v.Turn.At) >= redundantFor {
		v.Restored = begun
	}
}

// backlogged reports whether there are transactions to apply. The counter alone is
// not trusted.
func (m MySQL) backlogged() bool {
	if m.Queue == 0 {
		return false
	}
	c, err := readCandidate(Answer{MySQL: m})
	return err == nil && !c.todo.Empty()
}

// wantsBeats reports whether this member is the primary and takes writes.
func (m MySQL) wantsBeats() bool {
	return m.State == Online && m.Role == Primary && !m.SuperReadOnly && m.majority()
}
