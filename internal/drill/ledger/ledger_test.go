package ledger

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"scaleup/internal/drill/record"
)

const run = "0102150405-1"

func writes(op record.Op) bool { return op.Class == record.Write }

// five are writes with one outcome each.
func five() []record.Op {
	var ops []record.Op
	for i, o := range []record.Outcome{record.OK, record.Slow, record.Indeterminate, record.Failed, record.Unsent} {
		ops = append(ops, record.Op{Seq: 10 + i, Class: record.Write, Outcome: o, Done: time.Duration(i) * time.Second})
	}
	return append(ops, record.Op{Seq: 15, Class: record.Page, Outcome: record.OK})
}

func row(seq int) Row { return Row{record.Key(run, seq), record.Quantity(seq)} }

func rows(seqs ...int) []Row {
	var all []Row
	for _, s := range seqs {
		all = append(all, row(s))
	}
	return all
}

func TestCheck(t *testing.T) {
	key := func(seq int) string { return record.Key(run, seq) }
	altered := []Row{row(10), {key(11), record.Quantity(11) + 1}}
	for _, c := range []struct {
		name     string
		db1, db2 []Row
		want     record.Ledger
	}{
		{"all well", rows(10, 11), rows(11, 10), record.Ledger{}},
		{"rows of others", append(rows(10, 11), Row{record.Key(run+"-2", 10), 9}, Row{"order-1", 1}), rows(10, 11), record.Ledger{}},
		{"lost on one member", rows(10, 11), rows(10), record.Ledger{
			Lost: 1, Differ: true,
			Notes: []string{"lost: " + key(11) + " acknowledged at 1.000 s, missing on db2", "differ: db2 does not hold what db1 holds: 1 rows of this trial, 2 there"},
		}},
		{"lost on all members", rows(11), rows(11), record.Ledger{
			Lost: 1, Notes: []string{"lost: " + key(10) + " acknowledged at 0.000 s, missing on db1, db2"},
		}},
		{"lost altogether", nil, nil, record.Ledger{
			Lost: 2, Notes: []string{"lost: " + key(10) + " acknowledged at 0.000 s, missing on db1, db2", "lost: " + key(11) + " acknowledged at 1.000 s, missing on db1, db2"},
		}},
		{"recovered", rows(10, 11, 12), rows(10, 11, 12), record.Ledger{Recovered: 1}},
		{"recovered on one member", rows(10, 11), rows(10, 11, 12), record.Ledger{
			Recovered: 1, Differ: true, Notes: []string{"differ: db2 does not hold what db1 holds: 3 rows of this trial, 2 there"},
		}},
		{"failed and there", rows(10, 11, 13), rows(10, 11, 13), record.Ledger{
			Phantom: 1, Notes: []string{"phantom: " + key(13) + " failed at 3.000 s, and there on db1, db2"},
		}},
		{"unsent and there", rows(10, 11, 14), rows(10, 11, 14), record.Ledger{
			Phantom: 1, Notes: []string{"phantom: " + key(14) + " unsent at 4.000 s, and there on db1, db2"},
		}},
		{"twice", rows(10, 11, 10), rows(10, 10, 11), record.Ledger{
			Duplicated: 1, Notes: []string{"duplicated: " + key(10) + " 2 times on db1, db2"},
		}},
		{"twice on one member", rows(10, 11), rows(10, 11, 10), record.Ledger{
			Duplicated: 1, Differ: true,
			Notes: []string{"duplicated: " + key(10) + " 2 times on db2", "differ: db2 does not hold what db1 holds: 3 rows of this trial, 2 there"},
		}},
		{"with another value", altered, altered, record.Ledger{
			Corrupt: 1, Notes: []string{"corrupt: " + key(11) + " holds 3 instead of 2 on db1", "corrupt: " + key(11) + " holds 3 instead of 2 on db2"},
		}},
		// The same number of rows with the same keys.
		{"with another value on one member", altered, rows(10, 11), record.Ledger{
			Corrupt: 1, Differ: true,
			Notes: []string{"corrupt: " + key(11) + " holds 3 instead of 2 on db1", "differ: db2 does not hold what db1 holds: 2 rows of this trial, 2 there"},
		}},
		{"never sent", rows(10, 11, 77), rows(10, 11, 77), record.Ledger{
			Unexpected: 1, Notes: []string{"unexpected: " + key(77) + " is on db1 and was never sent", "unexpected: " + key(77) + " is on db2 and was never sent"},
		}},
		{"sent as something else", rows(10, 11, 15), rows(10, 11, 15), record.Ledger{
			Unexpected: 1, Notes: []string{"unexpected: " + key(15) + " is on db1 and was never sent", "unexpected: " + key(15) + " is on db2 and was never sent"},
		}},
		{"a key in tatters", append(rows(10, 11), Row{prefix(run) + "00000x", 1}), rows(10, 11), record.Ledger{
			Unexpected: 1, Differ: true,
			Notes: []string{"unexpected: " + prefix(run) + "00000x is on db1 and was never sent", "differ: db2 does not hold what db1 holds: 2 rows of this trial, 3 there"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Acked, c.want.Members = 2, []string{"db1", "db2"}
			got := Check(run, five(), writes, []Holding{{"db1", c.db1}, {"db2", c.db2}})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckWithoutMembers(t *testing.T) {
	if got := Check(run, five(), writes, nil); got.Error == "" {
		t.Errorf("got %+v, want an error: nothing was proven", got)
	}
}

// What is wrong with many writes is told by a few examples of everything.
func TestCheckGivesFewExamples(t *testing.T) {
	var ops []record.Op
	for seq := range 100 {
		ops = append(ops, record.Op{Seq: seq, Class: record.Write, Outcome: record.OK})
	}
	got := Check(run, ops, writes, []Holding{{"db1", rows(1, 1, 2, 2, 200)}})
	want := []string{
		"lost: " + record.Key(run, 0) + " acknowledged at 0.000 s, missing on db1",
		"duplicated: " + record.Key(run, 1) + " 2 times on db1",
		"unexpected: " + record.Key(run, 200) + " is on db1 and was never sent",
		"lost: " + record.Key(run, 3) + " acknowledged at 0.000 s, missing on db1",
		"duplicated: " + record.Key(run, 2) + " 2 times on db1",
	}
	if diff := cmp.Diff(want, got.Notes); diff != "" || got.Lost != 98 || got.Duplicated != 2 {
		t.Errorf("lost %d, duplicated %d, notes (-want +got):\n%s", got.Lost, got.Duplicated, diff)
	}
}

// damage is what a property does to one write on some members.
type damage int

const (
	none damage = iota
	deleted
	doubled
	changed
)

// Whatever is deleted, doubled, altered and added is found, and nothing else.
func TestCheckFindsExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"db1", "db2", "db3"}[:rapid.IntRange(1, 3).Draw(t, "members")]
		held := make([][]Row, len(names))
		want := record.Ledger{Members: names}
		outcomes := rapid.SliceOfN(rapid.SampledFrom(record.Outcomes), 0, 40).Draw(t, "outcomes")
		var ops []record.Op
		for i, o := range outcomes {
			op := record.Op{Seq: i * 3, Class: record.Write, Outcome: o}
			if op.Outcome == record.Stale {
				op.Class = record.Page // reads are between the writes
				ops = append(ops, op)
				continue
			}
			ops = append(ops, op)
			tell(t, &want, op, held)
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "foreign") {
			want.Unexpected++
			m := rapid.IntRange(0, len(names)-1).Draw(t, "holder")
			held[m] = append(held[m], row(3*i+1))
			want.Differ = want.Differ || len(names) > 1
		}
		members := make([]Holding, len(names))
		for i, rows := range held {
			members[i] = Holding{names[i], rapid.Permutation(rows).Draw(t, "order")}
		}
		got := Check(run, ops, writes, members)
		bad := got.Lost+got.Duplicated+got.Corrupt+got.Phantom+got.Unexpected > 0 || got.Differ
		if (len(got.Notes) > 0) != bad || len(got.Notes) > maxNotes {
			t.Fatalf("%d notes for %+v", len(got.Notes), got)
		}
		got.Notes = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// tell lets a write be there or not and be damaged, and tells what a ledger must
// find of it.
func tell(t *rapid.T, want *record.Ledger, op record.Op, held [][]Row) {
	there := true
	switch op.Outcome {
	case record.OK, record.Slow:
		want.Acked++
	default:
		there = rapid.Bool().Draw(t, "there")
	}
	if !there {
		return
	}
	what := rapid.SampledFrom([]damage{none, none, none, deleted, doubled, changed}).Draw(t, "damage")
	// On the members from first to last; so it is on one at least.
	first := rapid.IntRange(0, len(held)-1).Draw(t, "first")
	last := rapid.IntRange(first, len(held)-1).Draw(t, "last")
	everywhere := first == 0 && last == len(held)-1
	for m := range held {
		r := row(op.Seq)
		hit := m >= first && m <= last
		if hit && what == changed {
			r.Value += rapid.IntRange(1, 3).Draw(t, "by")
		}
		if !hit || what != deleted {
			held[m] = append(held[m], r)
		}
		if hit && what == doubled {
			held[m] = append(held[m], r)
		}
	}
	present := what != deleted || !everywhere
	switch {
	case op.Good() && what == deleted:
		want.Lost++
	case op.Outcome == record.Indeterminate && present:
		want.Recovered++
	case !op.Good() && op.Outcome != record.Indeterminate && present:
		want.Phantom++
	}
	switch what {
	case doubled:
		want.Duplicated++
	case changed:
		want.Corrupt++
	}
	want.Differ = want.Differ || differs(held)
}

// differs compares members by what they hold, the simple way.
func differs(held [][]Row) bool {
	count := func(rows []Row) map[Row]int {
		n := map[Row]int{}
		for _, r := range rows {
			n[r]++
		}
		return n
	}
	return slices.ContainsFunc(held[1:], func(rows []Row) bool { return !maps.Equal(count(held[0]), count(rows)) })
}

func TestJoin(t *testing.T) {
	orders := record.Ledger{Acked: 5, Lost: 1, Members: []string{"db1"}, Notes: []string{"lost: a"}, Invariants: []string{"x"}}
	sent := record.Ledger{Acked: 7, Phantom: 2, Differ: true, Members: []string{"db1"}, Notes: []string{"phantom: b"}, Registers: Unknown, Error: "e"}
	want := record.Ledger{
		Acked: 12, Lost: 1, Phantom: 2, Differ: true, Members: []string{"db1"}, Notes: []string{"lost: a", "phantom: b"},
		Invariants: []string{"x"}, Registers: Unknown, Error: "e",
	}
	if diff := cmp.Diff(want, Join(orders, sent)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Ten hours of the default load on three members, one write in a thousand lost on
// one of them.
func BenchmarkCheck(b *testing.B) {
	const n = 1_800_000
	ops := make([]record.Op, n)
	held := make([][]Row, 3)
	for seq := range ops {
		ops[seq] = record.Op{Seq: seq, Class: record.Write, Outcome: record.OK}
		for m := range held {
			if m != 1 || seq%1000 != 0 {
				held[m] = append(held[m], row(seq))
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	var members []Holding
	for m, rows := range held {
		random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		members = append(members, Holding{fmt.Sprint("db", m+1), rows})
	}
	for b.Loop() {
		if got := Check(run, ops, writes, members); got.Lost != n/1000 {
			b.Fatalf("%d lost", got.Lost)
		}
	}
}
