package report

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"scaleup/internal/drill/record"
)

func TestMarksOf(t *testing.T) {
	m := record.Marks{Inject: at(30), Bite: at(30.024), Heal: at(50), Recovered: at(56.2)} // never proven healed
	want := []mark{{at(30), "inject"}, {at(30.024), "bite +24 ms"}, {at(50), "heal +20 s"}, {at(56.2), "recovered +26.2 s"}}
	if d := cmp.Diff(want, marksOf(m)); d != "" {
		t.Error(d)
	}
	if got := marksOf(record.Marks{}); got != nil {
		t.Errorf("marks %v of a trial that came to nothing", got)
	}
}

func TestCaptions(t *testing.T) {
	x := scale{from: 0, to: 100, a: 100, b: 800}
	for name, c := range map[string]struct {
		marks []mark
		want  []caption
		rows  int
	}{
		"apart":      {[]mark{{at(10), "inject"}, {at(60), "heal"}}, []caption{{"inject", 170, 0, false}, {"heal", 520, 0, false}}, 1},
		"one pixel":  {[]mark{{at(10), "inject"}, {at(10.1), "bite"}}, []caption{{"inject, bite", 170, 0, false}}, 1},
		"close":      {[]mark{{at(10), "inject"}, {at(12), "bite"}}, []caption{{"inject", 170, 0, true}, {"bite", 184, 0, false}}, 1},
		"at the end": {[]mark{{at(99), "recovered"}}, []caption{{"recovered", 793, 0, true}}, 1},
		"none":       {nil, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, rows := captions(c.marks, x)
			if d := cmp.Diff(c.want, got); d != "" || rows != c.rows {
				t.Errorf("%d rows, want %d; %s", rows, c.rows, d)
			}
		})
	}
}

// TestCaptionsDoNotOverlap: wherever the moments of a trial are, no two labels lie
// over one another.
func TestCaptionsDoNotOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := scale{from: 0, to: 90, a: 50, b: rapid.Float64Range(300, 900).Draw(t, "right")}
		var marks []mark
		for _, text := range []string{"inject", "bite +24 ms", "heal +20.1 s", "healed +20.6 s", "recovered +26.2 s"} {
			marks = append(marks, mark{at(rapid.Float64Range(0, 90).Draw(t, "at")), text})
		}
		slices.SortFunc(marks, func(a, b mark) int { return int(a.At - b.At) })
		placed, rows := captions(marks, x)
		for i, f := range placed {
			if f.Row >= rows {
				t.Fatalf("row %d of %d", f.Row, rows)
			}
			for _, g := range placed[:i] {
				from, to := f.span()
				a, b := g.span()
				if f.Row == g.Row && from < b && a < to {
					t.Fatalf("%+v lies over %+v", f, g)
				}
			}
		}
	})
}
