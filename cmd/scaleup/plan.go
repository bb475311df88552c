package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"scaleup/internal/plan"
	"scaleup/internal/secrets"
)

func planCommand(o *options) *cobra.Command {
	diff, reboot := false, []string(nil)
	cmd := &cobra.Command{
		Use: "plan", Short: "Show what apply would do, and why",
		Long: `plan reads every server and prints the steps that would bring it to what the
site file says, in their order, each with its reason. It changes nothing.
It exits with 0 when there is nothing to do and with 2 when there is.`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			op, err := o.load()
			if err != nil {
				return err
			}
			if err := op.known(reboot); err != nil {
				return err
			}
			return op.plan(cmd.Context(), diff, reboot)
		},
	}
	cmd.Flags().BoolVar(&diff, "diff", false, "show how files would change; secrets are left out")
	rebootFlag(cmd, o, &reboot)
	return cmd
}

func (op *operation) plan(ctx context.Context, diff bool, reboot []string) error {
	off, err := op.labOff(ctx)
	if err != nil {
		return err
	}
	if len(off) > 0 {
		return op.planWithout(ctx, off, reboot)
	}
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
	if err := op.printPlan(s.plan); err != nil {
		return err
	}
	if diff && !op.json {
		if err := op.printDiffs(ctx, s); err != nil {
			return err
		}
	}
	if !s.plan.Empty() {
		return silent(exitChanges)
	}
	return nil
}

// planWithout tells what is known while the lab's machines are off: they have to
// be made or started, and only then can they be asked.
func (op *operation) planWithout(ctx context.Context, off, reboot []string) error {
	if len(off) < len(op.topology.Servers) {
		fmt.Fprintf(op.err, "%s: off, so the rest of the plan is not known; scaleup up starts them\n", listed(off))
		if err := op.printPlan(plan.Plan{Steps: startSteps(off)}); err != nil {
			return err
		}
		return silent(exitChanges)
	}
	fmt.Fprintln(op.err, "the lab is down: this is the plan for new servers, from the reference facts of Debian 13")
	releases, _, err := op.releases()
	if err != nil {
		return err
	}
	want, err := op.reference(secrets.Placeholder(op.topology), releases)
	if err != nil {
		return err
	}
	p, err := plan.Reboot(want, plan.Observed{Missing: off}, reboot)
	if err != nil {
		return err
	}
	if err := op.printPlan(p); err != nil {
		return err
	}
	return silent(exitChanges)
}

func startSteps(off []string) []plan.Step {
	var steps []plan.Step
	for _, name := range off {
		steps = append(steps, plan.Step{Stage: 1, Server: name, Component: "lab", Resource: plan.ServerID(name), Action: plan.Start, From: "off", To: "running", Reason: "the machine is off"})
	}
	return steps
}

// labOff lists the site's lab machines that are not running.
func (op *operation) labOff(ctx context.Context) ([]string, error) {
	if !op.topology.InLab() {
		return nil, nil
	}
	l, err := op.openLab(nil, nil)
	if err != nil {
		return nil, err
	}
	machines, err := l.List(ctx)
	if err != nil {
		return nil, err
	}
	running := map[string]bool{}
	for _, m := range machines {
		running[m.Name] = m.Running
	}
	var off []string
	for _, name := range op.names() {
		if !running[name] {
			off = append(off, name)
		}
	}
	return off, nil
}

// planDocument is plan --json.
type planDocument struct {
	Schema int         `json:"schema"`
	Hash   string      `json:"hash"`
	Steps  []plan.Step `json:"steps"`
}

func (op *operation) printPlan(p plan.Plan) error {
	if op.json {
		steps := p.Steps
		if steps == nil {
			steps = []plan.Step{}
		}
		return writeJSON(op.out, planDocument{Schema: 1, Hash: p.Hash(), Steps: steps})
	}
	printSteps(op.out, p)
	if p.Empty() {
		fmt.Fprintf(op.out, "%s is as %s says: nothing to do.\n", op.topology.Site.Name, op.topology.Site.File)
		return nil
	}
	fmt.Fprintf(op.out, "\n%s. To do exactly this: scaleup apply -f %s%s --hash %s\n", summary(p), op.topology.Site.File, rebootFlags(p), p.Hash())
	return nil
}

func printSteps(w io.Writer, p plan.Plan) {
	for i, s := range p.Steps {
		if i == 0 || s.Stage != p.Steps[i-1].Stage {
			fmt.Fprintf(w, "stage %d\n", s.Stage)
		}
		fmt.Fprintf(w, "  %-8s %-8s %s\n           %s\n", s.Server, s.Action, s.Resource, s.Reason)
	}
}

func summary(p plan.Plan) string {
	servers := map[string]bool{}
	for _, s := range p.Steps {
		servers[s.Server] = true
	}
	return fmt.Sprintf("%d steps in %d stages on %d servers", len(p.Steps), len(p.Stages()), len(servers))
}
