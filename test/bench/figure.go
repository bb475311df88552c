package main

import (
	"fmt"
	"slices"
)

// figure is one thing measured several times.
type figure struct {
	what      string
	unit      unit
	samples   []float64
	target    target
	yardstick string // what others need, or what was measured by hand before
}

// unit decides how a value is written.
type unit string

const (
	seconds      unit = "s"
	milliseconds unit = "ms"
	mebibytes    unit = "MiB"
	megabytes    unit = "MB"
	perSecond    unit = "req/s"
	transactions unit = "tx/s"
	ratio        unit = "×"
	plain        unit = ""
)

// target is the limit a median must keep; the zero target is none.
type target struct {
	value float64
	least bool // the median must be at least value, not at most
}

func atMost(v float64) target  { return target{value: v} }
func atLeast(v float64) target { return target{value: v, least: true} }

func (t target) none() bool { return t == target{} }

func (t target) met(v float64) bool {
	if t.least {
		return v >= t.value
	}
	return v <= t.value
}

// median is the middle value, or the mean of the two in the middle.
func median(samples []float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// ratios divides sample by sample: both sides of a pair had the same minute of
// the computer's life.
func ratios(above, below []float64) []float64 {
	var all []float64
	for i := range min(len(above), len(below)) {
		if below[i] > 0 {
			all = append(all, above[i]/below[i])
		}
	}
	return all
}

func (u unit) format(v float64) string {
	number := fmt.Sprintf("%.2f", v)
	switch {
	case u == plain || v >= 100:
		number = fmt.Sprintf("%.0f", v)
	case v >= 10 && u != ratio:
		number = fmt.Sprintf("%.1f", v)
	}
	if u == plain {
		return number
	}
	return number + " " + string(u)
}

// span is the least and the greatest sample, or nothing when they are the same.
func (f figure) span() string {
	if len(f.samples) < 2 {
		return ""
	}
	low, high := f.unit.format(slices.Min(f.samples)), f.unit.format(slices.Max(f.samples))
	if low == high {
		return low
	}
	return low + " – " + high
}

func (f figure) targetText() string {
	switch {
	case f.target.none():
		return ""
	case f.target.least:
		return "≥ " + f.unit.format(f.target.value)
	default:
		return "≤ " + f.unit.format(f.target.value)
	}
}

// verdict is yes or no where there is a target.
func (f figure) verdict() string {
	switch {
	case f.target.none():
		return ""
	case f.target.met(median(f.samples)):
		return "yes"
	default:
		return "NO"
	}
}
