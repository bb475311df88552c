package apply

import (
	"context"
	"fmt"
	"strings"
	"time"

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
		return plan.State(fmt.Sprintf("draining, %d connections open", busy)), nil
	}
	return plan.State(place), nil
}

func (a rotation) do(ctx context.Context, s plan.Step) error {
	order := remote.Rotate{Backend: haproxyctl.BackendWeb, Server: strings.TrimPrefix(s.Resource, "rotation:"), State: haproxyctl.OrderReady}
	if server, err := a.Topology.Server(s.Server); err == nil && server.Role == spec.App {
		order.Backend = haproxyctl.BackendApp
	}
	if s.To == plan.State(plan.Drained) {
		order.State = haproxyctl.OrderDrain
	}
	if _, err := a.balancers(ctx, remote.Request{Rotate: &order}); err != nil || order.State != haproxyctl.OrderDrain {
		return err
	}
	if err := await(ctx, a, s, requestTime); err == nil || ctx.Err() != nil {
		return err
	}
	return a.end(ctx, s, order) // the requests have had their time
}

// requestTime is the longest that a request may take: HAProxy gives up a web server that
// is silent for as long, and one of the app tier before ("timeout server" in package
// component/haproxy). What a drained server has after it is a WebSocket, which may stay
// for hours, or a transfer, of which nobody knows the end.
const requestTime = 30 * time.Second

// end ends what a drained server still has, on every load balancer, and says so.
func (a rotation) end(ctx context.Context, s plan.Step, order remote.Rotate) error {
	order.End = true
	answers, err := a.balancers(ctx, remote.Request{Rotate: &order})
	if err != nil {
		return err
	}
	ended := 0
	for _, p := range answers {
		ended += p.Ended
	}
	if ended > 0 {
		a.Journal.Add(journal.Event{Event: journal.Note, Server: s.Server, Resource: s.Resource, Message: fmt.Sprintf(
			"%d connections of %s were ended, which were open after the %s that a request may take: WebSockets or long transfers", ended, order.Server, requestTime)})
	}
	return nil
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
