package report

import (
	"scaleup/internal/drill/record"
)

// figure is a number with its name, for the short row of times below a verdict.
type figure struct{ Name, Value string }

// times are the moments of a drill, as medians of the trials that count.
func times(r record.Result) []figure {
	var out []figure
	for _, f := range []struct {
		name string
		of   func(record.TrialResult) float64
	}{
		{"reads out", func(t record.TrialResult) float64 { return t.OutageMS.Read }},
		{"writes out", func(t record.TrialResult) float64 { return t.OutageMS.Write }},
		{"detected", func(t record.TrialResult) float64 { return t.DetectMS }},
		{"failed over", func(t record.TrialResult) float64 { return t.FailoverMS }},
		{"recovered", func(t record.TrialResult) float64 { return t.RecoverMS }},
	} {
		var figures []float64
		for _, t := range r.Counted() {
			if v := f.of(t); v >= 0 {
				figures = append(figures, v)
			}
		}
		if m, ok := median(figures); ok {
			out = append(out, figure{f.name, millis(m)})
		}
	}
	return out
}

// requestsOf adds up the outcomes of all trials, and how many writes were carried out
// that had no answer. The latter is false when a ledger could not be read.
func requestsOf(r record.Result) (requests map[string]int, landed int, known bool) {
	requests, known = map[string]int{}, true
	for _, t := range r.Trials {
		for name, n := range t.Requests {
			requests[name] += n
		}
		landed += t.Ledger.Recovered
		known = known && t.Ledger.Error == ""
	}
	return requests, landed, known
}

// noiseFloor words the outage of the last null drill.
func noiseFloor(r record.Result) string {
	if r.NoiseFloorMS == nil {
		return "not measured; run the drill null"
	}
	return millis(*r.NoiseFloorMS)
}

// badAudit are the settings that are not as they should be.
func badAudit(r record.Result) []record.AuditItem {
	var bad []record.AuditItem
	for _, a := range r.Audit {
		if !a.Good {
			bad = append(bad, a)
		}
	}
	return bad
}
