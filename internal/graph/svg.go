package graph

import (
	_ "embed"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

//go:embed svg.css
var style string

// SVG is the picture: without scripts and references to anything outside of it, light or
// dark as its viewer prefers, and a list of lists to those who have it read to them.
func SVG(g Graph) string {
	d := lay(g)
	p := &paper{}
	p.put(`<svg xmlns="http://www.w3.org/2000/svg" class="scaleup-graph" width="%d" height="%d" viewBox="0 0 %d %d" role="group" aria-labelledby="scaleup-title scaleup-desc">`, d.w, d.h, d.w, d.h)
	p.put(`<title id="scaleup-title">%s</title>`, escape("Servers of "+g.Site+" and the ways between them"))
	p.put(`<desc id="scaleup-desc">%s</desc>`, escape(g.summary()))
	p.put("<style>\n%s</style>", style)
	p.put(`<defs><pattern id="scaleup-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="stripe" d="M1 0V6"/></pattern></defs>`)
	p.put(`<rect class="page" width="%d" height="%d"/>`, d.w, d.h)
	p.heading(g, d)
	for i, cards := range d.columns {
		p.column(g, d.heads[i], cards, i)
		p.gate(g, d, i)
	}
	p.put(`<g role="list" aria-label="Connections">`)
	for _, l := range d.lines {
		p.line(l)
	}
	p.put(`</g>`)
	p.legend(g, d)
	p.put(`</svg>`)
	return p.String()
}

// paper is SVG as it is written, an element a line.
type paper struct{ strings.Builder }

func (p *paper) put(format string, args ...any) {
	fmt.Fprintf(p, format, args...)
	p.WriteByte('\n')
}

// escape makes text of it, whatever it is: characters that XML forbids are replaced.
func escape(s string) string {
	var b strings.Builder
	// A strings.Builder never fails.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

// text writes one line of it, from its left edge and baseline, clipped to room.
func (p *paper) text(x, y int, class, text string, room, size int, perSize float64) {
	p.put(`<text x="%d" y="%d" class="%s">%s</text>`, x, y, class, escape(clip(text, room, size, perSize)))
}

func (p *paper) heading(g Graph, d drawing) {
	room := d.w - 2*margin
	p.put(`<g aria-hidden="true">`)
	p.text(margin, 44, "site", g.Site, room-240, 20, strong)
	p.icon(margin+6, 63, g.state())
	p.text(margin+20, 68, "state "+string(g.state().tone()), g.Verdict, room-20, 13, strong)
	if !g.At.IsZero() {
		p.put(`<text x="%d" y="44" class="muted" text-anchor="end">%s</text>`, d.w-margin, g.At.Format("2006-01-02 15:04:05 UTC"))
	}
	p.put(`</g>`)
}

// column writes a column's head and cards.
func (p *paper) column(g Graph, head []label, cards []card, i int) {
	name := "Users"
	if i > 0 {
		t := g.Tiers[i-1]
		name = fmt.Sprintf("%s: %s, %s", titles[t.Role], t.works(g.Planned), t.stands())
	}
	p.put(`<g role="list" aria-label="%s">`, escape(name))
	p.labels(head)
	for _, c := range cards {
		p.card(c)
	}
	p.put(`</g>`)
}

func (p *paper) labels(labels []label) {
	p.put(`<g aria-hidden="true">`)
	for _, l := range labels {
		x, size, perSize := l.x, 12, regular
		if l.class != "muted" {
			perSize = strong
		}
		if l.class == "title" {
			size = 13
		}
		if l.anchor == "middle" {
			x += l.w / 2
		}
		p.put(`<text x="%d" y="%d" class="%s" text-anchor="%s">%s</text>`, x, l.y+13, l.class, l.anchor, escape(clip(l.text, l.w, size, perSize)))
	}
	p.put(`</g>`)
}

// gate writes the bar behind a column, with its head. A virtual address is an item of a
// list of its own; the other bars are drawing.
func (p *paper) gate(g Graph, d drawing, i int) {
	if len(d.gates[i]) == 0 {
		return
	}
	at := slices.IndexFunc(d.bars, func(b bar) bool { return b.x > d.columns[i][0].x && b.node == gutters[i].node })
	b := d.bars[at]
	if b.node == "" {
		p.labels(d.gates[i])
		p.put(`<rect class="bar" aria-hidden="true" x="%d" y="%d" width="%d" height="%d" rx="1"/>`, b.x, b.y, b.w, b.h)
		return
	}
	p.put(`<g role="list" aria-label="Virtual address"><g role="listitem"><title>%s</title>`, escape(g.node(b.node).describe()))
	p.labels(d.gates[i])
	p.put(`<rect class="bar gate %s" x="%d" y="%d" width="%d" height="%d" rx="3"/></g></g>`, b.tone, b.x, b.y, b.w, b.h)
}

// card writes a node.
func (p *paper) card(c card) {
	n := c.node
	p.put(`<g role="listitem" transform="translate(%d %d)"><title>%s</title><g aria-hidden="true">`, c.x, c.y, escape(n.describe()))
	if n.Kind == Users {
		p.put(`<rect class="frame" x=".5" y=".5" width="%d" height="%d" rx="8"/>`, c.w-1, c.h-1)
		p.put(`<g class="icon idle" transform="translate(%d %d)"><circle cy="-8" r="7"/><path d="M-13 14a13 11 0 0 1 26 0z"/></g>`, c.w/2, c.h/2)
		p.put(`</g></g>`)
		return
	}
	if n.Single {
		p.put(`<rect class="hatch" x="-6.5" y="-6.5" width="%d" height="%d" rx="13"/>`, c.w+13, c.h+13)
	}
	p.put(`<rect class="frame %s %s" x=".5" y=".5" width="%d" height="%d" rx="8"/>`, n.State.tone(), strings.Fields(string(n.State))[0], c.w-1, c.h-1)
	room := c.w - 2*cardPadding
	y := cardPadding + 13
	if n.Single {
		p.put(`<text x="%d" y="%d" class="spof" text-anchor="end">%s</text>`, c.w-cardPadding, y-1, spof)
		p.text(cardPadding, y, "name", n.Name, room-width(spof, 11, 0.85), 15, strong)
	} else {
		p.text(cardPadding, y, "name", n.Name, room, 15, strong)
	}
	y += 22
	p.icon(cardPadding+6, y-5, n.State)
	p.text(cardPadding+20, y, "state "+string(n.State.tone()), string(n.is()), room-20, 13, strong)
	for i, text := range c.lines {
		y += lineHeight
		p.text(cardPadding, y+2, "detail"+faultClass(n, i, text), text, room, 12, regular)
	}
	if len(n.Holds) > 0 {
		text := strings.Join(n.Holds, " + ")
		w := min(width(text, 11, strong)+20, room+8)
		p.put(`<rect class="badge" x="%d.5" y="%d.5" width="%d" height="20" rx="10"/>`, cardPadding-4, y+13, w)
		p.put(`<text x="%d" y="%d" class="badge-text" text-anchor="middle">%s</text>`, cardPadding-4+w/2, y+27, escape(text))
	}
	p.put(`</g></g>`)
}

// faultClass marks the line of a program that does not run.
func faultClass(n Node, i int, text string) string {
	for _, c := range n.Components {
		if i > 0 && text == c.Name+" "+c.State && c.State != "running" {
			return " fault"
		}
	}
	return ""
}

// icon is a state's shape.
func (p *paper) icon(x, y int, s State) {
	shape := `<path d="M-4 -4L4 4M4 -4L-4 4"/>` // what is wrong
	switch s {
	case Serving:
		shape = `<circle class="full" r="4.5"/>`
	case Waiting:
		shape = `<circle r="4.5"/>`
	case Primary:
		shape = `<path class="full" d="M0 -5L5 0L0 5L-5 0z"/>`
	case Replica:
		shape = `<path d="M0 -5L5 0L0 5L-5 0z"/>`
	case Planned:
		shape = `<circle r="4.5" stroke-dasharray="2.5 3"/>`
	default:
		if s.tone() == warn {
			shape = `<circle r="4.5"/><path class="full" d="M0 -4.5A4.5 4.5 0 0 0 0 4.5z"/>`
		}
	}
	p.put(`<g class="icon %s" transform="translate(%d %d)">%s</g>`, s.tone(), x, y, shape)
}

// line writes a way. Those that are parts of several are for the eye alone.
func (p *paper) line(l line) {
	role := ` role="listitem"`
	if l.shared {
		role = ` aria-hidden="true"`
	}
	p.put(`<g%s><title>%s</title>`, role, escape(l.edge.describe()))
	end := l.to.x
	if l.arrow && l.to.x > l.from.x {
		end -= 6
		p.put(`<path class="tip %s" d="M%d %dl-9 -5v10z"/>`, l.edge.Style, l.to.x-1, l.to.y)
	} else if l.arrow {
		end += 6
		p.put(`<path class="tip %s" d="M%d %dl9 -5v10z"/>`, l.edge.Style, l.to.x+1, l.to.y)
	}
	p.put(`<path class="way %s %s" d="M%d %dL%d %d"/>`, l.edge.Kind, l.edge.Style, l.from.x, l.from.y, end, l.to.y)
	switch {
	case l.pill != nil:
		b := l.pill.box
		p.put(`<rect class="pill" x="%d.5" y="%d.5" width="%d" height="%d" rx="%d"/>`, b.x, b.y, b.w-1, b.h-1, b.h/2)
		p.put(`<text x="%d" y="%d" class="pill-text" text-anchor="middle">%s</text>`, b.x+b.w/2, b.y+14, escape(l.pill.text))
	case l.edge.Style == Broken:
		p.put(`<g transform="translate(%d %d)"><circle class="under" r="9"/><path class="cross" d="M-4 -4L4 4M4 -4L-4 4"/></g>`, (l.from.x+l.to.x)/2, (l.from.y+l.to.y)/2)
	}
	p.put(`</g>`)
}

// shapes are those of the legend: a plan has one, a running site the others.
var shapes = []struct {
	state State
	text  string
}{
	{Planned, "planned"}, {Serving, "serving"}, {Waiting, "standby"}, {Primary, "primary"}, {Replica, "replica"}, {Draining, "limited"}, {Failing, "not working"},
}

// legend explains the shapes and lines at the foot.
func (p *paper) legend(g Graph, d drawing) {
	y := d.h - 36
	p.put(`<g aria-hidden="true">`)
	x := margin
	note := func(text string, gap int) {
		p.put(`<text x="%d" y="%d" class="muted">%s</text>`, x+gap, y+4, escape(text))
		x += gap + width(text, 12, regular) + 8
	}
	for _, shape := range shapes {
		if g.Planned == (shape.state == Planned) {
			p.icon(x+6, y, shape.state)
			note(shape.text, 18)
		}
	}
	for _, l := range []struct{ class, text string }{{"active", "carries requests"}, {"standby", "ready"}, {"broken", "broken"}, {"replication", "replication, VRRP"}} {
		p.put(`<path class="way %s" d="M%d %dh28"/>`, l.class, x, y)
		note(l.text, 36)
	}
	p.put(`<rect class="hatch" x="%d.5" y="%d.5" width="27" height="13" rx="4"/>`, x, y-7)
	note("single point of failure (SPOF)", 36)
	p.put(`</g>`)
}
