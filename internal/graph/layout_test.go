package graph

import (
	"fmt"
	"strings"
	"testing"
)

// Whatever the size of the site and its state, nothing lies on anything else.
func TestNothingOverlaps(t *testing.T) {
	for name, g := range situations(t) {
		checkDrawing(t, name, g)
	}
	for _, lbs := range []int{1, 2, 4} {
		for _, webs := range []int{1, 2, 6} {
			for _, apps := range []int{1, 3, 9} {
				for _, dbs := range []int{1, 2, 3, 5, 7} {
					top := build(t, lbs, webs, apps, dbs)
					name := fmt.Sprintf("%d+%d+%d+%d", lbs, webs, apps, dbs)
					checkDrawing(t, name+" planned", Plan(top))
					w := running(t, top)
					w.lag["db2"] = 9_876_543
					g := w.graph()
					for i := range g.Edges {
						if g.Edges[i].Rate != nil {
							*g.Edges[i].Rate = 987_654
						}
					}
					checkDrawing(t, name, g)
				}
			}
		}
	}
}

type named struct {
	box
	name string
}

func checkDrawing(t *testing.T, name string, g Graph) {
	t.Helper()
	d := lay(g)
	var solid, words []named // cards with their rings and bars; text outside of cards
	page := box{0, 0, d.w, d.h}
	for _, column := range d.columns {
		for _, c := range column {
			solid = append(solid, named{c.outline(), c.node.Name})
		}
	}
	for _, b := range d.bars {
		solid = append(solid, named{b.box, "bar " + b.node})
	}
	for _, head := range append(d.heads, d.gates...) {
		for _, l := range head {
			words = append(words, named{l.box, "head " + l.text})
		}
	}
	for _, l := range d.lines {
		if l.pill != nil {
			words = append(words, named{l.pill.box, "label " + l.pill.text})
		}
		checkLine(t, name, l, solid)
	}
	for i, a := range append(words, solid...) {
		if a.x < page.x || a.y < page.y || a.right() > page.w || a.bottom() > page.h-footHeight/2 {
			t.Errorf("%s: %s is not on the page: %+v", name, a.name, a.box)
		}
		for _, b := range append(words, solid...)[i+1:] {
			if a.overlaps(b.box) {
				t.Errorf("%s: %s %+v and %s %+v overlap", name, a.name, a.box, b.name, b.box)
			}
		}
	}
}

// checkLine wants a line level or upright, through no card or bar, and its label within
// it, clear of the arrow.
func checkLine(t *testing.T, name string, l line, solid []named) {
	t.Helper()
	x, w := min(l.from.x, l.to.x), max(l.from.x, l.to.x)-min(l.from.x, l.to.x)
	y, h := min(l.from.y, l.to.y), max(l.from.y, l.to.y)-min(l.from.y, l.to.y)
	what := l.edge.describe()
	if (w == 0) == (h == 0) {
		t.Errorf("%s: %s is drawn from %v to %v", name, what, l.from, l.to)
	}
	inner := box{x, y, max(w, 1), max(h, 1)}
	for _, s := range solid {
		if inner.overlaps(s.box) {
			t.Errorf("%s: %s runs through %s: %+v, %+v", name, what, s.name, inner, s.box)
		}
	}
	const tip = 9
	if p := l.pill; p != nil && h == 0 && (p.x < x+tip || p.right() > x+w-tip) {
		t.Errorf("%s: the label %q of %s does not fit on its line of %d", name, p.text, what, w)
	}
}

// The bars' heads are wide enough for what they say.
func TestHeadsAreNotClipped(t *testing.T) {
	for name, g := range situations(t) {
		d := lay(g)
		for _, head := range append(d.heads, d.gates...) {
			for _, l := range head {
				size, perSize := 12, strong
				if l.class == "muted" {
					perSize = regular
				}
				if clip(l.text, l.w, size, perSize) != l.text {
					t.Errorf("%s: no room for %q", name, l.text)
				}
			}
		}
	}
}

func TestClip(t *testing.T) {
	long := strings.Repeat("ü", 60)
	got := clip(long, 100, 15, strong)
	if !strings.HasSuffix(got, "ü…") || width(got, 15, strong) > 100 {
		t.Errorf("clip gives %q, %d wide", got, width(got, 15, strong))
	}
	if got := clip("web1", 100, 15, strong); got != "web1" {
		t.Errorf("clip(web1) = %q", got)
	}
}

func TestBrief(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 9999: "9999", 10_000: "10k", 987_654: "987k"} {
		if got := brief(n); got != want {
			t.Errorf("brief(%d) = %s, want %s", n, got, want)
		}
	}
}
