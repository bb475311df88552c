package guard

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// begin performs an action as a job.
func (g *guard) begin(ctx context.Context, a Action, helpers *sync.WaitGroup) {
	began := time.Now()
	work, done, err := g.prepare(a)
	if err != nil {
		g.account = g.account.begin(string(a.Kind), a.Reason, began).end(err, time.Since(began))
		g.ended(a, err)
		return
	}
	g.startJob(ctx, string(a.Kind), a.Reason, helpers, work, func(err error) error {
		g.log.Info("done", "action", a.Kind, "took", time.Since(began).Round(time.Millisecond), "error", err)
		if err == nil && done != nil {
			err = done()
		}
		g.ended(a, err)
		return err
	})
}

// prepare saves what has to be on disk before the action begins and returns the
// rest of it: work, and what remains to be done in the loop once it succeeded.
func (g *guard) prepare(a Action) (work func(ctx context.Context) error, done func() error, err error) {
	switch a.Kind {
	case Stop:
		return g.db.Stop, nil, nil
	case Fence:
		return g.db.Fence, nil, nil
	case EndBootstrap:
		return g.db.EndBootstrap, nil, nil
	case Join:
		return func(ctx context.Context) error {
			if err := g.announce(ctx, a.Group); err != nil {
				return err
			}
			return g.db.Start(ctx)
		}, nil, nil
	case ApplyBacklog:
		received := g.view.MySQL.Received
		return func(ctx context.Context) error { return g.db.ApplyBacklog(ctx, received) }, nil, nil
	case Clone:
		r := g.store.record
		r.Cloning = true
		return func(ctx context.Context) error { return g.db.Clone(ctx, a.Donor) }, nil, g.save(r)
	case Bootstrap:
		work, err := g.prepareBootstrap(a)
		return work, nil, err
	case HandOver, FenceSelf, StepOut:
		turn, takeOut := g.nextTurn(), g.takeOut(a)
		return func(ctx context.Context) error {
			if err := g.takeTurn(ctx, a.Noting, turn); err != nil {
				return err
			}
			return takeOut(ctx)
		}, nil, nil
	case SetAside:
		work, done := g.setAside(a, time.Now())
		return work, done, nil
	default:
		return nil, nil, fmt.Errorf("no way to perform %q", a.Kind)
	}
}

// takeOut takes a member out of use that Group Replication holds for healthy.
func (g *guard) takeOut(a Action) func(ctx context.Context) error {
	switch a.Kind {
	case HandOver:
		return func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, handOverLimit)
			defer cancel()
			return g.db.SetPrimary(ctx, a.To, handOverGrace)
		}
	case StepOut:
		return func(ctx context.Context) error {
			stopCtx, cancel := context.WithTimeout(ctx, stepOutLimit)
			defer cancel()
			if err := g.db.Stop(stopCtx); err != nil {
				g.log.Warn("does not leave the group; kills mysqld", "error", err)
				return g.db.Kill()
			}
			return nil
		}
	default:
		return func(context.Context) error { return g.db.Kill() }
	}
}

// setAside copies the data, and notes then where the copy lies and that a clone has
// to follow: a guard that starts anew goes on with that.
func (g *guard) setAside(a Action, now time.Time) (work func(ctx context.Context) error, done func() error) {
	var path string
	name := now.UTC().Format("20060102T150405Z") + "-" + g.policy.Server
	work = func(ctx context.Context) (err error) {
		path, err = g.db.SetAside(ctx, name)
		return err
	}
	done = func() error {
		r := g.store.record
		r.Aside, r.Cloning = path+": "+a.Extra, true
		return g.save(r)
	}
	return work, done
}

// prepareBootstrap gives this server's own promise; the work then asks for the
// others' and forms the group only with all of them.
func (g *guard) prepareBootstrap(a Action) (func(ctx context.Context) error, error) {
	me, err := readCandidate(Answer{MySQL: g.view.MySQL})
	if err != nil {
		return nil, err
	}
	q := GrantRequest{Epoch: a.Epoch, Candidate: g.policy.Server, Newest: a.Newest, GTIDs: me.all.String()}
	promised, err := Promise(q, g.store.record, g.view.MySQL, g.policy)
	if err != nil {
		return nil, fmt.Errorf("own grant: %w", err)
	}
	if err := g.save(promised); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		if err := g.collectGrants(ctx, q, a.Voters); err != nil {
			return err
		}
		if my := g.probe(ctx); my.Bootstrapping {
			return errors.New("MySQL has begun to form the group while the grants came in")
		}
		return g.db.Form(ctx, func(ctx context.Context) error { return stillAble(g.probe(ctx), me.all) })
	}, nil
}

// stillAble says why a member must not form the group that had these transactions when it
// asked for the grants: the guard may have stood still meanwhile, and the data be another's.
func stillAble(my MySQL, had GTIDSet) error {
	now, err := readCandidate(Answer{MySQL: my})
	switch {
	case !my.Reachable || my.State != Offline:
		return fmt.Errorf("MySQL has changed while the grants came in: it is %s %s", my.State, my.Error)
	case err != nil:
		return err
	case !had.SubsetOf(now.all):
		return fmt.Errorf("MySQL has changed while the grants came in: it lacks %s", listed(had.Subtract(now.all)))
	}
	return nil
}

// collectGrants asks all other voters at once; a single refusal or silence ends
// the attempt.
func (g *guard) collectGrants(ctx context.Context, q GrantRequest, voters []string) error {
	ctx, cancel := context.WithTimeout(ctx, grantTimeout)
	defer cancel()
	refusals := make(chan error, len(voters))
	for _, name := range voters {
		go func() {
			if name == g.policy.Server {
				refusals <- nil
			} else if err := g.peers.Grant(ctx, name, q); err != nil {
				refusals <- fmt.Errorf("%s does not grant epoch %d: %w", name, q.Epoch, err)
			} else {
				refusals <- nil
			}
		}()
	}
	var errs []error
	for range voters {
		errs = append(errs, <-refusals)
	}
	return errors.Join(errs...)
}

// ended keeps the account of attempts. One that enters the group counts until
// the member is seen ONLINE: a START that succeeds may still end in ERROR.
func (g *guard) ended(a Action, err error) {
	if errors.Is(err, ErrBacklogRefused) {
		g.log.Warn("backlog", "error", err)
		g.view.BacklogRefused = true
		return
	}
	if errors.Is(err, errNoTurn) {
		g.view.TurnRefused, g.view.RefusedBy = time.Now(), err.Error()
		return
	}
	switch a.Kind {
	case HandOver, FenceSelf, StepOut:
		g.view.OwnTurn = ""
	}
	if a.Kind == HandOver && err != nil {
		g.view.HandOverFailed = time.Now()
	}
	entering := a.Kind == Join || a.Kind == Bootstrap || a.Kind == Clone
	if err == nil && !entering {
		return
	}
	attempt := &g.view.Attempt
	attempt.Failures++
	attempt.Next = time.Now().Add(Backoff(attempt.Failures))
	attempt.Error = "the member did not become ONLINE"
	if err != nil {
		attempt.Error = err.Error()
		g.log.Warn("failed", "action", a.Kind, "error", err)
	}
}
