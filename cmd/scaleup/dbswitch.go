package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"scaleup/internal/switchover"
	"scaleup/internal/topology"
)

const dbSwitchLong = `switch hands the primary to another member of the database, on purpose: to SERVER,
or to the member that has least to catch up with. New connections for writes wait at
the load balancers for the moment of the switch, a few hundredths of a second, and
go to the next primary then. Sessions with the former one end; what they have not
committed is refused as read-only, which every driver knows to be safe to repeat.

A member that is not ONLINE, or has more than 100 transactions to apply, is refused. It
works with the database servers and load balancers that answer; a load balancer that
does not is named, and its clients may see connections fail for a moment.`

func dbSwitchCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "switch [SERVER]", Short: "Hand the database's primary to another server", Long: dbSwitchLong,
		Args: cobra.MaximumNArgs(1), ValidArgsFunction: completeServers(o),
		RunE: func(cmd *cobra.Command, args []string) error {
			op, err := o.loadToLook()
			if err != nil {
				return err
			}
			to := ""
			if len(args) > 0 {
				to = args[0]
			}
			return op.switchPrimary(cmd.Context(), to)
		},
	}
}

func (op *operation) switchPrimary(ctx context.Context, to string) error {
	if to != "" {
		if err := op.isDatabase(to); err != nil {
			return err
		}
	}
	unlock, err := op.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	hosts, silent, done, err := op.reach(ctx)
	if err != nil {
		return err
	}
	defer done()
	for _, name := range slices.Sorted(maps.Keys(silent)) {
		fmt.Fprintf(op.err, "without %s: %s\n", name, silent[name])
	}
	there := op.topology.Only(slices.DeleteFunc(slices.Clone(op.topology.Servers), func(s topology.Server) bool { return hosts[s.Name] == nil }))
	move, err := switchover.Next(ctx, there, hosts, to)
	if err != nil {
		return err
	}
	type outcome struct {
		Schema   int     `json:"schema"`
		From     string  `json:"from"`
		To       string  `json:"to"`
		Moved    bool    `json:"moved"`
		Duration float64 `json:"duration_ms"` // from the first order to the last answer, as seen from here
	}
	if move == nil {
		if op.json {
			return writeJSON(op.out, outcome{Schema: 1, From: to, To: to})
		}
		fmt.Fprintf(op.out, "%s is the primary already.\n", to)
		return nil
	}
	began := time.Now()
	if err := switchover.Run(ctx, there, hosts, *move); err != nil {
		return hinted{err, "see scaleup db status for who the primary is now"}
	}
	took := time.Since(began)
	if op.json {
		return writeJSON(op.out, outcome{1, move.From, move.To, true, float64(took.Microseconds()) / 1000})
	}
	fmt.Fprintf(op.out, "The primary moved from %s to %s in %s.\n", move.From, move.To, took.Round(time.Millisecond))
	return nil
}
