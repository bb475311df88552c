package drill

import (
	"slices"
	"strings"
	"testing"
	"time"

	"scaleup/internal/drill/record"
)

// late makes every request of a class that is due in a part of a trial be answered
// when that is over.
func late(t *record.Trial, c record.Class, from, to time.Duration) {
	for i := range t.Ops {
		if o := &t.Ops[i]; o.Class == c && o.Due >= from && o.Due < to {
			o.Done = to
		}
	}
}

// refused makes every request of a class that is due in a part of a trial fail at once.
func refused(t *record.Trial, c record.Class, from, to time.Duration) {
	for i := range t.Ops {
		if o := &t.Ops[i]; o.Class == c && o.Due >= from && o.Due < to {
			o.Done, o.Outcome = o.Due+time.Millisecond, record.Failed
		}
	}
}

// thinned leaves one request of ten: 20 per second, and so 2.5 of a kind.
func thinned(t *record.Trial) {
	var ops []record.Op
	for i, o := range t.Ops {
		if i/8%10 == 0 {
			ops = append(ops, o)
		}
	}
	t.Ops = ops
}

// A limit that is exceeded is held against the site only where the trial can show that
// the fault did it.
func TestUnclear(t *testing.T) {
	const limit = 150 // of lb-process-kill, in milliseconds
	for _, c := range []struct {
		name    string
		change  func(*record.Trial)
		verdict record.Verdict
		why     string
	}{
		{"an outage", func(t *record.Trial) { late(t, record.API, 6*time.Second, 6300*time.Millisecond) }, record.Missed, ""},
		{"a site that is as slow before", func(t *record.Trial) {
			late(t, record.API, 3*time.Second, 3200*time.Millisecond)
			late(t, record.API, 6*time.Second, 6300*time.Millisecond)
		}, record.Inconclusive, "190 ms are what the same measure gave before"},
		{"much longer than before", func(t *record.Trial) {
			late(t, record.API, 3*time.Second, 3200*time.Millisecond)
			late(t, record.API, 6*time.Second, 6500*time.Millisecond)
		}, record.Missed, ""},
		{"other requests were slow before", func(t *record.Trial) {
			late(t, record.Write, 3*time.Second, 3200*time.Millisecond)
			late(t, record.API, 6*time.Second, 6300*time.Millisecond)
		}, record.Missed, ""},
		{"slow while warming up", func(t *record.Trial) {
			late(t, record.API, time.Second, 1200*time.Millisecond)
			late(t, record.API, 6*time.Second, 6300*time.Millisecond)
		}, record.Missed, ""},
		{"what was under way at the fault is not of the time before", func(t *record.Trial) {
			late(t, record.API, 4990*time.Millisecond, 5400*time.Millisecond)
		}, record.Missed, ""},
		{"a single request, where few are sent", func(t *record.Trial) {
			thinned(t)
			late(t, record.API, 6*time.Second, 6300*time.Millisecond)
		}, record.Inconclusive, "a single request"},
		{"a single request, and the next is served at once", func(t *record.Trial) {
			thinned(t)
			late(t, record.API, 6*time.Second, 6100*time.Millisecond)
			for i := range t.Ops {
				if o := &t.Ops[i]; o.Class == record.API && o.Due >= 6*time.Second && o.Due < 6100*time.Millisecond {
					o.Done = o.Due + time.Second
				}
			}
		}, record.Inconclusive, "a single request"},
		{"several, where few are sent", func(t *record.Trial) {
			thinned(t)
			late(t, record.API, 6*time.Second, 7500*time.Millisecond)
		}, record.Missed, ""},
		{"a single one is refused, where few are sent", func(t *record.Trial) {
			thinned(t)
			refused(t, record.API, 6*time.Second, 6300*time.Millisecond)
		}, record.Inconclusive, "a single request"},
		{"two are refused, and the next is sent much later", func(t *record.Trial) {
			refused(t, record.API, 6*time.Second, 6080*time.Millisecond)
			t.Ops = slices.DeleteFunc(t.Ops, func(o record.Op) bool { return o.Due >= 6080*time.Millisecond && o.Due < 6300*time.Millisecond })
		}, record.Inconclusive, "nobody waited in the last"},
		{"several are refused, where few are sent", func(t *record.Trial) {
			thinned(t)
			refused(t, record.API, 6*time.Second, 7500*time.Millisecond)
		}, record.Missed, ""},
		{"one clear, one not", func(t *record.Trial) {
			late(t, record.API, 3*time.Second, 3200*time.Millisecond)
			late(t, record.API, 6*time.Second, 6300*time.Millisecond)
			late(t, record.Write, 7*time.Second, 7300*time.Millisecond)
		}, record.Missed, ""},
		{"and something else", func(t *record.Trial) {
			late(t, record.API, 3*time.Second, 3200*time.Millisecond)
			late(t, record.API, 6*time.Second, 6300*time.Millisecond)
			t.Marks.Recovered = 0
		}, record.Missed, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			trial := wellRecorded()
			trial.Marks.End = 19900 * time.Millisecond
			c.change(&trial)
			got := judge(trial, append(promised(t, "lb-process-kill"), Promise{"recover_ms", 90000}))
			if got.Verdict != c.verdict || !strings.Contains(got.Void, c.why) || (c.why == "") != (got.Void == "") {
				t.Errorf("%s %q, want %s %q\n%+v", got.Verdict, got.Void, c.verdict, c.why, got.Objectives)
			}
			if got.OutageMS.Read <= limit && got.OutageMS.Write <= limit {
				t.Errorf("nothing was missed: %+v", got.OutageMS)
			}
		})
	}
}
