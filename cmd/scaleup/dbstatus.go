package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scaleup/internal/dbstatus"
	"scaleup/internal/spec"
	"scaleup/internal/status"
)

const dbStatusLong = `status asks the guard of every database server and tells how the group is: each
member's state, role and lag, the epoch (how often the group was formed), what a guard
waits for or does, how its last action failed, where data was set aside, how many
failures the group stands, and when members and primary changed. A server that does
not answer is a row.

It exits with 0 when every member is ONLINE and all name one primary, else with 2.`

func dbStatusCommand(o *options) *cobra.Command {
	history := 0
	cmd := &cobra.Command{
		Use: "status", Short: "Tell how the database's members are", Long: dbStatusLong, Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if history < 0 {
				return usage{fmt.Sprintf("--history %d: a number of changes is not negative", history), "--history 0 shows none"}
			}
			op, err := o.loadToLook()
			if err != nil {
				return err
			}
			r, err := op.databaseStatus(cmd.Context(), history)
			if err != nil {
				return err
			}
			if op.json {
				err = writeJSON(op.out, r)
			} else {
				printDatabase(op.out, r)
			}
			if err == nil && !r.Healthy {
				return silent(exitChanges)
			}
			return err
		},
	}
	cmd.Flags().IntVar(&history, "history", 10, "show the last N changes of members and primary")
	return cmd
}

// databaseStatus asks the database servers that run.
func (op *operation) databaseStatus(ctx context.Context, history int) (dbstatus.Report, error) {
	part := op.topology.Only(op.topology.With(spec.Database))
	reach, err := op.connectTo(ctx, part.Servers, func() (connector, error) { return op.impatient() })
	if err != nil {
		return dbstatus.Report{}, err
	}
	return dbstatus.Assess(op.topology, status.Ask(ctx, part, reach, nil), history), nil
}

func printDatabase(w io.Writer, r dbstatus.Report) {
	primary := "no primary"
	if r.Primary != "" {
		primary = "primary " + r.Primary
	}
	fmt.Fprintf(w, "%s\n%s; %s\n\n", r.Verdict, primary, r.Quorum)
	fmt.Fprintf(w, "%-8s %-12s %-10s %14s %6s  %s\n", "server", "state", "role", "lag", "epoch", "waits for")
	for _, s := range r.Servers {
		fmt.Fprintf(w, "%-8s %-12s %-10s %14s %6d  %s\n", s.Server, s.State, cmp.Or(strings.ToLower(s.Role), "-"), lag(s), s.Epoch, cmp.Or(oneLine(s.Waits), "-"))
		if n := len(s.Actions); n > 0 && s.Actions[n-1].Error != "" {
			last := s.Actions[n-1]
			fmt.Fprintf(w, "%-8s %s UTC: %s failed after %.1f s: %s\n", "", last.At.UTC().Format(time.DateTime), last.Kind, last.Took, oneLine(last.Error))
		}
		for _, c := range s.Aside {
			fmt.Fprintf(w, "%-8s %s UTC: data was set aside: %s\n", "", c.At.UTC().Format(time.DateTime), c.Path)
		}
	}
	if len(r.History) > 0 {
		fmt.Fprintf(w, "\n%-20s %6s  %-8s %-24s %s\n", "when (UTC)", "epoch", "primary", "members", "seen by")
	}
	for _, c := range r.History {
		fmt.Fprintf(w, "%-20s %6d  %-8s %-24s %s\n", c.At.UTC().Format(time.DateTime), c.Epoch, cmp.Or(c.Primary, "-"), cmp.Or(c.Members.String(), "-"), c.SeenBy)
	}
}

// lag is in transactions and seconds; a server that is no member has none.
func lag(s dbstatus.Server) string {
	if s.Role == "" {
		return "-"
	}
	return fmt.Sprintf("%d tx, %.1f s", s.LagTransactions, s.LagSeconds)
}
