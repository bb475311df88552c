// Package switchover hands the database's primary from one member to another, so
// that clients feel as little of it as can be: the load balancers hold new
// connections back for the moment, and lead them to the next primary as soon as that
// takes writes, without waiting for their next check.
//
// It is for planned moves, from the operator's computer. What happens when a primary
// fails is the group's, the guards' and the load balancers' own affair.
package switchover

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"scaleup/internal/host"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/survey"
	"scaleup/internal/topology"
)

// MaxLag is how many transactions the next primary may have waiting: it applies them
// before it takes writes. The guard has the same limit.
const MaxLag = 100

// Members are the states of the database's members by server name, each as its own
// guard tells it; a guard that does not answer is missing.
type Members map[string]survey.Group

// Ask asks every guard.
func Ask(ctx context.Context, t *topology.Topology, hosts map[string]host.Host) (Members, error) {
	status := map[string]string{}
	for _, s := range t.With(spec.Database) {
		status[s.Name] = survey.StatusURL(s)
	}
	names := t.Names(spec.Database)
	answers, err := host.CallAll(ctx, hosts, names, func(name string) remote.Request { return remote.Request{Member: status[name]} })
	if err != nil {
		return nil, err
	}
	members := Members{}
	for i, name := range names {
		if group, ok := survey.GroupOf(answers[i]); ok {
			members[name] = group
		}
	}
	return members, nil
}

// RefusedError says why the primary cannot move where it should.
type RefusedError struct{ Reason, Fix string }

func (e *RefusedError) Error() string { return e.Reason }

// Hint implements the command line's way out.
func (e *RefusedError) Hint() string { return e.Fix }

// Move is one hand-over.
type Move struct{ From, To string }

// Choose decides where the primary moves: to the member named, or away from its
// server to the one that has least to catch up with. names are all members in the
// site file's order. The answer is nil when the primary is there already.
func Choose(names []string, members Members, to string) (*Move, error) {
	newest, ok := survey.Newest(names, members)
	from := newest.Primary
	if !ok {
		return nil, &RefusedError{"no member is ONLINE and names a primary", "see scaleup db status"}
	}
	if to == from {
		return nil, nil
	}
	if to != "" {
		if why := unfit(members, to); why != "" {
			return nil, &RefusedError{fmt.Sprintf("%s cannot become the primary: %s", to, why), "see scaleup db status; try again when it has caught up, or name another server"}
		}
		return &Move{from, to}, nil
	}
	var reasons []string
	for _, name := range names {
		switch why := unfit(members, name); {
		case name == from:
		case why != "":
			reasons = append(reasons, name+": "+why)
		case to == "" || members[name].Lag < members[to].Lag:
			to = name
		}
	}
	if to == "" {
		return nil, &RefusedError{fmt.Sprintf("the primary cannot move away from %s: no other member is fit (%s)", from, strings.Join(reasons, "; ")), "see scaleup db status"}
	}
	return &Move{from, to}, nil
}

// Next asks the members and chooses: see Choose.
func Next(ctx context.Context, t *topology.Topology, hosts map[string]host.Host, to string) (*Move, error) {
	members, err := Ask(ctx, t, hosts)
	if err != nil {
		return nil, err
	}
	return Choose(t.Names(spec.Database), members, to)
}

// unfit says why a member cannot become the primary now, or "".
func unfit(members Members, name string) string {
	switch g, ok := members[name]; {
	case !ok:
		return "its guard does not answer"
	case g.State != "ONLINE":
		return strings.TrimSuffix(fmt.Sprintf("it is %s: %s", g.State, g.Message), ": ")
	case g.Lag > MaxLag:
		return fmt.Sprintf("it has %d transactions to apply first, the limit is %d", g.Lag, MaxLag)
	}
	return ""
}

// Run hands the primary over and returns when the load balancers lead writes to the
// next one. However it ends, they let new connections in again, within 5 s at worst.
func Run(ctx context.Context, t *topology.Topology, hosts map[string]host.Host, m Move) error {
	next, err := t.Server(m.To)
	if err != nil {
		return err
	}
	if err := balancers(ctx, t, hosts, remote.Request{Park: m.From}); err != nil {
		// One of them may hold back already: it opens by itself.
		return fmt.Errorf("move the primary from %s to %s: %w", m.From, m.To, err)
	}
	steer := remote.Request{Steer: &remote.Steer{From: m.From, To: m.To, Ready: fmt.Sprintf("http://%s:%d/primary?soon", next.Address, topology.PortGuard)}}
	// Side by side: the load balancers wait for the next primary themselves, so that the
	// way to the operator's computer is not part of the pause.
	var moved, steered error
	var wait sync.WaitGroup
	// Any member can be told. One that the site file does not name any more is not reached.
	told := m.From
	if hosts[told] == nil {
		told = m.To
	}
	wait.Go(func() { _, moved = hosts[told].Call(ctx, remote.Request{Switch: m.To}) })
	wait.Go(func() { steered = balancers(ctx, t, hosts, steer) })
	wait.Wait()
	if moved != nil {
		return fmt.Errorf("%s: %w", told, moved) // the load balancers only waited in vain
	}
	return steered
}

// balancers tells every load balancer the same, side by side.
func balancers(ctx context.Context, t *topology.Topology, hosts map[string]host.Host, q remote.Request) error {
	_, err := host.CallAll(ctx, hosts, t.Names(spec.LoadBalancer), func(string) remote.Request { return q })
	return err
}
