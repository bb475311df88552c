package load

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"scaleup/internal/drill/record"
)

// takes makes a Doer that takes a while, as long as its user waits.
func takes(d time.Duration) Doer {
	return func(ctx context.Context, op *record.Op) {
		if !sleep(ctx, d) {
			op.Outcome, op.Error = record.Failed, "timeout"
		}
	}
}

// run sends streams for a while.
func run(t *testing.T, span time.Duration, streams ...Stream) []record.Op {
	t.Helper()
	g := Start(t.Context(), Config{Streams: streams, Seed: 1})
	time.Sleep(span)
	return g.Stop()
}

// Whatever becomes of an operation, the next one begins when it is due.
func TestOperationsBeginWhenDue(t *testing.T) {
	for name, do := range map[string]Doer{"at once": takes(0), "late": takes(2 * time.Second), "never": takes(time.Hour)} {
		synctest.Test(t, func(t *testing.T) {
			ops := run(t, 10*time.Second,
				Stream{Class: record.Page, Fresh: true, Proto: 1, Rate: 50, Do: do},
				Stream{Class: record.Page, Proto: 2, Rate: 50, Do: do},
				Stream{Class: record.Write, Rate: 30, Do: do},
				Stream{Class: record.SQL, Rate: 0, Do: nil})
			dues := map[record.Class][]time.Duration{}
			for i, o := range ops {
				if o.Seq != i || i > 0 && o.Due < ops[i-1].Due {
					t.Fatalf("%s: operation %d has number %d and is due at %v, after one at %v", name, i, o.Seq, o.Due, ops[i-1].Due)
				}
				if o.Start != o.Due {
					t.Fatalf("%s: operation %d began at %v and was due at %v", name, i, o.Start, o.Due)
				}
				dues[o.Class] = append(dues[o.Class], o.Due)
			}
			checkSpacing(t, name, dues[record.Page], 1000, 10*time.Millisecond)
			checkSpacing(t, name, dues[record.Write], 300, time.Second/30)
		})
	}
}

// checkSpacing demands n evenly spaced times.
func checkSpacing(t *testing.T, name string, dues []time.Duration, n int, gap time.Duration) {
	t.Helper()
	if len(dues) != n {
		t.Errorf("%s: %d operations, want %d", name, len(dues), n)
	}
	for i, d := range dues {
		if off := d - dues[0] - time.Duration(i)*gap; off.Abs() > time.Microsecond {
			t.Fatalf("%s: operation %d is %v off", name, i, off)
		}
	}
}

func TestOutcomeByTime(t *testing.T) {
	for _, c := range []struct {
		name string
		do   Doer
		want record.Outcome
		took time.Duration
	}{
		{"at once", takes(0), record.OK, 0},
		{"just in time", takes(record.SLO), record.OK, record.SLO},
		{"late", takes(record.SLO + 1), record.Slow, record.SLO + 1},
		{"given up", takes(time.Hour), record.Failed, record.Patience},
		{"late and stale", func(ctx context.Context, op *record.Op) {
			takes(2*time.Second)(ctx, op)
			op.Outcome = record.Stale
		}, record.Stale, 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			ops := run(t, time.Second, Stream{Class: record.API, Fresh: true, Proto: 2, Rate: 10, Do: c.do})
			if len(ops) != 10 {
				t.Fatalf("%s: %d operations, want 10", c.name, len(ops))
			}
			for _, o := range ops {
				if o.Outcome != c.want || o.Latency() != c.took {
					t.Errorf("%s: %v after %v, want %v after %v", c.name, o.Outcome, o.Latency(), c.want, c.took)
				}
				if o.Class != record.API || !o.Fresh || o.Proto != 2 {
					t.Errorf("%s: %+v is not of its stream", c.name, o)
				}
			}
		})
	}
}

// Operations that do not end in time fill up the places, and those that find none
// are counted.
func TestUnsentWhenFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stubborn := func(context.Context, *record.Op) { time.Sleep(30 * time.Second) }
		g := Start(t.Context(), Config{Streams: []Stream{{Class: record.Write, Rate: 10, Do: stubborn}}})
		time.Sleep(12 * time.Second)
		live := g.Live()
		if live.InFlight != 100 || live.Total[record.Unsent] != 20 {
			t.Errorf("after 12 s: %d under way, %d unsent, want 2 × 10/s × 5 s = 100, and 20", live.InFlight, live.Total[record.Unsent])
		}
		for i, o := range g.Stop() {
			if unsent := o.Outcome == record.Unsent; unsent != (i >= 100) || unsent && (o.Error != wordFull || o.Done != o.Due) {
				t.Errorf("operation %d: %+v", i, o)
			}
		}
	})
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var began atomic.Int32
		g := Start(t.Context(), Config{Streams: []Stream{{Class: record.Page, Rate: 10, Do: func(ctx context.Context, op *record.Op) {
			began.Add(1)
			takes(3*time.Second)(ctx, op)
		}}}})
		time.Sleep(2 * time.Second)
		ops := g.Stop()
		if took := g.Elapsed(); took < 4*time.Second || took > 5*time.Second {
			t.Errorf("stopped at %v, want when the last operation of 2 s has taken its 3 s", took)
		}
		if len(ops) != 20 || began.Load() != 20 {
			t.Errorf("%d operations, %d begun, want 20", len(ops), began.Load())
		}
		for _, o := range ops {
			if o.Done == 0 {
				t.Errorf("operation %d has not ended", o.Seq)
			}
		}
	})
}

// A run that is given up leaves operations under way alone.
func TestContextEndsTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		g := Start(ctx, Config{Streams: []Stream{{Class: record.Page, Rate: 10, Do: takes(500 * time.Millisecond)}}})
		time.Sleep(time.Second)
		cancel()
		time.Sleep(time.Minute)
		ops := g.Stop()
		if len(ops) != 10 || slices.ContainsFunc(ops, func(o record.Op) bool { return o.Outcome != record.OK }) {
			t.Errorf("%d operations: %+v, want 10 that went well", len(ops), ops)
		}
	})
}

func TestNothingToSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if ops := run(t, time.Minute); len(ops) != 0 {
			t.Errorf("%d operations of no streams", len(ops))
		}
	})
}

// What fell due while this process was stopped is sent afterwards, late and spaced.
func TestStall(t *testing.T) {
	for _, stall := range []time.Duration{2 * time.Second, 7 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			const rate, before = 200, time.Second
			began, done := time.Now(), false
			stopped := func(ctx context.Context, d time.Duration) bool {
				if !done && time.Since(began) > before {
					done = true
					d += stall
				}
				return sleep(ctx, d)
			}
			g := start(t.Context(), Config{Streams: []Stream{{Class: record.Page, Rate: rate, Do: takes(0)}}}, stopped)
			time.Sleep(20 * time.Second)
			ops := g.Stop()
			if len(ops) != 20*rate {
				t.Errorf("stall of %v: %d operations, want all %d", stall, len(ops), 20*rate)
			}
			checkStall(t, ops, stall, rate)
		})
	}
}

func checkStall(t *testing.T, ops []record.Op, stall time.Duration, rate float64) {
	t.Helper()
	burst := 0
	for i, o := range ops {
		if o.Lag() > stall+10*time.Millisecond {
			t.Fatalf("stall of %v: operation %d is %v late", stall, i, o.Lag())
		}
		if late := o.Lag() >= record.Patience; late != (o.Outcome == record.Unsent) || late && o.Error != wordLate {
			t.Errorf("stall of %v: operation %d, %v late, is %v %q", stall, i, o.Lag(), o.Outcome, o.Error)
		}
		for o.Start-ops[burst].Start > 100*time.Millisecond {
			burst++
		}
		// At the end of the catching up, those that are only a little late go at once.
		if most := int(rate*(catchUpFactor+1)/10) + 10; i-burst > most {
			t.Fatalf("stall of %v: %d operations within 100 ms at %v, want at most %d", stall, i-burst, o.Start, most)
		}
	}
	if q := Quality(ops); q.LagMax < stall-10*time.Millisecond {
		t.Errorf("a stall of %v shows as a lag of %v only", stall, q.LagMax)
	}
	if last := ops[len(ops)-1]; last.Lag() != 0 {
		t.Errorf("stall of %v: the last operation is still %v late", stall, last.Lag())
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		g := Start(t.Context(), Config{Streams: []Stream{{Class: record.Page, Rate: 3, Do: func(ctx context.Context, op *record.Op) {
			if at, ok := ctx.Deadline(); !ok || at.Sub(began) != op.Due+record.Patience {
				t.Errorf("operation due at %v has until %v", op.Due, at.Sub(began))
			}
		}}}})
		if !g.Began().Equal(began) {
			t.Errorf("began at %v, want %v", g.Began(), began)
		}
		time.Sleep(time.Second)
		g.Stop()
	})
}

func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		do := func(_ context.Context, op *record.Op) {
			if op.Due > 2*time.Second {
				op.Outcome = record.Failed
			}
		}
		g := Start(t.Context(), Config{Streams: []Stream{{Class: record.Page, Rate: 20, Do: do}, {Class: record.API, Rate: 20, Do: takes(time.Minute)}}})
		time.Sleep(4*time.Second + time.Millisecond)
		l := g.Live()
		if l.Total[record.OK] != 40 || l.Total[record.Failed] != 40 || l.InFlight != 80 {
			t.Errorf("%+v, want 40 ok, 40 failed, 80 under way", l)
		}
		if l.LastSecond[record.Failed] != 20 || l.LastSecond.Sum() != 20 || l.Elapsed != g.Elapsed() {
			t.Errorf("last second %v at %v, want 20 failed", l.LastSecond, l.Elapsed)
		}
		g.Stop()
		time.Sleep(time.Minute)
		if l := g.Live(); l.LastSecond.Sum() != 0 || l.InFlight != 0 {
			t.Errorf("long after the end: %+v", l)
		}
	})
}
