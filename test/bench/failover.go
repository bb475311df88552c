package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// failover is a way for the primary to go, on purpose or not.
type failover struct {
	what      string
	unit      unit
	target    target // what the drills promise of writes
	yardstick string
	strike    func(primary string) []string // the verb that does it
	heal      func(primary string) []string // the verb that takes it back; nil where that happens by itself
}

func onServer(argv ...string) func(string) []string {
	return func(server string) []string { return append([]string{"exec", server, "--"}, argv...) }
}

func inLab(verb string) func(string) []string {
	return func(server string) []string { return []string{"lab", verb, server} }
}

const defaultsElsewhere = "Group Replication with defaults 22.6 s (a third party); orchestrator at GitHub 10–13 s (2018)"

var failovers = []failover{
	{
		what: "`scaleup db switch`", unit: milliseconds, target: atMost(100),
		strike: func(string) []string { return []string{"db", "switch"} },
	},
	{
		what: "orderly stop, `systemctl stop mysql`", unit: milliseconds, target: atMost(1000),
		strike: onServer("systemctl", "stop", "mysql"), heal: onServer("systemctl", "start", "mysql"),
	},
	{
		what: "mysqld killed", unit: seconds, target: atMost(8), yardstick: defaultsElsewhere,
		strike: onServer("systemctl", "kill", "--signal=KILL", "mysql"),
	},
	{
		what: "power off", unit: seconds, target: atMost(8), yardstick: defaultsElsewhere,
		strike: inLab("off"), heal: inLab("on"),
	},
	{
		what: "network cut", unit: seconds, target: atMost(15),
		strike: inLab("cut"), heal: inLab("join"),
	},
}

// Limits of a trial.
const (
	warmWrites    = 50               // acknowledged before the primary goes
	failoverLimit = 90 * time.Second // until another server takes writes
)

// failover measures how long no write is acknowledged when the primary goes.
func (b *bench) failover(ctx context.Context) (err error) {
	if _, err := b.lab.run(ctx, "up"); err != nil {
		return err
	}
	d, err := openTier(ctx, b.lab, false)
	defer func() { err = errors.Join(err, d.close(context.WithoutCancel(ctx))) }()
	if err != nil {
		return err
	}
	db, err := d.openSQL()
	if err != nil {
		return err
	}
	defer db.Close()
	defer func() {
		// Through the virtual address, for the primary is another one by now.
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeLimit)
		defer cancel()
		if _, dropErr := db.ExecContext(limited, dropSchema); dropErr != nil {
			err = errors.Join(err, fmt.Errorf("remove the rows: %w", dropErr))
		}
	}()
	for _, statement := range []string{makeSchema, makeTable} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("make the table: %w", err)
		}
	}
	g := b.report.group("Writes while the primary moves")
	g.note("One connection through the internal virtual address, over TLS, writes row after row and reconnects as soon as it fails. "+
		"The time is that between the last write that the former primary acknowledged and the first that the next one did: "+
		"from the moment that the event has its effect, to within one write. %d times each, on a site that was healthy before.", b.config.failovers)
	for _, f := range failovers {
		if err := b.fail(ctx, db, f, g); err != nil {
			return fmt.Errorf("%s: %w", f.what, err)
		}
	}
	return nil
}

// fail measures one way as often as -failovers says.
func (b *bench) fail(ctx context.Context, db *sql.DB, f failover, g *group) error {
	var samples []float64
	for i := range b.config.failovers {
		took, err := b.trial(ctx, db, f)
		if err != nil {
			return fmt.Errorf("trial %d: %w", i+1, err)
		}
		per := time.Second
		if f.unit == milliseconds {
			per = time.Millisecond
		}
		samples = append(samples, float64(took)/float64(per))
		fmt.Fprintf(b.log, "  %s %d/%d: %s\n", f.what, i+1, b.config.failovers, took.Round(time.Millisecond))
	}
	g.add(figure{what: f.what, unit: f.unit, samples: samples, target: f.target, yardstick: f.yardstick})
	return nil
}

// trial lets the primary go once, and leaves the site healthy.
func (b *bench) trial(ctx context.Context, db *sql.DB, f failover) (took time.Duration, err error) {
	if err := b.lab.awaitHealthy(ctx); err != nil {
		return 0, err
	}
	site, err := b.lab.status(ctx)
	if err != nil {
		return 0, err
	}
	primary := site.Database.Primary
	if primary == "" {
		return 0, errors.New("status names no primary")
	}
	w := startWriter(ctx, db)
	defer w.stop()
	if _, err := w.await(ctx, failoverLimit, "the first writes", func(a []written) bool { return len(a) >= warmWrites }); err != nil {
		return 0, err
	}
	if f.heal != nil {
		defer func() {
			_, healErr := b.lab.run(context.WithoutCancel(ctx), f.heal(primary)...)
			err = errors.Join(err, healErr)
		}()
	}
	if _, err := b.lab.run(ctx, f.strike(primary)...); err != nil {
		return 0, err
	}
	acked, err := w.await(ctx, failoverLimit, "another primary", func(a []written) bool { _, ok := moved(a); return ok })
	if err != nil {
		return 0, err
	}
	took, _ = moved(acked)
	return took, nil
}
