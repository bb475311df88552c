package lbagent

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"scaleup/internal/sdnotify"
)

const (
	// interval between probes. A process that dies is noticed at once; this bounds
	// how late anything else is.
	interval = 100 * time.Millisecond
	// probeTimeout is far more than an answer takes (under a millisecond), since a
	// false alarm costs every open connection.
	probeTimeout = 300 * time.Millisecond
	// heartbeat is how often the service manager hears of the agent: a quarter of
	// the unit's WatchdogSec.
	heartbeat = 500 * time.Millisecond
)

// Run asks HAProxy until the context ends, and keeps keepalived told. When it
// returns, the track file says that HAProxy does not serve: no one asks any more.
func Run(ctx context.Context, config Config, log *slog.Logger) error {
	a := &agent{config: config, log: log, prober: newProber(config, probeTimeout)}
	asked, stop, err := watch(config.YieldFile)
	if err != nil { // the kernel has a limit; then the ticker notices, a moment later
		log.Warn("a planned move of the addresses will take longer", "error", err)
	} else {
		defer stop()
	}
	a.asked = asked
	return a.run(ctx)
}

type agent struct {
	config Config
	log    *slog.Logger
	prober *prober
	asked  <-chan struct{} // the yield file has come or gone

	judge Judge
	early bool      // the last probe was before its time
	told  string    // state as the service manager and the log know it
	last  time.Time // when the service manager was told
}

func (a *agent) run(ctx context.Context) error {
	defer a.prober.close()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		outcome, ended, cause := a.prober.probe(ctx)
		if ctx.Err() != nil {
			return errors.Join(report(a.config.TrackFile, false), sdnotify.Notify(sdnotify.Stopping))
		}
		a.judge = a.judge.After(outcome)
		yields, err := a.report()
		if err != nil {
			return err // the unit writes the file, and starts the agent again
		}
		a.tell(inWords(a.judge.Serving, yields), outcome, cause)
		if outcome == Broken && a.judge.Serving {
			continue // doubt does not wait for the ticker
		}
		if err := a.wait(ctx, ticker, ended); err != nil {
			return err
		}
	}
}

// report tells keepalived what the agent thinks of HAProxy, and whether the server
// was asked to stand aside.
func (a *agent) report() (yields bool, err error) {
	yields = yielding(a.config.YieldFile, time.Now())
	return yields, report(a.config.TrackFile, a.judge.Serving && !yields)
}

// wait returns when the next probe is due: with the ticker, or at once when the
// held connection ends. That hastens one probe per tick at most, whatever closes
// the connections. Being asked to stand aside needs no probe: it is passed on at
// once, for clients wait while the addresses move.
func (a *agent) wait(ctx context.Context, ticker *time.Ticker, ended <-chan struct{}) error {
	if a.early {
		ended = nil
	}
	a.early = false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			return nil
		case <-ended:
			a.early = true
			return nil
		case <-a.asked:
			if _, err := a.report(); err != nil {
				return err
			}
		}
	}
}

func inWords(serving, yields bool) string {
	switch {
	case !serving:
		return "HAProxy does not serve"
	case yields:
		return "HAProxy serves; standing aside, as asked"
	default:
		return "HAProxy serves"
	}
}

// tell keeps the service manager informed, and logs when the state has changed.
// The first word is also the one that the agent is ready: the track file exists.
func (a *agent) tell(state string, outcome Outcome, cause error) {
	now := time.Now()
	if state == a.told && now.Sub(a.last) < heartbeat {
		return
	}
	message := sdnotify.Watchdog + "\nSTATUS=" + state
	if a.told == "" {
		message = sdnotify.Ready + "\n" + message
	}
	if state != a.told {
		a.log.Info(state, "probe", outcome.String(), "cause", cause)
	}
	a.told, a.last = state, now
	if err := sdnotify.Notify(message); err != nil {
		a.log.Warn("service manager not told", "error", err)
	}
}
