package survey

import (
	"context"
	"slices"

	"scaleup/internal/facts"
	"scaleup/internal/plan"
	"scaleup/internal/remote"
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
	for _, server := range part.Servers {
		f := *first[server.Name].Facts
		if err := Supported(server.Name, f); err != nil {
			return nil, err
		}
		s.Facts[server.Name] = f
		items, err := render(in, server, f, nil)
		if err != nil {
			return nil, err
		}
		s.Desired.Items = append(s.Desired.Items, items...)
	}
	second, err := observe(ctx, asked, s.Desired.Items)
	if err != nil {
		return nil, err
	}
	s.Observed = plan.Observed{States: map[string]map[string]plan.State{}, Primary: Primary(in.Topology, first)}
	for name, p := range second {
		s.Observed.States[name] = p.States
	}
	return s, nil
}
