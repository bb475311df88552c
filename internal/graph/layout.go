package graph

import (
	"slices"
	"strconv"
	"strings"
)

// Sizes of the picture, in pixels, on a grid of 8.
const (
	margin      = 32
	leastWidth  = 1200 // for the foot
	cardWidth   = 160
	userWidth   = 96
	headTop     = 96 // where the heads of the columns begin
	headHeight  = 104
	cardGap     = 24
	vrrpGap     = 48 // between load balancers: room for the label of VRRP
	gateWidth   = 6
	trunkWidth  = 2
	pillHeight  = 20
	headGap     = 16 // between a column's cards and a head beside them
	footHeight  = 88
	cardPadding = 16
)

// How far a gutter's bar is from the column before it, and from the one behind it. In
// the space behind are the pills with the rates.
const (
	gateIn    = 72
	gateOut   = 80
	trunkIn   = 32
	trunkOut  = 80
	sqlOut    = 128
	copiesOut = 112 // bar of the replication, right of the database servers
)

type point struct{ x, y int }

type box struct{ x, y, w, h int }

func (b box) right() int  { return b.x + b.w }
func (b box) bottom() int { return b.y + b.h }
func (b box) middle() int { return b.y + b.h/2 }

func (b box) overlaps(o box) bool {
	return b.x < o.right() && o.x < b.right() && b.y < o.bottom() && o.y < b.bottom()
}

// card is a node with a frame: the users or a server.
type card struct {
	box
	node  Node
	lines []string // below name and state
}

// outline is the card with its ring: where lines begin and end.
func (c card) outline() box {
	if !c.node.Single {
		return c.box
	}
	return box{c.x - ringWidth, c.y - ringWidth, c.w + 2*ringWidth, c.h + 2*ringWidth}
}

// bar is where the ways of a gutter meet: a virtual address, what a load balancer fans
// out to, or the replication. All lines from and to it are straight and level, so none
// crosses another, or a card.
type bar struct {
	box
	node string // the address that it is; "" for none
	tone tone
}

// line is an edge between a card and a bar, or between two load balancers.
type line struct {
	from, to point
	arrow    bool
	shared   bool // with other edges
	edge     Edge
	pill     *pill
}

// pill is a label on a line.
type pill struct {
	box
	text string
}

// label is text in the head of a column or of a gutter.
type label struct {
	box
	text   string
	class  string
	anchor string // start, middle
}

// drawing is a graph with all that is in its picture in its place.
type drawing struct {
	w, h    int
	columns [][]card  // users, then the tiers
	heads   [][]label // of the columns
	gates   [][]label // of the gutters behind them; none where nothing passes
	bars    []bar
	lines   []line
}

// lay places everything: columns from left to right, each in the middle of the height
// that the tallest one needs, and bars in the gutters between them.
func lay(g Graph) drawing {
	d := drawing{}
	tall := 0
	columns := [][]Node{{g.node(users)}}
	for _, tier := range g.Tiers {
		columns = append(columns, g.with(tier.Role))
	}
	for i, nodes := range columns {
		d.columns = append(d.columns, stack(nodes, i == 1))
		tall = max(tall, d.columns[i][len(nodes)-1].bottom())
	}
	x := margin
	for i, cards := range d.columns {
		down := headTop + headHeight + (tall-cards[len(cards)-1].bottom())/2
		for j := range cards {
			cards[j].x, cards[j].y = x, cards[j].y+down
		}
		d.heads = append(d.heads, columnHead(g, cards[0].box, i))
		d.w = cards[0].right()
		x = d.w + gutters[i].in + gutters[i].width + gutters[i].out
	}
	for i := range gutters {
		d.gutter(g, i)
	}
	d.vrrp(g)
	for _, b := range d.bars {
		d.w = max(d.w, b.right())
	}
	d.w, d.h = max(d.w+margin, leastWidth), headTop+headHeight+tall+footHeight
	return d
}

// gutter is the space behind a column.
type gutter struct {
	in, width, out int    // before its bar, of its bar, behind it
	node           string // the address that its bar is; "" for none
}

// gutters behind the columns: users, load balancers, web, app and database servers.
var gutters = []gutter{
	{gateIn, gateWidth, gateOut, publicWeb},
	{trunkIn, trunkWidth, trunkOut, ""},
	{gateIn, gateWidth, gateOut, internalApp},
	{gateIn, gateWidth, sqlOut, internalSQL},
	{copiesOut, trunkWidth, 0, ""},
}

// stack puts the cards of a column below one another, from 0. They are all as tall as
// the tallest needs.
func stack(nodes []Node, balancers bool) []card {
	gap := cardGap
	if balancers {
		gap = vrrpGap
	}
	cards := make([]card, len(nodes))
	tall := 0
	for i, n := range nodes {
		cards[i] = card{node: n, lines: details(n), box: box{w: cardWidth}}
		if n.Kind == Users {
			cards[i].w = userWidth
		}
		tall = max(tall, cardHeight(cards[i]))
	}
	for i := range cards {
		cards[i].h, cards[i].y = tall, i*(tall+gap)
	}
	return cards
}

const (
	lineHeight  = 18
	badgeHeight = 26
	nameHeight  = 40 // name and state
	ringWidth   = 8  // around single points of failure
)

func cardHeight(c card) int {
	h := 2*cardPadding + nameHeight + lineHeight*len(c.lines) + badgeHeight*min(1, len(c.node.Holds))
	return (h + 7) / 8 * 8
}

// columnHead writes the title of a column, and how many failures it stands.
func columnHead(g Graph, b box, i int) []label {
	texts := []label{{text: "Users", class: "title"}, {text: "anywhere", class: "muted"}}
	if i > 0 {
		t := g.Tiers[i-1]
		stands := label{text: t.stands(), class: "muted"}
		if t.Spare == 0 {
			stands.class = "weak"
		}
		texts = []label{{text: titles[t.Role], class: "title"}, {text: programs[t.Role], class: "muted"}, {text: t.works(g.Planned), class: "muted"}, stands}
	}
	return head(b.x, b.w, "start", texts)
}

// head stacks lines of text at the top of the picture.
func head(x, w int, anchor string, texts []label) []label {
	for i := range texts {
		texts[i].box, texts[i].anchor = box{x, headTop + i*lineHeight, w, lineHeight}, anchor
	}
	return texts
}

// gutter places the bar behind a column, its head, and the lines to and from it.
func (d *drawing) gutter(g Graph, i int) {
	space := gutters[i]
	b := bar{node: space.node, tone: idle, box: box{x: d.columns[i][0].right() + space.in, w: space.width}}
	cards := slices.Clone(d.columns[i])
	if i+1 < len(d.columns) {
		cards = append(cards, d.columns[i+1]...)
	}
	first := len(d.lines)
	for _, e := range g.Edges {
		// VRRP passes no gutter, and only that behind the last column is the replication's.
		if e.Kind == VRRP || (e.Kind == Replication) != (i == len(gutters)-1) {
			continue
		}
		from, begins := find(cards, e.From)
		to, ends := find(cards, e.To)
		if begins && (ends || e.To == b.node) {
			d.draw(line{from: point{from.outline().right(), from.middle()}, to: point{b.x, from.middle()}, edge: e, shared: ends})
		}
		if ends && (begins || e.From == b.node) {
			d.draw(arrowTo(to, b, e))
		}
	}
	if len(d.lines) == first {
		d.gates = append(d.gates, nil)
		return
	}
	top, bottom := d.lines[first].from.y, 0
	for _, l := range d.lines[first:] {
		top, bottom = min(top, l.from.y-12), max(bottom, l.from.y+12)
	}
	if b.node != "" {
		b.tone = g.node(b.node).State.tone()
		top = headTop + headHeight - 8 // to its head
	}
	b.y, b.h = top, bottom-top
	d.bars = append(d.bars, b)
	texts := gutterHead(g, i)
	if i == len(gutters)-1 { // the last one has nothing behind it
		d.gates = append(d.gates, head(b.x-space.in+headGap, space.in-headGap+b.w, "start", texts))
		return
	}
	w := 2 * space.in
	d.gates = append(d.gates, head(b.x+b.w/2-w/2, w, "middle", texts))
}

func find(cards []card, name string) (card, bool) {
	i := slices.IndexFunc(cards, func(c card) bool { return c.node.Name == name })
	if i < 0 {
		return card{}, false
	}
	return cards[i], true
}

// arrowTo is the line from a bar to a card on either side of it.
func arrowTo(c card, b bar, e Edge) line {
	l := line{from: point{b.right(), c.middle()}, to: point{c.outline().x, c.middle()}, arrow: true, edge: e}
	if c.x < b.x {
		l.from.x, l.to.x = b.x, c.outline().right()
	}
	if text := e.text(); text != "" {
		w := width(text, 11, regular) + 12
		l.pill = &pill{box{(l.from.x + l.to.x - w) / 2, c.middle() - pillHeight/2, w, pillHeight}, text}
	}
	return l
}

// draw adds a line. Of several edges that share it, one that is active is shown.
func (d *drawing) draw(l line) {
	i := slices.IndexFunc(d.lines, func(o line) bool { return o.from == l.from && o.to == l.to })
	switch {
	case i < 0:
		d.lines = append(d.lines, l)
	case l.edge.Style == Active:
		d.lines[i] = l
	}
}

// gutterHead says what goes through a gutter.
func gutterHead(g Graph, i int) []label {
	switch i {
	case 1:
		return []label{{text: "HTTP", class: "title"}, {text: ":80", class: "muted"}}
	case len(gutters) - 1:
		return []label{{text: "Replication", class: "title"}, {text: "over TLS", class: "muted"}, {text: "lag in", class: "muted"}, {text: "transactions", class: "muted"}}
	}
	n := g.node(gutters[i].node)
	said := map[string][2]string{publicWeb: {"Public address", "HTTPS :443"}, internalApp: {"Internal address", "HTTP :8080"}, internalSQL: {"Internal address", "MySQL :3306, :3307"}}[n.Name]
	texts := []label{{text: said[0], class: "title"}, {text: n.Address, class: "muted"}, {text: said[1], class: "muted"}}
	switch n.State {
	case Unheld:
		texts = append(texts, label{text: n.heldBy(), class: "fault"})
	case Contested:
		texts = append(texts, label{text: "✕ " + string(Contested), class: "fault"}, label{text: strings.Join(n.Holders, ", "), class: "fault"})
	default:
		texts = append(texts, label{text: n.heldBy(), class: "muted"})
	}
	if n.Rate != nil {
		texts = append(texts, label{text: strconv.Itoa(*n.Rate) + " " + n.Unit, class: "rate"})
	}
	return texts
}

// vrrp joins neighbours in the column of the load balancers.
func (d *drawing) vrrp(g Graph) {
	column := d.columns[1]
	for _, e := range g.Edges {
		i := slices.IndexFunc(column, func(c card) bool { return c.node.Name == e.From })
		if e.Kind != VRRP {
			continue
		}
		a, b := column[i], column[i+1]
		x := a.x + a.w/2
		w := width(e.Label, 11, regular) + 12
		l := line{from: point{x, a.outline().bottom()}, to: point{x, b.outline().y}, edge: e}
		l.pill = &pill{box{x - w/2, (a.bottom() + b.y - pillHeight) / 2, w, pillHeight}, e.Label}
		if e.Style == Broken {
			l.pill = nil // a cross
		}
		d.lines = append(d.lines, l)
	}
}
