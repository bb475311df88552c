package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scaleup/internal/journal"
	"scaleup/internal/lab"
	"scaleup/internal/plan"
)

// rebootFlag is the same for apply and its preview.
func rebootFlag(cmd *cobra.Command, o *options, servers *[]string) {
	cmd.Flags().StringArrayVar(servers, "reboot", nil, "reboot this server, too; may be given several times")
	// It fails only for flags that do not exist.
	_ = cmd.RegisterFlagCompletionFunc("reboot", completeServers(o))
}

// known refuses names of no server of the site.
func (op *operation) known(servers []string) error {
	for _, name := range servers {
		if _, err := op.topology.Server(name); err != nil {
			return usage{err.Error(), "name one of them"}
		}
	}
	return nil
}

// reboot adds the restart of servers to the plan.
func (s *surveyed) reboot(servers []string) (err error) {
	s.plan, err = plan.Reboot(s.Desired, s.Observed, servers)
	return err
}

// rebootFlags are the flags that a plan's reboots came from.
func rebootFlags(p plan.Plan) string {
	var flags strings.Builder
	for _, s := range p.Steps {
		if s.Action == plan.Boot {
			flags.WriteString(" --reboot " + s.Server)
		}
	}
	return flags.String()
}

// powerOn switches a lab machine on that was told to reboot: it powers off, and the
// lab has no hypervisor that would start it again. It returns when SSH answers.
func (op *operation) powerOn(ctx context.Context, server string, log *journal.Log) error {
	l, err := op.openLab(func(server, message string) {
		log.Add(journal.Event{Event: journal.Note, Server: server, Message: message})
	}, nil)
	if err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		machines, err := l.List(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(machines, func(m lab.MachineState) bool { return m.Name == server && m.Running }) {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("machine %s is still running: %w", server, context.Cause(ctx))
		case <-tick.C:
		}
	}
	if err := l.On(ctx, server); err != nil {
		return err
	}
	return l.Await(ctx, server)
}
