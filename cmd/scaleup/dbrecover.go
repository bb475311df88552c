package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scaleup/internal/component"
	"scaleup/internal/guard"
	"scaleup/internal/host"
	"scaleup/internal/plan"
	"scaleup/internal/secrets"
	"scaleup/internal/survey"
)

const dbRecoverLong = `recover is for the night when the database serves nobody and a server of it is
lost for good. After any other outage the database comes back by itself, as soon as
every member of its last view answers; that is why it waits for one that is missing:
that one alone may have writes that were acknowledged.

Without --accept-loss, nothing changes: recover tells what every database server
knows, what would be given up, and the command that does it.

With --accept-loss, the server that has all transactions of those that answer (or
the one named with --from) forms a new group. The group gets a new name, so that a
lost server that comes back is never taken for a member: its group cannot form
again, and scaleup apply sets its data aside. It is refused while anything serves,
is seen alive, or can come back by itself. Run again after it was cut off, it goes
on with the same name.`

// recoverOrder is how db recover was called.
type recoverOrder struct {
	accept  bool
	from    string // server to keep, "" to choose
	confirm string // the site's name, said beforehand
}

func dbRecoverCommand(o *options) *cobra.Command {
	var order recoverOrder
	cmd := &cobra.Command{
		Use: "recover", Short: "Form the database's group anew although a server is lost for good", Long: dbRecoverLong,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			op, err := o.load()
			if err != nil {
				return err
			}
			return op.recoverDatabase(cmd.Context(), order)
		},
	}
	cmd.Flags().BoolVar(&order.accept, "accept-loss", false, "do it; what only the lost servers had is given up")
	cmd.Flags().StringVar(&order.from, "from", "", "database server that forms the group, although others have what it lacks")
	cmd.Flags().StringVar(&order.confirm, "confirm", "", "the site's name, where nobody can be asked for it")
	return cmd
}

func (op *operation) recoverDatabase(ctx context.Context, order recoverOrder) error {
	if !secrets.Exists(op.stateDir) {
		return hinted{fmt.Errorf("%s has no secrets in %s, so its database is not known here", op.topology.Site.Name, op.stateDir), "run this where the site was made, or bring that folder back from a backup"}
	}
	if order.accept {
		unlock, err := op.lock(ctx)
		if err != nil {
			return err
		}
		defer unlock()
	}
	hosts, silent, done, err := op.reach(ctx)
	if err != nil {
		return err
	}
	defer done()
	return op.recoverWith(ctx, order, hosts, silent)
}

// recoverWith explains or recovers over the servers that could be reached.
func (op *operation) recoverWith(ctx context.Context, order recoverOrder, hosts map[string]host.Host, silent map[string]string) error {
	store, values, err := op.store()
	if err != nil {
		return err
	}
	begun, err := store.Recovery()
	if err != nil {
		return err
	}
	if order.accept && begun.Unfinished() && order.from == "" {
		missing := begun.Needs(slices.Collect(maps.Keys(hosts)))
		if len(missing) == 0 {
			fmt.Fprintf(op.err, "going on with the recovery begun at %s: %s forms group %s\n", begun.Begun.Format(time.RFC3339), begun.Recovered.Initial, values.GroupName)
			return op.replaceGroup(ctx, store, *begun, hosts)
		}
		fmt.Fprintf(op.err, "the recovery begun at %s waits for %s; without it, it is decided anew\n", begun.Begun.Format(time.RFC3339), listed(missing))
	}
	if !order.accept && begun.Unfinished() {
		fmt.Fprintf(op.err, "a recovery was begun at %s and has not ended; --accept-loss goes on with it\n", begun.Begun.Format(time.RFC3339))
	}
	o := gatherOutage(ctx, op.topology, hosts, silent)
	o.Group, o.Recovered, o.From = values.GroupName, recoveredOf(values), order.from
	decision, refusal := o.Recover()
	if !order.accept {
		return op.explainRecovery(o, decision, refusal)
	}
	if refusal != nil {
		return refusal
	}
	fmt.Fprint(op.err, recoveryText(decision))
	if err := op.confirmName("Give this up for good?", op.topology.Site.Name, order.confirm); err != nil {
		return err
	}
	if err := store.BeginRecovery(component.Recovered(decision.Recovered), time.Now()); err != nil {
		return err
	}
	if begun, err = store.Recovery(); err != nil {
		return err
	}
	return op.replaceGroup(ctx, store, *begun, hosts)
}

func recoveredOf(values component.Secrets) *guard.Recovered {
	if values.Recovered == nil {
		return nil
	}
	r := guard.Recovered(*values.Recovered)
	return &r
}

// recoveryEnded refuses to plan while a recovery was cut off: a rollout would wait for
// one server to serve before it gives the next one the new group.
func recoveryEnded(store *secrets.Store) error {
	begun, err := store.Recovery()
	if err != nil || !begun.Unfinished() {
		return err
	}
	return hinted{fmt.Errorf("the recovery of the database begun at %s has not ended", begun.Begun.Format(time.RFC3339)), "go on with it first: scaleup db recover --accept-loss"}
}

// confirmName wants a name typed, because yes is said too easily at night. --yes does
// not stand for it.
func (o *options) confirmName(question, name, given string) error {
	switch {
	case given == name:
		return nil
	case given != "":
		return usage{fmt.Sprintf("--confirm names %q, and the site is %s; nothing was done", given, name), "see -f"}
	case o.noInput || !isTerminal(o.in):
		return hinted{errors.New("this needs the site's name and nobody can be asked: " + question), "say --confirm " + name}
	}
	fmt.Fprintf(o.err, "%s Type the site's name, %s: ", question, name)
	answer, err := bufio.NewReader(o.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	if strings.TrimSpace(answer) != name {
		return errDeclined
	}
	return nil
}

// replaceGroup gives the servers of a recovery the new group and waits until the
// chosen one has formed it and the others have joined. Only these are touched: what
// else differs on them, and all other servers, are left to apply.
func (op *operation) replaceGroup(ctx context.Context, store *secrets.Store, r secrets.Recovery, hosts map[string]host.Host) error {
	values, err := store.Load(op.topology)
	if err != nil {
		return err
	}
	voters := map[string]host.Host{}
	for _, name := range r.Recovered.Voters {
		voters[name] = hosts[name]
	}
	// Database servers hold no release.
	in := survey.Input{Topology: op.topology, Hosts: voters, Secrets: values, Binary: op.binary.RemotePath()}
	s, err := survey.TakeDatabase(ctx, in, r.Recovered.Voters)
	if err != nil {
		return err
	}
	log, err := op.openJournal("db recover")
	if err != nil {
		return err
	}
	defer log.Close()
	p := plan.Recover(s.Desired, s.Observed, r.Recovered.Initial)
	failed := op.carryOut(ctx, &surveyed{Survey: s, plan: p, hosts: voters}, log)
	// Whatever else failed: once the group is formed, there is nothing to go on with.
	known, err := askKnown(ctx, voters[r.Recovered.Initial])
	if err == nil && known != nil && known.Answer.Record.Group == values.GroupName && known.Answer.Record.Epoch > 0 {
		err = store.FinishRecovery()
	}
	if err := errors.Join(failed, err); err != nil {
		return err
	}
	if op.json {
		return op.printPlan(p)
	}
	fmt.Fprintf(op.out, "The database serves again from %s, as group %s.\n", listed(r.Recovered.Voters), values.GroupName)
	fmt.Fprintf(op.out, "A lost server that comes back is taken in by: scaleup apply -f %s. Its own transactions are set aside, not merged.\n", op.topology.Site.File)
	return nil
}
