package report

import (
	"slices"
	"strings"
	"time"

	"scaleup/internal/drill/measure"
	"scaleup/internal/drill/record"
)

// legend names the outcomes that occur in the picture, each by its mark and with
// its number.
func (d *drawing) legend() {
	counts := measure.Count(d.window, func(record.Op) bool { return true })
	x, y := d.x.a, 18.0
	for _, o := range record.Outcomes {
		if counts.Of(o) == 0 {
			continue
		}
		text := o.String() + " " + count(counts.Of(o))
		if w := 14 + textWidth(text); x+w > d.x.b && x > d.x.a {
			x, y = d.x.a, y+lineHeight
		}
		class := "mark o-" + o.String()
		if o == record.OK {
			class += " big" // a dot as small as in the scatter is no sign
		}
		d.body.path(symbol(o.String(), x+4, y-4), class)
		d.body.text(x+13, y, "t", begin, text)
		x += 13 + textWidth(text) + 12
	}
	d.y = y + 10
}

// stacks draws the columns of reads, of writes, and of the drill's own rows if
// there are any.
func (d *drawing) stacks() {
	g := gridOf(d.From, d.To, d.zero, binWidth(d.To-d.From, d.x.b-d.x.a))
	for _, s := range []struct {
		name string
		want func(record.Class) bool
	}{
		{"Reads", record.Class.Read},
		{"Writes", func(c record.Class) bool { return c == record.Write }},
		{"Drill's rows", func(c record.Class) bool { return c == record.SQL }},
	} {
		if bins := g.binned(d.window, s.want); tallest(bins) > 0 {
			d.heading(s.name, "per "+length(g.width))
			d.bracket(longest(d.trial, s.want).Span)
			d.stack(bins, g)
		}
	}
}

// stack draws one row of columns.
func (d *drawing) stack(bins []measure.Counts, g grid) {
	most := tallest(bins)
	y := scale{from: 0, to: float64(most), a: d.y + stackHeight, b: d.y}
	d.body.text(d.x.a-6, y.b+9, "t soft", end, count(most))
	d.body.text(d.x.a-6, y.a+1, "t soft", end, "0")
	lower := make([]int, len(bins))
	for _, o := range stacked {
		upper := make([]int, len(bins))
		for i, b := range bins {
			upper[i] = lower[i] + b.Of(o)
		}
		d.body.path(d.steps(lower, upper, g, y), "area o-"+o.String())
		lower = upper
	}
	d.body.line(d.x.a, y.a, d.x.b, y.a, "base")
	d.y += stackHeight
	d.band(stackHeight)
	d.y += panelGap
}

// steps is the area between two rows of heights, one closed path for each stretch
// in which there is any: columns drawn singly would show seams.
func (d *drawing) steps(lower, upper []int, g grid, y scale) string {
	edge := func(i int) string { return num(d.x.moment(g.edge(i))) }
	var path strings.Builder
	for from := 0; from < len(upper); from++ {
		to := from
		for to < len(upper) && upper[to] > lower[to] {
			to++
		}
		if to == from {
			continue
		}
		path.WriteString("M" + edge(from) + " " + num(y.at(float64(lower[from]))))
		for i := from; i < to; i++ {
			if i == from || upper[i] != upper[i-1] {
				path.WriteString("V" + num(y.at(float64(upper[i]))))
			}
			if i == to-1 || upper[i] != upper[i+1] {
				path.WriteString("H" + edge(i+1))
			}
		}
		for i := to - 1; i >= from; i-- {
			if i == to-1 || lower[i] != lower[i+1] {
				path.WriteString("V" + num(y.at(float64(lower[i]))))
			}
			if i == from || lower[i] != lower[i-1] {
				path.WriteString("H" + edge(i))
			}
		}
		path.WriteString("z")
		from = to
	}
	return path.String()
}

// heading names a panel: in a wide picture beside it, so that no line runs through
// the words, otherwise above. It leaves room for a bracket over the panel.
func (d *drawing) heading(name, detail string) {
	if d.narrow() {
		d.over.text(d.x.a, d.y+11, "h", begin, name+" "+detail)
		d.y += lineHeight + headHeight
		return
	}
	d.y += headHeight
	d.body.text(d.x.a-48, d.y+11, "h", end, name)
	d.body.text(d.x.a-48, d.y+11+lineHeight-3, "t soft", end, detail)
}

// bracket marks an outage above its columns and says how long it was: beside it or,
// where there is no room, in its middle.
func (d *drawing) bracket(s measure.Span) {
	if s.Length() == 0 || s.To <= d.From || s.From >= d.To {
		return
	}
	a, b := d.x.moment(s.From), d.x.moment(s.To)
	b = max(b, a+1)
	text := "longest outage " + length(s.Length())
	from, anchor := d.beside(a, b, textWidth(text))
	y, w := d.y-4, textWidth(text)
	switch anchor {
	case begin:
		d.over.text(from, y, "t halo", begin, text)
	case end:
		d.over.text(from+w, y, "t halo", end, text)
	case middle:
		d.over.text(from+w/2, y, "t halo", middle, text)
		d.body.printf(`<path d="M%s %sv-4H%sM%s %sH%sv4" class="bracket"/>`, num(a), num(y), num(from), num(from+w), num(y-4), num(b))
		return
	}
	d.body.printf(`<path d="M%s %sv-4H%sv4" class="bracket"/>`, num(a), num(y), num(b))
}

// beside finds where words of a width begin beside two pixels or between them, away
// from the lines of moments if that can be; no anchor where there is no room.
func (d *drawing) beside(a, b, width float64) (from float64, anchor string) {
	places := []struct {
		from   float64
		anchor string
		room   bool
	}{
		{b + 5, begin, b+5+width <= d.x.b+8},
		{a - 5 - width, end, a-5-width >= d.x.a},
		{(a + b - width) / 2, middle, width+12 <= b-a},
	}
	for _, p := range places {
		if p.room && !d.crossed(p.from, p.from+width) {
			return p.from, p.anchor
		}
	}
	for _, p := range places {
		if p.room {
			return p.from, p.anchor
		}
	}
	return 0, ""
}

// crossed reports whether the line of a moment runs between two pixels.
func (d *drawing) crossed(from, to float64) bool {
	return slices.ContainsFunc(marksOf(d.trial.Marks), func(m mark) bool {
		x := d.x.moment(m.At)
		return m.At >= d.From && m.At <= d.To && x >= from && x <= to
	})
}

// latencies is the range of the scatter, in milliseconds: what occurs, and at least
// the time within which an answer is ok.
func latencies(ops []record.Op) (from, to float64) {
	const least = 0.1 // nothing over a network is faster
	from, to = 5, 1.5*ms(record.SLO)
	for _, o := range ops {
		if o.Outcome != record.Unsent {
			from, to = min(from, 0.8*ms(o.Latency())), max(to, 1.3*ms(o.Latency()))
		}
	}
	return max(from, least), to
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// scatter draws each request at when it was due and how long it took from then.
func (d *drawing) scatter() {
	if len(d.window) == 0 {
		return
	}
	d.heading("Latency", "from due to answer")
	from, to := latencies(d.window)
	y := scale{from: from, to: to, a: d.y + plotHeight, b: d.y, log: true}
	for _, v := range decades(from, to) {
		d.body.line(d.x.a, y.at(v), d.x.b, y.at(v), "grid")
		d.body.text(d.x.a-6, y.at(v)+4, "t soft", end, millis(v))
	}
	d.body.line(d.x.a, y.at(ms(record.SLO)), d.x.b, y.at(ms(record.SLO)), "limit")
	kept := mostOK
	if d.narrow() {
		kept /= 4
	}
	paths := map[record.Outcome]*strings.Builder{}
	for _, o := range sample(d.window, kept) {
		if paths[o.Outcome] == nil {
			paths[o.Outcome] = &strings.Builder{}
		}
		at := y.clamped(ms(o.Latency()))
		if o.Outcome == record.Unsent {
			at = y.a // it took no time: it stands on the line
		}
		paths[o.Outcome].WriteString(symbol(o.Outcome.String(), d.x.moment(o.Due), at))
	}
	for _, o := range record.Outcomes {
		if paths[o] != nil {
			d.body.path(paths[o].String(), "mark o-"+o.String())
		}
	}
	d.body.line(d.x.a, y.a, d.x.b, y.a, "base")
	d.y += plotHeight
	d.band(plotHeight)
	d.y += panelGap
}
