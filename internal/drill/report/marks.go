package report

import (
	"slices"
	"time"

	"scaleup/internal/drill/record"
)

// mark is a moment of a trial with its name.
type mark struct {
	At   time.Duration
	Text string
}

// zeroOf is the moment from which a trial's times are told: when the order to
// break went out, else the start.
func zeroOf(m record.Marks) time.Duration { return m.Inject }

// marksOf are the moments a trial came to, in the order of time.
func marksOf(m record.Marks) []mark {
	var marks []mark
	for _, k := range []mark{{m.Inject, "inject"}, {m.Bite, "bite"}, {m.Heal, "heal"}, {m.Healed, "healed"}, {m.Recovered, "recovered"}} {
		if k.At == 0 {
			continue
		}
		if k.At != zeroOf(m) {
			k.Text += " " + offset(k.At-zeroOf(m))
		}
		marks = append(marks, k)
	}
	slices.SortStableFunc(marks, func(a, b mark) int { return int(a.At - b.At) })
	return marks
}

// caption is the label of one or more marks, beside the line that goes down from it.
type caption struct {
	Text string
	X    float64 // of the line
	Row  int     // from the top
	Left bool    // the text stands left of the line, for want of room
}

func (f caption) span() (from, to float64) {
	const gap = 4 // pixels between line and text
	w := textWidth(f.Text)
	if f.Left {
		return f.X - gap - w, f.X - gap
	}
	return f.X + gap, f.X + gap + w
}

// captions places the labels of marks in as few rows as possible so that no other
// label and no line runs through one. Marks closer than a line is wide share a
// label. Where there is no such place each gets a row of its own.
func captions(marks []mark, x scale) (placed []caption, rows int) {
	all := joined(marks, x)
	for rows = range len(all) + 1 {
		if place(all, 0, rows, x) {
			return all, rows
		}
	}
	for i := range all {
		all[i].Row, all[i].Left = i, false
		all[i].Left = !all[i].fits(x)
	}
	return all, len(all)
}

// place finds rows and sides for the captions from the i-th on, those before being
// placed. There are at most five, so trying all is quick.
func place(all []caption, i, rows int, x scale) bool {
	if i == len(all) {
		return true
	}
	for _, left := range []bool{false, true} {
		for row := range rows {
			all[i].Row, all[i].Left = row, left
			if all[i].fits(x) && !slices.ContainsFunc(all[:i], all[i].clashes) && place(all, i+1, rows, x) {
				return true
			}
		}
	}
	return false
}

// fits reports whether the text is inside the picture: nothing else stands above
// the panels, so it may use the margins.
func (f caption) fits(x scale) bool {
	const right = 12 // pixels beside the panels
	from, to := f.span()
	return from >= 2 && to <= x.b+right
}

// joined makes one caption of the marks at about the same pixel, if there is room
// for it.
func joined(marks []mark, x scale) []caption {
	const near = 3 // pixels
	var all []caption
	for _, m := range marks {
		one := caption{Text: m.Text, X: x.moment(m.At)}
		if n := len(all); n > 0 && one.X-all[n-1].X < near {
			both := caption{Text: all[n-1].Text + ", " + m.Text, X: all[n-1].X}
			left := both
			left.Left = true
			if both.fits(x) || left.fits(x) {
				all[n-1] = both
				continue
			}
		}
		all = append(all, one)
	}
	return all
}

// clashes reports whether two captions cannot stand as they are: their texts overlap
// in one row, or the line of the upper one runs through the text of the lower.
func (f caption) clashes(g caption) bool {
	from, to := f.span()
	a, b := g.span()
	const air = 6 // pixels between texts
	switch {
	case f.Row == g.Row:
		return from < b+air && a < to+air
	case f.Row < g.Row:
		return f.X > a-2 && f.X < b+2
	default:
		return g.X > from-2 && g.X < to+2
	}
}
