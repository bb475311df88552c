package guard

import (
	"fmt"
	"slices"
	"time"
)

// join decides how to enter a group that is alive; nil when none is.
func (s *situation) join() *Action {
	alive := slices.DeleteFunc(slices.Clone(s.others), func(c candidate) bool { return !c.mysql.active() })
	if len(alive) == 0 {
		return nil
	}
	action := s.enter(alive)
	return &action
}

func (s *situation) enter(alive []candidate) Action {
	group := slices.DeleteFunc(slices.Clone(alive), func(c candidate) bool { return c.mysql.State != Online || !c.mysql.majority() })
	if len(group) == 0 {
		return wait(fmt.Sprintf("%s is in a group without a majority that is ONLINE; waits until it has one or has left", alive[0].name))
	}
	for _, c := range group {
		switch {
		case forming(c.record.ViewID) != forming(c.mysql.ViewID):
			return wait(fmt.Sprintf("waits until the guard of %s has recorded its view", c.name))
		case forming(c.mysql.ViewID) != forming(group[0].mysql.ViewID):
			return wait(fmt.Sprintf("%s and %s are in two different groups; this needs a person", group[0].name, c.name))
		case c.mysql.lists(s.Server):
			// Group Replication turns a restarted member away while the group still
			// counts its former life.
			return wait(fmt.Sprintf("waits until %s has expelled this server's former membership", c.name))
		}
	}
	return s.enterBy(group, alive)
}

// enterBy chooses between catching up and a clone, by the transactions alone. What a
// member has that is still RECOVERING is the group's, too: the others may have it in flight.
func (s *situation) enterBy(group, alive []candidate) Action {
	everything := GTIDSet{}
	for _, c := range alive {
		everything = everything.Union(c.all)
	}
	if extra := s.me.all.Subtract(everything); !extra.Empty() && !s.me.incomplete() {
		return Action{Kind: SetAside, Extra: listed(extra), Reason: "diverged: has transactions that the group lacks, copies them aside and takes the group's data: " + listed(extra)}
	}
	donors := slices.DeleteFunc(slices.Clone(group), func(c candidate) bool { return !c.purged.SubsetOf(s.me.all) })
	// Accounts are in no binary log: only a clone brings them back.
	if len(donors) > 0 && !s.me.incomplete() && !s.me.blank() {
		if first := s.joinsFirst(group[0].mysql); first != "" {
			return wait("lets " + first + " join first")
		}
		return Action{Kind: Join, Group: membersOf(group), Reason: "joins the group of " + donors[0].name}
	}
	reason := "no member has all the transactions missing here any more"
	switch {
	case s.me.blank():
		reason = "the data of this member is gone"
	case s.me.incomplete():
		reason = "an earlier clone did not complete"
	}
	complete := slices.DeleteFunc(slices.Clone(group), candidate.incomplete)
	if len(complete) == 0 {
		return wait(reason + "; no member has a complete copy to clone")
	}
	donor := cloneDonor(complete)
	return Action{Kind: Clone, Donor: donor, Reason: reason + "; clones " + donor}
}

// membersOf are the members of the group in any of its members' views.
func membersOf(group []candidate) (members []string) {
	for _, c := range group {
		members = append(members, c.mysql.servers()...)
	}
	slices.Sort(members)
	return slices.Compact(members)
}

// joinTurn bounds the wait for another's turn to join: several times what a join
// takes (2 s, measured), and less than what joining at the same time may cost.
const joinTurn = 8 * time.Second

// joinsFirst is the voter that should join before this server, "" when it is this
// server's turn. Two that join at once may refuse each other's connections, after
// which Group Replication pauses for 12 s (measured). The first in the alphabet
// goes first; one that does not get on holds the others up for joinTurn only.
func (s *situation) joinsFirst(group MySQL) string {
	if s.now.Sub(s.GroupSeen) > joinTurn {
		return ""
	}
	for _, name := range s.Voters {
		if name >= s.Server {
			break
		}
		peer := s.Peers[name]
		if s.now.Sub(peer.Asked) <= peerFresh && !peer.Answer.Held && !group.lists(name) {
			return name
		}
	}
	return ""
}

// cloneDonor prefers a secondary, then the one with the shortest queue: a clone
// reads the whole database.
func cloneDonor(group []candidate) string {
	best := slices.MinFunc(group, func(a, b candidate) int {
		if (a.mysql.Role == Primary) != (b.mysql.Role == Primary) {
			if a.mysql.Role == Primary {
				return 1
			}
			return -1
		}
		return int(min(max(a.mysql.Queue-b.mysql.Queue, -1), 1))
	})
	return best.name
}
