package report

import (
	"math"
	"time"

	"scaleup/internal/drill/measure"
)

// scale maps values to pixels.
type scale struct {
	from, to float64 // values
	a, b     float64 // their pixels
	log      bool
}

func (s scale) at(v float64) float64 {
	from, to := s.from, s.to
	if s.log {
		v, from, to = math.Log10(max(v, s.from/10)), math.Log10(from), math.Log10(to)
	}
	if to == from {
		return s.a
	}
	return s.a + (v-from)/(to-from)*(s.b-s.a)
}

// clamped is at, kept within the scale.
func (s scale) clamped(v float64) float64 { return s.at(min(max(v, s.from), s.to)) }

// moment is the pixel of a time on a scale of seconds.
func (s scale) moment(d time.Duration) float64 { return s.clamped(d.Seconds()) }

// niceStep is the smallest of 1, 2 and 5 times a power of ten with which span has
// at most n steps.
func niceStep(span float64, n int) float64 {
	if span <= 0 || n < 1 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(span/float64(n))))
	for _, m := range []float64{1, 2, 5} {
		if span/(m*power) <= float64(n)*(1+1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// ticks are the round moments from zero in a part of a trial, at most n of them
// and one more.
func ticks(from, to, zero time.Duration, n int) []time.Duration {
	step := time.Duration(niceStep((to-from).Seconds(), n) * float64(time.Second))
	if step <= 0 {
		return nil
	}
	var all []time.Duration
	first := (from - zero) / step
	for i := first - 1; i*step+zero <= to; i++ {
		if at := i*step + zero; at >= from {
			all = append(all, at)
		}
	}
	return all
}

// decades are the powers of ten in a range, both ends included.
func decades(from, to float64) []float64 {
	var all []float64
	for e := math.Ceil(math.Log10(from) - 1e-9); e <= math.Log10(to)+1e-9; e++ {
		all = append(all, math.Pow(10, e))
	}
	return all
}

// binWidth is how long a column of the timeline lasts: 100 ms, or the shortest
// round multiple that is not narrower than a column can be seen.
func binWidth(span time.Duration, pixels float64) time.Duration {
	const narrowest = 0.75 // pixels
	for _, m := range []time.Duration{1, 2, 5, 10, 20, 50, 100, 200, 500} {
		if w := m * measure.Bin; pixels*w.Seconds() >= narrowest*span.Seconds() {
			return w
		}
	}
	return 1000 * measure.Bin
}
