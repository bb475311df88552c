package main

import (
	"testing"
	"time"
)

func TestMoved(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond) }
	for _, c := range []struct {
		name  string
		acked []written
		want  time.Duration
		ok    bool
	}{
		{"nothing was written", nil, 0, false},
		{"one server only, with a pause", []written{{1, at(0)}, {1, at(5000)}}, 0, false},
		{"the next one", []written{{1, at(0)}, {1, at(10)}, {2, at(6010)}, {2, at(6020)}}, 6 * time.Second, true},
		{"it counts the first move", []written{{1, at(0)}, {2, at(30)}, {1, at(5000)}}, 30 * time.Millisecond, true},
		{"a pause before the move is not part of it", []written{{1, at(0)}, {1, at(4000)}, {3, at(4100)}}, 100 * time.Millisecond, true},
	} {
		if got, ok := moved(c.acked); got != c.want || ok != c.ok {
			t.Errorf("%s: %s %t, want %s %t", c.name, got, ok, c.want, c.ok)
		}
	}
}
