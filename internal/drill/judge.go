package drill

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"scaleup/internal/drill/load"
	"scaleup/internal/drill/measure"
	"scaleup/internal/drill/record"
)

// What a trial's measurement must be to say anything about the site.
const (
	stallLimit   = 500 * time.Millisecond // longest lag of the generator: half of what a user forgives
	baselineGood = 0.999                  // share of operations that were ok before the fault
	baselineBad  = 0.98                   // share below which nothing is broken at all: the trial is void already
	warmUp       = 2 * time.Second        // of a baseline: connections are opened, and caches filled
	// patienceToRecover is how long a trial waits for full redundancy after healing.
	patienceToRecover = 2 * time.Minute
)

// judge measures a trial and holds it against the promises. It is pure: with the
// trial's files it gives the same result again, see Verify.
func judge(t record.Trial, promises []Promise) record.TrialResult {
	v := viewOf(t)
	r := v.figures()
	r.Void = void(v, lagLimit(promises))
	for _, p := range promises {
		measured := round(v.measured(p.Name))
		r.Objectives = append(r.Objectives, record.Objective{Name: p.Name, Limit: p.Limit, Measured: measured, Met: measured <= p.Limit})
	}
	if r.Void == "" && t.Aborted == "" {
		r.Void = v.unclear(r.Objectives)
	}
	r.Verdict = verdictOf(t, r)
	return r
}

// round keeps a tenth of a millisecond: more digits would be noise.
func round(f float64) float64 { return float64(int64(f*10+0.5)) / 10 }

func verdictOf(t record.Trial, r record.TrialResult) record.Verdict {
	missed := func(o record.Objective) bool { return !o.Met }
	// A lost order is lost, however the rest was measured.
	loss := func(o record.Objective) bool { return !o.Met && (o.Name == "lost" || o.Name == "duplicated") }
	switch {
	case t.Ledger.Error == "" && slices.ContainsFunc(r.Objectives, loss):
		return record.Missed
	case t.Aborted != "":
		return record.Aborted
	case r.Void != "":
		return record.Inconclusive
	case slices.ContainsFunc(r.Objectives, missed):
		return record.Missed
	default:
		return record.Met
	}
}

// lagLimit is how late the generator may be, at the 99th percentile: a twentieth of the
// tightest time that is promised, since that is how well it has to be measured, but 10 ms
// at least and 100 ms at most. Latency counts from when a request was due, so a late
// generator never makes the site look better than it is.
func lagLimit(promises []Promise) time.Duration {
	tightest := math.Inf(1)
	for _, p := range promises {
		if strings.HasSuffix(p.Name, "_ms") {
			tightest = min(tightest, p.Limit)
		}
	}
	twentieth := min(tightest, 2000) / 20 * float64(time.Millisecond)
	return max(10*time.Millisecond, time.Duration(twentieth))
}

// void says why a trial says nothing about the site, or "".
func void(v view, lagLimit time.Duration) string {
	// What was under way at the injection is not of the time before.
	baseline := measure.Count(v.Ops, func(o record.Op) bool { return users(o) && o.Due >= warmUp && o.Done < v.Marks.Inject })
	share := float64(baseline.Of(record.OK)) / float64(max(1, baseline.All()))
	switch {
	case v.Void != "":
		return v.Void
	case v.Marks.Inject > 0 && share < baselineGood:
		return fmt.Sprintf("before the fault only %.2f %% of %d requests were ok: the site was not well to begin with", share*100, baseline.All())
	case v.Tool.LagP99 > lagLimit:
		return fmt.Sprintf("the load generator itself was late: %.1f ms at the 99th percentile, the limit is %d ms; this computer is too busy", ms(v.Tool.LagP99), lagLimit.Milliseconds())
	case v.Tool.LagMax > stallLimit:
		return fmt.Sprintf("the load generator itself stood still for %.2f s", v.Tool.LagMax.Seconds())
	case v.Tool.Unsent > 0:
		return fmt.Sprintf("%d requests were not sent: too many were under way", v.Tool.Unsent)
	case v.Aborted != "":
		return ""
	case !v.Bite.OK:
		return "the fault did not bite: " + v.Bite.Text
	case !v.Heal.OK:
		return "it is not proven that the fault is gone: " + v.Heal.Text
	case v.Ledger.Error != "":
		return "the ledger could not be read: " + v.Ledger.Error
	case !tombstone(v.Ops):
		return "the last writes did not succeed, so nobody knows whether the site was back"
	}
	return ""
}

// unwell says why a site cannot be drilled, from the operations that had ended after
// the warm-up and those at the end of the baseline, or "". What is broken on top of
// that could not be told apart. A baseline without time to look says nothing.
func unwell(warm, end load.Counts) string {
	all := end.Sum() - warm.Sum()
	ok := end[record.OK] - warm[record.OK]
	if share := float64(ok) / float64(max(1, all)); all > 0 && share < baselineBad {
		return fmt.Sprintf("only %.1f %% of %d requests were ok before anything was broken: the site, or this computer, does not carry this rate; --rate sets a lower one", share*100, all)
	}
	return ""
}

// tombstone reports whether the last writes were served: the sign that the load
// went on to the end.
func tombstone(ops []record.Op) bool {
	left := measure.Run
	for _, o := range slices.Backward(ops) {
		if o.Class != record.Write {
			continue
		}
		if !o.Good() {
			return false
		}
		if left--; left == 0 {
			return true
		}
	}
	return false
}

// figures are what the report shows of a trial, promised or not.
func (v view) figures() record.TrialResult {
	window := v.window()
	counts := measure.Count(v.Ops, func(o record.Op) bool { return users(o) && window.From <= o.Due })
	r := record.TrialResult{
		InjectedAt: v.Began.Add(v.Marks.Inject).UTC().Format(time.RFC3339Nano),
		DegradedMS: round(measures["degraded_ms"](v)), RecoverMS: round(ms(v.recover())),
		Requests: named(counts), Ledger: v.Ledger, Bite: v.Bite.Text, Heal: v.Heal.Text,
		InFlight: v.inFlight(), FailedBeyond: v.beyond(users),
	}
	read := v.worst(window, kinds(record.Class.Read))
	write := v.worst(window, kinds(isWrite))
	r.OutageMS.Read, r.OutageMS.Write = round(ms(read.Length())), round(ms(write.Length()))
	r.DetectMS, r.FailoverMS = -1, -1
	if at, ok := v.detected(); ok {
		r.DetectMS = round(ms(at - v.struck))
	}
	if end := max(read.To, write.To); end > 0 {
		r.FailoverMS = round(ms(max(0, end-v.struck)))
	}
	r.Classes = v.classes()
	return r
}

// detected is when the first server changed its mind about anything after the
// fault took effect.
func (v view) detected() (time.Duration, bool) {
	for _, e := range v.Events {
		if e.At >= v.struck && e.Kind != record.EventWatch && v.Marks.Bite > 0 {
			return e.At, true
		}
	}
	return 0, false
}

func named(c measure.Counts) map[string]int {
	names := map[string]int{}
	for _, o := range record.Outcomes {
		names[o.String()] = c.Of(o)
	}
	return names
}

// classes are the figures of each class, over existing and over new connections.
func (v view) classes() []record.ClassResult {
	var all []record.ClassResult
	for _, c := range record.Classes {
		for _, fresh := range []bool{false, true} {
			want := func(o record.Op) bool { return o.Class == c && o.Fresh == fresh && o.Due >= v.Marks.Inject }
			counts := measure.Count(v.Ops, want)
			if counts.All() == 0 {
				continue
			}
			waits := measure.Latencies(v.Ops, want)
			f := measure.Filter{Want: func(o record.Op) bool { return o.Class == c && o.Fresh == fresh }}
			all = append(all, record.ClassResult{
				Class: c.String(), Fresh: &fresh, Requests: named(counts), OutageMS: round(ms(measure.Outage(v.Ops, f, v.window()).Length())),
				P50MS: round(ms(measure.Quantile(waits, 0.5))), P99MS: round(ms(measure.Quantile(waits, 0.99))), MaxMS: round(ms(measure.Quantile(waits, 1))),
			})
		}
	}
	return all
}

// combine makes one verdict of several: MISSED beats INCONCLUSIVE, and an aborted
// run has proven nothing.
func combine(verdicts []record.Verdict) record.Verdict {
	worst := record.Met
	for _, v := range verdicts {
		if rank(v) > rank(worst) {
			worst = v
		}
	}
	return worst
}

func rank(v record.Verdict) int {
	return slices.Index([]record.Verdict{record.Met, record.Aborted, record.Inconclusive, record.Missed}, v)
}

// worstTrial is the one that leads the report: the worst verdict, then the one that
// exceeded its limits by most, then the longest outage.
func worstTrial(trials []record.TrialResult) int {
	worst := 0
	for i, t := range trials {
		if worse(t, trials[worst]) {
			worst = i
		}
	}
	return worst
}

func worse(a, b record.TrialResult) bool {
	if rank(a.Verdict) != rank(b.Verdict) {
		return rank(a.Verdict) > rank(b.Verdict)
	}
	if ma, mb := missedOf(a), missedOf(b); ma != mb {
		return ma > mb
	}
	return max(a.OutageMS.Read, a.OutageMS.Write) > max(b.OutageMS.Read, b.OutageMS.Write)
}

func missedOf(t record.TrialResult) int {
	n := 0
	for _, o := range t.Objectives {
		if !o.Met {
			n++
		}
	}
	return n
}

// Combine is the verdict over several drills.
func Combine(results []record.Result) record.Verdict {
	verdicts := make([]record.Verdict, len(results))
	for i, r := range results {
		verdicts[i] = r.Verdict
	}
	if len(verdicts) == 0 {
		return record.Aborted
	}
	return combine(verdicts)
}
