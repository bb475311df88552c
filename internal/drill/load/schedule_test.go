package load

import (
	"testing"
	"time"

	"scaleup/internal/drill/record"
)

type due struct {
	at     time.Duration
	stream int
}

func dues(streams []Stream, seed uint64, n int) []due {
	s := newSchedule(streams, seed)
	var all []due
	for range n {
		at, stream, ok := s.next()
		if !ok {
			break
		}
		all = append(all, due{at, stream})
	}
	return all
}

func TestScheduleBySeed(t *testing.T) {
	streams := []Stream{{Class: record.Page, Rate: 10}, {Class: record.Page, Rate: 10}, {Class: record.API, Rate: 7}}
	first, again, other := dues(streams, 1, 100), dues(streams, 1, 100), dues(streams, 2, 100)
	differ := 0
	for i := range first {
		if first[i] != again[i] {
			t.Fatalf("operation %d: %v and %v from one seed", i, first[i], again[i])
		}
		if first[i] != other[i] {
			differ++
		}
	}
	if differ == 0 {
		t.Error("another seed makes the same schedule")
	}
}

// An hour has its exact number of operations: nothing adds up.
func TestScheduleDoesNotDrift(t *testing.T) {
	const rate, hour = 70.0 / 3, 3600 // a period that no duration can hold
	s := newSchedule([]Stream{{Class: record.Page, Rate: rate}}, 1)
	first, _, _ := s.next()
	var last time.Duration
	for range int(rate * hour) {
		last, _, _ = s.next()
	}
	if off := last - first - time.Hour; off.Abs() > time.Microsecond {
		t.Errorf("after an hour of %v per second, operations are %v off", rate, off)
	}
}

func TestBrake(t *testing.T) {
	const ms = time.Millisecond
	b := newBrake(25) // one in 10 ms when it catches up
	for _, c := range []struct {
		name     string
		due, now time.Duration
		want     time.Duration
	}{
		{name: "on time", due: 100 * ms, now: 100 * ms},
		{name: "a busy computer", due: 100 * ms, now: 199 * ms},
		{name: "the first after a stall", due: 100 * ms, now: 2000 * ms, want: -catchUpBurst},
		{name: "the second, at once", due: 140 * ms, now: 2000 * ms},
		{name: "the third waits", due: 180 * ms, now: 2000 * ms, want: 10 * ms},
		{name: "the fourth, after an inexact wait", due: 220 * ms, now: 2025 * ms, want: -5 * ms},
		{name: "another stall saves nothing up", due: 260 * ms, now: 9000 * ms, want: -catchUpBurst},
		{name: "on time again", due: 9000 * ms, now: 9000 * ms},
	} {
		if got := b.pause(c.due, c.now); got != c.want {
			t.Errorf("%s: pause %v, want %v", c.name, got, c.want)
		}
	}
}
