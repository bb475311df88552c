package report

import (
	"testing"

	"pgregory.net/rapid"

	"scaleup/internal/drill/record"
)

// TestSample: everything that is not ok is drawn, and the slowest ok one.
func TestSample(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, most := rapid.IntRange(1, 400).Draw(t, "n"), rapid.IntRange(10, 100).Draw(t, "most")
		var ops []record.Op
		bad, slowest := 0, record.Op{Done: -1}
		for i := range n {
			o := record.Op{Seq: i, Due: at(float64(i)), Done: at(float64(i) + rapid.Float64Range(0, 2).Draw(t, "latency"))}
			if rapid.IntRange(0, 9).Draw(t, "outcome") == 0 {
				o.Outcome = record.Failed
				bad++
			} else if o.Latency() > slowest.Latency() {
				slowest = o
			}
			ops = append(ops, o)
		}
		seen := map[int]bool{}
		ok := 0
		for _, o := range sample(ops, most) {
			if seen[o.Seq] {
				t.Fatalf("operation %d twice", o.Seq)
			}
			seen[o.Seq] = true
			if o.Outcome == record.OK {
				ok++
			}
		}
		if got := len(seen) - ok; got != bad {
			t.Fatalf("%d of %d that are not ok", got, bad)
		}
		if want := min(most, n-bad); ok != want {
			t.Fatalf("%d ok ones, want %d", ok, want)
		}
		if n > bad && !seen[slowest.Seq] {
			t.Fatalf("the slowest ok one is missing")
		}
	})
}

func TestStrideIsEven(t *testing.T) {
	ops := make([]record.Op, 10)
	for i := range ops {
		ops[i].Seq = i
	}
	var got []int
	for _, o := range stride(ops, 4) {
		got = append(got, o.Seq)
	}
	if len(got) != 4 || got[0] != 0 || got[1] != 2 || got[2] != 5 || got[3] != 7 {
		t.Errorf("got %v", got)
	}
}
