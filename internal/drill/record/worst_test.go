package record

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWorstOf(t *testing.T) {
	kept, broken, never := Objective{Measured: 50, Met: true}, Objective{Measured: 200}, Objective{Measured: -1}
	for _, c := range []struct {
		name string
		same []Objective
		want Objective
	}{
		{"one", []Objective{kept}, kept},
		{"the higher figure", []Objective{{Measured: 40, Met: true}, kept, {Measured: 10, Met: true}}, kept},
		{"a broken one, whatever the figure", []Objective{{Measured: 300, Met: true}, broken}, broken},
		{"what never came about", []Objective{broken, never, kept}, never},
		{"nothing that should not be", []Objective{{Measured: -1, Met: true}, {Measured: 0, Met: true}}, Objective{Measured: 0, Met: true}},
	} {
		if got := WorstOf(c.same); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestCountedByName(t *testing.T) {
	lost := func(n float64) Objective { return Objective{Name: "lost", Measured: n, Met: n == 0} }
	read := func(n float64) Objective { return Objective{Name: "read_outage_ms", Measured: n, Met: true} }
	r := Result{Trials: []TrialResult{
		{Verdict: Met, Objectives: []Objective{read(20), lost(0)}},
		{Verdict: Inconclusive, Objectives: []Objective{read(900), lost(0)}},
		{Verdict: Missed, Objectives: []Objective{read(10), lost(1)}},
	}}
	if diff := cmp.Diff([][]Objective{{read(20), read(10)}, {lost(0), lost(1)}}, ByName(r.Counted())); diff != "" {
		t.Errorf("objectives (-want +got):\n%s", diff)
	}
}
