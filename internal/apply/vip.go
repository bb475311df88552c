package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaleup/internal/haproxyctl"
	"scaleup/internal/journal"
	"scaleup/internal/plan"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
)

// vip moves the virtual addresses away from a load balancer and lets it stand by
// again.
type vip struct{ *Runner }

// standing is how the load balancers stand to each other.
type standing struct {
	holder string                      // who holds the addresses, "" for nobody
	views  map[string]*remote.Balancer // what each says of itself and of all servers
}

func (a vip) look(ctx context.Context) (standing, error) {
	answers, err := a.balancers(ctx, remote.Request{Facts: true, Balancer: true})
	if err != nil {
		return standing{}, err
	}
	now := standing{views: map[string]*remote.Balancer{}}
	for i, lb := range a.Topology.With(spec.LoadBalancer) {
		if answers[i].Facts.InterfaceOf(a.Topology.Public.String()) != "" {
			now.holder = lb.Name
		}
		now.views[lb.Name] = answers[i].Balancer
	}
	return now, nil
}

func (a vip) observe(ctx context.Context, s plan.Step) (plan.State, error) {
	now, err := a.look(ctx)
	if err != nil {
		return "", err
	}
	switch s.Action {
	case plan.Move:
		// Told to stay away, too, so that it does not come back in between.
		if now.holder != "" && now.holder != s.Server && now.views[s.Server].Yielding {
			return s.To, nil
		}
	case plan.Return:
		return now.standsBy(s.Server, s.To), nil
	case plan.Wait:
		if now.holder != "" {
			return s.To, nil
		}
	}
	return plan.State(now.holder), nil
}

// standsBy is the state of a load balancer that returns: ready, or what it lacks.
// One whose HAProxy was started anew has to find out first who is alive.
func (n standing) standsBy(server string, ready plan.State) plan.State {
	own := n.views[server]
	switch {
	case own.Yielding:
		return "standing aside"
	case !own.Fit:
		return "HAProxy does not serve"
	case n.holder == "" || n.holder == server:
		return ready
	}
	if unseen := notUp(own.Servers, n.views[n.holder].Servers); len(unseen) > 0 {
		return plan.State(fmt.Sprintf("does not see %s up yet, which %s does", strings.Join(unseen, ", "), n.holder))
	}
	return ready
}

// notUp names the servers that another load balancer sees up and this one, which
// knows them, does not.
func notUp(own, other []haproxyctl.Server) []string {
	up := map[string]bool{}
	for _, s := range other {
		up[s.Backend+"/"+s.Name] = s.State == haproxyctl.Up
	}
	var names []string
	for _, s := range own {
		if name := s.Backend + "/" + s.Name; up[name] && s.State != haproxyctl.Up {
			names = append(names, name)
		}
	}
	return names
}

func (a vip) do(ctx context.Context, s plan.Step) error {
	switch s.Action {
	case plan.Return:
		_, err := a.Hosts[s.Server].Call(ctx, remote.Request{StandBy: true})
		return err
	case plan.Move:
		return a.handOver(ctx, s)
	default: // a wait
		return nil
	}
}

// handOver has a load balancer give the addresses away, if somebody is there to
// take them.
func (a vip) handOver(ctx context.Context, s plan.Step) error {
	now, err := a.look(ctx)
	if err != nil {
		return err
	}
	if err := now.successor(s.Server); err != nil {
		return err
	}
	p, err := a.Hosts[s.Server].Call(ctx, remote.Request{HandOver: &remote.HandOver{Public: a.Topology.Public, Internal: a.Topology.Internal}})
	if err != nil {
		return err
	}
	if message := inWords(p.HandedOver); message != "" {
		a.Journal.Add(journal.Event{Event: journal.Note, Server: s.Server, Resource: s.Resource, Message: message})
	}
	return nil
}

// successor makes sure that another load balancer would take the addresses.
func (n standing) successor(server string) error {
	var why []string
	for name, view := range n.views {
		switch {
		case name == server:
		case view.Yielding:
			why = append(why, name+" was told to keep away")
		case !view.Fit:
			why = append(why, name+" does not serve")
		default:
			return nil
		}
	}
	slices.Sort(why)
	return fmt.Errorf("no other load balancer can take the addresses from %s (%s); see scaleup status", server, strings.Join(why, ", "))
}

// inWords tells what is worth telling of a hand-over, which took effect if there
// was one at all.
func inWords(h *remote.HandedOver) string {
	switch {
	case h == nil || h.Paused == 0:
		return "" // it did not hold them
	case h.Abrupt != "":
		return fmt.Sprintf("the addresses moved, but %d connections were cut: %s", h.Open, h.Abrupt)
	case h.Open > 0:
		return fmt.Sprintf("the addresses moved; new connections waited %s, and %d that did not end by themselves were cut", h.Paused.Round(time.Millisecond), h.Open)
	default:
		return fmt.Sprintf("the addresses moved; new connections waited %s, and every other had ended", h.Paused.Round(time.Millisecond))
	}
}
