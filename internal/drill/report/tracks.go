package report

import (
	"strings"
	"time"

	"scaleup/internal/drill/record"
)

// lanes draws the lanes in their groups.
func (d *drawing) lanes() {
	lanes, calmly := lanesOf(d.trial.Events, d.From, d.To)
	for _, g := range []struct {
		kind record.EventKind
		name string
	}{{record.EventVIP, "Held by"}, {record.EventBackend, "In rotation"}, {record.EventMember, "Database"}} {
		drawn := 0
		for _, l := range lanes {
			if l.Kind != g.kind {
				continue
			}
			if drawn++; drawn == 1 {
				d.group(g.name)
			}
			d.lane(l)
		}
		if g.kind == record.EventBackend && calmly > 0 {
			if drawn == 0 {
				d.group(g.name)
				d.y -= lineHeight
			}
			d.over.text(d.x.a+6, d.y+12, "t soft halo", begin, many(calmly, "state")+" without a change")
			d.y += lineHeight
			drawn++
		}
		if drawn > 0 {
			d.y += 6
		}
	}
	d.bottom = d.y
}

// group names the lanes that follow, in the column of their names.
func (d *drawing) group(name string) {
	if d.narrow() {
		d.over.text(d.x.a, d.y+11, "h", begin, name)
	} else {
		d.body.text(d.x.a-8, d.y+11, "h", end, name)
	}
	d.y += lineHeight
}

func (d *drawing) lane(l lane) {
	if d.narrow() {
		d.over.text(d.x.a, d.y+10, "t soft halo", begin, fit(l.Label(), d.x.b-d.x.a))
		d.y += 14
	} else {
		d.body.text(d.x.a-8, d.y+12, "t", end, fit(l.Label(), d.x.a-12))
	}
	for _, s := range l.Segments {
		if s.To <= d.From || s.From >= d.To {
			continue
		}
		d.segment(l, s)
	}
	d.y += laneHeight
	d.band(laneHeight)
	d.y += 3
}

// segment draws a stretch with its state in it, where there is room; what is too
// short for words is told on hovering and in the table of events.
func (d *drawing) segment(l lane, s segment) {
	a, b := d.x.moment(s.From), d.x.moment(s.To)
	w := max(b-a-1, 1) // a gap between neighbours
	told := l.Label() + ": " + s.State + ", " + offset(s.From-d.zero) + " to " + offset(s.To-d.zero)
	d.body.rect(a, d.y, w, laneHeight, 2, "lane "+string(s.Tone), told)
	if s.Tone == alarm {
		d.body.rect(a, d.y, min(w, 3), laneHeight, 1, "edge", "") // seen however short it is
	}
	if text := short(s.State, w-8); text != "" {
		d.over.text(a+6, d.y+12.5, "t on-"+string(s.Tone), begin, text)
	}
}

// short is a state in a width in pixels: where it does not fit, its last word, which
// is a member's role.
func short(state string, width float64) string {
	if textWidth(state) > width {
		state = state[strings.LastIndex(state, " ")+1:]
	}
	return fit(state, width)
}

// ticks are the moments that the axis names.
func (d *drawing) ticks() []time.Duration {
	n := 10
	if d.narrow() {
		n = 6
	}
	return ticks(d.From, d.To, d.zero, n)
}

// axis names the moments once, below everything they are of.
func (d *drawing) axis() {
	d.body.line(d.x.a, d.bottom, d.x.b, d.bottom, "base")
	d.y = d.bottom + 15
	for _, at := range d.ticks() {
		d.body.text(d.x.moment(at), d.y, "t soft", middle, tickLabel(at-d.zero))
	}
	from := "seconds since the trial began"
	if d.zero > 0 {
		from = "seconds since the fault was injected"
	}
	d.y += lineHeight
	d.body.text(d.x.b, d.y, "t soft", end, from)
	d.y += 8
}

// tickLabel words a moment of the axis in seconds without their unit.
func tickLabel(d time.Duration) string {
	s := significant(d.Seconds(), 6, 3)
	if d < 0 {
		s = minus + s[1:]
	}
	return s
}
