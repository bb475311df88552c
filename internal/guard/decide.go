package guard

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Decide chooses the one thing to do next. It is pure: the same view, policy and
// time always give the same action. Its order is the order of danger: first what
// must not be touched, then what must be cleaned up, then joining a living group,
// and only when there is none, forming one.
func Decide(v View, p Policy, now time.Time) Action {
	my := v.MySQL
	hung := v.hung(p, now)
	switch {
	case !my.Reachable && hung != nil:
		return *hung
	case !my.Reachable:
		return wait("MySQL does not answer: " + my.Error)
	case my.Group != p.Group:
		return wait(fmt.Sprintf("MySQL is configured for group %q, the guard for %q", my.Group, p.Group))
	case v.Record.Group != p.Group:
		return wait(fmt.Sprintf("the guard's record is about group %q, its configuration about %q", v.Record.Group, p.Group))
	case my.Bootstrapping:
		return v.unlessBackedOff(now, Action{Kind: EndBootstrap, Reason: "a forming of the group was interrupted"})
	case my.active() && v.Record.ReplacedBy != "" && v.successorFormed():
		return v.unlessBackedOff(now, Action{Kind: Stop, Reason: "this group was given up and group " + v.Record.ReplacedBy + " took its place"})
	case my.State == Online && !my.majority():
		return wait("ONLINE without a majority of its view; Group Replication leaves by itself")
	case my.State == Online && hung != nil:
		return *hung
	case my.State == Online:
		return wait("")
	case my.State == Recovering:
		return wait("catching up with the group")
	case v.Held:
		return wait("told to stay out of the group; POST /join or a restart of mysqld ends that")
	case my.State == Failed:
		return v.unlessBackedOff(now, Action{Kind: Stop, Reason: "Group Replication stopped with an error"})
	case my.State != Offline:
		return wait("MySQL reports the member state " + my.State)
	case v.Record.EverMember && !my.SuperReadOnly:
		return v.unlessBackedOff(now, Action{Kind: Fence, Reason: "writable outside the group"})
	case v.Record.ReplacedBy != "":
		return wait(fmt.Sprintf("this group was given up and group %s took its place; waits until scaleup apply tells this server", v.Record.ReplacedBy))
	}
	s, err := readSets(v, p, now)
	if err != nil {
		return wait(err.Error())
	}
	action := s.join()
	if action == nil {
		formed := s.form()
		action = &formed
	}
	return v.unlessBackedOff(now, *action)
}

// unlessBackedOff holds an action back for a while after failures.
func (v View) unlessBackedOff(now time.Time, a Action) Action {
	if a.Kind == Wait || v.Attempt.Failures == 0 || !now.Before(v.Attempt.Next) {
		return a
	}
	return wait(fmt.Sprintf("%s; failed %d times and tries again soon: %s", a.Reason, v.Attempt.Failures, v.Attempt.Error))
}

// Backoff is the pause after that many failures in a row, rising from 1 to 15 s.
func Backoff(failures int) time.Duration {
	return min(time.Second<<min(max(failures-1, 0), 4), 15*time.Second)
}

// candidate is a voter whose answer counts, with its transactions read.
type candidate struct {
	name   string
	record Record
	mysql  MySQL
	held   bool
	all    GTIDSet // executed ∪ received
	purged GTIDSet
	todo   GTIDSet // received and not executed
}

// situation is a view with its sets read: this server and every voter that
// answers with its MySQL.
type situation struct {
	View
	Policy
	now    time.Time
	me     candidate
	others []candidate       // sorted by name
	silent map[string]string // voters whose word is missing, and why
}

func readSets(v View, p Policy, now time.Time) (*situation, error) {
	s := &situation{View: v, Policy: p, now: now, silent: map[string]string{}}
	me, err := readCandidate(Answer{Server: p.Server, Record: v.Record, MySQL: v.MySQL, Held: v.Held})
	if err != nil {
		return nil, err
	}
	s.me = me
	for _, name := range p.Voters {
		peer := v.Peers[name]
		switch {
		case name == p.Server:
		case peer.Asked.IsZero() || now.Sub(peer.Asked) > peerFresh:
			s.silent[name] = "its guard does not answer"
		case peer.Answer.Record.Group != p.Group:
			s.silent[name] = fmt.Sprintf("its guard is about group %q", peer.Answer.Record.Group)
		case !peer.Answer.MySQL.Reachable:
			s.silent[name] = "its MySQL does not answer"
		case peer.Answer.MySQL.Group != p.Group:
			s.silent[name] = fmt.Sprintf("its MySQL is configured for group %q", peer.Answer.MySQL.Group)
		default:
			c, err := readCandidate(peer.Answer)
			if err != nil {
				s.silent[name] = err.Error()
				continue
			}
			s.others = append(s.others, c)
		}
	}
	return s, nil
}

func readCandidate(a Answer) (candidate, error) {
	executed, err := ParseGTIDSet(a.MySQL.Executed)
	if err != nil {
		return candidate{}, fmt.Errorf("%s: gtid_executed: %w", a.Server, err)
	}
	received, err := ParseGTIDSet(a.MySQL.Received)
	if err != nil {
		return candidate{}, fmt.Errorf("%s: received set: %w", a.Server, err)
	}
	purged, err := ParseGTIDSet(a.MySQL.Purged)
	if err != nil {
		return candidate{}, fmt.Errorf("%s: gtid_purged: %w", a.Server, err)
	}
	return candidate{name: a.Server, record: a.Record, mysql: a.MySQL, held: a.Held,
		all: executed.Union(received), purged: purged, todo: received.Subtract(executed)}, nil
}

// incomplete reports whether the member's data may be the torso of a clone.
func (c candidate) incomplete() bool {
	return c.record.Cloning || c.mysql.CloneState == "In Progress" || c.mysql.CloneState == "Failed"
}

// blank reports whether the member's data is gone. What it had acknowledged or received
// nobody knows.
func (c candidate) blank() bool { return c.record.Filled && c.all.Empty() }

// maxListedDiff is how many bytes of a GTID difference a reason shows.
const maxListedDiff = 300

// listed is a set short enough for one line.
func listed(s GTIDSet) string {
	text := s.String()
	if len(text) > maxListedDiff {
		return text[:maxListedDiff] + "…"
	}
	return text
}

// sayMissing tells who is missing and why, sorted by name.
func (s *situation) sayMissing(names []string) string {
	said := make([]string, len(names))
	for i, name := range slices.Sorted(slices.Values(names)) {
		reason := s.silent[name]
		if reason == "" {
			reason = "it is not a voter of this site any more"
		}
		said[i] = name + " (" + reason + ")"
	}
	return strings.Join(said, ", ")
}
