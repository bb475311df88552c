package report

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"scaleup/internal/drill/measure"
	"scaleup/internal/drill/record"
)

func TestGrid(t *testing.T) {
	g := gridOf(at(0.95), at(1.25), at(1.02), 100*time.Millisecond)
	var edges []time.Duration
	for i := range g.n + 1 {
		edges = append(edges, g.edge(i))
	}
	// Zero is an edge: no column mixes before and after the fault.
	if d := cmp.Diff([]time.Duration{at(0.92), at(1.02), at(1.12), at(1.22), at(1.32)}, edges); d != "" {
		t.Error(d)
	}
}

func TestBinned(t *testing.T) {
	ops := []record.Op{
		{Due: at(0.90), Outcome: record.Failed}, // before the part
		{Due: at(1.019), Outcome: record.OK},
		{Due: at(1.02), Outcome: record.Failed},
		{Due: at(1.119), Outcome: record.Failed},
		{Due: at(1.119), Class: record.Write}, // another class
		{Due: at(1.32), Outcome: record.OK},   // after it
	}
	g := gridOf(at(0.95), at(1.25), at(1.02), 100*time.Millisecond)
	want := []measure.Counts{{record.OK: 1}, {record.Failed: 2}, {}, {}}
	got := g.binned(ops, record.Class.Read)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if tallest(got) != 2 {
		t.Errorf("tallest is %d, want 2", tallest(got))
	}
}

// TestBinnedLosesNothing: every operation of the part is in one column.
func TestBinnedLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "ns"))
		})
		from := moment.Draw(t, "from")
		to := from + 1 + moment.Draw(t, "span")
		g := gridOf(from, to, moment.Draw(t, "zero"), time.Duration(rapid.IntRange(1, 20).Draw(t, "width"))*measure.Bin)
		var ops []record.Op
		for _, due := range rapid.SliceOf(moment).Draw(t, "due") {
			if due >= from && due < to {
				ops = append(ops, record.Op{Due: due})
			}
		}
		n := 0
		for _, b := range g.binned(ops, record.Class.Read) {
			n += b.All()
		}
		if n != len(ops) {
			t.Fatalf("%d of %d operations are in a column", n, len(ops))
		}
		if g.edge(0) > from || g.edge(g.n) < to || g.edge(1) <= from || g.edge(g.n-1) >= to {
			t.Fatalf("columns from %v to %v for the part from %v to %v", g.edge(0), g.edge(g.n), from, to)
		}
	})
}

func TestBadSeconds(t *testing.T) {
	ops := []record.Op{
		{Due: at(8.5), Outcome: record.Slow}, {Due: at(8.6)}, // second −2
		{Due: at(9.5)}, // second −1, all ok
		{Due: at(10), Outcome: record.Failed}, {Due: at(10.9), Outcome: record.Failed},
	}
	want := []second{
		{-2 * time.Second, measure.Counts{record.OK: 1, record.Slow: 1}},
		{0, measure.Counts{record.Failed: 2}},
	}
	if d := cmp.Diff(want, badSeconds(ops, at(10))); d != "" {
		t.Error(d)
	}
}
