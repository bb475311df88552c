package guard

import (
	"fmt"
	"slices"
)

// form decides whether this server may form the group, when no voter that
// answers is in one.
func (s *situation) form() Action {
	answering := append([]candidate{s.me}, s.others...)
	newest := s.me.record
	ever := false
	for _, c := range answering {
		if c.record.compare(newest) > 0 {
			newest = c.record
		}
		ever = ever || c.record.EverMember || c.all.HasSource(s.Group)
	}
	newest = s.newestHeard(newest)
	if s.firstOfRecovered(newest, ever) {
		return s.formRecovered(answering, newest)
	}
	// Without any recorded view (never formed, or all records lost) every server
	// of the site has to agree.
	required := s.Voters
	if newest.Epoch > 0 {
		required = s.membersOfNewest(answering, newest)
	}
	if !slices.Contains(required, s.Server) {
		return wait(fmt.Sprintf("was not in the newest view %v; waits until one of these forms the group", required))
	}
	voters, obstacle := s.gather(required, answering)
	if obstacle != "" {
		return wait(obstacle)
	}
	best, obstacle := s.choose(voters, answering, newest, ever)
	switch {
	case obstacle != "":
		return wait(obstacle)
	case best.held:
		return wait(fmt.Sprintf("%s has to form the group, but was told to stay out of it", best.name))
	case best.name != s.Server:
		return wait(fmt.Sprintf("waits until %s forms the group", best.name))
	case !s.me.todo.Empty() && !s.BacklogRefused:
		return Action{Kind: ApplyBacklog, Reason: "applies what it received before it forms the group: " + listed(s.me.todo)}
	}
	return Action{Kind: Bootstrap, Reason: "forms the group", Epoch: nextEpoch(voters), Voters: required, Newest: newest}
}

// newestHeard is the newest record known, those of voters included whose MySQL or guard
// does not answer now. That a view has been never becomes untrue, and a member that left
// before its own guard had recorded the others must not go back to the time before them.
func (s *situation) newestHeard(newest Record) Record {
	for _, name := range s.Voters {
		if heard := s.Peers[name].Answer.Record; heard.Group == s.Group && heard.compare(newest) > 0 {
			newest = heard
		}
	}
	return newest
}

// membersOfNewest are the members of the newest view. Two records of one view
// should agree; where they do not, all of their members have to answer. Who was about to
// join may have become a member.
func (s *situation) membersOfNewest(answering []candidate, newest Record) []string {
	members := append(slices.Clone(newest.Members), newest.Joining...)
	for _, name := range s.Voters {
		if heard := s.Peers[name].Answer.Record; heard.Group == s.Group && heard.Epoch == newest.Epoch {
			members = append(members, heard.Joining...)
		}
	}
	if s.me.record.Epoch == newest.Epoch {
		members = append(members, s.me.record.Joining...)
	}
	for _, c := range answering {
		if c.record.compare(newest) == 0 {
			members = append(members, c.record.Members...)
		}
	}
	slices.Sort(members)
	return slices.Compact(members)
}

// gather finds the required voters among those that answer, all of them out of
// any group, or says what it waits for.
func (s *situation) gather(required []string, answering []candidate) (voters []candidate, obstacle string) {
	var missing []string
	for _, name := range required {
		i := slices.IndexFunc(answering, func(c candidate) bool { return c.name == name })
		if i < 0 {
			missing = append(missing, name)
			continue
		}
		voters = append(voters, answering[i])
	}
	// The transactions of one whose data is gone are as unknown as those of one that does
	// not answer.
	for _, c := range voters {
		if c.blank() {
			missing, s.silent[c.name] = append(missing, c.name), "its data is gone"
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Sprintf("all members are stopped; to form the group again it needs the word of %v and misses %s", required, s.sayMissing(missing))
	}
	for _, c := range answering {
		if c.mysql.Bootstrapping {
			return nil, fmt.Sprintf("waits while %s forms the group", c.name)
		}
		if c.mysql.State != Offline {
			return nil, fmt.Sprintf("waits until MySQL of %s is out of Group Replication (it is %s)", c.name, c.mysql.State)
		}
	}
	return voters, ""
}

// choose picks the voter that forms the group: one that has every transaction
// that any server answering has, by preference the last primary, because it
// acknowledged the writes, else the first by name.
func (s *situation) choose(voters, answering []candidate, newest Record, ever bool) (candidate, string) {
	everything := GTIDSet{}
	for _, c := range answering {
		everything = everything.Union(c.all)
	}
	able := slices.DeleteFunc(slices.Clone(voters), func(c candidate) bool { return c.incomplete() || !everything.SubsetOf(c.all) })
	if !ever {
		// The first forming decides whose data everyone gets; that is never guessed.
		able = slices.DeleteFunc(able, func(c candidate) bool { return c.name != s.Initial })
	}
	if len(able) == 0 {
		return candidate{}, s.sayLacking(voters, everything, ever)
	}
	preferred := lastPrimary(answering, newest)
	if !slices.ContainsFunc(able, func(c candidate) bool { return c.name == preferred }) {
		preferred = slices.MinFunc(able, func(a, b candidate) int { return compareNames(a.name, b.name, s.Initial, newest.Epoch == 0) }).name
	}
	return able[slices.IndexFunc(able, func(c candidate) bool { return c.name == preferred })], ""
}

// lastPrimary is the primary of the newest view. Its records may disagree (one
// was made just before a switch, another while the primary was out of reach), and
// all voters must settle on the same one: first who says it of itself, then who is
// named, then the order of names.
func lastPrimary(answering []candidate, newest Record) string {
	var claims, named []string
	for _, c := range answering {
		if c.record.compare(newest) != 0 {
			continue
		}
		if c.record.Role == Primary {
			claims = append(claims, c.name)
		}
		if c.record.Primary != "" {
			named = append(named, c.record.Primary)
		}
	}
	slices.Sort(claims)
	slices.Sort(named)
	return append(append(claims, named...), "")[0]
}

// compareNames sorts by name; where nothing is known, the initial server is first.
func compareNames(a, b, initial string, initialFirst bool) int {
	switch {
	case a == b:
		return 0
	case initialFirst && a == initial:
		return -1
	case initialFirst && b == initial:
		return 1
	case a < b:
		return -1
	}
	return 1
}

// sayLacking explains why nobody may form the group, with the exact difference.
func (s *situation) sayLacking(voters []candidate, everything GTIDSet, ever bool) string {
	reason := "no voter has every transaction, so forming the group would lose some:"
	if !ever {
		reason = fmt.Sprintf("the group was never formed and %s, which may form it, lacks transactions of others:", s.Initial)
	}
	for _, c := range voters {
		switch lacks := everything.Subtract(c.all); {
		case !lacks.Empty():
			reason += fmt.Sprintf(" %s lacks %s;", c.name, listed(lacks))
		case c.incomplete():
			reason += fmt.Sprintf(" the clone on %s did not complete;", c.name)
		default:
			reason += fmt.Sprintf(" %s has all of them;", c.name)
		}
	}
	return reason
}

// nextEpoch is higher than any that a voter has seen or promised.
func nextEpoch(voters []candidate) uint64 {
	var highest uint64
	for _, c := range voters {
		highest = max(highest, c.record.Epoch, c.record.Granted.Epoch)
	}
	return highest + 1
}
