package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"scaleup/internal/component/all"
	"scaleup/internal/journal"
	"scaleup/internal/lab"
	"scaleup/internal/plan"
	"scaleup/internal/secrets"
	"scaleup/internal/spec"
	"scaleup/internal/status"
)

func upCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "up", Short: "Make the servers if they are the lab's, and converge the site",
		Long: `up makes and boots the machines of the lab (servers without an address in the
site file), brings every server to what the site file says, and ends when the
site is healthy. It creates and converges; it never removes a server. Running it
again does only what is missing.`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			op, err := o.load()
			if err != nil {
				return err
			}
			return op.up(cmd.Context())
		},
	}
}

func (op *operation) up(ctx context.Context) error {
	began := time.Now()
	unlock, err := op.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	log, err := op.openJournal("up")
	if err != nil {
		return err
	}
	defer log.Close()
	if op.topology.InLab() {
		if err := op.ensureLab(ctx, log); err != nil {
			return err
		}
	}
	s, done, err := op.survey(ctx, nil)
	if err != nil {
		return err
	}
	defer done()
	if err := op.preflight(ctx, s); err != nil {
		return err
	}
	if err := op.carryOut(ctx, s, log); err != nil {
		return err
	}
	r, err := op.awaitHealthy(ctx)
	if err != nil {
		return err
	}
	return op.printUp(r, s.plan, time.Since(began))
}

// ensureLab makes the lab's machines and boots those that are off.
func (op *operation) ensureLab(ctx context.Context, log *journal.Log) error {
	store, err := secrets.Open(op.stateDir)
	if err != nil {
		return err
	}
	_, authorized, err := store.SSHKey()
	if err != nil {
		return err
	}
	l, err := op.openLab(func(server, message string) {
		log.Add(journal.Event{Event: journal.Note, Server: server, Message: message})
	}, authorized)
	if err != nil {
		return err
	}
	if err := l.EnsureHostPackages(ctx); err != nil {
		return err
	}
	machines, recipes := op.machines()
	_, err = l.Ensure(ctx, machines, recipes)
	return err
}

// machines are the lab's servers and the layers their roles need.
func (op *operation) machines() ([]lab.Machine, []lab.Recipe) {
	var machines []lab.Machine
	for _, s := range op.topology.Servers {
		machines = append(machines, lab.Machine{Name: s.Name, Role: string(s.Role), Address: s.Address})
	}
	var recipes []lab.Recipe
	for _, role := range spec.Roles {
		r := lab.Recipe{Role: string(role), Database: role == spec.Database}
		for _, p := range all.Packages(role, op.topology.Site) {
			r.Packages = append(r.Packages, lab.PackageSet{Names: p.Names, Release: p.Release})
		}
		recipes = append(recipes, r)
	}
	return machines, recipes
}

// healthyWithin is how long a converged site may take until its checks agree:
// HAProxy's slowest check comes every second and wants two in a row.
const healthyWithin = 30 * time.Second

// awaitHealthy waits until the site is healthy and returns the last report.
func (op *operation) awaitHealthy(ctx context.Context) (status.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, healthyWithin)
	defer cancel()
	for {
		r, err := op.status(ctx)
		if err != nil {
			return r, err
		}
		if r.Healthy {
			return r, nil
		}
		select {
		case <-ctx.Done():
			return r, hinted{errors.New("the site has been converged and is not healthy: " + r.Verdict), "scaleup status shows it in full"}
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (op *operation) printUp(r status.Report, p plan.Plan, took time.Duration) error {
	if op.json {
		return writeJSON(op.out, r)
	}
	steps := fmt.Sprintf("%d steps", len(p.Steps))
	if p.Empty() {
		steps = "nothing to change"
	}
	fmt.Fprintf(op.out, "\n%s is up: %s, %s, %.1f s\n\n", r.Site, r.Verdict, steps, took.Seconds())
	fmt.Fprintf(op.out, "  URL      %s   (at %s)\n", r.URL, r.Address)
	ca := ""
	if r.CA != "" {
		fmt.Fprintf(op.out, "  CA       %s\n", r.CA)
		ca = " --cacert " + r.CA
	}
	fmt.Fprintf(op.out, "  open it  curl%s --resolve %s:443:%s %s\n", ca, r.Site, r.Address, r.URL)
	fmt.Fprintf(op.out, "           or add a line \"%s %s\" to /etc/hosts and import the CA into your browser\n\n", r.Address, r.Site)
	fmt.Fprintf(op.out, "  try      scaleup status -f %s\n", op.topology.Site.File)
	if op.topology.InLab() {
		fmt.Fprintf(op.out, "           scaleup lab off -f %s %s    (the site goes on answering)\n", op.topology.Site.File, r.VIPs[0].Holder)
		fmt.Fprintf(op.out, "           scaleup lab on -f %s %s\n", op.topology.Site.File, r.VIPs[0].Holder)
		fmt.Fprintf(op.out, "           scaleup down -f %s       (the data stays)\n", op.topology.Site.File)
	}
	return nil
}

func downCommand(o *options) *cobra.Command {
	purge := false
	cmd := &cobra.Command{
		Use: "down", Short: "Power the lab's machines off; the data stays",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			op, err := o.load()
			if err != nil {
				return err
			}
			return op.down(cmd.Context(), purge)
		},
	}
	cmd.Flags().BoolVar(&purge, "purge", false, "remove the machines with their data, too, and the site's secrets")
	return cmd
}

func (op *operation) down(ctx context.Context, purge bool) error {
	if !op.topology.Site.Lab.Subnet.IsValid() || !op.topology.InLab() && !op.bareLab() {
		return usage{"down is for labs, and the servers of " + op.topology.Site.File + " are not the lab's", "power real servers off with their own means; scaleup never does"}
	}
	unlock, err := op.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if purge {
		if err := op.confirm(fmt.Sprintf("Remove all machines of lab %s with their data?", op.topology.Site.Lab.Name)); err != nil {
			return err
		}
	}
	l, err := op.openLab(nil, nil)
	if err != nil {
		return err
	}
	if err := l.Down(ctx, purge); err != nil {
		return err
	}
	if !purge {
		fmt.Fprintf(op.err, "lab %s is down; its data stays. scaleup up brings it back.\n", op.topology.Site.Lab.Name)
		return nil
	}
	if err := os.RemoveAll(op.stateDir); err != nil {
		return fmt.Errorf("remove the site's state: %w", err)
	}
	fmt.Fprintf(op.err, "lab %s is gone, with its data and secrets.\n", op.topology.Site.Lab.Name)
	return nil
}

// surplus are the lab's machines that the site file does not name any more.
func (op *operation) surplus(ctx context.Context) ([]string, error) {
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
	var surplus []string
	for _, m := range machines {
		if !slices.Contains(op.names(), m.Name) {
			surplus = append(surplus, m.Name)
		}
	}
	return surplus, nil
}
