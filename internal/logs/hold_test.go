package logs

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHold(t *testing.T) {
	const delay = 300 * time.Millisecond
	type step struct {
		after time.Duration // of this computer's clock
		do    func(h *hold, now time.Time)
		want  []string // what is ready then
	}
	add := func(server string, ms int) func(*hold, time.Time) {
		return func(h *hold, now time.Time) { h.add(at(server, ms), now) }
	}
	spoke := func(server string, ms int) func(*hold, time.Time) {
		return func(h *hold, _ time.Time) { h.spoke(server, at(server, ms).Time) }
	}
	lost := func(server string) func(*hold, time.Time) {
		return func(h *hold, _ time.Time) { h.lost(server) }
	}
	wait := func(*hold, time.Time) {}
	for name, steps := range map[string][]step{
		"shown once all have spoken of its time": {
			{0, spoke("a", 0), nil}, {0, spoke("b", 0), nil},
			{0, add("a", 10), nil}, {0, add("b", 20), []string{"a10"}}, {0, spoke("a", 19), nil}, {0, spoke("a", 20), []string{"b20"}},
		},
		"put into order": {
			{0, spoke("a", 0), nil}, {0, spoke("b", 0), nil},
			{0, add("a", 50), nil}, {0, add("b", 20), []string{"b20"}}, {0, add("b", 60), []string{"a50"}}, {0, add("a", 55), []string{"a55"}},
		},
		"equal times come as they arrive": {
			{0, spoke("a", 0), nil}, {0, spoke("b", 0), nil},
			{0, add("b", 10), nil}, {0, add("a", 10), []string{"b10", "a10"}},
		},
		"a silent stream keeps nothing back for longer than the delay": {
			{0, spoke("a", 0), nil}, {0, spoke("b", 0), nil},
			{0, add("a", 10), nil}, {delay - 1, wait, nil}, {1, wait, []string{"a10"}},
		},
		"what is due takes with it what is earlier": {
			{0, spoke("a", 0), nil}, {0, spoke("b", 0), nil}, {0, spoke("c", 0), nil},
			{0, add("a", 50), nil}, {delay / 2, add("b", 20), nil}, {delay / 2, wait, []string{"b20", "a50"}},
		},
		"a late one is shown all the same": {
			{0, spoke("a", 100), nil}, {0, add("a", 110), []string{"a110"}}, {0, add("a", 5), []string{"a5"}},
		},
		"nobody waits for a lost one": {
			{0, spoke("a", 0), nil}, {0, spoke("b", 0), nil}, {0, add("a", 10), nil}, {0, lost("b"), []string{"a10"}},
		},
		"a clock that goes back": {
			{0, spoke("a", 100), nil}, {0, spoke("a", 50), nil}, {0, add("a", 60), []string{"a60"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, now := newHold(delay), time.Unix(0, 0)
			for i, s := range steps {
				now = now.Add(s.after)
				s.do(h, now)
				if diff := cmp.Diff(s.want, short(h.ready(now))); diff != "" {
					t.Errorf("step %d: %s", i, diff)
				}
			}
		})
	}
}

func TestHoldDue(t *testing.T) {
	h, now := newHold(time.Second), time.Unix(100, 0)
	if _, any := h.due(); any {
		t.Error("something is due of nothing")
	}
	h.spoke("a", base)
	h.spoke("b", base)
	h.add(at("a", 10), now)
	h.add(at("b", 5), now.Add(time.Millisecond))
	if due, any := h.due(); !any || !due.Equal(now.Add(time.Second)) {
		t.Errorf("due at %v (%v), want a second after the first came", due, any)
	}
}
