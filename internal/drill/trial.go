package drill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"scaleup/internal/drill/inject"
	"scaleup/internal/drill/load"
	"scaleup/internal/drill/record"
	"scaleup/internal/remote"
)

// Times of a trial that do not depend on the drill.
const (
	FirstBaseline = 30 * time.Second // of the first trial: enough to know how the site is
	NextBaseline  = 10 * time.Second // between trials; also how long a recovered site is watched
	// checkInterval is the longest interval of HAProxy's checks: faults are injected
	// at a random moment of it, since how fast they are found depends on that.
	checkInterval = time.Second
	// watchersWithin is how long all servers may take to tell their first state.
	watchersWithin = 10 * time.Second
	biteWithin     = 10 * time.Second
	healWithin     = 90 * time.Second
	pace           = 100 * time.Millisecond // of asking whether something has come about
	healthPace     = 500 * time.Millisecond // of asking all servers how they are, which costs them something
)

// trial runs the load, breaks the site, heals it and records what happened. An
// error means that there is nothing to judge; a trial that went wrong says so in
// Void or Aborted. It heals in any case, also when ctx has ended.
func (r *Runner) trial(ctx context.Context, d Drill, number int, baseline time.Duration) (*underway, Holdings, error) {
	r.reconnect(ctx)
	env, err := r.env(ctx, d)
	if err != nil {
		return nil, Holdings{}, err
	}
	injection, err := d.Make(env)
	if err != nil {
		return nil, Holdings{}, err
	}
	// The watchers first: that they start on all servers costs these a moment, which
	// would look like the site's own.
	watcher := startWatcher(context.WithoutCancel(ctx), r.Site, r.Binary, r.Dial)
	watcher.await(ctx, watchersWithin)
	run := fmt.Sprintf("%s-%d", r.id, number)
	sending, err := r.startLoad(ctx, run, injection.Targets())
	if err != nil {
		watcher.stop()
		return nil, Holdings{}, err
	}
	watcher.begin(sending.generator.Began())
	t := &underway{
		Runner: r, drill: d, injection: injection, load: sending, watcher: watcher,
		Trial: record.Trial{
			Number: number, Began: sending.generator.Began(), Target: injection.Targets(), Fault: injection.String(),
			HealApart: d.HealApart, SelfHealing: d.SelfHealing, Planned: d.Planned,
		},
	}
	defer sending.close()
	t.run(ctx, baseline)
	holdings := t.finish(ctx, run)
	return t, holdings, nil
}

// reconnect opens the connections anew that an earlier trial has broken: a server
// that was switched off has forgotten its own. One that still cannot be reached shows
// when the site's health is asked.
func (r *Runner) reconnect(ctx context.Context) {
	var wait sync.WaitGroup
	for _, h := range r.Hosts {
		wait.Go(func() {
			if _, err := h.Call(ctx, remote.Request{}); err != nil {
				_ = h.Reconnect(ctx)
			}
		})
	}
	wait.Wait()
}

// underway is a trial while it runs.
type underway struct {
	*Runner
	record.Trial
	drill     Drill
	injection inject.Injection
	load      *running
	watcher   *watcher
	unwell    bool      // before anything was broken
	current   string    // phase
	until     time.Time // when it is over at the latest
}

// hold is how long the fault stays.
func (r *Runner) holdOf(d Drill) time.Duration {
	if r.Options.Hold > 0 {
		return r.Options.Hold
	}
	return d.Hold
}

func (t *underway) hold() time.Duration { return t.holdOf(t.drill) }

func (t *underway) now() time.Duration { return time.Since(t.Began) }

// run is a trial from its baseline to the quiet after recovery.
func (t *underway) run(ctx context.Context, baseline time.Duration) {
	baseline = max(baseline, t.drill.Rest-time.Since(t.whole))
	t.phase("baseline", baseline)
	// What was sent while warming up has ended by then, in whatever way.
	warming := min(warmUp+record.Patience, baseline)
	if !t.pause(ctx, warming) {
		return
	}
	warm := t.load.generator.Live().Total
	if !t.pause(ctx, baseline-warming) {
		return
	}
	if why := unwell(warm, t.load.generator.Live().Total); why != "" {
		t.unwell = true
		t.void(why)
		return
	}
	if !t.watcher.knowsAll() { // it should know the site before it changes
		t.void("the servers could not be watched")
		return
	}
	if !t.pause(ctx, time.Duration(t.rand.Int64N(int64(checkInterval)))) {
		return
	}
	t.breakIt(ctx)
	t.mend(context.WithoutCancel(ctx))
	t.recover(ctx)
	t.phase("settle", NextBaseline)
	t.pause(ctx, NextBaseline)
}

// breakIt injects the fault, waits for the proof that it bites, and holds it.
func (t *underway) breakIt(ctx context.Context) {
	t.phase("inject", biteWithin)
	t.whole = time.Time{}
	t.Marks.Inject = t.now()
	if err := t.injection.Inject(ctx); err != nil {
		t.void("the fault could not be injected: " + err.Error())
		return
	}
	bites := t.await(ctx, biteWithin, func(ctx context.Context) (bool, error) {
		proof, err := t.injection.Bites(ctx)
		if err == nil {
			t.Bite = proof
		}
		return proof.OK, err
	})
	t.Marks.Bite = t.now()
	if !bites {
		return // the trial is void, and nothing has to be observed
	}
	t.phase("observe", t.hold())
	t.pause(ctx, t.hold())
}

// mend heals and proves it.
func (t *underway) mend(ctx context.Context) {
	t.phase("heal", healWithin)
	t.Marks.Heal = t.now()
	if err := t.injection.Heal(ctx); err != nil {
		t.Trial.Heal.Text = err.Error()
		t.void("the fault could not be healed: " + err.Error() + "; scaleup heal tries again")
	}
	t.await(ctx, healWithin, func(ctx context.Context) (bool, error) {
		proof, err := t.injection.Healed(ctx)
		if err == nil {
			t.Trial.Heal = proof
		}
		return proof.OK, err
	})
	t.Marks.Healed = t.now()
}

// recover waits for full redundancy.
func (t *underway) recover(ctx context.Context) {
	t.phase("recover", patienceToRecover)
	atOnce := true
	whole := t.await(ctx, patienceToRecover, func(ctx context.Context) (bool, error) {
		healthy, _, err := t.Healthy(ctx)
		if !healthy {
			atOnce = false
			t.pause(ctx, healthPace)
		}
		return healthy, err
	})
	if whole {
		t.whole = time.Now()
	}
	switch {
	case whole && atOnce:
		t.Marks.Recovered = t.settled()
	case whole:
		t.Marks.Recovered = t.now()
	}
}

// settled is when the last server told a change, where the site was healthy as soon
// as it was asked: asking takes longer than many a recovery.
func (t *underway) settled() time.Duration {
	at := t.Marks.Heal
	if t.SelfHealing {
		at = t.Marks.Bite
	}
	for _, e := range t.watcher.seen() {
		at = max(at, e.At)
	}
	return at
}

// finish ends the load and reads the ledger. The order matters: nobody writes any
// more when the members are read.
func (t *underway) finish(ctx context.Context, run string) Holdings {
	if ctx.Err() != nil {
		t.aborted(ctx)
	}
	t.phase("ledger", 0)
	t.Marks.End = t.now()
	ctx = context.WithoutCancel(ctx)
	t.Ops = rounded(t.load.stop(ctx))
	t.Events = t.watcher.stop()
	t.Tool = toolOf(t.Ops)
	if t.drill.Tamper != "" {
		if err := t.load.sql.Tamper(ctx, t.drill.Tamper, run); err != nil {
			t.void("the ledger could not be tampered with: " + err.Error())
		}
	}
	t.reconnect(ctx)
	holdings := t.load.readBack(ctx, run)
	t.Ledger = ledgerOf(holdings, t.Ops)
	return holdings
}

// rounded are operations as they are on disk, so that a verdict that is computed
// from there is the same to the last digit.
func rounded(ops []record.Op) []record.Op {
	for i := range ops {
		o := &ops[i]
		o.Due, o.Start, o.Done = o.Due.Truncate(time.Microsecond), o.Start.Truncate(time.Microsecond), o.Done.Truncate(time.Microsecond)
	}
	return ops
}

// toolOf is how well the generator did. What it could not do for the drill's own
// registers says nothing about it.
func toolOf(ops []record.Op) record.Tool {
	sent := make([]record.Op, 0, len(ops))
	unsent := 0
	for _, o := range ops {
		switch {
		case o.Outcome != record.Unsent:
			sent = append(sent, o)
		case o.Class != record.Register:
			unsent++
		}
	}
	tool := load.Quality(sent)
	tool.Unsent = unsent
	return tool
}

func (t *underway) void(why string) {
	if t.Void == "" {
		t.Void = why
	}
}

func (t *underway) aborted(ctx context.Context) {
	if t.Aborted == "" {
		t.Aborted = context.Cause(ctx).Error()
	}
}

// pause waits, and reports false when ctx ends first.
func (t *underway) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-second.C:
			t.tick()
		}
	}
}

// await asks until it is so, within a limit. Errors are answers of a site that is
// being broken; the last one is shown when the time is over.
func (t *underway) await(ctx context.Context, within time.Duration, is func(context.Context) (bool, error)) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var last error
	for {
		ok, err := is(ctx)
		if ok {
			return true
		}
		last = errors.Join(err)
		if !t.pause(ctx, pace) {
			if last != nil {
				t.note("gave up waiting: " + last.Error())
			}
			return false
		}
	}
}

// newRand is the randomness of a run: targets, phases and the pace of the load all
// come from the seed that the report names.
func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }
