package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/drill/record"
)

func TestPair(t *testing.T) {
	for _, c := range []struct {
		o               record.Objective
		measured, limit string
	}{
		{record.Objective{Name: "write_outage_ms", Measured: 6812, Limit: 8000, Met: true}, "6.81 s", "≤ 8 s"},
		{record.Objective{Name: "write_outage_ms", Measured: 8004, Limit: 8000}, "8.004 s", "≤ 8 s"}, // not "8 s, promised 8 s"
		{record.Objective{Name: "write_outage_ms", Measured: 8000, Limit: 8000, Met: true}, "8 s", "≤ 8 s"},
		{record.Objective{Name: "recover_ms", Measured: -1, Limit: 90000}, "never", "90 s"},
		{record.Objective{Name: "lost", Measured: 0, Limit: 0, Met: true}, "0", "none"},
		{record.Objective{Name: "failed", Measured: 12300, Limit: 40}, "12,300", "≤ 40"},
		{record.Objective{Name: "requests", Measured: 5, Limit: 40}, "5", "40"}, // a lower limit is not told as an upper one
	} {
		if measured, limit := pair(c.o); measured != c.measured || limit != c.limit {
			t.Errorf("%+v is told as %q and %q, want %q and %q", c.o, measured, limit, c.measured, c.limit)
		}
	}
}

// trialOf is a judged trial with one objective.
func trialOf(measured float64, met bool) record.TrialResult {
	t := record.TrialResult{Verdict: record.Met, Objectives: []record.Objective{{Name: "write_outage_ms", Limit: 8000, Measured: measured, Met: met}}}
	if !met {
		t.Verdict = record.Missed
	}
	return t
}

func TestPromises(t *testing.T) {
	void := trialOf(99000, false)
	void.Verdict, void.Void = record.Inconclusive, "the generator was late"
	for name, c := range map[string]struct {
		trials []record.TrialResult
		want   promise
	}{
		"one trial":             {[]record.TrialResult{trialOf(6000, true)}, promise{Measured: "6 s", Met: true, MetIn: 1, Trials: 1, Every: []string{"6 s"}}},
		"the worst is told":     {[]record.TrialResult{trialOf(6000, true), trialOf(7000, true), trialOf(5000, true)}, promise{Measured: "7 s", Met: true, MetIn: 3, Trials: 3, Median: "6 s", Every: []string{"6 s", "7 s", "5 s"}}},
		"one breaks it":         {[]record.TrialResult{trialOf(6000, true), trialOf(9000, false)}, promise{Measured: "9 s", MetIn: 1, Trials: 2, Median: "7.5 s", Every: []string{"6 s", "9 s"}}},
		"never is worst":        {[]record.TrialResult{trialOf(9000, false), trialOf(-1, false)}, promise{Measured: "never", Limit: "8 s", Trials: 2, Median: "9 s", Every: []string{"9 s", "never"}}},
		"void ones do not tell": {[]record.TrialResult{trialOf(6000, true), void}, promise{Measured: "6 s", Met: true, MetIn: 1, Trials: 1, Every: []string{"6 s"}}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Name, c.want.Label = "write_outage_ms", "longest write outage"
			if c.want.Limit == "" {
				c.want.Limit = "≤ 8 s"
			}
			if d := cmp.Diff([]promise{c.want}, promises(record.Result{Trials: c.trials})); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPromisesOfNoTrial(t *testing.T) {
	void := trialOf(6000, true)
	void.Verdict, void.Void = record.Inconclusive, "the fault did not bite"
	r := record.Result{Verdict: record.Inconclusive, Objectives: void.Objectives, Trials: []record.TrialResult{void}}
	got := promises(r)
	if len(got) != 1 || !got[0].Open || got[0].Met {
		t.Errorf("got %+v, want one that is neither met nor missed", got)
	}
}

// TestLostInAVoidTrial: a lost write is lost, however the rest was measured.
func TestLostInAVoidTrial(t *testing.T) {
	void := record.TrialResult{
		Verdict: record.Missed, Void: "the generator was late", Ledger: record.Ledger{Acked: 100, Lost: 2},
		Objectives: []record.Objective{{Name: "lost", Measured: 2}},
	}
	r := record.Result{Verdict: record.Missed, Trials: []record.TrialResult{void}}
	if got, want := headline(r), "acknowledged writes lost: 2, promised none"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := outOf(promises(r), r)[0].Measured; got != "2 of 100" {
		t.Errorf("got %q, want 2 of 100", got)
	}
}

func TestHeadline(t *testing.T) {
	met := record.Result{Verdict: record.Met, Trials: []record.TrialResult{trialOf(6000, true)}}
	missed := record.Result{Verdict: record.Missed, Trials: []record.TrialResult{trialOf(6000, true), trialOf(9000, false)}}
	aborted := record.Result{Verdict: record.Aborted, Why: []string{"Stopped by the operator.", "It was healed."}}
	for want, r := range map[string]record.Result{
		"1 promise kept": met,
		"longest write outage: 9 s, promised ≤ 8 s": missed,
		"Stopped by the operator.":                  aborted,
		"the trials say nothing about the site":     {Verdict: record.Inconclusive},
	} {
		if got := headline(r); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if d := cmp.Diff([]string{"It was healed."}, reasons(aborted)); d != "" {
		t.Errorf("the headline is told twice: %s", d)
	}
}

func TestLabel(t *testing.T) {
	if got := label("read_outage_ms") + ", " + label("some_new_thing_ms"); got != "longest read outage, some new thing" {
		t.Error(got)
	}
}
