package graph

import (
	"fmt"
	"strconv"
	"strings"
)

// columns is the widest line of Text.
const columns = 100

// spof marks a single point of failure, in every format.
const spof = "SPOF"

// Text is the graph for a terminal, tier below tier, without colour: each state is a
// word and a shape.
func Text(g Graph) string {
	p := &paper{}
	p.row("%s", g.Site)
	p.row("%s %s", g.state().Symbol(), g.Verdict)
	if !g.At.IsZero() {
		p.row("%s; rates are of the second before", g.At.Format("2006-01-02 15:04:05 UTC"))
	}
	p.row("")
	name, word, single := 0, 0, 0
	for _, n := range g.Nodes {
		if n.Kind == Server {
			name, word = max(name, len(n.Name)), max(word, len(n.word()))
			if n.Single {
				single = len(spof)
			}
		}
	}
	p.row("Users")
	for _, t := range g.Tiers {
		nodes := g.with(t.Role)
		p.way(g.gateOf(nodes[0]))
		p.row("%s: %s, %s", titles[t.Role], t.works(g.Planned), t.stands())
		for _, n := range nodes {
			mark := ""
			if n.Single {
				mark = spof
			}
			p.row("  %s %-*s  %-*s  %-*s  %-15s  %s", n.State.Symbol(), name, n.Name, word, n.word(), single, mark, n.Address, strings.Join(g.notes(n), ", "))
		}
	}
	p.row("")
	if singles := g.Singles(); len(singles) > 0 {
		p.row("Single points of failure (SPOF): %s", strings.Join(singles, ", "))
	} else {
		p.row("No single point of failure.")
	}
	return p.String()
}

// row writes a line that fits.
func (p *paper) row(format string, args ...any) {
	runes := []rune(strings.TrimRight(oneLine(fmt.Sprintf(format, args...)), " "))
	if len(runes) > columns {
		runes = append(runes[:columns-1], '…')
	}
	p.put("%s", string(runes))
}

// gateOf is the address through which a server is reached; ok is false where it is the
// load balancers themselves who ask.
func (g Graph) gateOf(n Node) (gate Node, ok bool) {
	for _, e := range g.Edges {
		if from := g.node(e.From); e.To == n.Name && from.Kind == Address {
			return from, true
		}
	}
	return Node{}, false
}

// way writes how one gets from the tier above to the one below.
func (p *paper) way(gate Node, through bool) {
	said := "HTTP :80"
	if through {
		said = fmt.Sprintf("%s: %s %s, %s", gateProtocol[gate.Name], plainName(gate.Name), gate.Address+gatePorts[gate.Name], gate.heldBy())
		if gate.Rate != nil {
			said += fmt.Sprintf(", %d %s", *gate.Rate, gate.Unit)
		}
	}
	p.row("  │")
	p.row("  ▼ %s", said)
}

var (
	gateProtocol = map[string]string{publicWeb: "HTTPS", internalApp: "HTTP", internalSQL: "MySQL over TLS"}
	gatePorts    = map[string]string{publicWeb: ":443", internalApp: ":8080", internalSQL: ":3306 (reads :3307)"}
)

// notes are the rest of a server's row: what it is given, what it holds, what runs.
func (g Graph) notes(n Node) []string {
	var said []string
	if len(n.Holds) > 0 {
		said = append(said, "holds "+strings.Join(n.Holds, " + "))
	}
	for _, e := range g.Edges {
		switch {
		case e.To != n.Name:
		case e.Kind == Replication && e.Lag != nil:
			said = append(said, "lag "+strconv.FormatInt(*e.Lag, 10))
		case e.Kind == Replication && e.Style == Broken:
			said = append(said, "replication broken")
		case e.Rate != nil:
			said = append(said, strings.TrimSpace(fmt.Sprintf("%s %d %s", e.purpose(), *e.Rate, e.Unit)))
		}
	}
	return append(said, details(n)[1:]...)
}
