package measure

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaleup/internal/drill/record"
)

const msec = time.Millisecond

// steadyLoad is a load of one class: one operation every 10 ms for ten seconds, each
// answered after 2 ms.
func steadyLoad() []record.Op {
	ops := make([]record.Op, 1000)
	for i := range ops {
		due := time.Duration(i) * 10 * msec
		ops[i] = record.Op{Seq: i, Class: record.API, Due: due, Start: due, Done: due + 2*msec}
	}
	return ops
}

// spoil gives the operations that are due in a span another fate.
func spoil(ops []record.Op, from, to time.Duration, fate func(*record.Op)) {
	for i := range ops {
		if ops[i].Due >= from && ops[i].Due < to {
			fate(&ops[i])
		}
	}
}

func fail(after time.Duration) func(*record.Op) {
	return func(o *record.Op) { o.Outcome, o.Done = record.Failed, o.Due+after }
}

var everything = Filter{Want: func(record.Op) bool { return true }}

func TestUnseen(t *testing.T) {
	whole := Span{1 * time.Second, 9 * time.Second}
	for _, c := range []struct {
		name   string
		change func([]record.Op)
		want   time.Duration
	}{
		{"one is refused, the next is 10 ms later", func(o []record.Op) { spoil(o, 3*time.Second, 3005*msec, fail(msec)) }, 9 * msec},
		{"many are refused", func(o []record.Op) { spoil(o, 3*time.Second, 5*time.Second, fail(msec)) }, 9 * msec},
		{"all fail after a long wait", func(o []record.Op) { spoil(o, 3*time.Second, 5*time.Second, fail(5*time.Second)) }, 0},
		{"all wait until it is over", func(o []record.Op) {
			spoil(o, 3*time.Second, 6*time.Second, func(o *record.Op) { o.Done = 6100 * msec })
		}, 0},
		{"never served again", func(o []record.Op) { spoil(o, 8*time.Second, time.Hour, fail(msec)) }, 9 * msec},
	} {
		ops := steadyLoad()
		c.change(ops)
		if got := Unseen(ops, everything, Outage(ops, everything, whole)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestWaited: old content ends an outage of those who are served by it, so who got it at
// once has not waited.
func TestWaited(t *testing.T) {
	whole := Span{1 * time.Second, 9 * time.Second}
	stale := everything
	stale.StaleOK = true
	for _, c := range []struct {
		name   string
		change func([]record.Op)
		filter Filter
		want   int
	}{
		{"one is refused, the next is served at once", func(o []record.Op) { spoil(o, 3*time.Second, 3005*msec, fail(msec)) }, everything, 1},
		{"one is refused, the next gets old content at once", func(o []record.Op) {
			spoil(o, 3*time.Second, 3005*msec, fail(msec))
			spoil(o, 3010*msec, 3015*msec, func(o *record.Op) { o.Outcome = record.Stale })
		}, stale, 1},
		{"ten are refused", func(o []record.Op) { spoil(o, 3*time.Second, 3100*msec, fail(msec)) }, everything, 10},
		{"fifty wait until it is over, the last nine less than a bin", func(o []record.Op) {
			spoil(o, 3*time.Second, 3500*msec, func(o *record.Op) { o.Done = 3500 * msec })
		}, everything, 41},
	} {
		ops := steadyLoad()
		c.change(ops)
		if got := Waited(ops, c.filter, Outage(ops, c.filter, whole)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestOutage(t *testing.T) {
	whole := Span{1 * time.Second, 9 * time.Second}
	for _, c := range []struct {
		name   string
		change func([]record.Op)
		filter Filter
		within Span
		want   time.Duration
	}{
		{"nothing happens", func([]record.Op) {}, everything, whole, 0},
		{"one fails, others go on", func(o []record.Op) { spoil(o, 3*time.Second, 3005*msec, fail(2*msec)) }, everything, whole, 12 * msec},
		{"all fail at once for 70 ms", func(o []record.Op) { spoil(o, 3*time.Second, 3070*msec, fail(msec)) }, everything, whole, 72 * msec},
		{"all fail after a long wait for 2 s", func(o []record.Op) { spoil(o, 3*time.Second, 5*time.Second, fail(5*time.Second)) }, everything, whole, 2002 * msec},
		{"a cut that all survive, late", func(o []record.Op) {
			spoil(o, 3*time.Second, 6*time.Second, func(o *record.Op) { o.Done, o.Outcome = 6100*msec, record.Slow })
		}, everything, whole, 3002 * msec},
		{"a lucky one does not end it", func(o []record.Op) {
			spoil(o, 3*time.Second, 3500*msec, fail(msec))
			spoil(o, 3250*msec, 3260*msec, func(o *record.Op) { o.Outcome, o.Done = record.OK, o.Due+2*msec })
		}, everything, whole, 502 * msec},
		{"half of all are late, half go on", func(o []record.Op) {
			spoil(o, 3*time.Second, 6*time.Second, func(o *record.Op) {
				if o.Seq%2 == 0 {
					o.Done, o.Outcome = o.Due+2*time.Second, record.Slow
				}
			})
		}, everything, whole, 0},
		{"never served again", func(o []record.Op) { spoil(o, 8*time.Second, time.Hour, fail(msec)) }, everything, whole, time.Second},
		{"before the fault", func(o []record.Op) { spoil(o, 0, 500*msec, fail(msec)) }, everything, whole, 0},
		{"across its beginning", func(o []record.Op) { spoil(o, 500*msec, 1500*msec, fail(msec)) }, everything, whole, 502 * msec},
		{"stale counts as nothing", func(o []record.Op) {
			spoil(o, 3*time.Second, 4*time.Second, func(o *record.Op) { o.Outcome = record.Stale })
		}, everything, whole, 1002 * msec},
		{"stale is good enough", func(o []record.Op) {
			spoil(o, 3*time.Second, 4*time.Second, func(o *record.Op) { o.Outcome = record.Stale })
		}, Filter{everything.Want, true}, whole, 0},
		{"another class", func(o []record.Op) { spoil(o, 3*time.Second, 4*time.Second, fail(msec)) },
			Filter{Want: func(o record.Op) bool { return o.Class == record.Page }}, whole, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			ops := steadyLoad()
			c.change(ops)
			if got := Outage(ops, c.filter, c.within).Length(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// However long a site answers nothing, and however its users' requests end, the
// outage is that long, to the pace of the load.
func TestOutageIsWhatWasMade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := time.Duration(rapid.IntRange(1000, 4000).Draw(t, "from")) * msec
		// A pause shorter than a Bin in which nobody fails is none. It may be measured up to
		// 10 ms, the pace of the load, shorter than it was made.
		length := time.Duration(rapid.IntRange(110, 4000).Draw(t, "length")) * msec
		ops := steadyLoad()
		for i := range ops {
			if o := &ops[i]; o.Due >= from && o.Due < from+length {
				if rapid.Bool().Draw(t, "survives") {
					o.Done, o.Outcome = from+length+time.Duration(rapid.IntRange(0, 3).Draw(t, "late"))*msec, record.Slow
				} else {
					o.Done, o.Outcome = o.Due+time.Duration(rapid.IntRange(0, 5000).Draw(t, "patience"))*msec, record.Failed
				}
			}
		}
		got := Outage(ops, everything, Span{0, 10 * time.Second}).Length()
		if got < length-10*msec || got > length+15*msec {
			t.Errorf("made %s, measured %s", length, got)
		}
	})
}

func TestDegraded(t *testing.T) {
	ops := steadyLoad()
	spoil(ops, 3000*msec, 3100*msec, fail(msec))
	spoil(ops, 3900*msec, 4000*msec, fail(msec)) // less than a second later: one with it
	spoil(ops, 7000*msec, 7010*msec, fail(msec)) // one of ten in its bin
	spoil(ops, 500*msec, 600*msec, fail(msec))   // outside
	got := Degraded(ops, Span{time.Second, 9 * time.Second}, everything.Want)
	want := []Span{{3000 * msec, 4000 * msec}, {7000 * msec, 7100 * msec}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] || Total(got) != 1100*msec {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestQuantile(t *testing.T) {
	if got := Quantile(nil, 0.99); got != 0 {
		t.Errorf("of nothing: %s", got)
	}
	var hundred []time.Duration
	for i := 100; i > 0; i-- {
		hundred = append(hundred, time.Duration(i))
	}
	for q, want := range map[float64]time.Duration{0.5: 50, 0.99: 99, 1: 100, 0: 1} {
		if got := Quantile(hundred, q); got != want {
			t.Errorf("%g: got %d, want %d", q, got, want)
		}
	}
}

// Operations that broke while the fault was still being proven date it.
func TestStruck(t *testing.T) {
	ops := steadyLoad()
	marks := record.Marks{Inject: 3 * time.Second, Bite: 3200 * msec}
	if got := Struck(ops, marks); got != marks.Bite {
		t.Errorf("nothing broke: struck at %s, want at the bite", got)
	}
	spoil(ops, 3040*msec, 3050*msec, fail(5*msec))
	spoil(ops, 3060*msec, 3070*msec, fail(time.Second))
	if got := Struck(ops, marks); got != 3045*msec {
		t.Errorf("struck at %s, want 3.045s", got)
	}
	spoil(ops, 1000*msec, 1010*msec, fail(msec))
	if got := Struck(ops, marks); got != 3045*msec {
		t.Errorf("a failure from before the fault dates it at %s", got)
	}
}
