package record

import (
	"cmp"
	"math"
	"slices"
)

// Counted are the trials that say something about the site. One that is void does if it
// was missed all the same: a lost write is lost, however the rest was measured.
func (r Result) Counted() []TrialResult {
	var trials []TrialResult
	for _, t := range r.Trials {
		if t.Verdict == Met || t.Verdict == Missed {
			trials = append(trials, t)
		}
	}
	return trials
}

// ByName are the objectives of trials, in their order: of each name, those of all trials.
func ByName(trials []TrialResult) [][]Objective {
	var all [][]Objective
	for _, t := range trials {
		for _, o := range t.Objectives {
			i := slices.IndexFunc(all, func(same []Objective) bool { return same[0].Name == o.Name })
			if i < 0 {
				all = append(all, []Objective{o})
			} else {
				all[i] = append(all[i], o)
			}
		}
	}
	return all
}

// WorstOf is one objective in the trial that did worst at it. There must be one.
func WorstOf(same []Objective) Objective { return slices.MaxFunc(same, compare) }

// compare puts the worse of two last: a broken promise is worse than a kept one, and what
// never came about is worse than any figure.
func compare(a, b Objective) int {
	broken := func(o Objective) int {
		if o.Met {
			return 0
		}
		return 1
	}
	figure := func(o Objective) float64 {
		if o.Measured < 0 && !o.Met {
			return math.Inf(1)
		}
		return o.Measured
	}
	return cmp.Or(cmp.Compare(broken(a), broken(b)), cmp.Compare(figure(a), figure(b)))
}
