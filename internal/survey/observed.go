package survey

import (
	"encoding/json"
	"slices"

	"scaleup/internal/haproxyctl"
	"scaleup/internal/plan"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

func observed(t *topology.Topology, first, second map[string]remote.Response) plan.Observed {
	got := plan.Observed{States: map[string]map[string]plan.State{}, Boots: map[string]plan.State{}, Primary: Primary(t, first), Members: members(t, first)}
	var views [][]haproxyctl.Server
	for _, s := range t.Servers {
		got.States[s.Name] = second[s.Name].States
		got.Boots[s.Name] = plan.State(first[s.Name].Facts.BootID)
		if s.Role != spec.LoadBalancer {
			continue
		}
		p := first[s.Name]
		if got.Holder == "" && p.Facts.InterfaceOf(t.Public.String()) != "" {
			got.Holder = s.Name
		}
		if p.Balancer.Yielding {
			got.Yielding = append(got.Yielding, s.Name)
		}
		views = append(views, p.Balancer.Servers)
	}
	got.Rotation = Rotation(views)
	return got
}

// Rotation sums up what all load balancers say of each backend server: it is
// ready only if it is so in every one of them.
func Rotation(views [][]haproxyctl.Server) map[string]plan.Rotation {
	rotation := map[string]plan.Rotation{}
	seen := map[string]int{}
	for _, view := range views {
		for _, s := range view {
			if s.Backend != "web" && s.Backend != "app" {
				continue
			}
			seen[s.Name]++
			rotation[s.Name] = worse(rotation[s.Name], placeOf(s))
		}
	}
	for name, n := range seen {
		if n < len(views) {
			rotation[name] = plan.Unknown
		}
	}
	return rotation
}

func placeOf(s haproxyctl.Server) plan.Rotation {
	switch s.State {
	case haproxyctl.Up:
		return plan.Ready
	case haproxyctl.Down:
		return plan.Down
	default:
		return plan.Drained
	}
}

func worse(a, b plan.Rotation) plan.Rotation {
	rank := map[plan.Rotation]int{"": 0, plan.Ready: 1, plan.Down: 2, plan.Drained: 3, plan.Unknown: 4}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// Group is what a guard says of the database group.
type Group struct {
	State   string        `json:"state"` // of its own member
	Role    string        `json:"role"`
	Primary string        `json:"primary"` // server name
	Epoch   uint64        `json:"epoch"`   // counts how often the group was formed
	View    string        `json:"view"`    // Group Replication's identifier of the view
	Members []GroupMember `json:"members"`
	Message string        `json:"message"`
	Lag     int64         `json:"lag_transactions"` // transactions received and not applied yet
	Version string        `json:"mysql_version"`
	Voters  []string      `json:"voters"` // every database server of the site, as the guard is configured
}

// GroupMember is one member as another sees it, in MySQL's own words.
type GroupMember struct {
	Server string `json:"server"`
	State  string `json:"state"`
	Role   string `json:"role"`
}

// GroupOf reads a guard's answer; ok is false when there was none.
func GroupOf(p remote.Response) (group Group, ok bool) {
	if len(p.Member) == 0 || json.Unmarshal(p.Member, &group) != nil {
		return Group{}, false
	}
	return group, true
}

// members are the database servers of the site as its guards know them, sorted:
// those they are configured with, and those in the group.
func members(t *topology.Topology, answers map[string]remote.Response) []string {
	var names []string
	for _, s := range t.With(spec.Database) {
		g, _ := GroupOf(answers[s.Name]) // without an answer it is empty
		names = append(names, g.Voters...)
		for _, m := range g.Members {
			names = append(names, m.Server)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Primary is the primary by the word of who has the newest view, "" when nobody names one;
// see Newest.
func Primary(t *topology.Topology, answers map[string]remote.Response) string {
	newest, _ := Newest(t.Names(spec.Database), Groups(t, answers))
	return newest.Primary
}

// Groups are the answers of the guards, as far as there are any.
func Groups(t *topology.Topology, answers map[string]remote.Response) map[string]Group {
	groups := map[string]Group{}
	for _, name := range t.Names(spec.Database) {
		if g, ok := GroupOf(answers[name]); ok {
			groups[name] = g
		}
	}
	return groups
}
