// Package ledger proves what became of the writes of a trial: that none which was
// acknowledged is lost or doubled, on any member. It compares the operations as the
// load saw them with what every member holds afterwards, looks at foobar's
// invariants, and checks that single rows behaved as one row under locks does. It
// also makes the writes that need a ledger of their own: rows and registers through
// the internal virtual address, without any retry behind the drill's back.
//
// The judgements are pure. The package connects only to where its dial function
// leads, and reads no member itself: it has the statements, and reads the answers.
package ledger

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"scaleup/internal/drill/record"
)

// Row is one write as a member holds it.
type Row struct {
	Key   string `json:"key"`   // record.Key
	Value int    `json:"value"` // record.Quantity, if all is well
}

// Holding is what one member holds after the trial, in any order. Rows of other
// runs are passed over.
type Holding struct {
	Member string `json:"member"`
	Rows   []Row  `json:"rows"`
}

// Check compares the writes of a run with what the members hold. Of ops it takes
// those that written selects: the writes that should be rows of the members' table,
// each with a number of its own. It needs time and memory in proportion to their
// number.
func Check(run string, ops []record.Op, written func(record.Op) bool, members []Holding) record.Ledger {
	if len(members) == 0 {
		return record.Ledger{Error: "no member was read"}
	}
	c := newComparison(run, ops, written)
	for _, m := range members {
		c.read(m)
	}
	for i := range c.sent {
		c.judge(i)
	}
	c.ledger.Unexpected = len(c.foreign)
	c.compare()
	c.ledger.Notes = c.notes.list()
	return c.ledger
}

// comparison is a Check under way.
type comparison struct {
	run     string
	sent    []record.Op     // the writes
	number  map[string]int  // key to position in sent
	prefix  string          // of all keys of the run
	altered []bool          // some member holds another value than was sent, by write
	foreign map[string]bool // keys of this run that no write has
	members []member
	notes   notes
	ledger  record.Ledger
}

// member is what one member holds, by the writes.
type member struct {
	name  string
	rows  int         // of this run
	count []int       // rows for each write, whatever their values
	odd   map[Row]int // rows that no write explains: another value, or a key nobody sent
}

func newComparison(run string, ops []record.Op, written func(record.Op) bool) *comparison {
	c := &comparison{run: run, number: map[string]int{}, foreign: map[string]bool{}, prefix: prefix(run)}
	for _, op := range ops {
		if written(op) {
			c.number[record.Key(run, op.Seq)] = len(c.sent)
			c.sent = append(c.sent, op)
		}
	}
	c.altered = make([]bool, len(c.sent))
	return c
}

// prefix is what the keys of a run begin with.
func prefix(run string) string {
	key := record.Key(run, 0)
	return key[:strings.LastIndexByte(key, '-')+1]
}

// read counts a member's rows.
func (c *comparison) read(h Holding) {
	m := member{name: h.Member, count: make([]int, len(c.sent)), odd: map[Row]int{}}
	for _, row := range h.Rows {
		i, sent := c.number[row.Key]
		switch {
		case sent:
			m.count[i]++
			if wanted := record.Quantity(c.sent[i].Seq); row.Value != wanted {
				m.odd[row]++
				c.altered[i] = true
				c.note(corrupt, i, "holds %d instead of %d on %s", row.Value, wanted, m.name)
			}
		case c.ours(row.Key):
			m.odd[row]++
			c.foreign[row.Key] = true
			c.notes.add(unexpected, func() string { return fmt.Sprintf("%s is on %s and was never sent", row.Key, m.name) })
		default:
			continue
		}
		m.rows++
	}
	c.members = append(c.members, m)
	c.ledger.Members = append(c.ledger.Members, h.Member)
}

// ours reports whether a key is of this run. The name of another may begin with
// this one's, and then goes on with a hyphen: run-1 and run-1-2.
func (c *comparison) ours(key string) bool {
	rest, found := strings.CutPrefix(key, c.prefix)
	return found && !strings.Contains(rest, "-")
}

// judge says what became of one write.
func (c *comparison) judge(i int) {
	op := c.sent[i]
	least, most := c.members[0].count[i], 0
	for _, m := range c.members {
		least, most = min(least, m.count[i]), max(most, m.count[i])
	}
	switch op.Outcome {
	case record.OK, record.Slow:
		c.ledger.Acked++
		if least == 0 {
			c.ledger.Lost++
			c.note(lost, i, "acknowledged at %s, missing on %s", seconds(op.Done), c.where(func(m member) bool { return m.count[i] == 0 }))
		}
	case record.Indeterminate:
		if most > 0 {
			c.ledger.Recovered++
		}
	case record.Failed, record.Unsent:
		if most > 0 {
			c.ledger.Phantom++
			c.note(phantom, i, "%s at %s, and there on %s", op.Outcome, seconds(op.Done), c.where(func(m member) bool { return m.count[i] > 0 }))
		}
	case record.Stale: // an outcome of reads
	}
	if most > 1 {
		c.ledger.Duplicated++
		c.note(duplicated, i, "%d times on %s", most, c.where(func(m member) bool { return m.count[i] == most }))
	}
	if c.altered[i] {
		c.ledger.Corrupt++
	}
}

// compare says whether all members hold the same rows, as often.
func (c *comparison) compare() {
	first := c.members[0]
	for _, m := range c.members[1:] {
		if slices.Equal(first.count, m.count) && maps.Equal(first.odd, m.odd) {
			continue
		}
		c.ledger.Differ = true
		c.notes.add(differ, func() string {
			return fmt.Sprintf("%s does not hold what %s holds: %d rows of this trial, %d there", m.name, first.name, m.rows, first.rows)
		})
	}
}
