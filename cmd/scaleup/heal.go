package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"scaleup/internal/drill/inject"
	"scaleup/internal/fault"
	"scaleup/internal/remote"
)

func healCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "heal", Short: "Remove whatever a drill has left broken",
		Long: `heal takes back every fault that a drill has put on the lab's machines or on
servers, and says what it found. Faults heal by themselves when their lease is
over, so it is for those who do not want to wait. It may be run at any time; a
drill that is running becomes inconclusive by it.`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			op, err := o.loadToLook()
			if err != nil {
				return err
			}
			return op.heal(cmd.Context())
		},
	}
}

// healed is the document of heal --json.
type healed struct {
	Schema int      `json:"schema"`
	Found  []string `json:"found"`
}

// heal mends the lab first: a machine that is off has no faults of its own, and one
// that is frozen cannot be asked.
func (op *operation) heal(ctx context.Context) error {
	found := []string{}
	var failures []error
	left, err := inject.HealLab(ctx, op.stateDir, inject.OpenLab)
	failures = append(failures, err)
	for _, l := range left {
		found = append(found, l.String())
	}
	if len(left) > 0 {
		fmt.Fprintf(op.err, "the process that mends the lab when a drill does not tells what it did in %s\n", inject.ReaperLog(op.stateDir))
	}
	onServers, err := op.healServers(ctx)
	found, failures = append(found, onServers...), append(failures, err)
	if op.json {
		failures = append(failures, writeJSON(op.out, healed{1, found}))
	} else {
		for _, f := range found {
			fmt.Fprintf(op.out, "healed: %s\n", f)
		}
		if len(found) == 0 && errors.Join(failures...) == nil {
			fmt.Fprintln(op.out, "nothing was broken by a drill")
		}
	}
	if err := errors.Join(failures...); err != nil {
		return hinted{err, "what is not healed ends with its lease, some minutes at most; scaleup status shows the rest"}
	}
	return nil
}

// healServers asks every server that runs.
func (op *operation) healServers(ctx context.Context) ([]string, error) {
	off, err := op.labOff(ctx)
	if err != nil {
		return nil, err
	}
	d, err := op.dialer()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	var found []string
	var failures []error
	for _, s := range op.topology.Servers {
		if slices.Contains(off, s.Name) {
			continue
		}
		wait.Go(func() {
			h, err := d.dial(ctx, s)
			var p remote.Response
			if err == nil {
				defer h.Close()
				p, err = h.Call(ctx, remote.Request{Fault: &fault.Order{Verb: fault.VerbHealAll}})
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures = append(failures, fmt.Errorf("%s: %w", s.Name, err))
				return
			}
			for _, f := range p.Fault.Found {
				found = append(found, s.Name+": "+f)
			}
		})
	}
	wait.Wait()
	slices.Sort(found)
	return found, errors.Join(failures...)
}
