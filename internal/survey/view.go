package survey

import (
	"slices"
	"strconv"
	"strings"
)

// Expelled is the state of a member that still takes itself for ONLINE while the newest
// view does not list it any more; see Newest. MySQL has no word for that.
const Expelled = "EXPELLED"

// Newest is the group as the member with the newest view shows it; ok is false when nobody
// who is ONLINE in a majority names a primary. names are all members in the site file's
// order.
//
// They do not always agree. Who was cut off and has just come back shows all members
// ONLINE and, if it was the primary, itself as that, until it hears that the others have
// expelled it.
func Newest(names []string, groups map[string]Group) (newest Group, ok bool) {
	for _, name := range names {
		g := groups[name]
		if g.State == online && g.Primary != "" && !g.outnumbered() && (!ok || g.newer(newest)) {
			newest, ok = g, true
		}
	}
	return newest, ok
}

const online = "ONLINE"

// newer reports whether g shows a newer view than other. Of one view, that with more
// members counts: who is about to leave shows itself alone.
func (g Group) newer(other Group) bool {
	a, b := counter(g.View), counter(other.View)
	switch {
	case g.Epoch != other.Epoch:
		return g.Epoch > other.Epoch
	case a != b:
		return a > b
	}
	return len(g.Members) > len(other.Members)
}

// counter orders the views of one forming of the group; see guard.Record.
func counter(view string) uint64 {
	_, text, _ := strings.Cut(view, ":")
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0 // no view, or an identifier of an unknown form: older than any other
	}
	return n
}

// outnumbered reports whether half of the view or more are out of the member's reach.
func (g Group) outnumbered() bool {
	silent := 0
	for _, m := range g.Members {
		if m.State == "UNREACHABLE" {
			silent++
		}
	}
	return silent > 0 && 2*silent >= len(g.Members)
}

// StateOf is the state of a member in the group: what its own guard says, or Expelled.
func (g Group) StateOf(server string, own Group) string {
	listed := slices.ContainsFunc(g.Members, func(m GroupMember) bool { return m.Server == server })
	if own.State == online && len(g.Members) > 0 && !listed {
		return Expelled
	}
	return own.State
}
