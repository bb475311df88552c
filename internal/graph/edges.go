package graph

import (
	"slices"

	"scaleup/internal/spec"
)

// edges finds who hands what to whom.
type edges struct {
	*Graph
	seen *traffic
}

func (e edges) all() []Edge {
	return slices.Concat(e.entry(), e.vrrp(), e.toWeb(), e.toApp(), e.toDatabase(), e.replication())
}

func (e edges) requests(from, to, label string, style Style) Edge {
	return Edge{From: from, To: to, Kind: Requests, Label: label, Style: style}
}

// measured puts a rate on an edge that carries something.
func measured(edge Edge, rate *int, unit string) Edge {
	if rate != nil && edge.Style != Broken {
		edge.Rate, edge.Unit = rate, unit
	}
	return edge
}

// entry leads the users to the public address, and it to whoever holds it.
func (e edges) entry() []Edge {
	gate := e.node(publicWeb)
	all := []Edge{measured(e.requests(users, publicWeb, "HTTPS", gate.passes()), gate.Rate, requestsPerSecond)}
	for _, lb := range e.with(spec.LoadBalancer) {
		style := Broken
		switch {
		case slices.Contains(lb.Holds, "public"):
			style = lb.carries()
		case lb.State.Works():
			style = Standby
		}
		all = append(all, e.requests(publicWeb, lb.Name, "HTTPS", style))
	}
	return all
}

// carries is the style of what goes through the holder of an address, which may have
// kept it although its HAProxy is gone.
func (n Node) carries() Style {
	if n.receives() == Broken {
		return Broken
	}
	return Active
}

// passes is the style of what goes to or through an address.
func (n Node) passes() Style {
	if n.State == Unheld {
		return Broken
	}
	return Active
}

// vrrp joins each load balancer with the next.
func (e edges) vrrp() []Edge {
	var all []Edge
	lbs := e.with(spec.LoadBalancer)
	for i := 1; i < len(lbs); i++ {
		edge := Edge{From: lbs[i-1].Name, To: lbs[i].Name, Kind: VRRP, Label: "VRRP", Style: Active}
		for _, lb := range lbs[i-1 : i+1] {
			if lb.State == Down || lb.State == Unreachable {
				edge.Style = Broken
			}
		}
		all = append(all, edge)
	}
	return all
}

// receives is the style of an edge to a server.
func (n Node) receives() Style {
	switch {
	case n.State.Works():
		return Active
	case n.State == Draining:
		return Standby
	}
	return Broken
}

// toWeb leads from the holders to the web servers. While nobody holds the public
// address, the way is there from every load balancer, and broken.
func (e edges) toWeb() []Edge {
	var all []Edge
	held := len(e.node(publicWeb).Holders) > 0
	for _, lb := range e.with(spec.LoadBalancer) {
		if held && !slices.Contains(lb.Holds, "public") {
			continue
		}
		for _, web := range e.with(spec.Web) {
			edge := e.requests(lb.Name, web.Name, "HTTP", web.receives())
			if !held || lb.carries() == Broken {
				edge.Style = Broken
			}
			all = append(all, measured(edge, e.seen.given(web.Name, webBackends...), requestsPerSecond))
		}
	}
	return all
}

// senders lead from the servers of a tier that ask for anything to an address.
func (e edges) senders(r spec.Role, gate, label string) []Edge {
	var all []Edge
	for _, n := range e.with(r) {
		if n.receives() == Broken {
			continue
		}
		style := n.receives()
		if e.node(gate).passes() == Broken {
			style = Broken
		}
		all = append(all, e.requests(n.Name, gate, label, style))
	}
	return all
}

func (e edges) toApp() []Edge {
	all := e.senders(spec.Web, internalApp, "HTTP")
	for _, app := range e.with(spec.App) {
		edge := e.requests(internalApp, app.Name, "HTTP", app.receives())
		if e.node(internalApp).passes() == Broken {
			edge.Style = Broken
		}
		slots := sum(e.seen.given(app.Name+"-a", "app"), e.seen.given(app.Name+"-b", "app"))
		all = append(all, measured(edge, slots, requestsPerSecond))
	}
	return all
}

func sum(a, b *int) *int {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	both := *a + *b
	return &both
}

const (
	sql  = "MySQL over TLS"
	both = "both" // writes and reads
)

// toDatabase leads writes to the primary and reads to the replicas, or while none takes
// them, to the primary, too.
func (e edges) toDatabase() []Edge {
	all := e.senders(spec.App, internalSQL, sql)
	members := e.with(spec.Database)
	read := slices.ContainsFunc(members, func(n Node) bool { return n.is() == Replica && e.readable(n) })
	for _, db := range members {
		edge := e.requests(internalSQL, db.Name, sql, db.receives())
		backends := readBackends
		switch {
		case db.is() == Primary && read:
			edge.Short, backends = "writes", []string{"mysql_primary"}
		case db.is() == Primary:
			edge.Short, backends = both, []string{"mysql_primary", "mysql_replica", "mysql_readable"}
		case db.is() == Replica:
			edge.Short = "reads"
			if !e.readable(db) {
				edge.Style = Standby
			}
		}
		if purpose := edge.purpose(); purpose != "" {
			edge.Label += ": " + purpose
		}
		if e.node(internalSQL).passes() == Broken {
			edge.Style = Broken
		}
		all = append(all, measured(edge, e.seen.given(db.Name, backends...), connectionsPerSecond))
	}
	return all
}

// purpose of an edge to a database server.
func (e Edge) purpose() string {
	if e.Short == both {
		return "writes and reads"
	}
	return e.Short
}

// readable reports whether the load balancers send reads to a replica: it is in the
// group, and not too far behind. Nobody knows it of a plan, or without HAProxy's word.
func (e edges) readable(n Node) bool {
	if e.seen == nil {
		return true
	}
	up, known := e.seen.up[[2]string{"mysql_replica", n.Name}]
	return up || !known
}

// replication leads from the primary to every other member.
func (e edges) replication() []Edge {
	var all []Edge
	members := e.with(spec.Database)
	primary := slices.IndexFunc(members, func(n Node) bool { return n.is() == Primary })
	if primary < 0 {
		return nil
	}
	for _, db := range members {
		if db.is() == Primary {
			continue
		}
		edge := Edge{From: members[primary].Name, To: db.Name, Kind: Replication, Label: "Group Replication over TLS", Style: Active}
		switch {
		case db.State == "recovering":
			edge.Style = Standby
		case !db.State.Works():
			edge.Style = Broken
		}
		if e.seen != nil && edge.Style == Active {
			lag := e.seen.members[db.Name]
			edge.Lag = &lag
		}
		all = append(all, edge)
	}
	return all
}
