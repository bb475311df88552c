package guard

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Recovered tells the guards that the operator has given the former group up,
// because a voter that nobody can ask was lost for good, and which group replaces
// it. A lost server that comes back finds it in its configuration, too.
//
// The replacing group has a name of its own: under the old one, numbers of lost
// transactions would be given to other writes, and a member that comes back with
// the lost ones would look as if it had these.
type Recovered struct {
	Replaces []string `json:"replaces"` // names of the groups given up, oldest first
	Initial  string   `json:"initial"`  // the one voter that may form the replacing group for the first time
	Voters   []string `json:"voters"`   // servers that answered at the recovery; the first forming needs the word of each
	GTIDs    string   `json:"gtids"`    // what Initial had executed or received then, and must still have
	GivenUp  string   `json:"given_up"` // what other voters had and Initial lacks, accepted as lost
}

// validate reports the contradictions of a recovery into the group of that name.
func (r *Recovered) validate(group string) (errs []error) {
	if r == nil {
		return nil
	}
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf("recovered: "+format, args...)) }
	if len(r.Replaces) == 0 {
		complain("replaces names no group")
	}
	for _, name := range r.Replaces {
		if !uuidPattern.MatchString(name) || name == group {
			complain("it cannot replace group %q", name)
		}
	}
	if !slices.Contains(r.Voters, r.Initial) {
		complain("initial %q is not one of the voters %v", r.Initial, r.Voters)
	}
	for _, set := range []string{r.GTIDs, r.GivenUp} {
		if _, err := ParseGTIDSet(set); err != nil {
			complain("%w", err)
		}
	}
	return errs
}

// replaces are the groups that this configuration's has replaced.
func (c Config) replaces() []string {
	if c.Recovered == nil {
		return nil
	}
	return c.Recovered.Replaces
}

// adopt begins a new record when the one on disk is about a group that was given
// up. The old one is kept beside it, dated. A record about any other group stays,
// and Decide waits and says so.
func (s *store) adopt(cfg Config, now time.Time) error {
	old := s.record
	switch {
	case old.Group == cfg.GroupName:
		s.record.Replaces = cfg.replaces()
		return nil
	case !slices.Contains(cfg.replaces(), old.Group):
		return nil
	}
	kept := fmt.Sprintf("record-%s-%s.json", old.Group, now.UTC().Format("20060102T150405Z"))
	if err := saveState(s.dir, kept, old); err != nil {
		return fmt.Errorf("keep the guard's record of group %s: %w", old.Group, err)
	}
	// What an interrupted clone left is a torso in any group.
	return s.save(Record{Group: cfg.GroupName, Replaces: cfg.replaces(), Cloning: old.Cloning})
}

// heardReplaced notes that a voter's guard knows this record's group to be given
// up. That never becomes untrue, so an answer of any age will do; and it is kept,
// because the group must not be formed again where that voter is out of reach.
func heardReplaced(r Record, peers map[string]Peer) Record {
	for _, name := range slices.Sorted(maps.Keys(peers)) {
		theirs := peers[name].Answer.Record
		switch {
		case r.ReplacedBy != "":
			return r
		case slices.Contains(theirs.Replaces, r.Group):
			r.ReplacedBy = theirs.Group
		case theirs.Group == r.Group:
			r.ReplacedBy = theirs.ReplacedBy
		}
	}
	return r
}

// successorFormed reports whether the group that replaced this one exists: until
// it does, members of a living old group go on.
func (v View) successorFormed() bool {
	for _, p := range v.Peers {
		if r := p.Answer.Record; r.Group == v.Record.ReplacedBy && r.Epoch > 0 {
			return true
		}
	}
	return false
}

// hearOthers is how long a guard that has just started wants to hear from every voter
// before it forms the group with the word of those of its last view alone: any of the
// others may know that the group was given up. After a power failure servers come back
// within seconds of one another; a voter that is down for good costs this much, once.
const hearOthers = 20 * time.Second

// afterHearing holds the forming of the group back until all voters were heard.
func (g *guard) afterHearing(a Action, now time.Time) Action {
	if a.Kind != Bootstrap || now.Sub(g.begun) >= hearOthers {
		return a
	}
	var unheard []string
	for _, name := range g.policy.Voters {
		if name != g.policy.Server && g.view.Peers[name].Asked.IsZero() {
			unheard = append(unheard, name)
		}
	}
	if len(unheard) == 0 {
		return a
	}
	return wait(fmt.Sprintf("forms the group once %v have been heard, or %.0f s after the guard's start without them", unheard, hearOthers.Seconds()))
}

// firstOfRecovered reports whether the group that replaces a lost one was never
// formed, as far as this server knows.
func (p Policy) firstOfRecovered(newest Record, ever bool) bool {
	return p.Recovered != nil && newest.Epoch == 0 && !ever
}

// formRecovered decides about the first forming of the group that replaces a lost
// one: by the server that was chosen, with the word of all that answered then.
// The lost ones have no say, but one that is seen alive in a group is not lost.
func (s *situation) formRecovered(answering []candidate, newest Record) Action {
	r := s.Recovered
	if !slices.Contains(r.Voters, s.Server) {
		return wait(fmt.Sprintf("was given up as lost; waits until %s has formed the group that replaces %s", r.Initial, r.Replaces[len(r.Replaces)-1]))
	}
	if living := s.seenInGroup(); living != "" {
		return wait(fmt.Sprintf("%s was given up as lost and its MySQL is in a group: stop it, or this group would be a second one", living))
	}
	voters, obstacle := s.gather(r.Voters, answering)
	if obstacle != "" {
		return wait(obstacle)
	}
	first := voters[slices.IndexFunc(voters, func(c candidate) bool { return c.name == r.Initial })]
	switch obstacle := s.unlikeRecovered(first, voters); {
	case obstacle != "":
		return wait(obstacle)
	case first.held:
		return wait(fmt.Sprintf("%s has to form the group, but was told to stay out of it", first.name))
	case first.name != s.Server:
		return wait(fmt.Sprintf("waits until %s forms the group that replaces the lost one", first.name))
	case !s.me.todo.Empty() && !s.BacklogRefused:
		return Action{Kind: ApplyBacklog, Reason: "applies what it received before it forms the group: " + listed(s.me.todo)}
	}
	return Action{Kind: Bootstrap, Reason: "forms the group that replaces the lost one", Epoch: nextEpoch(voters), Voters: r.Voters, Newest: newest}
}

// seenInGroup is a voter that is a member of any group just now, "" when none is.
func (s *situation) seenInGroup() string {
	for _, name := range slices.Sorted(maps.Keys(s.Peers)) {
		if p := s.Peers[name]; s.now.Sub(p.Asked) <= peerFresh && p.Answer.MySQL.active() {
			return name
		}
	}
	return ""
}

// unlikeRecovered says what differs from what the operator has accepted, or "":
// the chosen server lost transactions since (a new disk, say), or another voter
// has some that nobody agreed to give up.
func (s *situation) unlikeRecovered(first candidate, voters []candidate) string {
	had, errHad := ParseGTIDSet(s.Recovered.GTIDs)
	givenUp, errGivenUp := ParseGTIDSet(s.Recovered.GivenUp)
	if err := errors.Join(errHad, errGivenUp); err != nil {
		return "the recovery cannot be read: " + err.Error()
	}
	if lost := had.Subtract(first.all); !lost.Empty() {
		return fmt.Sprintf("%s lacks transactions that it had when the group was recovered: %s", first.name, listed(lost))
	}
	if first.incomplete() {
		return fmt.Sprintf("the clone on %s did not complete", first.name)
	}
	for _, c := range voters {
		if more := c.all.Subtract(first.all).Subtract(givenUp); !more.Empty() {
			return fmt.Sprintf("%s has transactions that were not given up when the group was recovered: %s", c.name, listed(more))
		}
	}
	return ""
}

// beyondLoss is what of the transactions that a candidate lacks was not given up.
// Only the first forming of a group that replaces a lost one, by the server chosen
// then, may give anything up.
func (p Policy) beyondLoss(lacks GTIDSet, candidate string, r Record, ever bool) (GTIDSet, error) {
	if !p.firstOfRecovered(r, ever) {
		return lacks, nil
	}
	if candidate != p.Recovered.Initial {
		return lacks, fmt.Errorf("only %s may form the group that replaces the lost one, not %s", p.Recovered.Initial, candidate)
	}
	givenUp, err := ParseGTIDSet(p.Recovered.GivenUp)
	if err != nil {
		return lacks, fmt.Errorf("read what was given up: %w", err)
	}
	return lacks.Subtract(givenUp), nil
}
