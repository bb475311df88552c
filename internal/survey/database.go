package survey

import (
	"context"
	"fmt"
	"slices"

	"scaleup/internal/component"
	"scaleup/internal/component/all"
	"scaleup/internal/facts"
	"scaleup/internal/plan"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
	"scaleup/internal/topology"
)

// TakeDatabase surveys only the named database servers, for the recovery of a group
// while others do not answer. What each should hold is rendered from the whole site;
// nothing is known of the other tiers afterwards, so only plan.Recover may use it.
func TakeDatabase(ctx context.Context, in Input, servers []string) (*Survey, error) {
	asked := in
	part := *in.Topology
	part.Servers = slices.DeleteFunc(slices.Clone(part.Servers), func(s topology.Server) bool { return !slices.Contains(servers, s.Name) })
	asked.Topology = &part
	first, err := askAll(ctx, asked, func(s topology.Server) remote.Request { return firstQuestion(in.Topology.Site, s) })
	if err != nil {
		return nil, err
	}
	s := &Survey{Facts: map[string]facts.Facts{}, Desired: plan.Desired{Topology: in.Topology}}
	wanted := map[string][]resource.Resource{}
	for _, server := range part.Servers {
		f := *first[server.Name].Facts
		if err := supported(server.Name, f); err != nil {
			return nil, err
		}
		s.Facts[server.Name] = f
		owned, err := all.For(component.Input{Topology: in.Topology, Server: server, Facts: f, Secrets: in.Secrets, Releases: in.Releases, Binary: in.Binary})
		if err != nil {
			return nil, fmt.Errorf("render %s: %w", server.Name, err)
		}
		for _, o := range owned {
			s.Desired.Items = append(s.Desired.Items, plan.Item{Server: server.Name, Component: o.Component, Spec: o.Spec})
			wanted[server.Name] = append(wanted[server.Name], resource.Resource{Spec: o.Spec})
		}
	}
	second, err := askAll(ctx, asked, func(server topology.Server) remote.Request { return remote.Request{Observe: wanted[server.Name]} })
	if err != nil {
		return nil, err
	}
	s.Observed = plan.Observed{States: map[string]map[string]plan.State{}, Primary: Primary(in.Topology, first)}
	for name, p := range second {
		s.Observed.States[name] = p.States
	}
	return s, nil
}
