package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaleup/internal/drill/record"
)

// anomaly is a way in which rows are not what was acknowledged, worst first.
type anomaly int

const (
	lost anomaly = iota
	duplicated
	corrupt
	phantom
	unexpected
	differ
	anomalies // their number
)

func (a anomaly) String() string {
	return [...]string{"lost", "duplicated", "corrupt", "phantom", "unexpected", "differ"}[a]
}

// maxNotes is how many examples a ledger gives: the rest is in the counts.
const maxNotes = 5

// notes are the first examples of each anomaly.
type notes [anomalies][]string

// add takes an example; words are made only when there is room.
func (n *notes) add(a anomaly, words func() string) {
	if len(n[a]) < maxNotes {
		n[a] = append(n[a], a.String()+": "+words())
	}
}

// list is a few examples of all anomalies: the first of each, then the second …
func (n *notes) list() []string {
	var all []string
	for i := range maxNotes {
		for _, of := range n {
			if i < len(of) && len(all) < maxNotes {
				all = append(all, of[i])
			}
		}
	}
	return all
}

// note takes an example that is about one write.
func (c *comparison) note(a anomaly, i int, format string, args ...any) {
	c.notes.add(a, func() string {
		return record.Key(c.run, c.sent[i].Seq) + " " + fmt.Sprintf(format, args...)
	})
}

// where names the members that are so.
func (c *comparison) where(so func(member) bool) string {
	var names []string
	for _, m := range c.members {
		if so(m) {
			names = append(names, m.name)
		}
	}
	return strings.Join(names, ", ")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

// Join is the ledger of two tables that were written in one trial and read on the
// same members.
func Join(a, b record.Ledger) record.Ledger {
	a.Acked += b.Acked
	a.Lost += b.Lost
	a.Duplicated += b.Duplicated
	a.Recovered += b.Recovered
	a.Phantom += b.Phantom
	a.Corrupt += b.Corrupt
	a.Unexpected += b.Unexpected
	a.Differ = a.Differ || b.Differ
	a.Invariants = slices.Concat(a.Invariants, b.Invariants)
	a.Registers = cmp.Or(a.Registers, b.Registers)
	a.Notes = slices.Concat(a.Notes, b.Notes)
	a.Error = cmp.Or(a.Error, b.Error)
	return a
}
