// Package apply carries out a plan: its steps and nothing else, stage after
// stage, each step checked before and after. It decides nothing; what is to be
// done, and in which order, stands in the plan.
package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"scaleup/internal/host"
	"scaleup/internal/journal"
	"scaleup/internal/plan"
	"scaleup/internal/resource"
	"scaleup/internal/topology"
)

// ErrStale means that a server is no longer what the plan was made from.
var ErrStale = errors.New("the server has changed since the plan was made; run the command again")

// Runner holds what carrying out a plan needs.
type Runner struct {
	Topology *topology.Topology
	Hosts    map[string]host.Host
	Items    []plan.Item       // what the plan's resources are, from the survey it was made of
	Folders  map[string]string // folder on this machine, by release digest
	Binary   string            // path of scaleup on the servers
	Journal  *journal.Log
	// PowerOn switches a server on that has powered off instead of rebooting, as lab
	// machines do; it returns when SSH answers. Nil: servers come back by themselves.
	PowerOn func(ctx context.Context, server string) error
}

// actor observes and does one kind of step.
type actor interface {
	observe(ctx context.Context, s plan.Step) (plan.State, error)
	do(ctx context.Context, s plan.Step) error
}

// Failure is a step that did not have its effect.
type Failure struct {
	Step plan.Step
	Err  error
}

func (f *Failure) Error() string {
	return fmt.Sprintf("stage %d, %s: %s %s: %v", f.Step.Stage, f.Step.Server, f.Step.Action, f.Step.Resource, f.Err)
}

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Run carries out the plan. The first stage with a failure is the last one: its
// other servers finish what they are at, and everything after stays as it is.
func (r *Runner) Run(ctx context.Context, p plan.Plan) error {
	for _, stage := range p.Stages() {
		if err := r.stage(ctx, stage); err != nil {
			return err
		}
	}
	return nil
}

// stage runs the steps of one stage: servers side by side, a server's own steps
// in their order.
func (r *Runner) stage(ctx context.Context, steps []plan.Step) error {
	by, order := map[string][]plan.Step{}, []string{}
	for _, s := range steps {
		if by[s.Server] == nil {
			order = append(order, s.Server)
		}
		by[s.Server] = append(by[s.Server], s)
	}
	failures := make([]error, len(order))
	var wait sync.WaitGroup
	for i, server := range order {
		wait.Go(func() { failures[i] = r.server(ctx, by[server]) })
	}
	wait.Wait()
	return first(failures, order)
}

// first is the failure to tell: that of the first server, naming the others that
// failed, too. The journal has all of them.
func first(failures []error, servers []string) error {
	var told error
	var more []string
	for i, err := range failures {
		switch {
		case err == nil:
		case told == nil:
			told = err
		default:
			more = append(more, servers[i])
		}
	}
	if len(more) > 0 {
		return fmt.Errorf("%w (and %s failed, too)", told, strings.Join(more, ", "))
	}
	return told
}

func (r *Runner) server(ctx context.Context, steps []plan.Step) error {
	for _, s := range steps {
		began := time.Now()
		r.log(journal.Began, s, 0, s.Reason)
		did, err := r.step(ctx, s)
		switch {
		case err != nil:
			r.log(journal.Failed, s, time.Since(began), err.Error())
			return &Failure{Step: s, Err: err}
		case did:
			r.log(journal.Done, s, time.Since(began), s.Reason)
		default:
			r.log(journal.Skipped, s, time.Since(began), "it is so already")
		}
	}
	return nil
}

func (r *Runner) log(kind journal.Kind, s plan.Step, elapsed time.Duration, message string) {
	r.Journal.Add(journal.Event{
		Event: kind, Stage: s.Stage, Server: s.Server, Resource: s.Resource, Action: string(s.Action), Message: message, Elapsed: elapsed,
	})
}

// step brings one resource to its wanted state and reports whether that took
// anything.
func (r *Runner) step(ctx context.Context, s plan.Step) (did bool, err error) {
	spec := r.spec(s)
	a, patience := actor(nil), patience
	if m, ok := spec.(*resource.Member); ok {
		// The server can only be asked; waiting here lets the operator see why.
		a, patience = member{r, new(string)}, time.Duration(m.Wait)*time.Second
	} else if spec != nil {
		return r.farEnd(ctx, s, spec)
	} else if a, err = r.actorFor(s); err != nil {
		return false, err
	}
	now, err := a.observe(ctx, s)
	if err != nil {
		return false, err
	}
	if now == s.To {
		return false, nil
	}
	if err := a.do(ctx, s); err != nil {
		return false, err
	}
	return true, await(ctx, a, s, patience)
}

// patience is how long a site resource may take to reach its state: longer than
// every timeout of a request on its way through the tiers (30 s).
const patience = 60 * time.Second

func await(ctx context.Context, a actor, s plan.Step, patience time.Duration) error {
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := a.observe(ctx, s)
		if err == nil && now == s.To {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-deadline:
			if err != nil {
				return fmt.Errorf("wait until it is %s: %w", s.To, err)
			}
			return fmt.Errorf("it should be %q and is still %q after %s", s.To, now, patience)
		case <-tick.C:
		}
	}
}

func (r *Runner) spec(s plan.Step) resource.Spec {
	for _, item := range r.Items {
		if item.Server == s.Server && item.Spec.ID() == s.Resource {
			return item.Spec
		}
	}
	return nil
}
