package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"scaleup/internal/drill/record"
)

// labels are the objectives' names in words. One that is not here is worded from
// its name.
var labels = map[string]string{
	"read_outage_ms":     "longest read outage",
	"write_outage_ms":    "longest write outage",
	"heal_outage_ms":     "longest outage at healing",
	"static_outage_ms":   "longest outage of static files",
	"page_outage_ms":     "longest outage of pages",
	"degraded_ms":        "degraded time",
	"degraded_after_ms":  "degraded time after healing",
	"recover_ms":         "time to full redundancy",
	"failed":             "failed, beyond in flight",
	"failed_reads":       "failed reads, beyond in flight",
	"failed_late":        "failed after 2 s",
	"latest_ms":          "longest wait of a served request",
	"late_p99_ms":        "p99 latency after 10 s",
	"role_changes":       "changes of role",
	"blackhole_error_ms": "error of the measured outage",
	"lost":               "acknowledged writes lost",
	"duplicated":         "writes carried out twice",
	"anomalies":          "other wrongs in the data",
}

func label(objective string) string {
	if words, ok := labels[objective]; ok {
		return words
	}
	return strings.ReplaceAll(strings.TrimSuffix(objective, "_ms"), "_", " ")
}

// quantity words a figure of an objective, in the unit that its name ends in.
func quantity(objective string, v float64, digits int) string {
	if strings.HasSuffix(objective, "_ms") {
		return precise(v, digits)
	}
	if v != math.Trunc(v) || math.Abs(v) > 1e15 {
		return significant(v, digits, digits)
	}
	return count(int(v))
}

// pair words what was measured and its limit, with as many digits as it takes to
// tell them apart: 8.004 s is more than 8 s.
func pair(o record.Objective) (measured, limit string) {
	for digits := 3; digits <= 9; digits++ {
		measured, limit = quantity(o.Name, o.Measured, digits), quantity(o.Name, o.Limit, digits)
		if measured != limit || o.Measured == o.Limit {
			break
		}
	}
	if o.Measured < 0 && !o.Met {
		measured = "never"
	}
	// All limits so far are upper ones; one that is not must not be told as such.
	switch upper := o.Met == (o.Measured <= o.Limit); {
	case upper && limit == "0":
		limit = "none"
	case upper && o.Limit != 0:
		limit = atMost + limit
	}
	return measured, limit
}

// promise is an objective over all trials of a drill.
type promise struct {
	Name, Label     string
	Measured, Limit string // of the trial that did worst at it
	Met             bool   // in every trial
	Open            bool   // no trial says anything about it
	MetIn, Trials   int
	Median          string   // "" with one trial, and of none that came about
	Every           []string // of each trial, in their order
	Why             string
}

// promises are the objectives of a result in their order, each by its own worst
// trial. A drill without a trial that counts has those of the result itself.
func promises(r record.Result) []promise {
	objectives := record.ByName(r.Counted())
	open := len(objectives) == 0
	if open {
		objectives = record.ByName([]record.TrialResult{{Objectives: r.Objectives}})
	}
	var all []promise
	for _, same := range objectives {
		p := promiseOf(same)
		if p.Open = open; open {
			p.Met = false
		}
		all = append(all, p)
	}
	return all
}

func promiseOf(trials []record.Objective) promise {
	low := record.WorstOf(trials)
	p := promise{Name: low.Name, Label: label(low.Name), Met: low.Met, Trials: len(trials), Why: low.Why}
	p.Measured, p.Limit = pair(low)
	var figures []float64
	for _, o := range trials {
		if o.Met {
			p.MetIn++
		}
		measured, _ := pair(o)
		p.Every = append(p.Every, measured)
		if o.Measured >= 0 {
			figures = append(figures, o.Measured)
		}
	}
	if m, ok := median(figures); ok && len(trials) > 1 {
		p.Median = quantity(low.Name, m, 3)
	}
	return p
}

// reasons are the sentences of why, without the one that is the headline.
func reasons(r record.Result) []string {
	head := headline(r)
	return slices.DeleteFunc(slices.Clone(r.Why), func(s string) bool { return s == head })
}

// median of the figures, the mean of the middle two of an even number; false for
// none.
func median(figures []float64) (float64, bool) {
	n := len(figures)
	if n == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(figures))
	return (sorted[(n-1)/2] + sorted[n/2]) / 2, true
}

// headline is the sentence beside the verdict.
func headline(r record.Result) string {
	all := promises(r)
	for _, p := range all {
		if !p.Met && r.Verdict == record.Missed {
			return fmt.Sprintf("%s: %s, promised %s", p.Label, p.Measured, p.Limit)
		}
	}
	switch {
	case r.Verdict != record.Met && len(r.Why) > 0:
		return r.Why[0]
	case r.Verdict == record.Met && len(r.Counted()) > 1:
		return fmt.Sprintf("%s kept in each of %s", many(len(all), "promise"), many(len(r.Counted()), "trial"))
	case r.Verdict == record.Met:
		return many(len(all), "promise") + " kept"
	default:
		return "the trials say nothing about the site"
	}
}

// lost is how many acknowledged writes were lost, of how many, in all trials that
// count; and in how many of them.
func lost(r record.Result) (lost, acked, in int) {
	for _, t := range r.Counted() {
		acked += t.Ledger.Acked
		lost += t.Ledger.Lost
		if t.Ledger.Lost > 0 {
			in++
		}
	}
	return lost, acked, in
}

// outOf adds to the losses in a list of promises out of how many they are.
func outOf(promises []promise, r record.Result) []promise {
	for i, p := range promises {
		if n, acked, _ := lost(r); p.Name == "lost" && acked > 0 {
			promises[i].Measured = count(n) + " of " + count(acked)
		}
	}
	return promises
}
