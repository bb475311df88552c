package graph

import (
	"fmt"
	"strconv"
	"strings"
)

// Mermaid is the graph as a Mermaid flowchart.
func Mermaid(g Graph) string {
	p := &paper{}
	p.put("flowchart LR")
	p.put("  accTitle: %s", oneLine("Servers of "+g.Site))
	p.put("  accDescr: %s", oneLine(g.summary()))
	ids := map[string]string{}
	for i, n := range g.Nodes {
		ids[n.Name] = "n" + strconv.Itoa(i)
	}
	g.clusters(func(title string, nodes []Node) {
		indent := "  "
		if title != "" {
			p.put("  subgraph %s[%s]", "tier"+ids[nodes[0].Name], mermaidText([]string{title}))
			indent = "    "
		}
		for _, n := range nodes {
			left, right := "[", "]"
			if n.Kind != Server {
				left, right = "([", "])"
			}
			p.put("%s%s%s%s%s:::%s", indent, ids[n.Name], left, mermaidText(n.caption()), right, n.class())
		}
		if title != "" {
			p.put("  end")
		}
	})
	for _, e := range g.Edges {
		p.put("  %s %s|%s| %s", ids[e.From], mermaidArrow(e), mermaidText([]string{e.caption()}), ids[e.To])
	}
	// Fill, line and text are dark on light in either theme of the viewer.
	p.put("  classDef good fill:#eaf6ee,stroke:#0f6b35,color:#1a1f26")
	p.put("  classDef idle fill:#f6f7f9,stroke:#56606c,color:#1a1f26")
	p.put("  classDef warn fill:#fdf3e3,stroke:#8a4b00,color:#1a1f26")
	p.put("  classDef bad fill:#fdecea,stroke:#b3261e,color:#1a1f26,stroke-width:3px")
	p.put("  classDef single fill:#fdf3e3,stroke:#8a4b00,color:#1a1f26,stroke-width:4px,stroke-dasharray:6 4")
	return p.String()
}

func mermaidArrow(e Edge) string {
	switch {
	case e.Style == Broken:
		return "--x"
	case e.Kind == VRRP:
		return "-.-"
	case e.Style == Standby || e.Kind == Replication:
		return "-.->"
	}
	return "-->"
}

// mermaidText quotes lines of text. Mermaid knows no backslash, but entities by number.
func mermaidText(lines []string) string {
	quoted := make([]string, len(lines))
	for i, l := range lines {
		var b strings.Builder
		for _, r := range oneLine(l) {
			if strings.ContainsRune("\"&<>#`;\\", r) {
				fmt.Fprintf(&b, "#%d;", r)
			} else {
				b.WriteRune(r)
			}
		}
		quoted[i] = b.String()
	}
	return `"` + strings.Join(quoted, "<br/>") + `"`
}

// DOT is the graph in the language of Graphviz.
func DOT(g Graph) string {
	p := &paper{}
	p.put("digraph site {")
	p.put("  rankdir=LR; nodesep=0.4; ranksep=0.9;")
	p.put("  label=%s; labelloc=t;", dotText([]string{g.Site, g.Verdict}))
	p.put("  node [shape=box, fontname=\"Helvetica\", fontsize=11];")
	p.put("  edge [fontname=\"Helvetica\", fontsize=9];")
	tier := 0
	g.clusters(func(title string, nodes []Node) {
		indent := "  "
		if title != "" {
			p.put("  subgraph cluster_%d {", tier)
			p.put("    label=%s; style=rounded; color=\"#d3d9e0\";", dotText([]string{title}))
			tier++
			indent = "    "
		}
		for _, n := range nodes {
			p.put("%s%s [label=%s, %s];", indent, dotText([]string{n.Name}), dotText(n.caption()), dotLook(n))
		}
		if title != "" {
			p.put("  }")
		}
	})
	for _, e := range g.Edges {
		p.put("  %s -> %s [label=%s%s];", dotText([]string{e.From}), dotText([]string{e.To}), dotText([]string{e.caption()}), dotStyle(e))
	}
	p.put("}")
	return p.String()
}

func dotLook(n Node) string {
	look := fmt.Sprintf("color=%q", map[tone]string{good: "#0f6b35", idle: "#56606c", warn: "#8a4b00", bad: "#b3261e"}[n.State.tone()])
	if n.Kind != Server {
		look += ", shape=oval"
	}
	if n.Single {
		return look + ", style=dashed, penwidth=3"
	}
	return look
}

func dotStyle(e Edge) string {
	style := ""
	switch e.Style {
	case Standby:
		style = ", style=dashed"
	case Broken:
		style = ", style=dotted, color=\"#b3261e\", arrowhead=tee"
	}
	switch e.Kind {
	case VRRP:
		style += ", dir=none, constraint=false"
	case Replication:
		style += ", constraint=false"
	}
	return style
}

var dotEscape = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// dotText quotes lines of text.
func dotText(lines []string) string {
	quoted := make([]string, len(lines))
	for i, l := range lines {
		quoted[i] = dotEscape.Replace(oneLine(l))
	}
	return `"` + strings.Join(quoted, `\n`) + `"`
}

// clusters goes through the nodes in reading order: the servers of a tier together, with
// its title, and the others one by one.
func (g Graph) clusters(do func(title string, nodes []Node)) {
	done := map[string]bool{}
	for _, n := range g.Nodes {
		switch title := titles[n.Role]; {
		case title == "":
			do("", []Node{n})
		case !done[title]:
			done[title] = true
			do(title, g.with(n.Role))
		}
	}
}

// class of a node in a flowchart.
func (n Node) class() string {
	if n.Single {
		return "single"
	}
	return string(n.State.tone())
}

// caption is what a node's box says, line by line.
func (n Node) caption() []string {
	switch n.Kind {
	case Users:
		return []string{"Users"}
	case Address:
		said := []string{plainName(n.Name), n.Address + " " + n.portList(), n.heldBy()}
		if n.Rate != nil {
			said = append(said, fmt.Sprintf("%d %s", *n.Rate, n.Unit))
		}
		return said
	}
	said := []string{n.Name, n.State.Symbol() + " " + n.word()}
	if n.Single {
		said[0] += " " + spof
	}
	said = append(said, details(n)...)
	for _, vip := range n.Holds {
		said = append(said, "holds the "+vip+" address")
	}
	return said
}

func (n Node) portList() string {
	ports := make([]string, len(n.Ports))
	for i, p := range n.Ports {
		ports[i] = ":" + strconv.Itoa(p)
	}
	return strings.Join(ports, ", ")
}

// caption is what an edge's label says.
func (e Edge) caption() string {
	said := e.Label
	if e.Rate != nil {
		said += fmt.Sprintf(", %d %s", *e.Rate, e.Unit)
	}
	if e.Lag != nil {
		said += fmt.Sprintf(", lag %d", *e.Lag)
	}
	if e.Style != Active {
		said += ", " + string(e.Style)
	}
	return said
}

// oneLine replaces what would break a line or steer a terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}
