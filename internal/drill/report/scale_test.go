package report

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestScale(t *testing.T) {
	linear := scale{from: 10, to: 20, a: 100, b: 300}
	log := scale{from: 1, to: 1000, a: 90, b: 0, log: true}
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"start", linear.at(10), 100}, {"middle", linear.at(15), 200}, {"end", linear.at(20), 300}, {"outside", linear.at(25), 400},
		{"clamped", linear.clamped(25), 300}, {"moment", linear.moment(12 * time.Second), 140},
		{"1", log.at(1), 90}, {"10", log.at(10), 60}, {"1000", log.at(1000), 0}, {"none at all", log.clamped(0), 90},
		{"empty range", scale{from: 5, to: 5, a: 7, b: 9}.at(5), 7},
	} {
		if math.Abs(c.got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestNiceStep(t *testing.T) {
	for _, c := range []struct {
		span float64
		n    int
		want float64
	}{{90, 10, 10}, {60, 10, 10}, {10, 10, 1}, {10.5, 10, 2}, {1.7, 10, 0.2}, {0.3, 6, 0.05}, {9, 1, 10}, {0, 5, 1}, {5, 0, 1}} {
		if got := niceStep(c.span, c.n); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("niceStep(%v, %d) = %v, want %v", c.span, c.n, got, c.want)
		}
	}
}

func TestTicks(t *testing.T) {
	got := ticks(at(28.5), at(33), at(30.25), 10)
	want := []time.Duration{at(28.75), at(29.25), at(29.75), at(30.25), at(30.75), at(31.25), at(31.75), at(32.25), at(32.75)}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestTicksAreOnTheAxis: at most as many as asked and one more, inside, evenly
// apart, and zero is one of them if it is inside.
func TestTicksAreOnTheAxis(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "from"))
		to := from + time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(time.Hour)).Draw(t, "span"))
		zero := time.Duration(rapid.Int64Range(0, int64(2*time.Hour)).Draw(t, "zero"))
		n := rapid.IntRange(1, 12).Draw(t, "n")
		all := ticks(from, to, zero, n)
		if len(all) > n+1 {
			t.Fatalf("%d ticks, want at most %d", len(all), n+1)
		}
		hasZero := false
		for i, at := range all {
			hasZero = hasZero || at == zero
			if at < from || at > to || i > 1 && at-all[i-1] != all[1]-all[0] {
				t.Fatalf("ticks %v from %v to %v", all, from, to)
			}
		}
		if zero >= from && zero <= to && !hasZero {
			t.Fatalf("ticks %v without zero at %v", all, zero)
		}
	})
}

func TestDecades(t *testing.T) {
	if d := cmp.Diff([]float64{1, 10, 100, 1000}, decades(0.4, 1500)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]float64{1, 10}, decades(1, 10)); d != "" {
		t.Error(d)
	}
}

func TestBinWidth(t *testing.T) {
	for _, c := range []struct {
		span   time.Duration
		pixels float64
		want   time.Duration
	}{
		{8 * time.Second, 700, 100 * time.Millisecond}, {90 * time.Second, 700, 100 * time.Millisecond},
		{180 * time.Second, 700, 200 * time.Millisecond}, {90 * time.Second, 310, 500 * time.Millisecond}, {24 * time.Hour, 300, 100 * time.Second},
	} {
		if got := binWidth(c.span, c.pixels); got != c.want {
			t.Errorf("binWidth(%v, %v) = %v, want %v", c.span, c.pixels, got, c.want)
		}
	}
}
