package report

import (
	"time"

	"scaleup/internal/drill/measure"
	"scaleup/internal/drill/record"
)

// Picture says how a timeline is drawn.
type Picture struct {
	ID    string // begins the ids inside; unique in its document
	Title string // "" for the plain name
	// Width in pixels of text that is 12 high. Below NarrowWidth the names of lanes
	// stand above them and fewer dots are drawn.
	Width float64
	// From and To are the part of the trial to draw; both zero: all of it.
	From, To time.Duration
	// Standalone makes a file of its own, with style and ground, for light and for
	// dark. Otherwise the style is that of the page, see HTML.
	Standalone bool
}

// Widths of pictures: for a page of 60 rem, and for a telephone.
const (
	WideWidth   = 900
	PhoneWidth  = 380
	NarrowWidth = 600
)

// TimelineSVG draws a trial: requests by outcome, reads and writes apart, with
// their longest outage; the latency of each request; and below, on the same axis,
// who held the virtual addresses, what the load balancers thought of their servers
// and what the database members were. Lines are the moments of the fault, the ground
// between bite and heal is shaded. Title and description say the same in words.
func TimelineSVG(t record.Trial, p Picture) []byte {
	d := newDrawing(t, p)
	d.legend()
	placed := d.captions()
	d.stacks()
	d.scatter()
	d.lanes()
	d.axis()
	return d.assemble(placed)
}

// drawing is a timeline in the making, from the top down.
type drawing struct {
	Picture
	trial  record.Trial
	window []record.Op // the operations due in the part that is drawn
	x      scale       // of seconds
	zero   time.Duration
	y      float64      // of what comes next
	top    float64      // where the panels begin
	bottom float64      // where they end
	bands  [][2]float64 // the ground of panels, from top to bottom
	body   canvas
	over   canvas // words that the lines of the moments must not cross out
}

// Sizes of a timeline, in pixels.
const (
	lineHeight  = 18.0
	headHeight  = 16.0 // above a panel, for its bracket and the words beside it
	stackHeight = 64.0
	plotHeight  = 150.0
	laneHeight  = 17.0
	panelGap    = 10.0
)

func newDrawing(t record.Trial, p Picture) *drawing {
	t = inOrder(t)
	if p.Width == 0 {
		p.Width = WideWidth
	}
	if p.To == 0 {
		p.To = endOf(t)
	}
	d := &drawing{Picture: p, trial: t, zero: zeroOf(t.Marks)}
	left, right := 176.0, p.Width-16
	if d.narrow() {
		left, right = 50, p.Width-12
	}
	d.x = scale{from: p.From.Seconds(), to: p.To.Seconds(), a: left, b: right}
	for _, o := range t.Ops {
		if o.Due >= p.From && o.Due < p.To {
			d.window = append(d.window, o)
		}
	}
	return d
}

func (d *drawing) narrow() bool { return d.Width < NarrowWidth }

// endOf is when a trial ended; of one without the mark, its last operation.
func endOf(t record.Trial) time.Duration {
	last := t.Marks.End
	for _, o := range t.Ops {
		last = max(last, o.Due+time.Millisecond)
	}
	return max(last, time.Second)
}

// Closeup is the part of a trial around what users felt first of the fault, with
// up to two seconds before and after, in whole columns. It is false where that is
// most of the trial, or nothing was felt.
func Closeup(t record.Trial) (from, to time.Duration, ok bool) {
	const (
		apart = 3 * time.Second // trouble after a longer quiet is another one
	)
	from, to = t.Marks.Inject, max(t.Marks.Inject, t.Marks.Bite)
	felt := false
	for _, o := range inOrder(t).Ops {
		if o.Outcome == record.OK || o.Done < t.Marks.Inject {
			continue
		}
		if o.Due > to+apart {
			break
		}
		felt = true
		from, to = min(from, o.Due), max(to, o.Due)
	}
	around := min(max(2*(to-from), 800*time.Millisecond), 2*time.Second)
	g := grid{zero: t.Marks.Inject, width: measure.Bin}
	from, to = max(0, g.edge(g.index(from-around))), min(endOf(t), g.edge(g.index(to+around)))
	return from, to, felt && t.Marks.Inject > 0 && to-from < endOf(t)*6/10
}

// captions draws the labels of the moments and returns where their lines begin.
func (d *drawing) captions() []caption {
	var marks []mark
	for _, m := range marksOf(d.trial.Marks) {
		if m.At >= d.From && m.At <= d.To {
			marks = append(marks, m)
		}
	}
	placed, rows := captions(marks, d.x)
	for i, f := range placed {
		from, to := f.span()
		anchor, x := begin, from
		if f.Left {
			anchor, x = end, to
		}
		y := d.y + float64(f.Row)*16 + 11
		d.body.text(x, y, "flag", anchor, f.Text)
		placed[i].Row = int(y - 10)
	}
	d.y += float64(rows)*16 + 8
	d.top = d.y
	return placed
}

// assemble puts the parts on top of one another: ground, shade, grid, data, lines.
func (d *drawing) assemble(placed []caption) []byte {
	var c canvas
	attributes := ""
	if d.Standalone {
		attributes = ` xmlns="http://www.w3.org/2000/svg" width="` + num(d.Width) + `" height="` + num(d.y) + `"`
	}
	title := d.Title
	if title == "" {
		title = "Timeline of the trial"
	}
	c.printf(`<svg%s class="chart" viewBox="0 0 %s %s" role="img" aria-labelledby="%s-title %s-desc">`, attributes, num(d.Width), num(d.y), esc(d.ID), esc(d.ID))
	c.printf(`<title id="%s-title">%s</title>`, esc(d.ID), esc(title))
	c.printf(`<desc id="%s-desc">%s</desc>`, esc(d.ID), esc(describe(d.trial, d.From, d.To)))
	if d.Standalone {
		c.printf(`<style>%s</style>`, esc(chartStyle))
		c.rect(0, 0, d.Width, d.y, 0, "ground", "")
	}
	d.grounds(&c)
	c.Write(d.body.Bytes())
	for _, f := range placed {
		c.line(f.X, float64(f.Row), f.X, d.bottom, "moment")
	}
	c.Write(d.over.Bytes())
	c.printf(`</svg>`)
	return c.Bytes()
}

// band notes that a panel ends here and began a height above.
func (d *drawing) band(height float64) { d.bands = append(d.bands, [2]float64{d.y - height, d.y}) }

// grounds are the shade of the fault and the lines of the axis, through all panels;
// in a narrow picture they leave out the headings between them.
func (d *drawing) grounds(c *canvas) {
	bands := d.bands
	if !d.narrow() {
		bands = [][2]float64{{d.top, d.bottom}}
	}
	from, to, shaded := faultSpan(d.trial.Marks, d.To)
	shaded = shaded && from < d.To && to > d.From
	a, b := d.x.moment(from), d.x.moment(to)
	for _, y := range bands {
		if shaded {
			c.rect(a, y[0], b-a, y[1]-y[0], 0, "shade", "")
		}
		for _, at := range d.ticks() {
			c.line(d.x.moment(at), y[0], d.x.moment(at), y[1], "grid")
		}
	}
}

// faultSpan is how long the fault lasted; one that was not healed by the end, until
// then.
func faultSpan(m record.Marks, last time.Duration) (from, to time.Duration, ok bool) {
	if m.Bite == 0 {
		return 0, 0, false
	}
	if to = m.Healed; to == 0 {
		to = last
	}
	return m.Bite, max(m.Bite, to), true
}
