package guard

import "slices"

// Observe brings the record up to date with what MySQL and the other guards show
// now. It is pure; the loop saves the result when it differs.
func Observe(r Record, my MySQL, peers map[string]Peer, p Policy) Record {
	r = heardReplaced(r, peers)
	if !my.Reachable {
		return r
	}
	if r.Cloning && my.CloneState == "Completed" {
		r.Cloning = false
		if r.Role == Primary {
			r.Role = Secondary // the data that it had as the primary is gone
		}
	}
	if !my.active() || my.ViewID == "" || !my.lists(p.Server) {
		return r
	}
	r.EverMember = true
	r.Filled = r.Filled || my.Executed != "" || my.Received != ""
	epoch, before, known := epochOf(r, my, peers, p)
	if !known || torn(before, my) {
		return r
	}
	r = arrived(r, my)
	r.Epoch, r.ViewID = epoch, my.ViewID
	r.Members, r.Role, r.Primary = my.servers(), my.Role, my.primary()
	return r
}

// epochOf finds the epoch that the view belongs to, and the newest record known of it.
// Nobody but this guard can give a freshly formed group its number, and everybody who
// joins takes it from those who have it.
func epochOf(r Record, my MySQL, peers map[string]Peer, p Policy) (epoch uint64, before Record, known bool) {
	if r.Epoch > 0 && forming(r.ViewID) == forming(my.ViewID) {
		return r.Epoch, r, true
	}
	highest, unheard := max(r.Epoch, r.Granted.Epoch), false
	for _, name := range p.Voters {
		record, member := peers[name].Answer.Record, my.lists(name)
		switch {
		case name == p.Server:
		case record.Epoch > 0 && forming(record.ViewID) == forming(my.ViewID):
			if !known || record.compare(before) > 0 {
				epoch, before, known = record.Epoch, record, true
			}
		case member:
			unheard = unheard || peers[name].Asked.IsZero()
			highest = max(highest, record.Epoch, record.Granted.Epoch)
		}
	}
	alone := slices.Equal(my.servers(), []string{p.Server})
	switch {
	case known:
		return epoch, before, true
	case alone && r.Granted.To == p.Server && r.Granted.Epoch > r.Epoch:
		return r.Granted.Epoch, Record{}, true
	case alone && my.Role != Primary:
		return 0, Record{}, false // it has joined somebody, and stops before others were seen
	}
	// A group that was formed by hand: its members agree on the next number.
	return highest + 1, Record{}, !unheard
}

// torn reports whether what MySQL shows cannot have come after a recorded view of the same
// forming. While a member stops, MySQL shows it ONLINE and alone under the identifier of
// its last view (seen with 9.7.4); believing that would let each member of a stopped group
// think that nobody else needs to be asked. Half of a view's members are lost only by
// leaving in order, and each who leaves or comes makes a view.
func torn(before Record, my MySQL) bool {
	kept := 0
	for _, name := range before.Members {
		if my.lists(name) {
			kept++
		}
	}
	have, had := counter(my.ViewID), counter(before.ViewID)
	changes := uint64(len(before.Members) + len(my.Members) - 2*kept)
	return len(before.Members) > 0 && have >= had && 2*kept <= len(before.Members) && have-had < changes
}

// sameRecord reports whether saving b after a would change nothing.
func sameRecord(a, b Record) bool {
	members := slices.Equal(a.Members, b.Members)
	return members && slices.Equal(a.Joining, b.Joining) && a.Group == b.Group && a.Epoch == b.Epoch && a.ViewID == b.ViewID && a.Role == b.Role &&
		a.Primary == b.Primary && a.EverMember == b.EverMember && a.Filled == b.Filled && a.Granted == b.Granted && a.Cloning == b.Cloning &&
		slices.Equal(a.Replaces, b.Replaces) && a.ReplacedBy == b.ReplacedBy &&
		a.Aside == b.Aside
}
