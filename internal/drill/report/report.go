// Package report shows what a drill found: as text for a terminal and as one HTML
// file that needs nothing else, neither a network nor a script. It words and draws
// what package record holds. It judges nothing: verdicts, objectives and figures
// come from the result as they are. Only where a picture marks an outage does it ask
// package measure, for when that was.
package report

import "scaleup/internal/drill/record"

// Signs that text and HTML share.
const (
	dash   = "–" // no such figure
	minus  = "−"
	atMost = "≤ "
)

// meanings of the outcomes, in the words of a reader who has not seen the code.
var meanings = map[record.Outcome]string{
	record.OK:            "right answer within 1 s of when it was due",
	record.Slow:          "right answer, but later than that",
	record.Stale:         "an old answer from a cache",
	record.Failed:        "no right answer; a write that was not carried out",
	record.Indeterminate: "a write that may or may not have been carried out",
	record.Unsent:        "the generator could not send it",
}

// worst is the trial that decided the verdict; false without any trial.
func worst(r record.Result) (record.TrialResult, bool) {
	if r.Worst < 0 || r.Worst >= len(r.Trials) {
		return record.TrialResult{}, false
	}
	return r.Trials[r.Worst], true
}
