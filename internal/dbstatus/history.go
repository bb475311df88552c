package dbstatus

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Change is one change of the group: of its members, its primary, or both.
type Change struct {
	At      time.Time `json:"at"` // by the clock of the first server that saw it
	Epoch   uint64    `json:"epoch"`
	View    string    `json:"view"` // Group Replication's
	Primary string    `json:"primary"`
	Members Names     `json:"members"`
	SeenBy  Names     `json:"seen_by"` // servers whose guards tell of it
}

// entry is a change as one guard tells it.
type entry struct {
	At      When   `json:"at"`
	Epoch   uint64 `json:"epoch"`
	View    string `json:"view"`
	Primary string `json:"primary"`
	Members Names  `json:"members"`
}

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
			slices.Sort(e.Members)
			all = append(all, seen{e, server})
		}
	}
	slices.SortFunc(all, func(a, b seen) int {
		if c := time.Time(a.At).Compare(time.Time(b.At)); c != 0 {
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
		history = append(history, Change{At: time.Time(s.At), Epoch: s.Epoch, View: s.View, Primary: s.Primary, Members: s.Members, SeenBy: Names{s.by}})
	}
	return history
}

// is reports whether a guard's entry tells this change. The view alone does not say
// so: a planned switch changes the primary within one.
func (c Change) is(e entry) bool {
	return c.Epoch == e.Epoch && c.View == e.View && c.Primary == e.Primary && slices.Equal(c.Members, e.Members) && time.Time(e.At).Sub(c.At) <= sameWithin
}

// entriesOf reads a history entry by entry: one that cannot be read is left out.
func entriesOf(data json.RawMessage) []entry {
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil {
		return nil
	}
	var entries []entry
	for _, item := range list {
		var e entry
		if json.Unmarshal(item, &e) == nil && !time.Time(e.At).IsZero() {
			entries = append(entries, e)
		}
	}
	return entries
}

// When is a moment: RFC 3339, or milliseconds since 1970.
type When time.Time

// UnmarshalJSON implements json.Unmarshaler.
func (w *When) UnmarshalJSON(data []byte) error {
	var ms int64
	if json.Unmarshal(data, &ms) == nil {
		*w = When(time.UnixMilli(ms).UTC())
		return nil
	}
	var t time.Time
	err := json.Unmarshal(data, &t)
	*w = When(t.UTC())
	return err
}

// Names are names in a list; a lone one may stand without it, and members may be
// objects that carry their server's name.
type Names []string

// String joins them for a sentence.
func (n Names) String() string { return strings.Join(n, ", ") }

// UnmarshalJSON implements json.Unmarshaler.
func (n *Names) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		if one != "" {
			*n = Names{one}
		}
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	*n = nil
	for _, item := range list {
		var name string
		var member named
		if err := json.Unmarshal(item, &name); err != nil {
			if err := json.Unmarshal(item, &member); err != nil {
				return err
			}
			name = member.Server
		}
		*n = append(*n, name)
	}
	return nil
}

// named is a member as guards list it in their status.
type named struct {
	Server string `json:"server"`
}

// namesOf reads names where there may be something else, of which nothing is shown.
func namesOf(data json.RawMessage) Names {
	var n Names
	if json.Unmarshal(data, &n) != nil {
		return nil
	}
	return n
}
