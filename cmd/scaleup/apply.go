package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"scaleup/internal/journal"
)

func applyCommand(o *options) *cobra.Command {
	hash, reboot := "", []string(nil)
	cmd := &cobra.Command{
		Use: "apply", Short: "Carry out the plan, stage by stage",
		Long: `apply reads every server, makes the plan and carries out exactly that, in
stages, each behind its health checks. A failed step stops it and leaves the
rest serving; running it again goes on where it stopped. A plan that removes a
server is carried out only after confirmation.

With --reboot SERVER (any number of times), servers are rebooted after that, one
at a time: out of rotation, or with the virtual addresses or the primary moved
away first, and the next one only when it is back and does its work.`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			op, err := o.load()
			if err != nil {
				return err
			}
			if err := op.known(reboot); err != nil {
				return err
			}
			return op.apply(cmd.Context(), hash, reboot)
		},
	}
	cmd.Flags().StringVar(&hash, "hash", "", "refuse unless the plan is still the one with this hash")
	rebootFlag(cmd, o, &reboot)
	return cmd
}

func (op *operation) apply(ctx context.Context, hash string, reboot []string) error {
	unlock, err := op.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	surplus, err := op.surplus(ctx)
	if err != nil {
		return err
	}
	s, done, err := op.survey(ctx, surplus)
	if err != nil {
		return err
	}
	defer done()
	if err := s.reboot(reboot); err != nil {
		return err
	}
	if hash != "" && hash != s.plan.Hash() {
		return hinted{fmt.Errorf("the plan is not %s any more, it is %s; nothing was done", hash, s.plan.Hash()), "look at scaleup plan again"}
	}
	if err := op.preflight(ctx, s); err != nil {
		return err
	}
	if len(surplus) > 0 {
		if err := op.confirm(fmt.Sprintf("Remove %s with its data?", listed(surplus))); err != nil {
			return err
		}
	}
	log, err := op.openJournal("apply")
	if err != nil {
		return err
	}
	defer log.Close()
	if err := op.carryOut(ctx, s, log); err != nil {
		return err
	}
	if err := op.removeMachines(ctx, surplus, log); err != nil {
		return err
	}
	if op.json {
		return op.printPlan(s.plan)
	}
	if s.plan.Empty() {
		fmt.Fprintf(op.out, "%s is as %s says: nothing to do.\n", op.topology.Site.Name, op.topology.Site.File)
		return nil
	}
	fmt.Fprintf(op.out, "done: %s\n", summary(s.plan))
	return nil
}

// removeMachines removes lab machines that the site file does not name any more.
// It comes last: nothing refers to them by then.
func (op *operation) removeMachines(ctx context.Context, names []string, log *journal.Log) error {
	if len(names) == 0 {
		return nil
	}
	l, err := op.openLab(func(server, message string) {
		log.Add(journal.Event{Event: journal.Note, Server: server, Message: message})
	}, nil)
	if err != nil {
		return err
	}
	return l.Remove(ctx, names...)
}
