package guard

import (
	"fmt"
	"slices"
	"time"
)

// outlived says why this member's data cannot be taken for the last of a group that is no
// more, or "". It can when it was in the newest view and everybody else in it has said a
// moment ago to be in none that lives: then nobody has taken a write since, and a read here
// misses no more than one from a replica did when the group ended. Somebody who says nothing
// may be in a living group that this member was only cut off from.
//
// The word of the others may be as old as a replica may be behind. So no read is further
// behind for it, should they have formed the group since.
func (s *Snapshot) outlived(now time.Time) string {
	r := s.Record
	switch {
	case r.Epoch == 0 || !r.Filled || !slices.Contains(r.Members, s.Server):
		return "this member was in no view that is recorded"
	case r.Cloning:
		return "a clone replaces its data"
	case r.ReplacedBy != "":
		return "its group was given up"
	case s.Held:
		return "it was told to stay out of the group"
	case s.MySQL.OfflineMode:
		return "MySQL is in offline mode"
	case !s.MySQL.active() && !s.MySQL.SuperReadOnly:
		return "it takes writes that no group has"
	}
	for _, name := range slices.Concat(r.Members, r.Joining) {
		if name == s.Server {
			continue
		}
		p := s.Peers[name]
		switch my := p.Answer.MySQL; {
		case now.Sub(p.Asked) > maxReplicaLag:
			return fmt.Sprintf("the guard of %s does not say whether it is in a living one", name)
		case my.majority():
			return fmt.Sprintf("%s is in a living one", name)
		case !my.Reachable && !my.Down:
			return fmt.Sprintf("the guard of %s does not know whether it is in a living one", name)
		case p.Answer.Record.Group != r.Group || r.compare(p.Answer.Record) < 0:
			return fmt.Sprintf("%s was in a newer one", name)
		}
	}
	return ""
}
