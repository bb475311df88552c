package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
		{[]float64{5, 5, 5, 5, 100}, 5},
	} {
		given := append([]float64(nil), c.samples...)
		if got := median(c.samples); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.samples, got, c.want)
		}
		if diff := cmp.Diff(given, c.samples); diff != "" {
			t.Errorf("median reorders what it is given: %s", diff)
		}
	}
}

func TestRatiosGoPairByPair(t *testing.T) {
	got := ratios([]float64{10, 30, 5}, []float64{20, 20, 0})
	if diff := cmp.Diff([]float64{0.5, 1.5}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFigure(t *testing.T) {
	for _, c := range []struct {
		figure                      figure
		median, span, limit, target string
	}{
		{figure{unit: seconds, samples: []float64{44.04, 41, 43}, target: atMost(60)}, "43.0 s", "41.0 s – 44.0 s", "≤ 60.0 s", "yes"},
		{figure{unit: seconds, samples: []float64{0.5, 0.7}, target: atMost(0.5)}, "0.60 s", "0.50 s – 0.70 s", "≤ 0.50 s", "NO"},
		{figure{unit: ratio, samples: []float64{0.9, 1.2}, target: atLeast(0.9)}, "1.05 ×", "0.90 × – 1.20 ×", "≥ 0.90 ×", "yes"},
		{figure{unit: ratio, samples: []float64{0.89}, target: atLeast(0.9)}, "0.89 ×", "", "≥ 0.90 ×", "NO"},
		{figure{unit: perSecond, samples: []float64{120000.4, 120000.4}}, "120000 req/s", "120000 req/s", "", ""},
	} {
		f := c.figure
		got := []string{f.unit.format(median(f.samples)), f.span(), f.targetText(), f.verdict()}
		if diff := cmp.Diff([]string{c.median, c.span, c.limit, c.target}, got); diff != "" {
			t.Errorf("%v: %s", f.samples, diff)
		}
	}
}
