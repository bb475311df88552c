// Package graph is the picture of a site: who hands requests to whom, through which
// address, and how each server is. Plan makes it from the site file alone, Running from
// one look at the site; SVG, Mermaid, DOT and Text draw it. It is pure.
package graph

import (
	"slices"
	"strings"
	"time"

	"scaleup/internal/spec"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

// Graph is a site at one moment, or as it is meant to be.
type Graph struct {
	Schema  int       `json:"schema"`
	Site    string    `json:"site"`
	Planned bool      `json:"planned"`     // from the site file; nobody was asked
	At      time.Time `json:"at,omitzero"` // when the site was looked at
	Verdict string    `json:"verdict"`     // one sentence
	Healthy bool      `json:"healthy"`     // as status says; false of a plan
	Tiers   []Tier    `json:"tiers"`       // in the order requests pass them
	Nodes   []Node    `json:"nodes"`       // in reading order: as requests pass them
	Edges   []Edge    `json:"edges"`       // as requests pass them; replication last
}

// Tier counts the servers of a role.
type Tier struct {
	Role    spec.Role `json:"role"`
	Servers int       `json:"servers"`
	Working int       `json:"working"`
	Spare   int       `json:"spare"` // how many of the working ones may fail; see topology.Spare
}

// Kind of a node.
type Kind string

// The kinds of nodes.
const (
	Users   Kind = "users"
	Address Kind = "address" // a virtual address and port: a way through the load balancers
	Server  Kind = "server"
)

// Names of the nodes that are no servers. No server's name has a colon.
const (
	users       = "internet:users"
	publicWeb   = "public:443"
	internalApp = "internal:8080"
	internalSQL = "internal:3306"
)

// Node is a server, a virtual address or the users.
type Node struct {
	Name       string             `json:"name"`
	Kind       Kind               `json:"kind"`
	Role       spec.Role          `json:"role,omitempty"`    // of a server
	Address    string             `json:"address,omitempty"` // IPv4
	Ports      []int              `json:"ports,omitempty"`   // of an address
	State      State              `json:"state"`
	Duty       State              `json:"duty,omitempty"`    // planned: what the server is when it is up
	Slot       string             `json:"slot,omitempty"`    // app server: the slot that serves
	Components []status.Component `json:"components"`        // of a plan: names alone
	Holds      []string           `json:"holds,omitempty"`   // load balancer: public, internal
	Holders    []string           `json:"holders,omitempty"` // address: load balancers; more than one is a fault
	Rate       *int               `json:"rate,omitempty"`    // address: what comes in, in Unit; nil: not measured
	Unit       string             `json:"unit,omitempty"`    // req/s or conn/s, of the last second
	Single     bool               `json:"single_point"`      // its failure stops its tier
}

// Edge is a way that requests, or copies of data, take.
type Edge struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Kind  Kin    `json:"kind"`
	Label string `json:"label"`                      // protocol, and for what
	Short string `json:"-"`                          // what a picture writes on the line
	Rate  *int   `json:"rate,omitempty"`             // in Unit; nil: not measured
	Unit  string `json:"unit,omitempty"`             // req/s or conn/s, of the last second
	Lag   *int64 `json:"lag_transactions,omitempty"` // replication: received by the replica and not applied yet
	Style Style  `json:"style"`
}

// Kin is what an edge carries.
type Kin string

// The kinds of edges.
const (
	Requests    Kin = "requests"
	Replication Kin = "replication"
	VRRP        Kin = "vrrp" // between neighbours in the list; every load balancer hears every other
)

// Style is how an edge is drawn.
type Style string

// The styles.
const (
	Active  Style = "active"
	Standby Style = "standby" // there for when it is needed, or on its way out
	Broken  Style = "broken"
)

// Plan is the site as its file means it: every server works, the first load balancer
// holds the addresses and the first database server is the primary.
func Plan(t *topology.Topology) Graph {
	g := Graph{Schema: 1, Site: t.Site.Name, Planned: true, Verdict: "planned: as the site file says; no server was asked"}
	duty := map[spec.Role][2]State{
		spec.LoadBalancer: {Serving, Waiting}, spec.Web: {Serving, Serving}, spec.App: {Serving, Serving}, spec.Database: {Primary, Replica},
	}
	servers := map[string]Node{}
	for _, role := range spec.Roles {
		for i, s := range t.With(role) {
			n := serverNode(s)
			n.State, n.Duty = Planned, duty[role][min(i, 1)]
			for _, name := range status.Programs(role) {
				n.Components = append(n.Components, status.Component{Name: name, State: string(Planned)})
			}
			if role == spec.LoadBalancer && i == 0 {
				n.Holds = []string{"public", "internal"}
			}
			servers[s.Name] = n
		}
	}
	g.assemble(t, servers, nil)
	return g
}

func serverNode(s topology.Server) Node {
	return Node{Name: s.Name, Kind: Server, Role: s.Role, Address: s.Address.String(), Components: []status.Component{}}
}

// assemble puts tiers, nodes and edges together from the servers. seen is nil of a plan.
func (g *Graph) assemble(t *topology.Topology, servers map[string]Node, seen *traffic) {
	working := map[spec.Role]int{}
	holders := map[string][]string{}
	for _, s := range t.Servers {
		n := servers[s.Name]
		if n.State.Works() {
			working[s.Role]++
		}
		for _, vip := range n.Holds {
			holders[vip] = append(holders[vip], s.Name)
		}
	}
	for _, role := range spec.Roles {
		g.Tiers = append(g.Tiers, Tier{role, len(t.With(role)), working[role], topology.Spare(role, working[role])})
	}
	public, internal := t.Public.String(), t.Internal.String()
	g.Nodes = []Node{
		{Name: users, Kind: Users, State: Outside, Components: []status.Component{}},
		g.address(publicWeb, public, holders["public"], topology.PortHTTPS, topology.PortHTTP),
	}
	for _, tier := range g.Tiers {
		switch tier.Role {
		case spec.App:
			g.Nodes = append(g.Nodes, g.address(internalApp, internal, holders["internal"], topology.PortApp))
		case spec.Database:
			g.Nodes = append(g.Nodes, g.address(internalSQL, internal, holders["internal"], topology.PortMySQL, topology.PortMySQLRead))
		}
		for _, s := range t.With(tier.Role) {
			n := servers[s.Name]
			n.Single = n.State.Works() && tier.Spare == 0
			g.Nodes = append(g.Nodes, n)
		}
	}
	seen.measure(g.Nodes)
	g.Edges = edges{Graph: g, seen: seen}.all()
}

func (g *Graph) address(name, address string, holders []string, ports ...int) Node {
	n := Node{Name: name, Kind: Address, Address: address, Ports: ports, Holders: holders, State: Held, Components: []status.Component{}}
	switch {
	case g.Planned:
		n.State, n.Duty = Planned, Held
	case len(holders) == 0:
		n.State = Unheld
	case len(holders) > 1:
		n.State = Contested
	}
	return n
}

// with are the servers of a role.
func (g *Graph) with(r spec.Role) []Node {
	var nodes []Node
	for _, n := range g.Nodes {
		if n.Kind == Server && n.Role == r {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// node finds a node that is there.
func (g *Graph) node(name string) Node {
	return g.Nodes[slices.IndexFunc(g.Nodes, func(n Node) bool { return n.Name == name })]
}

// Singles names the single points of failure, in reading order.
func (g *Graph) Singles() []string {
	names := []string{}
	for _, n := range g.Nodes {
		if n.Single {
			names = append(names, n.Name)
		}
	}
	return names
}

// state of the site as a whole.
func (g *Graph) state() State {
	switch {
	case g.Planned:
		return Planned
	case g.Healthy:
		return Serving
	}
	return Failing
}

// is what a server is, or of a plan what it will be.
func (n Node) is() State {
	if n.Duty != "" {
		return n.Duty
	}
	return n.State
}

// word is the state in words.
func (n Node) word() string { return strings.TrimSpace(string(n.State) + " " + string(n.Duty)) }
