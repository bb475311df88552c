package apply

import (
	"context"
	"fmt"
	"strings"

	"scaleup/internal/haproxyctl"
	"scaleup/internal/host"
	"scaleup/internal/journal"
	"scaleup/internal/plan"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/survey"
	"scaleup/internal/switchover"
)

// actorFor finds who handles a site resource: something several servers hold
// together.
func (r *Runner) actorFor(s plan.Step) (actor, error) {
	switch kind, _, _ := strings.Cut(s.Resource, ":"); kind {
	case "rotation":
		return rotation{r}, nil
	case "vip":
		return vip{r}, nil
	case "primary":
		return primary{r}, nil
	case "member":
		return member{r, new(string)}, nil
	case "reboot":
		return reboot{r}, nil
	default:
		return nil, fmt.Errorf("the plan names %s, which nothing here can do", s.Resource)
	}
}

// balancers asks every load balancer the same, side by side, in their order.
func (r *Runner) balancers(ctx context.Context, q remote.Request) ([]remote.Response, error) {
	return host.CallAll(ctx, r.Hosts, r.Topology.Names(spec.LoadBalancer), func(string) remote.Request { return q })
}

// rotation takes a backend server out of every load balancer and puts it back.
type rotation struct{ *Runner }

func (a rotation) observe(ctx context.Context, s plan.Step) (plan.State, error) {
	answers, err := a.balancers(ctx, remote.Request{Balancer: true})
	if err != nil {
		return "", err
	}
	name := strings.TrimPrefix(s.Resource, "rotation:")
	var views [][]haproxyctl.Server
	busy := 0
	for _, p := range answers {
		views = append(views, p.Balancer.Servers)
		for _, server := range p.Balancer.Servers {
			if server.Name == name {
				busy += server.Sessions
			}
		}
	}
	place := survey.Rotation(views)[name]
	if place == plan.Drained && s.To == plan.State(plan.Drained) && busy > 0 {
		return plan.State(fmt.Sprintf("draining, %d requests in flight", busy)), nil
	}
	return plan.State(place), nil
}

func (a rotation) do(ctx context.Context, s plan.Step) error {
	name := strings.TrimPrefix(s.Resource, "rotation:")
	backend := "web"
	if server, err := a.Topology.Server(s.Server); err == nil && server.Role == spec.App {
		backend = "app"
	}
	state := haproxyctl.OrderReady
	if s.To == plan.State(plan.Drained) {
		state = haproxyctl.OrderDrain
	}
	_, err := a.balancers(ctx, remote.Request{Rotate: &remote.Rotate{Backend: backend, Server: name, State: state}})
	return err
}

// primary moves the database's primary away from a server: the step's own, or one
// that the site file does not name any more, of which another member is told.
type primary struct{ *Runner }

func (a primary) observe(ctx context.Context, s plan.Step) (plan.State, error) {
	group, err := a.group(ctx, s.Server)
	if err != nil {
		return "", err
	}
	if group.Primary != "" && group.Primary != plan.AwayFrom(s.To) {
		return s.To, nil
	}
	return plan.State(group.Primary), nil
}

func (a primary) do(ctx context.Context, s plan.Step) error {
	move, err := switchover.Next(ctx, a.Topology, a.Hosts, "")
	if err != nil {
		return err
	}
	if move.From != plan.AwayFrom(s.To) { // it has moved since
		return nil
	}
	return switchover.Run(ctx, a.Topology, a.Hosts, *move)
}

func (r *Runner) group(ctx context.Context, server string) (survey.Group, error) {
	s, err := r.Topology.Server(server)
	if err != nil {
		return survey.Group{}, err
	}
	p, err := r.Hosts[server].Call(ctx, remote.Request{Member: survey.StatusURL(s)})
	if err != nil {
		return survey.Group{}, err
	}
	group, _ := survey.GroupOf(p)
	return group, nil
}

// member waits until a database member is ONLINE, and tells what its guard says
// meanwhile.
type member struct {
	*Runner
	told *string // the guard's last message
}

func (a member) observe(ctx context.Context, s plan.Step) (plan.State, error) {
	group, err := a.group(ctx, s.Server)
	if err != nil {
		return "", err
	}
	if group.State != "ONLINE" && group.Message != "" && group.Message != *a.told {
		*a.told = group.Message
		a.Journal.Add(journal.Event{Event: journal.Note, Server: s.Server, Resource: s.Resource, Message: group.State + ": " + group.Message})
	}
	return plan.State(group.State), nil
}

func (a member) do(context.Context, plan.Step) error { return nil }
