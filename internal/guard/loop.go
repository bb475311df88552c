package guard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Rhythm of the loop.
const (
	probeEvery       = 250 * time.Millisecond // while ONLINE
	probeSoon        = 100 * time.Millisecond // otherwise: each step of forming waits for a probe
	probeNow         = 5 * time.Millisecond   // while it hands the primary over; a probe takes about as long
	probeTimeout     = 800 * time.Millisecond // below fresh, so that a hung mysqld is noticed in time
	fresh            = time.Second            // a probe older than this counts for nothing
	peersEvery       = 2 * time.Second        // while ONLINE
	confirmEvery     = time.Second            // while ONLINE as the primary: twice within confirmedFor, and once more
	claimEvery       = 50 * time.Millisecond  // as the primary without a lease: clients wait for that
	peersSoon        = 250 * time.Millisecond
	peerTimeout      = 700 * time.Millisecond
	grantTimeout     = 3 * time.Second
	watchdogEvery    = 500 * time.Millisecond // WatchdogSec=2
	logUnchangedOnce = time.Minute            // a lasting reason is logged again this often
)

// peerCaller reaches the guards of the other voters.
type peerCaller interface {
	// Ask is for an answer, and, where the own member claims to be the primary, for a promise.
	Ask(ctx context.Context, name string, claims bool) (Answer, error)
	Grant(ctx context.Context, name string, q GrantRequest) error
	// Announce returns when that guard has written down that this server is about to join.
	Announce(ctx context.Context, name string) error
	// TakeTurn returns when that guard has written down that this server's member is about
	// to be taken out of use.
	TakeTurn(ctx context.Context, name, id string) error
}

// guard is the running daemon. Everything below the line belongs to the loop's
// goroutine; others send it messages and read the snapshot.
type guard struct {
	cfg    Config
	policy Policy
	db     Database
	peers  peerCaller
	notify func(state string) error
	log    *slog.Logger
	begun  time.Time // of the guard

	snapshot  atomic.Pointer[Snapshot]
	calm      atomic.Bool              // ONLINE: probes and peers may be asked less often
	switching atomic.Bool              // hands the primary over: every moment counts
	beating   atomic.Bool              // a writable primary: beats are wanted
	claims    atomic.Bool              // takes itself for the primary: asks for promises
	leased    atomic.Bool              // and has enough of them
	ballot    ballot                   // what this guard has promised
	beats     chan beat                // pulse -> loop
	probed    chan probeResult         // prober -> loop
	heard     chan peerResult          // pollers -> loop
	requests  chan request             // HTTP -> loop
	finished  chan func()              // a job -> loop: what remains to be done there
	unsaved   chan History             // loop -> who writes it; holds the newest
	wakeups   map[string]chan struct{} // loop -> prober ("") and pollers: ask now

	// ---- the loop's own ----
	store     *store
	view      View
	probedAt  time.Time // when the probe in view was begun
	answered  time.Time // when the last probe was begun that MySQL answered
	uptime    int64     // of mysqld when it was last reachable, in seconds
	notBefore time.Time // decisions need a probe begun after this: a job has changed things
	diverged  time.Time // since when this member seems to have what the group lacks
	stalled   time.Time // since when transactions are queued and none is being applied
	job       string    // what is under way, "" when nothing is
	account   account   // of jobs
	history   History
	message   string
	logged    time.Time
	ready     bool
}

type probeResult struct {
	begun time.Time
	slept time.Duration // how long the machine had slept by then
	mysql MySQL
}

type peerResult struct {
	name   string
	begun  time.Time
	answer Answer
	err    error
}

func newGuard(cfg Config, store *store, promised promise, turn Turn, db Database, peers peerCaller, notify func(string) error, log *slog.Logger) *guard {
	g := &guard{
		cfg: cfg, policy: cfg.policy(), db: db, peers: peers, notify: notify, log: log, begun: time.Now(),
		beats: make(chan beat), probed: make(chan probeResult), heard: make(chan peerResult), requests: make(chan request), finished: make(chan func()),
		unsaved: make(chan History, 1), wakeups: map[string]chan struct{}{}, store: store,
		view: View{Record: store.record, Turn: turn, Peers: map[string]Peer{}, MySQL: MySQL{Error: "not asked yet"}},
	}
	for _, name := range append(g.policy.Voters, "") {
		g.wakeups[name] = make(chan struct{}, 1)
	}
	// What is recorded tells a view from what a member shows of it while it stops.
	g.view.ViewSeen, g.view.MembersSeen = store.record.ViewID, len(store.record.Members)
	g.ballot.promise, g.ballot.renewed, g.ballot.keep = promised, promise.renewed, store.keepPromise
	g.publish()
	return g
}

// run is the loop. It returns when ctx ends, after its helpers have.
func (g *guard) run(ctx context.Context) {
	var helpers sync.WaitGroup
	defer helpers.Wait()
	g.recallHistory()
	helpers.Go(func() { g.keepHistory(ctx) })
	helpers.Go(func() { g.probeForever(ctx) })
	helpers.Go(func() { g.pulseForever(ctx) })
	for _, name := range g.policy.Voters {
		if name != g.policy.Server {
			helpers.Go(func() { g.askForever(ctx, name) })
		}
	}
	watchdog := time.NewTicker(watchdogEvery)
	defer watchdog.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-g.probed:
			g.takeProbe(r)
		case b := <-g.beats:
			g.takeBeat(b)
		case r := <-g.heard:
			g.takeAnswer(r)
		case finish := <-g.finished:
			g.job = ""
			finish()
			g.notBefore = time.Now()
			g.wakeAll()
		case q := <-g.requests:
			g.take(ctx, q, &helpers)
		case <-watchdog.C:
			g.tell("WATCHDOG=1")
		}
		g.step(ctx, &helpers)
	}
}

// step brings record and snapshot up to date and begins what Decide says.
func (g *guard) step(ctx context.Context, helpers *sync.WaitGroup) {
	settled := g.settled()
	if settled {
		g.record()
	}
	now := time.Now()
	g.noteHistory(now)
	if settled && now.Sub(g.probedAt) <= fresh {
		action := g.afterLooking(g.afterHearing(Decide(g.view, g.policy, now), now), now)
		g.say(action.Reason)
		if action.Kind != Wait {
			g.begin(ctx, action, helpers)
		}
	}
	g.publish()
}

// settled reports whether the last probe shows MySQL as it is without a job. One from the
// middle of a job counts for nothing: while a member stops, it shows itself alone in a
// view that may be newer than the one recorded, and a guard that recorded that would form
// the group without asking anybody.
func (g *guard) settled() bool { return g.job == "" && !g.probedAt.Before(g.notBefore) }

func (g *guard) takeProbe(r probeResult) {
	before := g.view.MySQL
	g.view.MySQL, g.probedAt = r.mysql, r.begun
	g.view.watch(before, g.policy, r.begun)
	g.view.noteSleep(r.slept, r.begun)
	g.view.noteClaim(r.mysql, r.begun)
	if r.mysql.Reachable {
		if r.mysql.Uptime < g.uptime {
			g.view.Held = false // mysqld was restarted: what it was held for is over
		}
		g.uptime, g.answered = r.mysql.Uptime, r.begun
	}
	if r.mysql.State == Online {
		g.view.Attempt, g.view.BacklogRefused = Attempt{}, false
	}
	// A mysqld that answers no probe may still answer beats, and a beat under way goes on.
	if beating := r.mysql.wantsBeats(); beating || r.mysql.Reachable {
		if g.beating.Store(beating); !beating {
			g.view.Pulse = Pulse{}
		}
	}
	if calm := r.mysql.State == Online && r.mysql.majority() && !g.view.troubled(); g.calm.Swap(calm) != calm {
		g.wakeAll()
	}
	if !r.mysql.stuck() {
		g.stalled = time.Time{}
	} else if g.stalled.IsZero() {
		g.stalled = r.begun
	}
	if !g.ready {
		g.ready = true
		g.tell("READY=1")
	}
}

func (g *guard) takeAnswer(r peerResult) {
	peer := g.view.Peers[r.name]
	if r.err != nil {
		peer.Error = r.err.Error()
	} else {
		g.ballot.heard(r.name, r.answer, r.begun)
		peer = Peer{Asked: r.begun, Answer: r.answer}
	}
	g.view.Peers[r.name] = peer
	g.view.GroupSeen = groupSeen(g.view, r.begun)
}

// groupSeen keeps the time since when a peer has been in a living group.
func groupSeen(v View, now time.Time) time.Time {
	for _, p := range v.Peers {
		if p.Answer.MySQL.active() && now.Sub(p.Asked) <= peerFresh {
			if v.GroupSeen.IsZero() {
				return now
			}
			return v.GroupSeen
		}
	}
	return time.Time{}
}

// record saves what has changed. Without it the guard still serves its checks,
// but the group's history is not safe, which is said loudly.
func (g *guard) record() {
	next := Observe(g.store.record, g.view.MySQL, g.view.Peers, g.policy)
	if sameRecord(next, g.store.record) {
		return
	}
	if err := g.save(next); err != nil {
		g.log.Error("record not saved", "error", err)
		return
	}
	g.log.Info("view", "epoch", next.Epoch, "view", next.ViewID, "members", next.Members, "role", next.Role, "primary", next.Primary)
}

func (g *guard) save(r Record) error {
	err := g.store.save(r)
	g.view.Record = g.store.record
	return err
}

// startJob runs work beside the loop; finish runs in the loop afterwards and returns what
// came of it all. One job at a time: joining, forming and promising exclude one another.
func (g *guard) startJob(ctx context.Context, what, reason string, helpers *sync.WaitGroup, work func(ctx context.Context) error, finish func(err error) error) {
	begun := time.Now()
	g.job, g.account = what, g.account.begin(what, reason, begun)
	helpers.Go(func() {
		err := work(ctx)
		took := time.Since(begun)
		select {
		case g.finished <- func() { g.account = g.account.end(finish(err), took) }:
		case <-ctx.Done():
		}
	})
}

// probeForever asks MySQL again and again; a probe that does not end in time
// counts as no answer.
func (g *guard) probeForever(ctx context.Context) {
	for ctx.Err() == nil {
		r := probeResult{begun: time.Now(), slept: asleep()}
		r.mysql = g.probe(ctx)
		select {
		case g.probed <- r:
		case <-ctx.Done():
			return
		}
		g.pause(ctx, "", probeSoon, probeEvery)
	}
}

// probe is one probe whose failure is part of the result.
func (g *guard) probe(ctx context.Context) MySQL {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	my, err := g.db.Probe(ctx)
	if err != nil {
		// With EAGAIN the kernel says that mysqld takes no connection off its queue.
		hangs := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, syscall.EAGAIN)
		down := errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
		return MySQL{Error: err.Error(), Hangs: hangs, Down: down}
	}
	return my
}

func (g *guard) askForever(ctx context.Context, name string) {
	for ctx.Err() == nil {
		r := peerResult{name: name, begun: time.Now()}
		askCtx, cancel := context.WithTimeout(ctx, peerTimeout)
		r.answer, r.err = g.peers.Ask(askCtx, name, g.claims.Load())
		cancel()
		if r.err == nil && r.answer.Server != name {
			r.err = fmt.Errorf("%s answers as %q", name, r.answer.Server)
		}
		select {
		case g.heard <- r:
		case <-ctx.Done():
			return
		}
		soon, calm := g.askAgain(r.err)
		g.pause(ctx, name, soon, calm)
	}
}

// askAgain is how soon another guard is asked again, in trouble and while all is calm.
func (g *guard) askAgain(err error) (soon, calm time.Duration) {
	switch claims := g.claims.Load(); {
	case err != nil:
		return peersSoon, peersSoon
	case claims && !g.leased.Load():
		return claimEvery, claimEvery
	case claims:
		return peersSoon, confirmEvery
	}
	return peersSoon, peersEvery
}

// pause waits for the next turn or until it is woken.
func (g *guard) pause(ctx context.Context, name string, soon, calm time.Duration) {
	interval := soon
	switch {
	case name == "" && g.switching.Load():
		interval = probeNow
	case g.calm.Load():
		interval = calm
	}
	select {
	case <-ctx.Done():
	case <-g.wakeups[name]:
	case <-time.After(interval):
	}
}

func (g *guard) wakeAll() {
	for name := range g.wakeups {
		g.wake(name)
	}
}

// wake ends the pause of the prober (""), or of who asks that voter. Anybody may call
// it; the map does not change.
func (g *guard) wake(name string) {
	select {
	case g.wakeups[name] <- struct{}{}:
	default:
	}
}

// say keeps the reason for status and logs it when it is new or has lasted.
func (g *guard) say(reason string) {
	now := time.Now()
	if reason != g.message || (reason != "" && now.Sub(g.logged) > logUnchangedOnce) {
		g.log.Info("guard", "state", g.view.MySQL.State, "role", g.view.MySQL.Role, "reason", reason)
		g.logged = now
	}
	g.message = reason
}

// tell speaks to systemd; a guard that was started by hand has nobody to tell.
func (g *guard) tell(state string) {
	if err := g.notify(state); err != nil {
		g.log.Warn("notify systemd", "error", err)
	}
}
