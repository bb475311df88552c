package load

import (
	"testing"
	"time"

	"scaleup/internal/drill/record"
)

func TestTallyLastSecond(t *testing.T) {
	const ms = time.Millisecond
	var tl tally
	for at := time.Duration(0); at < 3*time.Second; at += 10 * ms {
		tl.add(record.OK, at)
	}
	tl.add(record.Failed, 3*time.Second) // a gap of almost a second follows
	for _, c := range []struct {
		now        time.Duration
		ok, failed int
	}{
		{3000 * ms, 100, 0}, // a tick that has just begun counts later
		{3100 * ms, 90, 1},
		{3950 * ms, 10, 1},
		{4000 * ms, 0, 1},
		{4100 * ms, 0, 0},
		{time.Hour, 0, 0},
	} {
		l := tl.live(c.now)
		if l.LastSecond[record.OK] != c.ok || l.LastSecond[record.Failed] != c.failed || l.LastSecond.Sum() != c.ok+c.failed {
			t.Errorf("at %v: %v, want %d ok and %d failed", c.now, l.LastSecond, c.ok, c.failed)
		}
		if l.Total[record.OK] != 300 || l.Total.Sum() != 301 {
			t.Errorf("at %v: total %v", c.now, l.Total)
		}
	}
}
