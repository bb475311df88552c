package dbstatus

import (
	"slices"
	"strings"
	"time"
)

// Change is one change of the group: of its epoch, its members or its primary.
type Change struct {
	At      time.Time `json:"at"` // by the clock of the first server that saw it
	Epoch   uint64    `json:"epoch"`
	Primary string    `json:"primary"` // "" while there was none
	Members Names     `json:"members"` // sorted
	SeenBy  Names     `json:"seen_by"` // servers whose guards tell of it
}

// entry is a change as one guard tells it.
type entry struct {
	At      time.Time `json:"at"`
	Epoch   uint64    `json:"epoch"`
	Members Names     `json:"members"` // sorted
	Primary string    `json:"primary"`
}

// Names are server names in a list.
type Names []string

// String joins them for a sentence.
func (n Names) String() string { return strings.Join(n, ", ") }

// sameWithin is how far apart two guards may tell the same change: they look some
// times a second, and their clocks differ.
const sameWithin = 10 * time.Second

// merge makes one history of all the guards': what several tell is told once.
func merge(told map[string][]entry) []Change {
	type seen struct {
		entry
		by string
	}
	var all []seen
	for server, entries := range told {
		for _, e := range entries {
			all = append(all, seen{e, server})
		}
	}
	slices.SortFunc(all, func(a, b seen) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(a.by, b.by)
	})
	var history []Change
	for _, s := range all {
		if i := slices.IndexFunc(history, func(c Change) bool { return c.is(s.entry) && !slices.Contains(c.SeenBy, s.by) }); i >= 0 {
			history[i].SeenBy = append(history[i].SeenBy, s.by)
			slices.Sort(history[i].SeenBy)
			continue
		}
		history = append(history, Change{At: s.At, Epoch: s.Epoch, Primary: s.Primary, Members: s.Members, SeenBy: Names{s.by}})
	}
	return history
}

// is reports whether a guard's entry tells this change.
func (c Change) is(e entry) bool {
	return c.Epoch == e.Epoch && c.Primary == e.Primary && slices.Equal(c.Members, e.Members) && e.At.Sub(c.At) <= sameWithin
}
