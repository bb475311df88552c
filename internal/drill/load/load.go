// Package load is the drill's own load generator. It is open-loop: an operation is
// due by the clock, whatever became of the ones before it, and its latency counts
// from when it was due, so that neither a slow site nor a slow generator can hide.
// The HTTP client owns its connections and sends nothing twice behind the drill's
// back; what an answer means is decided by pure functions.
//
// It records operations and judges none: outages, objectives and the ledger are
// for others.
package load

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"scaleup/internal/drill/record"
)

// Stream is one kind of operation at a fixed rate.
type Stream struct {
	Class record.Class
	Fresh bool    // over a connection of its own
	Proto uint8   // HTTP version: 1 or 2; 0 for SQL
	Rate  float64 // operations per second; at 0 or below there are none
	Do    Doer
}

// Doer carries out one operation. It finds Seq, Class, Fresh, Proto, Due and Start
// set, and sets Outcome, Status, Error and Again. Slow is not its to say, and Unsent
// only for want of something on this computer. It is called concurrently, and
// returns when ctx ends, which is when the user would give up.
type Doer func(ctx context.Context, op *record.Op)

// Config is what a generator sends.
type Config struct {
	Streams []Stream
	Seed    uint64 // of the phases: the same seed makes the same due times
}

// capFactor is how many times the operations that can be under way when every one
// takes all of its user's patience may be under way: more than that is not the
// site's slowness but a leak of this process.
const capFactor = 2

// The words of operations that were not sent.
const (
	wordFull = "full" // too many under way
	wordLate = "late" // this process was stopped for longer than a user waits
)

// Generator sends operations until it is stopped.
type Generator struct {
	began   time.Time
	streams []Stream
	limit   int64
	sleep   sleeper

	stop     context.CancelFunc
	paced    chan struct{} // closed when the pacer has ended
	underway sync.WaitGroup
	inFlight atomic.Int64
	history  history
	tally    tally
}

// Start begins at once. When ctx ends, so does the schedule, as with Stop;
// operations under way are left to end by themselves, as one that was cut off here
// would look like a failure of the site.
func Start(ctx context.Context, c Config) *Generator { return start(ctx, c, sleep) }

func start(ctx context.Context, c Config, sleep sleeper) *Generator {
	rate := 0.0
	for _, s := range c.Streams {
		rate += max(s.Rate, 0)
	}
	ctx, stop := context.WithCancel(ctx)
	g := &Generator{
		streams: c.Streams,
		limit:   int64(math.Ceil(capFactor * rate * record.Patience.Seconds())),
		sleep:   sleep,
		stop:    stop,
		paced:   make(chan struct{}),
	}
	plan, catchUp := newSchedule(c.Streams, c.Seed), newBrake(rate)
	g.began = time.Now()
	go g.pace(ctx, plan, catchUp)
	return g
}

// Began is the moment of offset 0, by the wall clock and the monotonic one.
func (g *Generator) Began() time.Time { return g.began }

// Elapsed is the offset of now.
func (g *Generator) Elapsed() time.Duration { return time.Since(g.began) }

// Live is the state of affairs, cheap enough to be asked for several times a second.
func (g *Generator) Live() Live {
	l := g.tally.live(g.Elapsed())
	l.InFlight = int(g.inFlight.Load())
	return l
}

// count adds an operation to the tally. What the drill does for itself is not of the
// rate that was asked for.
func (g *Generator) count(op *record.Op, now time.Duration) {
	if op.Class.User() {
		g.tally.add(op.Outcome, now)
	}
}

// Stop begins no new operation, waits for those under way, which their users'
// patience bounds, and returns all of them in the order of Seq. It is called once.
func (g *Generator) Stop() []record.Op {
	g.stop()
	<-g.paced
	g.underway.Wait()
	return g.history.collect()
}

// pace begins every operation when it is due. It waits for the clock and for
// nothing else.
func (g *Generator) pace(ctx context.Context, plan *schedule, catchUp brake) {
	defer close(g.paced)
	base := context.WithoutCancel(ctx)
	for seq := 0; ; seq++ {
		due, stream, ok := plan.next()
		if !ok { // nothing to send, ever
			<-ctx.Done()
			return
		}
		if !g.sleep(ctx, due-g.Elapsed()) || !g.sleep(ctx, catchUp.pause(due, g.Elapsed())) {
			return
		}
		g.dispatch(base, seq, due, &g.streams[stream])
	}
}

func (g *Generator) dispatch(ctx context.Context, seq int, due time.Duration, s *Stream) {
	op := g.history.add(record.Op{Seq: seq, Class: s.Class, Fresh: s.Fresh, Proto: s.Proto, Due: due})
	now := g.Elapsed()
	switch {
	case now-due >= record.Patience:
		g.refuse(op, now, wordLate)
		return
	case g.inFlight.Load() >= g.limit:
		g.refuse(op, now, wordFull)
		return
	}
	g.inFlight.Add(1)
	g.underway.Go(func() {
		g.carryOut(ctx, s, op)
		g.inFlight.Add(-1)
	})
}

func (g *Generator) refuse(op *record.Op, now time.Duration, word string) {
	op.Outcome, op.Error, op.Start, op.Done = record.Unsent, word, now, now
	g.count(op, now)
}

func (g *Generator) carryOut(ctx context.Context, s *Stream, op *record.Op) {
	op.Start = g.Elapsed() // here and not in the pacer: the wait for a processor is lag, too
	ctx, cancel := context.WithDeadline(ctx, g.began.Add(op.Due+record.Patience))
	defer cancel()
	s.Do(ctx, op)
	op.Done = g.Elapsed()
	if op.Outcome == record.OK && op.Latency() > record.SLO {
		op.Outcome = record.Slow
	}
	g.count(op, op.Done)
}

// sleeper waits for a duration, and reports false when ctx ended before.
type sleeper func(ctx context.Context, d time.Duration) bool

// sleep is exact to about a millisecond, which is how finely Go's runtime waits.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
