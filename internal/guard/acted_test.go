package guard

import (
	"testing"
	"time"
)

// TestHearActing: that another guard has acted counts from when it was heard, whatever
// the clocks say and whatever that guard remembers later.
func TestHearActing(t *testing.T) {
	told := func(acted time.Time) Answer { return Answer{Record: Record{Acted: acted}} }
	const ago = 20 * time.Second
	for _, c := range []struct {
		name    string
		answers []time.Time // what the peer has told, oldest first, 10 s apart; the last one now
		want    time.Duration
	}{
		{"never acted", []time.Time{{}, {}, {}}, -1},
		{"acted, by a right clock", []time.Time{{}, testNow.Add(-ago), testNow.Add(-ago)}, 10 * time.Second},
		{"acted, by a clock that is an hour behind", []time.Time{{}, testNow.Add(-time.Hour), testNow.Add(-time.Hour)}, 10 * time.Second},
		{"acted, by a clock that is a day ahead", []time.Time{{}, {}, testNow.Add(24 * time.Hour)}, 0},
		{"has forgotten it", []time.Time{{}, testNow.Add(-ago), {}}, 10 * time.Second},
		{"acted before it was first heard", []time.Time{testNow.Add(-ago), testNow.Add(-ago)}, ago},
	} {
		v := View{Peers: map[string]Peer{}}
		for i, acted := range c.answers {
			at := testNow.Add(-10 * time.Second * time.Duration(len(c.answers)-1-i))
			v.hearActing(v.Peers["db2"], told(acted), at)
			v.Peers["db2"] = Peer{Asked: at, Answer: told(acted)}
		}
		want := time.Time{}
		if c.want >= 0 {
			want = testNow.Add(-c.want)
		}
		if got := v.lastActed(testNow); !got.Equal(want) {
			t.Errorf("%s: last acted %v, want %v", c.name, got, want)
		}
	}
}
