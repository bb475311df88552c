package graph

import (
	"fmt"
	"strconv"
	"strings"

	"scaleup/internal/spec"
)

var roleWord = map[spec.Role]string{
	spec.LoadBalancer: "load balancer", spec.Web: "web server", spec.App: "app server", spec.Database: "database server",
}

var titles = map[spec.Role]string{
	spec.LoadBalancer: "Load balancers", spec.Web: "Web servers", spec.App: "App servers", spec.Database: "Database servers",
}

var programs = map[spec.Role]string{
	spec.LoadBalancer: "HAProxy, keepalived", spec.Web: "Nginx", spec.App: "your program", spec.Database: "MySQL",
}

// works is how many servers of the tier do.
func (t Tier) works(planned bool) string {
	if planned {
		return strconv.Itoa(t.Servers) + " planned"
	}
	return fmt.Sprintf("%d of %d work", t.Working, t.Servers)
}

// stands is how many failures the tier stands.
func (t Tier) stands() string {
	switch {
	case t.Working == 0:
		return "the tier is down"
	case t.Spare == 0:
		return "none may fail"
	}
	return strconv.Itoa(t.Spare) + " may fail"
}

// heldBy says who holds an address.
func (n Node) heldBy() string {
	switch {
	case n.State == Planned:
		return "on " + strings.Join(n.Holders, ", ") + " first"
	case n.State == Held:
		return "held by " + n.Holders[0]
	case n.State == Unheld:
		return "✕ " + string(Unheld)
	}
	return "✕ held by " + strings.Join(n.Holders, ", ")
}

// summary is the picture in a few sentences.
func (g Graph) summary() string {
	said := []string{g.Verdict + "."}
	for _, n := range g.Nodes {
		if n.Kind == Address && n.Name != internalSQL {
			said = append(said, n.describe()+".")
		}
	}
	singles := g.Singles()
	if len(singles) == 0 {
		return strings.Join(append(said, "No single point of failure."), " ")
	}
	return strings.Join(append(said, "Single points of failure: "+strings.Join(singles, ", ")+"."), " ")
}

// describe says in words all that a card shows.
func (n Node) describe() string {
	switch n.Kind {
	case Users:
		return "Users, anywhere"
	case Address:
		said := fmt.Sprintf("%s %s %s, %s", plainName(n.Name), n.Address, n.portList(), strings.TrimPrefix(n.heldBy(), "✕ "))
		if n.Rate != nil {
			said += fmt.Sprintf(", takes %d %s", *n.Rate, n.Unit)
		}
		return said
	}
	said := []string{fmt.Sprintf("%s, %s, %s: %s", n.Name, roleWord[n.Role], n.Address, n.word())}
	for _, vip := range n.Holds {
		said = append(said, "holds the "+vip+" address")
	}
	for _, c := range n.Components {
		said = append(said, strings.Join(strings.Fields(c.Name+" "+c.Version+" "+c.State), " "))
	}
	if n.Slot != "" {
		said = append(said, "slot "+n.Slot)
	}
	if n.Single {
		said = append(said, "single point of failure")
	}
	return strings.Join(said, "; ")
}

// describe says in words what a line shows.
func (e Edge) describe() string {
	said := fmt.Sprintf("%s to %s: %s, %s", plainName(e.From), plainName(e.To), e.Label, e.Style)
	if e.Kind == VRRP {
		said = fmt.Sprintf("%s and %s: %s, %s", e.From, e.To, e.Label, e.Style)
	}
	if e.Rate != nil {
		said += fmt.Sprintf(", %d %s", *e.Rate, e.Unit)
	}
	if e.Lag != nil {
		said += fmt.Sprintf(", lag %d transactions", *e.Lag)
	}
	return said
}

// plainName is a node's name for a sentence.
func plainName(name string) string {
	switch name {
	case users:
		return "users"
	case publicWeb:
		return "public address"
	case internalApp, internalSQL:
		return "internal address"
	}
	return name
}

// details are the lines of a card below name and state: the address, then programs,
// those that do not run first. A program that runs and has no version is not told.
func details(n Node) []string {
	if n.Kind == Users {
		return nil
	}
	lines := []string{n.Address}
	var well []string
	for _, c := range n.Components {
		switch {
		case c.State != "running" && c.State != string(Planned):
			lines = append(lines, c.Name+" "+c.State)
		case c.Version != "":
			well = append(well, c.Name+" "+c.Version)
		case c.Name == "app" && n.Slot != "":
			well = append(well, "app, slot "+n.Slot)
		case n.State == Planned && c.Name != "firewall" && c.Name != "guard" && c.Name != "lb-agent":
			well = append(well, c.Name)
		}
	}
	return append(lines, well...)
}

// text of an edge's pill; "" for none.
func (e Edge) text() string {
	var words []string
	if e.Short != "" {
		words = append(words, e.Short)
	}
	if e.Rate != nil {
		words = append(words, brief(int64(*e.Rate))+"/s")
	}
	if e.Lag != nil {
		words = append(words, "lag "+brief(*e.Lag))
	}
	if e.Style == Broken && e.Kind != VRRP {
		words = nil // it has a cross
	}
	return strings.Join(words, " ")
}

// brief is a number for a pill, in thousands from ten thousand on; the line's title has
// it in full.
func brief(n int64) string {
	if n < 10_000 {
		return strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n/1000, 10) + "k"
}
