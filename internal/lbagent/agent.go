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
	return a.run(ctx)
}

type agent struct {
	config Config
	log    *slog.Logger
	prober *prober

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
		yields := yielding(a.config.YieldFile, time.Now())
		if err := report(a.config.TrackFile, a.judge.Serving && !yields); err != nil {
			return err // the unit writes the file, and starts the agent again
		}
		a.tell(inWords(a.judge.Serving, yields), outcome, cause)
		if outcome == Broken && a.judge.Serving {
			continue // doubt does not wait for the ticker
		}
		a.wait(ctx, ticker, ended)
	}
}

// wait returns when the next probe is due: with the ticker, or at once when the
// held connection ends. That hastens one probe per tick at most, whatever closes
// the connections.
func (a *agent) wait(ctx context.Context, ticker *time.Ticker, ended <-chan struct{}) {
	if a.early {
		ended = nil
	}
	a.early = false
	select {
	case <-ctx.Done():
	case <-ticker.C:
	case <-ended:
		a.early = true
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
